//! The statistics of a run that is kept, made anew from its rows and its course: for reports that are made of statistics.

use gregaria_report::Threshold;
use gregaria_report::facts::{Exception, Facts};
use gregaria_report::junit;
use gregaria_stats::{Entry, ErrorSeed, Histogram, Number, RequestStats, Tally, bucket_response_time};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::run::StoredRun;
use crate::dto;

impl StoredRun {
    /// The result as JUnit XML. What a listener made of the exit code is not among what is kept: a run that has failed is one whose
    /// requests, exceptions or thresholds have.
    pub fn junit(&self) -> String {
        let snapshot = self.statistics().snapshot(self.summary.ended, &junit::snapshot_options());
        junit::document(&snapshot, &self.facts())
    }

    fn facts(&self) -> Facts {
        let thresholds: Vec<Threshold> = self.thresholds.iter().filter_map(alike).collect();
        Facts {
            info: alike(&self.info).unwrap_or_default(),
            exceptions: self.exceptions.iter().filter_map(alike::<_, Exception>).collect(),
            exit_code: 0,
            lenient: !thresholds.is_empty(),
            thresholds,
            verdict: alike(&self.verdict).unwrap_or_default(),
            arrivals: self.arrivals.as_ref().and_then(alike),
            ..Facts::default()
        }
    }

    fn statistics(&self) -> RequestStats {
        let began = self.summary.since;
        let mut stats = RequestStats::new(false, began);
        let places: std::collections::HashMap<i32, usize> =
            self.rows.id.iter().enumerate().map(|(at, &id)| (id, at)).collect();
        for name in &self.names {
            if let Some(&at) = places.get(&name.id) {
                stats.put(self.entry(&name.method, &name.name, name.id, &self.rows, at));
            }
        }
        *stats.total_mut() = self.entry("", "Aggregated", -1, &self.total, 0);
        for failure in &self.errors {
            let seed = ErrorSeed {
                key: failure.key.as_str().into(),
                method: failure.method.as_str().into(),
                name: failure.name.as_str().into(),
                text: failure.error.as_str().into(),
                display: failure.error.as_str().into(),
            };
            let tally = Tally {
                occurrences: failure.occurrences,
                first_seen: failure.first_seen,
                last_seen: failure.last_seen,
            };
            stats.errors_mut().insert(seed, tally);
        }
        stats
    }

    fn entry(&self, method: &str, name: &str, id: i32, rows: &dto::Rows, at: usize) -> Entry {
        let slots = self.course.slots(id);
        let timed: u64 = slots.iter().fold(0, |sum, &(_, count)| count.saturating_add(sum));
        let time = |column: &[f64]| column.get(at).copied().unwrap_or_default();
        let count = |column: &[u64]| column.get(at).copied().unwrap_or_default();
        let mut entry = Entry::new(method, name, false, self.summary.since);
        entry.num_requests = count(&rows.requests);
        entry.num_none_requests = entry.num_requests.saturating_sub(timed);
        entry.num_failures = count(&rows.failures);
        entry.total_response_time = Number::float(time(&rows.avg) * timed as f64);
        entry.min_response_time = (timed > 0).then(|| Number::float(time(&rows.min)));
        entry.max_response_time = Number::float(time(&rows.max));
        entry.total_content_length = Number::float(time(&rows.size) * entry.num_requests as f64);
        entry.last_request_timestamp = Some(self.summary.since + self.elapsed);
        let rounded = |&(slot, count): &(u32, u64)| {
            (bucket_response_time(Histogram::bounds(slot).1 as f64 / 1_000.0), count)
        };
        entry.set_times(slots.iter().map(rounded).collect());
        entry.set_exact(Histogram::from_slots(slots));
        entry
    }
}

/// The same for others who read it: they know the keys that they need.
fn alike<From: Serialize, To: DeserializeOwned>(value: &From) -> Option<To> {
    serde_json::from_value(serde_json::to_value(value).ok()?).ok()
}
