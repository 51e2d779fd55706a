//! `_engine.StatsListener`: the listener of `events.request` that counts.

use super::request_stats::RequestStats;
use super::settings;
use crate::http::ResponseCore;
use crate::user::{is_open_run, latency_of};
use gregaria_stats::{Details, Phases};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt};
use std::sync::{Mutex, PoisonError};

/// Listener of `events.request`. Native code that finds it as the only listener records without calling it.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct StatsListener {
    stats: Mutex<Py<RequestStats>>,
}

impl StatsListener {
    /// Where it counts.
    pub(crate) fn stats(&self, py: Python<'_>) -> Py<RequestStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner).clone_ref(py)
    }
}

#[pymethods]
impl StatsListener {
    #[new]
    fn new(stats: Py<RequestStats>) -> Self {
        Self { stats: Mutex::new(stats) }
    }

    #[getter(stats)]
    fn py_stats(&self, py: Python<'_>) -> Py<RequestStats> {
        self.stats(py)
    }

    #[setter(stats)]
    fn set_stats(&self, stats: Py<RequestStats>) {
        let old = std::mem::replace(&mut *self.stats.lock().unwrap_or_else(PoisonError::into_inner), stats);
        drop(old);
    }

    #[expect(clippy::too_many_arguments, reason = "the arguments of the event")]
    // What is not counted is named nevertheless: a dict of the rest would be made for it each time.
    #[pyo3(signature = (request_type, name, response_time, response_length, exception=None, *, response=None, context=None, start_time=None, url=None, **kwargs))]
    fn __call__(
        &self,
        py: Python<'_>,
        request_type: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        response_time: &Bound<'_, PyAny>,
        response_length: &Bound<'_, PyAny>,
        exception: Option<&Bound<'_, PyAny>>,
        response: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
        start_time: Option<&Bound<'_, PyAny>>,
        url: Option<&Bound<'_, PyAny>>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let _ = (context, url, kwargs);
        if settings::counts_by_methods() {
            // As Locust does it, for who has put something else in the place of one.
            let stats = self.stats(py);
            let stats = stats.bind(py);
            stats.call_method1("log_request", (request_type, name, response_time, response_length))?;
            return match exception {
                Some(error) if error.is_truthy()? => {
                    stats.call_method1("log_error", (request_type, name, error)).map(drop)
                }
                _ => Ok(()),
            };
        }
        let (phases, status) = response.map(told_by).unwrap_or_default();
        let details = Details { phases: &phases, status };
        let stats = self.stats(py);
        let stats = stats.bind(py);
        let counted = if is_open_run() {
            counted_as(stats, (request_type, name), response_time, start_time, &phases)?
        } else {
            None
        };
        let response_time = counted.as_ref().unwrap_or(response_time);
        stats.get().on_request(py, request_type, name, response_time, response_length, exception, details)
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        match self.stats.try_lock() {
            Ok(stats) => visit.call(&*stats),
            Err(_) => Ok(()),
        }
    }
}

/// Where the time went, as far as that is known, and the status of the answer. Of what is no response of an HTTP client nothing.
fn told_by(response: &Bound<'_, PyAny>) -> (Phases, Option<u16>) {
    if let Ok(core) = response.cast::<ResponseCore>() {
        return core.get().told().map_or_else(Default::default, |(phases, status)| (phases, Some(status)));
    }
    let status = response.getattr_opt(intern!(response.py(), "status_code")).ok().flatten();
    let status = status.and_then(|status| status.cast_exact::<PyInt>().ok()?.extract::<u16>().ok());
    (Phases::default(), status.filter(|status| (100..1_000).contains(status)))
}

/// The time that statistics of an open run count; None: as it is given.
#[cold]
fn counted_as<'py>(
    stats: &Bound<'py, RequestStats>,
    (request_type, name): (&Bound<'py, PyAny>, &Bound<'py, PyAny>),
    response_time: &Bound<'py, PyAny>,
    start_time: Option<&Bound<'py, PyAny>>,
    phases: &Phases,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = stats.py();
    let Ok(service) = response_time.extract::<f64>() else { return Ok(None) };
    let known = start_time.and_then(|start| start.extract::<f64>().ok()).filter(|start| start.is_finite());
    let start = match known {
        Some(start) => start,
        // As if it had ended just now.
        None => {
            py.import(intern!(py, "time"))?.call_method0(intern!(py, "time"))?.extract::<f64>()?
                - service / 1e3
        }
    };
    let (method, name) = (request_type.str()?.to_string(), name.str()?.to_string());
    let counted = latency_of(py, stats.get(), None, (&method, &name), (start, service), phases);
    Ok(Some(counted.into_pyobject(py)?.into_any()))
}
