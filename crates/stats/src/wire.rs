//! An entry in the form that Locust's JSON and cluster messages give it.

use crate::entry::Entry;
use crate::number::Number;

/// The fields of Locust's serialised entry, in its order. Times in ms, moments in unix seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryWire {
    /// Name.
    pub name: String,
    /// Method.
    pub method: String,
    /// Last request.
    pub last_request_timestamp: Option<f64>,
    /// Last reset.
    pub start_time: f64,
    /// Requests.
    pub num_requests: u64,
    /// Requests without a response time.
    pub num_none_requests: u64,
    /// Failures.
    pub num_failures: u64,
    /// Sum of response times.
    pub total_response_time: Number,
    /// Largest response time.
    pub max_response_time: Number,
    /// Smallest response time.
    pub min_response_time: Option<Number>,
    /// Sum of content lengths.
    pub total_content_length: Number,
    /// (bucket, count), in order of first use.
    pub response_times: Vec<(i64, u64)>,
    /// (second, count).
    pub num_reqs_per_sec: Vec<(i64, u64)>,
    /// (second, count).
    pub num_fail_per_sec: Vec<(i64, u64)>,
}

impl EntryWire {
    /// The present numbers of an entry, which stays as it is.
    pub fn of(entry: &Entry) -> Self {
        Self {
            name: entry.name.to_string(),
            method: entry.method.to_string(),
            last_request_timestamp: entry.last_request_timestamp,
            start_time: entry.start_time,
            num_requests: entry.num_requests,
            num_none_requests: entry.num_none_requests,
            num_failures: entry.num_failures,
            total_response_time: entry.total_response_time,
            max_response_time: entry.max_response_time,
            min_response_time: entry.min_response_time,
            total_content_length: entry.total_content_length,
            response_times: entry.times().iter().collect(),
            num_reqs_per_sec: entry.num_reqs_per_sec.iter().collect(),
            num_fail_per_sec: entry.num_fail_per_sec.iter().collect(),
        }
    }
}

/// Without copies for current percentiles, as what is received is only merged.
impl From<EntryWire> for Entry {
    fn from(wire: EntryWire) -> Self {
        let mut entry = Self::new(&wire.method, &wire.name, false, wire.start_time);
        entry.last_request_timestamp = wire.last_request_timestamp;
        entry.num_requests = wire.num_requests;
        entry.num_none_requests = wire.num_none_requests;
        entry.num_failures = wire.num_failures;
        entry.total_response_time = wire.total_response_time;
        entry.max_response_time = wire.max_response_time;
        entry.min_response_time = wire.min_response_time;
        entry.total_content_length = wire.total_content_length;
        entry.num_reqs_per_sec = wire.num_reqs_per_sec.into_iter().collect();
        entry.num_fail_per_sec = wire.num_fail_per_sec.into_iter().collect();
        entry.set_times(wire.response_times.into_iter().collect());
        entry
    }
}
