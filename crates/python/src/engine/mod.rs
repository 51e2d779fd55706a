//! The engine as Python sees it: the planner behind `locust.dispatch` and the run behind `locust.runners`.
//!
//! Python decides what a script can override; when the next users are due, of which class they are, where a run is and who
//! runs in it is decided and kept here.

mod dispatcher;
mod run;

use pyo3::prelude::*;

/// Adds the native names of this folder to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<dispatcher::DispatcherCore>()?;
    m.add_class::<run::RunCore>()
}
