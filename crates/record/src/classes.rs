//! How many users of each class ran, whenever that changed.

use std::collections::BTreeMap;

use crate::dto::ClassUsers;

/// Changes that are kept; of more, every other one.
const MOST: usize = 2_000;

/// The users of each class in the course of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClassCourse(ClassUsers);

impl ClassCourse {
    /// What was kept of it.
    pub(crate) fn from_told(told: ClassUsers) -> Self {
        let mut course = Self::default();
        course.follow(&told);
        course
    }

    /// All of it.
    pub(crate) fn told(&self) -> &ClassUsers {
        &self.0
    }

    /// The newest change, unix seconds.
    pub(crate) fn newest(&self) -> f64 {
        self.0.at.last().copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// From the second that begins at that moment on, so many run.
    pub(crate) fn note(&mut self, at: f64, counts: &BTreeMap<String, u64>) {
        let all = &mut self.0;
        let same = counts.iter().all(|(class, &count)| now(all, class) == count)
            && all.classes.iter().all(|class| counts.contains_key(class) || now(all, class) == 0);
        if at < self.newest() || (same && !self.0.at.is_empty()) {
            return;
        }
        if at > self.newest() {
            self.0.at.push(at);
            self.0.users.iter_mut().for_each(|column| column.push(0));
        }
        let all = &mut self.0;
        for class in counts.keys() {
            // By name, so that whoever follows has them in the same order.
            if let Err(place) = all.classes.binary_search(class) {
                all.classes.insert(place, class.clone());
                all.users.insert(place, vec![0; all.at.len()]);
            }
        }
        for (class, column) in all.classes.iter().zip(&mut all.users) {
            if let Some(last) = column.last_mut() {
                *last = counts.get(class).copied().unwrap_or_default();
            }
        }
        if all.at.len() > MOST {
            self.coarsen();
        }
    }

    /// Every other change is forgotten, but neither the first nor the newest.
    fn coarsen(&mut self) {
        let last = self.0.at.len() - 1;
        let kept = |index: usize| index.is_multiple_of(2) || index == last;
        let mut index = 0..;
        self.0.at.retain(|_| kept(index.next().unwrap_or_default()));
        for column in &mut self.0.users {
            let mut index = 0..;
            column.retain(|_| kept(index.next().unwrap_or_default()));
        }
    }

    /// What somebody needs who has it up to that change: for [`Self::follow`]. The newest may have changed since.
    pub(crate) fn since(&self, newest: f64) -> ClassUsers {
        let from = self.0.at.partition_point(|&at| at < newest);
        ClassUsers {
            at: self.0.at[from..].to_vec(),
            classes: self.0.classes.clone(),
            users: self.0.users.iter().map(|column| column[from..].to_vec()).collect(),
        }
    }

    /// Takes in what [`Self::since`] gave, as far as it is such.
    pub(crate) fn follow(&mut self, tail: &ClassUsers) {
        for (index, &at) in tail.at.iter().enumerate() {
            let counts = tail.classes.iter().zip(&tail.users);
            let counts = counts.filter_map(|(class, column)| Some((class.clone(), *column.get(index)?)));
            self.note(at, &counts.collect());
        }
    }
}

/// How many of a class there are now.
fn now(all: &ClassUsers, class: &str) -> u64 {
    let found = all.classes.iter().position(|known| known == class);
    found.and_then(|index| all.users.get(index)?.last().copied()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(all: &[(&str, u64)]) -> BTreeMap<String, u64> {
        all.iter().map(|&(class, count)| (class.to_owned(), count)).collect()
    }

    /// How many of a class there were in a second.
    fn at(course: &ClassCourse, second: f64, class: &str) -> u64 {
        let all = course.told();
        let Some(index) = all.at.partition_point(|&at| at <= second).checked_sub(1) else { return 0 };
        let column = all.classes.iter().position(|known| known == class).map(|place| &all.users[place]);
        column.map_or(0, |column| column[index])
    }

    #[test]
    fn only_changes_are_kept() {
        let mut course = ClassCourse::default();
        course.note(10.0, &counts(&[("A", 1)]));
        course.note(11.0, &counts(&[("A", 1)]));
        course.note(12.0, &counts(&[("A", 1), ("B", 2)]));
        course.note(13.0, &counts(&[("B", 2)]));
        course.note(13.0, &counts(&[("B", 3)]));
        let told = course.told();
        assert_eq!((&*told.at, told.users.len()), (&[10.0, 12.0, 13.0][..], 2));
        assert_eq!(told.users, [[1, 1, 0], [0, 2, 3]]);
    }

    #[test]
    fn a_long_ramp_stays_small_and_ends_where_it_ended() {
        let mut course = ClassCourse::default();
        for second in 0..10_000_u32 {
            course.note(f64::from(second), &counts(&[("A", second.into())]));
        }
        assert!(course.told().at.len() <= MOST);
        assert_eq!((at(&course, 0.0, "A"), at(&course, 9_999.0, "A")), (0, 9_999));
    }

    proptest! {
        #[test]
        fn whoever_follows_knows_the_same(steps in prop::collection::vec((0_u8..3, 0_u64..4, 0_u64..4, any::<bool>()), 0..60)) {
            let (mut course, mut followed) = (ClassCourse::default(), ClassCourse::default());
            let (mut second, mut newest) = (100.0, f64::NEG_INFINITY);
            let mut expected: Vec<(f64, u64, u64)> = Vec::new();
            for (pause, a, b, looks) in steps {
                second += f64::from(pause);
                course.note(second, &counts(&[("A", a), ("B", b)]));
                expected.retain(|&(at, ..)| at < second);
                expected.push((second, a, b));
                if looks {
                    followed.follow(&course.since(newest));
                    newest = course.newest();
                }
            }
            followed.follow(&course.since(newest));
            for (second, a, b) in expected {
                for course in [&course, &followed, &ClassCourse::from_told(course.told().clone())] {
                    prop_assert_eq!((at(course, second, "A"), at(course, second, "B")), (a, b));
                }
            }
        }
    }
}
