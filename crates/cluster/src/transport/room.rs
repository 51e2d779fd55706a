//! How much may wait: a number of messages and of bytes, in one count.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What the smallest message counts for, so that the room holds at most 1,000.
const LEAST: usize = 128 << 10;
/// About twice the longest message.
const ROOM: usize = 1_000 * LEAST;
const _: () = assert!(ROOM > crate::zmtp::MAX_MESSAGE);

/// Room for messages that wait.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

/// A message and the room that it takes up until it is dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) body: Bytes,
    _space: OwnedSemaphorePermit,
}

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

impl Room {
    fn cost(body: &Bytes) -> u32 {
        body.len().clamp(LEAST, ROOM) as u32
    }

    /// Takes the message in if there is room for it now.
    pub(super) fn try_take(&self, body: Bytes) -> Option<Waiting> {
        let space = Arc::clone(&self.0).try_acquire_many_owned(Self::cost(&body)).ok()?;
        Some(Waiting { body, _space: space })
    }

    /// Takes the message in as soon as there is room for it.
    pub(super) async fn take(&self, body: Bytes) -> Option<Waiting> {
        let space = Arc::clone(&self.0).acquire_many_owned(Self::cost(&body)).await.ok()?;
        Some(Waiting { body, _space: space })
    }
}
