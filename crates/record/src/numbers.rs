//! The statistics, as other threads than their owner's reach them.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use gregaria_stats::RequestStats;

use crate::fork::{NoFork, no_fork};

/// Entries looked at while the lock is held once.
pub(crate) const BATCH: usize = 64;

/// The statistics shown, which may be exchanged for others.
#[derive(Debug, Clone)]
pub struct Numbers(Arc<RwLock<Arc<Mutex<RequestStats>>>>);

impl Numbers {
    /// Shows these.
    pub fn new(stats: Arc<Mutex<RequestStats>>) -> Self {
        Self(Arc::new(RwLock::new(stats)))
    }

    /// Shows others from now on.
    pub fn replace(&self, stats: Arc<Mutex<RequestStats>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = stats;
    }

    /// Those shown now.
    pub fn current(&self) -> Arc<Mutex<RequestStats>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The statistics, locked.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    stats: MutexGuard<'a, RequestStats>,
    _no_fork: NoFork,
}

impl Deref for Locked<'_> {
    type Target = RequestStats;

    fn deref(&self) -> &RequestStats {
        &self.stats
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut RequestStats {
        &mut self.stats
    }
}

/// The lock is the main thread's, which takes it for each request: it is held for [`BATCH`] entries at most.
pub(crate) fn lock(stats: &Mutex<RequestStats>) -> Locked<'_> {
    let no_fork = no_fork();
    Locked { stats: stats.lock().unwrap_or_else(PoisonError::into_inner), _no_fork: no_fork }
}
