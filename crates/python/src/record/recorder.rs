//! `_engine.Recorder`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gregaria_record::store::Store;
use gregaria_record::{
    Answer, Counts, Health, Numbers, Question, Record, Recording, Showing, Source, Threshold, Told, dto,
    report_of,
};
use gregaria_wake::Mailbox;
use pyo3::exceptions::{PyAssertionError, PyRuntimeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::out::Out;
use super::question::RecordQuestion;
use super::terminal::TerminalBlock;
use crate::attended::{self, Attended, Call};
use crate::gevent::counts;
use crate::stats::RequestStats;
use crate::user::latencies_now;

/// How long the last look at the numbers and the keeping of the run may take.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// Python's number of that level.
const WARNING: i32 = 30;

/// Something for the hub.
#[derive(Debug)]
enum Item {
    Question(Question, Answer),
    Warning(String),
    /// The run is to end because of this threshold.
    Stop(String),
}

/// The main thread as a source.
#[derive(Debug)]
struct MainThread(Arc<Mailbox<Item>>);

impl Source for MainThread {
    fn ask(&self, question: Question, answer: Answer) {
        // One that finds no place is dropped, which is an answer.
        drop(self.0.put(Item::Question(question, answer)));
    }

    fn counts(&self) -> Counts {
        counts::take()
    }

    fn latencies(&self) -> Option<dto::Latencies> {
        latencies_now()
    }

    fn warn(&self, message: String) {
        drop(self.0.put(Item::Warning(message)));
    }

    fn stop(&self, threshold: String) {
        drop(self.0.put(Item::Stop(threshold)));
    }
}

/// Records the runs of an environment: their course, and those that are over in a store. Nothing happens before `start()`.
#[pyclass(frozen, weakref, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct Recorder {
    handler: Py<PyAny>,
    stop_run: Py<PyAny>,
    numbers: Numbers,
    rules: Mutex<Vec<Threshold>>,
    outs: Mutex<Vec<Py<Out>>>,
    blocks: Mutex<Vec<Py<TerminalBlock>>>,
    store: Option<(PathBuf, u64)>,
    state: Mutex<State>,
    /// The thread is that process's.
    process: u32,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    /// What is asked for after the end, too.
    last_run: Option<String>,
    recording: Option<Recording>,
}

#[derive(Debug)]
struct Running {
    recorder: gregaria_record::Recorder,
    inbox: Attended<Item>,
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In a child that was forked, where the thread is not and its locks may be held for ever.
    fn is_elsewhere(&self) -> bool {
        self.process != std::process::id()
    }

    /// What is recorded, while it is.
    pub(crate) fn record(&self) -> Option<Arc<Record>> {
        if self.is_elsewhere() {
            return None;
        }
        self.lock().running.as_ref().map(|running| Arc::clone(running.recorder.record()))
    }

    /// The same with all that is known of the run; also after the end.
    fn recording(&self) -> Option<Recording> {
        if self.is_elsewhere() {
            return None;
        }
        self.lock().recording.clone()
    }

    /// The statistics that are recorded.
    pub(crate) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Calls the handler at once, for the few questions that are still answered while the recorder ends.
    fn answer_last(&self, py: Python<'_>, inbox: &Mailbox<Item>) {
        attended::at_once(inbox, self.handler.bind(py), |item| match item {
            // It ends already.
            Item::Stop(_) => Ok(None),
            item => self.read(py, item),
        });
    }

    /// A warning is told; a question is for the handler.
    fn read<'py>(&self, py: Python<'py>, item: Item) -> PyResult<Option<Call<'py>>> {
        match item {
            Item::Warning(message) => attended::log(py, "locust.web", WARNING, &message).map(|()| None),
            Item::Stop(threshold) => {
                let threshold = PyString::new(py, &threshold).into_any();
                Ok(Some((self.stop_run.bind(py).clone(), threshold)))
            }
            Item::Question(question, answer) => {
                let question = Bound::new(py, RecordQuestion::new(question, answer))?.into_any();
                Ok(Some((self.handler.bind(py).clone(), question)))
            }
        }
    }
}

/// One turn of the hub: greenlets that were started for a question must have answered it before this thread waits for
/// the last look, which may be waiting for that answer.
fn let_greenlets_answer(py: Python<'_>) -> PyResult<()> {
    match py.import(intern!(py, "gevent"))?.call_method1(intern!(py, "sleep"), (0,)) {
        // Called in the hub itself, which cannot take turns.
        Err(error) if error.is_instance_of::<PyAssertionError>(py) => Ok(()),
        other => other.map(drop),
    }
}

#[pymethods]
impl Recorder {
    /// `handler` is called with each `RecordQuestion`, and `stop_run` with the text of a threshold for which the run is to end, in a
    /// greenlet of its own.
    #[new]
    #[pyo3(signature = (stats, handler, stop_run, *, store_dir = None, store_max_bytes = 256 << 20))]
    fn new(
        stats: &Bound<'_, RequestStats>,
        handler: Py<PyAny>,
        stop_run: Py<PyAny>,
        store_dir: Option<PathBuf>,
        store_max_bytes: u64,
    ) -> Self {
        Self {
            handler,
            stop_run,
            numbers: Numbers::new(stats.get().table()),
            rules: Mutex::default(),
            outs: Mutex::default(),
            blocks: Mutex::default(),
            store: store_dir.map(|folder| (folder, store_max_bytes)),
            state: Mutex::default(),
            process: std::process::id(),
        }
    }

    /// Begins to record. Questions arrive at the hub of the calling thread from now on.
    fn start(this: &Bound<'_, Self>) -> PyResult<()> {
        let (py, me) = (this.py(), this.get());
        if me.is_elsewhere() || me.lock().running.is_some() {
            return Err(PyRuntimeError::new_err("this recorder runs already"));
        }
        let inbox = attended::mailbox()?;
        let source = Arc::new(MainThread(Arc::clone(&inbox)));
        let store = me.store.clone().map(|(folder, most)| Arc::new(Store::new(folder, most)));
        let record = Arc::new(Record::new(me.numbers.clone(), Arc::<MainThread>::clone(&source), store));
        for out in me.outs.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            record.add(Box::new(out.get().remote(Arc::<MainThread>::clone(&source))));
        }
        for block in me.blocks.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            record.add(Box::new(block.get().output()));
        }
        record.set_thresholds(me.rules.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let recorder = gregaria_record::Recorder::start(Arc::clone(&record))?;
        let inbox = Attended::begin(inbox, &this.getattr(intern!(py, "_drain"))?)?;
        let mut state = me.lock();
        state.recording = Some(Recording::new(record));
        state.running = Some(Running { recorder, inbox });
        Ok(())
    }

    /// Starts a greenlet for each question that waits. The hub calls this.
    fn _drain(&self, py: Python<'_>) -> PyResult<()> {
        if self.is_elsewhere() {
            return Ok(());
        }
        let Some(inbox) = self.lock().running.as_ref().map(|running| running.inbox.mailbox()) else {
            return Ok(());
        };
        attended::in_greenlets(&inbox, self.handler.bind(py), |item| self.read(py, item))
    }

    /// Ends: the numbers are looked at a last time, and a run is kept.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        if self.is_elsewhere() {
            return Ok(());
        }
        let Some(running) = self.lock().running.take() else { return Ok(()) };
        let Running { recorder, inbox } = running;
        let inbox = inbox.end(py)?;
        let_greenlets_answer(py)?;
        recorder.end();
        let until = Instant::now() + LAST_LOOK;
        while !recorder.has_ended() && Instant::now() < until {
            self.answer_last(py, &inbox);
            py.detach(|| std::thread::sleep(Duration::from_millis(2)));
        }
        self.answer_last(py, &inbox);
        self.lock().last_run = recorder.record().last_run();
        drop(inbox.close());
        py.detach(|| drop(recorder));
        Ok(())
    }

    /// Whether it records.
    #[getter]
    fn running(&self) -> bool {
        self.record().is_some()
    }

    /// Says that the state of the run has changed: the numbers are looked at, and all who are told hear of it at once.
    fn notify(&self) {
        if let Some(record) = self.record() {
            record.poke();
        }
    }

    /// Records other statistics from now on.
    fn set_stats(&self, stats: &Bound<'_, RequestStats>) {
        if self.is_elsewhere() {
            return;
        }
        self.numbers.replace(stats.get().table());
    }

    /// A worker has said how it fares: what `Cutter.health` gives. `ValueError` if that makes no sense.
    fn worker_fares(&self, worker: &str, health: &str) -> PyResult<()> {
        let health = Health::from_json(health.as_bytes())
            .ok_or_else(|| PyValueError::new_err("what it says of itself makes no sense"))?;
        if let Some(record) = self.record() {
            record.worker_fares(worker, health);
        }
        Ok(())
    }

    /// So many reports of workers have not arrived; less than nothing: they have, after all.
    fn misses_reports(&self, count: i64) {
        if let Some(record) = self.record() {
            record.misses_reports(count);
        }
    }

    /// Whether the generator keeps up, or was the limit of the run: the words of `dto::Verdict`, as JSON; `status` as for `thresholds`.
    /// `None`: there is no record.
    fn verdict(&self, py: Python<'_>, status: &str) -> PyResult<Option<String>> {
        let Some(recording) = self.recording() else { return Ok(None) };
        let verdict = py.detach(|| recording.verdict(status));
        verdict.map(Some).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// What runs have to keep to: rules as `check_threshold` reads them.
    fn set_thresholds(&self, texts: Vec<String>) -> PyResult<()> {
        let rules: Result<Vec<_>, _> = texts.iter().map(|text| Threshold::parse(text)).collect();
        let rules = rules.map_err(|wrong| PyValueError::new_err(wrong.to_string()))?;
        if let Some(record) = self.record() {
            record.set_thresholds(rules.clone());
        }
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = rules;
        Ok(())
    }

    /// Sends the seconds there, too, once it is started.
    fn add_out(&self, out: Py<Out>) {
        self.outs.lock().unwrap_or_else(PoisonError::into_inner).push(out);
    }

    /// Shows the runs in the terminal, too, once it is started.
    fn add_block(&self, block: Py<TerminalBlock>) {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).push(block);
    }

    /// How each threshold stands, as JSON; of a run that is over, or in its last moments, how it stood at the end. `status` is the
    /// answer to the question `status`.
    fn thresholds(&self, py: Python<'_>, status: &str) -> PyResult<String> {
        let Some(recording) = self.recording() else { return Ok("[]".to_owned()) };
        py.detach(|| recording.thresholds(status)).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// The data of the report as JSON, with all numbers as they are now; also after `stop()`. `status`, `info` and
    /// `exceptions` are the answers to the questions `status`, `run_info` and `exceptions`.
    fn report_args(
        &self,
        py: Python<'_>,
        status: &str,
        info: &str,
        exceptions: &str,
        theme: Option<String>,
        download: Option<String>,
    ) -> PyResult<String> {
        let (told, showing) = (Told { status, info, exceptions }, Showing { theme, download });
        let recording = self.recording();
        let made = py.detach(|| match recording {
            Some(recording) => recording.report(told, &showing),
            None => report_of(self.numbers.current(), told, &showing),
        });
        made.map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// In the store: the last run that was kept.
    fn run_id(&self) -> Option<String> {
        self.record().and_then(|record| record.last_run()).or_else(|| self.lock().last_run.clone())
    }

    fn __repr__(&self) -> String {
        format!("<Recorder{}>", if self.running() { "" } else { ", not running" })
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.handler)?;
        visit.call(&self.stop_run)?;
        if let Ok(state) = self.state.try_lock()
            && let Some(running) = &state.running
        {
            running.inbox.traverse(&visit)?;
        }
        Ok(())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.is_elsewhere()
            && let Ok(mut state) = self.state.try_lock()
        {
            // Whatever of it is dropped may want a lock that nobody gives back.
            std::mem::forget(state.running.take());
            std::mem::forget(state.recording.take());
        }
    }
}
