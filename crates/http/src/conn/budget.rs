//! How much all response bodies may take together. One alone has its own limit; many below it are still too many for a machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bodies are counted in steps of this size, so that small ones cost nothing.
pub(super) const STEP: usize = 1 << 20;

/// What all bodies of a client take, and may take.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicU64,
    most: u64,
}

impl Budget {
    pub(crate) fn new(most: u64) -> Self {
        Self { used: AtomicU64::new(0), most }
    }

    /// The limit, in bytes.
    pub(super) fn most(&self) -> u64 {
        self.most
    }
}

/// One body's part of it, given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    held: usize,
}

impl Share {
    pub(super) fn of(budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), held: 0 }
    }

    /// Counts a body of `size` bytes; false if all together are too large now.
    #[inline]
    pub(super) fn covers(&mut self, size: usize) -> bool {
        size < self.held + STEP || self.grow(size)
    }

    #[cold]
    fn grow(&mut self, size: usize) -> bool {
        let more = size / STEP * STEP - self.held;
        self.held += more;
        let before = self.budget.used.fetch_add(more as u64, Ordering::Relaxed);
        before + more as u64 <= self.budget.most
    }

    /// Gives back what is held, for another body.
    pub(super) fn reset(&mut self) {
        self.budget.used.fetch_sub(self.held as u64, Ordering::Relaxed);
        self.held = 0;
    }

    /// The body as bytes that hold their share as long as there are some of them; another share for the next body.
    pub(super) fn keep(&mut self, body: Vec<u8>) -> bytes::Bytes {
        if self.held == 0 {
            return body.into();
        }
        let share = Self { budget: Arc::clone(&self.budget), held: std::mem::take(&mut self.held) };
        bytes::Bytes::from_owner(Kept { body, _share: share })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.reset();
    }
}

struct Kept {
    body: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_count_until_nobody_has_them_any_more() {
        let budget = Arc::new(Budget::new(10 * STEP as u64));
        let (mut one, mut other) = (Share::of(&budget), Share::of(&budget));
        assert!(one.covers(STEP - 1) && budget.used.load(Ordering::Relaxed) == 0);
        assert!(one.covers(6 * STEP + 5) && other.covers(4 * STEP));
        assert!(!other.covers(5 * STEP));
        drop(other);
        let kept = one.keep(vec![7; 6 * STEP + 5]);
        assert!(one.covers(4 * STEP) && !one.covers(5 * STEP));
        drop(one);
        assert_eq!((kept.len(), budget.used.load(Ordering::Relaxed)), (6 * STEP + 5, 6 * STEP as u64));
        drop(kept);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
