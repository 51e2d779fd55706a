//! What nodes of a distributed test tell each other of their numbers.

use std::sync::Arc;

use super::{RequestStats, Warning};
use crate::entry::Entry;
use crate::error::ErrorRecord;

/// What one node measured since it last told.
#[derive(Debug, Default)]
pub struct Report {
    /// Entries with requests or failures.
    pub entries: Vec<Entry>,
    /// The total.
    pub total: Option<Entry>,
    /// The errors.
    pub errors: Vec<Arc<ErrorRecord>>,
}

impl RequestStats {
    /// Takes everything out that was measured since the last time, in one step: a sample is either in this report or in the
    /// next.
    pub fn take_report(&mut self, now: f64) -> Report {
        self.resets += 1;
        self.seconds = 0;
        let take = |entry: &mut Entry| {
            let fresh = Entry::new(&entry.method, &entry.name, entry.window().is_some(), now);
            std::mem::replace(entry, fresh)
        };
        let used = self.entries.iter_mut().flatten().filter(|entry| is_used(entry));
        let entries = used.map(|entry| take(entry)).collect();
        let total = Some(take(&mut self.total));
        let errors = self.errors.iter().map(Arc::clone).collect();
        self.errors.clear();
        Report { entries, total, errors }
    }

    /// Adds another node's report. What holds no request is left alone: its times say nothing.
    pub fn merge_report(&mut self, report: &Report) {
        for entry in report.entries.iter().filter(|entry| is_used(entry)) {
            self.merge_entry(entry);
        }
        if let Some(total) = report.total.as_ref().filter(|total| is_used(total)) {
            self.total.merge(total, self.window);
        }
        for record in &report.errors {
            let is_new = self.errors.get(&record.seed.key).is_none();
            if is_new && self.errors.is_full() && !self.warned_errors {
                self.warned_errors = true;
                self.warnings.push(Warning::TooManyErrors);
            }
            self.errors.insert(record.seed.clone(), record.tally());
        }
    }
}

fn is_used(entry: &Entry) -> bool {
    entry.num_requests > 0 || entry.num_failures > 0
}
