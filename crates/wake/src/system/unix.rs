//! Other Unix systems: a pipe, and a thread that waits for the moment. UNTESTED there; on Linux the tests run it.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
use rustix::pipe::pipe;

/// A descriptor that any thread can make readable.
#[derive(Debug)]
pub struct Line {
    readable: OwnedFd,
    writable: OwnedFd,
}

#[cfg(test)]
impl rustix::fd::AsFd for Line {
    fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
        self.readable.as_fd()
    }
}

impl Line {
    /// Errors: the system has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let (readable, writable) = pipe()?;
        for end in [&readable, &writable] {
            ioctl_fionbio(end, true)?;
            fcntl_setfd(end, FdFlags::CLOEXEC)?;
        }
        Ok(Self { readable, writable })
    }

    /// Its number, for an event loop to watch.
    pub fn descriptor(&self) -> i32 {
        self.readable.as_raw_fd()
    }

    /// Makes it readable.
    pub fn raise(&self) {
        // Fails only where the pipe is full, and then it is readable.
        let _ = rustix::io::write(&self.writable, &[1]);
    }

    /// Makes it unreadable; whether it was readable.
    pub fn lower(&self) -> bool {
        let mut was = false;
        let mut bytes = [0_u8; 64];
        while rustix::io::read(&self.readable, &mut bytes).is_ok_and(|read| read > 0) {
            was = true;
        }
        was
    }
}

/// A descriptor that becomes readable at the moment asked for. Only one moment is asked for at a time.
#[derive(Debug)]
pub struct Alarm(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    line: Line,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    due: Option<Instant>,
    closing: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self) {
        let mut state = self.lock();
        while !state.closing {
            let now = Instant::now();
            state = match state.due {
                Some(due) if due <= now => {
                    state.due = None;
                    self.line.raise();
                    state
                }
                Some(due) => {
                    self.changed.wait_timeout(state, due - now).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

#[cfg(test)]
impl rustix::fd::AsFd for Alarm {
    fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
        self.0.line.as_fd()
    }
}

impl Alarm {
    /// Errors: the system has no descriptor, or no thread, left.
    pub fn new() -> io::Result<Self> {
        let shared =
            Arc::new(Shared { line: Line::new()?, state: Mutex::default(), changed: Condvar::new() });
        let watched = Arc::clone(&shared);
        std::thread::Builder::new().name("gregaria-alarm".into()).spawn(move || watched.watch())?;
        Ok(Self(shared))
    }

    /// Its number, for an event loop to watch.
    pub fn descriptor(&self) -> i32 {
        self.0.line.descriptor()
    }

    /// Makes it readable after `wait`, in place of any moment asked for before; until then it is not.
    pub fn ring_after(&self, wait: Duration) {
        // A moment beyond all time never comes.
        self.set(Instant::now().checked_add(wait));
    }

    /// Forgets the moment asked for, whether it has come or not.
    pub fn silence(&self) {
        self.set(None);
    }

    fn set(&self, due: Option<Instant>) {
        let mut state = self.0.lock();
        self.0.line.lower();
        state.due = due;
        self.0.changed.notify_all();
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.lock().closing = true;
        self.0.changed.notify_all();
    }
}

/// Keeps idle processors from sleeping, where the system has a way to ask for it.
#[derive(Debug)]
pub struct Awake {
    _none: std::convert::Infallible,
}

impl Awake {
    /// Errors: always, as these systems have none.
    pub fn keep() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
