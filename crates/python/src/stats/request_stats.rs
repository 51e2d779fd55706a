//! `_engine.RequestStats`: the owner of all statistics of an environment.

use super::convert;
use super::entry::StatsEntry;
use super::error::{StatsError, parse_error};
use super::{limit, settings};
use gregaria_record::OwnerFirst;
use gregaria_stats::{Details, EntryId, EntryWire, Number, Phases, Sample, Warning};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyList, PyTuple};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::gevent::counts;

/// The numbers, shared with the entries' handles.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<OwnerFirst<gregaria_stats::RequestStats>>);

impl Shared {
    /// Never to be held while Python code runs.
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, gregaria_stats::RequestStats> {
        let mut stats = self.0.try_own().unwrap_or_else(|| self.wait_for_lock());
        let window = settings::window();
        if stats.window() != window {
            stats.set_window(window);
        }
        stats
    }

    /// Somebody on another thread reads: how long that takes is counted.
    #[cold]
    fn wait_for_lock(&self) -> MutexGuard<'_, gregaria_stats::RequestStats> {
        let since = Instant::now();
        let stats = self.0.own();
        counts::locked(since);
        stats
    }
}

/// All statistics of an environment.
#[pyclass(frozen, subclass, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct RequestStats {
    shared: Shared,
    /// Handles of errors, which keep the first exception object of each; by key.
    errors: Mutex<HashMap<Box<str>, Py<StatsError>>>,
}

impl RequestStats {
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The numbers themselves, for readers on other threads.
    pub(crate) fn table(&self) -> Arc<OwnerFirst<gregaria_stats::RequestStats>> {
        Arc::clone(&self.shared.0)
    }

    /// Counts the latency of a request that all other numbers are not of, in ms.
    pub(crate) fn count_latency(&self, ms: f64) {
        self.shared.lock().measures_mut().add_latency(ms);
    }

    /// The id of (method, name), which may be kept until [`Self::record`] refuses it. Logs once when there are too many
    /// names.
    pub(crate) fn entry_id(&self, py: Python<'_>, method: &str, name: &str) -> EntryId {
        if let Some(id) = self.shared.lock().find(method, name) {
            return id;
        }
        // The time is only wanted as the start of a new entry.
        let now = convert::unix_time(py).unwrap_or_default();
        let (id, warnings) = {
            let mut stats = self.shared.lock();
            (stats.entry_id(method, name, now), stats.take_warnings())
        };
        warn(py, &warnings);
        id
    }

    /// Counts one request. `response_time_ms` is `None` for requests without one, `now` unix time in seconds. `Ok(false)`:
    /// the id is from before a `clear_all`, nothing was counted, ask for a new one. Fails only when the user's own bucket
    /// function does.
    #[inline]
    pub(crate) fn record(
        &self,
        py: Python<'_>,
        id: EntryId,
        response_time_ms: Option<f64>,
        content_length: u64,
        now: f64,
        details: Details<'_>,
    ) -> PyResult<bool> {
        if settings::has_custom_bucket()
            && let Some(ms) = response_time_ms
        {
            let bucket = settings::custom_bucket(py, PyFloat::new(py, ms).as_any())?;
            let content_length = Number::int(content_length as i64);
            let sample = Sample::with_bucket(Some((Number::float(ms), bucket)), content_length, now);
            return self.count(py, id, &sample, details);
        }
        let sample = Sample::new(response_time_ms, content_length, now);
        self.count(py, id, &sample, details)
    }

    #[inline]
    fn count(&self, py: Python<'_>, id: EntryId, sample: &Sample, details: Details<'_>) -> PyResult<bool> {
        let (known, counted) = {
            let mut stats = self.shared.lock();
            (stats.record_with(id, sample, details), stats.total().num_requests)
        };
        limit::look(py, counted)?;
        Ok(known)
    }

    /// Counts the failure of a request that was [recorded](Self::record); `error` is an exception, a string, or anything
    /// else with a `repr()`. `Ok(false)`: stale id, nothing was counted. Fails only when `repr(error)` does.
    pub(crate) fn record_error(
        &self,
        py: Python<'_>,
        id: EntryId,
        error: &Bound<'_, PyAny>,
        now: f64,
    ) -> PyResult<bool> {
        let text = parse_error(error)?;
        let (known, names) = {
            let mut stats = self.shared.lock();
            let Some(known) = stats.record_error(id, &text, now) else { return Ok(false) };
            (known, stats.get(id).map(|entry| (Arc::clone(&entry.method), Arc::clone(&entry.name))))
        };
        if known {
            return Ok(true);
        }
        let Some((method, name)) = names else { return Ok(false) };
        self.first_error(py, method, name, text, error, now)?;
        Ok(true)
    }

    /// Puts an error into the table of errors that is not there yet.
    fn first_error(
        &self,
        py: Python<'_>,
        method: Arc<str>,
        name: Arc<str>,
        text: String,
        error: &Bound<'_, PyAny>,
        now: f64,
    ) -> PyResult<()> {
        let seed = super::error::seed(py, method, name, text, error)?;
        let key = seed.key.clone();
        let (record, warnings) = {
            let mut stats = self.shared.lock();
            stats.insert_error(seed, now);
            (stats.errors().get(&key).cloned(), stats.take_warnings())
        };
        warn(py, &warnings);
        if let Some(record) = record {
            let handle = Py::new(py, StatsError::of(record, error.clone().unbind()))?;
            let old = self.handles().insert(key, handle);
            drop(old);
        }
        Ok(())
    }

    /// Counts a request (and its failure) as the listener of the `request` event does.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the event")]
    pub(super) fn on_request(
        &self,
        py: Python<'_>,
        method: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        response_time: &Bound<'_, PyAny>,
        content_length: &Bound<'_, PyAny>,
        error: Option<&Bound<'_, PyAny>>,
        details: Details<'_>,
    ) -> PyResult<()> {
        let now = convert::unix_time(py)?;
        let sample = convert::sample(py, response_time, content_length, now)?;
        let (method, name) = (convert::text(method)?, convert::text(name)?);
        let mut id = self.entry_id(py, &method, &name);
        while !self.count(py, id, &sample, details)? {
            id = self.entry_id(py, &method, &name);
        }
        if let Some(error) = error
            && error.is_truthy()?
        {
            self.record_error(py, id, error, now)?;
        }
        Ok(())
    }

    fn handles(&self) -> MutexGuard<'_, HashMap<Box<str>, Py<StatsError>>> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take_handles(&self) -> HashMap<Box<str>, Py<StatsError>> {
        std::mem::take(&mut *self.handles())
    }
}

pub(super) fn warn(py: Python<'_>, warnings: &[Warning]) {
    for warning in warnings {
        let message = match warning {
            Warning::TooManyNames { limit } => format!(
                "More than {limit} different request names: further ones are counted together as \"{}\". \
                 Pass name= to group requests.",
                gregaria_stats::OVERFLOW_NAME
            ),
            Warning::TooManyErrors => format!(
                "More than {} different errors: further ones are counted together as \"{}\".",
                gregaria_stats::MAX_ERRORS,
                gregaria_stats::OVERFLOW_ERROR
            ),
            Warning::TooManyMeasures => format!(
                "More than {} different names of checks and metrics: further ones are counted together as \"{}\".",
                gregaria_stats::MAX_MEASURES,
                gregaria_stats::OVERFLOW_NAME
            ),
        };
        let logged = py
            .import("logging")
            .and_then(|logging| logging.call_method1("getLogger", ("locust.stats",)))
            .and_then(|logger| logger.call_method1("warning", (message,)));
        if let Err(error) = logged {
            error.write_unraisable(py, None);
        }
    }
}

/// (name, method, index) of entries from a slot on, the number of slots, and the epoch.
type EntryKeys = (Vec<(String, String, u32)>, usize, u32);

#[pymethods]
impl RequestStats {
    /// Takes any arguments, so that a subclass may have its own; `_init` follows.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        py: Python<'_>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let stats = gregaria_stats::RequestStats::new(true, convert::unix_time(py)?);
        Ok(Self { shared: Shared(Arc::new(OwnerFirst::new(stats))), errors: Mutex::default() })
    }

    fn _init(&self, py: Python<'_>, use_response_times_cache: bool) -> PyResult<()> {
        let stats = gregaria_stats::RequestStats::new(use_response_times_cache, convert::unix_time(py)?);
        *self.shared.lock() = stats;
        Ok(())
    }

    #[getter]
    fn use_response_times_cache(&self) -> bool {
        self.shared.lock().cached()
    }

    #[getter]
    fn num_requests(&self) -> u64 {
        self.shared.lock().total().num_requests
    }

    #[getter]
    fn num_none_requests(&self) -> u64 {
        self.shared.lock().total().num_none_requests
    }

    #[getter]
    fn num_failures(&self) -> u64 {
        self.shared.lock().total().num_failures
    }

    #[getter]
    fn last_request_timestamp(&self) -> Option<f64> {
        self.shared.lock().total().last_request_timestamp
    }

    #[getter]
    fn start_time(&self) -> f64 {
        self.shared.lock().total().start_time
    }

    /// Further names than this share one entry.
    #[setter]
    fn set_max_names(&self, limit: usize) {
        self.shared.lock().set_max_names(limit);
    }

    /// Counts a request; `response_time` in ms or None, `content_length` in bytes.
    fn log_request(
        slf: &Bound<'_, Self>,
        method: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        response_time: &Bound<'_, PyAny>,
        content_length: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if settings::counts_by_entries() {
            let given = (method, name, response_time, content_length);
            return slf.call_method1("_log_by_entries", given).map(drop);
        }
        let nothing = Details { phases: &Phases::default(), status: None };
        slf.get().on_request(slf.py(), method, name, response_time, content_length, None, nothing)
    }

    /// Counts the failure of a request.
    fn log_error(
        slf: &Bound<'_, Self>,
        method: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        error: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if settings::counts_by_entries() {
            return slf.call_method1("_log_error_by_entries", (method, name, error)).map(drop);
        }
        let (py, this) = (slf.py(), slf.get());
        let now = convert::unix_time(py)?;
        let (method, name) = (convert::text(method)?, convert::text(name)?);
        while !this.record_error(py, this.entry_id(py, &method, &name), error, now)? {}
        Ok(())
    }

    /// Counts an error in the table of errors, and nowhere else.
    fn _note_error(
        &self,
        py: Python<'_>,
        method: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        error: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let now = convert::unix_time(py)?;
        let (method, name, text) = (convert::text(method)?, convert::text(name)?, parse_error(error)?);
        if self.shared.lock().note_error(&method, &name, &text, now) {
            return Ok(());
        }
        self.first_error(py, (&*method).into(), (&*name).into(), text, error, now)
    }

    /// The same numbers as `serialize_stats()` gives, but the entries stay as they are.
    fn peek_stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let wires = self.wires();
        let dicts = wires.iter().map(|wire| convert::wire(py, wire)).collect::<PyResult<Vec<_>>>()?;
        PyList::new(py, dicts)
    }

    /// Adds everything of another object to this one.
    fn merge(&self, other: PyRef<'_, Self>) {
        if !Arc::ptr_eq(&self.shared.0, &other.shared.0) {
            let other = other.shared.lock();
            self.shared.lock().merge(&other);
        }
    }

    /// (name, method, index) of the entries from a slot on, the number of slots, and the epoch.
    #[pyo3(signature = (from_slot, most = usize::MAX))]
    fn _entry_keys(&self, from_slot: usize, most: usize) -> EntryKeys {
        let stats = self.shared.lock();
        let mut keys = Vec::new();
        if from_slot < stats.slots() {
            let new = stats.entries().filter(|(id, _)| id.index() as usize >= from_slot);
            for (id, entry) in new.take(most.saturating_add(1)) {
                if keys.len() == most {
                    return (keys, id.index() as usize, stats.epoch());
                }
                keys.push((entry.name.to_string(), entry.method.to_string(), id.index()));
            }
        }
        (keys, stats.slots(), stats.epoch())
    }

    /// Number of slots and epoch: when both are as before, `_entry_keys` has nothing new.
    fn _entry_mark(&self) -> (usize, u32) {
        let stats = self.shared.lock();
        (stats.slots(), stats.epoch())
    }

    /// Makes the entry if need be; the key under which it is kept (another one past the limit of names).
    fn _ensure_entry(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        method: &Bound<'_, PyAny>,
    ) -> PyResult<(String, String)> {
        let id = self.entry_id(py, &convert::text(method)?, &convert::text(name)?);
        let stats = self.shared.lock();
        stats
            .get(id)
            .map(|entry| (entry.name.to_string(), entry.method.to_string()))
            .ok_or_else(|| PyKeyError::new_err("entry was cleared"))
    }

    /// Takes a free-standing entry's numbers in under the given key; the entry becomes a handle of them.
    fn _adopt(&self, entry: &Bound<'_, StatsEntry>, name: &str, method: &str) {
        let mut data = entry.get().data();
        (data.name, data.method) = (name.into(), method.into());
        let (id, old) = self.shared.lock().put(data);
        drop(old);
        entry.get().attach(&self.shared, id);
    }

    /// Makes a free-standing entry's numbers the total.
    fn _adopt_total(&self, entry: &Bound<'_, StatsEntry>) {
        *self.shared.lock().total_mut() = entry.get().data();
        entry.get().attach_total(&self.shared);
    }

    /// (key, error) of all errors, in order of first occurrence.
    fn _errors(&self, py: Python<'_>) -> PyResult<Vec<(String, Py<StatsError>)>> {
        let records: Vec<_> = self.shared.lock().errors().iter().map(Arc::clone).collect();
        let mut all = Vec::with_capacity(records.len());
        for record in records {
            let key = record.seed.key.clone();
            let known = self.handles().get(&key).map(|handle| handle.clone_ref(py));
            let handle = if let Some(handle) = known {
                handle
            } else {
                // Came without an exception object: from a report, or as the overflow record.
                let text = pyo3::types::PyString::new(py, &record.seed.text).into_any().unbind();
                let handle = Py::new(py, StatsError::of(record, text))?;
                let old = self.handles().insert(key.clone(), handle.clone_ref(py));
                drop(old);
                handle
            };
            all.push((key.into(), handle));
        }
        Ok(all)
    }

    /// Number of different errors.
    fn _num_errors(&self) -> usize {
        self.shared.lock().errors().len()
    }

    /// Puts an error in the table under a key.
    fn _put_error(&self, key: &str, error: &Bound<'_, StatsError>) {
        let record = error.get().keyed(key);
        self.shared.lock().errors_mut().put(record);
        let old = self.handles().insert(key.into(), error.clone().unbind());
        drop(old);
    }

    /// Takes an error out of the table.
    fn _remove_error(&self, key: &str) {
        let removed = self.shared.lock().errors_mut().remove(key);
        let handle = self.handles().remove(key);
        drop((removed, handle));
    }

    fn _clear_errors(&self) {
        self.shared.lock().errors_mut().clear();
        drop(self.take_handles());
    }

    fn _reset_all(&self, py: Python<'_>) -> PyResult<()> {
        let now = convert::unix_time(py)?;
        self.shared.lock().reset_all(now);
        drop(self.take_handles());
        Ok(())
    }

    fn _clear_all(&self, py: Python<'_>) -> PyResult<()> {
        let now = convert::unix_time(py)?;
        self.shared.lock().clear_all(now);
        drop(self.take_handles());
        Ok(())
    }

    /// The newest unix second that all workers have reported: current rates end there.
    fn _set_settled(&self, second: i64) {
        self.shared.lock().set_settled(Some(second));
    }

    fn _clear_entries(&self) {
        self.shared.lock().clear_entries();
    }

    #[expect(clippy::iter_over_hash_type, reason = "the garbage collector does not mind the order")]
    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        if let Ok(handles) = self.errors.try_lock() {
            for handle in handles.values() {
                visit.call(handle)?;
            }
        }
        Ok(())
    }
}

impl RequestStats {
    /// Entries with requests or failures, in order of first use.
    pub(super) fn wires(&self) -> Vec<EntryWire> {
        let stats = self.shared.lock();
        let used =
            stats.entries().map(|(_, entry)| entry).filter(|e| e.num_requests > 0 || e.num_failures > 0);
        used.map(EntryWire::of).collect()
    }
}
