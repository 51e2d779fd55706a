//! Requests that the caller's own thread sends, while the I/O thread sleeps.
//!
//! To have another thread send takes a system call to wake it and a change of threads, and where processors are few the time until it gets
//! one: all of that is between the moment at which a request was to begin and the one at which it does. It pays while there are many requests
//! at once, as the caller then has something else to do; a caller that has nothing else to do sends faster by itself. What comes back is the
//! I/O thread's in any case.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Instant;

use super::io_thread::IoThread;
use super::pool::Choice;
use super::queue::{CommandQueue, Submission, words_of};
use super::transfer::INLINE_BODY;
use crate::counts::add;
use crate::request::Request;

/// The ways to an I/O thread: its queue, and its work for those who find it asleep.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(crate) queue: Arc<CommandQueue>,
    pub(super) io: Arc<Mutex<IoThread>>,
}

impl Lane {
    /// Sends a request from here, if the I/O thread sleeps and a kept connection waits for one. Errors: the request, if not.
    #[expect(clippy::result_large_err, reason = "the request is handed back, not reported")]
    pub(crate) fn send(&self, submission: Submission) -> Result<(), Submission> {
        if !self.queue.is_asleep() || !is_short(&submission.request) {
            return Err(submission);
        }
        let mut io = match self.io.try_lock() {
            Ok(io) => io,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(submission),
        };
        // Asleep while nobody else has the lock: it has done all that this caller asked for before.
        if !self.queue.is_asleep() || !io.has_connection_for(&submission) {
            return Err(submission);
        }
        let done = catch_unwind(AssertUnwindSafe(|| io.send_here(submission)));
        let calls = match done {
            Ok(calls) => calls,
            Err(panic) => {
                // The thread ends as after a fault of its own, so that all who wait are told.
                io.fault = Some(words_of(&*panic));
                true
            }
        };
        drop(io);
        if calls {
            self.queue.wake_if_asleep();
        }
        Ok(())
    }
}

/// Whether sending it takes one short system call.
fn is_short(request: &Request) -> bool {
    request.upload.is_none() && request.body.len() <= INLINE_BODY
}

impl IoThread {
    /// To look up a host, to connect and to set up TLS is not for the caller's thread.
    fn has_connection_for(&self, submission: &Submission) -> bool {
        let Some(Some(pool)) = self.pools.get(submission.pool as usize) else { return false };
        matches!(pool.choose(&self.connections, &submission.request, false), Choice::Use(_))
    }

    /// True: the thread is to wake up, for what has come up meanwhile.
    fn send_here(&mut self, submission: Submission) -> bool {
        add(&self.counts.sent_here, 1);
        self.now = Instant::now();
        self.arrival = self.now;
        self.submit(submission);
        self.serve_waiting();
        self.completions.push_all(&mut self.batch, self.now);
        // It sleeps until what was due next when it fell asleep.
        let sooner =
            self.timers.next().is_some_and(|next| self.sleeps_until.is_none_or(|until| next < until));
        sooner || !self.again.is_empty()
    }
}
