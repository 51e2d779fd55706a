//! The files of a store: written under another name and moved into place, and held by whoever writes them.
//!
//! Who writes a file has it locked (the system gives the lock back however a process ends), so that others can tell a journal that
//! somebody still writes from one that was left behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::fork::OurFile;

/// A file that nobody has written to for as long, and nobody holds, is in nobody's hands.
const FORGOTTEN: Duration = Duration::from_mins(10);

/// A file, held by us.
#[derive(Debug)]
pub(super) struct Held(OurFile);

impl Held {
    /// Makes a file for the user alone.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self(OurFile::open(&options, path)?))
    }

    /// Adds to its end, all of it or nothing.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file: &File = &self.0;
        let before = file.metadata()?.len();
        file.write_all(bytes).inspect_err(|_| {
            // Half of a piece would hide what may follow it.
            drop(file.set_len(before).and_then(|()| file.seek(SeekFrom::Start(before))));
        })
    }
}

/// Whose a file is.
#[derive(Debug)]
pub(super) enum Whose {
    /// Somebody writes it.
    Somebodys,
    /// It was left behind. It is ours as long as this is there.
    Nobodys(File),
}

/// Finds out whose a file is that somebody may have written.
pub(super) fn whose(path: &Path) -> io::Result<Whose> {
    let file = File::open(path)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(Whose::Somebodys),
        // Where nothing can be locked nobody writes journals: this one was brought here.
        Err(TryLockError::Error(_)) | Ok(()) => {}
    }
    // Its owner may just have moved another one into its place, and have let this one go.
    if is_same(&file, path)? { Ok(Whose::Nobodys(file)) } else { Ok(Whose::Somebodys) }
}

#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let (held, there) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((held.dev(), held.ino()) == (there.dev(), there.ino()))
}

#[cfg(not(unix))]
fn is_same(_file: &File, path: &Path) -> io::Result<bool> {
    std::fs::metadata(path).map(|_| true)
}

/// The name of a file until it is whole.
pub(super) fn draft(folder: &Path, id: &str, ending: &str) -> PathBuf {
    folder.join(format!(".{id}.{}.{ending}", std::process::id()))
}

/// Whether a name is that of a draft.
pub(super) fn is_draft(name: &str) -> bool {
    name.starts_with('.') && [".run", ".journal"].iter().any(|ending| name.ends_with(ending))
}

/// Removes a draft that was left behind long ago.
pub(super) fn sweep(path: &Path) {
    let old = std::fs::metadata(path).and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
    if old.is_some_and(|old| old > FORGOTTEN)
        && let Ok(Whose::Nobodys(_held)) = whose(path)
    {
        drop(std::fs::remove_file(path));
    }
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It is on the disk when this returns, whatever becomes of the machine.
    Lasting,
    /// Others see by its lock that its process lives.
    Alive,
}

/// Writes a file whole, under another name first. What is left of an attempt that failed is removed.
pub(super) fn write(draft: &Path, place: &Path, bytes: &[u8], for_what: Use) -> io::Result<Held> {
    // Left by a process of the same number, long ago.
    drop(std::fs::remove_file(draft));
    let written = Held::create(draft).and_then(|mut held| {
        let locked = held.0.lock();
        held.append(bytes)?;
        match for_what {
            // Some file systems have no locks; a draft that is swept there was not written to for minutes.
            Use::Lasting => held.0.sync_all()?,
            Use::Alive => locked?,
        }
        std::fs::rename(draft, place)?;
        Ok(held)
    });
    if written.is_err() {
        drop(std::fs::remove_file(draft));
    }
    written
}
