//! The documents that Locust's own web interface gives, from the statistics: the very shapes, numbers of the very kinds.

use gregaria_record::{HostStatus, Numbers, Wanted, dto, snapshot, unix_now};
use gregaria_report::{
    Cell, EXCEPTIONS_COLUMNS, FAILURES_COLUMNS, failure_rows, requests_columns, requests_rows, write_row,
};
use gregaria_stats::{EntrySnapshot, ErrorSnapshot, Number};
use serde_json::{Map, Value, json};

use crate::answer::{JSON, attachment};
use crate::json::{of, pretty};

/// Rows of `/stats/requests` before the total's, and errors.
const MOST_ROWS: usize = 500;

/// `GET stats/requests`.
pub(crate) fn stats_requests(numbers: &Numbers, status: &HostStatus, now: f64) -> String {
    if status.state == "missing" {
        return pretty(&missing(status));
    }
    let wanted = Wanted { entries: MOST_ROWS, errors: MOST_ROWS, current_times: true, ..Wanted::default() };
    let snapshot = snapshot(numbers, &wanted, now);
    let fractions = &status.percentiles_to_statistics;
    let shown = snapshot.entries.iter().chain([&snapshot.total]);
    let rows: Vec<Value> = shown.map(|entry| row(entry, fractions)).collect();
    let errors: Vec<Value> = snapshot.errors.iter().map(error).collect();
    let total = &snapshot.total;
    let current = |fraction: f64| total.current_percentile(fraction).map_or(Value::Null, Value::from);
    let percentiles =
        status.percentiles_to_chart.iter().map(|&fraction| (percentile_key(fraction), current(fraction)));
    let mut report = json!({
        "stats": rows,
        "errors": errors,
        "current_rps": of(total.current_rps),
        "current_fail_per_sec": of(total.current_fail_per_sec),
        "total_rps": total.total_rps,
        "total_fail_per_sec": total.total_fail_per_sec,
        "fail_ratio": total.fail_ratio,
        "current_response_time_percentiles": percentiles.collect::<Map<_, _>>(),
        // Names of earlier versions, which deployed exporters read.
        "current_response_time_percentile_50": current(0.5),
        "current_response_time_percentile_95": current(0.95),
        "state": status.state,
        "user_count": status.user_count,
    });
    if status.is_distributed {
        report["workers"] = status.workers.iter().map(worker).collect();
        report["worker_count"] = status.worker_count.into();
    }
    pretty(&report)
}

/// There is no runner.
fn missing(status: &HostStatus) -> Value {
    json!({
        "stats": [],
        "errors": [],
        "total_rps": 0.0,
        "total_fail_per_sec": 0.0,
        "fail_ratio": 0.0,
        "current_response_time_percentile_1": null,
        "current_response_time_percentile_2": null,
        "state": status.state,
        "user_count": 0,
    })
}

fn worker(worker: &dto::Worker) -> Value {
    json!({
        "id": worker.id,
        "state": worker.state,
        "user_count": worker.user_count,
        "cpu_usage": worker.cpu_usage,
        "memory_usage": worker.memory_usage,
    })
}

/// As Python prints the fraction.
fn percentile_key(fraction: f64) -> String {
    format!("response_time_percentile_{}", Number::float(fraction))
}

fn row(entry: &EntrySnapshot, fractions: &[f64]) -> Value {
    let mut row = json!({
        "method": &*entry.method,
        "name": &*entry.name,
        "num_requests": entry.num_requests,
        "num_failures": entry.num_failures,
        "min_response_time": entry.min_response_time.map_or(Value::from(0), |min| Value::from(rounded(min))),
        "max_response_time": rounded(entry.max_response_time),
        "current_rps": of(entry.current_rps),
        "current_fail_per_sec": of(entry.current_fail_per_sec),
        "avg_response_time": entry.avg_response_time,
        "median_response_time": of(entry.median_response_time),
        "total_rps": entry.total_rps,
        "total_fail_per_sec": entry.total_fail_per_sec,
        "avg_content_length": of(entry.avg_content_length),
    });
    for &fraction in fractions {
        row[percentile_key(fraction)] = entry.percentile(fraction).into();
    }
    row
}

/// To whole milliseconds, halves up, as Locust does it: by a hair added behind the last digit.
fn rounded(ms: Number) -> f64 {
    let digits = ms.to_string().len() as i32;
    (ms.value() + 10f64.powi(-digits - 1)).round_ties_even()
}

fn error(error: &ErrorSnapshot) -> Value {
    json!({
        "method": &*error.method,
        "name": &*error.name,
        "error": error.text,
        "occurrences": error.tally.occurrences,
        "first_seen": error.tally.first_seen,
        "last_seen": error.tally.last_seen,
    })
}

/// A document for those who answer a route of ours by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Content-Type.
    pub kind: &'static str,
    /// Content-Disposition.
    pub disposition: Option<String>,
    /// Body.
    pub body: String,
}

/// What a route answers, given the host's answer to [`gregaria_record::Question::Status`] (for exceptions with those under `exceptions`).
/// `None`: no such document.
pub fn document(path: &str, numbers: &Numbers, status: &[u8]) -> Result<Option<Document>, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Exceptions {
        #[serde(default)]
        exceptions: Vec<dto::Exception>,
    }
    let given = HostStatus::parse(status)?;
    let listed = || serde_json::from_slice::<Exceptions>(status).map(|list| list.exceptions);
    let now = unix_now();
    let (body, file) = match path.trim_start_matches('/') {
        "stats/requests" => (stats_requests(numbers, &given, now), None),
        "stats/requests/csv" => (requests_csv(numbers, &given, now), Some("requests")),
        "stats/failures/csv" => (failures_csv(numbers, now), Some("failures")),
        "exceptions" => (exceptions(&listed()?), None),
        "exceptions/csv" => (exceptions_csv(&listed()?), Some("exceptions")),
        _ => return Ok(None),
    };
    let disposition = file.map(|kind| attachment(&given.file_stem, kind));
    let disposition = disposition.and_then(|value| value.to_str().ok().map(str::to_owned));
    Ok(Some(Document { kind: if file.is_some() { "text/csv" } else { JSON }, disposition, body }))
}

fn table(header: Vec<String>, rows: Vec<Vec<Cell>>) -> String {
    let mut out = String::new();
    write_row(&mut out, &header.into_iter().map(Cell::Text).collect::<Vec<_>>());
    for row in rows {
        write_row(&mut out, &row);
    }
    out
}

fn owned(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|&column| column.to_owned()).collect()
}

/// `GET stats/requests/csv`.
pub(crate) fn requests_csv(numbers: &Numbers, status: &HostStatus, now: f64) -> String {
    let fractions = &status.percentiles_to_report;
    let snapshot = snapshot(numbers, &Wanted { entries: usize::MAX, ..Wanted::default() }, now);
    table(requests_columns(fractions), requests_rows(&snapshot, fractions))
}

/// `GET stats/failures/csv`.
pub(crate) fn failures_csv(numbers: &Numbers, now: f64) -> String {
    let snapshot = snapshot(numbers, &Wanted { errors: usize::MAX, ..Wanted::default() }, now);
    table(owned(&FAILURES_COLUMNS), failure_rows(&snapshot.errors))
}

/// `GET exceptions/csv`.
pub(crate) fn exceptions_csv(exceptions: &[dto::Exception]) -> String {
    let rows = exceptions.iter().map(|exception| {
        vec![
            exception.count.into(),
            exception.msg.as_str().into(),
            exception.traceback.as_str().into(),
            exception.nodes.as_str().into(),
        ]
    });
    table(owned(&EXCEPTIONS_COLUMNS), rows.collect())
}

/// `GET exceptions`.
pub(crate) fn exceptions(exceptions: &[dto::Exception]) -> String {
    let rows: Vec<Value> = exceptions
        .iter()
        .map(|exception| {
            json!({
                "count": exception.count,
                "msg": exception.msg,
                "traceback": exception.traceback,
                "nodes": exception.nodes,
            })
        })
        .collect();
    pretty(&json!({ "exceptions": rows }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gregaria_record::OwnerFirst;
    use gregaria_stats::RequestStats;

    use super::*;

    #[test]
    fn times_are_rounded_as_locust_rounds_them() {
        for (ms, expected) in [(0.5, 1.0), (2.5, 3.0), (7.49, 7.0), (178.57, 179.0), (0.0, 0.0)] {
            assert_eq!(rounded(Number::float(ms)), expected, "{ms}");
        }
        assert_eq!(rounded(Number::int(8)), 8.0);
    }

    #[test]
    fn workers_that_are_missing_are_shown_but_not_counted() {
        let status = br#"{"state": "running", "is_distributed": true, "worker_count": 1, "workers": [
            {"id": "vm_a", "state": "missing", "user_count": 0, "cpu_usage": 1.0, "memory_usage": 56496128},
            {"id": "vm_b", "state": "running", "user_count": 2, "cpu_usage": 0.9, "memory_usage": 56385536}]}"#;
        let numbers = Numbers::new(Arc::new(OwnerFirst::new(RequestStats::new(true, 1.0))));
        let answer = stats_requests(&numbers, &HostStatus::parse(status).unwrap(), 2.0);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["worker_count"], 1);
        let expected = json!({
            "id": "vm_a", "state": "missing", "user_count": 0, "cpu_usage": 1.0, "memory_usage": 56_496_128
        });
        assert_eq!(answer["workers"][0], expected);
        assert_eq!(answer["workers"].as_array().map(Vec::len), Some(2));
        let alone =
            stats_requests(&numbers, &HostStatus { state: "ready".into(), ..HostStatus::default() }, 2.0);
        assert!(!alone.contains("worker"), "{alone}");
    }
}
