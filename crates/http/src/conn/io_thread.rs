//! The loop of one I/O thread.
//!
//! A turn takes all commands, then sleeps in the poller until sockets are ready, a timer is due or a caller wakes it,
//! then serves the sockets. Sockets are registered once, for both directions and edge-triggered, so a request on a
//! kept connection costs one write, one read and its share of one poll.
//!
//! All that it works with stands behind a lock that it holds but while it sleeps: a caller may send by itself then ([`super::here`]).

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::event::Event as Readiness;
use mio::{Events, Poll, Registry, Token};

use super::arrival::Clocks;
use super::budget::Budget;
use super::connection::{Connection, State};
use super::dns::Resolver;
use super::here::Lane;
use super::job::{Job, deadline};
use super::open::beyond_a_proxy;
use super::pool::{Choice, Pool};
use super::queue::{self, Command, CommandQueue, CompletionQueue, lock, words_of};
use super::refused::Refused;
use super::slab::{Key, Slab};
use super::timers::{Owner, Timers};
use crate::counts::Counts;
use crate::error::{ErrorKind, Failure};
use crate::h1::Memo;
use crate::response::{Completion, Event};
use crate::session::unix_now;

/// The token of the waker; no key has all bits set.
const WAKER: Token = Token(usize::MAX);

/// The number of an attempt, above the 56 bits of a key.
pub(super) fn token(key: Key, attempt: u8) -> Token {
    Token((key.to_bits() | u64::from(attempt) << 56) as usize)
}

const _: () = assert!(usize::BITS >= 64, "poll tokens hold a key and the number of an attempt");

/// After how many completions the caller is told, even if more are at hand: it can work on them meanwhile.
const BATCH: usize = 64;

/// How many sockets the poller reports at once.
const EVENTS: usize = 1024;

/// What was ready when the poller returned was not ready when it returned the time before. If that is longer ago than
/// this, then the kernel is asked for the moment of arrival: as a rule below 4,000 responses a second, and hardly ever
/// under full load, when turns follow each other at once and asking would cost a twentieth of the CPU.
const LATE: Duration = Duration::from_micros(250);

/// What a read takes at most. One buffer per thread.
const BUFFER: usize = 64 * 1024;

/// Everything an I/O thread works with, but for the poller in which it sleeps.
#[derive(Debug)]
pub(crate) struct IoThread {
    pub(super) registry: Registry,
    /// Commands taken from the queue and not obeyed yet.
    commands: VecDeque<Command>,
    pub(super) queue: Arc<CommandQueue>,
    pub(super) completions: Arc<CompletionQueue>,
    pub(super) resolver: Arc<Resolver>,
    pub(super) refused: Arc<Refused>,
    pub(super) budget: Arc<Budget>,
    pub(super) pools: Vec<Option<Pool>>,
    pub(super) connections: Slab<Connection>,
    pub(super) jobs: Slab<Box<Job>>,
    /// Those that are over, for those to come.
    #[expect(clippy::vec_box, reason = "they come and go as boxes: a kilobyte is not to be copied for each")]
    pub(super) retired: Vec<Box<Job>>,
    /// The heads of answers that came last.
    pub(super) memo: Memo,
    pub(super) timers: Timers,
    pub(super) buffer: Vec<u8>,
    /// What was encrypted in there; empty until TLS is spoken.
    pub(super) plain: Vec<u8>,
    pub(super) head_out: Vec<u8>,
    pub(super) batch: Vec<Completion>,
    /// Connections that had more to read than their share of a turn.
    pub(super) again: Vec<Key>,
    /// Pools in which someone who waits may go ahead now.
    freed: Vec<u32>,
    /// A recent moment: never later than now, at most one system call ago where it is used.
    pub(super) now: Instant,
    /// When the poller returned.
    pub(super) arrival: Instant,
    pub(super) clocks: Clocks,
    pub(super) kernel_stamps: bool,
    /// Whether what the poller reported may have been there for longer than [`LATE`].
    pub(super) late: bool,
    pub(super) clock: (Instant, f64),
    /// Until when it sleeps if nobody wakes it; `None`: for ever.
    pub(super) sleeps_until: Option<Instant>,
    /// A fault of ours in what a caller did here, for the thread to die of.
    pub(super) fault: Option<String>,
    pub(super) counts: Arc<Counts>,
}

/// Starts a thread. Its lane is the way in.
pub(crate) fn start(
    number: usize,
    completions: Arc<CompletionQueue>,
    resolver: Arc<Resolver>,
    kernel_stamps: bool,
    refused: Arc<Refused>,
    budget: Arc<Budget>,
    counts: Arc<Counts>,
) -> io::Result<(Lane, JoinHandle<()>)> {
    let poll = Poll::new()?;
    let queue = Arc::new(CommandQueue::new(queue::waker(poll.registry(), WAKER)?, Arc::clone(&counts)));
    let now = Instant::now();
    let io = IoThread {
        registry: poll.registry().try_clone()?,
        commands: VecDeque::new(),
        queue: Arc::clone(&queue),
        completions,
        resolver,
        refused,
        budget,
        pools: Vec::new(),
        connections: Slab::new(),
        jobs: Slab::new(),
        retired: Vec::new(),
        memo: Memo::default(),
        timers: Timers::default(),
        buffer: vec![0; BUFFER],
        plain: Vec::new(),
        head_out: Vec::new(),
        batch: Vec::new(),
        again: Vec::new(),
        freed: Vec::new(),
        now,
        arrival: now,
        clocks: Clocks::new(),
        kernel_stamps,
        late: false,
        clock: (now, unix_now()),
        sleeps_until: None,
        fault: None,
        counts,
    };
    let lane = Lane { queue, io: Arc::new(Mutex::new(io)) };
    let own = lane.clone();
    let handle =
        std::thread::Builder::new().name(format!("gregaria-io-{number}")).spawn(move || own.live(poll))?;
    Ok((lane, handle))
}

impl Lane {
    /// Runs until the client ends. After a fault of ours nobody is left waiting for an answer.
    fn live(self, poll: Poll) {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.run(poll)));
        let refused = self.queue.close();
        self.queue.awake();
        lock(&self.io).end(ended.err().map(|panic| words_of(&*panic)), refused);
    }

    fn run(&self, mut poll: Poll) {
        let mut events = Events::with_capacity(EVENTS);
        let mut io = lock(&self.io);
        // When the poller last returned with all that was ready.
        let mut polled = io.now;
        while let ControlFlow::Continue(patience) = io.work() {
            drop(io);
            match poll.poll(&mut events, patience) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("poller is broken: {error}"),
                Ok(()) => {}
            }
            self.queue.awake();
            let now = Instant::now();
            io = lock(&self.io);
            if let Some(fault) = io.fault.take() {
                panic!("{fault}");
            }
            io.woken(now, &events, &mut polled);
        }
    }
}

impl IoThread {
    /// Forgets everything. After a fault those who wait are told so, `refused` among them.
    fn end(&mut self, fault: Option<String>, refused: VecDeque<Command>) {
        if let Some(words) = &fault {
            self.queue.note_fault(words.clone());
            let left = self.commands.drain(..).chain(refused);
            let waiting = self.jobs.drain().chain(left.filter_map(|command| match command {
                Command::Submit(submission) => Some(Job::new(submission, unix_now(), &self.budget)),
                _ => None,
            }));
            for mut job in waiting {
                let failure = Failure::with_message(ErrorKind::Shutdown, "I/O thread has panicked");
                let event = match job.stream {
                    None => Event::Done(Err(job.error(failure, self.now))),
                    Some(_) => Event::End(Err(job.error(failure, self.now))),
                };
                self.batch.push(job.completion(event));
            }
            self.completions.push_all(&mut self.batch, self.now);
        }
        for connection in self.connections.drain() {
            self.counts.closed();
            connection.close();
        }
        if fault.is_some() {
            self.completions.wake();
        }
    }

    /// What there is to do before it sleeps, and for how long it may (`None`: for ever), unless it is to end.
    fn work(&mut self) -> ControlFlow<(), Option<Duration>> {
        self.queue.take(&mut self.commands);
        if !self.commands.is_empty() {
            self.counts.taken(self.commands.len());
            self.now = Instant::now();
            self.arrival = self.now;
            while let Some(command) = self.commands.pop_front() {
                if matches!(command, Command::Shutdown) {
                    self.completions.push_all(&mut self.batch, self.now);
                    return ControlFlow::Break(());
                }
                self.obey(command);
                self.serve_waiting();
            }
        }
        self.read_on();
        self.serve_waiting();
        self.completions.push_all(&mut self.batch, self.now);
        ControlFlow::Continue(self.patience())
    }

    /// The poller has returned, at `now`. `polled`: when it last did with all that was ready.
    fn woken(&mut self, now: Instant, events: &Events, polled: &mut Instant) {
        self.now = now;
        self.arrival = now;
        self.late = self.kernel_stamps && now.saturating_duration_since(*polled) > LATE;
        if self.late {
            self.clocks.check(now);
        }
        let mut reported = 0;
        for event in events {
            reported += 1;
            self.serve_socket(event);
            self.serve_waiting();
            if self.batch.len() >= BATCH {
                self.completions.push_all(&mut self.batch, self.now);
            }
        }
        if reported < EVENTS {
            *polled = self.arrival;
        }
        self.fire_timers();
        self.serve_waiting();
    }

    /// How long the poller may sleep.
    fn patience(&mut self) -> Option<Duration> {
        if !self.again.is_empty() || !self.queue.fall_asleep() {
            return Some(Duration::ZERO);
        }
        self.sleeps_until = self.timers.next();
        Some(self.sleeps_until?.saturating_duration_since(Instant::now()))
    }

    /// Finds the job a connection, or has it wait for one. `fresh` asks for a new one.
    pub(super) fn begin(&mut self, key: Key, fresh: bool) {
        let Some(job) = self.jobs.get(key) else { return };
        if job.request.options.proxy.is_some()
            && let Some(failure) = beyond_a_proxy(&self.refused, &job.request.url)
        {
            return self.fail(key, failure);
        }
        let Some(Some(pool)) = self.pools.get_mut(job.pool as usize) else {
            self.jobs.remove(key);
            return;
        };
        match pool.choose(&self.connections, &job.request, fresh) {
            Choice::Use(connection) => {
                pool.take_out(connection);
                self.send(connection, key);
            }
            Choice::Open => self.open(key),
            Choice::Wait => {
                pool.waiting.push_back(key);
                self.wait_for_place(key);
            }
        }
    }

    /// Notes that a connection of `pool` has become free, or that there is room for a new one.
    pub(super) fn free(&mut self, pool: u32) {
        if let Some(Some(found)) = self.pools.get(pool as usize)
            && !found.waiting.is_empty()
        {
            self.freed.push(pool);
        }
    }

    /// Lets those go ahead who wait for what has become free, in their order. Called from the loop alone: whoever
    /// goes ahead may fail at once and free his place again.
    pub(super) fn serve_waiting(&mut self) {
        while let Some(pool) = self.freed.pop() {
            let mut passed_over = 0;
            while let Some(Some(found)) = self.pools.get_mut(pool as usize) {
                let Some(&key) = found.waiting.get(passed_over) else { break };
                let Some(job) = self.jobs.get(key) else {
                    found.waiting.remove(passed_over);
                    continue;
                };
                match found.choose(&self.connections, &job.request, false) {
                    // Someone behind it may wait for another origin.
                    Choice::Wait => passed_over += 1,
                    Choice::Use(_) | Choice::Open => {
                        found.waiting.remove(passed_over);
                        self.begin(key, false);
                    }
                }
            }
        }
    }

    fn serve_socket(&mut self, event: &Readiness) {
        if event.token() == WAKER {
            return;
        }
        let bits = event.token().0 as u64;
        let (key, attempt) = (Key::from_bits(bits), (bits >> 56) as u8);
        let Some(connection) = self.connections.get_mut(key) else { return };
        let closed = event.is_read_closed() || event.is_error();
        let readable = event.is_readable() || closed;
        connection.peer_closed |= closed;
        match connection.state {
            State::Resolving => {}
            State::Connecting(_) => self.attempt_ready(key, attempt),
            // An attempt that lost the race.
            _ if connection.attempt != attempt => {}
            State::Tunnelling(_) | State::Handshaking => self.set_up(key),
            State::Active => {
                if event.is_writable() {
                    self.write_on(key);
                }
                if readable {
                    self.read_answer(key);
                }
            }
            State::Idle if readable => self.read(key),
            State::Idle => {}
        }
    }

    /// Asks for a reminder when `key` is next due, unless one comes before that anyway.
    pub(super) fn arm(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let attempt = match &connection.state {
            State::Connecting(dialer) => dialer.next_at,
            _ => None,
        };
        let deadline = deadline(connection, &self.jobs).map(|(at, _)| at);
        let Some(due) = attempt.into_iter().chain(deadline).min() else { return };
        if connection.armed.is_none_or(|armed| due < armed) {
            connection.armed = Some(due);
            self.remind(due, Owner::Connection(key));
        }
    }

    pub(super) fn remind(&mut self, at: Instant, owner: Owner) {
        self.timers.insert(at, owner);
        // With a timeout of a minute and a connection per request, nearly all reminders are for the dead.
        let alive = self.connections.len() + self.jobs.len();
        if self.timers.len() > 1024 + 4 * alive {
            let (connections, jobs) = (&self.connections, &self.jobs);
            self.timers.retain(|owner| match owner {
                Owner::Connection(key) => connections.get(key).is_some(),
                Owner::Job(key) => jobs.get(key).is_some_and(|job| job.connection.is_none()),
            });
        }
    }

    fn fire_timers(&mut self) {
        while let Some((at, owner)) = self.timers.pop_due(self.now) {
            match owner {
                Owner::Job(key) => {
                    let waiting =
                        self.jobs.get(key).filter(|job| job.connection.is_none() && job.stream.is_none());
                    let due = |at: Option<Instant>| at.is_some_and(|at| at <= self.now);
                    let kind = match waiting {
                        Some(job) if due(job.total_deadline) => ErrorKind::TotalTimeout,
                        Some(job) if due(job.connect_until) => ErrorKind::ConnectTimeout,
                        // It has moved on, and waits anew: for that there is another reminder.
                        _ => continue,
                    };
                    self.fail(key, Failure::new(kind));
                }
                Owner::Connection(key) => self.connection_due(key, at),
            }
        }
    }

    fn connection_due(&mut self, key: Key, at: Instant) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if connection.armed != Some(at) {
            // Another reminder, asked for later and due earlier, has taken over.
            return;
        }
        connection.armed = None;
        if let Some((due, kind)) = deadline(connection, &self.jobs)
            && due <= self.now
            && let Some(job) = connection.job
        {
            return self.fail(job, Failure::new(kind));
        }
        if let State::Connecting(dialer) = &connection.state
            && dialer.next_at.is_some_and(|next| next <= self.now)
        {
            self.attempt_next(key);
        }
        self.arm(key);
    }

    /// Takes a job out of wherever it is; a connection it has is closed.
    pub(super) fn remove_job(&mut self, key: Key) -> Option<Box<Job>> {
        let mut job = self.jobs.remove(key)?;
        match job.connection.take() {
            Some(connection) => self.close(connection),
            None => {
                if let Some(Some(pool)) = self.pools.get_mut(job.pool as usize) {
                    pool.waiting.retain(|&other| other != key);
                    pool.detached.retain(|&other| other != key);
                }
            }
        }
        Some(job)
    }

    /// Closes a connection and forgets it.
    pub(super) fn close(&mut self, key: Key) {
        let Some(connection) = self.connections.remove(key) else { return };
        self.counts.closed();
        if let Some(Some(pool)) = self.pools.get_mut(connection.pool as usize) {
            pool.forget(key);
        }
        connection.close();
    }

    /// Ends a job that went wrong.
    pub(super) fn fail(&mut self, key: Key, failure: Failure) {
        let Some(job) = self.jobs.get_mut(key) else { return };
        let pool = job.pool;
        if job.stream.is_some() {
            if let Some(connection) = job.connection.take() {
                self.close(connection);
            }
            self.end_stream(key, Err(failure));
        } else if let Some(mut job) = self.remove_job(key) {
            let error = job.error(failure, Instant::now());
            self.batch.push(job.completion(Event::Done(Err(error))));
        }
        self.free(pool);
    }
}
