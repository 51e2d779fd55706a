//! A queue that rings.

use std::collections::VecDeque;

use crate::bell::Bell;
use crate::sync::{Line, Mutex, MutexGuard, PoisonError};

/// Things on their way to one event loop, from any thread.
#[derive(Debug)]
pub struct Mailbox<T> {
    /// None once it is closed.
    items: Mutex<Option<VecDeque<T>>>,
    most: usize,
    bell: Bell,
}

impl<T> Mailbox<T> {
    /// An empty one, which holds at most `most` things.
    pub fn new(line: Line, most: usize) -> Self {
        Self { items: Mutex::new(Some(VecDeque::new())), most, bell: Bell::new(line) }
    }

    /// What to watch: it is readable while there is something to take.
    pub fn line(&self) -> &Line {
        self.bell.line()
    }

    /// Puts something in. It comes back if there is no room, or nobody takes anything any more.
    pub fn put(&self, item: T) -> Result<(), T> {
        {
            let mut items = self.lock();
            match &mut *items {
                Some(items) if items.len() < self.most => items.push_back(item),
                _ => return Err(item),
            }
        }
        self.bell.ring();
        Ok(())
    }

    /// Takes at most `most` things, oldest first; the line stays readable if there are more.
    pub fn take(&self, most: usize) -> Vec<T> {
        self.bell.acknowledge();
        let (taken, is_empty) = {
            let mut items = self.lock();
            let Some(items) = &mut *items else { return Vec::new() };
            let count = items.len().min(most);
            (items.drain(..count).collect(), items.is_empty())
        };
        if !is_empty {
            self.bell.ring();
        }
        taken
    }

    /// Takes nothing more in. What is left.
    pub fn close(&self) -> VecDeque<T> {
        self.lock().take().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<T>>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
