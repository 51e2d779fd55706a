//! `_engine.RequestLines`: the listener of `events.request` that writes a line for each of them.

use std::path::PathBuf;

use gregaria_record::out::{Line, LineForm, Lines};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::stats::{error_text, text_of};

/// What is known of a request.
#[derive(Debug)]
pub(crate) struct Of<'a> {
    /// When it began, unix seconds.
    pub(crate) time: f64,
    pub(crate) method: &'a str,
    pub(crate) name: &'a str,
    pub(crate) ms: Option<f64>,
    pub(crate) length: i64,
    pub(crate) status: u16,
}

/// Writes a file of requests. Native code that finds none but the program's own listeners tells it without calling it.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct RequestLines {
    lines: Lines,
    /// The thread is that process's.
    process: u32,
}

impl RequestLines {
    /// Writes a line, if it is to be there.
    pub(crate) fn note(&self, of: &Of<'_>, exception: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let error = match exception {
            Some(exception) if exception.is_truthy()? => Some(exception),
            _ => None,
        };
        if self.process != std::process::id() || !self.lines.wants(error.is_some()) {
            return Ok(());
        }
        let error = error.map(error_text).transpose()?;
        self.lines.put(Line {
            time: of.time,
            method: of.method.into(),
            name: of.name.into(),
            response_time_ms: of.ms,
            response_length: of.length,
            status: of.status,
            error: error.map(Into::into),
        });
        Ok(())
    }
}

#[pymethods]
impl RequestLines {
    /// `form`: `csv` or `json`; `share` of the requests that did not fail. `OSError`: there can be no such file.
    #[new]
    fn new(path: PathBuf, form: &str, share: f64) -> PyResult<Self> {
        let form = match form {
            "csv" => LineForm::Csv,
            "json" => LineForm::Json,
            other => return Err(PyValueError::new_err(format!("{other:?} is none of csv, json"))),
        };
        let lines =
            Lines::create(&path, form, share).map_err(|error| PyOSError::new_err(error.to_string()))?;
        Ok(Self { lines, process: std::process::id() })
    }

    #[expect(clippy::too_many_arguments, reason = "the arguments of the event")]
    #[pyo3(signature = (request_type, name, response_time, response_length, exception=None, *, response=None, start_time=None, **kwargs))]
    fn __call__(
        &self,
        request_type: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        response_time: &Bound<'_, PyAny>,
        response_length: &Bound<'_, PyAny>,
        exception: Option<&Bound<'_, PyAny>>,
        response: Option<&Bound<'_, PyAny>>,
        start_time: Option<&Bound<'_, PyAny>>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let _ = kwargs;
        let py = name.py();
        let ms: Option<f64> = response_time.extract().ok();
        let began = start_time.and_then(|time| time.extract().ok());
        let now = || crate::stats::unix_time(py).map(|now| now - ms.unwrap_or_default() / 1_000.0);
        // Any object may stand for a response.
        let status =
            response.and_then(|response| response.getattr(intern!(py, "status_code")).ok()?.extract().ok());
        let (method, name) = (text_of(request_type)?, text_of(name)?);
        let of = Of {
            time: began.map_or_else(now, Ok)?,
            method: &method,
            name: &name,
            ms,
            length: response_length.extract().unwrap_or_default(),
            status: status.unwrap_or_default(),
        };
        self.note(&of, exception)
    }

    /// Writes what is left and closes the file: lines written, lines left out, and what went wrong, if something did.
    fn finish(&self, py: Python<'_>) -> (u64, u64, Option<String>) {
        if self.process != std::process::id() {
            return (0, 0, None);
        }
        let written = py.detach(|| self.lines.finish());
        (written.lines, written.left_out, written.broken)
    }
}
