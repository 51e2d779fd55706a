//! Locust's rounded response times.

use std::collections::BTreeMap;

/// Up to this many different keys a linear search beats a table (and costs no memory).
const LINEAR: usize = 8;
/// Locust's keys up to this one (in ms) are found by table, larger and foreign ones by search.
const TABLE_LIMIT: i64 = 100_000;

/// Rounds a response time in milliseconds as Locust does: below 100 to 1, below 1,000 to 10, below 10,000 to 100, else to
/// 1,000; ties go to the even multiple, judged on the exact value. Values that are not finite give 0.
#[inline]
pub fn bucket_response_time(ms: f64) -> i64 {
    if ms < 0.0 {
        // Only a clock that jumped gives these; Python rounds them to the nearest integer.
        return round_half_even(-ms, 1).saturating_neg();
    }
    if ms < 100.0 {
        round_half_even(ms, 1)
    } else if ms < 1_000.0 {
        round_half_even(ms, 10)
    } else if ms < 10_000.0 {
        round_half_even(ms, 100)
    } else {
        round_half_even(ms, 1_000)
    }
}

/// Nearest multiple of `step` to a non-negative value, without going through a division that could round by itself.
#[inline]
fn round_half_even(value: f64, step: u64) -> i64 {
    if !value.is_finite() {
        return 0;
    }
    // No further than keys go: what lies beyond would run over below.
    let whole = (value as u64).min(i64::MAX as u64);
    let fraction = (value - whole as f64).min(1.0);
    let (quotient, rest) = (whole / step, whole % step);
    // Twice the distance above the lower multiple, against one step.
    let distance = 2.0 * (rest as f64 + fraction);
    let step_f = step as f64;
    let up = distance > step_f || (distance == step_f && quotient % 2 == 1);
    ((quotient + u64::from(up)) * step).min(i64::MAX as u64) as i64
}

/// Position of one of Locust's keys in the table, `None` for any other key.
#[inline]
fn table_index(key: i64) -> Option<usize> {
    match key {
        0..=100 => Some(key as usize),
        101..=1_000 if key % 10 == 0 => Some(90 + (key / 10) as usize),
        1_001..=10_000 if key % 100 == 0 => Some(180 + (key / 100) as usize),
        10_001..=TABLE_LIMIT if key % 1_000 == 0 => Some(270 + (key / 1_000) as usize),
        _ => None,
    }
}

/// How many requests took how many (rounded) milliseconds. Keys keep the order of their first sample, as a Python `dict`.
#[derive(Debug, Clone, Default)]
pub struct Buckets {
    keys: Vec<i64>,
    counts: Vec<u64>,
    /// `table_index` → position + 1; empty as long as a linear search does.
    table: Vec<u32>,
    /// Positions of keys without a place in the table (custom bucket functions, minutes-long responses).
    others: BTreeMap<i64, u32>,
}

impl Buckets {
    /// Adds `count` samples under `key`.
    #[inline]
    pub fn add(&mut self, key: i64, count: u64) {
        if let Some(position) = self.position(key) {
            self.counts[position] += count;
        } else {
            self.insert(key, count);
        }
    }

    #[inline]
    fn position(&self, key: i64) -> Option<usize> {
        if self.keys.len() <= LINEAR {
            return self.keys.iter().position(|&k| k == key);
        }
        match table_index(key) {
            Some(index) => self.table.get(index).filter(|&&p| p != 0).map(|&p| p as usize - 1),
            None => self.others.get(&key).map(|&p| p as usize),
        }
    }

    #[cold]
    fn insert(&mut self, key: i64, count: u64) {
        let position = self.keys.len();
        self.keys.push(key);
        self.counts.push(count);
        if position == LINEAR {
            for earlier in 0..=position {
                self.place(self.keys[earlier], earlier);
            }
        } else if position > LINEAR {
            self.place(key, position);
        }
    }

    fn place(&mut self, key: i64, position: usize) {
        match table_index(key) {
            Some(index) => {
                if self.table.len() <= index {
                    self.table.resize(index + 1, 0);
                }
                self.table[index] = position as u32 + 1;
            }
            None => {
                self.others.insert(key, position as u32);
            }
        }
    }

    /// Samples under `key`.
    pub fn get(&self, key: i64) -> u64 {
        self.position(key).map_or(0, |position| self.counts[position])
    }

    /// Whether nothing was ever added.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Number of different keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Keys in order of their first sample.
    pub fn keys(&self) -> &[i64] {
        &self.keys
    }

    /// Counts, in the order of [`Self::keys`].
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// (key, count) in order of the first sample.
    pub fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.keys.iter().copied().zip(self.counts.iter().copied())
    }

    /// (key, count), largest key first: what percentiles walk along.
    pub fn descending(&self) -> Vec<(i64, i64)> {
        let mut all: Vec<(i64, i64)> = self.iter().map(|(key, count)| (key, count as i64)).collect();
        all.sort_unstable_by_key(|&(key, _)| std::cmp::Reverse(key));
        all
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (key, count) in other.iter() {
            self.add(key, count);
        }
    }

    /// Bytes on the heap, without the allocator's own.
    pub fn heap_bytes(&self) -> usize {
        self.keys.capacity() * 8
            + self.counts.capacity() * 8
            + self.table.capacity() * 4
            + self.others.len() * 24
    }
}

impl FromIterator<(i64, u64)> for Buckets {
    fn from_iter<I: IntoIterator<Item = (i64, u64)>>(iter: I) -> Self {
        let mut buckets = Self::default();
        for (key, count) in iter {
            buckets.add(key, count);
        }
        buckets
    }
}

/// Equal as Python dicts are: the order does not matter.
impl PartialEq for Buckets {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.iter().all(|(key, count)| other.position(key).is_some_and(|p| other.counts[p] == count))
    }
}

/// Locust's percentile: `descending` are (bucket, count) pairs from the largest bucket down, `timed` the number of timed
/// requests, `fraction` within 0..=1. Zero when nothing matches.
pub fn percentile_of(descending: &[(i64, i64)], timed: i64, fraction: f64) -> i64 {
    let wanted = (timed as f64 * fraction) as i64;
    let mut seen = 0;
    for &(key, count) in descending {
        seen += count;
        if timed - seen <= wanted {
            return key;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn times_beyond_all_keys_are_the_last_key() {
        for ms in [9.3e18, 1e19, 2e19, 1e30, f64::MAX] {
            assert_eq!(bucket_response_time(ms), i64::MAX, "{ms}");
            assert_eq!(bucket_response_time(-ms), -i64::MAX, "{ms}");
        }
    }

    #[test]
    fn rounds_half_to_even_at_every_scale() {
        for (ms, bucket) in [
            (0.0, 0),
            (0.5, 0),
            (1.5, 2),
            (2.5, 2),
            (99.4, 99),
            (99.5, 100),
            (105.0, 100),
            (105.000_000_000_000_01, 110),
            (104.999_999_999_999_99, 100),
            (115.0, 120),
            (147.0, 150),
            (995.0, 1000),
            (1050.0, 1000),
            (1150.0, 1200),
            (1250.0, 1200),
            (3432.0, 3400),
            (9950.0, 10_000),
            (10_500.0, 10_000),
            (58_760.0, 59_000),
            (-0.4, 0),
            (-2.5, -2),
            (-250.0, -250),
            (f64::NAN, 0),
            (f64::INFINITY, 0),
        ] {
            assert_eq!(bucket_response_time(ms), bucket, "{ms}");
        }
    }

    #[test]
    fn percentiles_are_locusts() {
        let times: Buckets = [(10, 1), (20, 1), (30, 1), (40, 1)].into_iter().collect();
        let down = times.descending();
        for (fraction, value) in [(0.0, 10), (0.25, 20), (0.5, 30), (0.75, 40), (1.0, 40)] {
            assert_eq!(percentile_of(&down, 4, fraction), value);
        }
        assert_eq!(percentile_of(&[], 0, 0.5), 0);
    }

    proptest! {
        #[test]
        fn counts_as_a_dict_would(keys in prop::collection::vec(prop_oneof![
            (0f64..200_000.0).prop_map(bucket_response_time), -5i64..5, any::<i64>()
        ], 0..400)) {
            let mut order = Vec::new();
            let mut counts: HashMap<i64, u64> = HashMap::new();
            let mut buckets = Buckets::default();
            for &key in &keys {
                if !counts.contains_key(&key) { order.push(key); }
                *counts.entry(key).or_default() += 1;
                buckets.add(key, 1);
            }
            prop_assert_eq!(buckets.keys(), &order[..]);
            for key in order { prop_assert_eq!(buckets.get(key), counts[&key]); }
            prop_assert_eq!(buckets.counts().iter().sum::<u64>(), keys.len() as u64);
        }

        #[test]
        fn table_places_are_unique(a in 0i64..120_000, b in 0i64..120_000) {
            if a != b && let (Some(x), Some(y)) = (table_index(a), table_index(b)) { prop_assert_ne!(x, y); }
        }

        #[test]
        fn the_bucket_is_within_half_a_step(ms in 0f64..1e7) {
            let step = if ms < 100.0 { 1.0 } else if ms < 1e3 { 10.0 } else if ms < 1e4 { 100.0 } else { 1e3 };
            prop_assert!((bucket_response_time(ms) as f64 - ms).abs() <= step / 2.0);
        }
    }
}
