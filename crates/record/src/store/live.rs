//! A journal that is being written.

use std::fs;
use std::path::PathBuf;

use super::files::{self, Held, Use};
use super::journal::{self, Change};
use super::{JOURNAL, Store, StoreError, StoredRun, at, make, new_id};

/// Bytes that a journal may grow by before it is begun anew, besides as many again as it began with.
const GROWTH: u64 = 8 << 20;

/// The journal of a run. Dropped, it is left behind.
#[derive(Debug)]
pub(crate) struct JournalFile {
    id: String,
    folder: PathBuf,
    place: PathBuf,
    held: Option<Held>,
    /// A piece is missing: what follows it is of no use.
    torn: bool,
    begun_with: u64,
    bytes: u64,
}

impl Store {
    /// A journal for a run that began at that moment (unix seconds). There is no file before [`JournalFile::begin`].
    pub(crate) fn journal(&self, started: f64) -> Result<JournalFile, StoreError> {
        let id = new_id(started)?;
        let place = self.place(&id, JOURNAL)?;
        Ok(JournalFile {
            id,
            folder: self.folder.clone(),
            place,
            held: None,
            torn: false,
            begun_with: 0,
            bytes: 0,
        })
    }
}

impl JournalFile {
    /// The id that the run is to have in the store.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Begins the file, or begins it anew, with all of the run. What was there before counts until this is written whole.
    pub(crate) fn begin(&mut self, run: &StoredRun) -> Result<(), StoreError> {
        let bytes = journal::begin(run).map_err(StoreError::Unwritable)?;
        make(&self.folder).map_err(|error| at(error, &self.folder))?;
        let draft = files::draft(&self.folder, &self.id, JOURNAL);
        let written = files::write(&draft, &self.place, &bytes, Use::Alive);
        self.held = Some(written.map_err(|error| at(error, &self.place))?);
        self.bytes = bytes.len() as u64;
        (self.begun_with, self.torn) = (self.bytes, false);
        Ok(())
    }

    /// Adds what has happened. After an error nothing is added before it is begun anew.
    pub(crate) fn add(&mut self, change: &Change) -> Result<(), StoreError> {
        let Some(held) = self.held.as_mut().filter(|_| !self.torn) else { return Ok(()) };
        self.torn = true;
        let bytes = journal::next(change).map_err(StoreError::Unwritable)?;
        held.append(&bytes).map_err(|error| at(error, &self.place))?;
        self.torn = false;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Whether it is better begun anew: there is none, it is not whole, or it has grown much.
    pub(crate) fn is_to_begin(&self) -> bool {
        self.held.is_none() || self.torn || self.bytes > 2 * self.begun_with + GROWTH
    }

    /// Removes it: all that it says is said elsewhere.
    pub(crate) fn remove(&mut self) {
        if let Some(held) = self.held.take() {
            drop(fs::remove_file(&self.place));
            drop(held);
        }
    }
}
