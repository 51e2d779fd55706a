//! The lines of the text format.

use std::fmt::Write as _;

use gregaria_stats::{Entry, Histogram};

use super::{BUCKETS_US, labels_of};

/// Counts of the values up to each of [`BUCKETS_US`]. A slot of the exact histogram that reaches beyond the end of a bucket is
/// counted in the next: values are known to 0.1 %.
pub(super) fn cumulative(slots: &[(u32, u64)]) -> [u64; BUCKETS_US.len()] {
    let mut counts = [0; BUCKETS_US.len()];
    for &(slot, count) in slots {
        let (_, highest) = Histogram::bounds(slot);
        let first = BUCKETS_US.partition_point(|&end| end < highest);
        for bucket in counts.iter_mut().skip(first) {
            *bucket += count;
        }
    }
    counts
}

/// The text format, line by line. Writing to a string cannot fail.
#[derive(Debug, Default)]
pub(super) struct Text(pub(super) String);

impl Text {
    pub(super) fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str) {
        self.head(name, help, "gauge");
    }

    pub(super) fn counter(&mut self, name: &str, help: &str) {
        self.head(name, help, "counter");
    }

    pub(super) fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"", if index == 0 { '{' } else { ',' });
            for character in text.chars() {
                match character {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    other => self.0.push(other),
                }
            }
            self.0.push('"');
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        // Rust writes whole numbers without a point and never in a form that Prometheus cannot read.
        let _ = match value {
            value if value.is_nan() => writeln!(self.0, " NaN"),
            value if value == f64::INFINITY => writeln!(self.0, " +Inf"),
            value if value == f64::NEG_INFINITY => writeln!(self.0, " -Inf"),
            value => writeln!(self.0, " {value}"),
        };
    }

    pub(super) fn histogram(&mut self, family: &str, entry: &Entry) {
        let exact = entry.exact();
        let ends = BUCKETS_US.into_iter().map(|end| end as f64 / 1e6);
        let sum = if exact.is_empty() { 0.0 } else { entry.total_response_time.value() / 1e3 };
        self.buckets(family, &labels_of(entry), ends.zip(cumulative(&exact.slots())), exact.len(), sum);
    }

    /// A histogram: (upper end, how many up to there), how many there are, their sum.
    pub(super) fn buckets(
        &mut self,
        family: &str,
        labels: &[(&str, &str)],
        buckets: impl Iterator<Item = (f64, u64)>,
        count: u64,
        sum: f64,
    ) {
        let name = format!("{family}_bucket");
        for (end, count) in buckets {
            let end = end.to_string();
            self.line(&name, &[labels, &[("le", end.as_str())]].concat(), count as f64);
        }
        self.line(&name, &[labels, &[("le", "+Inf")]].concat(), count as f64);
        self.line(&format!("{family}_sum"), labels, sum);
        self.line(&format!("{family}_count"), labels, count as f64);
    }
}
