//! A fork takes the thread that forks with it and no other, all locks as they are, and all open files.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Whoever forks keeps all others from what a child could not do without: it has the locks, but not the threads that would give
/// them back.
static FORK: RwLock<()> = RwLock::new(());

/// Files that a child must not keep open: as long as it did, they would be held, whatever becomes of its parent.
static DESCRIPTORS: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// As long as it is there, no other thread that reads has the lock of any statistics, or gets it.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "it is there to be dropped")] RwLockWriteGuard<'static, ()>);

/// To be called right before a fork, by the thread that records samples.
pub fn hold() -> Held {
    Held(FORK.write().unwrap_or_else(PoisonError::into_inner))
}

/// No fork happens as long as it is there.
#[derive(Debug)]
pub(crate) struct NoFork(
    #[expect(dead_code, reason = "it is there to be dropped")] RwLockReadGuard<'static, ()>,
);

pub(crate) fn no_fork() -> NoFork {
    NoFork(FORK.read().unwrap_or_else(PoisonError::into_inner))
}

fn descriptors() -> MutexGuard<'static, Vec<i32>> {
    DESCRIPTORS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a child has to close right after the fork; it is told once.
pub fn not_for_children() -> Vec<i32> {
    std::mem::take(&mut *descriptors())
}

/// A file that a child has to close.
#[derive(Debug)]
pub(crate) struct OurFile {
    number: i32,
    file: File,
}

impl OurFile {
    pub(crate) fn open(options: &OpenOptions, path: &Path) -> io::Result<Self> {
        let _no_fork = no_fork();
        let file = options.open(path)?;
        let number = number(&file);
        descriptors().push(number);
        Ok(Self { number, file })
    }
}

impl Deref for OurFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for OurFile {
    fn drop(&mut self) {
        // Before it is closed: its number may be another's file after that.
        let _no_fork = no_fork();
        descriptors().retain(|&number| number != self.number);
    }
}

#[cfg(unix)]
fn number(file: &File) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(file)
}

#[cfg(not(unix))]
fn number(_file: &File) -> i32 {
    -1
}
