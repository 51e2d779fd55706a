//! Commands on their way to the hub.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use gregaria_http::Wake as _;
use gregaria_web::{Command, Host, Level};

use crate::gevent::WakeUp;

/// More waiting commands than this are refused: the main thread is stuck.
const MOST: usize = 1_000;

/// Something for the hub.
#[derive(Debug)]
pub(super) enum Item {
    Command(Command),
    Log(Level, String),
}

/// The queue, and what wakes the hub.
#[derive(Debug)]
pub(super) struct Inbox {
    items: Mutex<VecDeque<Item>>,
    wake: WakeUp,
    closed: AtomicBool,
}

impl Inbox {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { items: Mutex::default(), wake: WakeUp::new()?, closed: AtomicBool::new(false) })
    }

    /// What the hub watches.
    pub(super) fn descriptor(&self) -> i32 {
        self.wake.descriptor()
    }

    fn put(&self, item: Item) {
        if self.closed.load(Ordering::SeqCst) {
            return;
        }
        {
            let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
            if items.len() >= MOST {
                return;
            }
            items.push_back(item);
        }
        self.wake.wake();
    }

    /// Takes at most `most` items; the hub is woken again if there are more.
    pub(super) fn take(&self, most: usize) -> Vec<Item> {
        self.wake.acknowledge();
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let count = items.len().min(most);
        let taken = items.drain(..count).collect();
        if !items.is_empty() {
            self.wake.wake();
        }
        taken
    }

    /// Refuses everything from now on; what waits gets no answer.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let waiting = std::mem::take(&mut *self.items.lock().unwrap_or_else(PoisonError::into_inner));
        drop(waiting);
    }
}

impl Host for Inbox {
    fn send(&self, command: Command) {
        self.put(Item::Command(command));
    }

    fn log(&self, level: Level, message: String) {
        self.put(Item::Log(level, message));
    }
}
