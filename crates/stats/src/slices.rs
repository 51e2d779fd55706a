//! What a node measured second by second, and the bytes in which it tells another.
//!
//! The bytes are numbers of seven bits a byte, lowest first; a second with few requests of a name takes some twenty of them, one with
//! many two or three for each *different* response time. Whoever reads them believes nothing: what has not the form, or is more than
//! it may be, is refused as a whole.

use std::sync::Arc;

use crate::measures::{MAX_MEASURES, MeasureKey, MeasureKind};
use crate::phases::{Phase, Phases};
use crate::slice::{Slice, merge_slots};
use crate::varint::{put, take};

/// Seconds of one name in one report, at most.
pub const MOST_SECONDS: usize = 128;
/// Names of one report, at most; a worker has no more.
const MOST_NAMES: usize = crate::MAX_NAMES + 1;
/// Slots of a histogram, at most (more than there are).
const MOST_SLOTS: usize = 1 << 16;
/// Counts above this are no counts; a sum of thousands of them still fits.
const MOST: u64 = 1 << 48;
/// Sums of microseconds and nanoseconds above this are none.
const MOST_SUM: u64 = 1 << 60;
const LONGEST_NAME: usize = 100_000;
/// Checks and metrics of one report, at most: those of each kind beyond the limit of names are one more, and there is the latency.
const MOST_MEASURES: usize = MAX_MEASURES + MeasureKind::ALL.len() + 1;
const VERSION: u8 = 1;
/// With checks and metrics behind it.
const WITH_MEASURES: u8 = 2;

/// The seconds of one name, by the number that its node gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfName {
    /// Method.
    pub method: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Number of the second and what happened in it, rising.
    pub seconds: Vec<(u64, Slice)>,
}

/// The seconds of all names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slices {
    /// Of the total.
    pub total: Vec<(u64, Slice)>,
    /// Of each name in which something happened.
    pub names: Vec<OfName>,
    /// Of each check and metric of which something was told.
    pub measures: Vec<(MeasureKey, Vec<(u64, Slice)>)>,
}

impl Slices {
    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.total.is_empty() && self.names.is_empty() && self.measures.is_empty()
    }

    /// Adds what happened later.
    pub fn append(&mut self, later: Self) {
        if self.is_empty() {
            *self = later;
            return;
        }
        later.total.iter().for_each(|(second, slice)| add_to(&mut self.total, *second, slice));
        for of_name in later.names {
            let same = |known: &&mut OfName| known.name == of_name.name && known.method == of_name.method;
            match self.names.iter_mut().find(same) {
                Some(known) => {
                    of_name
                        .seconds
                        .iter()
                        .for_each(|(second, slice)| add_to(&mut known.seconds, *second, slice));
                }
                None => self.names.push(of_name),
            }
        }
        for (key, seconds) in later.measures {
            match self.measures.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => seconds.iter().for_each(|(second, slice)| add_to(known, *second, slice)),
                None => self.measures.push((key, seconds)),
            }
        }
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![if self.measures.is_empty() { VERSION } else { WITH_MEASURES }];
        put_seconds(&mut out, &self.total);
        put(&mut out, self.names.len() as u64);
        for of_name in &self.names {
            put_text(&mut out, &of_name.method);
            put_text(&mut out, &of_name.name);
            put_seconds(&mut out, &of_name.seconds);
        }
        if !self.measures.is_empty() {
            put(&mut out, self.measures.len() as u64);
        }
        for ((kind, name), seconds) in &self.measures {
            put_text(&mut out, kind.name());
            put_text(&mut out, name);
            put_seconds(&mut out, seconds);
        }
        out
    }

    /// From [`Self::to_bytes`]. `None`: not such bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&version, mut rest) = bytes.split_first()?;
        if !(VERSION..=WITH_MEASURES).contains(&version) {
            return None;
        }
        let total = take_seconds(&mut rest)?;
        let count = bounded(take(&mut rest)?, MOST_NAMES as u64)?;
        // Each takes three bytes at least: what is claimed costs no memory.
        let mut names = Vec::with_capacity((count as usize).min(rest.len() / 3));
        for _ in 0..count {
            names.push(OfName {
                method: take_text(&mut rest)?,
                name: take_text(&mut rest)?,
                seconds: take_seconds(&mut rest)?,
            });
        }
        let count =
            if version == WITH_MEASURES { bounded(take(&mut rest)?, MOST_MEASURES as u64)? } else { 0 };
        let mut measures = Vec::with_capacity((count as usize).min(rest.len() / 3));
        for _ in 0..count {
            let kind = MeasureKind::named(&take_text(&mut rest)?)?;
            measures.push(((kind, take_text(&mut rest)?), take_seconds(&mut rest)?));
        }
        rest.is_empty().then_some(Self { total, names, measures })
    }
}

/// Adds to the second of that number, which may be new; they stay rising.
pub(crate) fn add_to(seconds: &mut Vec<(u64, Slice)>, number: u64, slice: &Slice) {
    match seconds.binary_search_by_key(&number, |&(second, _)| second) {
        Ok(at) => seconds[at].1.merge(slice),
        Err(at) => seconds.insert(at, (number, slice.clone())),
    }
}

/// Makes one second of all that are older than `number`.
pub(crate) fn fold_older(seconds: &mut Vec<(u64, Slice)>, number: u64) {
    let older = seconds.partition_point(|&(second, _)| second < number);
    if older < 2 {
        return;
    }
    let mut sum = Slice::default();
    let mut slots: Vec<Vec<(u32, u64)>> = Vec::with_capacity(older);
    for (_, mut slice) in seconds.drain(..older - 1) {
        slots.push(std::mem::take(&mut slice.slots));
        sum.merge(&slice);
    }
    let last = &mut seconds[0].1;
    last.merge(&sum);
    last.slots = slots.iter().fold(std::mem::take(&mut last.slots), |sum, more| merge_slots(&sum, more));
}

fn put_seconds(out: &mut Vec<u8>, seconds: &[(u64, Slice)]) {
    put(out, seconds.len() as u64);
    let mut before = 0;
    for (second, slice) in seconds {
        put(out, second - before);
        before = *second;
        for value in [slice.requests, slice.failures, slice.sum_us, slice.phases.count] {
            put(out, value);
        }
        if slice.phases.count > 0 {
            slice.phases.nanos.iter().for_each(|&sum| put(out, sum.min(MOST_SUM)));
        }
        put(out, slice.slots.len() as u64);
        let mut last = 0;
        for &(slot, count) in &slice.slots {
            put(out, u64::from(slot - last));
            put(out, count);
            last = slot;
        }
    }
}

fn take_seconds(rest: &mut &[u8]) -> Option<Vec<(u64, Slice)>> {
    let count = bounded(take(rest)?, MOST_SECONDS as u64)?;
    let mut seconds = Vec::new();
    let mut second = 0_u64;
    for index in 0..count {
        let step = take(rest)?;
        second = second.checked_add(step).filter(|&second| (index == 0 || step > 0) && second < MOST)?;
        seconds.push((second, take_slice(rest)?));
    }
    Some(seconds)
}

fn take_slice(rest: &mut &[u8]) -> Option<Slice> {
    let mut slice = Slice {
        requests: bounded(take(rest)?, MOST)?,
        failures: bounded(take(rest)?, MOST)?,
        sum_us: bounded(take(rest)?, MOST_SUM)?,
        phases: Phases { count: bounded(take(rest)?, MOST)?, nanos: [0; Phase::COUNT] },
        slots: Vec::new(),
    };
    if slice.phases.count > 0 {
        for sum in &mut slice.phases.nanos {
            *sum = bounded(take(rest)?, MOST_SUM)?;
        }
    }
    let slots = bounded(take(rest)?, MOST_SLOTS as u64)? as usize;
    if slots > rest.len() {
        return None;
    }
    slice.slots.reserve_exact(slots);
    let mut slot = 0_u32;
    for index in 0..slots {
        let step = u32::try_from(take(rest)?).ok()?;
        slot = slot.checked_add(step).filter(|&slot| (index == 0 || step > 0) && slot < MOST_SLOTS as u32)?;
        let count = bounded(take(rest)?, MOST).filter(|&count| count > 0)?;
        slice.slots.push((slot, count));
    }
    Some(slice)
}

fn bounded(value: u64, most: u64) -> Option<u64> {
    (value <= most).then_some(value)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn take_text(rest: &mut &[u8]) -> Option<Arc<str>> {
    let length = bounded(take(rest)?, LONGEST_NAME as u64)? as usize;
    let (text, more) = rest.split_at_checked(length)?;
    *rest = more;
    Some(std::str::from_utf8(text).ok()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slice() -> impl Strategy<Value = Slice> {
        let slots = prop::collection::btree_map(0_u32..31_000, 1_u64..1_000, 0..20);
        let nanos = prop::array::uniform8(0_u64..1 << 40);
        (0_u64..1 << 40, 0_u64..1 << 20, 0_u64..1 << 50, 0_u64..9, nanos, slots).prop_map(
            |(requests, failures, sum_us, count, nanos, slots)| Slice {
                requests,
                failures,
                sum_us,
                phases: Phases { count, nanos: if count > 0 { nanos } else { [0; 8] } },
                slots: slots.into_iter().collect(),
            },
        )
    }

    fn seconds() -> impl Strategy<Value = Vec<(u64, Slice)>> {
        prop::collection::btree_map(0_u64..200, slice(), 0..9)
            .prop_map(|seconds| seconds.into_iter().collect())
    }

    fn slices() -> impl Strategy<Value = Slices> {
        let names = prop::collection::btree_map(("[A-Z]{0,4}", ".{0,9}"), seconds(), 0..5);
        let measures = prop::collection::btree_map((0_usize..4, ".{0,9}"), seconds(), 0..3);
        (seconds(), names, measures).prop_map(|(total, names, measures)| Slices {
            total,
            measures: measures
                .into_iter()
                .map(|((kind, name), seconds)| ((MeasureKind::ALL[kind], name.into()), seconds))
                .collect(),
            names: names
                .into_iter()
                .map(|((method, name), seconds)| OfName { method: method.into(), name: name.into(), seconds })
                .collect(),
        })
    }

    fn sum(seconds: &[(u64, Slice)]) -> Slice {
        seconds.iter().fold(Slice::default(), |mut sum, (_, slice)| {
            sum.merge(slice);
            sum
        })
    }

    proptest! {
        #[test]
        fn what_went_in_comes_out(slices in slices()) {
            prop_assert_eq!(Slices::from_bytes(&slices.to_bytes()), Some(slices));
        }

        #[test]
        fn bytes_that_somebody_changed_are_read_or_refused(
            slices in slices(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = slices.to_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
                if let Some(read) = Slices::from_bytes(bytes) {
                    prop_assert!(read.total.len() <= MOST_SECONDS);
                    prop_assert_eq!(Slices::from_bytes(&read.to_bytes()), Some(read));
                }
            }
        }

        #[test]
        fn nothing_is_lost_when_old_seconds_become_one(mut seconds in seconds(), number in 0_u64..220) {
            let before = sum(&seconds);
            fold_older(&mut seconds, number);
            prop_assert_eq!(sum(&seconds), before);
            prop_assert!(seconds.iter().filter(|&&(second, _)| second < number).count() <= 1);
            prop_assert!(seconds.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }

        #[test]
        fn later_ones_are_added(first in slices(), second in slices()) {
            let mut both = first.clone();
            both.append(second.clone());
            let mut expected = sum(&first.total);
            expected.merge(&sum(&second.total));
            prop_assert_eq!(sum(&both.total), expected);
            prop_assert_eq!(Slices::from_bytes(&both.to_bytes()), Some(both));
        }
    }

    #[test]
    fn more_than_there_may_be_is_refused() {
        let many = |count: u64| Slices {
            total: (0..count).map(|second| (second, Slice::default())).collect(),
            ..Slices::default()
        };
        assert!(Slices::from_bytes(&many(MOST_SECONDS as u64).to_bytes()).is_some());
        assert!(Slices::from_bytes(&many(MOST_SECONDS as u64 + 1).to_bytes()).is_none());
        let counts = |requests| Slices {
            total: vec![(0, Slice { requests, ..Slice::default() })],
            ..Slices::default()
        };
        assert!(Slices::from_bytes(&counts(MOST).to_bytes()).is_some());
        assert!(Slices::from_bytes(&counts(MOST + 1).to_bytes()).is_none());
        // A claim of names without any.
        assert!(Slices::from_bytes(&[VERSION, 0, 0xff, 0xff, 3]).is_none());
        assert!(Slices::from_bytes(&[]).is_none());
        assert!(Slices::from_bytes(&[WITH_MEASURES, 0, 0]).is_none());
        assert!(Slices::from_bytes(&[WITH_MEASURES + 1, 0, 0, 0]).is_none());
    }
}
