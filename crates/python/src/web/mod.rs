//! `_engine.WebServer`: the web interface's server, and the way of its commands to the hub.
//!
//! The server's threads put commands into an inbox and make its descriptor readable; the hub starts a greenlet for each, which
//! calls the handler with a [`command::WebCommand`] and may block as long as it likes.

mod command;
mod server;

use gregaria_web::{all_built_in, built_in, missing};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A built-in file of the web page, if there is one of that path.
#[pyfunction]
fn web_asset<'py>(py: Python<'py>, path: &str) -> Option<Bound<'py, PyBytes>> {
    built_in(path).map(|content| PyBytes::new(py, content))
}

/// Paths of all built-in files of the web page.
#[pyfunction]
fn web_assets() -> Vec<&'static str> {
    all_built_in().map(|(path, _)| path).collect()
}

/// Why the web page is not built in, if it is not.
#[pyfunction]
fn web_assets_missing() -> Option<&'static str> {
    missing()
}

/// Adds the names of this folder to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<server::WebServer>()?;
    m.add_class::<command::WebCommand>()?;
    m.add_function(wrap_pyfunction!(web_asset, m)?)?;
    m.add_function(wrap_pyfunction!(web_assets, m)?)?;
    m.add_function(wrap_pyfunction!(web_assets_missing, m)?)
}
