//! Users as the Python host runs them: their slots, the greenlets lent to them, and the task loops.
//!
//! A user that waits between two tasks owns no greenlet: its slot lies on the timer wheel, and when the wait is over a
//! greenlet of the pool is lent to it for the next task. What a script could notice of that makes the user keep its
//! greenlet from then on (`lending.rs`).

mod control;
mod core;
mod lending;
mod open;
mod root;
mod slot;
mod stop;
mod task_set;
mod worker;

use std::time::{Duration, Instant};

use pyo3::prelude::*;

pub(crate) use self::control::is_greenlet_exit;
pub(crate) use self::core::UserCore;
pub(crate) use open::{arrive, is_on as is_open_run, latencies_now, latency_of};
pub(crate) use worker::resume;

/// The moment `seconds` after `now`; not a number and negative counts are now, and nothing is later than 30 years.
pub(crate) fn after(now: Instant, seconds: f64) -> Instant {
    const FAR: f64 = 1e9;
    if seconds > 0.0 { now + Duration::from_secs_f64(seconds.min(FAR)) } else { now }
}

/// Adds the native names of this folder to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<UserCore>()?;
    worker::register(m)?;
    stop::register(m)?;
    open::register(m)?;
    task_set::register(m)?;
    root::register(m)
}
