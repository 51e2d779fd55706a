//! Commands on their way to the hub.

use gregaria_wake::{Line, Mailbox};
use gregaria_web::{Command, Host, Level};

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
    mailbox: Mailbox<Item>,
}

impl Inbox {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { mailbox: Mailbox::new(Line::new()?, MOST) })
    }

    /// What the hub watches.
    pub(super) fn descriptor(&self) -> i32 {
        self.mailbox.line().descriptor()
    }

    /// Takes at most `most` items; the hub is woken again if there are more.
    pub(super) fn take(&self, most: usize) -> Vec<Item> {
        self.mailbox.take(most)
    }

    /// Refuses everything from now on; what waits gets no answer.
    pub(super) fn close(&self) {
        drop(self.mailbox.close());
    }
}

impl Host for Inbox {
    fn send(&self, command: Command) {
        // One that finds no place is dropped, which its sender sees.
        drop(self.mailbox.put(Item::Command(command)));
    }

    fn log(&self, level: Level, message: String) {
        drop(self.mailbox.put(Item::Log(level, message)));
    }
}
