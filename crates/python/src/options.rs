//! The command line's one table, for the argparse parser that Python builds from it.

use gregaria_cli::Catalog;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// Everything the Rust side knows of the command line (options, groups, environment variables, configuration files,
/// exit codes) as one JSON object; `locust.cli.table` reads it.
#[pyfunction]
fn option_table() -> PyResult<String> {
    Catalog::new().to_json().map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

/// Adds this area to `_engine`.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(option_table, module)?)
}
