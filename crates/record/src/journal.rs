//! Writes a run down while it goes on, so that what has happened is there even if the program is killed.
//!
//! It is done by a thread of its own. A disk that stands still, or is full, costs the journal and nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::output::Second;
use crate::run::Run;
use crate::scribe::Scribe;
use crate::source::{Answer, Question, Source};
use crate::status::HostStatus;
use crate::store::{Change, JournalFile, Marks, Store, StoreError, StoredRun};

/// What is written follows the looks at whole seconds, not those that are made in between.
const SHORTEST: f64 = 0.5;
/// If so many seconds wait to be written, no more are added: what was missed is written in one piece later.
const MOST_WAITING: usize = 10;
/// After the disk has failed, it is tried again so much later.
const REST: Duration = Duration::from_secs(30);

/// Writes the present run down, if it can.
pub(crate) struct Journal {
    store: Arc<Store>,
    source: Arc<dyn Source>,
    present: Option<Present>,
}

/// The journal of the present run.
struct Present {
    run: u32,
    id: String,
    scribe: Scribe<JournalFile>,
    state: Arc<State>,
    /// Number of the look that was written last.
    seq: u64,
    /// Its moment, unix seconds.
    at: f64,
    strides: [u32; 3],
    marks: Marks,
    other_exceptions: bool,
    /// State of the run when its parameters were asked for.
    asked_in: String,
    /// No second is written, but all of the run.
    anew: bool,
}

/// What the two threads know of each other.
#[derive(Default)]
struct State {
    info: Mutex<Info>,
    /// The file is to be begun anew.
    anew: AtomicBool,
    failed: Mutex<Failed>,
}

/// Parameters and environment of the run.
#[derive(Default)]
struct Info {
    value: Value,
    is_new: bool,
}

#[derive(Default)]
struct Failed {
    last: Option<Instant>,
    is_told: bool,
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    pub(crate) fn new(store: Arc<Store>, source: Arc<dyn Source>) -> Self {
        Self { store, source, present: None }
    }

    /// The numbers were looked at.
    pub(crate) fn second(&mut self, second: &Second<'_>) {
        let run = second.run;
        if self.present.as_ref().is_some_and(|present| present.run != run.number) {
            // It ended without being seen to: what was written of it is all there is.
            self.present = None;
        }
        // There is nothing to keep before the first request.
        if !run.running || (self.present.is_none() && run.mirror.total.entry.num_requests == 0) {
            return;
        }
        let present = match &mut self.present {
            Some(present) => present,
            none => match Present::new(&self.store, run) {
                Ok(present) => none.insert(present),
                // Where there is no thread to be had, or no random number, more is wrong than this.
                Err(_) => return,
            },
        };
        present.ask_for_info(second.status, &*self.source);
        present.second(second, &self.source);
    }

    /// The run is over. The id that it is to be kept under, if it has one.
    pub(crate) fn id(&self) -> Option<&str> {
        self.present.as_ref().map(|present| present.id.as_str())
    }

    /// The run has been kept (or there is nothing of it to be kept): nobody needs its journal any more.
    pub(crate) fn done(&mut self) {
        if let Some(present) = self.present.take() {
            present.scribe.give(JournalFile::remove, || {});
            present.scribe.wait();
        }
    }

    /// The run could not be kept: its journal is all there is.
    pub(crate) fn leave(&mut self) {
        if let Some(present) = self.present.take() {
            present.scribe.wait();
        }
    }
}

impl Present {
    fn new(store: &Store, run: &Run) -> std::io::Result<Self> {
        let started = run.marks.last().map_or(run.course.base, |mark| mark.started);
        let file = store.journal(started).map_err(std::io::Error::other)?;
        Ok(Self {
            run: run.number,
            id: file.id().to_owned(),
            scribe: Scribe::start("gregaria-jrnl", file)?,
            state: Arc::default(),
            seq: 0,
            at: 0.0,
            strides: [0; 3],
            marks: Marks::default(),
            other_exceptions: false,
            asked_in: String::new(),
            anew: true,
        })
    }

    /// Once in each state: the shares of tasks are others as soon as all users are there.
    fn ask_for_info(&mut self, status: &HostStatus, source: &dyn Source) {
        if status.state == self.asked_in {
            return;
        }
        self.asked_in.clone_from(&status.state);
        let state = Arc::clone(&self.state);
        let answer = Answer::then(move |told| {
            if let Some(Ok(value)) = told.map(serde_json::from_slice) {
                *lock(&state.info) = Info { value, is_new: true };
            }
        });
        source.ask(Question::Info, answer);
    }

    fn second(&mut self, second: &Second<'_>, source: &Arc<dyn Source>) {
        let run = second.run;
        self.other_exceptions |= second.other_exceptions;
        // After a step of the clock backwards, too.
        if (second.at - self.at).abs() < SHORTEST {
            return;
        }
        let waiting = self.scribe.waiting();
        let rests = lock(&self.state.failed).last.is_some_and(|last| last.elapsed() < REST);
        if rests || waiting > MOST_WAITING {
            self.anew = true;
            return;
        }
        let strides = [run.course.stride, run.course.names_stride, run.course.own.stride()];
        let anew = self.anew
            || self.state.anew.load(Ordering::Relaxed)
            || run.since() > self.seq
            || run.course_since() > self.seq
            || strides != self.strides;
        if anew && waiting > 0 {
            // All of a run is much to have twice.
            self.anew = true;
            return;
        }
        if anew {
            let info = lock(&self.state.info).take();
            self.state.anew.store(false, Ordering::Relaxed);
            self.marks = Marks::of(&run.course);
            let whole = StoredRun::of(run, second.status, info, second.at);
            self.give(source, move |file| file.begin(&whole));
        } else {
            let change = Change::of(run, second.status, second.at, self.seq, &mut self.marks);
            let exceptions = self.other_exceptions.then(|| run.exceptions.clone());
            let info = lock(&self.state.info).take_new();
            let change = change.with(exceptions, info);
            self.give(source, move |file| file.add(&change));
        }
        (self.seq, self.at, self.strides) = (run.seq, second.at, strides);
        (self.anew, self.other_exceptions) = (false, false);
    }

    fn give(
        &self,
        source: &Arc<dyn Source>,
        work: impl FnOnce(&mut JournalFile) -> Result<(), StoreError> + Send + 'static,
    ) {
        let (state, source) = (Arc::clone(&self.state), Arc::clone(source));
        self.scribe.give(
            move |file| match work(file) {
                Ok(()) => state.anew.store(file.is_to_begin(), Ordering::Relaxed),
                Err(error) => state.fail(&error, &*source),
            },
            || {},
        );
    }
}

impl State {
    fn fail(&self, error: &StoreError, source: &dyn Source) {
        let mut failed = lock(&self.failed);
        failed.last = Some(Instant::now());
        self.anew.store(true, Ordering::Relaxed);
        if !std::mem::replace(&mut failed.is_told, true) {
            source.warn(format!(
                "What happens in this run is not written down as it happens: {error}. The run goes on, and is kept at its end \
                 if it can be"
            ));
        }
    }
}

impl Info {
    fn take(&mut self) -> Value {
        self.is_new = false;
        self.value.clone()
    }

    fn take_new(&mut self) -> Option<Value> {
        std::mem::take(&mut self.is_new).then(|| self.value.clone())
    }
}
