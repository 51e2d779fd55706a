//! The engine as Python sees it: the planner behind `locust.dispatch` and `locust.runners`.
//!
//! Python decides what a script can override; when the next users are due and of which class they are is decided here.

mod dispatcher;

use pyo3::prelude::*;

/// Adds the native names of this folder to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<dispatcher::DispatcherCore>()
}
