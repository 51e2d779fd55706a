//! All that pages are told, and what a page has missed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::course::Course;
use super::event::Event;
use super::log_ring::LogRing;
use super::mirror::{Mirror, Numbers};
use crate::dto;
use crate::status::{HostStatus, StatusCell};

/// A page that is so many events behind starts over.
const BACKLOG: usize = 16;
/// Percentiles charts can show, besides those that the script asks for.
const CHART: [f64; 5] = [0.5, 0.75, 0.9, 0.95, 0.99];
/// Percentiles tables can show, besides those that the script asks for.
const TABLE: [f64; 11] = [0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0];
/// Runs of this server that are remembered by number.
const RUNS: usize = 1_000;

/// The present run and the streams that show it.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) numbers: Numbers,
    pub(crate) status: Arc<StatusCell>,
    pub(crate) logs: Mutex<LogRing>,
    /// Names this start of the server.
    pub(crate) boot: String,
    pub(crate) keeps_runs: bool,
    inner: Mutex<State>,
    sender: broadcast::Sender<Told>,
}

/// What all streams are sent.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// An event.
    Event(Event),
    /// The last event; streams end after it.
    Last(Event),
}

/// Behind the lock.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) mirror: Mirror,
    pub(crate) course: Course,
    pub(crate) run: u32,
    pub(crate) running: bool,
    pub(crate) runs: Vec<dto::RunMark>,
    pub(crate) chart_fractions: Vec<f64>,
    pub(crate) exceptions: Vec<dto::Exception>,
    exceptions_changed: u64,
    pub(crate) seq: u64,
    /// Number of the event at which the course began anew, and how long it was at each later one.
    course_since: u64,
    lengths: Vec<(u64, usize)>,
    over: bool,
    cache: Cache,
}

/// What a page that opens gets, made once for all that open within the same second.
#[derive(Debug, Clone, Default)]
struct Cache {
    seq: u64,
    tick: Option<Event>,
    history: Option<Event>,
}

/// What a look at the numbers found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// They began anew.
    pub(crate) anew: bool,
    /// Other percentiles are asked for than at the last look.
    pub(crate) other_lists: bool,
}

/// What a connection gets first, and where the rest comes from.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) events: Vec<Event>,
    pub(crate) rest: broadcast::Receiver<Told>,
}

/// Fractions of both lists, each once, rising.
pub(crate) fn merged_fractions(own: &[f64], wanted: &[f64]) -> Vec<f64> {
    let mut all: Vec<f64> = own.iter().chain(wanted).copied().filter(|f| (0.0..=1.0).contains(f)).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

/// The percentiles of tables and those of charts.
fn lists_of(status: &HostStatus) -> (Vec<f64>, Vec<f64>) {
    (
        merged_fractions(&TABLE, &status.percentiles_to_statistics),
        merged_fractions(&CHART, &status.percentiles_to_chart),
    )
}

impl Live {
    pub(crate) fn new(numbers: Numbers, boot: String, keeps_runs: bool) -> Self {
        // What holds until the program has said otherwise, so that the first page already has all columns.
        let (fractions, chart_fractions) = lists_of(&HostStatus::default());
        let state = State {
            mirror: Mirror::new(fractions),
            course: Course::new(0.0),
            run: 0,
            running: false,
            runs: Vec::new(),
            chart_fractions,
            exceptions: Vec::new(),
            exceptions_changed: 0,
            seq: 0,
            course_since: 0,
            lengths: Vec::new(),
            over: false,
            cache: Cache::default(),
        };
        Self {
            numbers,
            status: Arc::default(),
            logs: Mutex::default(),
            boot,
            keeps_runs,
            inner: Mutex::new(state),
            sender: broadcast::channel(BACKLOG).0,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lock_logs(&self) -> MutexGuard<'_, LogRing> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The status as pages get it.
    pub(crate) fn dto_status(&self) -> (HostStatus, dto::Status) {
        let (status, age) = self.status.latest();
        let shown = dto::Status {
            state: status.state.clone(),
            user_count: status.user_count,
            target_user_count: status.target_user_count,
            spawn_rate: status.spawn_rate,
            host: status.host.clone(),
            started: status.started,
            ended: status.ended,
            run_time: status.run_time,
            shape: status.shape.clone(),
            profile: status.profile.clone(),
            user_classes: status.user_classes.clone(),
            is_distributed: status.is_distributed,
            workers: status.workers.clone(),
            lag: age.map_or(0.0, |age| (age.as_secs_f64() * 10.0).round() / 10.0),
        };
        (status, shown)
    }

    fn id(&self, state: &State) -> String {
        format!("{}.{}.{}", self.boot, state.run, state.seq)
    }

    /// Tells all pages. `state` must be locked by the caller, so that no page that opens meanwhile misses it or gets it twice.
    pub(crate) fn tell(&self, state: &State, kind: &str, data: &impl serde::Serialize) {
        if self.sender.receiver_count() > 0 {
            // Nobody listens any more: fine.
            drop(self.sender.send(Told::Event(Event::new(kind, &self.id(state), data))));
        }
    }

    /// Tells all pages that this was the last event.
    pub(crate) fn bye(&self) {
        let mut state = self.lock();
        state.over = true;
        state.seq += 1;
        let bye = dto::Bye { reason: "shutdown".to_owned() };
        drop(self.sender.send(Told::Last(Event::new("bye", &self.id(&state), &bye))));
    }

    /// Number of open streams.
    pub(crate) fn streams(&self) -> usize {
        self.sender.receiver_count()
    }

    /// What a page gets first. `last`: the `id` of the last event it has. `None`: the server is going.
    pub(crate) fn open(&self, last: Option<&str>, now: f64) -> Option<Opening> {
        let mut state = self.lock();
        if state.over {
            return None;
        }
        let seen = last.and_then(|id| self.seen(&state, id));
        let (status, shown) = self.dto_status();
        let id = self.id(&state);
        let hello = self.hello(&state, &status, shown.clone(), seen.is_some(), now);
        let mut events = vec![Event::opening(), Event::new("hello", &id, &hello)];
        match seen {
            Some(seq) => self.catch_up(&state, seq, &shown, &id, &mut events),
            None => self.everything(&mut state, &shown, &id, &mut events),
        }
        Some(Opening { events, rest: self.sender.subscribe() })
    }

    fn hello(
        &self,
        state: &State,
        status: &HostStatus,
        shown: dto::Status,
        resumed: bool,
        now: f64,
    ) -> dto::Hello {
        dto::Hello {
            boot: self.boot.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            resumed,
            seq: state.seq,
            run: state.run,
            now,
            fractions: state.mirror.fractions.clone(),
            chart_fractions: state.chart_fractions.clone(),
            default_chart_fractions: status.percentiles_to_chart.clone(),
            default_table_fractions: status.percentiles_to_statistics.clone(),
            store: self.keeps_runs,
            runs: state.runs.clone(),
            status: shown,
        }
    }

    /// Tells pages that are open which percentiles there are now, and all there is of them: those that opened before the script's
    /// lists were known have none. The tick that follows must be a full one.
    pub(crate) fn tell_lists(&self, state: &State, status: &HostStatus, shown: dto::Status, now: f64) {
        self.tell(state, "hello", &self.hello(state, status, shown, false, now));
        self.tell(state, "history", &state.course.history(0, &state.chart_fractions, state.run));
    }

    /// The number of the last event a page has, if it can go on from there.
    fn seen(&self, state: &State, id: &str) -> Option<u64> {
        let mut parts = id.split('.');
        let (boot, run, seq) = (parts.next()?, parts.next()?, parts.next()?);
        let seq: u64 = seq.parse().ok()?;
        let fits = boot == self.boot
            && run.parse() == Ok(state.run)
            && (state.mirror.since..=state.seq).contains(&seq)
            && seq >= state.course_since;
        fits.then_some(seq)
    }

    fn catch_up(&self, state: &State, seq: u64, shown: &dto::Status, id: &str, events: &mut Vec<Event>) {
        let from = state.lengths.iter().rev().find(|&&(at, _)| at <= seq).map_or(0, |&(_, length)| length);
        let mut history = state.course.history(from, &state.chart_fractions, state.run);
        history.append = true;
        events.push(Event::new("history", id, &history));
        events.push(Event::new("tick", id, &state.tick(seq, false, shown.clone(), None)));
        if state.exceptions_changed > seq {
            events.push(Event::new("exceptions", id, &state.dto_exceptions()));
        }
        let lines = self.lock_logs().since(seq);
        if !lines.is_empty() {
            events.push(Event::new("logs", id, &dto::Logs { append: true, lines }));
        }
    }

    fn everything(&self, state: &mut State, shown: &dto::Status, id: &str, events: &mut Vec<Event>) {
        if state.cache.seq != state.seq {
            state.cache = Cache { seq: state.seq, ..Cache::default() };
        }
        if state.cache.history.is_none() {
            let history = state.course.history(0, &state.chart_fractions, state.run);
            state.cache.history = Some(Event::new("history", id, &history));
        }
        if state.cache.tick.is_none() {
            let tick = state.tick(0, true, shown.clone(), None);
            state.cache.tick = Some(Event::new("tick", id, &tick));
        }
        events.extend(state.cache.history.clone());
        events.extend(state.cache.tick.clone());
        events.push(Event::new("exceptions", id, &state.dto_exceptions()));
        let lines = self.lock_logs().since(0);
        events.push(Event::new("logs", id, &dto::Logs { append: false, lines }));
    }
}

impl State {
    /// What changed after the event `since`.
    pub(crate) fn tick(
        &self,
        since: u64,
        full: bool,
        status: dto::Status,
        point: Option<dto::Point>,
    ) -> dto::Tick {
        dto::Tick {
            seq: self.seq,
            run: self.run,
            at: self.mirror.at,
            full,
            status,
            elapsed: self.mirror.elapsed(),
            total: self.mirror.total_row(),
            names: self.mirror.names_since(since),
            rows: self.mirror.rows_since(since),
            errors: self.mirror.errors_since(since),
            point,
        }
    }

    pub(crate) fn dto_exceptions(&self) -> dto::Exceptions {
        dto::Exceptions { exceptions: self.exceptions.clone() }
    }

    /// Exceptions are these now; `true`: they were others.
    pub(crate) fn set_exceptions(&mut self, exceptions: Vec<dto::Exception>) -> bool {
        if exceptions == self.exceptions {
            return false;
        }
        self.exceptions = exceptions;
        self.seq += 1;
        self.exceptions_changed = self.seq;
        true
    }

    /// Looks at the numbers, and begins the course anew if they, or what is asked of them, did. `began`: a run has just begun.
    pub(crate) fn take_in(&mut self, numbers: &Numbers, status: &HostStatus, now: f64, began: bool) -> Taken {
        let (fractions, chart_fractions) = lists_of(status);
        let other_lists = fractions != self.mirror.fractions || chart_fractions != self.chart_fractions;
        let anew = self.mirror.look(numbers, &fractions, self.seq, now);
        if anew || began || chart_fractions != self.chart_fractions {
            self.chart_fractions = chart_fractions;
            let start = self.mirror.span().start;
            // Statistics that were cleared for this run tell best when it began.
            let base = if start > 0.0 && start <= now { start } else { now };
            self.restart_course(base);
        }
        Taken { anew, other_lists }
    }

    /// Whether there are requests that the course does not have yet.
    pub(crate) fn has_unrecorded(&self) -> bool {
        self.mirror.total.has_unrecorded()
    }

    /// The course begins anew.
    pub(crate) fn restart_course(&mut self, base: f64) {
        self.course = Course::new(base);
        self.course_since = self.seq;
        self.lengths.clear();
    }

    /// Takes the second that has ended into the course; the point it made.
    pub(crate) fn record(&mut self, users: u64, now: f64, is_end: bool) -> Option<dto::Point> {
        let stride = self.course.stride;
        self.course.record(&mut self.mirror, users, now, is_end);
        if self.course.stride != stride {
            self.course_since = self.seq;
            self.lengths.clear();
        }
        // The newest point may still grow, so a page that comes back gets it again.
        self.lengths.push((self.seq, self.course.total.len().saturating_sub(1)));
        let newest = self.course.total.newest()?;
        let total = &self.mirror.total.entry;
        Some(self.course.point(newest, total.num_requests, total.num_failures, &self.chart_fractions))
    }

    /// A run has begun.
    pub(crate) fn begin_run(&mut self, run: u32, started: f64) {
        self.run = run;
        self.running = true;
        if self.runs.last().is_none_or(|mark| mark.run != run) {
            self.runs.push(dto::RunMark { run, started, ended: None, id: None });
            let surplus = self.runs.len().saturating_sub(RUNS);
            self.runs.drain(..surplus);
        }
    }

    /// The run is over.
    pub(crate) fn end_run(&mut self, ended: f64) {
        self.running = false;
        if let Some(mark) = self.runs.last_mut() {
            mark.ended = Some(ended);
        }
    }
}
