//! An exact histogram: three significant digits, in microseconds.

use crate::slice::slots_since;

/// Values that share one power of two are told apart in this many steps: 1/1024 is finer than three digits.
const SUB_BUCKETS: u64 = 2048;
const SUB_BUCKET_BITS: u32 = 11;
const HALF_BITS: u32 = 10;
/// Recorded values are clamped to 2^40 µs (about 12 days), which bounds the table.
pub(crate) const HIGHEST: u64 = 1 << 40;
/// As long as there are fewer different values, a sorted list is smaller than pages.
const SPARSE: usize = 48;
const PAGE: usize = 32;
const PAGE_BITS: u32 = 5;

/// Counts of values with three significant digits: every value is known to within 0.1 %, values below 2048 µs exactly.
///
/// The layout of slots is that of the HDR histogram; the storage starts as a short sorted list and turns into pages
/// when more than 48 different values were seen, so an entry with few samples costs a few bytes and one with many
/// at most 8 bytes for each different value (rounded up to pages of 32).
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    total: u64,
    storage: Storage,
}

#[derive(Debug, Clone)]
enum Storage {
    /// Sorted by slot.
    Sparse(Vec<(u32, u32)>),
    Paged(Box<Pages>),
}

impl Default for Storage {
    fn default() -> Self {
        Self::Sparse(Vec::new())
    }
}

#[derive(Debug, Clone, Default)]
struct Pages {
    /// slot / PAGE → index into `pages` + 1.
    directory: Vec<u16>,
    pages: Vec<[u64; PAGE]>,
}

impl Pages {
    #[inline]
    fn add(&mut self, slot: u32, count: u64) {
        let page = (slot >> PAGE_BITS) as usize;
        let offset = slot as usize & (PAGE - 1);
        if let Some(&index) = self.directory.get(page)
            && index != 0
        {
            self.pages[index as usize - 1][offset] += count;
        } else {
            self.add_page(page)[offset] += count;
        }
    }

    #[cold]
    fn add_page(&mut self, page: usize) -> &mut [u64; PAGE] {
        if self.directory.len() <= page {
            self.directory.resize(page + 1, 0);
        }
        self.pages.push([0; PAGE]);
        let last = self.pages.len() - 1;
        self.directory[page] = last as u16 + 1;
        &mut self.pages[last]
    }

    fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.directory.iter().enumerate().filter(|&(_, &index)| index != 0).flat_map(|(page, &index)| {
            let counts = &self.pages[index as usize - 1];
            counts.iter().enumerate().map(move |(offset, &count)| ((page * PAGE + offset) as u32, count))
        })
    }
}

/// The slot of a value in microseconds.
#[inline]
pub(crate) fn slot_of(us: u64) -> u32 {
    let us = us.min(HIGHEST);
    let shift = (us | (SUB_BUCKETS - 1)).ilog2() + 1 - SUB_BUCKET_BITS;
    (shift << HALF_BITS) + (us >> shift) as u32
}

/// The largest value that shares `slot`.
fn highest_in(slot: u32) -> u64 {
    let slot = u64::from(slot);
    if slot < SUB_BUCKETS {
        return slot;
    }
    let shift = (slot >> HALF_BITS) - 1;
    let sub_bucket = slot - (shift << HALF_BITS);
    ((sub_bucket + 1) << shift) - 1
}

/// The smallest value in `slot`.
fn lowest_in(slot: u32) -> u64 {
    if slot == 0 { 0 } else { highest_in(slot - 1) + 1 }
}

/// Milliseconds to whole microseconds; what is negative or not a number counts as zero.
#[inline]
pub(crate) fn micros(ms: f64) -> u64 {
    // `as` saturates and maps NaN to 0.
    (ms * 1_000.0 + 0.5) as u64
}

/// Which of so many values, counted from 1, is the percentile of this fraction: the first that is not less than so many of all.
///
/// A fraction is meant as the decimal number that it is written as. As a binary one times a number 55 % of 100 are more than 55, and the next
/// value would be taken.
pub fn rank(fraction: f64, of: u64) -> u64 {
    const DIGITS: u64 = 1_000_000_000_000_000;
    let parts = (fraction.clamp(0.0, 1.0) * DIGITS as f64).round() as u128;
    let wanted = (parts * u128::from(of)).div_ceil(u128::from(DIGITS));
    u64::try_from(wanted).unwrap_or(u64::MAX).clamp(1, of.max(1))
}

impl Histogram {
    /// Counts one value in microseconds.
    pub fn record(&mut self, us: u64) {
        self.add(slot_of(us), 1);
    }

    #[inline]
    pub(crate) fn add(&mut self, slot: u32, count: u64) {
        self.total += count;
        match &mut self.storage {
            Storage::Paged(pages) => pages.add(slot, count),
            Storage::Sparse(list) => match list.binary_search_by_key(&slot, |&(s, _)| s) {
                Ok(at) if u32::try_from(u64::from(list[at].1) + count).is_ok() => list[at].1 += count as u32,
                Err(at) if list.len() < SPARSE && u32::try_from(count).is_ok() => {
                    list.insert(at, (slot, count as u32));
                }
                _ => self.spill(slot, count),
            },
        }
    }

    /// Goes from the list to pages, and adds.
    #[cold]
    fn spill(&mut self, slot: u32, count: u64) {
        let mut pages = Box::<Pages>::default();
        for (slot, count) in self.slots() {
            pages.add(slot, count);
        }
        pages.add(slot, count);
        self.storage = Storage::Paged(pages);
    }

    /// Number of values recorded.
    pub fn len(&self) -> u64 {
        self.total
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// (slot, count) with counts above zero, in rising order of values; the form for [`Self::from_slots`].
    pub fn slots(&self) -> Vec<(u32, u64)> {
        match &self.storage {
            Storage::Sparse(list) => list.iter().map(|&(slot, count)| (slot, u64::from(count))).collect(),
            Storage::Paged(pages) => pages.iter().filter(|&(_, count)| count > 0).collect(),
        }
    }

    /// Rebuilds a histogram from [`Self::slots`].
    pub fn from_slots(slots: impl IntoIterator<Item = (u32, u64)>) -> Self {
        let mut histogram = Self::default();
        for (slot, count) in slots {
            histogram.add(Self::clamped(slot), count);
        }
        histogram
    }

    /// (slot, count) of what was added since `earlier`, an older copy of this histogram, in rising order.
    pub fn since(&self, earlier: &Self) -> Vec<(u32, u64)> {
        if earlier.total == 0 {
            return self.slots();
        }
        slots_since(&self.slots(), &earlier.slots())
    }

    /// The slot itself, or the last one if there is no such slot.
    pub(crate) fn clamped(slot: u32) -> u32 {
        slot.min(slot_of(HIGHEST))
    }

    /// The smallest and the largest value (µs) that share a slot.
    pub fn bounds(slot: u32) -> (u64, u64) {
        let slot = Self::clamped(slot);
        (lowest_in(slot), highest_in(slot))
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (slot, count) in other.slots() {
            self.add(slot, count);
        }
    }

    /// The values (µs) at the given fractions (0..=1, in any order), 0 when empty. The value at `f` is the smallest that at
    /// least `f` of all values do not exceed: the largest value of its slot, or for `f` = 0 the smallest.
    pub fn values_at(&self, fractions: &[f64]) -> Vec<u64> {
        let slots = self.slots();
        fractions.iter().map(|&fraction| self.value_in(&slots, fraction)).collect()
    }

    fn value_in(&self, slots: &[(u32, u64)], fraction: f64) -> u64 {
        let wanted = rank(fraction, self.total);
        let mut seen = 0;
        for &(slot, count) in slots {
            seen += count;
            if seen >= wanted && count > 0 {
                return if fraction > 0.0 { highest_in(slot) } else { lowest_in(slot) };
            }
        }
        0
    }

    /// Bytes on the heap, without the allocator's own.
    pub fn heap_bytes(&self) -> usize {
        match &self.storage {
            Storage::Sparse(list) => list.capacity() * 8,
            Storage::Paged(pages) => {
                size_of::<Pages>() + pages.directory.capacity() * 2 + pages.pages.capacity() * PAGE * 8
            }
        }
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total && self.slots() == other.slots()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRACTIONS: [f64; 10] = [0.0, 0.25, 0.5, 0.66, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0];

    fn oracle() -> hdrhistogram::Histogram<u64> {
        hdrhistogram::Histogram::new_with_bounds(1, HIGHEST, 3).unwrap()
    }

    fn value() -> impl Strategy<Value = u64> {
        prop_oneof![
            0u64..4096,
            0u64..100_000,
            0u64..10_000_000,
            0..HIGHEST,
            (0u32..40).prop_map(|bits| 1u64 << bits)
        ]
    }

    proptest! {
        #[test]
        fn a_percentile_is_the_first_value_that_is_not_less_than_its_share(percent in 1u64..=100, hundreds in 0u64..3_000_000) {
            prop_assert_eq!(rank(percent as f64 / 100.0, hundreds * 100), (percent * hundreds).max(1));
            prop_assert_eq!(rank(percent as f64 / 100.0, hundreds * 100 + 1), percent * hundreds + 1);
        }
    }

    #[test]
    fn no_percentile_is_another_one() {
        assert_eq!([0.5, 0.55, 0.29, 1.0, 0.0].map(|fraction| rank(fraction, 100)), [50, 55, 29, 100, 1]);
        assert_eq!(
            [99_999_989, 99_999_990, 100_000_000].map(|of| rank(0.999_999_9, of)),
            [99_999_980, 99_999_981, 99_999_990]
        );
        assert_eq!(
            (rank(0.999_999_9, u64::MAX / 2), rank(0.5, 0), rank(f64::NAN, 7)),
            (9_223_371_114_517_572_122, 1, 1)
        );
    }

    #[test]
    fn small_values_are_exact_and_large_ones_within_a_thousandth() {
        for us in (0..5_000).chain((5_000..60_000_000).step_by(9_973)) {
            let high = highest_in(slot_of(us));
            assert!(high >= us && high - us <= us / 1_000, "{us} -> {high}");
            if us < SUB_BUCKETS {
                assert_eq!(high, us);
            }
        }
    }

    #[test]
    fn a_handful_of_samples_costs_a_handful_of_bytes() {
        let mut histogram = Histogram::default();
        for us in [1_000, 2_000, 3_000, 10_000, 1_000_000] {
            histogram.record(us);
        }
        assert!(histogram.heap_bytes() <= 64, "{}", histogram.heap_bytes());
    }

    #[test]
    fn memory_is_bounded_whatever_is_recorded() {
        let mut histogram = Histogram::default();
        let mut us = 1u64;
        while us < 1 << 45 {
            histogram.record(us);
            us += us / 900 + 1;
        }
        assert!(histogram.heap_bytes() < 600_000, "{}", histogram.heap_bytes());
        assert_eq!(histogram.values_at(&[1.0]), [highest_in(slot_of(HIGHEST))]);
    }

    #[test]
    fn milliseconds_become_the_nearest_microsecond() {
        assert_eq!([0.0, 0.000_4, 0.000_5, 1.234_567, -3.0, f64::NAN].map(micros), [0, 0, 1, 1_235, 0, 0]);
    }

    #[test]
    fn counts_beyond_32_bits_are_kept() {
        let mut histogram = Histogram::default();
        histogram.add(7, u64::from(u32::MAX));
        histogram.add(7, 5);
        assert_eq!(histogram.slots(), [(7, u64::from(u32::MAX) + 5)]);
    }

    proptest! {
        #[test]
        fn agrees_with_the_hdrhistogram_crate(values in prop::collection::vec(value(), 1..600)) {
            let (mut ours, mut theirs) = (Histogram::default(), oracle());
            for &us in &values {
                ours.record(us);
                theirs.record(us).unwrap();
            }
            for (fraction, ours) in FRACTIONS.into_iter().zip(ours.values_at(&FRACTIONS)) {
                prop_assert_eq!(ours, theirs.value_at_quantile(fraction), "at {}", fraction);
            }
        }

        #[test]
        fn merging_is_recording_both(a in prop::collection::vec(value(), 0..120), b in prop::collection::vec(value(), 0..120)) {
            let build = |values: &[u64]| Histogram::from_slots(values.iter().map(|&us| (slot_of(us), 1)));
            let mut merged = build(&a);
            merged.merge(&build(&b));
            prop_assert_eq!(&merged, &build(&[&a[..], &b].concat()));
            prop_assert_eq!(&merged, &Histogram::from_slots(merged.slots()));
            let added = Histogram::from_slots(merged.since(&build(&a)));
            prop_assert_eq!(&added, &build(&b));
        }
    }
}
