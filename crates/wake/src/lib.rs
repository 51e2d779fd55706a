//! How other threads wake an event loop: a descriptor that is readable while there is something to look at.
//!
//! The files of this crate name locks and atomics by [`sync`] alone, so that `tests/interleavings.rs` can compile the same files
//! with those of `loom`, and try every order in which threads may meet here.

mod bell;
mod mailbox;
mod source;
mod sync;
mod system;

pub use bell::Bell;
pub use mailbox::Mailbox;
pub use source::{Closed, next};
pub use system::{Alarm, Awake, Line};
