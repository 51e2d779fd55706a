//! What has arrived and waits for the socket's owner.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::room::{Budget, Waiting};

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
#[derive(Debug)]
pub enum Item {
    /// A message, and on a server the identity of who sent it.
    Message {
        /// Empty on a client.
        from: String,
        /// msgpack, unread.
        body: Bytes,
        /// Whether messages wait that the same peer sent before.
        overtook: bool,
        /// How long ago it arrived.
        waited: Duration,
    },
    /// A line for the log.
    Notice(Level, String),
}

/// The same things; how long they have waited is no part of them.
impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Message { from, body, overtook, .. },
                Self::Message { from: from_too, body: body_too, overtook: overtook_too, .. },
            ) => (from, body, overtook) == (from_too, body_too, overtook_too),
            (Self::Notice(level, words), Self::Notice(level_too, words_too)) => {
                (level, words) == (level_too, words_too)
            }
            _ => false,
        }
    }
}

/// What a message is to the owner of a server, as far as it matters for the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Stays in the order of its connection.
    Ordinary,
    /// The same; counted.
    Report,
    /// A sign of life: overtakes all others, and of one connection only the latest is kept.
    Pulse,
}

/// Tells which kind a message is. It sees the first bytes of what anybody sent.
pub type Classify = fn(&[u8]) -> Kind;

/// What waits in a socket for its owner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Backlog {
    /// All messages but pulses.
    pub messages: usize,
    /// Reports among them.
    pub reports: usize,
    /// Since when the first of them waits.
    pub oldest: Duration,
}

#[derive(Debug)]
enum Entry {
    Message { from: String, message: Waiting, since: Instant, is_report: bool },
    Notice(Level, String),
}

/// Pulses that may be taken one after the other while other messages wait.
const PULSES_IN_A_ROW: usize = 32;
/// A pulse is short.
const MOST_PULSE: usize = 1 << 10;

#[derive(Debug, Default)]
struct Queues {
    entries: VecDeque<Entry>,
    pulses: VecDeque<(String, Bytes, Instant)>,
    in_a_row: usize,
    /// Messages by sender; without those that have none.
    waiting: HashMap<String, usize>,
    reports: usize,
}

/// The queues of one socket.
pub(super) struct Inbox {
    queues: Mutex<Queues>,
    told: Mutex<HashSet<String>>,
    closed: AtomicBool,
    classify: Classify,
    budget: Budget,
    wake: Wake,
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("queues", &self.queues).finish_non_exhaustive()
    }
}

impl Inbox {
    pub(super) fn new(classify: Classify, wake: Wake) -> Self {
        Self {
            queues: Mutex::default(),
            told: Mutex::default(),
            closed: AtomicBool::new(false),
            classify,
            budget: Budget::default(),
            wake,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What all connections of the socket share.
    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(super) fn is_pulse(&self, body: &Bytes) -> bool {
        body.len() <= MOST_PULSE && (self.classify)(body) == Kind::Pulse
    }

    /// Takes a pulse in, in the place of an earlier one.
    pub(super) fn pulse(&self, from: &str, body: Bytes) {
        // Not a part of what was read together with it.
        let body = Bytes::copy_from_slice(&body);
        self.change(|queues| match queues.pulses.iter_mut().find(|(sender, ..)| sender == from) {
            Some((_, earlier, since)) => (*earlier, *since) = (body, Instant::now()),
            None => queues.pulses.push_back((from.to_owned(), body, Instant::now())),
        });
    }

    pub(super) fn message(&self, from: &str, message: Waiting) {
        let is_report = (self.classify)(&message.body) == Kind::Report;
        self.change(|queues| {
            match queues.waiting.get_mut(from) {
                Some(count) => *count += 1,
                None => drop(queues.waiting.insert(from.to_owned(), 1)),
            }
            queues.reports += usize::from(is_report);
            let since = Instant::now();
            queues.entries.push_back(Entry::Message { from: from.to_owned(), message, since, is_report });
        });
    }

    fn change(&self, put: impl FnOnce(&mut Queues)) {
        if !self.is_closed() {
            put(&mut self.lock());
            (self.wake)();
        }
    }

    /// What waits.
    pub(super) fn backlog(&self) -> Backlog {
        let queues = self.lock();
        let oldest = queues.entries.iter().find_map(|entry| match entry {
            Entry::Message { since, .. } => Some(since.elapsed()),
            Entry::Notice(..) => None,
        });
        Backlog {
            messages: queues.waiting.values().sum(),
            reports: queues.reports,
            oldest: oldest.unwrap_or_default(),
        }
    }

    /// Whether messages of that sender wait.
    pub(super) fn holds(&self, sender: &str) -> bool {
        self.lock().waiting.contains_key(sender)
    }

    /// Tells the owner, unless the same has been told of `whom` before.
    pub(super) fn tell_once(&self, whom: &str, level: Level, words: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MOST_TOLD && told.insert(whom.to_owned()) {
            drop(told);
            self.tell(level, words);
        }
    }

    /// As if it had been told.
    pub(super) fn keep_quiet_about(&self, whom: &str) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(whom.to_owned());
    }

    /// Tells the owner.
    pub(super) fn tell(&self, level: Level, words: String) {
        self.change(|queues| queues.entries.push_back(Entry::Notice(level, words)));
    }

    /// What has been told may be told again: things have changed since.
    pub(super) fn forget_told(&self) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn take(&self) -> Option<Item> {
        let mut queues = self.lock();
        let is_pulses_turn = queues.in_a_row < PULSES_IN_A_ROW || queues.entries.is_empty();
        if is_pulses_turn && let Some((from, body, since)) = queues.pulses.pop_front() {
            queues.in_a_row += 1;
            let overtook = queues.waiting.contains_key(&from);
            return Some(Item::Message { from, body, overtook, waited: since.elapsed() });
        }
        queues.in_a_row = 0;
        Some(match queues.entries.pop_front()? {
            Entry::Message { from, message, is_report, since } => {
                queues.reports -= usize::from(is_report);
                match queues.waiting.get_mut(&from) {
                    Some(count) if *count > 1 => *count -= 1,
                    _ => drop(queues.waiting.remove(&from)),
                }
                Item::Message { from, body: message.body, overtook: false, waited: since.elapsed() }
            }
            Entry::Notice(level, words) => Item::Notice(level, words),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Drops what waits and wakes the owner, who may be waiting for more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let queues = std::mem::take(&mut *self.lock());
        drop(queues);
        (self.wake)();
    }
}
