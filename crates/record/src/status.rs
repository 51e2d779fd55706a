//! What is said of the run, and the latest word of it.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::dto;
use crate::source::{Answer, Question, Source};

/// The answer to [`Question::Status`].
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct HostStatus {
    /// Locust's word for the state.
    pub state: String,
    /// Users that run.
    pub user_count: u64,
    /// Runs since the program began; 0: none yet.
    pub run: u32,
    /// Start of the last run, unix seconds.
    pub started: Option<f64>,
    /// Its end.
    pub ended: Option<f64>,
    /// Users wanted.
    pub target_user_count: Option<u64>,
    /// Users started a second.
    pub spawn_rate: Option<f64>,
    /// Base URL of the system under test.
    pub host: Option<String>,
    /// Length wanted, in seconds.
    pub run_time: Option<f64>,
    /// Seconds that users get to finish their task when they are to stop.
    pub stop_timeout: f64,
    /// Name of the shape class.
    pub shape: Option<String>,
    /// Profile.
    pub profile: Option<String>,
    /// Users of each class.
    pub user_classes: BTreeMap<String, u64>,
    /// Whether there are workers.
    pub is_distributed: bool,
    /// The workers, missing ones included.
    pub workers: Vec<dto::Worker>,
    /// Those that are there.
    pub worker_count: u64,
    /// What has become of the arrivals, if the run is an open one.
    pub arrivals: Option<dto::Arrivals>,
    /// Its warm-up, if it has one.
    pub warm_up: Option<dto::WarmUp>,
    /// All of them have told of everything before this unix time; `None`: there are none to wait for.
    pub settled: Option<f64>,
    /// Changes when the exceptions do.
    pub exceptions_version: i64,
    /// `PERCENTILES_TO_STATISTICS`.
    pub percentiles_to_statistics: Vec<f64>,
    /// `PERCENTILES_TO_CHART`.
    pub percentiles_to_chart: Vec<f64>,
    /// `PERCENTILES_TO_REPORT`.
    pub percentiles_to_report: Vec<f64>,
    /// Name of the script.
    pub locustfile: Option<String>,
    /// How the names of downloads begin.
    pub file_stem: String,
    /// The file of the whole history, when one is written.
    pub full_history_csv: Option<String>,
}

impl Default for HostStatus {
    fn default() -> Self {
        Self {
            state: "missing".to_owned(),
            user_count: 0,
            run: 0,
            started: None,
            ended: None,
            target_user_count: None,
            spawn_rate: None,
            host: None,
            run_time: None,
            stop_timeout: 0.0,
            shape: None,
            profile: None,
            user_classes: BTreeMap::new(),
            is_distributed: false,
            workers: Vec::new(),
            worker_count: 0,
            settled: None,
            arrivals: None,
            warm_up: None,
            exceptions_version: 0,
            percentiles_to_statistics: vec![0.95, 0.99],
            percentiles_to_chart: vec![0.5, 0.95],
            percentiles_to_report: vec![0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0],
            locustfile: None,
            file_stem: "Locust".to_owned(),
            full_history_csv: None,
        }
    }
}

impl HostStatus {
    /// Reads an answer.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// The same, with the latencies that `source` knows by now, if it has left them out. `None`: it is no answer.
    pub fn told(text: &[u8], source: &dyn Source) -> Option<Self> {
        let mut status = Self::parse(text).ok()?;
        if let Some(arrivals) = &mut status.arrivals
            && arrivals.latencies.reads.is_empty()
            && let Some(latencies) = source.latencies()
        {
            arrivals.latencies = latencies;
        }
        Some(status)
    }

    /// The same for the page. `lag`: how long ago it was said.
    pub fn shown(&self, lag: Duration) -> dto::Status {
        dto::Status {
            state: self.state.clone(),
            user_count: self.user_count,
            target_user_count: self.target_user_count,
            spawn_rate: self.spawn_rate,
            host: self.host.clone(),
            started: self.started,
            ended: self.ended,
            run_time: self.run_time,
            shape: self.shape.clone(),
            profile: self.profile.clone(),
            user_classes: self.user_classes.clone(),
            is_distributed: self.is_distributed,
            workers: self.workers.clone(),
            lag: (lag.as_secs_f64() * 10.0).round() / 10.0,
            arrivals: self.arrivals.clone(),
            warm_up: self.warm_up.clone(),
        }
    }

    /// Whether a run is going on.
    pub fn is_running(&self) -> bool {
        !matches!(self.state.as_str(), "ready" | "stopped" | "missing")
    }
}

/// The latest status, which somebody waits for the next of.
#[derive(Debug, Default)]
pub(crate) struct StatusCell {
    inner: Mutex<Inner>,
    changed: Condvar,
}

/// What is called when a look is over.
pub(crate) type Then = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Inner {
    status: HostStatus,
    answered: Option<Instant>,
    /// An answer that nobody has read yet, and when it came: whoever gives it has no time for that.
    told: Option<(Vec<u8>, Instant)>,
    asked: bool,
    /// Somebody wants the numbers looked at before the second is over.
    poked: bool,
    ended: bool,
    /// Number of the latest look at the numbers that has begun.
    look: u64,
    /// What waits for looks later than those of these numbers.
    waiting: Vec<(u64, Then)>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("status", &self.status)
            .field("look", &self.look)
            .finish_non_exhaustive()
    }
}

impl StatusCell {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The latest status and how long ago it was given.
    pub(crate) fn latest(&self) -> (HostStatus, Option<Duration>) {
        let inner = self.lock();
        (inner.status.clone(), inner.answered.map(|at| at.elapsed()))
    }

    /// Takes in what was said at that moment, unless something was said since.
    pub(crate) fn set(&self, status: HostStatus, at: Instant) {
        let mut inner = self.lock();
        if inner.answered.is_none_or(|answered| answered <= at) {
            inner.status = status;
            inner.answered = Some(at);
        }
    }

    /// Reads the answer that has come, if one has.
    fn read(&self, source: &dyn Source) {
        let told = self.lock().told.take();
        if let Some((text, at)) = told
            && let Some(status) = HostStatus::told(&text, source)
        {
            self.set(status, at);
        }
    }

    /// Asks, unless an answer is outstanding already.
    pub(crate) fn ask(self: &std::sync::Arc<Self>, source: &dyn Source) {
        {
            let mut inner = self.lock();
            if inner.asked {
                return;
            }
            inner.asked = true;
        }
        let cell = std::sync::Arc::clone(self);
        let answer = Answer::then(move |told| {
            let mut inner = cell.lock();
            inner.asked = false;
            if let Some(text) = told {
                inner.told = Some((text.to_vec(), Instant::now()));
            }
            cell.changed.notify_all();
        });
        source.ask(Question::Status, answer);
    }

    /// Asks and waits at most `patience` for the answer. One that comes later is read when the next is asked for.
    pub(crate) fn ask_and_wait(self: &std::sync::Arc<Self>, source: &dyn Source, patience: Duration) {
        self.ask(source);
        let inner = self.lock();
        let waits = |inner: &mut Inner| inner.asked && !inner.ended;
        drop(self.changed.wait_timeout_while(inner, patience, waits));
        self.read(source);
    }

    /// Has [`Self::pause`] return at once.
    pub(crate) fn poke(&self) {
        self.lock().poked = true;
        self.changed.notify_all();
    }

    /// A look at the numbers begins: at the status first.
    pub(crate) fn look_begins(&self) {
        self.lock().look += 1;
    }

    /// It is over, and if a run had ended, that is kept.
    pub(crate) fn look_is_over(&self) {
        let mut inner = self.lock();
        let look = inner.look;
        let (told, rest) =
            std::mem::take(&mut inner.waiting).into_iter().partition(|&(after, _)| after < look);
        inner.waiting = rest;
        drop(inner);
        let told: Vec<(u64, Then)> = told;
        for (_, then) in told {
            then();
        }
    }

    /// Has the numbers looked at, and `then` called when a look that begins after this call is over.
    pub(crate) fn after_next_look(&self, then: Then) {
        let mut inner = self.lock();
        let latest = inner.look;
        inner.poked = true;
        if !inner.ended {
            inner.waiting.push((latest, then));
        }
        self.changed.notify_all();
    }

    /// Has everybody who waits here return, now and later.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits until `until`, a poke or the end.
    pub(crate) fn pause(&self, until: Instant) -> Woken {
        let mut inner = self.lock();
        loop {
            if inner.ended {
                return Woken::Ended;
            }
            if std::mem::take(&mut inner.poked) {
                return Woken::Poked;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Woken::Second;
            }
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Why a pause is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    Second,
    Poked,
    Ended,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Answers when it is told to, and knows latencies of its own.
    #[derive(Default)]
    struct Slow {
        asked: Mutex<Vec<Answer>>,
        worked_out: AtomicU64,
    }

    impl Slow {
        fn answers(&self, text: &str) {
            for answer in self.asked.lock().unwrap().drain(..) {
                answer.give(text.as_bytes());
            }
        }
    }

    impl Source for Slow {
        fn ask(&self, _: Question, answer: Answer) {
            self.asked.lock().unwrap().push(answer);
        }

        fn latencies(&self) -> Option<dto::Latencies> {
            self.worked_out.fetch_add(1, Ordering::SeqCst);
            Some(dto::Latencies { reads: "intended".to_owned(), ..dto::Latencies::default() })
        }

        fn warn(&self, _: String) {}

        fn stop(&self, _: String) {}
    }

    #[test]
    fn who_answers_does_not_work_and_what_comes_late_is_read_next_time() {
        let (cell, source) = (Arc::new(StatusCell::default()), Slow::default());
        cell.ask_and_wait(&source, Duration::ZERO);
        source.answers(r#"{"state": "running", "arrivals": {"due": 7}}"#);
        assert_eq!(source.worked_out.load(Ordering::SeqCst), 0, "that is not for the answering thread");
        assert_eq!(cell.latest().0.state, "missing");
        cell.ask_and_wait(&source, Duration::ZERO);
        let (status, lag) = cell.latest();
        let arrivals = status.arrivals.unwrap();
        assert_eq!((status.state.as_str(), arrivals.due, lag.is_some()), ("running", 7, true));
        assert_eq!(arrivals.latencies.reads, "intended");
        // What is no answer changes nothing, nor does one that is older than what is known.
        source.answers("{");
        cell.ask_and_wait(&source, Duration::ZERO);
        source.answers(r#"{"state": "spawning"}"#);
        cell.set(HostStatus { state: "stopped".to_owned(), ..HostStatus::default() }, Instant::now());
        cell.ask_and_wait(&source, Duration::ZERO);
        assert_eq!(cell.latest().0.state, "stopped");
    }

    #[test]
    fn latencies_that_were_told_stay_and_a_closed_run_has_none() {
        let source = Slow::default();
        let read = |text: &str| HostStatus::told(text.as_bytes(), &source).unwrap();
        let of_workers = read(r#"{"arrivals": {"latencies": {"reads": "service"}}}"#);
        assert_eq!(of_workers.arrivals.unwrap().latencies.reads, "service");
        assert!(read(r#"{"state": "running"}"#).arrivals.is_none());
        assert_eq!(source.worked_out.load(Ordering::SeqCst), 0);
    }
}
