//! Remote write 1.0: a protocol buffer of four small messages, packed by snappy.
//!
//! ```text
//! WriteRequest { 1: TimeSeries… }   TimeSeries { 1: Label…, 2: Sample… }
//! Label { 1: name, 2: value }       Sample { 1: double value, 2: int64 milliseconds }
//! ```

use gregaria_stats::varint::put;

use super::{Batch, FRACTIONS, Row};

/// What Prometheus takes for "there is no value from here on".
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);
const OF_LENGTH: u64 = 2;
const OF_EIGHT_BYTES: u64 = 1;
const VARINT: u64 = 0;

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    put(out, field << 3 | OF_LENGTH);
    put(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Name of a metric, and its value of a second.
type Column = (&'static str, fn(&Row) -> f64);

/// One series after the other.
struct Series<'a> {
    out: Vec<u8>,
    run: &'a str,
}

impl Series<'_> {
    /// Adds a series, if it has values. Prometheus wants labels in the order of their names, and samples in that of time.
    fn add(&mut self, metric: &str, labels: &[(&str, &str)], values: impl Iterator<Item = (i64, f64)>) {
        let mut series = Vec::new();
        let all = [("__name__", metric), ("job", "gregaria")];
        for (name, value) in all.iter().chain(labels).chain(&[("run", self.run)]) {
            // An empty label is none.
            if !value.is_empty() {
                let mut label = Vec::new();
                bytes(&mut label, 1, name.as_bytes());
                bytes(&mut label, 2, value.as_bytes());
                bytes(&mut series, 1, &label);
            }
        }
        let before = series.len();
        for (at, value) in values {
            let mut sample = Vec::new();
            put(&mut sample, 1 << 3 | OF_EIGHT_BYTES);
            sample.extend_from_slice(&value.to_le_bytes());
            put(&mut sample, 2 << 3 | VARINT);
            put(&mut sample, (at * 1_000) as u64);
            bytes(&mut series, 2, &sample);
        }
        if series.len() > before {
            bytes(&mut self.out, 1, &series);
        }
    }
}

pub(super) fn body(batch: &Batch<'_>) -> Vec<u8> {
    let mut series = Series { out: Vec::new(), run: batch.run };
    let end = batch.ended.map(|at| (at, STALE));
    let columns: [Column; 4] = [
        ("gregaria_requests_total", |row| row.sums.0 as f64),
        ("gregaria_failures_total", |row| row.sums.1 as f64),
        ("gregaria_request_rate", |row| row.count.0 as f64),
        ("gregaria_failure_rate", |row| row.count.1 as f64),
    ];
    for ((method, name), rows) in &batch.names {
        let labels = [("method", *method), ("name", *name)];
        for (metric, value) in columns {
            series.add(metric, &labels, rows.iter().map(|row| (row.at, value(row))).chain(end));
        }
        for (index, fraction) in FRACTIONS.iter().enumerate() {
            let quantile = fraction.to_string();
            let labels = [labels[0], labels[1], ("quantile", quantile.as_str())];
            let values = rows.iter().filter_map(|row| Some((row.at, row.percentiles[index]?)));
            series.add("gregaria_request_duration_quantile_seconds", &labels, values.chain(end));
        }
    }
    series.add("gregaria_users", &[], batch.users.iter().map(|&(at, users)| (at, users as f64)).chain(end));
    // It fails only for what has no room in 32 bits.
    snap::raw::Encoder::new().compress_vec(&series.out).unwrap_or_default()
}
