//! Both latencies of the requests of an open run.
//!
//! The thread that runs the users counts them, and the one that keeps the record reads them, a name at a time: a thousand names take
//! milliseconds, in which iterations would begin late.

use std::sync::Arc;
use std::time::Duration;

use gregaria_record::{OwnerFirst, dto};
use gregaria_stats::{Histogram, Latencies, Latency, Phase, Phases};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{Iteration, RUNNING, is_on, with};
use crate::gevent::Bridge;
use crate::stats::RequestStats;
use crate::user::core::UserCore;
use crate::user::slot;

/// Names whose latencies are shown; those with the most requests.
const MOST_SHOWN: usize = 200;
/// What is shown of a latency.
const FRACTIONS: [f64; 6] = [0.5, 0.9, 0.95, 0.99, 0.999, 1.0];
/// Name of the total, as in Locust's tables.
const TOTAL: &str = "Aggregated";
/// Words of `--latency`.
const INTENDED: &str = "intended";
const SERVICE: &str = "service";

/// Those of one run.
#[derive(Debug)]
pub(super) struct Book {
    latencies: OwnerFirst<Latencies>,
    /// Whether the time since the intended start is what tables and thresholds read.
    reads_intended: bool,
}

/// The run that goes on in this process, for other threads.
static PRESENT: OwnerFirst<Option<Arc<Book>>> = OwnerFirst::new(None);

impl Book {
    /// Of a run that begins.
    pub(super) fn open(reads_intended: bool) -> Arc<Self> {
        let book = Arc::new(Self { latencies: OwnerFirst::default(), reads_intended });
        *PRESENT.own() = Some(Arc::clone(&book));
        book
    }

    /// The run is over.
    pub(super) fn close() {
        *PRESENT.own() = None;
    }

    /// Counts from zero.
    pub(super) fn count_anew(&self) {
        drop(std::mem::take(&mut *self.latencies.own()));
    }

    fn shown(&self) -> dto::Latencies {
        let reads = if self.reads_intended { INTENDED } else { SERVICE };
        dto::Latencies {
            reads: reads.to_owned(),
            fractions: FRACTIONS.to_vec(),
            rows: rows_of(&self.latencies),
        }
    }
}

/// The total and those names that are shown. Nobody who counts waits for longer than copying one name takes.
fn rows_of(latencies: &OwnerFirst<Latencies>) -> Vec<dto::LatencyRow> {
    let mut counts: Vec<(u64, usize)> = {
        let all = latencies.look();
        (0..all.len()).filter_map(|place| Some((all.get(place)?.2.service.len(), place))).collect()
    };
    counts.sort_by_key(|&(count, place)| (std::cmp::Reverse(count), place));
    counts.truncate(MOST_SHOWN);
    let mut rows: Vec<dto::LatencyRow> = counts
        .into_iter()
        .filter_map(|(_, place)| {
            let copy = latencies
                .look()
                .get(place)
                .map(|(method, name, one)| (method.to_owned(), name.to_owned(), one.clone()));
            copy.map(|(method, name, one)| row(&method, &name, &one))
        })
        .collect();
    rows.sort_by(|a, b| (&a.name, &a.method).cmp(&(&b.name, &b.method)));
    let total = latencies.look().total().clone();
    let total = Some(row("", TOTAL, &total)).filter(|total| total.requests > 0);
    total.into_iter().chain(rows).collect()
}

/// Those of the run that goes on in this process, if one does; from any thread.
pub(crate) fn latencies_now() -> Option<dto::Latencies> {
    let book = PRESENT.look().clone();
    book.map(|book| book.shown())
}

/// A row of what is shown.
fn row(method: &str, name: &str, one: &Latency) -> dto::LatencyRow {
    let of = |histogram: &Histogram| -> Vec<f64> {
        histogram.values_at(&FRACTIONS).into_iter().map(|us| us as f64 / 1e3).collect()
    };
    dto::LatencyRow {
        method: method.to_owned(),
        name: name.to_owned(),
        requests: one.service.len(),
        service: of(&one.service),
        intended: of(&one.intended),
    }
}

/// What a request of `service_ms` counts as, in ms, in these statistics. Both of its latencies are counted besides, if the run is an open one.
/// `user`: whose it is; `None`: of the greenlet that runs. `start`: its start, unix seconds. `phases`: of it, as far as they are known.
///
/// The first request of an iteration is late by all of the time since that was to begin; those after it are by as much as the
/// iteration was when it began.
pub(crate) fn latency_of(
    py: Python<'_>,
    stats: &RequestStats,
    user: Option<&Bound<'_, PyAny>>,
    (method, name): (&str, &str),
    (start, service_ms): (f64, f64),
    phases: &Phases,
) -> f64 {
    if !is_on() || !service_ms.is_finite() {
        return service_ms;
    }
    let index = match user.and_then(|user| user.cast::<UserCore>().ok()) {
        Some(core) => slot::of(core.get()),
        None => running(py),
    };
    let iteration = index.and_then(|index| {
        let before = slot::with(index, |s| {
            let iteration = s.iteration.as_mut()?;
            Some(std::mem::replace(iteration, Iteration { has_asked: true, ..*iteration }))
        });
        before.flatten()
    });
    let late = iteration.map(|iteration| {
        if iteration.has_asked {
            iteration.delay.as_secs_f64() * 1e3
        } else {
            (start - iteration.intended_unix) * 1e3
        }
    });
    // One that belongs to no iteration, as of `on_start`, was to start when it did.
    let intended_ms = service_ms + late.unwrap_or(0.0).max(0.0);
    let first = iteration.filter(|iteration| !iteration.has_asked && phases.count > 0);
    let reads_intended = with(|open| {
        if let Some(first) = first {
            let blocked = Duration::from_nanos(phases.nanos[Phase::Blocked as usize]);
            open.has_waited(first.intended, first.delay, blocked);
        }
        open.book.latencies.own().add(method, name, service_ms, intended_ms);
        open.book.reads_intended
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
    with(|open| open.book.latencies.own().to_bytes()).map(|bytes| PyBytes::new(py, &bytes))
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
    let rows = rows_of(&OwnerFirst::new(all)).into_iter();
    let rows = rows.map(|row| (row.method, row.name, row.requests, row.service, row.intended)).collect();
    Ok((FRACTIONS.to_vec(), rows))
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(open_run_latencies, m)?)?;
    m.add_function(wrap_pyfunction!(latencies_since, m)?)?;
    m.add_function(wrap_pyfunction!(latency_rows, m)?)
}
