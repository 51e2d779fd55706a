//! The hinge between native code and gevent: how a greenlet blocks in Rust and is switched back in.
//!
//! This folder holds the only `unsafe` of the project. See `docs/design/0002-the-hinge.md` for the picture.

mod bridge;
mod capi;
pub(crate) mod counts;
mod entries;
mod wake;

pub(crate) use bridge::Bridge;
pub(crate) use capi::{allocate, call_one, reference_count};
pub(crate) use entries::{Ready, Signal, Token};
pub(crate) use wake::WakeUp;

use pyo3::prelude::*;

/// Adds the native names of this folder to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    bridge::register(m)
}
