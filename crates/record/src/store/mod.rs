//! Past runs, a file each.
//!
//! A file (`<begin>-<letters>.run`) is written once, under another name, and then moved into place: a crash leaves no half of
//! one. When all together are larger than the limit, the oldest go. A file that cannot be read is skipped, and said to be.

mod compare;
mod format;
mod run;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::dto;

pub use compare::compare;
pub use format::{FormatError, decode, encode};
pub use run::StoredRun;

const ENDING: &str = "run";
/// Runs kept in memory after they were asked for.
const OPEN: usize = 3;

/// A folder of runs.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    max_bytes: u64,
    open: Mutex<Vec<(String, Arc<StoredRun>)>>,
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
        Self { folder: folder.into(), max_bytes, open: Mutex::default() }
    }

    fn place(&self, id: &str) -> Result<PathBuf, StoreError> {
        let plain =
            (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !plain {
            return Err(StoreError::NoSuchRun(id.chars().take(80).collect()));
        }
        Ok(self.folder.join(format!("{id}.{ENDING}")))
    }

    /// Keeps a run and gives its id.
    pub fn save(&self, run: &StoredRun) -> Result<String, StoreError> {
        let id = new_id(run.summary.started)?;
        let place = self.place(&id)?;
        let mut summary = run.summary.clone();
        summary.id.clone_from(&id);
        let bytes = encode(run, &summary).map_err(StoreError::Unwritable)?;
        make(&self.folder).map_err(|error| at(error, &self.folder))?;
        let draft = self.folder.join(format!(".{id}.{}", std::process::id()));
        let written = write(&draft, &bytes).and_then(|()| fs::rename(&draft, &place));
        if let Err(error) = written {
            // What is left of it is of no use.
            drop(fs::remove_file(&draft));
            return Err(at(error, &place));
        }
        self.shrink(&id);
        Ok(id)
    }

    /// Removes the oldest runs until the rest fits; never the one just kept.
    fn shrink(&self, newest: &str) {
        let Ok(files) = self.files() else { return };
        let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
        for file in files.iter().filter(|file| file.id != newest) {
            if bytes <= self.max_bytes {
                return;
            }
            if fs::remove_file(&file.path).is_ok() {
                bytes -= file.bytes;
            }
        }
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
            let Some(id) = path.file_stem().and_then(OsStr::to_str).map(str::to_owned) else { continue };
            let is_run = path.extension().is_some_and(|ending| ending == ENDING);
            // Removed meanwhile, by another program.
            let Ok(data) = entry.metadata() else { continue };
            if is_run && data.is_file() && self.place(&id).is_ok() {
                files.push(Found { id, path, bytes: data.len() });
            }
        }
        files.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(files)
    }

    /// All runs, newest first.
    pub fn list(&self) -> Result<dto::RunList, StoreError> {
        let mut list = dto::RunList { max_bytes: self.max_bytes, ..dto::RunList::default() };
        for file in self.files()?.into_iter().rev() {
            list.bytes += file.bytes;
            match head(&file.path) {
                Ok(mut summary) => {
                    summary.id = file.id;
                    summary.bytes = file.bytes;
                    list.runs.push(summary);
                }
                Err(error) => list.problems.push(format!("{}: {error}", file.path.display())),
            }
        }
        Ok(list)
    }

    /// One run.
    pub fn open(&self, id: &str) -> Result<Arc<StoredRun>, StoreError> {
        let place = self.place(id)?;
        // Whether it is still there costs little to ask; reading it whole does not.
        if fs::metadata(&place).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            self.forget(id);
            return Err(StoreError::NoSuchRun(id.to_owned()));
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
        let place = self.place(id)?;
        self.forget(id);
        match fs::remove_file(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::NoSuchRun(id.to_owned()))
            }
            removed => removed.map_err(|error| at(error, &place)),
        }
    }
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
}

fn write(place: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(place)?;
    file.write_all(bytes)?;
    file.sync_all()
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
