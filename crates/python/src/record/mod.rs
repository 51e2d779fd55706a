//! `_engine.Recorder`: the record of an environment's runs, with the main thread as its source.

mod files;
mod fork;
mod lines;
mod out;
mod question;
mod recorder;
mod seconds;
mod terminal;

pub(crate) use lines::{Of as OfRequest, RequestLines};
pub(crate) use recorder::Recorder;

use gregaria_record::{Showing, Threshold, Told, report_of, store};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::stats::RequestStats;

/// The folder in which runs are kept by default; None without a home.
#[pyfunction]
fn web_store_dir() -> Option<String> {
    store::default_folder().map(|folder| folder.to_string_lossy().into_owned())
}

/// The data of a report of statistics that nobody recorded, as JSON; see `Recorder.report_args`.
#[pyfunction]
fn report_args(
    stats: &Bound<'_, RequestStats>,
    status: &str,
    info: &str,
    exceptions: &str,
    theme: Option<String>,
    download: Option<String>,
) -> PyResult<String> {
    let told = Told { status, info, exceptions };
    report_of(stats.get().table(), told, &Showing { theme, download })
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Raises `ValueError`, with the place marked, if the text is no threshold.
#[pyfunction]
fn check_threshold(text: &str) -> PyResult<()> {
    Threshold::parse(text).map(drop).map_err(|wrong| PyValueError::new_err(wrong.to_string()))
}

/// Adds the names of this folder to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Recorder>()?;
    m.add_class::<question::RecordQuestion>()?;
    m.add_class::<out::Out>()?;
    m.add_class::<RequestLines>()?;
    m.add_class::<terminal::TerminalBlock>()?;
    m.add_class::<seconds::Cutter>()?;
    m.add_class::<seconds::Reporters>()?;
    m.add_class::<files::CsvFiles>()?;
    m.add_class::<files::TableMaker>()?;
    m.add_function(wrap_pyfunction!(report_args, m)?)?;
    m.add_function(wrap_pyfunction!(check_threshold, m)?)?;
    m.add_function(wrap_pyfunction!(web_store_dir, m)?)?;
    fork::register(m)
}
