//! The course of a run or of one name, second by second, packed into bytes.
//!
//! A record holds what happened in one second: counts, and the response times as pairs of histogram slot and number. That is
//! all that is needed for exact percentiles of any window, and the very bytes go into the store. Seconds in which nothing
//! happened cost nothing. A record of a busy second takes two bytes for each *different* response time (to 0.1 %), one of a
//! second with one request about eight.

use gregaria_stats::varint::{put, take};
use gregaria_stats::{Histogram, Slice, merge_slots, rank};

use crate::dto;

/// What happened within `stride` seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Which one, counted from the begin of the run.
    pub offset: u32,
    /// Users at its end.
    pub users: u64,
    /// Requests.
    pub requests: u64,
    /// Failures.
    pub failures: u64,
    /// Sum of the response times, in microseconds.
    pub sum_us: u64,
    /// (slot of [`Histogram`], requests), rising.
    pub slots: Vec<(u32, u64)>,
    /// Of an open run; not kept.
    pub(crate) arrived: Arrived,
}

/// What became of arrivals of an open run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// Were to begin.
    pub(crate) due: u64,
    /// Began.
    pub(crate) begun: u64,
    /// Began later than they were to.
    pub(crate) late: u64,
    /// Did not begin.
    pub(crate) dropped: u64,
    /// Of workers that have gone before they told what became of them; no part of the others.
    pub(crate) lost: u64,
}

impl Arrived {
    pub(crate) fn of(arrivals: &dto::Arrivals) -> Self {
        let &dto::Arrivals { due, begun, late, dropped, lost, .. } = arrivals;
        Self { due, begun, late, dropped, lost }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            due: self.due.saturating_add(other.due),
            begun: self.begun.saturating_add(other.begun),
            late: self.late.saturating_add(other.late),
            dropped: self.dropped.saturating_add(other.dropped),
            lost: self.lost.saturating_add(other.lost),
        }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            due: self.due.saturating_sub(other.due),
            begun: self.begun.saturating_sub(other.begun),
            late: self.late.saturating_sub(other.late),
            dropped: self.dropped.saturating_sub(other.dropped),
            lost: self.lost.saturating_sub(other.lost),
        }
    }
}

impl Record {
    pub(crate) fn of(offset: u32, users: u64, slice: Slice) -> Self {
        let Slice { requests, failures, sum_us, slots, .. } = slice;
        Self { offset, users, requests, failures, sum_us, slots, arrived: Arrived::default() }
    }

    /// Adds what happened in another one, which follows.
    pub(crate) fn merge(&mut self, next: &Self) {
        self.users = next.users;
        // What a file says may be any number.
        self.requests = self.requests.saturating_add(next.requests);
        self.failures = self.failures.saturating_add(next.failures);
        self.sum_us = self.sum_us.saturating_add(next.sum_us);
        self.slots = merge_slots(&self.slots, &next.slots);
        self.arrived = self.arrived.plus(next.arrived);
    }

    /// Requests with a response time.
    pub(crate) fn timed(&self) -> u64 {
        all(&self.slots)
    }

    /// Mean response time in ms.
    pub(crate) fn avg(&self) -> Option<f64> {
        match self.timed() {
            0 => None,
            timed => Some(self.sum_us as f64 / timed as f64 / 1_000.0),
        }
    }

    /// Percentiles in ms, fractions within 0..=1.
    pub(crate) fn percentiles(&self, fractions: &[f64]) -> Vec<Option<f64>> {
        percentiles(&self.slots, fractions)
    }
}

/// Percentiles of slots, in ms: the largest value of the slot in which the wanted request is.
pub(crate) fn percentiles(slots: &[(u32, u64)], fractions: &[f64]) -> Vec<Option<f64>> {
    let total = all(slots);
    let at = |fraction: f64| {
        let wanted = rank(fraction, total);
        let mut seen = 0;
        let slot = slots.iter().find(|&&(_, count)| {
            seen = count.saturating_add(seen);
            seen >= wanted
        });
        slot.map(|&(slot, _)| Histogram::bounds(slot).1 as f64 / 1_000.0)
    };
    fractions.iter().map(|&fraction| at(fraction)).collect()
}

/// Which of the percentiles is that of this fraction.
pub(crate) fn column_of(fractions: &[f64], wanted: f64) -> Option<usize> {
    fractions.iter().position(|fraction| (fraction - wanted).abs() < 1e-9)
}

/// How many all slots have together.
pub(crate) fn all(slots: &[(u32, u64)]) -> u64 {
    slots.iter().fold(0, |sum, &(_, count)| count.saturating_add(sum))
}

/// Records, oldest first. The newest is kept as it is, so that it can still grow.
#[derive(Debug, Clone, Default)]
pub struct Series {
    bytes: Vec<u8>,
    packed: usize,
    last_packed: u32,
    newest: Option<Record>,
}

impl Series {
    /// Adds a record; one of the same offset as the newest, or of an earlier one, adds to that.
    pub fn push(&mut self, record: Record) {
        match &mut self.newest {
            Some(newest) if record.offset <= newest.offset => newest.merge(&record),
            newest => {
                if let Some(old) = newest.replace(record) {
                    self.pack(&old);
                }
            }
        }
    }

    fn pack(&mut self, record: &Record) {
        let before = if self.packed == 0 { 0 } else { self.last_packed };
        let out = &mut self.bytes;
        for value in [
            u64::from(record.offset - before),
            record.users,
            record.requests,
            record.failures,
            record.sum_us,
            record.slots.len() as u64,
        ] {
            put(out, value);
        }
        let mut last = 0;
        for &(slot, count) in &record.slots {
            put(out, u64::from(slot - last));
            put(out, count);
            last = slot;
        }
        self.packed += 1;
        self.last_packed = record.offset;
    }

    /// The records, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Record> + '_ {
        Unpack { bytes: &self.bytes, last: 0, first: true }.chain(self.newest.clone())
    }

    /// The newest record.
    pub fn newest(&self) -> Option<&Record> {
        self.newest.as_ref()
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.packed + usize::from(self.newest.is_some())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes it takes, without the allocator's own.
    pub fn size(&self) -> usize {
        self.bytes.capacity() + self.newest.as_ref().map_or(0, |newest| newest.slots.capacity() * 16)
    }

    /// Half the resolution: two offsets become one.
    pub fn coarsen(&mut self) {
        let mut coarse = Self::default();
        for mut record in self.iter() {
            record.offset /= 2;
            coarse.push(record);
        }
        coarse.bytes.shrink_to_fit();
        *self = coarse;
    }

    /// All records as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut all = self.clone();
        if let Some(newest) = all.newest.take() {
            all.pack(&newest);
        }
        all.bytes
    }

    /// From [`Self::to_bytes`]. `None`: not such bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut series = Self::default();
        series.follow(bytes)?;
        Some(series)
    }

    /// How far it is now.
    pub(crate) fn mark(&self) -> Mark {
        let newest = self.newest.as_ref();
        Mark {
            packed: self.bytes.len(),
            newest: newest.map(|newest| (newest.offset, newest.users, newest.requests, newest.failures)),
        }
    }

    /// What somebody needs who has it as it was at `mark`: bytes for [`Self::follow`]. `None`: nothing. Not to be asked across
    /// [`Self::coarsen`].
    pub(crate) fn since(&self, mark: Mark) -> Option<Vec<u8>> {
        if self.mark() == mark {
            return None;
        }
        let mut tail = Self {
            bytes: self.bytes.get(mark.packed..).unwrap_or_default().to_vec(),
            packed: self.packed,
            last_packed: self.last_packed,
            newest: None,
        };
        if let Some(newest) = &self.newest {
            tail.pack(newest);
        }
        Some(tail.bytes)
    }

    /// Takes in what [`Self::since`] gave; the newest record is among it, if it still grew. `None`: not such bytes, and nothing is
    /// taken.
    pub(crate) fn follow(&mut self, tail: &[u8]) -> Option<()> {
        self.fits(tail).then_some(())?;
        let unpack = self.unpack(tail);
        self.newest = None;
        unpack.for_each(|record| self.push(record));
        Some(())
    }

    /// Whether [`Self::follow`] would take these.
    pub(crate) fn fits(&self, tail: &[u8]) -> bool {
        let mut last = (self.packed > 0).then_some(self.last_packed);
        let mut unpack = self.unpack(tail);
        let rises =
            unpack.by_ref().all(|record| last.replace(record.offset).is_none_or(|last| record.offset > last));
        rises && unpack.bytes.is_empty()
    }

    /// Reads what comes behind everything that is packed.
    fn unpack<'a>(&self, tail: &'a [u8]) -> Unpack<'a> {
        Unpack { bytes: tail, last: self.last_packed, first: self.packed == 0 }
    }
}

/// How far somebody has followed a series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    packed: usize,
    newest: Option<(u32, u64, u64, u64)>,
}

/// Reads records; ends at the first that is none.
struct Unpack<'a> {
    bytes: &'a [u8],
    last: u32,
    first: bool,
}

impl Iterator for Unpack<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let mut rest = self.bytes;
        let step = u32::try_from(take(&mut rest)?).ok()?;
        let offset = if std::mem::take(&mut self.first) { step } else { self.last.checked_add(step)? };
        let mut record = Record {
            offset,
            users: take(&mut rest)?,
            requests: take(&mut rest)?,
            failures: take(&mut rest)?,
            sum_us: take(&mut rest)?,
            slots: Vec::new(),
            arrived: Arrived::default(),
        };
        let slots = usize::try_from(take(&mut rest)?).ok()?;
        if slots > rest.len() {
            return None;
        }
        record.slots.reserve_exact(slots);
        let mut slot = 0_u32;
        let mut timed = 0_u64;
        for index in 0..slots {
            let step = u32::try_from(take(&mut rest)?).ok()?;
            slot = slot.checked_add(step).filter(|_| index == 0 || step > 0)?;
            let count = take(&mut rest)?;
            timed = timed.checked_add(count)?;
            record.slots.push((slot, count));
        }
        self.bytes = rest;
        self.last = offset;
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = Record> {
        let slots = prop::collection::btree_map(0u32..40_000, 1u64..1_000, 0..20);
        (0u32..50, any::<u32>(), 0u64..1 << 40, 0u64..1 << 20, 0u64..1 << 50, slots).prop_map(
            |(offset, users, requests, failures, sum_us, slots)| Record {
                offset,
                users: users.into(),
                requests,
                failures,
                sum_us,
                slots: slots.into_iter().collect(),
                ..Record::default()
            },
        )
    }

    fn sum<'a>(records: impl IntoIterator<Item = &'a Record>) -> Record {
        records.into_iter().fold(Record::default(), |mut sum, record| {
            sum.merge(record);
            sum
        })
    }

    proptest! {
        #[test]
        fn what_went_in_comes_out(steps in prop::collection::vec(record(), 0..40)) {
            let mut series = Series::default();
            let (mut offset, mut expected) = (0, Vec::new());
            for mut record in steps {
                offset += record.offset + 1;
                record.offset = offset;
                series.push(record.clone());
                expected.push(record);
            }
            prop_assert_eq!(&series.iter().collect::<Vec<_>>(), &expected);
            let bytes = series.to_bytes();
            let back = Series::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&back.iter().collect::<Vec<_>>(), &expected);
            prop_assert_eq!(back.len(), expected.len());
            let mut coarse = series.clone();
            coarse.coarsen();
            let coarse: Vec<_> = coarse.iter().collect();
            prop_assert_eq!(sum(&coarse), sum(&expected));
            prop_assert!(coarse.windows(2).all(|pair| pair[0].offset < pair[1].offset));
        }

        #[test]
        fn whoever_follows_has_the_same(steps in prop::collection::vec((record(), any::<bool>()), 0..40)) {
            let (mut series, mut followed, mut mark) = (Series::default(), Series::default(), Mark::default());
            let mut offset = 0;
            for (mut record, looks) in steps {
                // Some are of the second before, and add to that.
                offset += record.offset / 2;
                record.offset = offset;
                series.push(record);
                if looks {
                    prop_assert!(followed.follow(&series.since(mark).unwrap()).is_some());
                    mark = series.mark();
                    prop_assert_eq!(series.since(mark), None);
                    prop_assert_eq!(followed.to_bytes(), series.to_bytes());
                    prop_assert_eq!(followed.newest(), series.newest());
                }
            }
        }

        #[test]
        fn no_bytes_make_it_stumble(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(series) = Series::from_bytes(&bytes) {
                prop_assert_eq!(Series::from_bytes(&series.to_bytes()).map(|s| s.len()), Some(series.len()));
            }
        }

        #[test]
        fn percentiles_are_those_of_the_histogram(slots in prop::collection::btree_map(0u32..30_000, 1u64..50, 1..60), fraction in 0.001f64..=1.0) {
            let record = Record { slots: slots.clone().into_iter().collect(), ..Record::default() };
            let histogram = Histogram::from_slots(slots);
            let expected = histogram.values_at(&[fraction])[0] as f64 / 1_000.0;
            prop_assert_eq!(record.percentiles(&[fraction]), vec![Some(expected)]);
        }
    }

    #[test]
    fn a_late_record_adds_to_the_newest() {
        let mut series = Series::default();
        for (offset, requests) in [(3, 1), (4, 2), (4, 4), (2, 8)] {
            series.push(Record { offset, requests, ..Record::default() });
        }
        let all: Vec<_> = series.iter().map(|record| (record.offset, record.requests)).collect();
        assert_eq!(all, [(3, 1), (4, 14)]);
        assert_eq!(Record::default().percentiles(&[0.5]), [None]);
        assert_eq!(Record::default().avg(), None);
    }

    #[test]
    fn a_quiet_second_is_small() {
        let mut series = Series::default();
        for offset in 0..1_000 {
            let record =
                Record { offset, requests: 1, sum_us: 12_000, slots: vec![(8_000, 1)], ..Record::default() };
            series.push(record);
        }
        assert!(series.to_bytes().len() < 12_000, "{}", series.to_bytes().len());
    }
}
