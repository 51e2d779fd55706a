//! The table of running users of this thread.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::time::Instant;

use gregaria_engine::wheel::TimerKey;
use pyo3::prelude::*;

use super::core::{NO_SLOT, UserCore};
use super::open::{Iteration, Member};
use crate::gevent::Token;

/// Where a user stands when no greenlet runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `on_start` comes next.
    Start,
    /// A wait between two tasks comes to its end next.
    Waiting,
    /// Its next iteration, which it waits for in the pool of an open run.
    Free,
}

/// One running user.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) user: Py<PyAny>,
    /// Told when the user has ended (`_finished(user)`).
    pub(super) group: Option<Py<PyAny>>,
    /// The greenlet that runs it now, or that it owns.
    pub(super) greenlet: Option<Py<PyAny>>,
    /// A greenlet of the user's own that has not been switched to yet.
    pub(super) own: Option<Py<PyAny>>,
    /// The context variables it began with; shared with the users that began with the same.
    pub(super) base: Py<PyAny>,
    /// The greenlet stays with this user.
    pub(super) pinned: bool,
    pub(super) step: Step,
    pub(super) timer: Option<TimerKey>,
    /// When its present wait on the wheel ends.
    pub(super) until: Option<Instant>,
    /// Its place in the pool of an open run.
    pub(super) member: Option<Member>,
    /// The iteration of an open run that it is in, or is about to begin.
    pub(super) iteration: Option<Iteration>,
    /// What it waits for in its greenlet, if that is its next iteration.
    pub(super) waits: Option<Token>,
    /// To be ended as if its greenlet had been killed.
    pub(super) killed: bool,
    /// Greenlets that wait for its end.
    pub(super) watchers: Vec<Token>,
}

/// The slots, and the numbers of the free ones.
type Table = (Vec<Option<Box<Slot>>>, Vec<u32>);

thread_local! {
    // Never dropped: a thread's destructors run when the interpreter is gone.
    static SLOTS: ManuallyDrop<RefCell<Table>> = const { ManuallyDrop::new(RefCell::new((Vec::new(), Vec::new()))) };
}

/// Gives a user its slot.
pub(super) fn insert(
    user: &Bound<'_, UserCore>,
    group: Option<Py<PyAny>>,
    greenlet: Option<Py<PyAny>>,
    base: Py<PyAny>,
) -> u32 {
    let pinned = greenlet.is_some();
    let slot = Box::new(Slot {
        user: user.clone().into_any().unbind(),
        group,
        greenlet,
        own: None,
        base,
        pinned,
        step: Step::Start,
        timer: None,
        until: None,
        member: None,
        iteration: None,
        waits: None,
        killed: false,
        watchers: Vec::new(),
    });
    let index = SLOTS.with(|table| {
        let (slots, free) = &mut *table.borrow_mut();
        if let Some(index) = free.pop() {
            slots[index as usize] = Some(slot);
            index
        } else {
            slots.push(Some(slot));
            (slots.len() - 1) as u32
        }
    });
    user.get().set_slot(index);
    index
}

/// Looks at or changes a slot; None if it is gone. `work` must not call into Python.
pub(super) fn with<R>(index: u32, work: impl FnOnce(&mut Slot) -> R) -> Option<R> {
    SLOTS.with(|table| {
        let (slots, _) = &mut *table.borrow_mut();
        slots.get_mut(index as usize).and_then(Option::as_mut).map(|slot| work(slot))
    })
}

/// The slot of a user, if it runs on this thread.
pub(super) fn of(user: &UserCore) -> Option<u32> {
    Some(user.slot()).filter(|&index| index != NO_SLOT)
}

/// Takes a slot out; the caller drops it outside any borrow, since that may run Python code.
pub(super) fn remove(py: Python<'_>, index: u32) -> Option<Box<Slot>> {
    let slot = SLOTS.with(|table| {
        let (slots, free) = &mut *table.borrow_mut();
        let slot = slots.get_mut(index as usize).and_then(Option::take)?;
        free.push(index);
        Some(slot)
    })?;
    if let Ok(user) = slot.user.bind(py).cast::<UserCore>() {
        user.get().set_slot(NO_SLOT);
    }
    Some(slot)
}
