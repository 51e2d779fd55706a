//! The course of one run: the total's and every name's [`Series`], within bounds.
//!
//! Resolution is one second for [`TOTAL_POINTS`] seconds (four hours) of the total, and as long as all names together take less
//! than [`NAMES_BYTES`]. Beyond, two neighbours become one, so that the whole run is always there at half the resolution, then
//! a quarter, and so on.

use std::collections::BTreeMap;

use gregaria_stats::{MeasureKey, MeasureKind, Of, Piece, Slice};

use crate::classes::ClassCourse;
use crate::dto;
use crate::mirror::{Mirror, Slot};
use crate::own::OwnCourse;
use crate::series::{Record, Series};
use crate::status::HostStatus;
use crate::thresholds::Judge;

/// The total has at most this many points.
pub(crate) const TOTAL_POINTS: usize = 14_400;
/// … or bytes.
pub(crate) const TOTAL_BYTES: usize = 24 << 20;
/// All names together take at most about this many bytes.
pub(crate) const NAMES_BYTES: usize = 48 << 20;
/// A last second shorter than this is counted with the one before: its rate would be noise.
pub(crate) const SHORTEST: f64 = 0.25;
/// A run that began so soon after a second did has all of that second.
const INSTANT: f64 = 0.001;
/// A run that ends so soon after a second did has hardly added to it.
const HARDLY: f64 = 0.1;
/// How late the end of a second may be noticed.
const LATE: f64 = 0.5;
/// Seconds that wait for workers to tell of them, at most: older ones wait no longer.
const MOST_OPEN: usize = 300;

/// The course of a run.
#[derive(Debug, Clone)]
pub struct Course {
    /// Unix time of offset 0, a whole second.
    pub base: f64,
    /// When the first point really begins.
    pub began: f64,
    /// When the last point really ends.
    pub until: f64,
    /// Seconds of one offset of the total.
    pub stride: u32,
    /// The total.
    pub total: Series,
    /// The latency that the total is not of, of an open run; as long an offset.
    pub latency: Series,
    /// Most users at the end of any second.
    pub most_users: u64,
    /// The longest response time, ms: what is known of times to a thousandth is not beyond it.
    pub longest: f64,
    /// What the program saw of itself.
    pub own: OwnCourse,
    /// Users of each class.
    pub classes: ClassCourse,
    /// Seconds of one offset of the names.
    pub names_stride: u32,
    /// By number of the name.
    pub names: Vec<Series>,
    names_bytes: usize,
    /// Seconds of which workers have still to tell, and those after them; by number, counted from `base`.
    open: BTreeMap<u32, Open>,
    /// Those before this are closed.
    closed: u32,
    /// Requests and failures of all closed seconds.
    sums: (u64, u64),
    /// What was told of names that were not known at that look.
    unknown: Vec<Piece>,
    /// The seconds that were closed by the last look, as they are, if somebody wants them.
    pub(crate) told: Option<Vec<Told>>,
}

/// A second that may still grow.
#[derive(Debug, Clone, Default)]
struct Open {
    /// Users at its end, once that was seen.
    users: Option<u64>,
    total: Slice,
    names: BTreeMap<u32, Slice>,
    measures: BTreeMap<MeasureKey, Slice>,
}

/// What happened in one second under one name; number −1 is the total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The second, unix time of its begin.
    pub second: i64,
    /// Number of the name.
    pub id: i32,
    /// What happened. Users are known of the total.
    pub record: Record,
}

/// A look at the numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct When {
    /// Unix time.
    pub(crate) now: f64,
    /// Users that run.
    pub(crate) users: u64,
    /// All workers have told of everything before this unix time; `None`: there are none.
    pub(crate) settled: Option<f64>,
    /// It is the last one.
    pub(crate) is_end: bool,
}

impl When {
    pub(crate) fn of(status: &HostStatus, now: f64, is_end: bool) -> Self {
        Self { now, users: status.user_count, settled: status.settled, is_end }
    }
}

impl Default for Course {
    fn default() -> Self {
        Self::new(0.0)
    }
}

impl Course {
    /// Begins at that moment, unix seconds.
    pub fn new(began: f64) -> Self {
        Self {
            base: began.floor(),
            began,
            until: began,
            stride: 1,
            total: Series::default(),
            latency: Series::default(),
            most_users: 0,
            longest: f64::INFINITY,
            own: OwnCourse::default(),
            classes: ClassCourse::default(),
            names_stride: 1,
            names: Vec::new(),
            names_bytes: 0,
            open: BTreeMap::new(),
            closed: 0,
            sums: (0, 0),
            unknown: Vec::new(),
            told: None,
        }
    }

    /// Takes in what happened since this was last called. It is called as soon as a second is over, and at the end. `pieces` is what
    /// workers told of seconds, all of it among the numbers of the mirror; what is new there beyond them has happened just now.
    ///
    /// A second is closed when all workers have told of it, and never changes then: what is told of it later goes to the oldest one
    /// that is open. The points of those that were closed, oldest first. `judge` sees each of them as it is, which the course may put
    /// together with others.
    pub(crate) fn record(
        &mut self,
        mirror: &mut Mirror,
        pieces: Vec<Piece>,
        when: When,
        fractions: &[f64],
        judge: &mut Judge,
    ) -> Vec<dto::Point> {
        self.know_longest(&mirror.total_row());
        let second = self.last(when);
        // A second that has just begun may have been told of, too.
        let newest = if when.is_end { second } else { second.max((when.now - self.base).max(0.0) as u32) };
        let told = std::mem::take(&mut self.unknown).into_iter().chain(pieces);
        for piece in told {
            self.take_piece(mirror, piece, newest);
        }
        let open = self.open.entry(second).or_default();
        open.users = Some(when.users);
        if let Some(slice) = mirror.total.take_record() {
            open.total.merge(&slice);
        }
        for (index, slot) in mirror.names.iter_mut().enumerate() {
            if let Some(slice) = slot.as_mut().and_then(Slot::take_record) {
                open.names.entry(index as u32).or_default().merge(&slice);
            }
        }
        for (key, slice) in mirror.take_measured() {
            open.measures.entry(key).or_default().merge(&slice);
        }
        self.names.resize_with(mirror.names.len().max(self.names.len()), Series::default);
        let over = match when.settled {
            // A clock may say that what is to come is known.
            Some(settled) if !when.is_end => ((settled - self.base + LATE).max(0.0) as u32).min(second + 1),
            _ => second + 1,
        };
        let mut points: Vec<dto::Point> = Vec::new();
        while let Some((number, open)) = self.take_oldest(over) {
            let is_whole = self.is_whole(number, second, when);
            let users = self.close(number, open, when, mirror, judge);
            judge.second_is_over(number, users, is_whole);
            self.stay_within_bounds();
            let newest =
                self.total.newest().map(|newest| self.point(newest, self.sums.0, self.sums.1, fractions));
            // What is put together with the one before takes its place.
            let same = points.last().zip(newest.as_ref()).is_some_and(|(last, newest)| last.at == newest.at);
            if same {
                points.pop();
            }
            points.extend(newest);
        }
        points
    }

    /// The second that is over; at the end the one that has begun, unless hardly so.
    fn last(&self, when: When) -> u32 {
        let elapsed = (when.now - self.base).max(0.0);
        let second = ((elapsed - if when.is_end { SHORTEST } else { LATE }).max(0.0)) as u32;
        // Should the clock have been set back, time stands still.
        second.max(self.closed.saturating_sub(1))
    }

    /// Whether the run lasted for all of a second: it began within the first one, as a rule, and ended within the last one. `last`: that to
    /// which all counts that has come until now.
    fn is_whole(&self, number: u32, last: u32, when: When) -> bool {
        let has_begun = number > 0 || self.began - self.base < INSTANT;
        let since_its_end = when.now - self.base - f64::from(number) - 1.0;
        has_begun && (!when.is_end || number < last || (0.0..HARDLY).contains(&since_its_end))
    }

    fn take_piece(&mut self, mirror: &mut Mirror, piece: Piece, newest: u32) {
        let oldest = self.closed.min(newest);
        let second = (piece.second - self.base as i64).clamp(oldest.into(), newest.into()) as u32;
        let open = self.open.entry(second).or_default();
        match piece.of {
            Of::Total => {
                mirror.total.note(&piece.slice, piece.exact);
                open.total.merge(&piece.slice);
            }
            Of::Measure(kind, name) => {
                let key = (kind, name);
                mirror.note_measure(&key, &piece.slice);
                open.measures.entry(key).or_default().merge(&piece.slice);
            }
            Of::Name(index) => match mirror.names.get_mut(index as usize) {
                Some(Some(slot)) => {
                    slot.note(&piece.slice, piece.exact);
                    open.names.entry(index).or_default().merge(&piece.slice);
                }
                // Merged after its batch was copied: the next look knows it.
                _ => self.unknown.push(piece),
            },
        }
    }

    /// The oldest second that is open, if it is before that one, or if there are too many.
    fn take_oldest(&mut self, over: u32) -> Option<(u32, Open)> {
        let is_short = self.open.len() <= MOST_OPEN;
        let oldest = self.open.first_entry()?;
        (*oldest.key() < over || !is_short).then(|| oldest.remove_entry())
    }

    /// Takes a second in; the users at its end.
    fn close(&mut self, number: u32, open: Open, when: When, mirror: &Mirror, judge: &mut Judge) -> u64 {
        self.closed = number + 1;
        let last = self.total.newest().map_or(when.users, |newest| newest.users);
        // Those who ran until the end are gone already.
        let users = open.users.map_or(last, |users| if when.is_end { users.max(last) } else { users });
        self.most_users = self.most_users.max(users);
        let end = self.base + f64::from(number) + 1.0;
        // The end of what is known; of a second without workers that is now, which may be a little late.
        let known = if when.settled.is_some() && !when.is_end { end.min(when.now) } else { when.now };
        self.until = self.until.max(known);
        self.sums.0 += open.total.requests;
        self.sums.1 += open.total.failures;
        let record = Record::of(number / self.stride, users, open.total);
        judge.see(-1, ("", ""), &record);
        let second = self.base as i64 + i64::from(number);
        if let Some(told) = &mut self.told {
            told.push(Told { second, id: -1, record: record.clone() });
        }
        self.total.push(record);
        for ((kind, name), slice) in open.measures {
            let record = Record::of(number / self.stride, 0, slice);
            if kind == MeasureKind::Latency {
                self.latency.push(record);
            } else {
                judge.see_measure(kind, &name, &record);
            }
        }
        let offset = number / self.names_stride;
        for (index, slice) in open.names {
            let record = Record::of(offset, 0, slice);
            if let Some(Some(slot)) = mirror.names.get(index as usize) {
                judge.see(index as i32, (&slot.entry.method, &slot.entry.name), &record);
            }
            if let Some(told) = &mut self.told {
                told.push(Told { second, id: index as i32, record: record.clone() });
            }
            let series = &mut self.names[index as usize];
            let before = series.size();
            series.push(record);
            self.names_bytes += series.size().saturating_sub(before);
        }
        users
    }

    fn stay_within_bounds(&mut self) {
        if self.total.len() > TOTAL_POINTS || self.total.size() + self.latency.size() > TOTAL_BYTES {
            self.total.coarsen();
            self.latency.coarsen();
            self.stride *= 2;
        }
        if self.names_bytes > NAMES_BYTES {
            self.names.iter_mut().for_each(Series::coarsen);
            self.names_stride *= 2;
            self.names_bytes = self.names.iter().map(Series::size).sum();
        }
    }

    /// The table of the total says how long the longest request took.
    pub(crate) fn know_longest(&mut self, total: &dto::Rows) {
        let longest = total.max.first().copied().filter(|&ms| ms > 0.0);
        self.longest = longest.unwrap_or(f64::INFINITY);
    }

    /// Percentiles of what happened in some seconds, none of them longer than the longest of all.
    pub(crate) fn percentiles_of(&self, record: &Record, fractions: &[f64]) -> Vec<Option<f64>> {
        let known = record.percentiles(fractions);
        known.into_iter().map(|ms| ms.map(|ms| ms.min(self.longest))).collect()
    }

    /// So many users of each class run now, which is seen as the course sees all users: at the end of a second.
    pub(crate) fn note_classes(&mut self, now: f64, users: &BTreeMap<String, u64>) {
        let second = (now - self.base - LATE).max(0.0).floor();
        self.classes.note(self.base + second, users);
    }

    /// The points from number `from` on.
    pub(crate) fn history(&self, from: usize, fractions: &[f64], run: u32) -> dto::History {
        let mut out = dto::History {
            run,
            stride: self.stride,
            began: self.began,
            until: self.until,
            percentiles: vec![Vec::new(); fractions.len()],
            other: vec![Vec::new(); if self.latency.is_empty() { 0 } else { fractions.len() }],
            ..dto::History::default()
        };
        let (mut requests, mut failures) = (0, 0);
        let mut others = self.latency.iter().peekable();
        for (index, record) in self.total.iter().enumerate() {
            requests = record.requests.saturating_add(requests);
            failures = record.failures.saturating_add(failures);
            if index < from {
                continue;
            }
            while others.next_if(|other| other.offset < record.offset).is_some() {}
            let other = others.next_if(|other| other.offset == record.offset).unwrap_or_default();
            for (column, value) in out.other.iter_mut().zip(other.percentiles(fractions)) {
                column.push(value);
            }
            let point = self.point(&record, requests, failures, fractions);
            out.at.push(point.at);
            out.users.push(point.users);
            out.rps.push(point.rps);
            out.fps.push(point.fps);
            out.requests.push(point.requests);
            out.failures.push(point.failures);
            out.avg.push(point.avg);
            for (column, value) in out.percentiles.iter_mut().zip(point.percentiles) {
                column.push(value);
            }
        }
        out
    }

    /// Seconds that a point of so many covers; the first and the last may not be whole.
    fn covered(&self, offset: u32, stride: u32) -> f64 {
        let seconds = f64::from(stride);
        let begin = self.base + f64::from(offset) * seconds;
        (self.end_of(begin, seconds) - begin.max(self.began)).max(SHORTEST / 2.0)
    }

    /// When a point really ends.
    fn end_of(&self, begin: f64, seconds: f64) -> f64 {
        let newest =
            self.total.newest().map_or(0.0, |newest| f64::from(newest.offset) * f64::from(self.stride));
        let is_last = begin + seconds > self.base + newest;
        let late = is_last && self.until > begin && (self.until - begin - seconds).abs() > LATE;
        if late || (is_last && self.until < begin + seconds) { self.until } else { begin + seconds }
    }

    /// The newest point, of which `requests` and `failures` are the sums until then.
    pub(crate) fn point(
        &self,
        record: &Record,
        requests: u64,
        failures: u64,
        fractions: &[f64],
    ) -> dto::Point {
        let (seconds, covered) = (f64::from(self.stride), self.covered(record.offset, self.stride));
        let at = self.base + f64::from(record.offset) * seconds;
        dto::Point {
            at,
            users: record.users,
            rps: record.requests as f64 / covered,
            fps: record.failures as f64 / covered,
            requests,
            failures,
            avg: record.avg(),
            percentiles: self.percentiles_of(record, fractions),
            other: self.other(record.offset, fractions),
            stride: self.stride,
            until: self.end_of(at, seconds),
        }
    }

    /// Percentiles of the other latency in the newest point; none in a closed run.
    fn other(&self, offset: u32, fractions: &[f64]) -> Vec<Option<f64>> {
        match self.latency.newest() {
            Some(newest) if newest.offset == offset => newest.percentiles(fractions),
            Some(_) => vec![None; fractions.len()],
            None => Vec::new(),
        }
    }

    /// The course of one name.
    pub(crate) fn name_history(&self, name: &dto::Name, fractions: &[f64]) -> dto::NameHistory {
        let mut out = dto::NameHistory {
            method: name.method.clone(),
            name: name.name.clone(),
            stride: self.names_stride,
            began: self.began,
            until: self.until,
            percentiles: vec![Vec::new(); fractions.len()],
            ..dto::NameHistory::default()
        };
        let seconds = f64::from(self.names_stride);
        let series = usize::try_from(name.id).ok().and_then(|index| self.names.get(index));
        let (mut requests, mut failures) = (0_u64, 0_u64);
        for record in series.into_iter().flat_map(Series::iter) {
            requests = record.requests.saturating_add(requests);
            failures = record.failures.saturating_add(failures);
            out.requests.push(requests);
            out.failures.push(failures);
            out.at.push(self.base + f64::from(record.offset) * seconds);
            let covered = self.covered(record.offset, self.names_stride);
            out.rps.push(record.requests as f64 / covered);
            out.fps.push(record.failures as f64 / covered);
            out.avg.push(record.avg());
            for (column, value) in out.percentiles.iter_mut().zip(self.percentiles_of(&record, fractions)) {
                column.push(value);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests;
