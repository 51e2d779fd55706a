//! The thread that serves, and the handle to it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

use super::connection::{Connection, Next};
use super::log::{Log, Service};
use super::plan::Plan;
use super::stamp;

const LISTENER: Token = Token(usize::MAX);
const TIMER: Token = Token(usize::MAX - 1);
const WAKER: Token = Token(usize::MAX - 2);
/// The kernel wakes a sleeper this much late at worst on a quiet machine; the rest is polled for.
const SPIN: Duration = Duration::from_micros(120);
const BODY: &[u8] = b"ok\n";

/// A running delay server. Dropping it stops it.
#[derive(Debug)]
pub struct DelayServer {
    address: SocketAddr,
    log: Log,
    stopping: Arc<AtomicBool>,
    waker: Waker,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl DelayServer {
    /// Starts it on `address` (port 0 takes a free one) and returns once it listens.
    ///
    /// # Errors
    /// The operating system's, when the address cannot be bound or no descriptor is left.
    pub fn start(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let log = Log::default();
        let stopping = Arc::new(AtomicBool::new(false));
        let mut serving =
            Serving::new(poll, TcpListener::from_std(listener), log.clone(), Arc::clone(&stopping))?;
        let thread = thread::Builder::new().name("delay".into()).spawn(move || serving.run())?;
        Ok(Self { address, log, stopping, waker, thread: Mutex::new(Some(thread)) })
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was answered so far, in order of answering.
    pub fn services(&self) -> Vec<Service> {
        self.log.all()
    }

    /// Stops the thread and closes all connections. Does nothing the second time.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

impl Drop for DelayServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An answer that is owed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    /// Keeps the order of arrival among equals.
    number: u64,
    slot: usize,
    generation: u64,
    arrived: Instant,
    planned: Duration,
    target: Arc<str>,
}

struct Serving {
    poll: Poll,
    listener: TcpListener,
    timer: rustix::fd::OwnedFd,
    armed_for: Option<Instant>,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    due: BinaryHeap<Reverse<Due>>,
    number: u64,
    bimodal_count: u64,
    frozen_until: Option<Instant>,
    started: Instant,
    log: Log,
    stopping: Arc<AtomicBool>,
    // Few paths, many requests: the log shares their text.
    targets: Vec<Arc<str>>,
}

impl Serving {
    fn new(poll: Poll, mut listener: TcpListener, log: Log, stopping: Arc<AtomicBool>) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            timer,
            armed_for: None,
            connections: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            number: 0,
            bimodal_count: 0,
            frozen_until: None,
            started: Instant::now(),
            log,
            stopping,
            targets: Vec::new(),
        })
    }

    fn run(&mut self) {
        let mut events = Events::with_capacity(1024);
        while !self.stopping.load(Ordering::SeqCst) {
            self.answer_what_is_due();
            let timeout = self.prepare_to_wait();
            if self.poll.poll(&mut events, timeout).is_err() {
                continue;
            }
            // One stamp for the batch: the later ones of it must not profit from the work on the earlier ones.
            let arrived = Instant::now();
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    TIMER | WAKER => {}
                    Token(slot) => self.serve(slot, event.is_readable(), arrived),
                }
            }
        }
    }

    /// No timeout (the timer wakes), or none at all when the next answer is so near that it is polled for.
    fn prepare_to_wait(&mut self) -> Option<Duration> {
        let Reverse(first) = self.due.peek()?;
        let at = self.frozen_until.map_or(first.at, |frozen| first.at.max(frozen));
        let left = at.saturating_duration_since(Instant::now());
        if left <= SPIN {
            return Some(Duration::ZERO);
        }
        if self.armed_for != Some(at) {
            let sleep = left.saturating_sub(SPIN);
            let value = Timespec {
                tv_sec: sleep.as_secs().cast_signed(),
                tv_nsec: sleep.subsec_nanos().max(1).into(),
            };
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            if rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once).is_err() {
                return Some(Duration::ZERO);
            }
            self.armed_for = Some(at);
        }
        None
    }

    fn answer_what_is_due(&mut self) {
        loop {
            let now = Instant::now();
            if self.frozen_until.is_some_and(|frozen| now < frozen) {
                return;
            }
            self.frozen_until = None;
            match self.due.peek() {
                Some(Reverse(first)) if first.at <= now => {}
                _ => return,
            }
            self.armed_for = None;
            let Some(Reverse(due)) = self.due.pop() else { return };
            let Some(connection) = self.connections[due.slot].as_mut() else { continue };
            if connection.generation != due.generation {
                continue;
            }
            let mut open = true;
            self.log.record(|| {
                let took = due.arrived.elapsed();
                open = connection.answer("200 OK", "text/plain", BODY);
                let arrived = due.arrived.saturating_duration_since(self.started);
                Service { target: due.target, arrived, planned: due.planned, took }
            });
            if open {
                self.take_requests(due.slot, Instant::now());
            } else {
                self.close(due.slot);
            }
        }
    }

    fn accept(&mut self) {
        while let Ok((mut stream, _)) = self.listener.accept() {
            let _ = stream.set_nodelay(true);
            stamp::ask(&stream);
            let slot = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            let interest = Interest::READABLE | Interest::WRITABLE;
            if self.poll.registry().register(&mut stream, Token(slot), interest).is_ok() {
                self.number += 1;
                self.connections[slot] = Some(Connection::new(stream, self.number));
            } else {
                self.free.push(slot);
            }
        }
    }

    fn serve(&mut self, slot: usize, readable: bool, arrived: Instant) {
        let Some(connection) = self.connections[slot].as_mut() else { return };
        if connection.flush() && (!readable || connection.fill()) {
            let arrived = stamp::moment(connection.stamp.take(), arrived);
            self.take_requests(slot, arrived);
        } else {
            self.close(slot);
        }
    }

    /// Takes requests until one has to wait, or none is left.
    fn take_requests(&mut self, slot: usize, arrived: Instant) {
        while let Some(connection) = self.connections[slot].as_mut() {
            if connection.busy {
                return;
            }
            let target = match connection.next_request() {
                Next::Request(target) => target,
                Next::Partial => return,
                Next::Broken => {
                    connection.answer("400 Bad Request", "text/plain", b"not understood\n");
                    self.close(slot);
                    return;
                }
            };
            let open = match Plan::of(&target, &mut self.bimodal_count) {
                Plan::After(planned) => {
                    connection.busy = true;
                    let generation = connection.generation;
                    let target = self.shared(&target);
                    self.number += 1;
                    let at = arrived + planned;
                    let number = self.number;
                    self.due.push(Reverse(Due { at, number, slot, generation, arrived, planned, target }));
                    return;
                }
                Plan::Freeze(time) => {
                    self.frozen_until = Some(arrived + time);
                    connection.answer("200 OK", "text/plain", b"frozen\n")
                }
                Plan::Log => {
                    let text = self.log.csv();
                    connection.answer("200 OK", "text/csv", text.as_bytes())
                }
                Plan::Clear => {
                    self.log.clear();
                    connection.answer("200 OK", "text/plain", b"cleared\n")
                }
                Plan::Unknown => connection.answer("404 Not Found", "text/plain", b"no such path\n"),
            };
            if !open {
                self.close(slot);
            }
        }
    }

    fn shared(&mut self, target: &str) -> Arc<str> {
        if let Some(known) = self.targets.iter().find(|known| ***known == *target) {
            return Arc::clone(known);
        }
        let text: Arc<str> = target.into();
        if self.targets.len() < 64 {
            self.targets.push(Arc::clone(&text));
        }
        text
    }

    fn close(&mut self, slot: usize) {
        if let Some(mut connection) = self.connections[slot].take() {
            let _ = self.poll.registry().deregister(&mut connection.stream);
            self.free.push(slot);
        }
    }
}
