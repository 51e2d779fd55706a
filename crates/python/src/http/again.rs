//! What was made of a body serves for the next one with the same bytes: a load test asks for the same pages over and over.
//!
//! Exact by construction: bodies are compared whole. Kept is only what came twice, so that pages which are all different cost one
//! comparison of a length and, now and then, a copy of the body.

use std::sync::{Mutex, PoisonError};

/// After so many bodies in a row that had not come before, only every [`SELDOM`]th is noted.
const STRANGE: u32 = 256;
/// See [`STRANGE`].
const SELDOM: u32 = 16;

/// What was made of the last few bodies that came more than once. `T` is cheap to clone.
#[derive(Debug)]
pub(super) struct Again<T> {
    /// How many bodies are kept.
    most: usize,
    /// Longer bodies are not.
    longest: usize,
    kept: Mutex<Kept<T>>,
}

#[derive(Debug)]
struct Kept<T> {
    slots: Vec<Slot<T>>,
    /// The slot that is looked at next when a place is needed.
    hand: usize,
    /// How many bodies in a row had not come before.
    strange: u32,
}

#[derive(Debug)]
struct Slot<T> {
    body: Box<[u8]>,
    /// None: the body came once.
    made: Option<T>,
    /// Whether it came since the hand was here.
    wanted: bool,
}

/// What is known of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known<T> {
    /// What was made of it.
    Made(T),
    /// It has come before: what is made of it now is worth keeping.
    Seen,
    /// Nothing.
    New,
}

impl<T: Clone> Again<T> {
    /// Keeps at most `most` bodies of at most `longest` bytes.
    pub(super) const fn new(most: usize, longest: usize) -> Self {
        let kept = Kept { slots: Vec::new(), hand: 0, strange: 0 };
        Self { most, longest, kept: Mutex::new(kept) }
    }

    /// What is known of a body, which is noted if it is new.
    pub(super) fn find(&self, body: &[u8]) -> Known<T> {
        if body.len() > self.longest {
            return Known::New;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        if let Some(slot) = kept.slots.iter_mut().find(|slot| *slot.body == *body) {
            slot.wanted = true;
            kept.strange = 0;
            return slot.made.clone().map_or(Known::Seen, Known::Made);
        }
        kept.strange = kept.strange.wrapping_add(1);
        if kept.strange < STRANGE || kept.strange.is_multiple_of(SELDOM) {
            let slot = Slot { body: body.into(), made: None, wanted: false };
            if kept.slots.len() < self.most {
                kept.slots.push(slot);
            } else {
                let place = kept.free_place();
                kept.slots[place] = slot;
            }
        }
        Known::New
    }

    /// Keeps what was made of a body that has been [`Known::Seen`].
    pub(super) fn keep(&self, body: &[u8], made: T) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = kept.slots.iter_mut().find(|slot| *slot.body == *body) {
            slot.made = Some(made);
        }
    }
}

impl<T> Kept<T> {
    /// The first slot that was not wanted since the last time round.
    fn free_place(&mut self) -> usize {
        loop {
            let place = self.hand;
            self.hand = (place + 1) % self.slots.len();
            if !std::mem::take(&mut self.slots[place].wanted) {
                return place;
            }
        }
    }
}
