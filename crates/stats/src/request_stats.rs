//! The owner of everything one process measured.

use crate::entry::{Entry, Sample, Span};
use crate::error::{ErrorSeed, ErrorTable, Tally};
use crate::measures::Measures;
use crate::phases::Phases;
use crate::placing::Piece;
use crate::window::DEFAULT_WINDOW_SECONDS;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};

mod cuts;
mod report;

pub use report::Report;

/// Requests of further names than this are counted in one entry for all of them.
pub const MAX_NAMES: usize = 100_000;
/// The name of that entry; its method is empty.
pub const OVERFLOW_NAME: &str = "(other names)";
/// All entries together keep at most this many different seconds of per-second counts (8 bytes each); beyond it each
/// forgets its older half, but for the newest 64. Only `num_reqs_per_sec` and `num_fail_per_sec` show it.
pub const SECONDS_BUDGET: usize = 8 << 20;
const SECONDS_KEPT: usize = 64;

/// Stands for one entry of one object. Becomes stale when all entries are cleared, or this one removed; no other object takes
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryId {
    index: u32,
    epoch: u32,
}

impl EntryId {
    /// The place of the entry; not reused until everything is cleared.
    pub fn index(self) -> u32 {
        self.index
    }
}

/// Epochs begun in this process, by all objects together: an id kept from one object is stale in every other, also in one that
/// lies where the first has been.
static EPOCHS: AtomicU32 = AtomicU32::new(0);

fn new_epoch() -> u32 {
    EPOCHS.fetch_add(1, Ordering::Relaxed)
}

/// What a client tells of a request besides how long it took.
#[derive(Debug, Clone, Copy)]
pub struct Details<'a> {
    /// Where the time went; default phases if that is not known.
    pub phases: &'a Phases,
    /// Status of the answer; 0: there was none. `None`: it is not known.
    pub status: Option<u16>,
}

/// Something the user should be told, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// More different names than the limit: further ones share one entry.
    TooManyNames {
        /// The limit.
        limit: usize,
    },
    /// More different errors than [`crate::MAX_ERRORS`].
    TooManyErrors,
    /// More different checks and metrics than [`crate::MAX_MEASURES`].
    TooManyMeasures,
}

/// All entries, their total and the errors.
#[derive(Debug)]
pub struct RequestStats {
    entries: Vec<Option<Box<Entry>>>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    total: Entry,
    errors: ErrorTable,
    /// What the script measures besides.
    measures: Measures,
    epoch: u32,
    resets: u64,
    cached: bool,
    window: u32,
    max_names: usize,
    overflow: Option<u32>,
    seconds: usize,
    seconds_budget: usize,
    warned_names: bool,
    warned_errors: bool,
    warned_measures: bool,
    warnings: Vec<Warning>,
    /// On a worker whose master wants to know what happened in which second.
    cuts: Option<Box<cuts::Cuts>>,
    /// On a master that is recorded: what of the workers' reports happened when.
    pieces: Option<Vec<Piece>>,
    /// The newest unix second that all workers have reported.
    settled: Option<i64>,
}

impl RequestStats {
    /// Empty. `cached`: keep what current percentiles need (a cluster's workers do not).
    pub fn new(cached: bool, now: f64) -> Self {
        Self {
            entries: Vec::new(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            total: Entry::new("", "Aggregated", cached, now),
            errors: ErrorTable::default(),
            measures: Measures::default(),
            epoch: new_epoch(),
            resets: 0,
            cached,
            window: DEFAULT_WINDOW_SECONDS,
            max_names: MAX_NAMES,
            overflow: None,
            seconds: 0,
            seconds_budget: SECONDS_BUDGET,
            warned_names: false,
            warned_errors: false,
            warned_measures: false,
            warnings: Vec::new(),
            cuts: None,
            pieces: None,
            settled: None,
        }
    }

    /// Whether current percentiles are available.
    pub fn cached(&self) -> bool {
        self.cached
    }

    /// Length of the window of current percentiles, in seconds.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// Changes the length of the window of current percentiles.
    pub fn set_window(&mut self, seconds: u32) {
        self.window = seconds;
    }

    /// Changes the limit of names ([`MAX_NAMES`] at first). Entries already there stay.
    pub fn set_max_names(&mut self, limit: usize) {
        self.max_names = limit;
    }

    /// Changes the limit of seconds kept ([`SECONDS_BUDGET`] at first).
    pub fn set_seconds_budget(&mut self, limit: usize) {
        self.seconds_budget = limit;
    }

    /// The id of the entry, which is made if need be. Beyond the limit of names it is that of the overflow entry.
    pub fn entry_id(&mut self, method: &str, name: &str, now: f64) -> EntryId {
        let index = match self.position(method, name) {
            Some(index) => index,
            None if self.index.len() >= self.max_names => self.overflow_index(now),
            None => self.push(Box::new(Entry::new(method, name, self.cached, now))),
        };
        EntryId { index, epoch: self.epoch }
    }

    /// The id of the entry, if there is one.
    pub fn find(&self, method: &str, name: &str) -> Option<EntryId> {
        self.position(method, name).map(|index| EntryId { index, epoch: self.epoch })
    }

    fn position(&self, method: &str, name: &str) -> Option<u32> {
        let hash = self.hasher.hash_one((method, name));
        let same = |&index: &u32| {
            self.entries[index as usize]
                .as_ref()
                .is_some_and(|entry| *entry.name == *name && *entry.method == *method)
        };
        self.index.find(hash, same).copied()
    }

    #[cold]
    fn overflow_index(&mut self, now: f64) -> u32 {
        if !self.warned_names {
            self.warned_names = true;
            self.warnings.push(Warning::TooManyNames { limit: self.max_names });
        }
        match self.overflow {
            Some(index) if self.entries[index as usize].is_some() => index,
            _ => {
                let entry = Box::new(Entry::new("", OVERFLOW_NAME, self.cached, now));
                let index = match self.position("", OVERFLOW_NAME) {
                    Some(index) => index,
                    None => self.push(entry),
                };
                self.overflow = Some(index);
                index
            }
        }
    }

    fn push(&mut self, entry: Box<Entry>) -> u32 {
        let index = self.entries.len() as u32;
        let hash = self.hasher.hash_one((&*entry.method, &*entry.name));
        self.entries.push(Some(entry));
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.index.insert_unique(hash, index, |&other| match &entries[other as usize] {
            Some(entry) => hasher.hash_one((&*entry.method, &*entry.name)),
            None => 0, // removed entries are not in the index
        });
        index
    }

    /// Whether [`Self::record`] would take this id.
    pub fn is_current(&self, id: EntryId) -> bool {
        self.get(id).is_some()
    }

    /// Counts a request in its entry and in the total. `response_time_ms` is `None` for requests without one. `now` is unix
    /// time in seconds. `false`: the id is stale, nothing was counted; ask for a new id.
    #[inline]
    #[must_use = "a stale id records nothing"]
    pub fn record(
        &mut self,
        id: EntryId,
        response_time_ms: Option<f64>,
        content_length: u64,
        now: f64,
    ) -> bool {
        self.record_sample(id, &Sample::new(response_time_ms, content_length, now))
    }

    /// As [`Self::record`], for samples with their own bucket.
    #[inline]
    #[must_use = "a stale id records nothing"]
    pub fn record_sample(&mut self, id: EntryId, sample: &Sample) -> bool {
        if id.epoch != self.epoch {
            return false;
        }
        let Some(Some(entry)) = self.entries.get_mut(id.index as usize) else { return false };
        if entry.record(sample, self.window) {
            self.seconds += 1;
        }
        self.total.record(sample, self.window);
        if self.seconds > self.seconds_budget {
            self.forget_seconds();
        }
        true
    }

    /// As [`Self::record_sample`], with what else the client tells of it.
    #[inline]
    #[must_use = "a stale id records nothing"]
    pub fn record_with(&mut self, id: EntryId, sample: &Sample, details: Details<'_>) -> bool {
        let Details { phases, status } = details;
        if !self.record_sample(id, sample) {
            return false;
        }
        if phases.count > 0 {
            if let Some(entry) = self.get_mut(id) {
                entry.phases.merge(phases);
            }
            self.total.phases.merge(phases);
            self.total.phase_times.get_or_insert_default().add(phases);
        }
        if let Some(status) = status {
            self.total.statuses.get_or_insert_default().record(status.into());
        }
        true
    }

    /// Counts the failure of a request, in its entry, the total and the table of errors, as long as that error is known.
    /// `Some(false)`: counted, but the error is not known yet: call [`Self::insert_error`] too. `None`: stale id.
    #[must_use = "a stale id records nothing, an unknown error is to be inserted"]
    pub fn record_error(&mut self, id: EntryId, text: &str, now: f64) -> Option<bool> {
        if id.epoch != self.epoch {
            return None;
        }
        let entry = self.entries.get_mut(id.index as usize)?.as_mut()?;
        if entry.record_failure(now) {
            self.seconds += 1;
        }
        self.total.record_failure(now);
        Some(self.errors.occurred(&entry.method, &entry.name, text, now))
    }

    /// Counts an error in the table of errors alone, as long as it is known there; `false`: call [`Self::insert_error`].
    #[must_use = "an unknown error is to be inserted"]
    pub fn note_error(&self, method: &str, name: &str, text: &str, now: f64) -> bool {
        self.errors.occurred(method, name, text, now)
    }

    /// The first occurrence of an error (or of one beyond the limit of errors).
    pub fn insert_error(&mut self, seed: ErrorSeed, now: f64) {
        if self.errors.is_full() && !self.warned_errors {
            self.warned_errors = true;
            self.warnings.push(Warning::TooManyErrors);
        }
        self.errors.insert(seed, Tally { occurrences: 1, first_seen: Some(now), last_seen: Some(now) });
    }

    /// Warnings not taken yet; each is given once in the life of this object.
    pub fn take_warnings(&mut self) -> Vec<Warning> {
        if self.measures.has_others() && !self.warned_measures {
            self.warned_measures = true;
            self.warnings.push(Warning::TooManyMeasures);
        }
        std::mem::take(&mut self.warnings)
    }

    #[cold]
    fn forget_seconds(&mut self) {
        self.seconds = 0;
        for entry in self.entries.iter_mut().flatten() {
            entry.num_reqs_per_sec.forget_half(SECONDS_KEPT);
            entry.num_fail_per_sec.forget_half(SECONDS_KEPT);
            self.seconds += entry.num_reqs_per_sec.len() + entry.num_fail_per_sec.len();
        }
        // Where even the newest seconds of so many names exceed the budget, wait for twice as many, not for one more.
        self.seconds_budget = self.seconds_budget.max(self.seconds * 2);
    }

    /// The entry of an id that is not stale.
    pub fn get(&self, id: EntryId) -> Option<&Entry> {
        if id.epoch == self.epoch { self.entries.get(id.index as usize)?.as_deref() } else { None }
    }

    /// The entry of an id that is not stale.
    pub fn get_mut(&mut self, id: EntryId) -> Option<&mut Entry> {
        if id.epoch == self.epoch { self.entries.get_mut(id.index as usize)?.as_deref_mut() } else { None }
    }

    /// The aggregate.
    pub fn total(&self) -> &Entry {
        &self.total
    }

    /// What all rates refer to: from the start to the last request, as far as all workers have reported.
    pub fn span(&self) -> Span {
        self.total.span().settled(self.settled)
    }

    /// The newest unix second that all workers have reported; `None`: there are none to wait for.
    pub fn set_settled(&mut self, second: Option<i64>) {
        self.settled = second;
    }

    /// The aggregate.
    pub fn total_mut(&mut self) -> &mut Entry {
        &mut self.total
    }

    /// All entries with their ids, in order of first use.
    pub fn entries(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        let epoch = self.epoch;
        self.entries.iter().enumerate().filter_map(move |(index, entry)| {
            Some((EntryId { index: index as u32, epoch }, entry.as_deref()?))
        })
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Upper bound of [`EntryId::index`]; changes whenever an entry is added.
    pub fn slots(&self) -> usize {
        self.entries.len()
    }

    /// Changes when [`Self::clear_all`] makes all ids stale; differs from that of every other object.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// How often everything went back to zero: whoever keeps copies starts anew when it changes.
    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// The entry with this [`EntryId::index`].
    pub fn at(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)?.as_deref()
    }

    /// Puts an entry in under its own method and name; the one that was there is returned.
    pub fn put(&mut self, entry: Entry) -> (EntryId, Option<Entry>) {
        let id = |index| EntryId { index, epoch: self.epoch };
        if let Some(index) = self.position(&entry.method, &entry.name) {
            let old = self.entries[index as usize].replace(Box::new(entry));
            return (id(index), old.map(|old| *old));
        }
        let epoch = self.epoch;
        (EntryId { index: self.push(Box::new(entry)), epoch }, None)
    }

    /// Takes an entry out.
    pub fn remove(&mut self, id: EntryId) -> Option<Entry> {
        let entry = self.get(id)?;
        let hash = self.hasher.hash_one((&*entry.method, &*entry.name));
        if let Ok(found) = self.index.find_entry(hash, |&index| index == id.index) {
            found.remove();
        }
        self.entries[id.index as usize].take().map(|entry| *entry)
    }

    /// The errors.
    pub fn errors(&self) -> &ErrorTable {
        &self.errors
    }

    /// The errors.
    pub fn errors_mut(&mut self) -> &mut ErrorTable {
        &mut self.errors
    }

    /// All entries to zero, errors away. Ids stay valid.
    pub fn reset_all(&mut self, now: f64) {
        self.resets += 1;
        self.forget_when();
        self.total.reset(now);
        self.errors.clear();
        self.measures.take();
        self.seconds = 0;
        for entry in self.entries.iter_mut().flatten() {
            entry.reset(now);
        }
    }

    /// Everything away; all ids become stale.
    pub fn clear_all(&mut self, now: f64) {
        self.resets += 1;
        self.forget_when();
        self.total = Entry::new("", "Aggregated", self.cached, now);
        self.clear_entries();
        self.errors.clear();
        self.measures.take();
    }

    /// What the script measures besides its requests.
    pub fn measures(&self) -> &Measures {
        &self.measures
    }

    /// The same, to count in.
    pub fn measures_mut(&mut self) -> &mut Measures {
        &mut self.measures
    }

    /// What happened when counts no longer.
    fn forget_when(&mut self) {
        if let Some(cuts) = &mut self.cuts {
            cuts.clear();
        }
        self.pieces.iter_mut().for_each(Vec::clear);
    }

    /// All entries away, their ids stale; total and errors stay.
    pub fn clear_entries(&mut self) {
        self.resets += 1;
        if let Some(cuts) = &mut self.cuts {
            cuts.clear_names();
        }
        self.pieces.iter_mut().for_each(Vec::clear);
        self.entries.clear();
        self.index.clear();
        self.overflow = None;
        self.seconds = 0;
        self.epoch = new_epoch();
    }

    /// Adds all of `other`: entries by method and name, the total, the errors.
    pub fn merge(&mut self, other: &Self) {
        for (_, entry) in other.entries() {
            self.merge_entry(entry);
        }
        self.total.merge(&other.total, self.window);
        self.errors.merge(&other.errors);
        self.measures.merge(other.measures.all());
    }

    /// Adds one entry to the one of the same method and name.
    pub fn merge_entry(&mut self, entry: &Entry) {
        let id = self.entry_id(&entry.method, &entry.name, entry.start_time);
        let window = self.window;
        if let Some(mine) = self.get_mut(id) {
            let before = mine.num_reqs_per_sec.len() + mine.num_fail_per_sec.len();
            mine.merge(entry, window);
            let after = mine.num_reqs_per_sec.len() + mine.num_fail_per_sec.len();
            self.seconds += after.saturating_sub(before);
        }
        if self.seconds > self.seconds_budget {
            self.forget_seconds();
        }
    }
}

#[cfg(test)]
mod tests;
