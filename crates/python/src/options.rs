//! The command line's one table, for the argparse parser that Python builds from it, and the readers of its values.

use gregaria_cli::Catalog;
use gregaria_record::values;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// Everything the Rust side knows of the command line (options, groups, environment variables, configuration files,
/// exit codes) as one JSON object; `locust.cli.table` reads it.
#[pyfunction]
fn option_table() -> PyResult<String> {
    Catalog::new().to_json().map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

/// Seconds of a run time as people write it; None if it is none.
#[pyfunction]
fn timespan(text: &str) -> Option<u64> {
    values::timespan(text)
}

/// A whole number as `int()` reads it; None if it is none.
#[pyfunction]
fn integer(text: &str) -> Option<i64> {
    values::integer(text)
}

/// A number as `float()` reads it; None if it is none.
#[pyfunction]
fn number(text: &str) -> Option<f64> {
    values::float(text)
}

/// Adds this area to `_engine`.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(timespan, module)?)?;
    module.add_function(wrap_pyfunction!(integer, module)?)?;
    module.add_function(wrap_pyfunction!(number, module)?)?;
    module.add_function(wrap_pyfunction!(option_table, module)?)
}
