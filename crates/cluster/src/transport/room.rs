//! How much may wait: messages and bytes of each connection, and bytes of all connections of a socket together.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::zmtp::MAX_MESSAGE;

/// What the smallest message of a connection counts for, so that its room holds at most 1,000.
const LEAST: usize = 128 << 10;
/// About twice the longest message.
const ROOM: usize = 1_000 * LEAST;
const _: () = assert!(ROOM > MAX_MESSAGE);

/// What a message takes beside its bytes.
const OVERHEAD: usize = 256;
/// Longer messages have a budget of their own, so that a few of them do not keep out reports.
const LONG: usize = 1 << 20;
/// Each of the two.
const BUDGET: usize = 128 << 20;
const _: () = assert!(BUDGET > MAX_MESSAGE + OVERHEAD);

/// Room for messages of one connection that wait.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

/// What all connections of a socket may hold together: messages that wait for its owner, and long ones of which only a part has
/// arrived. When it is taken nothing more is read, and the other ends have to wait.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    short: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

/// A part of the budget, until it is dropped.
pub(super) type Share = OwnedSemaphorePermit;

/// A message and the room that it takes up until it is dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) body: Bytes,
    _space: OwnedSemaphorePermit,
    _share: Option<Share>,
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
        Some(Waiting { body, _space: space, _share: None })
    }

    /// Takes the message in as soon as there is room for it.
    pub(super) async fn take(&self, body: Bytes, share: Option<Share>) -> Option<Waiting> {
        let space = Arc::clone(&self.0).acquire_many_owned(Self::cost(&body)).await.ok()?;
        Some(Waiting { body, _space: space, _share: share })
    }

    /// How many messages wait, if they are short; long ones count for several.
    pub(super) fn taken(&self) -> usize {
        (ROOM - self.0.available_permits()).div_ceil(LEAST)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { short: Arc::new(Semaphore::new(BUDGET)), long: Arc::new(Semaphore::new(BUDGET)) }
    }
}

impl Budget {
    /// A share for so many bytes, as soon as there is one.
    pub(super) async fn share(&self, bytes: usize) -> Option<Share> {
        let of = if bytes > LONG { &self.long } else { &self.short };
        let bytes = (bytes + OVERHEAD).min(BUDGET) as u32;
        Arc::clone(of).acquire_many_owned(bytes).await.ok()
    }
}
