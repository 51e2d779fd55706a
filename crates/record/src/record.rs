//! The record of the runs of one program: the present run, shared between the thread that keeps it and those that read it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::dto;
use crate::numbers::Numbers;
use crate::output::Output;
use crate::run::Run;
use crate::source::{Answer, Question, Source};
use crate::status::{HostStatus, StatusCell};
use crate::store::Store;
use crate::thresholds::Threshold;
use crate::verdict::{Crew, Health};

/// What has been heard of workers.
#[derive(Debug, Default)]
struct Word {
    health: BTreeMap<String, Health>,
    missing_reports: i64,
}

/// What is recorded, and who is told of it.
pub struct Record {
    pub(crate) numbers: Numbers,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) status: Arc<StatusCell>,
    pub(crate) outputs: Mutex<Vec<Box<dyn Output>>>,
    /// Exceptions that were told since the last look.
    pub(crate) exceptions: Mutex<Option<Vec<dto::Exception>>>,
    /// What workers have said of themselves since the last look.
    word: Mutex<Word>,
    store: Option<Arc<Store>>,
    seq: AtomicU64,
    run: RwLock<Run>,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Record {
    /// Of these statistics, whose users `source` runs. Runs are kept in `store`, if there is one.
    pub fn new(numbers: Numbers, source: Arc<dyn Source>, store: Option<Arc<Store>>) -> Self {
        Self {
            numbers,
            source,
            status: Arc::default(),
            outputs: Mutex::default(),
            exceptions: Mutex::default(),
            word: Mutex::default(),
            store,
            seq: AtomicU64::new(0),
            run: RwLock::new(Run::new()),
        }
    }

    /// Tells this one, too, from the next look on.
    pub fn add(&self, output: Box<dyn Output>) {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).push(output);
    }

    /// What runs have to keep to from now on.
    pub fn set_thresholds(&self, rules: Vec<Threshold>) {
        self.run_mut().set_thresholds(rules);
    }

    /// The statistics shown.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Where runs are kept.
    pub fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    /// The present run, or the last. It cannot change while this is held, so not for long.
    pub fn run(&self) -> RwLockReadGuard<'_, Run> {
        self.run.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn run_mut(&self) -> RwLockWriteGuard<'_, Run> {
        self.run.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of the newest look, or of what an output has counted since.
    pub fn seq(&self) -> u64 {
        self.seq.load(Ordering::SeqCst)
    }

    /// Counts one more.
    pub fn next_seq(&self) -> u64 {
        self.seq.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// What was last said of the run, and how long ago.
    pub fn status(&self) -> (HostStatus, Option<Duration>) {
        self.status.latest()
    }

    /// What was just said of the run, read and taken in. `None`: it is no answer to [`Question::Status`].
    pub fn take_status(&self, told: &[u8]) -> Option<HostStatus> {
        let at = Instant::now();
        let status = HostStatus::told(told, &*self.source)?;
        self.status.set(status.clone(), at);
        Some(status)
    }

    /// Has the numbers looked at before the second is over.
    pub fn poke(&self) {
        self.status.poke();
    }

    /// Has the numbers looked at, and `then` called when a look that begins after this call is over: a run that has ended is kept
    /// by then. Dropped uncalled if there will be none.
    pub fn after_next_look(&self, then: impl FnOnce() + Send + 'static) {
        self.status.after_next_look(Box::new(then));
    }

    /// Asks, without waiting.
    pub fn ask(&self, question: Question, answer: Answer) {
        self.source.ask(question, answer);
    }

    /// In the store: the last run that was kept.
    pub fn last_run(&self) -> Option<String> {
        self.run().marks().iter().rev().find_map(|mark| mark.id.clone())
    }

    /// A worker has said how it fares in the present run.
    pub fn worker_fares(&self, worker: &str, health: Health) {
        let mut word = self.word.lock().unwrap_or_else(PoisonError::into_inner);
        word.health.insert(worker.to_owned(), health);
    }

    /// So many reports of workers have not arrived; less than nothing: they have, after all.
    pub fn misses_reports(&self, count: i64) {
        self.word.lock().unwrap_or_else(PoisonError::into_inner).missing_reports += count;
    }

    pub(crate) fn take_word(&self, crew: &mut Crew) {
        let word = std::mem::take(&mut *self.word.lock().unwrap_or_else(PoisonError::into_inner));
        for (worker, health) in word.health {
            crew.fares(&worker, health);
        }
        crew.misses(word.missing_reports);
    }

    /// Has the exceptions told.
    pub(crate) fn ask_for_exceptions(self: &Arc<Self>) {
        let record = Arc::clone(self);
        let answer = Answer::then(move |told| {
            let Some(Ok(exceptions)) = told.map(serde_json::from_slice) else { return };
            *record.exceptions.lock().unwrap_or_else(PoisonError::into_inner) = Some(exceptions);
            record.poke();
        });
        self.source.ask(Question::Exceptions, answer);
    }

    pub(crate) fn take_exceptions(&self) -> Option<Vec<dto::Exception>> {
        self.exceptions.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Parameters and environment of the run; null if they are not told within `patience`.
    pub(crate) fn info(&self, patience: Duration) -> Value {
        let (sender, receiver) = std::sync::mpsc::channel();
        let answer = Answer::then(move |told| {
            // Nobody waits any longer: too late.
            drop(sender.send(told.and_then(|json| serde_json::from_slice(json).ok())));
        });
        self.source.ask(Question::Info, answer);
        receiver.recv_timeout(patience).ok().flatten().unwrap_or(Value::Null)
    }
}
