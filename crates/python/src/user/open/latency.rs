//! Both latencies of the requests of an open run.

use gregaria_stats::{Histogram, Latencies, Latency};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{RUNNING, is_on, with};
use crate::gevent::Bridge;
use crate::stats::RequestStats;
use crate::user::core::UserCore;
use crate::user::slot;

/// Names whose latencies are shown; those with the most requests.
const MOST_SHOWN: usize = 200;
/// What is shown of a latency.
const FRACTIONS: [f64; 6] = [0.5, 0.9, 0.95, 0.99, 0.999, 1.0];

/// What a request of `service_ms` counts as, in ms, in these statistics. Both of its latencies are counted besides, if the run is an open one.
/// `user`: whose it is; `None`: of the greenlet that runs. `start`: its start, unix seconds.
///
/// The first request of an iteration is late by all of the time since that was to begin; those after it are by as much as the
/// iteration was when it began.
pub(crate) fn latency_of(
    py: Python<'_>,
    stats: &RequestStats,
    user: Option<&Bound<'_, PyAny>>,
    (method, name): (&str, &str),
    start: f64,
    service_ms: f64,
) -> f64 {
    if !is_on() || !service_ms.is_finite() {
        return service_ms;
    }
    let index = match user.and_then(|user| user.cast::<UserCore>().ok()) {
        Some(core) => slot::of(core.get()),
        None => running(py),
    };
    let late = index.and_then(|index| {
        slot::with(index, |s| {
            let iteration = s.iteration.as_mut()?;
            let is_first = !std::mem::replace(&mut iteration.has_asked, true);
            let late = if is_first { (start - iteration.intended_unix) * 1e3 } else { iteration.late_ms };
            Some(late.max(0.0))
        })
    });
    // One that belongs to no iteration, as of `on_start`, was to start when it did.
    let intended_ms = service_ms + late.flatten().unwrap_or(0.0);
    let reads_intended = with(|open| {
        open.latencies.add(method, name, service_ms, intended_ms);
        open.reads_intended
    });
    let (counted, other) =
        if reads_intended == Some(true) { (intended_ms, service_ms) } else { (service_ms, intended_ms) };
    stats.count_latency(other);
    counted
}

/// The user that the present greenlet runs.
fn running(py: Python<'_>) -> Option<u32> {
    let bridge = Bridge::current(py).ok()?;
    let here = bridge.current_greenlet(py).ok()?;
    let index = RUNNING.with(|running| running.borrow().get(&(here.as_ptr() as usize)).copied())?;
    let is_its = slot::with(index, |s| s.greenlet.as_ref().is_some_and(|greenlet| greenlet.is(&here)));
    is_its.unwrap_or(false).then_some(index)
}

/// Both latencies of all requests until now, as `latency_rows` reads them; None: there is no open run.
#[pyfunction]
fn open_run_latencies(py: Python<'_>) -> Option<Bound<'_, PyBytes>> {
    with(|open| open.latencies.to_bytes()).map(|bytes| PyBytes::new(py, &bytes))
}

/// Those that came since: what the second bytes tell of, less what the first do. Errors: ValueError if they are none.
#[pyfunction]
fn latencies_since<'py>(py: Python<'py>, before: &[u8], now: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let read = |bytes: &[u8]| {
        Latencies::from_bytes(bytes).ok_or_else(|| PyValueError::new_err("these bytes are no latencies"))
    };
    Ok(PyBytes::new(py, &read(now)?.since(&read(before)?).to_bytes()))
}

/// Method, name, number of requests and the percentiles of both latencies in ms.
type LatencyRow = (String, String, u64, Vec<f64>, Vec<f64>);

/// Fractions and rows (the total, then names) of the latencies that some processes tell of. Errors: ValueError if they are none.
#[pyfunction]
fn latency_rows(parts: Vec<Vec<u8>>) -> PyResult<(Vec<f64>, Vec<LatencyRow>)> {
    let mut all = Latencies::default();
    for part in parts {
        let part = Latencies::from_bytes(&part)
            .ok_or_else(|| PyValueError::new_err("these bytes are no latencies"))?;
        all.merge(&part);
    }
    let of = |histogram: &Histogram| -> Vec<f64> {
        histogram.values_at(&FRACTIONS).into_iter().map(|us| us as f64 / 1e3).collect()
    };
    let row = |method: &str, name: &str, one: &Latency| {
        (method.to_owned(), name.to_owned(), one.service.len(), of(&one.service), of(&one.intended))
    };
    if all.total().service.is_empty() {
        return Ok((FRACTIONS.to_vec(), Vec::new()));
    }
    let mut names: Vec<(&str, &str, &Latency)> = all.names().collect();
    names.sort_by_key(|(_, _, one)| std::cmp::Reverse(one.service.len()));
    names.truncate(MOST_SHOWN);
    names.sort_by_key(|&(method, name, _)| (name, method));
    let rows = names.into_iter().map(|(method, name, one)| row(method, name, one));
    Ok((FRACTIONS.to_vec(), std::iter::once(row("", "Aggregated", all.total())).chain(rows).collect()))
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(open_run_latencies, m)?)?;
    m.add_function(wrap_pyfunction!(latencies_since, m)?)?;
    m.add_function(wrap_pyfunction!(latency_rows, m)?)
}
