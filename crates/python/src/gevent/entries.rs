//! The table of what greenlets wait for: signals wait in it for their greenlet, or the greenlet for its signal.

use std::collections::VecDeque;

use gregaria_http::Event;
use pyo3::prelude::*;

/// What became of something that a greenlet or a user waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ready {
    /// The wait of a parked greenlet is over.
    Sleeper(Token),
    /// A user without a greenlet is due: to be started, or its wait is over.
    User(u32),
}

/// What a parked greenlet receives.
#[derive(Debug)]
pub(crate) enum Signal {
    /// News of a request.
    Http(Event),
    /// The time it slept for has passed.
    Due,
    /// No more news of any request will come: an I/O thread has died. Nothing to those who wait for something else.
    Broken,
}

/// Names one parking entry; stays unique when the entry is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(u64);

impl Token {
    fn new(index: usize, generation: u32) -> Self {
        Self((u64::from(generation) << 32) | index as u64)
    }

    fn index(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The number that travels with a request and comes back with its completions.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// The token of a number that came back.
    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// One thing to wait for.
#[derive(Default)]
pub(super) struct Entry {
    generation: u32,
    open: bool,
    pub(super) waiter: Option<Py<PyAny>>,
    first: Option<Signal>,
    // Only streamed responses ever hold a second signal.
    more: VecDeque<Signal>,
}

/// Everything that greenlets wait for.
#[derive(Default)]
pub(super) struct Entries {
    slots: Vec<Entry>,
    free: Vec<usize>,
}

impl Entries {
    pub(super) fn open(&mut self) -> Token {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Entry::default());
            self.slots.len() - 1
        });
        let entry = &mut self.slots[index];
        entry.open = true;
        Token::new(index, entry.generation)
    }

    pub(super) fn find(&mut self, token: Token) -> Option<&mut Entry> {
        self.slots.get_mut(token.index()).filter(|e| e.open && e.generation == token.generation())
    }

    pub(super) fn close(&mut self, token: Token) {
        let Some(entry) = self.find(token) else { return };
        entry.open = false;
        entry.generation = entry.generation.wrapping_add(1);
        entry.first = None;
        entry.more.clear();
        self.free.push(token.index());
    }

    /// Takes the oldest signal of an entry.
    pub(super) fn take(&mut self, token: Token) -> Option<Signal> {
        let entry = self.find(token)?;
        let first = entry.first.take();
        entry.first = entry.more.pop_front();
        first
    }

    /// Those that are open.
    pub(super) fn open_ones(&self) -> Vec<Token> {
        let open = self.slots.iter().enumerate().filter(|(_, entry)| entry.open);
        open.map(|(index, entry)| Token::new(index, entry.generation)).collect()
    }

    /// Adds a signal to an entry and returns the entry; None if it is closed.
    pub(super) fn put(&mut self, token: Token, signal: Signal) -> Option<&Entry> {
        let entry = self.find(token)?;
        if entry.first.is_none() {
            entry.first = Some(signal);
        } else {
            entry.more.push_back(signal);
        }
        Some(entry)
    }
}
