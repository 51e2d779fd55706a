//! The statistics, as other threads than their owner's reach them.

use std::sync::{Arc, PoisonError, RwLock};

use gregaria_stats::RequestStats;

use crate::owner_first::OwnerFirst;

/// Entries looked at in one look: the main thread, which counts each request in them, waits for no more than this.
pub(crate) const BATCH: usize = 64;
/// Entries copied with their histograms in one look: some 2 µs each.
pub(crate) const COPIES: usize = 8;

/// The statistics shown, which may be exchanged for others.
#[derive(Debug, Clone)]
pub struct Numbers(Arc<RwLock<Arc<OwnerFirst<RequestStats>>>>);

impl Numbers {
    /// Shows these.
    pub fn new(stats: Arc<OwnerFirst<RequestStats>>) -> Self {
        Self(Arc::new(RwLock::new(stats)))
    }

    /// Shows others from now on.
    pub fn replace(&self, stats: Arc<OwnerFirst<RequestStats>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = stats;
    }

    /// Those shown now.
    pub fn current(&self) -> Arc<OwnerFirst<RequestStats>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
