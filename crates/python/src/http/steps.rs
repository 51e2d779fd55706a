//! Steps of a request that scripts have taken over: Python says when one changes (`locust/_http/steps.py`), sessions and
//! responses see it by a number and a flag.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pyo3::prelude::*;

use super::settings::Style;

/// Goes up whenever a class that requests go through has been changed; a session that has seen less looks again.
static GENERATION: AtomicU64 = AtomicU64::new(1);
static REQUESTS_ALTERED: AtomicBool = AtomicBool::new(false);
static FAST_ALTERED: AtomicBool = AtomicBool::new(false);

/// The present generation; never 0.
pub(super) fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Whether a script has replaced a step of the responses of this style.
pub(super) fn altered(style: Style) -> bool {
    match style {
        Style::Requests => REQUESTS_ALTERED.load(Ordering::Relaxed),
        Style::Fast => FAST_ALTERED.load(Ordering::Relaxed),
    }
}

/// Has all sessions look again at what they go through; says for each kind of response whether a step is a script's.
#[pyfunction]
fn steps_changed(requests: bool, fast: bool) {
    REQUESTS_ALTERED.store(requests, Ordering::Relaxed);
    FAST_ALTERED.store(fast, Ordering::Relaxed);
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(steps_changed, m)?)
}
