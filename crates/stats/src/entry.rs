//! What was measured under one method and name.

use crate::bucket::{Buckets, bucket_response_time, percentile_of};
use crate::histogram::{Histogram, micros, slot_of};
use crate::number::Number;
use crate::phases::{PhaseTimes, Phases};
use crate::seconds::Seconds;
use crate::window::Window;
use std::sync::Arc;

/// Locust looks at the seconds from this many before the last request …
const RATE_FROM: i64 = 12;
/// … until this many before it (exclusive).
const RATE_UNTIL: i64 = 2;
/// With fewer whole seconds than this in that range, the current rate is the average since the start.
const FEWEST_SECONDS: i64 = 2;

/// One request, with what both the entry and the total need computed once.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Response time in ms and its bucket; `None` for requests without one.
    time: Option<(Number, i64, u32)>,
    content_length: Number,
    now: f64,
}

impl Sample {
    /// A request that took `response_time_ms`; a time that is not finite counts as none. `now` is unix time in seconds.
    #[inline]
    pub fn new(response_time_ms: Option<f64>, content_length: u64, now: f64) -> Self {
        let time = response_time_ms
            .filter(|ms| ms.is_finite())
            .map(|ms| (Number::float(ms), bucket_response_time(ms), slot_of(micros(ms))));
        Self { time, content_length: Number::int(content_length as i64), now }
    }

    /// As [`Self::new`], for numbers as Python gives them and a bucket that need not be Locust's.
    pub fn with_bucket(time_ms: Option<(Number, i64)>, content_length: Number, now: f64) -> Self {
        let time = time_ms.map(|(ms, bucket)| (ms, bucket, slot_of(micros(ms.value()))));
        Self { time, content_length, now }
    }
}

/// First and last moment of a whole run (the total entry's), which all rates refer to. Unix time in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Last reset.
    pub start: f64,
    /// Last request.
    pub last: Option<f64>,
    /// The newest unix second of which everything is known, where workers have to report it first.
    pub settled: Option<i64>,
}

impl Span {
    /// Current rates end with that second at the latest.
    pub fn settled(self, second: Option<i64>) -> Self {
        Self { settled: second, ..self }
    }

    /// The seconds of the current rate; `None`: too early, average since the start instead.
    fn window(self, last: f64) -> Option<(i64, i64)> {
        let last = match self.settled {
            Some(settled) => last.min(settled.saturating_add(RATE_UNTIL + 1) as f64).max(self.start),
            None => last,
        };
        let from = (last as i64 - RATE_FROM).max(self.start as i64);
        let until = last as i64 - RATE_UNTIL;
        (until - from >= FEWEST_SECONDS || self.start as i64 > last as i64).then_some((from, until))
    }

    /// Locust's current rate of what `seconds` counts: mean over the seconds L-12 to L-3, L being the second of the last
    /// request of the whole run.
    ///
    /// Locust shows about zero for the first three seconds of a run, then the count of the (partial) first second alone.
    /// Here, while fewer than two seconds of that range exist, the rate is everything since the start divided by the time
    /// since the start, taken as at least one second.
    pub fn current_rate(self, seconds: &Seconds) -> Number {
        let Some(last) = self.last else { return Number::ZERO };
        let rate = match self.window(last) {
            Some((from, until)) => seconds.sum(from, until) as f64 / (until - from).max(1) as f64,
            None => seconds.sum(self.start as i64, i64::MAX) as f64 / (last - self.start).max(1.0),
        };
        Number::float(rate)
    }

    /// `count` divided by the time between start and last request; 0 when undefined.
    pub fn total_rate(self, count: u64) -> f64 {
        match self.last {
            Some(last) if last > self.start && self.start != 0.0 => count as f64 / (last - self.start),
            _ => 0.0,
        }
    }
}

/// The statistics of one method and name. Fields are what Locust's `StatsEntry` shows; times in ms, moments in unix seconds.
#[derive(Debug, Clone)]
pub struct Entry {
    /// HTTP method, or whatever the script calls the type of the request.
    pub method: Arc<str>,
    /// URL path or the name given by the script.
    pub name: Arc<str>,
    /// Requests, failed ones included.
    pub num_requests: u64,
    /// Requests without a response time.
    pub num_none_requests: u64,
    /// Failures.
    pub num_failures: u64,
    /// Sum of the response times.
    pub total_response_time: Number,
    /// Smallest response time.
    pub min_response_time: Option<Number>,
    /// Largest response time; 0 without any.
    pub max_response_time: Number,
    /// Sum of content lengths, in bytes.
    pub total_content_length: Number,
    /// Last reset.
    pub start_time: f64,
    /// Last request.
    pub last_request_timestamp: Option<f64>,
    /// Requests per second of wall clock.
    pub num_reqs_per_sec: Seconds,
    /// Failures per second of wall clock.
    pub num_fail_per_sec: Seconds,
    /// Where the time went, of requests that tell.
    pub phases: Phases,
    /// The same as histograms; the total has them.
    pub phase_times: Option<Box<PhaseTimes>>,
    /// Answers by their status; 0 is none. The total has them, of requests that tell. A histogram tells such numbers apart exactly.
    pub statuses: Option<Box<Histogram>>,
    times: Buckets,
    exact: Histogram,
    window: Option<Window>,
}

impl Entry {
    /// An empty entry. `cached`: keep what current percentiles need.
    pub fn new(method: &str, name: &str, cached: bool, now: f64) -> Self {
        let mut entry = Self {
            method: method.into(),
            name: name.into(),
            num_requests: 0,
            num_none_requests: 0,
            num_failures: 0,
            total_response_time: Number::ZERO,
            min_response_time: None,
            max_response_time: Number::ZERO,
            total_content_length: Number::ZERO,
            start_time: now,
            last_request_timestamp: None,
            num_reqs_per_sec: Seconds::default(),
            num_fail_per_sec: Seconds::default(),
            phases: Phases::default(),
            phase_times: None,
            statuses: None,
            times: Buckets::default(),
            exact: Histogram::default(),
            window: cached.then(Window::default),
        };
        entry.store_times(now as i64, 0);
        entry
    }

    /// Back to an empty entry that starts now.
    pub fn reset(&mut self, now: f64) {
        *self = Self {
            method: Arc::clone(&self.method),
            name: Arc::clone(&self.name),
            ..Self::new("", "", self.window.is_some(), now)
        };
    }

    /// Counts one request. `window` is the length of the current window in seconds. `true` when a new second began.
    #[inline]
    pub fn record(&mut self, sample: &Sample, window: u32) -> bool {
        let second = sample.now as i64;
        if let Some(last) = self.last_request_timestamp
            && second > last as i64
        {
            self.store_times(second - 1, window);
        }
        self.num_requests += 1;
        self.total_content_length = self.total_content_length.plus(sample.content_length);
        self.record_time(sample);
        self.record_moment(sample.now)
    }

    /// The step of [`Self::record`] that counts when the request was. `true` when a new second began.
    #[inline]
    pub fn record_moment(&mut self, now: f64) -> bool {
        // Samples may come slightly out of order: they carry the moment they ended, not the one they are counted.
        self.last_request_timestamp = Some(self.last_request_timestamp.map_or(now, |last| last.max(now)));
        self.num_reqs_per_sec.add(now as i64, 1)
    }

    /// The step of [`Self::record`] that counts how long the request took.
    #[inline]
    pub fn record_time(&mut self, sample: &Sample) {
        if let Some((ms, bucket, slot)) = sample.time {
            self.total_response_time = self.total_response_time.plus(ms);
            self.min_response_time = Some(self.min_response_time.map_or(ms, |min| min.min(ms)));
            self.max_response_time = self.max_response_time.max(ms);
            self.times.add(bucket, 1);
            self.exact.add(slot, 1);
        } else {
            self.num_none_requests += 1;
        }
    }

    /// Counts one failure (of a request counted by [`Self::record`]). `true` when a new second began.
    pub fn record_failure(&mut self, now: f64) -> bool {
        self.num_failures += 1;
        self.num_fail_per_sec.add(now as i64, 1)
    }

    /// The step of [`Self::record`] that keeps a copy of the rounded times, as those of `second`.
    pub fn store_times(&mut self, second: i64, window: u32) {
        if let Some(copies) = &mut self.window {
            copies.store(
                second,
                &self.times,
                self.num_requests as i64,
                self.num_none_requests as i64,
                window,
            );
        }
    }

    /// Adds all of `other`. Merging is associative as long as the sums of times are exact.
    pub fn merge(&mut self, other: &Self, window: u32) {
        let before = self.last_request_timestamp;
        self.last_request_timestamp = match (before, other.last_request_timestamp) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.start_time = self.start_time.min(other.start_time);
        self.num_requests += other.num_requests;
        self.num_none_requests += other.num_none_requests;
        self.num_failures += other.num_failures;
        self.total_response_time = self.total_response_time.plus(other.total_response_time);
        self.max_response_time = self.max_response_time.max(other.max_response_time);
        self.min_response_time = match (self.min_response_time, other.min_response_time) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.total_content_length = self.total_content_length.plus(other.total_content_length);
        self.times.merge(&other.times);
        self.exact.merge(&other.exact);
        self.num_reqs_per_sec.merge(&other.num_reqs_per_sec);
        self.num_fail_per_sec.merge(&other.num_fail_per_sec);
        self.phases.merge(&other.phases);
        if let Some(times) = &other.phase_times {
            self.phase_times.get_or_insert_default().merge(times);
        }
        if let Some(statuses) = &other.statuses {
            self.statuses.get_or_insert_default().merge(statuses);
        }
        // A new second of the merged clock: keep a copy. Reports of other nodes for the same second may still
        // come, which makes the window approximate, as it is anyway.
        if let Some(last) = self.last_request_timestamp.map(|last| last as i64)
            && last != 0
            && last > before.map_or(0, |before| before as i64)
        {
            self.store_times(last, window);
        }
    }

    /// A copy without what is kept for each second: small, and quickly made. Its rates are unknown.
    pub fn light(&self) -> Self {
        Self {
            method: Arc::clone(&self.method),
            name: Arc::clone(&self.name),
            num_reqs_per_sec: Seconds::default(),
            num_fail_per_sec: Seconds::default(),
            phase_times: self.phase_times.clone(),
            statuses: self.statuses.clone(),
            times: self.times.clone(),
            exact: self.exact.clone(),
            window: None,
            ..*self
        }
    }

    /// The rounded response times.
    pub fn times(&self) -> &Buckets {
        &self.times
    }

    /// Replaces the rounded response times.
    pub fn set_times(&mut self, times: Buckets) {
        if let Some(window) = &mut self.window {
            window.detach(&self.times);
        }
        self.times = times;
    }

    /// The exact response times, in microseconds.
    pub fn exact(&self) -> &Histogram {
        &self.exact
    }

    /// Replaces the exact response times.
    pub fn set_exact(&mut self, exact: Histogram) {
        self.exact = exact;
    }

    /// The copies for current percentiles; `None` when not kept.
    pub fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    /// Replaces the copies for current percentiles.
    pub fn set_window(&mut self, window: Option<Window>) {
        self.window = window;
    }

    /// Requests with a response time.
    pub fn timed(&self) -> i64 {
        self.num_requests as i64 - self.num_none_requests as i64
    }

    /// Failures per request; 1 with failures and no requests.
    pub fn fail_ratio(&self) -> f64 {
        match (self.num_requests, self.num_failures) {
            (0, 0) => 0.0,
            (0, _) => 1.0,
            (requests, failures) => failures as f64 / requests as f64,
        }
    }

    /// Mean response time in ms; 0 without any.
    pub fn avg_response_time(&self) -> f64 {
        match self.timed() {
            0 => 0.0,
            timed => self.total_response_time.value() / timed as f64,
        }
    }

    /// Mean content length in bytes: the integer 0 without requests.
    pub fn avg_content_length(&self) -> Number {
        match self.num_requests {
            0 => Number::ZERO,
            requests => Number::float(self.total_content_length.value() / requests as f64),
        }
    }

    /// The 50th percentile of the buckets, but not outside the exact minimum and maximum.
    pub fn median_response_time(&self) -> Number {
        if self.times.is_empty() {
            return Number::ZERO;
        }
        self.median_within(self.percentile(0.5))
    }

    /// [`Self::median_response_time`] of an entry with times whose 50th percentile is known already.
    pub fn median_within(&self, percentile: i64) -> Number {
        let median = Number::int(percentile);
        if median.value() > self.max_response_time.value() {
            return self.max_response_time;
        }
        self.min_response_time.filter(|min| median.value() < min.value()).unwrap_or(median)
    }

    /// Percentile of the buckets, `fraction` within 0..=1.
    pub fn percentile(&self, fraction: f64) -> i64 {
        percentile_of(&self.times.descending(), self.timed(), fraction)
    }

    /// Percentiles of the buckets at several fractions.
    pub fn percentiles(&self, fractions: &[f64]) -> Vec<i64> {
        let times = self.times.descending();
        let timed = self.timed();
        fractions.iter().map(|&fraction| percentile_of(&times, timed, fraction)).collect()
    }

    /// Percentile over about the last `window` seconds; `None` when no copy of that age is at hand.
    pub fn current_percentile(&self, now: i64, window: u32, fraction: f64) -> Option<i64> {
        self.window.as_ref()?.percentile(now, window, &self.times, self.timed(), fraction)
    }

    /// True percentiles in ms (within 0.1 %, and within the exact minimum and maximum). `None` without timed requests, or
    /// when some of them came without exact times (from an original Locust worker, or written by the script).
    pub fn exact_percentiles(&self, fractions: &[f64]) -> Option<Vec<f64>> {
        let min = self.min_response_time?.value();
        if self.exact.len() as i64 != self.timed() {
            return None;
        }
        let max = self.max_response_time.value().max(min);
        let within = |us: u64| (us as f64 / 1_000.0).clamp(min, max);
        Some(self.exact.values_at(fractions).into_iter().map(within).collect())
    }

    /// Start and last request of this entry.
    pub fn span(&self) -> Span {
        Span { start: self.start_time, last: self.last_request_timestamp, settled: None }
    }

    /// Bytes this entry takes, without the allocator's own and the two strings.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.times.heap_bytes()
            + self.exact.heap_bytes()
            + self.phase_times.as_ref().map_or(0, |times| size_of::<PhaseTimes>() + times.heap_bytes())
            + self.statuses.as_ref().map_or(0, |all| size_of::<Histogram>() + all.heap_bytes())
            + self.num_reqs_per_sec.heap_bytes()
            + self.num_fail_per_sec.heap_bytes()
            + self.window.as_ref().map_or(0, Window::heap_bytes)
    }
}

/// Equal numbers; the copies for current percentiles are not compared.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (&self.method, &self.name) == (&other.method, &other.name)
            && self.num_requests == other.num_requests
            && self.num_none_requests == other.num_none_requests
            && self.num_failures == other.num_failures
            && self.total_response_time.value() == other.total_response_time.value()
            && self.min_response_time.map(Number::value) == other.min_response_time.map(Number::value)
            && self.max_response_time.value() == other.max_response_time.value()
            && self.total_content_length.value() == other.total_content_length.value()
            && self.start_time == other.start_time
            && self.last_request_timestamp == other.last_request_timestamp
            && self.num_reqs_per_sec == other.num_reqs_per_sec
            && self.num_fail_per_sec == other.num_fail_per_sec
            && self.times == other.times
            && self.exact == other.exact
    }
}

#[cfg(test)]
mod tests;
