//! What has arrived and waits for the socket's owner.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::room::Waiting;

/// Called on the socket's thread when something has arrived.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// Different things that are told of; others are kept quiet about.
const MOST_TOLD: usize = 1_000;

/// How grave a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Worth knowing.
    Warning,
    /// Nothing will work before somebody acts.
    Error,
}

/// Something for the owner.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    /// A message, and on a server the identity of who sent it.
    Message {
        /// Empty on a client.
        from: String,
        /// msgpack, unread.
        body: Bytes,
    },
    /// A line for the log.
    Notice(Level, String),
}

#[derive(Debug)]
enum Entry {
    Message { from: String, message: Waiting },
    Notice(Level, String),
}

/// The queue of one socket.
pub(super) struct Inbox {
    entries: Mutex<VecDeque<Entry>>,
    told: Mutex<HashSet<String>>,
    closed: AtomicBool,
    wake: Wake,
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl Inbox {
    pub(super) fn new(wake: Wake) -> Self {
        Self { entries: Mutex::default(), told: Mutex::default(), closed: AtomicBool::new(false), wake }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, entry: Entry) {
        if !self.is_closed() {
            self.lock().push_back(entry);
            (self.wake)();
        }
    }

    pub(super) fn message(&self, from: &str, message: Waiting) {
        self.put(Entry::Message { from: from.to_owned(), message });
    }

    /// Tells the owner, unless the same has been told of `whom` before.
    pub(super) fn tell_once(&self, whom: &str, level: Level, words: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MOST_TOLD && told.insert(whom.to_owned()) {
            drop(told);
            self.put(Entry::Notice(level, words));
        }
    }

    /// What has been told may be told again: things have changed since.
    pub(super) fn forget_told(&self) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn take(&self) -> Option<Item> {
        Some(match self.lock().pop_front()? {
            Entry::Message { from, message } => Item::Message { from, body: message.body },
            Entry::Notice(level, words) => Item::Notice(level, words),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Drops what waits and wakes the owner, who may be waiting for more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let waiting = std::mem::take(&mut *self.lock());
        drop(waiting);
        (self.wake)();
    }
}
