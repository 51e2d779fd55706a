//! What processes that were killed have left behind.

use std::fs;
use std::io::Read as _;
use std::sync::PoisonError;

use super::files::{self, Whose};
use super::format::{FormatError, decode};
use super::journal;
use super::{JOURNAL, RUN, Store, StoredRun, is_missing};

/// A journal is never longer: it is begun anew long before that.
const LONGEST: u64 = 1 << 30;

/// What became of a journal.
#[derive(Debug)]
pub(super) enum Left {
    /// A run that was cut off.
    Run(Box<StoredRun>),
    /// It is still written, or says nothing that is not said elsewhere.
    Nothing,
}

impl Store {
    /// Makes a run of what was left behind under this id. Where nothing can be written it stays as it is, and is read anew each
    /// time.
    pub(super) fn clean(&self, id: &str) -> Result<Left, FormatError> {
        let _one_at_a_time = self.cleaning.lock().unwrap_or_else(PoisonError::into_inner);
        let (Ok(place), Ok(kept)) = (self.place(id, JOURNAL), self.place(id, RUN)) else {
            return Ok(Left::Nothing);
        };
        let file = match files::whose(&place) {
            Ok(Whose::Nobodys(file)) => Some(file),
            Ok(Whose::Somebodys) => return Ok(Left::Nothing),
            Err(_) if is_missing(&place) => None,
            Err(error) => return Err(FormatError::unreadable(error)),
        };
        if let Ok(bytes) = fs::read(&kept) {
            // It has been kept after all, and its process was killed before it removed this; or somebody else was quicker than we.
            drop(file.map(|_held| fs::remove_file(&place)));
            let mut run = decode(&bytes)?;
            (run.summary.id, run.summary.bytes) = (id.to_owned(), bytes.len() as u64);
            return Ok(Left::Run(Box::new(run)));
        }
        let Some(file) = file else { return Ok(Left::Nothing) };
        let mut bytes = Vec::new();
        (&file).take(LONGEST).read_to_end(&mut bytes).map_err(FormatError::unreadable)?;
        let mut run = journal::read(&bytes)?;
        if run.summary.requests == 0 {
            // As little as of any run without requests there is to keep of this one.
            drop(fs::remove_file(&place));
            return Ok(Left::Nothing);
        }
        (run.summary.id, run.summary.bytes) = (id.to_owned(), bytes.len() as u64);
        if let Ok(bytes) = self.put(id, &run) {
            run.summary.bytes = bytes;
            drop(fs::remove_file(&place));
        }
        Ok(Left::Run(Box::new(run)))
    }
}
