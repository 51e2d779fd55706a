//! What pages are told while a test runs.
//!
//! The recorder's thread looks at the statistics once a second and at each change of state, and tells its outputs. One of them
//! ([pages]) writes one [event] for all pages, compressed once. A connection ([stream]) first gets what it has not seen, then the
//! same bytes as all others.

mod event;
mod log_ring;
mod pages;
mod stream;

pub(crate) use pages::{Live, Stream};
pub(crate) use stream::serve;
