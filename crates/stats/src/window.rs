//! Copies of the bucket counts, a second apart: what "current" percentiles are computed from.

use crate::bucket::{Buckets, percentile_of};
use std::collections::VecDeque;

/// Current percentiles look back about this many seconds.
pub const DEFAULT_WINDOW_SECONDS: u32 = 10;
/// How far from the wanted age a copy may be, in seconds.
const TOLERANCE: i64 = 8;
/// Copies are kept this much longer than the window is, in seconds.
const MARGIN: usize = 10;

/// The bucket counts as they stood at one second.
#[derive(Debug, Clone)]
pub struct CachedTimes {
    /// Unix second.
    pub second: i64,
    /// Requests until then.
    pub num_requests: i64,
    /// Requests without a response time until then.
    pub num_none_requests: i64,
    counts: Counts,
}

#[derive(Debug, Clone)]
enum Counts {
    /// In the order of the entry's bucket keys (which are only ever appended), as many as there were.
    Aligned(Box<[u64]>),
    Explicit(Box<Buckets>),
}

impl CachedTimes {
    /// A copy made by hand.
    pub fn new(second: i64, times: Buckets, num_requests: i64, num_none_requests: i64) -> Self {
        Self { second, num_requests, num_none_requests, counts: Counts::Explicit(Box::new(times)) }
    }

    /// The counts, given the present buckets of the same entry.
    pub fn times(&self, present: &Buckets) -> Buckets {
        match &self.counts {
            Counts::Explicit(times) => (**times).clone(),
            Counts::Aligned(counts) => {
                present.keys().iter().copied().zip(counts.iter().copied()).filter(|&(_, n)| n > 0).collect()
            }
        }
    }

    /// (bucket, new samples since) of the present buckets, largest bucket first, without zeros.
    fn since(&self, present: &Buckets) -> Vec<(i64, i64)> {
        let mut diff: Vec<(i64, i64)> = match &self.counts {
            Counts::Aligned(old) => present
                .iter()
                .enumerate()
                .map(|(position, (key, now))| (key, now as i64 - old.get(position).map_or(0, |&n| n as i64)))
                .collect(),
            Counts::Explicit(old) => {
                present.iter().map(|(key, now)| (key, now as i64 - old.get(key) as i64)).collect()
            }
        };
        diff.retain(|&(_, count)| count != 0);
        diff.sort_unstable_by_key(|&(key, _)| std::cmp::Reverse(key));
        diff
    }
}

/// The copies of the last seconds, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Window {
    copies: VecDeque<CachedTimes>,
}

impl Window {
    /// Keeps a copy of `times` under `second`; drops the oldest beyond `window` + 10.
    pub fn store(&mut self, second: i64, times: &Buckets, requests: i64, none_requests: i64, window: u32) {
        let copy = CachedTimes {
            second,
            num_requests: requests,
            num_none_requests: none_requests,
            counts: Counts::Aligned(times.counts().into()),
        };
        self.insert(copy);
        while self.copies.len() > window as usize + MARGIN {
            self.copies.pop_front();
        }
    }

    /// Adds or replaces one copy, without dropping others.
    pub fn insert(&mut self, copy: CachedTimes) {
        match self.copies.iter_mut().rev().find(|old| old.second == copy.second) {
            Some(old) => *old = copy,
            None => self.copies.push_back(copy),
        }
    }

    /// All copies, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &CachedTimes> {
        self.copies.iter()
    }

    /// Number of copies.
    pub fn len(&self) -> usize {
        self.copies.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.copies.is_empty()
    }

    /// To be called before the entry's buckets are replaced as a whole: copies must not depend on their order any more.
    pub(crate) fn detach(&mut self, present: &Buckets) {
        for copy in &mut self.copies {
            if matches!(copy.counts, Counts::Aligned(_)) {
                copy.counts = Counts::Explicit(Box::new(copy.times(present)));
            }
        }
    }

    /// The copy nearest to `window` seconds before `now`: that age first, then one second older, one younger, and so on.
    pub fn about(&self, now: i64, window: u32) -> Option<&CachedTimes> {
        let wanted = now - i64::from(window);
        let nearest = |copy: &&CachedTimes| {
            let distance = (copy.second - wanted).abs();
            (distance, copy.second > wanted)
        };
        self.copies.iter().filter(|copy| (copy.second - wanted).abs() <= TOLERANCE).min_by_key(nearest)
    }

    /// What was added since about `window` seconds before `now`: (bucket, count) largest bucket first, and the number of
    /// timed requests.
    pub fn recent(
        &self,
        now: i64,
        window: u32,
        present: &Buckets,
        timed: i64,
    ) -> Option<(Vec<(i64, i64)>, i64)> {
        let copy = self.about(now, window)?;
        Some((copy.since(present), timed - (copy.num_requests - copy.num_none_requests)))
    }

    /// Percentile over what [`Self::recent`] gives.
    pub fn percentile(
        &self,
        now: i64,
        window: u32,
        present: &Buckets,
        timed: i64,
        fraction: f64,
    ) -> Option<i64> {
        let (times, timed) = self.recent(now, window, present, timed)?;
        Some(percentile_of(&times, timed, fraction))
    }

    /// Bytes on the heap, without the allocator's own.
    pub fn heap_bytes(&self) -> usize {
        let counts: usize = self
            .copies
            .iter()
            .map(|copy| match &copy.counts {
                Counts::Aligned(counts) => counts.len() * 8,
                Counts::Explicit(times) => size_of::<Buckets>() + times.heap_bytes(),
            })
            .sum();
        self.copies.capacity() * size_of::<CachedTimes>() + counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window_of(seconds: &[i64]) -> Window {
        let mut window = Window::default();
        for &second in seconds {
            window.insert(CachedTimes::new(second, Buckets::default(), second, 0));
        }
        window
    }

    #[test]
    fn prefers_the_exact_age_then_the_older_neighbour() {
        let at = |seconds: &[i64]| window_of(seconds).about(1_000, 10).map(|copy| copy.second);
        assert_eq!(at(&[989, 990, 991]), Some(990));
        assert_eq!(at(&[991, 989]), Some(989));
        assert_eq!(at(&[992, 985]), Some(992));
        assert_eq!(at(&[982]), Some(982));
        assert_eq!(at(&[998]), Some(998));
        assert_eq!(at(&[981, 999]), None);
    }

    #[test]
    fn keeps_twenty_copies_and_replaces_a_second_in_place() {
        let mut window = Window::default();
        let times = Buckets::default();
        for second in 0..100 {
            window.store(second, &times, second, 0, 10);
            window.store(second, &times, second + 1, 0, 10);
        }
        assert_eq!(window.len(), 20);
        assert_eq!(window.iter().map(|copy| copy.second).next(), Some(80));
        assert_eq!(window.iter().last().map(|copy| copy.num_requests), Some(100));
    }

    #[test]
    fn copies_survive_a_replacement_of_the_buckets() {
        let mut times: Buckets = [(10, 1), (20, 2)].into_iter().collect();
        let mut window = Window::default();
        window.store(90, &times, 3, 0, 10);
        times.add(30, 4);
        let before = window.recent(100, 10, &times, 7).unwrap();
        assert_eq!(before, (vec![(30, 4)], 4));
        window.detach(&times);
        times = [(30, 4), (20, 2), (10, 1)].into_iter().collect();
        assert_eq!(window.recent(100, 10, &times, 7).unwrap(), before);
        assert_eq!(window.percentile(100, 10, &times, 7, 0.5), Some(30));
    }
}
