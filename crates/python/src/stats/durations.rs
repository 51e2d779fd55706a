//! `_engine.DurationsListener`: the listener of `events.request` that counts for OpenTelemetry.

use gregaria_stats::{Durations, Series};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::convert;

/// Name, kind of the failure, counts by bucket, sum, shortest and longest.
type Line = (String, Option<String>, Vec<u64>, f64, f64, f64);

fn line(of: Series) -> Line {
    (of.name.into(), of.error.map(Into::into), of.counts, of.sum, of.min, of.max)
}

/// Listener of `events.request` that counts how long requests took, in seconds. Native code that finds none but this and the
/// statistics' own tells both without calling them.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct DurationsListener(Mutex<Durations>);

impl DurationsListener {
    fn lock(&self) -> MutexGuard<'_, Durations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request that took so many milliseconds.
    pub(crate) fn count(
        &self,
        name: &str,
        ms: Option<f64>,
        exception: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let error = match exception {
            Some(exception) if exception.is_truthy()? => Some(exception.get_type().name()?),
            _ => None,
        };
        let error = error.as_ref().map(|name| name.to_string_lossy());
        self.lock().add(name, ms.map(|ms| ms / 1_000.0), error.as_deref());
        Ok(())
    }
}

#[pymethods]
impl DurationsListener {
    #[new]
    fn new(bounds: Vec<f64>, most_names: usize, others: &str) -> Self {
        Self(Mutex::new(Durations::new(bounds, most_names, others)))
    }

    #[pyo3(signature = (name, response_time, exception=None, **kwargs))]
    fn __call__(
        &self,
        name: &Bound<'_, PyAny>,
        response_time: Option<f64>,
        exception: Option<&Bound<'_, PyAny>>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let _ = kwargs;
        self.count(&convert::text(name)?, response_time, exception)
    }

    /// The names that have lines of their own.
    fn names(&self) -> Vec<String> {
        self.lock().names().map(str::to_owned).collect()
    }

    /// All lines; `anew`: and begins again with none.
    fn lines(&self, anew: bool) -> Vec<Line> {
        let mut all = self.lock();
        let lines = if anew { all.take() } else { all.series().to_vec() };
        lines.into_iter().map(line).collect()
    }
}
