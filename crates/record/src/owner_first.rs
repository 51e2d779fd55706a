//! A lock of which one thread has more need than all others.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;

use crate::fork::{NoFork, no_fork};

/// How often the owner tries before it sleeps: longer than others hold the lock as a rule, and shorter than being woken takes.
const TRIES: u32 = 1_000;

/// Something that its owner changes all the time, and others look at now and then, a piece at a time.
///
/// An ordinary lock goes to whoever asks next. One who looks at a thousand pieces asks again right after each, long before the owner
/// has been woken, which then waits for all of them: milliseconds, in which it begins nothing. Here the others let it go first.
#[derive(Debug, Default)]
pub struct OwnerFirst<T> {
    inner: Mutex<T>,
    owner_waits: AtomicBool,
}

impl<T> OwnerFirst<T> {
    /// Nobody has it.
    pub const fn new(inner: T) -> Self {
        Self { inner: Mutex::new(inner), owner_waits: AtomicBool::new(false) }
    }

    /// For the owner: as it is; `None`, if somebody looks at it.
    #[inline]
    pub fn try_own(&self) -> Option<MutexGuard<'_, T>> {
        match self.inner.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// For the owner: as soon as whoever has it at the moment gives it back.
    #[inline]
    pub fn own(&self) -> MutexGuard<'_, T> {
        self.try_own().unwrap_or_else(|| self.own_next())
    }

    #[cold]
    fn own_next(&self) -> MutexGuard<'_, T> {
        self.owner_waits.store(true, Ordering::SeqCst);
        let soon = (0..TRIES).find_map(|_| {
            std::hint::spin_loop();
            self.try_own()
        });
        let guard = soon.unwrap_or_else(|| self.inner.lock().unwrap_or_else(PoisonError::into_inner));
        self.owner_waits.store(false, Ordering::SeqCst);
        guard
    }

    /// For all others, who are to hold it for microseconds, and not while they wait for anything.
    pub fn look(&self) -> Look<'_, T> {
        let no_fork = no_fork();
        while self.owner_waits.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        Look { guard: self.inner.lock().unwrap_or_else(PoisonError::into_inner), _no_fork: no_fork }
    }
}

/// A look at it.
#[derive(Debug)]
pub struct Look<'a, T> {
    guard: MutexGuard<'a, T>,
    _no_fork: NoFork,
}

impl<T> Deref for Look<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Look<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn nobody_looks_twice_while_the_owner_waits() {
        let (number, looks) = (OwnerFirst::new(0_u64), AtomicU64::new(0));
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    let guard = number.look();
                    looks.fetch_add(1, Ordering::SeqCst);
                    // Longer than the owner tries without sleeping.
                    thread::sleep(Duration::from_millis(2));
                    drop(guard);
                }
            });
            let until = Instant::now() + Duration::from_mins(1);
            while looks.load(Ordering::SeqCst) == 0 {
                assert!(Instant::now() < until);
                thread::yield_now();
            }
            for _ in 0..50 {
                let before = looks.load(Ordering::SeqCst);
                *number.own() += 1;
                // One that was under way, and one that had asked before it could see that the owner waits.
                assert!(looks.load(Ordering::SeqCst) <= before + 2, "the owner was passed by");
            }
            done.store(true, Ordering::SeqCst);
        });
        assert_eq!(*number.look(), 50);
    }

    #[test]
    fn a_panic_of_one_who_looks_does_not_take_it_from_the_owner() {
        let number = OwnerFirst::new(1);
        thread::scope(|scope| {
            let looks = scope.spawn(|| {
                let _guard = number.look();
                panic!("this panic is part of a test");
            });
            assert!(looks.join().is_err());
        });
        assert_eq!(*number.own(), 1);
        assert_eq!(number.try_own().map(|guard| *guard), Some(1));
        let guard = number.look();
        assert!(number.try_own().is_none());
        drop(guard);
    }
}
