//! Counts per second of wall clock.

/// One entry keeps at most this many different seconds (a day); the oldest eighth goes when it is exceeded.
const MOST_SECONDS: usize = 86_400;

/// `{unix second: count}`, sorted, 8 bytes for each second in which something happened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seconds {
    items: Vec<(u32, u32)>,
}

impl Seconds {
    /// Adds `count` to `second`; `true` when the second is new.
    #[inline]
    pub fn add(&mut self, second: i64, count: u64) -> bool {
        let second = second.clamp(0, i64::from(u32::MAX)) as u32;
        let count = count.min(u64::from(u32::MAX)) as u32;
        if let Some(last) = self.items.last_mut()
            && last.0 == second
        {
            last.1 = last.1.saturating_add(count);
            return false;
        }
        self.insert(second, count)
    }

    #[cold]
    fn insert(&mut self, second: u32, count: u32) -> bool {
        match self.items.binary_search_by_key(&second, |&(s, _)| s) {
            Ok(at) => {
                self.items[at].1 = self.items[at].1.saturating_add(count);
                false
            }
            Err(at) => {
                if self.items.len() >= MOST_SECONDS {
                    self.items.drain(..MOST_SECONDS / 8);
                    return self.insert(second, count);
                }
                self.items.insert(at, (second, count));
                true
            }
        }
    }

    /// Sum over the seconds `from..until`.
    pub fn sum(&self, from: i64, until: i64) -> u64 {
        let start = self.items.partition_point(|&(second, _)| i64::from(second) < from);
        self.items[start..]
            .iter()
            .take_while(|&&(second, _)| i64::from(second) < until)
            .map(|&(_, count)| u64::from(count))
            .sum()
    }

    /// (second, count), oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.items.iter().map(|&(second, count)| (i64::from(second), u64::from(count)))
    }

    /// Number of seconds kept.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (second, count) in other.iter() {
            self.add(second, count);
        }
    }

    /// Forgets the older half, but keeps at least `keep` seconds. Returns how many went.
    pub(crate) fn forget_half(&mut self, keep: usize) -> usize {
        let drop = (self.items.len() / 2).min(self.items.len().saturating_sub(keep));
        self.items.drain(..drop);
        self.items.shrink_to(self.items.len() * 2);
        drop
    }

    /// Bytes on the heap, without the allocator's own.
    pub fn heap_bytes(&self) -> usize {
        self.items.capacity() * 8
    }
}

impl FromIterator<(i64, u64)> for Seconds {
    fn from_iter<I: IntoIterator<Item = (i64, u64)>>(iter: I) -> Self {
        let mut seconds = Self::default();
        for (second, count) in iter {
            seconds.add(second, count);
        }
        seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_a_range_and_tolerates_a_clock_that_goes_back() {
        let mut seconds = Seconds::default();
        for second in [100, 100, 101, 104, 102, 101] {
            seconds.add(second, 1);
        }
        assert_eq!(seconds.iter().collect::<Vec<_>>(), [(100, 2), (101, 2), (102, 1), (104, 1)]);
        assert_eq!(seconds.sum(101, 104), 3);
        assert_eq!(seconds.sum(-5, 1_000), 6);
        assert_eq!(seconds.sum(104, 104), 0);
    }

    #[test]
    fn keeps_a_day_at_most() {
        let mut seconds = Seconds::default();
        for second in 0..100_000 {
            seconds.add(second, 1);
        }
        assert!(seconds.len() <= MOST_SECONDS);
        assert_eq!(seconds.iter().last(), Some((99_999, 1)));
        assert_eq!(seconds.sum(25_000, 100_000), 75_000);
    }

    #[test]
    fn forgetting_keeps_the_newest() {
        let mut seconds: Seconds = (0..1_000).map(|second| (second, 1)).collect();
        assert_eq!(seconds.forget_half(64), 500);
        assert_eq!(seconds.iter().next(), Some((500, 1)));
        let mut few: Seconds = (0..70).map(|second| (second, 1)).collect();
        assert_eq!(few.forget_half(64), 6);
    }
}
