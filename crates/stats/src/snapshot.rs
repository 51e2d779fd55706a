//! All numbers at one moment, owned: what reports are made from.

use crate::bucket::percentile_of;
use crate::entry::{Entry, Span};
use crate::error::{ErrorRecord, Tally};
use crate::measures::Measure;
use crate::number::Number;
use crate::request_stats::RequestStats;
use std::sync::Arc;

/// What a snapshot should hold besides the counters, to keep it cheap.
#[derive(Debug, Clone, Default)]
pub struct SnapshotOptions {
    /// Every entry, or only the total.
    pub entries: bool,
    /// The errors.
    pub errors: bool,
    /// Response times within the current window.
    pub current_times: bool,
    /// Exact percentiles at these fractions.
    pub exact: Vec<f64>,
}

impl SnapshotOptions {
    /// Entries and errors: what the final tables need.
    pub fn tables() -> Self {
        Self { entries: true, errors: true, ..Self::default() }
    }
}

/// Response times of the current window.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowTimes {
    times: Vec<(i64, i64)>,
    timed: i64,
}

impl WindowTimes {
    /// Those of an entry, as far as they are kept. `now` is unix time in seconds.
    pub fn of(entry: &Entry, window: u32, now: f64) -> Option<Self> {
        let recent = entry.window()?.recent(now as i64, window, entry.times(), entry.timed());
        recent.map(|(times, timed)| Self { times, timed })
    }
}

/// One entry of a snapshot. Times in ms, moments in unix seconds.
#[derive(Debug, Clone)]
pub struct EntrySnapshot {
    /// Method.
    pub method: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Requests.
    pub num_requests: u64,
    /// Requests without a response time.
    pub num_none_requests: u64,
    /// Failures.
    pub num_failures: u64,
    /// Failures per request.
    pub fail_ratio: f64,
    /// Smallest response time.
    pub min_response_time: Option<Number>,
    /// Largest response time.
    pub max_response_time: Number,
    /// Mean response time.
    pub avg_response_time: f64,
    /// Median response time.
    pub median_response_time: Number,
    /// Mean content length.
    pub avg_content_length: Number,
    /// Current requests per second.
    pub current_rps: Number,
    /// Current failures per second.
    pub current_fail_per_sec: Number,
    /// Requests per second since the start.
    pub total_rps: f64,
    /// Failures per second since the start.
    pub total_fail_per_sec: f64,
    /// Whether current percentiles are kept at all.
    pub cached: bool,
    /// Response times of the current window, if asked for and known.
    pub current_times: Option<WindowTimes>,
    /// Exact percentiles at the fractions asked for, if known.
    pub exact: Option<Vec<f64>>,
    times: Vec<(i64, i64)>,
}

impl EntrySnapshot {
    /// `span` is the total's; `now` is unix time in seconds.
    pub fn of(entry: &Entry, span: Span, window: u32, now: f64, options: &SnapshotOptions) -> Self {
        let current_times = if options.current_times { WindowTimes::of(entry, window, now) } else { None };
        Self {
            method: Arc::clone(&entry.method),
            name: Arc::clone(&entry.name),
            num_requests: entry.num_requests,
            num_none_requests: entry.num_none_requests,
            num_failures: entry.num_failures,
            fail_ratio: entry.fail_ratio(),
            min_response_time: entry.min_response_time,
            max_response_time: entry.max_response_time,
            avg_response_time: entry.avg_response_time(),
            median_response_time: entry.median_response_time(),
            avg_content_length: entry.avg_content_length(),
            current_rps: span.current_rate(&entry.num_reqs_per_sec),
            current_fail_per_sec: span.current_rate(&entry.num_fail_per_sec),
            total_rps: span.total_rate(entry.num_requests),
            total_fail_per_sec: span.total_rate(entry.num_failures),
            cached: entry.window().is_some(),
            current_times,
            exact: if options.exact.is_empty() { None } else { entry.exact_percentiles(&options.exact) },
            times: entry.times().descending(),
        }
    }

    /// Whether any request had a response time.
    pub fn has_times(&self) -> bool {
        !self.times.is_empty()
    }

    /// Percentile of the buckets since the start.
    pub fn percentile(&self, fraction: f64) -> i64 {
        percentile_of(&self.times, self.num_requests as i64 - self.num_none_requests as i64, fraction)
    }

    /// Percentile of the buckets over about the last ten seconds.
    pub fn current_percentile(&self, fraction: f64) -> Option<i64> {
        self.current_times.as_ref().map(|recent| percentile_of(&recent.times, recent.timed, fraction))
    }
}

/// One error of a snapshot.
#[derive(Debug, Clone)]
pub struct ErrorSnapshot {
    /// Key on the cluster's wire.
    pub key: String,
    /// Method.
    pub method: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Text.
    pub text: String,
    /// Text as the console shows it.
    pub display: String,
    /// Counts.
    pub tally: Tally,
}

impl ErrorSnapshot {
    /// The present counts of one error.
    pub fn of(error: &ErrorRecord) -> Self {
        let seed = &error.seed;
        Self {
            key: seed.key.to_string(),
            method: Arc::clone(&seed.method),
            name: Arc::clone(&seed.name),
            text: seed.text.to_string(),
            display: seed.display.to_string(),
            tally: error.tally(),
        }
    }
}

/// The state of a run at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Unix time in seconds.
    pub at: f64,
    /// Start and last request of the run.
    pub span: Span,
    /// The aggregate.
    pub total: EntrySnapshot,
    /// Entries by name, then method.
    pub entries: Vec<EntrySnapshot>,
    /// Errors in order of first occurrence.
    pub errors: Vec<ErrorSnapshot>,
    /// What the script measured besides, if errors were asked for.
    pub measures: Vec<Measure>,
}

impl RequestStats {
    /// The present state. `now` is unix time in seconds.
    pub fn snapshot(&self, now: f64, options: &SnapshotOptions) -> Snapshot {
        let span = self.span();
        let of = |entry: &Entry| EntrySnapshot::of(entry, span, self.window(), now, options);
        let mut entries: Vec<&Entry> = Vec::new();
        if options.entries {
            entries.extend(self.entries().map(|(_, entry)| entry));
            entries.sort_unstable_by(|a, b| (&a.name, &a.method).cmp(&(&b.name, &b.method)));
        }
        let errors = if options.errors {
            self.errors().iter().map(|error| ErrorSnapshot::of(error)).collect()
        } else {
            Vec::new()
        };
        Snapshot {
            at: now,
            span,
            total: of(self.total()),
            entries: entries.into_iter().map(of).collect(),
            errors,
            measures: if options.errors { self.measures().all().to_vec() } else { Vec::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_sorted_by_name_then_method_and_holds_what_was_asked_for() {
        let mut stats = RequestStats::new(true, 1_000.0);
        for (method, name) in [("POST", "/b"), ("GET", "/b"), ("PUT", "/a")] {
            let id = stats.entry_id(method, name, 1_000.0);
            assert!(stats.record(id, Some(10.0), 4, 1_000.5));
        }
        let bare = stats.snapshot(1_001.0, &SnapshotOptions::default());
        assert!(
            bare.entries.is_empty()
                && bare.total.exact.is_none()
                && bare.total.current_percentile(0.5).is_none()
        );
        let options = SnapshotOptions { current_times: true, exact: vec![0.5], ..SnapshotOptions::tables() };
        let full = stats.snapshot(1_005.0, &options);
        let keys: Vec<_> = full.entries.iter().map(|entry| (&*entry.name, &*entry.method)).collect();
        assert_eq!(keys, [("/a", "PUT"), ("/b", "GET"), ("/b", "POST")]);
        assert_eq!(full.total.exact, Some(vec![10.0]));
        assert_eq!(full.total.current_percentile(0.5), Some(10));
        assert_eq!((full.total.percentile(0.5), full.total.total_rps), (10, 6.0));
    }
}
