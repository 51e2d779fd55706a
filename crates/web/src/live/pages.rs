//! All that pages are told, and what a page has missed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gregaria_record::{HostStatus, Output, Record, Run, Second, dto};
use tokio::sync::broadcast;

use super::event::Event;
use super::log_ring::LogRing;

/// A page that is so many events behind starts over.
const BACKLOG: usize = 16;

/// The streams that show the present run.
#[derive(Debug)]
pub(crate) struct Live {
    record: Arc<Record>,
    logs: Mutex<LogRing>,
    /// Names this start of the server.
    boot: String,
    inner: Mutex<Pages>,
    sender: broadcast::Sender<Told>,
}

/// What all streams are sent.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// An event, and its number.
    Event(u64, Event),
    /// The last event; streams end after it.
    Last(Event),
}

/// Behind the lock. Whoever also reads the run takes that lock first.
#[derive(Debug, Default)]
struct Pages {
    /// Number of the last event.
    told: u64,
    exceptions_changed: u64,
    /// Number of the look at which the course began anew, and how long it was at each later one.
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

/// What a connection gets first, and where the rest comes from.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) events: Vec<Event>,
    pub(crate) rest: broadcast::Receiver<Told>,
    /// Events up to this number hold nothing that the first ones do not.
    pub(crate) seq: u64,
}

/// As [`Output`] of a record.
#[derive(Debug)]
pub(crate) struct Stream(pub(crate) Arc<Live>);

impl Output for Stream {
    fn second(&mut self, second: &Second<'_>) {
        self.0.second(second);
    }

    fn end(&mut self, run: &dto::RunDetail) {
        self.0.end(run);
    }
}

impl Live {
    pub(crate) fn new(record: Arc<Record>, boot: String) -> Self {
        Self {
            record,
            logs: Mutex::default(),
            boot,
            inner: Mutex::default(),
            sender: broadcast::channel(BACKLOG).0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_logs(&self) -> MutexGuard<'_, LogRing> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record of the log; pages get it at the next look.
    pub(crate) fn log(&self, line: dto::LogLine) {
        self.lock_logs().push(line);
    }

    fn id(&self, run: u32, seq: u64) -> String {
        format!("{}.{run}.{seq}", self.boot)
    }

    /// Tells all pages. `pages` is locked by the caller, so that no page that opens meanwhile misses it.
    fn tell(&self, pages: &mut Pages, run: u32, seq: u64, kind: &str, data: &impl serde::Serialize) {
        pages.told = seq;
        if self.sender.receiver_count() > 0 {
            // Nobody listens any more: fine.
            drop(self.sender.send(Told::Event(seq, Event::new(kind, &self.id(run, seq), data))));
        }
    }

    fn second(&self, second: &Second<'_>) {
        let run = second.run;
        let mut pages = self.lock();
        pages.follow(second);
        let (number, seq) = (run.number(), run.seq());
        let shown = second.status.shown(second.lag);
        if second.other_lists {
            // Pages that opened before the script's lists were known have none of them.
            let hello = self.hello(run, seq, second.status, shown.clone(), false, second.at);
            self.tell(&mut pages, number, seq, "hello", &hello);
            self.tell(&mut pages, number, seq, "history", &run.history(0));
        }
        let full = second.anew || second.other_lists || second.began || second.ended;
        let tick = run.tick(if full { 0 } else { second.since }, full, shown, second.points.to_vec());
        self.tell(&mut pages, number, seq, "tick", &tick);
        let mut logs = self.lock_logs();
        if logs.has_unseen() {
            let seq = self.record.next_seq();
            let lines = logs.take_unseen(seq);
            drop(logs);
            self.tell(&mut pages, number, seq, "logs", &dto::Logs { append: true, lines });
        }
        if second.other_exceptions {
            let seq = self.record.next_seq();
            pages.exceptions_changed = seq;
            self.tell(&mut pages, number, seq, "exceptions", &run.exceptions());
        }
    }

    fn end(&self, run: &dto::RunDetail) {
        let number = run.history.run;
        let end = dto::End {
            run: number,
            id: Some(run.summary.id.clone()).filter(|id| !id.is_empty()),
            started: run.summary.started,
            ended: run.summary.ended,
            elapsed: run.elapsed,
            total: run.total.clone(),
            requests: run.summary.requests,
            failures: run.summary.failures,
        };
        let mut pages = self.lock();
        let seq = self.record.next_seq();
        self.tell(&mut pages, number, seq, "end", &end);
    }

    /// Tells all pages that this was the last event.
    pub(crate) fn bye(&self) {
        let run = self.record.run().number();
        let mut pages = self.lock();
        pages.over = true;
        let bye = dto::Bye { reason: "shutdown".to_owned() };
        let id = self.id(run, self.record.next_seq());
        drop(self.sender.send(Told::Last(Event::new("bye", &id, &bye))));
    }

    /// Number of open streams.
    pub(crate) fn streams(&self) -> usize {
        self.sender.receiver_count()
    }

    /// What a page gets first. `last`: the `id` of the last event it has. `None`: the server is going.
    pub(crate) fn open(&self, last: Option<&str>, now: f64) -> Option<Opening> {
        let run = self.record.run();
        let mut pages = self.lock();
        if pages.over {
            return None;
        }
        let seq = run.seq().max(pages.told);
        let seen = last.and_then(|id| self.seen(&run, &pages, id));
        let (status, lag) = self.record.status();
        let shown = status.shown(lag.unwrap_or_default());
        let id = self.id(run.number(), seq);
        let hello = self.hello(&run, seq, &status, shown.clone(), seen.is_some(), now);
        let mut events = vec![Event::opening(), Event::new("hello", &id, &hello)];
        match seen {
            Some(seen) => self.catch_up(&run, &pages, seen, &shown, &id, &mut events),
            None => self.everything(&run, &mut pages, &shown, &id, &mut events),
        }
        Some(Opening { events, rest: self.sender.subscribe(), seq })
    }

    fn hello(
        &self,
        run: &Run,
        seq: u64,
        status: &HostStatus,
        shown: dto::Status,
        resumed: bool,
        now: f64,
    ) -> dto::Hello {
        dto::Hello {
            boot: self.boot.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            resumed,
            seq,
            run: run.number(),
            now,
            fractions: run.fractions().to_vec(),
            chart_fractions: run.chart_fractions().to_vec(),
            default_chart_fractions: status.percentiles_to_chart.clone(),
            default_table_fractions: status.percentiles_to_statistics.clone(),
            store: self.record.store().is_some(),
            runs: run.marks().to_vec(),
            status: shown,
        }
    }

    /// The number of the last event a page has, if it can go on from there.
    fn seen(&self, run: &Run, pages: &Pages, id: &str) -> Option<u64> {
        let mut parts = id.split('.');
        let (boot, number, seq) = (parts.next()?, parts.next()?, parts.next()?);
        let seq: u64 = seq.parse().ok()?;
        let fits = boot == self.boot
            && number.parse() == Ok(run.number())
            && (run.since()..=run.seq().max(pages.told)).contains(&seq)
            && seq >= run.course_since();
        fits.then_some(seq)
    }

    fn catch_up(
        &self,
        run: &Run,
        pages: &Pages,
        seen: u64,
        shown: &dto::Status,
        id: &str,
        events: &mut Vec<Event>,
    ) {
        let length = pages.lengths.iter().rev().find(|&&(at, _)| at <= seen).map_or(0, |&(_, length)| length);
        let history = dto::History { append: true, ..run.history(length) };
        events.push(Event::new("history", id, &history));
        events.push(Event::new("tick", id, &run.tick(seen, false, shown.clone(), Vec::new())));
        if pages.exceptions_changed > seen {
            events.push(Event::new("exceptions", id, &run.exceptions()));
        }
        let lines = self.lock_logs().since(seen);
        if !lines.is_empty() {
            events.push(Event::new("logs", id, &dto::Logs { append: true, lines }));
        }
    }

    fn everything(
        &self,
        run: &Run,
        pages: &mut Pages,
        shown: &dto::Status,
        id: &str,
        events: &mut Vec<Event>,
    ) {
        let seq = run.seq().max(pages.told);
        if pages.cache.seq != seq {
            pages.cache = Cache { seq, ..Cache::default() };
        }
        let cache = &mut pages.cache;
        events.push(cache.history.get_or_insert_with(|| Event::new("history", id, &run.history(0))).clone());
        let tick = || Event::new("tick", id, &run.tick(0, true, shown.clone(), Vec::new()));
        events.push(cache.tick.get_or_insert_with(tick).clone());
        events.push(Event::new("exceptions", id, &run.exceptions()));
        let lines = self.lock_logs().since(0);
        events.push(Event::new("logs", id, &dto::Logs { append: false, lines }));
    }
}

impl Pages {
    /// Notes how long the course is now.
    fn follow(&mut self, second: &Second<'_>) {
        let run = second.run;
        if run.course_since() != self.course_since {
            self.course_since = run.course_since();
            self.lengths.clear();
        }
        if !second.points.is_empty() {
            // The newest point may still grow, so a page that comes back gets it again.
            self.lengths.push((run.seq(), run.points().saturating_sub(1)));
        }
    }
}
