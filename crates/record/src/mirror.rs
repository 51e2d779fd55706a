//! The recorder's own copy of the statistics, brought up to date once a second.
//!
//! The statistics belong to the main thread, which counts requests in them under a lock. Here that lock is held for a few
//! microseconds at a time, only to copy what has changed; percentiles and rates are worked out afterwards, from the copies.

use std::sync::Arc;

use gregaria_report::measure_words;
use gregaria_stats::{
    Entry, ErrorRecord, Mark, Measure, MeasureKey, MeasureKind, MeasureMarks, Number, Phase, Piece,
    RequestStats, Slice, Span, Tally,
};

use crate::dto;
use crate::numbers::{COPIES, Numbers};
use crate::owner_first::OwnerFirst;
use crate::series::percentiles;

/// A name without requests for this many seconds has no current rate any more.
const RATE_SECONDS: f64 = 16.0;

/// One name's numbers as the page gets them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Row {
    pub(crate) requests: u64,
    pub(crate) failures: u64,
    pub(crate) avg: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) size: f64,
    pub(crate) rps: f64,
    pub(crate) fps: f64,
    pub(crate) percentiles: Vec<Option<f64>>,
}

impl Row {
    fn of(entry: &Entry, rps: f64, fps: f64, fractions: &[f64]) -> Self {
        Self {
            requests: entry.num_requests,
            failures: entry.num_failures,
            avg: finite(entry.avg_response_time()),
            min: finite(entry.min_response_time.map_or(0.0, Number::value)),
            max: finite(entry.max_response_time.value()),
            size: finite(entry.avg_content_length().value()),
            rps: finite(rps),
            fps: finite(fps),
            percentiles: shown_percentiles(entry, fractions),
        }
    }
}

/// The percentiles of an entry that are shown wherever they are not Locust's own: exact to the microsecond. Where only rounded
/// response times are known (an original Locust's workers tell no others) these, but not outside the smallest and the largest.
pub(crate) fn shown_percentiles(entry: &Entry, fractions: &[f64]) -> Vec<Option<f64>> {
    if let Some(exact) = entry.exact_percentiles(fractions) {
        return exact.into_iter().map(|ms| Some(short(ms))).collect();
    }
    let Some(min) = entry.min_response_time.map(Number::value).filter(|_| !entry.times().is_empty()) else {
        return vec![None; fractions.len()];
    };
    let max = entry.max_response_time.value().max(min);
    entry.percentiles(fractions).into_iter().map(|ms| Some(short((ms as f64).clamp(min, max)))).collect()
}

/// Response times are told to the microsecond, rates to the thousandth: fewer digits to send.
pub(crate) fn short(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// JSON has no other numbers.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// Puts rows under each other.
pub(crate) fn rows<'a>(rows: impl IntoIterator<Item = (i32, &'a Row)>, fractions: usize) -> dto::Rows {
    let mut out = dto::Rows { percentiles: vec![Vec::new(); fractions], ..dto::Rows::default() };
    for (id, row) in rows {
        out.id.push(id);
        out.requests.push(row.requests);
        out.failures.push(row.failures);
        out.avg.push(short(row.avg));
        out.min.push(short(row.min));
        out.max.push(short(row.max));
        out.size.push(short(row.size));
        out.rps.push(short(row.rps));
        out.fps.push(short(row.fps));
        for (column, &value) in out.percentiles.iter_mut().zip(&row.percentiles) {
            column.push(value);
        }
    }
    out
}

/// One name, or the total, at the last look.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Number of the name; −1 for the total.
    pub id: i32,
    /// Counters, buckets, the exact histogram and the phases; per-second counts are not copied.
    pub entry: &'a Entry,
    /// Current requests per second.
    pub rps: f64,
    /// Current failures per second.
    pub fps: f64,
}

/// One name, or the total.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// Numbers as they were at the last look.
    pub(crate) entry: Entry,
    /// The same for the page.
    pub(crate) row: Row,
    /// Number of the event with which the row last changed.
    pub(crate) changed: u64,
    /// What the course of the run has of it already.
    recorded: Mark,
    rates: (f64, f64),
}

impl Slot {
    fn new(entry: Entry) -> Self {
        Self { entry, row: Row::default(), changed: 0, recorded: Mark::default(), rates: (0.0, 0.0) }
    }

    /// Whether something was added since [`Self::take_record`] was last called.
    pub(crate) fn has_unrecorded(&self) -> bool {
        self.recorded.differs(&self.entry)
    }

    /// What was added since this was last called, but for what was [noted](Self::note); `None`: nothing.
    pub(crate) fn take_record(&mut self) -> Option<Slice> {
        if !self.has_unrecorded() {
            return None;
        }
        let slice = self.recorded.until(&self.entry);
        self.recorded.add(&slice, true);
        (!slice.is_empty()).then_some(slice)
    }

    /// The course has this already: of a worker it was told what happened when.
    pub(crate) fn note(&mut self, slice: &Slice, exact: bool) {
        self.recorded.add(slice, exact);
    }

    pub(crate) fn named(&self, id: i32) -> Named<'_> {
        Named { id, entry: &self.entry, rps: self.rates.0, fps: self.rates.1 }
    }

    fn update(&mut self, fractions: &[f64], seq: u64) {
        let row = Row::of(&self.entry, self.rates.0, self.rates.1, fractions);
        if row != self.row {
            self.row = row;
            self.changed = seq;
        }
    }
}

/// An error and what the page has of it.
#[derive(Debug, Clone)]
pub(crate) struct Error {
    pub(crate) record: Arc<ErrorRecord>,
    pub(crate) tally: Tally,
    pub(crate) changed: u64,
}

/// The copy.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    source: Option<Arc<OwnerFirst<RequestStats>>>,
    resets: u64,
    pub(crate) fractions: Vec<f64>,
    pub(crate) total: Slot,
    span: Span,
    /// By [`gregaria_stats::EntryId::index`].
    pub(crate) names: Vec<Option<Slot>>,
    pub(crate) errors: Vec<Error>,
    /// What the script measures besides its requests.
    pub(crate) measures: Vec<Measure>,
    measures_changed: u64,
    /// The latency of an open run that all other numbers are not of.
    latency: Option<Measure>,
    /// What the course has of measures already.
    recorded: MeasureMarks,
    /// Number of the event at which everything began anew.
    pub(crate) since: u64,
    /// Names known at that event have lower numbers than those found later.
    pub(crate) found: Vec<u64>,
    /// Unix time of the last look.
    pub(crate) at: f64,
}

impl Mirror {
    pub(crate) fn new(fractions: Vec<f64>) -> Self {
        let total = Slot::new(Entry::new("", "Aggregated", false, 0.0));
        Self {
            source: None,
            resets: 0,
            fractions,
            span: total.entry.span(),
            total,
            names: Vec::new(),
            errors: Vec::new(),
            measures: Vec::new(),
            measures_changed: 0,
            latency: None,
            recorded: MeasureMarks::default(),
            since: 0,
            found: Vec::new(),
            at: 0.0,
        }
    }

    /// Start of the statistics and last request.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// Seconds that rates of the whole run refer to.
    pub(crate) fn elapsed(&self) -> f64 {
        let span = self.span();
        span.last.map_or(0.0, |last| (last - span.start).max(0.0))
    }

    /// Looks at the statistics. `seq` is the number of the event that will tell; `true`: everything began anew.
    pub(crate) fn look(&mut self, numbers: &Numbers, fractions: &[f64], seq: u64, now: f64) -> bool {
        let source = numbers.current();
        let (mut anew, slots) = self.look_at_total(&source);
        if fractions != self.fractions {
            fractions.clone_into(&mut self.fractions);
            anew = true;
        }
        if anew {
            self.since = seq;
            self.names.clear();
            self.found.clear();
            self.errors.clear();
            self.total.recorded = Mark::default();
            self.recorded.clear();
        }
        self.source = Some(Arc::clone(&source));
        self.at = now;
        let fractions = std::mem::take(&mut self.fractions);
        self.total.update(&fractions, seq);
        self.look_at_names(&source, slots, &fractions, seq);
        self.look_at_errors(&source, seq);
        self.fractions = fractions;
        anew
    }

    fn look_at_total(&mut self, source: &Arc<OwnerFirst<RequestStats>>) -> (bool, usize) {
        let same = self.source.as_ref().is_some_and(|old| Arc::ptr_eq(old, source));
        let stats = source.look();
        let total = stats.total();
        let span = stats.span();
        let rates = (span.current_rate(&total.num_reqs_per_sec), span.current_rate(&total.num_fail_per_sec));
        self.span = span;
        self.total.entry = total.light();
        self.total.rates = (rates.0.value(), rates.1.value());
        let anew = !same || stats.resets() != self.resets;
        self.resets = stats.resets();
        let changes = stats.measures().changes();
        if changes != self.measures_changed || !same {
            self.measures_changed = changes;
            self.measures = stats.measures().all().to_vec();
            self.latency = stats.measures().latency().cloned();
        }
        (anew, stats.slots())
    }

    fn look_at_names(
        &mut self,
        source: &OwnerFirst<RequestStats>,
        slots: usize,
        fractions: &[f64],
        seq: u64,
    ) {
        let span = self.span();
        let quiet = span.last.map_or(f64::INFINITY, |last| last - RATE_SECONDS);
        self.names.resize_with(slots.max(self.names.len()), || None);
        self.found.resize(self.names.len(), seq);
        let mut changed = Vec::new();
        for begin in (0..slots).step_by(COPIES) {
            {
                let stats = source.look();
                if stats.resets() != self.resets {
                    // Everything went back to zero meanwhile; the next look sees it.
                    return;
                }
                for index in begin..slots.min(begin + COPIES) {
                    let Some(entry) = stats.at(index) else {
                        self.names[index] = None;
                        continue;
                    };
                    let same = self.names[index].as_ref().is_some_and(|slot| {
                        slot.entry.num_requests == entry.num_requests
                            && slot.entry.num_failures == entry.num_failures
                            && slot.rates == (0.0, 0.0)
                            && entry.last_request_timestamp.is_none_or(|last| last < quiet)
                    });
                    if same {
                        continue;
                    }
                    let rate = |seconds| span.current_rate(seconds).value();
                    let rates = (rate(&entry.num_reqs_per_sec), rate(&entry.num_fail_per_sec));
                    match &mut self.names[index] {
                        Some(slot) => {
                            if slot.entry.num_requests != entry.num_requests
                                || slot.entry.num_failures != entry.num_failures
                            {
                                slot.entry = entry.light();
                            }
                            slot.rates = rates;
                        }
                        none => none.insert(Slot::new(entry.light())).rates = rates,
                    }
                    changed.push(index);
                }
            }
            for index in changed.drain(..) {
                if let Some(slot) = &mut self.names[index] {
                    slot.update(fractions, seq);
                }
            }
        }
    }

    fn look_at_errors(&mut self, source: &OwnerFirst<RequestStats>, seq: u64) {
        {
            let stats = source.look();
            if stats.errors().len() != self.errors.len() {
                let known = self.errors.len();
                let same = stats.errors().iter().zip(&self.errors).all(|(a, b)| Arc::ptr_eq(a, &b.record));
                let known = if same && stats.errors().len() > known { known } else { 0 };
                self.errors.truncate(known);
                let new = stats.errors().iter().skip(known);
                self.errors.extend(new.map(|record| Error {
                    record: Arc::clone(record),
                    tally: Tally::default(),
                    changed: seq,
                }));
            }
        }
        for error in &mut self.errors {
            let tally = error.record.tally();
            if tally != error.tally {
                error.tally = tally;
                error.changed = seq;
            }
        }
    }

    /// What workers told of the numbers of the last look: what happened when. Later ones are left for the next look.
    pub(crate) fn take_pieces(&self) -> Vec<Piece> {
        let Some(source) = &self.source else { return Vec::new() };
        let mut stats = source.look();
        // Went everything back to zero meanwhile, they are of other numbers.
        if stats.resets() == self.resets { stats.take_pieces() } else { Vec::new() }
    }

    /// The same, and they stay for whoever records.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        let Some(source) = &self.source else { return Vec::new() };
        let stats = source.look();
        if stats.resets() == self.resets { stats.pieces().to_vec() } else { Vec::new() }
    }

    /// Rows that changed after the event `seq`.
    pub(crate) fn rows_since(&self, seq: u64) -> dto::Rows {
        let changed = self.names.iter().enumerate().filter_map(|(index, slot)| {
            let slot = slot.as_ref().filter(|slot| slot.changed > seq)?;
            Some((index as i32, &slot.row))
        });
        rows(changed, self.fractions.len())
    }

    /// The total's row.
    pub(crate) fn total_row(&self) -> dto::Rows {
        rows([(-1, &self.total.row)], self.fractions.len())
    }

    /// Names found after the event `seq`.
    pub(crate) fn names_since(&self, seq: u64) -> Vec<dto::Name> {
        let found = self.names.iter().zip(&self.found).enumerate();
        found
            .filter(|(_, (_, found))| **found > seq)
            .filter_map(|(index, (slot, _))| {
                let entry = &slot.as_ref()?.entry;
                Some(dto::Name {
                    id: index as i32,
                    method: entry.method.to_string(),
                    name: entry.name.to_string(),
                })
            })
            .collect()
    }

    /// Errors that changed after the event `seq`.
    pub(crate) fn errors_since(&self, seq: u64) -> Vec<dto::Failure> {
        self.errors.iter().filter(|error| error.changed > seq).map(failure).collect()
    }

    /// What was told of checks and metrics, and of the other latency, since this was last called, but for what was
    /// [noted](Self::note_measure).
    pub(crate) fn take_measured(&mut self) -> Vec<(MeasureKey, Slice)> {
        self.recorded.take(self.measures.iter().chain(&self.latency))
    }

    /// The course has this already.
    pub(crate) fn note_measure(&mut self, key: &MeasureKey, slice: &Slice) {
        self.recorded.note(key, slice);
    }

    /// Checks and metrics.
    pub(crate) fn measures(&self) -> Vec<dto::Measure> {
        self.measures.iter().map(measure).collect()
    }

    /// Answers by their status.
    pub(crate) fn statuses(&self) -> dto::Counts {
        let all = self.total.entry.statuses.iter().flat_map(|all| all.slots());
        all.map(|(status, count)| (status.to_string(), count)).collect()
    }

    /// Where the time went: in all requests, and in those of the names that changed after the event `seq`.
    pub(crate) fn phases(&self, seq: u64) -> dto::Phases {
        let mut out = dto::Phases { times: phase_figures(&self.total.entry), ..dto::Phases::default() };
        let names = self.names.iter().enumerate();
        let names = names.filter_map(|(index, slot)| {
            let slot = slot.as_ref().filter(|slot| slot.changed > seq || seq == 0)?;
            Some((index as i32, &slot.entry))
        });
        for (id, entry) in [(-1, &self.total.entry)].into_iter().chain(names) {
            out.id.push(id);
            out.method.push(entry.method.to_string());
            out.name.push(entry.name.to_string());
            out.count.push(entry.phases.count);
            let columns = [
                (&mut out.blocked, Phase::Blocked),
                (&mut out.queue, Phase::Queue),
                (&mut out.dns, Phase::Dns),
                (&mut out.connect, Phase::Connect),
                (&mut out.tls, Phase::Tls),
                (&mut out.send, Phase::Send),
                (&mut out.wait, Phase::Wait),
                (&mut out.receive, Phase::Receive),
            ];
            for (column, phase) in columns {
                column.push(entry.phases.mean_ms(phase));
            }
        }
        out
    }
}

fn measure(measure: &Measure) -> dto::Measure {
    let trend = |value: f64| (measure.kind == MeasureKind::Trend && measure.count > 0).then_some(value);
    let at = measure.percentiles(&[0.5, 0.95, 0.99]);
    let at = |index: usize| at.as_ref().and_then(|values| values.get(index).copied()).map(finite);
    dto::Measure {
        kind: measure.kind.name().to_owned(),
        name: measure.name.to_string(),
        shown: measure_words(measure),
        count: measure.count,
        good: measure.good,
        sum: finite(measure.sum),
        min: trend(finite(measure.min)),
        max: trend(finite(measure.max)),
        avg: measure.avg().map(finite),
        p50: at(0),
        p95: at(1),
        p99: at(2),
    }
}

/// How long each phase took.
fn phase_figures(entry: &Entry) -> Vec<dto::PhaseFigures> {
    let Some(times) = &entry.phase_times else { return Vec::new() };
    let figures = Phase::ALL.into_iter().map(|phase| {
        let slots = times.of(phase);
        let values = percentiles(&slots, &[0.5, 0.9, 0.95, 0.99, 1.0]);
        let value = |index: usize| values.get(index).copied().flatten().unwrap_or_default();
        dto::PhaseFigures {
            phase: phase.name().to_owned(),
            count: slots.iter().map(|(_, count)| count).sum(),
            p50: value(0),
            p90: value(1),
            p95: value(2),
            p99: value(3),
            max: value(4),
        }
    });
    figures.filter(|figures| figures.count > 0).collect()
}

fn failure(error: &Error) -> dto::Failure {
    let seed = &error.record.seed;
    dto::Failure {
        key: seed.key.to_string(),
        method: seed.method.to_string(),
        name: seed.name.to_string(),
        error: seed.text.to_string(),
        occurrences: error.tally.occurrences,
        first_seen: error.tally.first_seen,
        last_seen: error.tally.last_seen,
    }
}
