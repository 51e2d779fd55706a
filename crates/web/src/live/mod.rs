//! What pages are told while a test runs.
//!
//! One thread, the [sampler], looks at the statistics once a second and at each change of state. It copies what has changed
//! ([mirror]), keeps the course of the run ([course], [series]) and writes one [event] for all pages, compressed once. A
//! connection ([stream]) first gets what it has not seen ([state]), then the same bytes as all others.

pub mod course;
mod event;
mod log_ring;
pub(crate) mod mirror;
mod sampler;
pub mod series;
pub(crate) mod state;
mod stream;

pub use mirror::Numbers;
pub(crate) use sampler::{Sampler, unix_now};
pub(crate) use state::Live;
pub(crate) use stream::serve;
