//! How many users of each class every worker should run.

/// Target counts per worker and class, and the order in which the users were added (the last is the first to go).
///
/// Workers and classes are indices; who they are is the dispatcher's business.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    classes: usize,
    /// One row of `classes` counts for each worker.
    counts: Vec<u32>,
    /// Totals over the workers.
    by_class: Vec<usize>,
    /// `(worker, class)` of every user, in the order they were added.
    users: Vec<(u32, u32)>,
}

impl Plan {
    /// A plan without users.
    pub fn new(workers: usize, classes: usize) -> Self {
        Self { classes, counts: vec![0; workers * classes], by_class: vec![0; classes], users: Vec::new() }
    }

    /// The number of users.
    pub fn total(&self) -> usize {
        self.users.len()
    }

    /// The number of classes there is room for.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The number of users of a class on all workers.
    pub fn of_class(&self, class: usize) -> usize {
        self.by_class.get(class).copied().unwrap_or(0)
    }

    /// All counts: one row for each worker, each row by class.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// The counts of one worker, by class.
    pub fn row(&self, worker: usize) -> &[u32] {
        &self.counts[worker * self.classes..][..self.classes]
    }

    /// `(worker, class)` of every user, in the order they were added.
    pub fn users(&self) -> impl ExactSizeIterator<Item = (usize, usize)> + '_ {
        self.users.iter().map(|(worker, class)| (*worker as usize, *class as usize))
    }

    /// Adds a user.
    pub fn push(&mut self, worker: usize, class: usize) {
        self.counts[worker * self.classes + class] += 1;
        self.by_class[class] += 1;
        self.users.push((worker as u32, class as u32));
    }

    /// Takes away the user added last.
    pub fn pop(&mut self) -> Option<(usize, usize)> {
        let (worker, class) = self.users.pop()?;
        let (worker, class) = (worker as usize, class as usize);
        self.counts[worker * self.classes + class] -= 1;
        self.by_class[class] -= 1;
        Some((worker, class))
    }

    /// Makes room for more classes.
    pub fn widen(&mut self, classes: usize) {
        if classes <= self.classes {
            return;
        }
        if let Some(workers) = self.counts.len().checked_div(self.classes) {
            let mut counts = vec![0; workers * classes];
            for worker in 0..workers {
                counts[worker * classes..][..self.classes].copy_from_slice(self.row(worker));
            }
            self.counts = counts;
        }
        self.by_class.resize(classes, 0);
        self.classes = classes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_added_last_goes_first() {
        let mut plan = Plan::new(2, 2);
        plan.push(0, 1);
        plan.push(1, 0);
        plan.push(0, 1);
        assert_eq!((plan.row(0), plan.row(1)), (&[0, 2][..], &[1, 0][..]));
        assert_eq!((plan.total(), plan.of_class(1)), (3, 2));
        assert_eq!(plan.pop(), Some((0, 1)));
        assert_eq!(plan.pop(), Some((1, 0)));
        assert_eq!(plan.users().collect::<Vec<_>>(), vec![(0, 1)]);
        assert_eq!(plan.pop(), Some((0, 1)));
        assert_eq!(plan.pop(), None);
        assert_eq!(plan, Plan::new(2, 2));
    }

    #[test]
    fn widening_keeps_the_counts() {
        let mut plan = Plan::new(2, 1);
        plan.push(0, 0);
        plan.push(1, 0);
        plan.widen(3);
        plan.push(1, 2);
        assert_eq!((plan.row(0), plan.row(1)), (&[1, 0, 0][..], &[1, 0, 1][..]));
        assert_eq!(plan.of_class(2), 1);
    }
}
