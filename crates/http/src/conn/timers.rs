//! Deadlines of connections and of waiting exchanges.
//!
//! A timer is a reminder to look, not a verdict: when it fires, the owner compares the clock with the deadline it
//! has by then and asks again if that has moved. So a kept connection whose requests each have a timeout of a
//! minute costs one entry a minute, not one per request, and nothing is ever cancelled.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::slab::Key;

/// Who is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Connection(Key),
    Job(Key),
}

#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Owner)>>,
}

impl Timers {
    pub(crate) fn insert(&mut self, at: Instant, owner: Owner) {
        self.heap.push(Reverse((at, owner)));
    }

    /// How many reminders there are, those of owners long gone included.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Forgets the reminders of owners that are gone.
    pub(crate) fn retain(&mut self, mut lives: impl FnMut(Owner) -> bool) {
        self.heap.retain(|Reverse((_, owner))| lives(*owner));
    }

    /// The next moment at which something is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one reminder that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Instant, Owner)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::slab::Slab;
    use super::*;

    #[test]
    fn reminders_come_in_the_order_of_time_and_never_early() {
        let start = Instant::now();
        let mut slab = Slab::new();
        let (a, b) = (slab.insert(()), slab.insert(()));
        let mut timers = Timers::default();
        timers.insert(start + Duration::from_millis(20), Owner::Connection(a));
        timers.insert(start + Duration::from_millis(10), Owner::Job(b));
        assert_eq!(timers.next(), Some(start + Duration::from_millis(10)));
        assert_eq!(timers.pop_due(start + Duration::from_millis(9)), None);
        let late = start + Duration::from_millis(30);
        assert_eq!(timers.pop_due(late), Some((start + Duration::from_millis(10), Owner::Job(b))));
        assert_eq!(timers.pop_due(late), Some((start + Duration::from_millis(20), Owner::Connection(a))));
        assert_eq!(timers.pop_due(late), None);
    }

    #[test]
    fn reminders_of_the_gone_can_be_forgotten() {
        let start = Instant::now();
        let mut slab = Slab::new();
        let mut timers = Timers::default();
        let keys: Vec<_> = (0..10).map(|_| slab.insert(())).collect();
        for (number, key) in keys.iter().enumerate() {
            timers.insert(start + Duration::from_millis(number as u64), Owner::Connection(*key));
        }
        keys.iter().step_by(2).for_each(|key| assert!(slab.remove(*key).is_some()));
        timers.retain(|owner| matches!(owner, Owner::Connection(key) if slab.get(key).is_some()));
        assert_eq!((timers.len(), slab.len()), (5, 5));
        assert_eq!(timers.next(), Some(start + Duration::from_millis(1)));
    }
}
