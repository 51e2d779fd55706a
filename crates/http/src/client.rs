//! The client: its I/O threads, and the queue on which everything comes back.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::conn::budget::Budget;
use crate::conn::dns::Resolver;
use crate::conn::here::Lane;
use crate::conn::io_thread;
use crate::conn::queue::{Command, CompletionQueue, lock};
use crate::conn::refused::Refused;
use crate::counts::Counts;
use crate::response::Completion;
use crate::session::{ConnectionPool, PoolOptions, Session, SessionOptions};

/// How an I/O thread calls the caller's event loop.
pub trait Wake: Send + Sync {
    /// Called from an I/O thread when the queue of completions turns non-empty, and when the thread has died. Must not block and
    /// must not call back into the client.
    fn wake(&self);
}

/// How a [`Client`] is set up.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How many I/O threads; at least one. Sessions are spread over them in turn.
    pub threads: usize,
    /// How long an address stays known after it was looked up; zero looks it up for each connection.
    pub dns_ttl: Duration,
    /// How many look-ups may run at once.
    pub dns_threads: usize,
    /// Addresses of names that are not to be looked up, most preferred first (as in a hosts file).
    pub hosts: HashMap<Box<str>, Vec<IpAddr>>,
    /// Whether the kernel is asked when responses arrived (Linux; plain connections), so that an I/O thread that got no
    /// processor in time does not make a server look slow. Costs up to 4 % of the CPU of an I/O thread.
    pub kernel_stamps: bool,
    /// Addresses to which no request may go.
    pub refused: Arc<Refused>,
    /// Bytes that the bodies of all responses may take together, from their arrival until nobody has them any more. Streamed ones
    /// do not count.
    pub body_budget: u64,
    /// Where is counted what the client does.
    pub counts: Arc<Counts>,
}

impl Default for ClientOptions {
    /// One I/O thread, addresses kept for 10 s, four look-ups at once, arrivals by the kernel's account.
    fn default() -> Self {
        Self {
            threads: 1,
            dns_ttl: Duration::from_secs(10),
            dns_threads: 4,
            hosts: HashMap::new(),
            kernel_stamps: true,
            refused: Arc::default(),
            body_budget: u64::MAX,
            counts: Arc::default(),
        }
    }
}

/// An HTTP client on I/O threads of its own.
///
/// Requests are handed over by [`Session::send`] without blocking; what comes of them is collected by
/// [`drain`](Self::drain) on whatever thread the caller likes.
///
/// # After a fork
///
/// Threads do not survive `fork`: in a child process the client exists but nobody works for it, and its sockets
/// are shared with the parent. A child must not use it (requests would never complete) and must not shut it down
/// (there is nobody to join); it forgets it (`std::mem::forget`, or simply never drops it) and starts its own.
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What sessions and pools need of their client.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) completions: Arc<CompletionQueue>,
    next_lane: AtomicUsize,
    next_id: AtomicU64,
}

impl Shared {
    /// A number no other request or session of this client has.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}

impl Client {
    /// Starts the I/O threads. Fails if the operating system refuses a thread or a poller.
    pub fn start(options: ClientOptions, wake: Arc<dyn Wake>) -> io::Result<Self> {
        let counts = options.counts;
        let completions = Arc::new(CompletionQueue::new(wake, Arc::clone(&counts)));
        let resolver = Arc::new(Resolver::new(options.dns_ttl, options.dns_threads, options.hosts));
        let budget = Arc::new(Budget::new(options.body_budget));
        let mut lanes = Vec::new();
        let mut threads = Vec::new();
        for number in 0..options.threads.max(1) {
            let (completions, resolver) = (Arc::clone(&completions), Arc::clone(&resolver));
            let (refused, budget) = (Arc::clone(&options.refused), Arc::clone(&budget));
            let (kernel_stamps, counts) = (options.kernel_stamps, Arc::clone(&counts));
            let started =
                io_thread::start(number, completions, resolver, kernel_stamps, refused, budget, counts);
            match started {
                Ok((lane, thread)) => {
                    lanes.push(lane);
                    threads.push(thread);
                }
                Err(error) => {
                    stop(&lanes, threads);
                    return Err(error);
                }
            }
        }
        let next_lane = AtomicUsize::new(0);
        let shared = Arc::new(Shared { lanes, completions, next_lane, next_id: AtomicU64::new(1) });
        Ok(Self { shared, threads: Mutex::new(threads) })
    }

    /// A new session: cookies of its own and, unless `options.pool` says otherwise, connections of its own.
    pub fn session(&self, options: SessionOptions) -> Session {
        let pool = options.pool.unwrap_or_else(|| self.pool(options.connections));
        Session::new(Arc::clone(&self.shared), pool)
    }

    /// Connections for several sessions to share. Those sessions live on one I/O thread.
    pub fn pool(&self, options: PoolOptions) -> ConnectionPool {
        let turn = self.shared.next_lane.fetch_add(1, Ordering::Relaxed);
        let lane = &self.shared.lanes[turn % self.shared.lanes.len()];
        ConnectionPool::open(lane.clone(), options)
    }

    /// Moves up to `max` completions to `into` in the order in which they happened and returns how many.
    ///
    /// [`Wake`] is called when the queue turns non-empty: whoever gets `max` must come again by itself.
    pub fn drain(&self, into: &mut Vec<Completion>, max: usize) -> usize {
        self.drain_stamped(into, max).0
    }

    /// As [`Self::drain`]; also says since when the first of them has waited.
    pub fn drain_stamped(&self, into: &mut Vec<Completion>, max: usize) -> (usize, Option<Instant>) {
        self.shared.completions.drain(into, max)
    }

    /// What an I/O thread has died of, if one has: a fault of this library, or a system that takes its poller away. Its
    /// requests have failed by then and further ones do.
    pub fn fault(&self) -> Option<&str> {
        self.shared.lanes.iter().find_map(|lane| lane.queue.fault())
    }

    /// Closes all connections and ends the I/O threads. Requests under way are dropped without a completion;
    /// later ones complete at once with [`ErrorKind::Shutdown`](crate::ErrorKind::Shutdown).
    pub fn shutdown(&self) {
        stop(&self.shared.lanes, std::mem::take(&mut *lock(&self.threads)));
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn stop(lanes: &[Lane], threads: Vec<JoinHandle<()>>) {
    for lane in lanes {
        // A thread that is gone already needs no telling.
        let _ = lane.queue.push(Command::Shutdown);
    }
    for thread in threads {
        // A panic there was printed by its own thread; there is nothing left to undo here.
        let _ = thread.join();
    }
}
