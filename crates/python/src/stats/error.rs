//! `_engine.StatsError`: one row of the table of errors.

use super::convert;
use gregaria_stats::{ErrorRecord, ErrorSeed, Tally};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

const UNWRAPPED: &str = "CatchResponseError(";
const TARGET: &str = "object at 0x";

/// A failure and how often it occurred.
#[pyclass(frozen, subclass, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct StatsError {
    record: Mutex<Arc<ErrorRecord>>,
    error: Py<PyAny>,
}

impl StatsError {
    /// The handle of a record; `error` is the object that occurred first.
    pub(super) fn of(record: Arc<ErrorRecord>, error: Py<PyAny>) -> Self {
        Self { record: Mutex::new(record), error }
    }

    fn record(&self) -> Arc<ErrorRecord> {
        Arc::clone(&self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The record for a table where it has this key.
    pub(super) fn keyed(&self, key: &str) -> Arc<ErrorRecord> {
        let record = self.record();
        if *record.seed.key == *key {
            return record;
        }
        let seed = ErrorSeed { key: key.into(), ..record.seed.clone() };
        let record = Arc::new(ErrorRecord::new(seed, record.tally()));
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&record);
        record
    }
}

/// The text of an error as it is counted and shown: strings are themselves, all else is its `repr()`; a memory address in it is
/// masked, and so are the passwords of URLs.
pub(crate) fn parse_error(error: &Bound<'_, PyAny>) -> PyResult<String> {
    let string = match error.cast::<PyString>() {
        Ok(string) => string.clone(),
        Err(_) => error.repr()?,
    };
    let text = without_passwords(error.py(), string.to_string_lossy().into_owned())?;
    if let Some(found) = text.find(TARGET) {
        let start = found + TARGET.len() - 2;
        if let Some(length) = text[start..].find('>') {
            return Ok(text.replace(&text[start..start + length], "0x...."));
        }
    }
    Ok(text)
}

/// A text as everything that is shown of a run shows it (`locust/_shown.py`).
pub(crate) fn without_passwords(py: Python<'_>, text: String) -> PyResult<String> {
    if !text.contains('@') || !text.contains("://") {
        return Ok(text);
    }
    py.import("locust._shown")?.getattr("url")?.call1((text,))?.extract()
}

/// SHA-256 in hex of `METHOD.NAME.repr(text)`.
fn key_of(py: Python<'_>, method: &str, name: &str, text: &str) -> PyResult<String> {
    let key = format!("{method}.{name}.{}", PyString::new(py, text).repr()?.to_string_lossy());
    py.import("hashlib")?.call_method1("sha256", (key.as_bytes(),))?.call_method0("hexdigest")?.extract()
}

/// What the console shows: the argument of a `CatchResponseError`, the text of all else (addresses not masked).
pub(super) fn display_of(py: Python<'_>, error: &Bound<'_, PyAny>) -> PyResult<String> {
    without_passwords(py, plain_display_of(py, error)?)
}

fn plain_display_of(py: Python<'_>, error: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(string) = error.cast::<PyString>() {
        let text = string.to_string_lossy();
        return Ok(match text.strip_prefix(UNWRAPPED) {
            Some(rest) => {
                let mut inner = rest.chars();
                inner.next_back();
                inner.as_str().to_owned()
            }
            None => text.into_owned(),
        });
    }
    let class = py.import("locust.exception")?.getattr("CatchResponseError")?;
    if error.is_instance(&class)?
        && let Ok(argument) = error.getattr("args").and_then(|args| args.get_item(0))
    {
        return convert::text(&argument).map(Cow::into_owned);
    }
    Ok(error.repr()?.to_string_lossy().into_owned())
}

/// All that identifies an error.
pub(super) fn seed(
    py: Python<'_>,
    method: Arc<str>,
    name: Arc<str>,
    text: String,
    error: &Bound<'_, PyAny>,
) -> PyResult<ErrorSeed> {
    let key = key_of(py, &method, &name, &text)?.into();
    let display = display_of(py, error)?.into();
    Ok(ErrorSeed { key, method, name, text: text.into(), display })
}

/// The form of the cluster's messages.
pub(super) fn wire<'py>(py: Python<'py>, record: &ErrorRecord) -> PyResult<Bound<'py, PyDict>> {
    let tally = record.tally();
    let dict = PyDict::new(py);
    dict.set_item("name", &*record.seed.name)?;
    dict.set_item("method", &*record.seed.method)?;
    dict.set_item("error", &*record.seed.text)?;
    dict.set_item("occurrences", tally.occurrences)?;
    dict.set_item("first_seen", tally.first_seen)?;
    dict.set_item("last_seen", tally.last_seen)?;
    Ok(dict)
}

#[pymethods]
impl StatsError {
    #[new]
    #[pyo3(signature = (method, name, error, occurrences=0, first_seen=None, last_seen=None))]
    fn new(
        py: Python<'_>,
        method: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        error: &Bound<'_, PyAny>,
        occurrences: u64,
        first_seen: Option<f64>,
        last_seen: Option<f64>,
    ) -> PyResult<Self> {
        let (method, name) = (convert::text(method)?.into(), convert::text(name)?.into());
        let seed = seed(py, method, name, parse_error(error)?, error)?;
        let record = ErrorRecord::new(seed, Tally { occurrences, first_seen, last_seen });
        Ok(Self::of(Arc::new(record), error.clone().unbind()))
    }

    #[getter]
    fn method(&self) -> String {
        self.record().seed.method.to_string()
    }

    #[getter]
    fn name(&self) -> String {
        self.record().seed.name.to_string()
    }

    /// The exception that occurred first, or the text if it came from elsewhere.
    #[getter]
    fn error(&self, py: Python<'_>) -> Py<PyAny> {
        self.error.clone_ref(py)
    }

    #[getter]
    fn occurrences(&self) -> u64 {
        self.record().tally().occurrences
    }

    #[setter]
    fn set_occurrences(&self, occurrences: u64) {
        self.record().update(|tally| tally.occurrences = occurrences);
    }

    #[getter]
    fn first_seen(&self) -> Option<f64> {
        self.record().tally().first_seen
    }

    #[setter]
    fn set_first_seen(&self, moment: Option<f64>) {
        self.record().update(|tally| tally.first_seen = moment);
    }

    #[getter]
    fn last_seen(&self) -> Option<f64> {
        self.record().tally().last_seen
    }

    #[setter]
    fn set_last_seen(&self, moment: Option<f64>) {
        self.record().update(|tally| tally.last_seen = moment);
    }

    /// The text of an error: strings are themselves, all else is its repr(); a memory address in it is masked, and so are
    /// passwords of URLs.
    #[staticmethod]
    #[pyo3(name = "parse_error")]
    fn py_parse_error(error: &Bound<'_, PyAny>) -> PyResult<String> {
        parse_error(error)
    }

    /// The key of an error in `RequestStats.errors`.
    #[staticmethod]
    fn create_key(
        py: Python<'_>,
        method: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        error: &Bound<'_, PyAny>,
    ) -> PyResult<String> {
        key_of(py, &convert::text(method)?, &convert::text(name)?, &parse_error(error)?)
    }

    /// Counts one more.
    fn occurred(&self, py: Python<'_>) -> PyResult<()> {
        let now = convert::unix_time(py)?;
        self.record().update(|tally| tally.occurred(now));
        Ok(())
    }

    /// Adds another table's count of the same error. (Not in Locust.)
    fn merge(&self, other: &Bound<'_, Self>) {
        let other = other.get().record().tally();
        self.record().update(|tally| tally.merge(&other));
    }

    /// Method, name and text for the console.
    fn to_name(&self) -> String {
        let record = self.record();
        format!("{} {}: {}", record.seed.method, record.seed.name, record.seed.display)
    }

    /// The form of the cluster's messages.
    fn serialize<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        wire(py, &self.record())
    }

    /// An error from the form of the cluster's messages.
    #[classmethod]
    fn unserialize<'py>(
        class: &Bound<'py, PyType>,
        data: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let [method, name, error, occurrences] =
            ["method", "name", "error", "occurrences"].map(|key| data.as_any().get_item(key));
        let [first, last] = ["first_seen", "last_seen"].map(|key| data.get_item(key));
        class.call1((method?, name?, error?, occurrences?, first?, last?))
    }

    /// The form of the web pages.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let record = self.record();
        let tally = record.tally();
        let dict = PyDict::new(py);
        dict.set_item("method", &*record.seed.method)?;
        dict.set_item("name", &*record.seed.name)?;
        dict.set_item("error", &*record.seed.text)?;
        dict.set_item("occurrences", tally.occurrences)?;
        dict.set_item("first_seen", tally.first_seen)?;
        dict.set_item("last_seen", tally.last_seen)?;
        Ok(dict)
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.error)
    }
}
