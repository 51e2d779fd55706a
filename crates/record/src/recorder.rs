//! The thread that looks at the statistics.

use std::sync::{Arc, PoisonError, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clock::{next_second, unix_now};
use crate::course::When;
use crate::journal::Journal;
use crate::keep::keep;
use crate::output::{Output, Second};
use crate::own::Watch;
use crate::record::Record;
use crate::status::{HostStatus, Woken};
use crate::verdict::Moment;

/// How long a look waits for the source's word on the state; the last one is used after that.
const PATIENCE: Duration = Duration::from_millis(300);

/// The thread.
#[derive(Debug)]
pub struct Recorder {
    record: Arc<Record>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Begins to record.
    ///
    /// # Errors
    /// If there can be no thread.
    pub fn start(record: Arc<Record>) -> std::io::Result<Self> {
        let journal = record.store().map(|store| Journal::new(Arc::clone(store), Arc::clone(&record.source)));
        let watch = Watch::default();
        let work = Work { record: Arc::clone(&record), exceptions_version: None, journal, watch };
        let thread = std::thread::Builder::new().name("gregaria-record".into()).spawn(move || work.run())?;
        Ok(Self { record, thread: Some(thread) })
    }

    /// What is recorded.
    pub fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// Has the thread look a last time, keep a run that has ended, and end. The source has to go on answering until
    /// [`Self::has_ended`].
    pub fn end(&self) {
        self.record.status.end();
    }

    /// Whether the last look has been taken and the run been kept.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
        if self.has_ended()
            && let Some(thread) = self.thread.take()
        {
            // Its panic has been printed already.
            drop(thread.join());
        }
    }
}

struct Work {
    record: Arc<Record>,
    exceptions_version: Option<i64>,
    journal: Option<Journal>,
    watch: Watch,
}

impl Work {
    fn run(mut self) {
        let mut due = next_second();
        loop {
            let woken = self.record.status.pause(due);
            self.record.status.look_begins();
            self.record.status.ask_and_wait(&*self.record.source, PATIENCE);
            self.look(woken != Woken::Poked, woken == Woken::Ended);
            self.record.status.look_is_over();
            if woken == Woken::Ended {
                // Outputs may hold the record that holds them.
                self.record.outputs.lock().unwrap_or_else(PoisonError::into_inner).clear();
                return;
            }
            if Instant::now() >= due {
                due = next_second();
            }
        }
    }

    /// One look. `second`: a second is over; `last`: so is everything.
    fn look(&mut self, second: bool, last: bool) {
        let now = unix_now();
        let (status, lag) = self.record.status();
        let exceptions = self.record.take_exceptions();
        let mut run = self.record.run_mut();
        let since = run.seq;
        run.seq = self.record.next_seq();
        let running = status.is_running();
        // Numbers count up, so a run that was over before it was seen to go on is noticed, too.
        let began = status.run > 0 && status.run != run.number;
        if began {
            run.begin(status.run, status.started.unwrap_or(now));
        }
        let taken = run.take_in(&self.record.numbers, &status, now, began);
        let ended = run.running && (!running || last);
        let points = if run.running && (second || ended) {
            let pieces = run.mirror.take_pieces();
            run.record(pieces, When::of(&status, now, ended))
        } else {
            Vec::new()
        };
        let stops = run.take_stops();
        let outputs = self.record.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = outputs.iter().any(|output| output.wants_seconds());
        drop(outputs);
        let seconds = run.take_told(wanted);
        if second || ended {
            let moment =
                Moment { now: Instant::now(), at: now, silence: lag.unwrap_or_default().as_secs_f64() };
            let own = self.watch.look(&self.record.source.counts(), moment.now, now);
            if run.running && second {
                run.health.second(&own, moment);
                run.crew.second(&status);
            } else {
                run.health.pause(&own, moment);
            }
            self.record.take_word(&mut run.crew);
            run.own = own;
            if run.running {
                let second = run.own.second.clone();
                run.course.own.push(second);
            }
        }
        let other_exceptions = exceptions.is_some_and(|exceptions| run.set_exceptions(exceptions));
        if ended {
            run.end(status.ended.unwrap_or(now));
        }
        let run = RwLockWriteGuard::downgrade(run);
        let told = Second {
            at: now,
            status: &status,
            lag: lag.unwrap_or_default(),
            run: &run,
            generator: &run.own.second,
            points: &points,
            told: &seconds,
            began,
            ended,
            anew: taken.anew,
            other_lists: taken.other_lists,
            other_exceptions,
            since,
        };
        self.each_output(|output| output.second(&told));
        if let Some(journal) = &mut self.journal {
            journal.second(&told);
        }
        drop(run);
        // One is enough; the run that has just ended needs none.
        if let Some(threshold) = stops.into_iter().next().filter(|_| !ended) {
            self.record.source.stop(threshold);
        }
        self.look_at_exceptions(&status);
        if ended {
            self.end_run(&status, now);
        }
    }

    fn each_output(&self, tell: impl FnMut(&mut Box<dyn Output>)) {
        self.record.outputs.lock().unwrap_or_else(PoisonError::into_inner).iter_mut().for_each(tell);
    }

    fn look_at_exceptions(&mut self, status: &HostStatus) {
        if self.exceptions_version != Some(status.exceptions_version) {
            self.exceptions_version = Some(status.exceptions_version);
            self.record.ask_for_exceptions();
        }
    }

    /// Keeps the run, then tells everybody.
    fn end_run(&mut self, status: &HostStatus, now: f64) {
        let detail = keep(&self.record, status, now, self.journal.as_mut());
        let id = (!detail.summary.id.is_empty()).then(|| detail.summary.id.clone());
        self.record.run_mut().set_id(id);
        self.each_output(|output| output.end(&detail));
    }
}
