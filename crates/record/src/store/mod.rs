//! Past runs, a file each.
//!
//! A file (`<begin>-<letters>.run`) is written once, under another name, and then moved into place: a crash leaves no half of
//! one. When all together are larger than the limit, the oldest go. A file that cannot be read is skipped, and said to be.
//!
//! While a run goes on, what has happened is in a journal of the same name (`….journal`), which its process holds locked. One that
//! nobody holds was left behind by a process that was killed: whoever lists the runs makes a run of it.

mod compare;
mod files;
mod format;
mod journal;
mod left;
mod live;
mod replay;
mod run;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::dto;

pub use compare::compare;
use files::Use;
pub use format::{FormatError, decode, encode};
pub(crate) use journal::{Change, Marks};
pub use journal::{begin as journal_of, change_of, read as read_journal};
use left::Left;
pub(crate) use live::JournalFile;
pub use run::StoredRun;

const RUN: &str = "run";
const JOURNAL: &str = "journal";
/// Runs kept in memory after they were asked for.
const OPEN: usize = 3;

/// A folder of runs.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    max_bytes: u64,
    open: Mutex<Vec<(String, Arc<StoredRun>)>>,
    /// Held by whoever makes runs of what was left behind.
    cleaning: Mutex<()>,
}

/// Where runs are kept unless somebody says otherwise: in the user's folder for state.
pub fn default_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("gregaria").join("runs"))
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is none of that id.
    #[error("there is no run {0:?}")]
    NoSuchRun(String),
    /// The folder or a file cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not a run.
    #[error("{}: {source}", path.display())]
    Broken {
        /// Which.
        path: PathBuf,
        /// Why.
        source: FormatError,
    },
    /// There is no file that could be read as this run.
    #[error("{0}")]
    Unwritable(FormatError),
    /// There is nothing random to be had.
    #[error("no random numbers: {0}")]
    Random(getrandom::Error),
}

/// Makes a folder for the user alone, as XDG wants it; one that is there stays as it is.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

impl Store {
    /// The store in that folder, which is made when the first run is kept.
    pub fn new(folder: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self { folder: folder.into(), max_bytes, open: Mutex::default(), cleaning: Mutex::default() }
    }

    fn place(&self, id: &str, ending: &str) -> Result<PathBuf, StoreError> {
        let plain =
            (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !plain {
            return Err(StoreError::NoSuchRun(id.chars().take(80).collect()));
        }
        Ok(self.folder.join(format!("{id}.{ending}")))
    }

    /// Keeps a run and gives its id.
    pub fn save(&self, run: &StoredRun) -> Result<String, StoreError> {
        let id = new_id(run.summary.started)?;
        self.save_as(&id, run)?;
        Ok(id)
    }

    /// Keeps a run under that id: from then on what its journal says counts no longer.
    pub(crate) fn save_as(&self, id: &str, run: &StoredRun) -> Result<(), StoreError> {
        self.put(id, run)?;
        self.shrink(id);
        Ok(())
    }

    /// Writes the file of a run; its bytes.
    fn put(&self, id: &str, run: &StoredRun) -> Result<u64, StoreError> {
        let place = self.place(id, RUN)?;
        let mut summary = run.summary.clone();
        id.clone_into(&mut summary.id);
        let bytes = encode(run, &summary).map_err(StoreError::Unwritable)?;
        make(&self.folder).map_err(|error| at(error, &self.folder))?;
        let draft = files::draft(&self.folder, id, RUN);
        files::write(&draft, &place, &bytes, Use::Lasting).map_err(|error| at(error, &place))?;
        Ok(bytes.len() as u64)
    }

    /// Removes the oldest runs until the rest fits; never the one just kept, nor those that go on or are pinned.
    fn shrink(&self, newest: &str) {
        let Ok(files) = self.files() else { return };
        let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
        for file in files.iter().filter(|file| file.id != newest) {
            if bytes <= self.max_bytes {
                return;
            }
            if !file.is_journal && head(&file.path).is_ok_and(|summary| summary.pinned) {
                continue;
            }
            let kept = if file.is_journal { files::whose(&file.path).ok() } else { None };
            if !matches!(kept, Some(files::Whose::Somebodys)) && fs::remove_file(&file.path).is_ok() {
                bytes -= file.bytes;
            }
        }
    }

    /// Gives a run a name, a note, and a place that it keeps.
    pub fn label(&self, id: &str, labels: &dto::Labels) -> Result<(), StoreError> {
        // One that was left behind is made a run first.
        self.open(id)?;
        let place = self.place(id, RUN)?;
        let bytes = fs::read(&place).map_err(|error| at(error, &place))?;
        let bytes = format::labelled(&bytes, labels)
            .map_err(|source| StoreError::Broken { path: place.clone(), source })?;
        let draft = files::draft(&self.folder, id, RUN);
        files::write(&draft, &place, &bytes, Use::Lasting).map_err(|error| at(error, &place))?;
        self.forget(id);
        Ok(())
    }

    /// All files, oldest first. A folder that is not there has none.
    fn files(&self) -> Result<Vec<Found>, StoreError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| at(error, &self.folder))?,
        };
        let mut files = Vec::new();
        for entry in entries.flatten() {
            let path = entry.path();
            if path.file_name().and_then(OsStr::to_str).is_some_and(files::is_draft) {
                files::sweep(&path);
                continue;
            }
            let Some(id) = path.file_stem().and_then(OsStr::to_str).map(str::to_owned) else { continue };
            let is = |wanted: &str| path.extension().is_some_and(|ending| ending == wanted);
            let (is_run, is_journal) = (is(RUN), is(JOURNAL));
            // Removed meanwhile, by another program.
            let Ok(data) = entry.metadata() else { continue };
            if (is_run || is_journal) && data.is_file() && self.place(&id, RUN).is_ok() {
                files.push(Found { id, path, bytes: data.len(), is_journal });
            }
        }
        files.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(files)
    }

    /// All runs, newest first.
    pub fn list(&self) -> Result<dto::RunList, StoreError> {
        let mut list = dto::RunList { max_bytes: self.max_bytes, ..dto::RunList::default() };
        let files = self.files()?;
        let kept: HashSet<&str> =
            files.iter().filter(|file| !file.is_journal).map(|file| file.id.as_str()).collect();
        for file in files.iter().rev() {
            let found = if file.is_journal { self.summary_of_left(file) } else { head(&file.path).map(Some) };
            match found {
                // It is in the list already.
                Ok(Some(_)) if file.is_journal && kept.contains(file.id.as_str()) => {}
                Ok(Some(mut summary)) => {
                    file.id.clone_into(&mut summary.id);
                    if !file.is_journal {
                        summary.bytes = file.bytes;
                    }
                    list.bytes += summary.bytes;
                    list.runs.push(summary);
                }
                Ok(None) => list.bytes += file.bytes,
                Err(error) => {
                    list.bytes += file.bytes;
                    list.problems.push(format!("{}: {error}", file.path.display()));
                }
            }
        }
        Ok(list)
    }

    /// A run that goes on is none yet; one that was left behind is kept from now on.
    fn summary_of_left(&self, file: &Found) -> Result<Option<dto::RunSummary>, FormatError> {
        match self.clean(&file.id)? {
            Left::Run(run) => Ok(Some(run.summary)),
            Left::Nothing => Ok(None),
        }
    }

    /// One run.
    pub fn open(&self, id: &str) -> Result<Arc<StoredRun>, StoreError> {
        let place = self.place(id, RUN)?;
        // Whether it is still there costs little to ask; reading it whole does not.
        if is_missing(&place) {
            self.forget(id);
            let journal = self.place(id, JOURNAL)?;
            if is_missing(&journal) {
                return Err(StoreError::NoSuchRun(id.to_owned()));
            }
            return match self.clean(id).map_err(|source| StoreError::Broken { path: journal, source })? {
                Left::Run(run) => Ok(Arc::new(*run)),
                Left::Nothing => Err(StoreError::NoSuchRun(id.to_owned())),
            };
        }
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = open.iter().position(|(known, _)| known == id) {
                let found = open.remove(at);
                open.push(found.clone());
                return Ok(found.1);
            }
        }
        let bytes = fs::read(&place).map_err(|error| at(error, &place))?;
        let mut run = decode(&bytes).map_err(|source| StoreError::Broken { path: place, source })?;
        id.clone_into(&mut run.summary.id);
        run.summary.bytes = bytes.len() as u64;
        let run = Arc::new(run);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN {
            open.remove(0);
        }
        open.push((id.to_owned(), Arc::clone(&run)));
        Ok(run)
    }

    fn forget(&self, id: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| known != id);
    }

    /// Removes a run.
    pub fn delete(&self, id: &str) -> Result<(), StoreError> {
        let (place, journal) = (self.place(id, RUN)?, self.place(id, JOURNAL)?);
        self.forget(id);
        // What was left behind comes first: without the run it would count.
        let left = matches!(files::whose(&journal), Ok(files::Whose::Nobodys(_)))
            && fs::remove_file(&journal).is_ok();
        match fs::remove_file(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && left => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::NoSuchRun(id.to_owned()))
            }
            removed => removed.map_err(|error| at(error, &place)),
        }
    }
}

fn is_missing(place: &Path) -> bool {
    fs::metadata(place).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn at(source: io::Error, path: &Path) -> StoreError {
    StoreError::Io { path: path.to_owned(), source }
}

/// A file that may be a run.
#[derive(Debug)]
struct Found {
    id: String,
    path: PathBuf,
    bytes: u64,
    is_journal: bool,
}

fn head(place: &Path) -> Result<dto::RunSummary, FormatError> {
    let file = fs::File::open(place).map_err(FormatError::unreadable)?;
    let mut bytes = Vec::new();
    file.take(format::LONGEST_HEAD as u64).read_to_end(&mut bytes).map_err(FormatError::unreadable)?;
    format::summary(&bytes)
}

/// Sorts by the begin of the run.
fn new_id(started: f64) -> Result<String, StoreError> {
    let mut random = [0_u8; 6];
    getrandom::fill(&mut random).map_err(StoreError::Random)?;
    let letters: String = random.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    let moment: String =
        gregaria_report::utc_timestamp(started).chars().filter(char::is_ascii_alphanumeric).collect();
    Ok(format!("{moment}-{letters}"))
}

#[cfg(test)]
mod tests;
