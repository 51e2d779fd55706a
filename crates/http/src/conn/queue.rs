//! The two queues between callers and an I/O thread.
//!
//! Commands go one way; their sender wakes the thread by its poller only if it sleeps. Completions come back the
//! other way; the caller is woken only when the queue turns from empty to non-empty. Both are short vectors behind
//! a mutex held for the copy of a few words: cheaper than any lock-free list as long as batches are handed over
//! whole, which is how both sides use them.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use mio::Waker;

use super::dns::Lookup;
use super::slab::Key;
use crate::client::Wake;
use crate::counts::{Counts, add};
use crate::request::{Request, RequestId};
use crate::response::{Completion, Exchange};
use crate::session::{Cookies, PoolOptions};

/// What an I/O thread is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    OpenPool { pool: u32, options: PoolOptions },
    Submit(Submission),
    Cancel { pool: u32, id: RequestId },
    ReadBody { pool: u32, id: RequestId },
    Feed { pool: u32, id: RequestId, piece: Option<Bytes> },
    CloseConnections { pool: u32 },
    EndSession { pool: u32, session: u64 },
    ClosePool { pool: u32 },
    Resolved { connection: Key, lookup: Lookup },
    Shutdown,
}

/// One request on its way in.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) pool: u32,
    pub(crate) session: u64,
    pub(crate) id: RequestId,
    pub(crate) token: u64,
    pub(crate) at: Instant,
    pub(crate) cookies: Option<Arc<Cookies>>,
    pub(crate) request: Request,
    /// One that nobody needs any more, for its memory.
    pub(crate) spare: Option<Box<Exchange>>,
}

/// The way in to one I/O thread.
#[derive(Debug)]
pub(crate) struct CommandQueue {
    commands: Mutex<VecDeque<Command>>,
    asleep: AtomicBool,
    closed: AtomicBool,
    /// What ended the thread against its will.
    fault: OnceLock<String>,
    waker: Waker,
    free_pools: Mutex<(Vec<u32>, u32)>,
    counts: Arc<Counts>,
}

impl CommandQueue {
    pub(crate) fn new(waker: Waker, counts: Arc<Counts>) -> Self {
        Self {
            commands: Mutex::default(),
            asleep: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            fault: OnceLock::new(),
            waker,
            free_pools: Mutex::default(),
            counts,
        }
    }

    /// Queues a command and wakes the thread if it sleeps. Gives the command back if the thread is gone.
    #[expect(clippy::result_large_err, reason = "the command is handed back, not reported")]
    pub(crate) fn push(&self, command: Command) -> Result<(), Command> {
        let mut commands = lock(&self.commands);
        if self.closed.load(Ordering::Relaxed) {
            return Err(command);
        }
        commands.push_back(command);
        drop(commands);
        self.wake_if_asleep();
        Ok(())
    }

    pub(crate) fn wake_if_asleep(&self) {
        // The thread announces its sleep before it looks into the queue a last time, and both sides pass through
        // the mutex: either it finds the command, or this load finds it asleep.
        if self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst) {
            self.wake();
        }
    }

    fn wake(&self) {
        add(&self.counts.calls, 1);
        // Writing to an eventfd fails only when its counter is full, and then it is readable anyway.
        let _ = self.waker.wake();
    }

    /// Moves all queued commands to `into`, which must be empty.
    pub(crate) fn take(&self, into: &mut VecDeque<Command>) {
        std::mem::swap(&mut *lock(&self.commands), into);
    }

    /// Announces that the thread is about to sleep; false if there is something to do first.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        if lock(&self.commands).is_empty() {
            return true;
        }
        self.awake();
        false
    }

    /// Whether the thread sleeps, or is about to and has nothing to do.
    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::SeqCst)
    }

    pub(crate) fn awake(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// Refuses all further commands and hands over those that are left.
    pub(crate) fn close(&self) -> VecDeque<Command> {
        let mut commands = lock(&self.commands);
        self.closed.store(true, Ordering::Relaxed);
        std::mem::take(&mut commands)
    }

    /// What ended the thread against its will, if anything has.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.fault.get().map(String::as_str)
    }

    /// Notes what has ended the thread.
    pub(crate) fn note_fault(&self, words: String) {
        // The first is the one that counts.
        let _ = self.fault.set(words);
    }

    /// A number for a new pool, unique among the thread's living pools.
    pub(crate) fn claim_pool(&self) -> u32 {
        let mut free = lock(&self.free_pools);
        free.0.pop().unwrap_or_else(|| {
            free.1 += 1;
            free.1 - 1
        })
    }

    /// Gives a pool's number back; to be called by the I/O thread once it has forgotten the pool.
    pub(crate) fn release_pool(&self, pool: u32) {
        lock(&self.free_pools).0.push(pool);
    }
}

/// The way back to the caller, shared by all I/O threads of a client.
pub(crate) struct CompletionQueue {
    completions: Mutex<Completions>,
    wake: Arc<dyn Wake>,
    counts: Arc<Counts>,
}

/// Those that wait for the caller, and since when the first of them does.
#[derive(Default)]
struct Completions {
    all: VecDeque<Completion>,
    since: Option<Instant>,
}

impl std::fmt::Debug for CompletionQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompletionQueue").finish_non_exhaustive()
    }
}

impl CompletionQueue {
    pub(crate) fn new(wake: Arc<dyn Wake>, counts: Arc<Counts>) -> Self {
        Self { completions: Mutex::default(), wake, counts }
    }

    /// Delivers a batch in its order and leaves it empty. `now` may be a little ago.
    pub(crate) fn push_all(&self, batch: &mut Vec<Completion>, now: Instant) {
        if batch.is_empty() {
            return;
        }
        let mut completions = lock(&self.completions);
        let was_empty = completions.all.is_empty();
        if was_empty {
            completions.since = Some(now);
        }
        completions.all.extend(batch.drain(..));
        drop(completions);
        if was_empty {
            self.wake();
        }
    }

    /// Calls [`Wake`] without a completion.
    pub(crate) fn wake(&self) {
        add(&self.counts.wakes, 1);
        self.wake.wake();
    }

    /// Moves up to `max` completions to `into`, oldest first; how many, and since when the first of them has waited.
    pub(crate) fn drain(&self, into: &mut Vec<Completion>, max: usize) -> (usize, Option<Instant>) {
        let mut completions = lock(&self.completions);
        let waiting = completions.all.len();
        let count = waiting.min(max);
        into.extend(completions.all.drain(..count));
        let since = completions.since.filter(|_| count > 0);
        drop(completions);
        self.counts.most_completions.fetch_max(waiting as u64, Ordering::Relaxed);
        (count, since)
    }
}

/// A lock that does not care whether another thread panicked: every update here is a single push or swap.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the waker that `CommandQueue` needs.
pub(crate) fn waker(registry: &mio::Registry, token: mio::Token) -> io::Result<Waker> {
    Waker::new(registry, token)
}

/// What a panic says.
pub(super) fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}
