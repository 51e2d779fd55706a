//! `_engine.Cutter` and `_engine.Reporters`: what happened in which second, on a worker and on its master.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gregaria_record::{Judgement, ToldOfReport};
use gregaria_stats::Slices;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::gevent::counts;
use crate::stats::{ReportPlacing, RequestStats};

/// Cuts the numbers of a worker into seconds from now on, until `stop()`.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct Cutter {
    cutter: Mutex<Option<gregaria_record::Cutter>>,
    /// The thread is that process's.
    process: u32,
}

impl Cutter {
    fn with<T>(&self, ask: impl FnOnce(&gregaria_record::Cutter) -> T) -> PyResult<T> {
        let cutter = self.cutter.lock().unwrap_or_else(PoisonError::into_inner);
        match cutter.as_ref().filter(|_| self.process == std::process::id()) {
            Some(cutter) => Ok(ask(cutter)),
            None => Err(PyRuntimeError::new_err("it has ended")),
        }
    }
}

#[pymethods]
impl Cutter {
    #[new]
    fn new(stats: &Bound<'_, RequestStats>) -> PyResult<Self> {
        let cutter = gregaria_record::Cutter::start(stats.get().table(), counts::look)?;
        Ok(Self { cutter: Mutex::new(Some(cutter)), process: std::process::id() })
    }

    /// A sign of life is sent to the master: what is to come back with its echo.
    fn beats(&self) -> PyResult<f64> {
        self.with(gregaria_record::Cutter::beats)
    }

    /// It has come back, having waited `held` seconds in the master, whose own second had `left` seconds to go.
    fn echo(&self, sent: f64, held: f64, left: f64) -> PyResult<()> {
        self.with(|cutter| cutter.echo(sent, held, left))
    }

    /// Number of the second that is open, for how many seconds it has been, and the seconds of a round trip to the master.
    fn open(&self) -> PyResult<(u64, f64, f64)> {
        self.with(gregaria_record::Cutter::open)
    }

    /// A test begins, or is over.
    fn works(&self, working: bool) -> PyResult<()> {
        self.with(|cutter| cutter.works(working))
    }

    /// How this process has fared in the present test, or in the last: what a recorder's `worker_fares` takes.
    fn health(&self) -> PyResult<String> {
        self.with(gregaria_record::Cutter::health)
    }

    /// Ends; the seconds are no longer kept.
    fn stop(&self, py: Python<'_>) {
        let cutter = self.cutter.lock().unwrap_or_else(PoisonError::into_inner).take();
        if self.process == std::process::id() {
            py.detach(|| drop(cutter));
        } else {
            // Its thread is not here to be waited for.
            std::mem::forget(cutter);
        }
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        if self.process != std::process::id()
            && let Ok(mut cutter) = self.cutter.try_lock()
        {
            std::mem::forget(cutter.take());
        }
    }
}

/// What is to be done with a report: a word; where it lies in time, if it counts; how many are missing before it.
type Judged = (&'static str, Option<ReportPlacing>, u64);

/// Whose reports a master has, and up to which second everything is known. `now` is Python's `time.time()`, by which scripts and tests
/// that set the clock go as well.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug, Default)]
pub(crate) struct Reporters(Mutex<gregaria_record::Reporters>);

impl Reporters {
    fn lock(&self) -> MutexGuard<'_, gregaria_record::Reporters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What waited so many seconds has arrived then.
fn arrived(now: f64, waited: f64) -> f64 {
    now - if waited.is_finite() { waited.max(0.0) } else { 0.0 }
}

fn get<'py, T: FromPyObjectOwned<'py>>(told: &Bound<'py, PyDict>, key: &str) -> PyResult<T> {
    let value = told.get_item(key)?.ok_or_else(|| PyValueError::new_err(format!("{key} is missing")))?;
    value.extract().map_err(|_| PyValueError::new_err(format!("{key} is {value:.50}")))
}

#[pymethods]
impl Reporters {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// A test of that name begins.
    fn begin(&self, run: &str) {
        self.lock().begin(run);
    }

    /// A worker is there.
    fn joined(&self, worker: &str, now: f64) {
        self.lock().joined(worker, now);
    }

    /// A worker has gone.
    fn left(&self, worker: &str) {
        self.lock().left(worker);
    }

    /// Judges a report by what it says of itself, having waited so many seconds: "counts", "overdue", "again", "too old" or "other
    /// run". `ValueError` if it makes no sense.
    fn report(&self, worker: &str, told: &Bound<'_, PyDict>, waited: f64, now: f64) -> PyResult<Judged> {
        let bytes: Bound<'_, PyBytes> = get(told, "seconds")?;
        let seconds = Slices::from_bytes(bytes.as_bytes())
            .ok_or_else(|| PyValueError::new_err("the seconds are no seconds"))?;
        let told = ToldOfReport {
            run: get(told, "run")?,
            number: get(told, "number")?,
            open: get(told, "open")?,
            since: get(told, "since")?,
            round_trip: get(told, "round_trip")?,
            every: get(told, "every")?,
            clock: get(told, "clock")?,
        };
        if !told.is_sound() {
            return Err(PyValueError::new_err("a number is beyond what it can be"));
        }
        let verdict = self.lock().report(worker, &told, arrived(now, waited));
        Ok(match verdict {
            Judgement::Counts { placing, missing, overdue } => {
                let placing = ReportPlacing::new(placing, Some(seconds));
                (if overdue { "overdue" } else { "counts" }, Some(placing), missing)
            }
            Judgement::Again => ("again", None, 0),
            Judgement::TooOld => ("too old", None, 0),
            Judgement::OtherRun => ("other run", None, 0),
        })
    }

    /// Where a report of Locust's, or of another program's, lies in time: by the unix time of its last request, if it had any. `every`:
    /// seconds between two reports.
    fn report_of_another(
        &self,
        worker: &str,
        last: Option<f64>,
        every: f64,
        waited: f64,
        now: f64,
    ) -> ReportPlacing {
        let placing = self.lock().report_of_another(worker, last, every, arrived(now, waited));
        ReportPlacing::new(placing, None)
    }

    /// Workers that are late, and that are waited for.
    fn late(&self, now: f64) -> Vec<String> {
        self.lock().late(now)
    }

    /// This one is waited for no longer, until it is heard of.
    fn give_up(&self, worker: &str) {
        self.lock().give_up(worker);
    }

    /// The newest unix second that all have reported that are waited for.
    fn settled(&self, now: f64) -> i64 {
        self.lock().settled(now)
    }
}
