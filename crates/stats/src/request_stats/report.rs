//! What nodes of a distributed test tell each other of their numbers.

use std::sync::Arc;

use super::cuts::Cuts;
use super::{RequestStats, Warning};
use crate::entry::Entry;
use crate::error::ErrorRecord;
use crate::measures::Measure;
use crate::placing::{Of, Piece, Placed, Placing};
use crate::slices::Slices;

/// What one node measured since it last told.
#[derive(Debug, Default)]
pub struct Report {
    /// Entries with requests or failures.
    pub entries: Vec<Entry>,
    /// The total.
    pub total: Option<Entry>,
    /// The errors.
    pub errors: Vec<Arc<ErrorRecord>>,
    /// What the script measured besides.
    pub measures: Vec<Measure>,
}

impl RequestStats {
    /// Takes everything out that was measured since the last time, in one step: a sample is either in this report or in the
    /// next. With [`Self::keep_seconds`] its seconds are there for [`Self::take_seconds`] then.
    pub fn take_report(&mut self, now: f64) -> Report {
        self.resets += 1;
        self.seconds = 0;
        let take = |entry: &mut Entry| {
            let fresh = Entry::new(&entry.method, &entry.name, entry.window().is_some(), now);
            std::mem::replace(entry, fresh)
        };
        let unfetched = self.cuts.as_deref_mut().map(Cuts::unfetched);
        let mut entries = Vec::new();
        for (index, entry) in self.entries.iter_mut().enumerate() {
            let Some(entry) = entry.as_mut().filter(|entry| is_used(entry)) else { continue };
            let entry = take(entry);
            if let Some(cuts) = &mut self.cuts {
                cuts.take(index, &entry);
            }
            entries.push(entry);
        }
        let total = take(&mut self.total);
        let measures = self.measures.take();
        if let Some(cuts) = &mut self.cuts {
            cuts.take_total(&total);
            cuts.take_measures(&measures);
            let fresh = cuts.unfetched();
            cuts.append(unfetched.unwrap_or_default());
            cuts.append(fresh);
        }
        let errors = self.errors.iter().map(Arc::clone).collect();
        self.errors.clear();
        Report { entries, total: Some(total), errors, measures }
    }

    /// Adds another node's report. What holds no request is left alone: its times say nothing.
    pub fn merge_report(&mut self, report: &Report) {
        for entry in report.entries.iter().filter(|entry| is_used(entry)) {
            self.merge_entry(entry);
        }
        if let Some(total) = report.total.as_ref().filter(|total| is_used(total)) {
            self.total.merge(total, self.window);
        }
        self.measures.merge(&report.measures);
        for record in &report.errors {
            let is_new = self.errors.get(&record.seed.key).is_none();
            if is_new && self.errors.is_full() && !self.warned_errors {
                self.warned_errors = true;
                self.warnings.push(Warning::TooManyErrors);
            }
            self.errors.insert(record.seed.clone(), record.tally());
        }
    }

    /// Adds a worker's report, and takes note of what of it happened when; see [`Placing::place`].
    pub fn merge_placed(&mut self, report: &Report, placed: Placed) {
        self.merge_report(report);
        if self.pieces.is_none() {
            return;
        }
        let mut pieces = Vec::new();
        let used = report.entries.iter().zip(placed.entries).filter(|(entry, _)| is_used(entry));
        for (entry, (seconds, exact)) in used {
            // It was merged a moment ago, into this entry or that of all other names.
            let id = self.entry_id(&entry.method, &entry.name, entry.start_time);
            let of = |(second, slice)| Piece { second, of: Of::Name(id.index()), slice, exact };
            pieces.extend(seconds.into_iter().map(of));
        }
        let (seconds, exact) = placed.total;
        pieces.extend(seconds.into_iter().map(|(second, slice)| Piece {
            second,
            of: Of::Total,
            slice,
            exact,
        }));
        for ((kind, name), seconds) in placed.measures {
            let of = |(second, slice)| Piece {
                second,
                of: Of::Measure(kind, Arc::clone(&name)),
                slice,
                exact: true,
            };
            pieces.extend(seconds.into_iter().map(of));
        }
        pieces.retain(|piece| !piece.slice.is_empty());
        match &mut self.pieces {
            Some(kept) if kept.len() + pieces.len() <= MOST_PIECES => kept.append(&mut pieces),
            // Nobody fetches them. The numbers are in the statistics all the same.
            pieces => *pieces = None,
        }
    }

    /// What of the reports since the last time happened when. From the first call on it is kept.
    pub fn take_pieces(&mut self) -> Vec<Piece> {
        self.pieces.replace(Vec::new()).unwrap_or_default()
    }

    /// The same; they stay.
    pub fn pieces(&self) -> &[Piece] {
        self.pieces.as_deref().unwrap_or_default()
    }

    /// Keeps, or no longer, what happened in which second ([`Self::cut_total`]), for the reports to tell.
    pub fn keep_seconds(&mut self, keep: bool) {
        match (keep, &self.cuts) {
            (true, None) => self.cuts = Some(Box::default()),
            (false, _) => self.cuts = None,
            (true, Some(_)) => {}
        }
    }

    /// The second of that number is over: what is new in the total belongs to it, and what comes now to the next.
    pub fn cut_total(&mut self, number: u64) {
        if let Some(cuts) = &mut self.cuts {
            cuts.cut_total(&self.total, number);
            cuts.cut_measures(&self.measures, number);
        }
    }

    /// The same for the entries from index `begin` up to, but without, `end`.
    pub fn cut_entries(&mut self, number: u64, begin: usize, end: usize) {
        let Some(cuts) = &mut self.cuts else { return };
        let entries = self.entries.iter().enumerate().take(end).skip(begin);
        for (index, entry) in entries.filter_map(|(index, entry)| Some((index, entry.as_ref()?))) {
            cuts.cut(index, entry, number);
        }
    }

    /// The seconds of the reports that were taken since the last time.
    pub fn take_seconds(&mut self) -> Option<Slices> {
        self.cuts.as_deref_mut().map(Cuts::unfetched)
    }

    /// Adds a report again that was taken out of these statistics and could not be sent. `seconds`: those that were taken, if they
    /// were.
    pub fn put_back(&mut self, report: &Report, mut seconds: Slices) {
        self.merge_report(report);
        let Some(mut cuts) = self.cuts.take() else { return };
        seconds.append(cuts.unfetched());
        let known = seconds.by_name();
        for entry in report.entries.iter().filter(|entry| is_used(entry)) {
            let id = self.entry_id(&entry.method, &entry.name, entry.start_time);
            let seconds = known.get(&(&*entry.method, &*entry.name)).copied().unwrap_or_default();
            cuts.put_back(id.index() as usize, entry, seconds);
        }
        if let Some(total) = report.total.as_ref().filter(|total| is_used(total)) {
            cuts.put_total_back(total, &seconds.total);
        }
        cuts.put_measures_back(seconds.measures.clone());
        self.cuts = Some(cuts);
    }
}

impl Report {
    /// Shares its numbers out among seconds of whoever reads it, and says its times by that clock.
    pub fn place(&mut self, placing: &Placing, seconds: Option<&Slices>) -> Placed {
        let known = seconds.map(Slices::by_name);
        let of = |entry: &Entry| {
            known.as_ref().and_then(|known| known.get(&(&*entry.method, &*entry.name)).copied())
        };
        let entries = self.entries.iter_mut().map(|entry| placing.place(entry, of(entry))).collect();
        let total = self.total.as_mut().filter(|total| is_used(total));
        let known = seconds.map(|seconds| &seconds.total[..]);
        let total = total.map_or_else(Default::default, |total| placing.place(total, known));
        for record in &mut self.errors {
            *record = placing.error(record);
        }
        let of_measures = seconds.into_iter().flat_map(|seconds| &seconds.measures);
        let measures = of_measures.map(|(key, seconds)| (key.clone(), placing.seconds(seconds))).collect();
        Placed { entries, total, measures }
    }
}

/// Pieces that wait to be fetched, at most; some hundred bytes each.
const MOST_PIECES: usize = 1 << 20;

fn is_used(entry: &Entry) -> bool {
    entry.num_requests > 0 || entry.num_failures > 0
}
