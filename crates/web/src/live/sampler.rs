//! The thread that looks at the statistics.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::state::Live;
use crate::dto;
use crate::host::{Ask, Command, Host, Outcome, Reply};
use crate::keep::Keeper;
use crate::status::{HostStatus, Woken};

/// How long a look waits for the main thread's word on the state; the last one is used after that.
const PATIENCE: Duration = Duration::from_millis(300);

/// Unix time in seconds.
pub(crate) fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The thread.
#[derive(Debug)]
pub(crate) struct Sampler {
    live: Arc<Live>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    pub(crate) fn start(live: Arc<Live>, host: Arc<dyn Host>, keeper: Keeper) -> std::io::Result<Self> {
        let work = Work { live: Arc::clone(&live), host, keeper, exceptions_version: None };
        let thread = std::thread::Builder::new().name("gregaria-web-1s".into()).spawn(move || work.run())?;
        Ok(Self { live, thread: Some(thread) })
    }

    /// Has the thread look a last time, keep a run that has ended, and end.
    pub(crate) fn end(&self) {
        self.live.status.end();
    }

    /// Whether the thread has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Sampler {
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
    live: Arc<Live>,
    host: Arc<dyn Host>,
    keeper: Keeper,
    exceptions_version: Option<i64>,
}

impl Work {
    fn run(mut self) {
        let mut due = next_second();
        loop {
            let woken = self.live.status.pause(due);
            self.live.status.look_begins();
            self.live.status.ask_and_wait(&*self.host, PATIENCE);
            self.look(woken != Woken::Poked, woken == Woken::Ended);
            self.live.status.look_is_over();
            if woken == Woken::Ended {
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
        let (status, shown) = self.live.dto_status();
        let mut state = self.live.lock();
        let before = state.seq;
        state.seq += 1;
        let running = status.is_running();
        // A run may be over before it was seen to go on.
        let began = (running && !state.running) || (status.run > 0 && status.run != state.run);
        if began {
            state.begin_run(status.run, status.started.unwrap_or(now));
        }
        let taken = state.take_in(&self.live.numbers, &status, now, began);
        let ended = state.running && (!running || last);
        let point = if state.running && (second || ended) {
            state.record(status.user_count, now, ended)
        } else {
            None
        };
        if taken.other_lists {
            self.live.tell_lists(&state, &status, shown.clone(), now);
        }
        let full = taken.anew || taken.other_lists || began || ended;
        let tick = state.tick(if full { 0 } else { before }, full, shown, point);
        self.live.tell(&state, "tick", &tick);
        self.tell_logs(&mut state);
        if ended {
            state.end_run(status.ended.unwrap_or(now));
        }
        drop(state);
        self.look_at_exceptions(&status);
        if ended {
            self.end_run(&status, now);
        }
    }

    fn tell_logs(&self, state: &mut super::state::State) {
        let mut logs = self.live.lock_logs();
        if logs.has_unseen() {
            state.seq += 1;
            let lines = logs.take_unseen(state.seq);
            drop(logs);
            self.live.tell(state, "logs", &dto::Logs { append: true, lines });
        }
    }

    fn look_at_exceptions(&mut self, status: &HostStatus) {
        if self.exceptions_version == Some(status.exceptions_version) {
            return;
        }
        self.exceptions_version = Some(status.exceptions_version);
        let live = Arc::clone(&self.live);
        let reply = Reply::then(move |outcome| {
            if let Some(Outcome::Whole(answer)) = outcome
                && let Ok(exceptions) = serde_json::from_slice::<Vec<dto::Exception>>(&answer.body)
            {
                let mut state = live.lock();
                if state.set_exceptions(exceptions) {
                    live.tell(&state, "exceptions", &state.dto_exceptions());
                }
            }
        });
        self.host.send(Command { ask: Ask::Exceptions, reply });
    }

    /// Keeps the run, then tells the pages.
    fn end_run(&mut self, status: &HostStatus, now: f64) {
        let id = self.keeper.keep(&self.live, &*self.host, status, now);
        let mut state = self.live.lock();
        state.seq += 1;
        let mut end = dto::End {
            run: state.run,
            id: id.clone(),
            elapsed: state.mirror.elapsed(),
            total: state.mirror.total_row(),
            requests: state.mirror.total.row.requests,
            failures: state.mirror.total.row.failures,
            ..dto::End::default()
        };
        if let Some(mark) = state.runs.last_mut() {
            mark.id = id;
            end.started = mark.started;
            end.ended = mark.ended.unwrap_or(now);
        }
        self.live.tell(&state, "end", &end);
    }
}

/// The next whole second of the wall clock, by the clock that does not jump.
fn next_second() -> Instant {
    let fraction = unix_now().fract();
    Instant::now() + Duration::from_secs_f64((1.0 - fraction).clamp(0.05, 1.0))
}
