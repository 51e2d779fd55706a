//! `_engine.StatsEntry`: the statistics of one method and name, in the table or on its own.

use super::convert::{self, to_python};
use super::request_stats::{RequestStats, Shared};
use super::settings;
use gregaria_stats::{
    Buckets, CachedTimes, Entry, EntryId, EntrySnapshot, EntryWire, Histogram, Number, Sample, Seconds,
    SnapshotOptions, Span, Window, percentile_of,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The statistics of one method and name. Made by a script it stands on its own; those in `RequestStats.entries` are handles
/// of the native table until they are taken out of it.
#[pyclass(frozen, subclass, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct StatsEntry {
    /// Set once, by `_init`.
    stats: OnceLock<Py<RequestStats>>,
    home: Mutex<Home>,
}

#[derive(Debug)]
enum Home {
    Table { shared: Shared, id: EntryId, method: Arc<str>, name: Arc<str> },
    Total { shared: Shared },
    Own(Box<Entry>),
}

impl StatsEntry {
    /// Runs `f` on the numbers. `f` must not run Python code.
    fn with<R>(&self, f: impl FnOnce(&mut Entry) -> R) -> R {
        let mut home = self.home.lock().unwrap_or_else(PoisonError::into_inner);
        let cleared = match &mut *home {
            Home::Own(entry) => return f(entry),
            Home::Total { shared } => return f(shared.lock().total_mut()),
            Home::Table { shared, id, method, name } => {
                let mut stats = shared.lock();
                let cached = stats.cached();
                match stats.get_mut(*id) {
                    Some(entry) => return f(entry),
                    // Cleared by native code, which does not know of handles.
                    None => Box::new(Entry::new(method, name, cached, 0.0)),
                }
            }
        };
        *home = Home::Own(cleared);
        match &mut *home {
            Home::Own(entry) => f(entry),
            Home::Table { .. } | Home::Total { .. } => unreachable!("was made its own just above"),
        }
    }

    /// A copy of the numbers.
    pub(super) fn data(&self) -> Entry {
        self.with(|entry| entry.clone())
    }

    /// Makes this a handle of an entry of the table.
    pub(super) fn attach(&self, shared: &Shared, id: EntryId) {
        let names = self.with(|entry| (Arc::clone(&entry.method), Arc::clone(&entry.name)));
        let (method, name) =
            shared.lock().get(id).map_or(names, |entry| (Arc::clone(&entry.method), Arc::clone(&entry.name)));
        self.set_home(Home::Table { shared: shared.clone(), id, method, name });
    }

    /// Makes this a handle of the total.
    pub(super) fn attach_total(&self, shared: &Shared) {
        self.set_home(Home::Total { shared: shared.clone() });
    }

    fn set_home(&self, home: Home) {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = home;
    }

    /// What rates refer to: the total of the statistics this belongs to.
    fn span(&self) -> Span {
        match self.stats.get() {
            Some(stats) => stats.get().shared().lock().span(),
            None => self.with(|entry| entry.span()),
        }
    }

    /// The state at this moment.
    pub(super) fn snapshot(&self, now: f64, options: &SnapshotOptions) -> EntrySnapshot {
        let span = self.span();
        self.with(|entry| EntrySnapshot::of(entry, span, settings::window(), now, options))
    }
}

/// (second, {bucket: count}, requests, requests without time)
type CacheItem<'py> = (i64, Bound<'py, PyDict>, i64, i64);

#[pymethods]
impl StatsEntry {
    /// Takes any arguments, so that a subclass may have its own; `_init` follows.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        let empty = Entry::new("", "", false, 0.0);
        Self { stats: OnceLock::new(), home: Mutex::new(Home::Own(Box::new(empty))) }
    }

    /// `handle` makes it one of the entry of that name in `stats` ("entry") or of the total ("total").
    fn _init(
        &self,
        py: Python<'_>,
        stats: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        method: &Bound<'_, PyAny>,
        use_response_times_cache: bool,
        handle: Option<&str>,
    ) -> PyResult<()> {
        let stats = stats.cast::<RequestStats>().ok().map(|stats| stats.clone().unbind());
        let (method, name) = (convert::text(method)?, convert::text(name)?);
        let home = match (&stats, handle) {
            (Some(stats), Some("total")) => Home::Total { shared: stats.get().shared().clone() },
            (Some(stats), Some(_)) => {
                let id = stats.get().entry_id(py, &method, &name);
                let shared = stats.get().shared().clone();
                Home::Table { shared, id, method: method.into(), name: name.into() }
            }
            _ => {
                let now = convert::unix_time(py)?;
                Home::Own(Box::new(Entry::new(&method, &name, use_response_times_cache, now)))
            }
        };
        self.set_home(home);
        if let Some(stats) = stats {
            // A second call of `__init__` does not move the entry to other statistics.
            drop(self.stats.set(stats));
        }
        Ok(())
    }

    /// Takes the numbers out of the table: from now on this stands on its own.
    fn _detach(&self) {
        let data = self.data();
        let mut home = self.home.lock().unwrap_or_else(PoisonError::into_inner);
        if let Home::Table { shared, id, .. } = &*home {
            drop(shared.lock().remove(*id));
        }
        *home = Home::Own(Box::new(data));
    }

    #[getter]
    fn stats(&self, py: Python<'_>) -> Option<Py<RequestStats>> {
        self.stats.get().map(|stats| stats.clone_ref(py))
    }

    #[getter]
    fn name(&self) -> String {
        self.with(|entry| entry.name.to_string())
    }

    #[setter]
    fn set_name(&self, name: &str) {
        self.with(|entry| entry.name = name.into());
    }

    #[getter]
    fn method(&self) -> String {
        self.with(|entry| entry.method.to_string())
    }

    #[setter]
    fn set_method(&self, method: &str) {
        self.with(|entry| entry.method = method.into());
    }

    #[getter]
    fn use_response_times_cache(&self) -> bool {
        self.with(|entry| entry.window().is_some())
    }

    #[setter]
    fn set_use_response_times_cache(&self, on: bool) {
        self.with(|entry| {
            if on != entry.window().is_some() {
                entry.set_window(on.then(Window::default));
            }
        });
    }

    #[getter]
    fn num_requests(&self) -> u64 {
        self.with(|entry| entry.num_requests)
    }

    #[setter]
    fn set_num_requests(&self, value: u64) {
        self.with(|entry| entry.num_requests = value);
    }

    #[getter]
    fn num_none_requests(&self) -> u64 {
        self.with(|entry| entry.num_none_requests)
    }

    #[setter]
    fn set_num_none_requests(&self, value: u64) {
        self.with(|entry| entry.num_none_requests = value);
    }

    #[getter]
    fn num_failures(&self) -> u64 {
        self.with(|entry| entry.num_failures)
    }

    #[setter]
    fn set_num_failures(&self, value: u64) {
        self.with(|entry| entry.num_failures = value);
    }

    #[getter]
    fn total_response_time<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        to_python(py, self.with(|entry| entry.total_response_time))
    }

    #[setter]
    fn set_total_response_time(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = convert::number(value)?;
        self.with(|entry| entry.total_response_time = value);
        Ok(())
    }

    #[getter]
    fn min_response_time<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.with(|entry| entry.min_response_time).map(|value| to_python(py, value))
    }

    #[setter]
    fn set_min_response_time(&self, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let value = value.map(convert::number).transpose()?;
        self.with(|entry| entry.min_response_time = value);
        Ok(())
    }

    #[getter]
    fn max_response_time<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        to_python(py, self.with(|entry| entry.max_response_time))
    }

    #[setter]
    fn set_max_response_time(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = convert::number(value)?;
        self.with(|entry| entry.max_response_time = value);
        Ok(())
    }

    #[getter]
    fn total_content_length<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        to_python(py, self.with(|entry| entry.total_content_length))
    }

    #[setter]
    fn set_total_content_length(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = convert::number(value)?;
        self.with(|entry| entry.total_content_length = value);
        Ok(())
    }

    #[getter]
    fn start_time(&self) -> f64 {
        self.with(|entry| entry.start_time)
    }

    #[setter]
    fn set_start_time(&self, value: f64) {
        self.with(|entry| entry.start_time = value);
    }

    #[getter]
    fn last_request_timestamp(&self) -> Option<f64> {
        self.with(|entry| entry.last_request_timestamp)
    }

    #[setter]
    fn set_last_request_timestamp(&self, value: Option<f64>) {
        self.with(|entry| entry.last_request_timestamp = value);
    }

    fn _counts<'py>(&self, py: Python<'py>, field: &str) -> PyResult<Bound<'py, PyDict>> {
        let items: Vec<(i64, u64)> = self.with(|entry| match field {
            "num_reqs_per_sec" => entry.num_reqs_per_sec.iter().collect(),
            "num_fail_per_sec" => entry.num_fail_per_sec.iter().collect(),
            _ => entry.times().iter().collect(),
        });
        convert::counts(py, items.into_iter())
    }

    fn _set_counts(&self, field: &str, counts: &Bound<'_, PyAny>) -> PyResult<()> {
        let items = convert::items(counts)?;
        self.with(|entry| match field {
            "num_reqs_per_sec" => entry.num_reqs_per_sec = items.into_iter().collect::<Seconds>(),
            "num_fail_per_sec" => entry.num_fail_per_sec = items.into_iter().collect::<Seconds>(),
            _ => {
                // What was measured exactly does not belong to these counts.
                entry.set_exact(Histogram::default());
                entry.set_times(items.into_iter().collect::<Buckets>());
            }
        });
        Ok(())
    }

    fn _cache<'py>(&self, py: Python<'py>) -> PyResult<Option<Vec<CacheItem<'py>>>> {
        let copies: Option<Vec<_>> = self.with(|entry| {
            let copies = entry.window()?.iter();
            Some(
                copies
                    .map(|c| (c.second, c.times(entry.times()), c.num_requests, c.num_none_requests))
                    .collect(),
            )
        });
        let Some(copies) = copies else { return Ok(None) };
        let mut items = Vec::with_capacity(copies.len());
        for (second, times, requests, none_requests) in copies {
            items.push((second, convert::counts(py, times.iter())?, requests, none_requests));
        }
        Ok(Some(items))
    }

    fn _set_cache(&self, items: Option<Vec<CacheItem<'_>>>) -> PyResult<()> {
        let window = match items {
            None => None,
            Some(items) => {
                let mut window = Window::default();
                for (second, times, requests, none_requests) in items {
                    let times = convert::items(&times)?.into_iter().collect();
                    window.insert(CachedTimes::new(second, times, requests, none_requests));
                }
                Some(window)
            }
        };
        self.with(|entry| entry.set_window(window));
        Ok(())
    }

    /// Counts a request; `response_time` in ms or None, `content_length` in bytes.
    fn log(
        slf: &Bound<'_, Self>,
        response_time: &Bound<'_, PyAny>,
        content_length: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = slf.py();
        if settings::counts_by_parts() {
            return slf.call_method1("_log_by_parts", (response_time, content_length)).map(drop);
        }
        let sample = convert::sample(py, response_time, content_length, convert::unix_time(py)?)?;
        slf.get().with(|entry| entry.record(&sample, settings::window()));
        Ok(())
    }

    /// The part of `log` that counts when the request was.
    fn _log_time_of_request(&self, current_time: f64) {
        self.with(|entry| entry.record_moment(current_time));
    }

    /// The part of `log` that counts how long the request took.
    fn _log_response_time(&self, py: Python<'_>, response_time: &Bound<'_, PyAny>) -> PyResult<()> {
        let time = convert::time(py, response_time)?;
        self.with(|entry| entry.record_time(&Sample::with_bucket(time, Number::ZERO, 0.0)));
        Ok(())
    }

    /// The part of `log` that keeps the times for current percentiles, as those of this second.
    fn _cache_response_times(&self, t: i64) {
        self.with(|entry| entry.store_times(t, settings::window()));
    }

    /// Counts a failure.
    #[pyo3(signature = (error=None))]
    fn log_error(&self, py: Python<'_>, error: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let _ = error;
        let now = convert::unix_time(py)?;
        self.with(|entry| entry.record_failure(now));
        Ok(())
    }

    /// Back to zero.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        let now = convert::unix_time(py)?;
        self.with(|entry| entry.reset(now));
        Ok(())
    }

    /// Adds all of another entry.
    fn extend(&self, other: &Bound<'_, Self>) {
        let other = other.get().data();
        self.with(|entry| entry.merge(&other, settings::window()));
    }

    /// The form of the cluster's messages.
    fn serialize<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        convert::wire(py, &self.with(|entry| EntryWire::of(entry)))
    }

    #[getter]
    fn fail_ratio(&self) -> f64 {
        self.with(|entry| entry.fail_ratio())
    }

    #[getter]
    fn avg_response_time(&self) -> f64 {
        self.with(|entry| entry.avg_response_time())
    }

    #[getter]
    fn median_response_time<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        to_python(py, self.with(|entry| entry.median_response_time()))
    }

    #[getter]
    fn avg_content_length<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        to_python(py, self.with(|entry| entry.avg_content_length()))
    }

    #[getter]
    fn current_rps<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let span = self.span();
        to_python(py, self.with(|entry| span.current_rate(&entry.num_reqs_per_sec)))
    }

    #[getter]
    fn current_fail_per_sec<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let span = self.span();
        to_python(py, self.with(|entry| span.current_rate(&entry.num_fail_per_sec)))
    }

    #[getter]
    fn total_rps(&self) -> f64 {
        let span = self.span();
        self.with(|entry| span.total_rate(entry.num_requests))
    }

    #[getter]
    fn total_fail_per_sec(&self) -> f64 {
        let span = self.span();
        self.with(|entry| span.total_rate(entry.num_failures))
    }

    /// The (rounded) response time that the given fraction of requests did not exceed.
    fn get_response_time_percentile(&self, percent: f64) -> i64 {
        let (times, timed) = self.with(|entry| (entry.times().descending(), entry.timed()));
        percentile_of(&times, timed, percent)
    }

    /// The same over about the last ten seconds; None when too little is known.
    fn get_current_response_time_percentile(&self, py: Python<'_>, percent: f64) -> PyResult<Option<i64>> {
        let now = convert::unix_time(py)? as i64;
        let (kept, value) = self.with(|entry| {
            (entry.window().is_some(), entry.current_percentile(now, settings::window(), percent))
        });
        if kept {
            return Ok(value);
        }
        Err(PyValueError::new_err(
            "StatsEntry.use_response_times_cache must be set to True to calculate the _current_ response time percentile",
        ))
    }

    /// True percentiles in ms, not rounded to buckets; None when unknown. (Not in Locust.)
    fn exact_percentiles(&self, fractions: Vec<f64>) -> Option<Vec<f64>> {
        self.with(|entry| entry.exact_percentiles(&fractions))
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        self.stats.get().map_or(Ok(()), |stats| visit.call(stats))
    }
}
