//! Whose seconds are whose: a worker's report in the time of the master that reads it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::entry::Entry;
use crate::error::{ErrorRecord, Tally};
use crate::measures::{MeasureKey, MeasureKind};
use crate::slice::{BySecond, Slice, by_second, set_rates};
use crate::slices::Slices;

/// Where a worker's seconds and times lie by the master's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placing {
    /// Unix second of the master's minus the number that the worker gives it.
    pub shift: i64,
    /// Seconds by which the master's clock is ahead of the worker's.
    pub clock: f64,
    /// Nothing of the report happened before this unix second …
    pub from: i64,
    /// … nor after this unix time, when it arrived.
    pub at: f64,
}

/// What happened under one name, by second of the master's; and whether the response times are exact.
pub(crate) type OfEntry = (BySecond, bool);

/// What of a report happened when.
#[derive(Debug, Clone, Default)]
pub struct Placed {
    /// As the entries of the report.
    pub(crate) entries: Vec<OfEntry>,
    pub(crate) total: OfEntry,
    /// Of each check and metric.
    pub(crate) measures: Vec<(MeasureKey, BySecond)>,
}

/// What something happened in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// All requests.
    Total,
    /// Those of a name, by the index of its entry.
    Name(u32),
    /// A check or metric.
    Measure(MeasureKind, Arc<str>),
}

/// What happened in a second, of one name, the total, or a check or metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Unix second.
    pub second: i64,
    /// Whose it is.
    pub of: Of,
    /// What happened.
    pub slice: Slice,
    /// Its response times are exact, and among those of the entry.
    pub exact: bool,
}

/// The seconds of a report by method and name.
pub(crate) type Known<'a> = HashMap<(&'a str, &'a str), &'a [(u64, Slice)]>;

impl Slices {
    pub(crate) fn by_name(&self) -> Known<'_> {
        self.names.iter().map(|of_name| ((&*of_name.method, &*of_name.name), &of_name.seconds[..])).collect()
    }
}

impl Placing {
    /// The last second in which something of the report can have happened.
    fn until(&self) -> i64 {
        (self.at as i64).max(self.from)
    }

    fn second(&self, second: i64) -> i64 {
        second.clamp(self.from, self.until())
    }

    /// A worker's seconds as the master's.
    pub(crate) fn seconds(&self, theirs: &[(u64, Slice)]) -> BySecond {
        let mut seconds = BySecond::new();
        for (number, slice) in theirs {
            let second = self.second((*number as i64).saturating_add(self.shift));
            match seconds.last_mut().filter(|(last, _)| *last == second) {
                Some((_, sum)) => sum.merge(slice),
                None => seconds.push((second, slice.clone())),
            }
        }
        seconds
    }

    /// Shares an entry's counts out among seconds, by what is known of them or by its own counts by second, and says all its
    /// times by the master's clock.
    pub(crate) fn place(&self, entry: &mut Entry, known: Option<&[(u64, Slice)]>) -> OfEntry {
        let by_number = known.map(|known| self.seconds(known));
        let is_known = by_number.is_some();
        if !is_known {
            let ahead = self.clock.round() as i64;
            for counts in [&mut entry.num_reqs_per_sec, &mut entry.num_fail_per_sec] {
                *counts = counts
                    .iter()
                    .map(|(second, count)| (self.second(second.saturating_add(ahead)), count))
                    .collect();
            }
        }
        let placed = by_second(entry, by_number, self.until());
        set_rates(entry, &placed.0);
        entry.start_time = self.time(entry.start_time);
        entry.last_request_timestamp = entry.last_request_timestamp.map(|last| {
            let last = self.time(last);
            let newest = placed.0.iter().rev().find(|(_, slice)| slice.requests > 0);
            match newest.filter(|_| is_known) {
                Some(&(second, _)) => last.clamp(second as f64, second as f64 + 1.0).min(self.at),
                None => last,
            }
        });
        placed
    }

    fn time(&self, theirs: f64) -> f64 {
        // Where both clocks say about the same, each time is left as it was told.
        let ours = theirs + self.clock;
        if ours < self.from as f64 {
            self.from as f64
        } else if ours > self.at + 1.0 {
            self.at
        } else {
            ours
        }
    }

    pub(crate) fn error(&self, record: &Arc<ErrorRecord>) -> Arc<ErrorRecord> {
        let tally = record.tally();
        let placed = Tally {
            first_seen: tally.first_seen.map(|time| self.time(time)),
            last_seen: tally.last_seen.map(|time| self.time(time)),
            ..tally
        };
        if placed == tally {
            return Arc::clone(record);
        }
        Arc::new(ErrorRecord::new(record.seed.clone(), placed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Report, RequestStats};

    /// A worker's report of ten requests in each of these seconds of its own, whose clock is `ahead`.
    fn report(numbers: &[u64], ahead: f64) -> (Report, Slices) {
        let mut stats = RequestStats::new(false, 1_000.0 + ahead);
        stats.keep_seconds(true);
        let id = stats.entry_id("GET", "/", 1_000.0 + ahead);
        for &number in numbers {
            for _ in 0..10 {
                assert!(stats.record(id, Some(5.0), 1, 1_000.5 + ahead + number as f64));
            }
            stats.cut_total(number);
            stats.cut_entries(number, 0, 1);
        }
        let report = stats.take_report(1_004.0 + ahead);
        (report, stats.take_seconds().unwrap())
    }

    fn rates(placed: &OfEntry) -> Vec<(i64, u64)> {
        placed.0.iter().map(|(second, slice)| (*second, slice.requests)).collect()
    }

    #[test]
    fn an_hours_step_of_a_workers_clock_changes_nothing() {
        for ahead in [0.0, 3_600.0, -3_600.0] {
            let (mut report, slices) = report(&[0, 1, 3], ahead);
            let placing = Placing { shift: 1_000, clock: -ahead, from: 990, at: 1_004.1 };
            let placed = report.place(&placing, Some(&slices));
            let expected = [(1_000, 10), (1_001, 10), (1_003, 10)];
            assert_eq!((rates(&placed.total), rates(&placed.entries[0])), (expected.into(), expected.into()));
            let total = report.total.unwrap();
            assert_eq!(total.num_reqs_per_sec.iter().collect::<Vec<_>>(), expected);
            assert_eq!((total.start_time, total.last_request_timestamp), (1_000.0, Some(1_003.5)));
        }
    }

    #[test]
    fn a_step_within_the_report_changes_no_second_and_no_time_by_an_hour() {
        // It was told before the step what is now read after it.
        let (mut report, slices) = report(&[0, 1, 3], 0.0);
        let placed =
            report.place(&Placing { shift: 1_000, clock: -3_600.0, from: 990, at: 1_004.1 }, Some(&slices));
        assert_eq!(rates(&placed.total), [(1_000, 10), (1_001, 10), (1_003, 10)]);
        let total = report.total.unwrap();
        assert_eq!((total.start_time, total.last_request_timestamp), (990.0, Some(1_003.0)));
    }

    #[test]
    fn locusts_own_seconds_are_told_by_the_masters_clock() {
        let (mut report, _) = report(&[0, 1, 3], 3_600.0);
        let placed = report.place(&Placing { shift: 0, clock: -3_600.0, from: 990, at: 1_004.1 }, None);
        assert_eq!(rates(&placed.total), [(1_000, 10), (1_001, 10), (1_003, 10)]);
        assert_eq!(report.total.unwrap().last_request_timestamp, Some(1_003.5));
    }

    #[test]
    fn what_a_listener_changed_is_counted_and_keeps_the_course() {
        let (mut report, slices) = report(&[0, 1, 3], 0.0);
        report.entries[0].num_requests = 60;
        report.total.as_mut().unwrap().num_requests = 60;
        report.entries.push(Entry::new("GET", "/added", false, 1_000.0));
        report.entries[1].num_requests = 4;
        report.entries[1].num_reqs_per_sec = [(1_001, 1), (1_002, 3)].into_iter().collect();
        let placing = Placing { shift: 1_000, clock: 0.0, from: 990, at: 1_004.1 };
        let placed = report.place(&placing, Some(&slices));
        assert_eq!(rates(&placed.entries[0]), [(1_000, 20), (1_001, 20), (1_003, 20)]);
        assert_eq!(rates(&placed.entries[1]), [(1_001, 1), (1_002, 3)]);
        let mut stats = RequestStats::new(true, 1_000.0);
        assert_eq!(stats.take_pieces(), []);
        stats.merge_placed(&report, placed);
        let pieces = stats.take_pieces();
        let of = |of: Of| -> u64 {
            pieces.iter().filter(|piece| piece.of == of).map(|piece| piece.slice.requests).sum()
        };
        assert_eq!((of(Of::Name(0)), of(Of::Name(1)), of(Of::Total)), (60, 4, 60));
        assert_eq!(stats.total().num_requests, 60);
    }
}
