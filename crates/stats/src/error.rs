//! The table of errors: how often each failure of each name occurred.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

/// More different errors than this are counted as one.
pub const MAX_ERRORS: usize = 10_000;
/// The text of errors beyond [`MAX_ERRORS`].
pub const OVERFLOW_ERROR: &str = "(other errors)";

/// When and how often an error occurred. Moments in unix seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    /// How often.
    pub occurrences: u64,
    /// First time; unknown in reports of some other workers.
    pub first_seen: Option<f64>,
    /// Last time.
    pub last_seen: Option<f64>,
}

impl Tally {
    /// One more; they may come slightly out of order.
    pub fn occurred(&mut self, now: f64) {
        self.occurrences += 1;
        self.first_seen = Some(self.first_seen.map_or(now, |first| first.min(now)));
        self.last_seen = Some(self.last_seen.map_or(now, |last| last.max(now)));
    }

    /// Adds another table's count of the same error.
    pub fn merge(&mut self, other: &Self) {
        let pick = |a: Option<f64>, b: Option<f64>, f: fn(f64, f64) -> f64| match (a, b) {
            (Some(a), Some(b)) => Some(f(a, b)),
            (a, b) => a.or(b),
        };
        self.occurrences += other.occurrences;
        self.first_seen = pick(self.first_seen, other.first_seen, f64::min);
        self.last_seen = pick(self.last_seen, other.last_seen, f64::max);
    }
}

/// What identifies an error, given when it occurs for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorSeed {
    /// The key the cluster's wire uses (opaque here; Locust's is a SHA-256 in hex).
    pub key: Box<str>,
    /// Method of the request.
    pub method: Arc<str>,
    /// Name of the request.
    pub name: Arc<str>,
    /// The error's text, memory addresses masked.
    pub text: Box<str>,
    /// The text as the console report shows it.
    pub display: Box<str>,
}

/// One error. Shared, so that what shows it survives a reset of the table.
#[derive(Debug)]
pub struct ErrorRecord {
    /// What it is.
    pub seed: ErrorSeed,
    tally: Mutex<Tally>,
}

impl ErrorRecord {
    /// A record with counts.
    pub fn new(seed: ErrorSeed, tally: Tally) -> Self {
        Self { seed, tally: Mutex::new(tally) }
    }

    /// The present counts.
    pub fn tally(&self) -> Tally {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the counts.
    pub fn update(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// All errors, in order of first occurrence.
#[derive(Debug, Default)]
pub struct ErrorTable {
    records: Vec<Arc<ErrorRecord>>,
    /// By method, name and text.
    by_text: HashTable<u32>,
    by_key: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl ErrorTable {
    /// One more of a known error; `false`: not known, use [`Self::insert`].
    pub fn occurred(&self, method: &str, name: &str, text: &str, now: f64) -> bool {
        let hash = self.hasher.hash_one((method, name, text));
        let same = |&index: &u32| {
            let seed = &self.records[index as usize].seed;
            *seed.text == *text && *seed.name == *name && *seed.method == *method
        };
        match self.by_text.find(hash, same) {
            Some(&index) => {
                self.records[index as usize].update(|tally| tally.occurred(now));
                true
            }
            None => false,
        }
    }

    /// Whether new errors go to the overflow record.
    pub fn is_full(&self) -> bool {
        self.records.len() >= MAX_ERRORS
    }

    /// The record with that key.
    pub fn get(&self, key: &str) -> Option<&Arc<ErrorRecord>> {
        self.index_of(key).map(|index| &self.records[index as usize])
    }

    fn index_of(&self, key: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        self.by_key.find(hash, |&index| *self.records[index as usize].seed.key == *key).copied()
    }

    /// Adds the counts to the record with the seed's key, which is made if need be. Beyond [`MAX_ERRORS`] records it is one
    /// record for all.
    pub fn insert(&mut self, seed: ErrorSeed, tally: Tally) -> Arc<ErrorRecord> {
        if let Some(known) = self.get(&seed.key) {
            known.update(|counts| counts.merge(&tally));
            return Arc::clone(known);
        }
        let seed = if self.is_full() {
            if let Some(overflow) = self.get(OVERFLOW_ERROR) {
                overflow.update(|counts| counts.merge(&tally));
                return Arc::clone(overflow);
            }
            ErrorSeed {
                key: OVERFLOW_ERROR.into(),
                method: "".into(),
                name: "".into(),
                text: OVERFLOW_ERROR.into(),
                display: OVERFLOW_ERROR.into(),
            }
        } else {
            seed
        };
        self.push(Arc::new(ErrorRecord::new(seed, tally)))
    }

    /// Puts a record in the table as it is; one with the same key is replaced.
    pub fn put(&mut self, record: Arc<ErrorRecord>) {
        if let Some(index) = self.index_of(&record.seed.key) {
            self.records[index as usize] = record;
            self.reindex();
        } else {
            self.push(record);
        }
    }

    /// Removes the record with that key.
    pub fn remove(&mut self, key: &str) -> Option<Arc<ErrorRecord>> {
        let removed = self.records.remove(self.index_of(key)? as usize);
        self.reindex();
        Some(removed)
    }

    fn push(&mut self, record: Arc<ErrorRecord>) -> Arc<ErrorRecord> {
        self.records.push(Arc::clone(&record));
        self.index(self.records.len() as u32 - 1);
        record
    }

    fn index(&mut self, index: u32) {
        let (records, hasher) = (&self.records, &self.hasher);
        let text_hash = |seed: &ErrorSeed| hasher.hash_one((&*seed.method, &*seed.name, &*seed.text));
        let key_hash = |seed: &ErrorSeed| hasher.hash_one(&*seed.key);
        let seed_of = |index: &u32| &records[*index as usize].seed;
        self.by_text.insert_unique(text_hash(seed_of(&index)), index, |other| text_hash(seed_of(other)));
        self.by_key.insert_unique(key_hash(seed_of(&index)), index, |other| key_hash(seed_of(other)));
    }

    fn reindex(&mut self) {
        self.by_text.clear();
        self.by_key.clear();
        for index in 0..self.records.len() as u32 {
            self.index(index);
        }
    }

    /// In order of first occurrence.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ErrorRecord>> {
        self.records.iter()
    }

    /// Number of different errors.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for record in other.iter() {
            self.insert(record.seed.clone(), record.tally());
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.records.clear();
        self.reindex();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(name: &str, text: &str) -> ErrorSeed {
        ErrorSeed {
            key: format!("{name}/{text}").into(),
            method: "GET".into(),
            name: name.into(),
            text: text.into(),
            display: text.into(),
        }
    }

    fn once(now: f64) -> Tally {
        Tally { occurrences: 1, first_seen: Some(now), last_seen: Some(now) }
    }

    #[test]
    fn groups_by_method_name_and_text() {
        let mut table = ErrorTable::default();
        assert!(!table.occurred("GET", "/", "boom", 1.0));
        table.insert(seed("/", "boom"), once(1.0));
        assert!(table.occurred("GET", "/", "boom", 5.0));
        assert!(!table.occurred("POST", "/", "boom", 5.0));
        assert!(!table.occurred("GET", "/a", "boom", 5.0));
        let tally = table.iter().next().unwrap().tally();
        assert_eq!(tally, Tally { occurrences: 2, first_seen: Some(1.0), last_seen: Some(5.0) });
    }

    #[test]
    fn beyond_the_limit_errors_share_one_record() {
        let mut table = ErrorTable::default();
        for i in 0..MAX_ERRORS + 50 {
            table.insert(seed(&i.to_string(), "x"), once(i as f64));
        }
        assert_eq!(table.len(), MAX_ERRORS + 1);
        let overflow = table.get(OVERFLOW_ERROR).unwrap().tally();
        assert_eq!(overflow.occurrences, 50);
    }

    #[test]
    fn a_record_outlives_the_table() {
        let mut table = ErrorTable::default();
        let record = table.insert(seed("/", "x"), once(1.0));
        table.clear();
        assert!(table.is_empty() && table.get("//x").is_none());
        assert_eq!(record.tally().occurrences, 1);
        table.put(Arc::clone(&record));
        assert!(table.occurred("GET", "/", "x", 2.0));
        assert_eq!(record.tally().occurrences, 2);
        assert!(table.remove("//x").is_some() && !table.occurred("GET", "/", "x", 2.0));
    }

    #[test]
    fn merging_takes_the_earliest_and_the_latest() {
        let mut tally = Tally { occurrences: 2, first_seen: Some(5.0), last_seen: Some(9.0) };
        tally.merge(&Tally { occurrences: 3, first_seen: Some(3.0), last_seen: None });
        assert_eq!(tally, Tally { occurrences: 5, first_seen: Some(3.0), last_seen: Some(9.0) });
    }
}
