//! `_engine.CsvFiles` and `_engine.TableMaker`: what is written and laid out by threads of their own, while the hub goes on.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gregaria_http::Wake as _;
use gregaria_record::{CsvFiles as Files, Numbers, Scribe, Wanted, Wish, snapshot, unix_now};
use gregaria_report::{Widths, stats_lines};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use crate::gevent::WakeUp;
use crate::stats::RequestStats;

/// Place among the files, number of the error, its words.
type Failure = (usize, i32, String);

fn failure((index, error): (usize, std::io::Error)) -> Failure {
    (index, error.raw_os_error().unwrap_or(0), error.to_string())
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The CSV files of a run. Whoever has something written waits for `descriptor` to become readable, and takes what went wrong.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(super) struct CsvFiles {
    scribe: Scribe<Files>,
    wake: Arc<WakeUp>,
    failures: Arc<Mutex<Vec<Failure>>>,
    /// The thread is that process's.
    process: u32,
}

impl CsvFiles {
    fn give(&self, work: impl FnOnce(&mut Files) -> Vec<(usize, std::io::Error)> + Send + 'static) {
        let failures = Arc::clone(&self.failures);
        let wake = Arc::clone(&self.wake);
        self.scribe.give(
            move |files| {
                let failed = work(files);
                lock(&failures).extend(failed.into_iter().map(failure));
            },
            move || wake.wake(),
        );
    }

    fn is_elsewhere(&self) -> bool {
        self.process != std::process::id()
    }
}

#[pymethods]
impl CsvFiles {
    /// Paths and headers of the files of requests, history, failures and exceptions. The files have to be there.
    #[new]
    fn new(paths: [PathBuf; 4], headers: [Vec<u8>; 4]) -> PyResult<Self> {
        let files = Files::open(&paths, &headers).map_err(|(index, error)| {
            PyOSError::new_err((error.raw_os_error(), error.to_string(), paths[index].clone()))
        })?;
        Ok(Self {
            scribe: Scribe::start("gregaria-csv", files)?,
            wake: Arc::new(WakeUp::new()?),
            failures: Arc::default(),
            process: std::process::id(),
        })
    }

    /// Has all files written: `now` is the moment of the history's row, `exceptions` the rows of that file.
    #[expect(clippy::too_many_arguments, reason = "named in Python")]
    #[pyo3(signature = (stats, fractions, *, users, full_history, history, exceptions, now))]
    fn write(
        &self,
        stats: &Bound<'_, RequestStats>,
        fractions: Vec<f64>,
        users: i64,
        full_history: bool,
        history: bool,
        exceptions: Vec<u8>,
        now: f64,
    ) {
        if self.is_elsewhere() {
            return;
        }
        let numbers = Numbers::new(stats.get().table());
        let wish = Wish { at: now, users, fractions, full_history, history, exceptions };
        self.give(move |files| files.write(&numbers, &wish));
    }

    /// Has the history's file hold all its rows.
    fn flush(&self) {
        if !self.is_elsewhere() {
            self.give(Files::flush);
        }
    }

    /// Readable when something is done.
    #[getter]
    fn descriptor(&self) -> i32 {
        self.wake.descriptor()
    }

    /// Waits until all is done, the hub with it.
    fn wait(&self, py: Python<'_>) {
        if !self.is_elsewhere() {
            py.detach(|| self.scribe.wait());
        }
    }

    /// What could not be written since this was last called: (place among the files, error number, words).
    fn take_failures(&self) -> Vec<Failure> {
        if self.is_elsewhere() {
            return Vec::new();
        }
        self.wake.acknowledge();
        std::mem::take(&mut *lock(&self.failures))
    }
}

/// Lays the main table out, for a console that takes it line by line.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(super) struct TableMaker {
    scribe: Scribe<()>,
    wake: Arc<WakeUp>,
    lines: Arc<Mutex<VecDeque<String>>>,
    process: u32,
}

#[pymethods]
impl TableMaker {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self {
            scribe: Scribe::start("gregaria-table", ())?,
            wake: Arc::new(WakeUp::new()?),
            lines: Arc::default(),
            process: std::process::id(),
        })
    }

    /// Begins a table; widths are those of the columns of methods and names.
    fn make(&self, stats: &Bound<'_, RequestStats>, current: bool, method: usize, name: usize) {
        if self.process != std::process::id() {
            return;
        }
        let (numbers, lines) = (Numbers::new(stats.get().table()), Arc::clone(&self.lines));
        let wake = Arc::clone(&self.wake);
        let work = move |(): &mut ()| {
            let wanted = Wanted { entries: usize::MAX, ..Wanted::default() };
            let table =
                stats_lines(&snapshot(&numbers, &wanted, unix_now()), current, Widths { method, name });
            *lock(&lines) = table.into();
        };
        self.scribe.give(work, move || wake.wake());
    }

    /// Readable when the table is there.
    #[getter]
    fn descriptor(&self) -> i32 {
        self.wake.descriptor()
    }

    /// The next lines, so many at most; none: that was all.
    fn take(&self, most: usize) -> Vec<String> {
        self.wake.acknowledge();
        let mut lines = lock(&self.lines);
        let count = lines.len().min(most);
        lines.drain(..count).collect()
    }
}
