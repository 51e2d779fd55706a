//! What the host says of the run, and the latest word of it.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::watch;

use crate::dto;
use crate::host::{Ask, Command, Host, Outcome, Reply};

/// The host's answer to [`Ask::Status`].
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
            shape: None,
            profile: None,
            user_classes: BTreeMap::new(),
            is_distributed: false,
            workers: Vec::new(),
            worker_count: 0,
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
    /// Number of the latest look at the numbers that is over.
    looks: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    status: HostStatus,
    answered: Option<Instant>,
    asked: bool,
    /// Somebody wants the numbers looked at before the second is over.
    poked: bool,
    ended: bool,
    version: u64,
    /// Number of the latest look at the numbers that has begun.
    look: u64,
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

    /// Takes an answer in.
    pub(crate) fn set(&self, status: HostStatus) {
        let mut inner = self.lock();
        inner.status = status;
        inner.answered = Some(Instant::now());
        inner.version += 1;
        self.changed.notify_all();
    }

    /// Asks the host, unless an answer is outstanding already.
    pub(crate) fn ask(self: &std::sync::Arc<Self>, host: &dyn Host) {
        {
            let mut inner = self.lock();
            if inner.asked {
                return;
            }
            inner.asked = true;
        }
        let cell = std::sync::Arc::clone(self);
        let reply = Reply::then(move |outcome| {
            cell.lock().asked = false;
            if let Some(Outcome::Whole(answer)) = outcome
                && let Ok(status) = HostStatus::parse(&answer.body)
            {
                cell.set(status);
            }
        });
        host.send(Command { ask: Ask::Status, reply });
    }

    /// Asks and waits at most `patience` for the answer.
    pub(crate) fn ask_and_wait(self: &std::sync::Arc<Self>, host: &dyn Host, patience: Duration) {
        let before = self.lock().version;
        self.ask(host);
        let inner = self.lock();
        let waits = |inner: &mut Inner| inner.version == before && inner.asked && !inner.ended;
        drop(self.changed.wait_timeout_while(inner, patience, waits));
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
        let look = self.lock().look;
        self.looks.send_replace(look);
    }

    /// Has the numbers looked at, and waits at most `patience` until a look that begins after this call is over.
    pub(crate) async fn next_look(&self, patience: Duration) {
        let latest = self.lock().look;
        self.poke();
        let mut looks = self.looks.subscribe();
        // Too late is late: whoever waits goes on without it.
        drop(tokio::time::timeout(patience, looks.wait_for(|look| *look > latest)).await);
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
