//! What callers ask of an I/O thread.

use std::time::Duration;

use super::io_thread::IoThread;
use super::job::Job;
use super::pool::Pool;
use super::queue::{Command, Submission};
use crate::error::{ErrorKind, Failure};
use crate::method::Method;
use crate::session::unix_now;

/// How often the wall clock is read, to follow its adjustments.
const CLOCK_REFRESH: Duration = Duration::from_secs(1);

impl IoThread {
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Submit(submission) => self.submit(submission),
            Command::OpenPool { pool, options } => {
                let index = pool as usize;
                if self.pools.len() <= index {
                    self.pools.resize_with(index + 1, || None);
                }
                self.pools[index] = Some(Pool::new(options));
            }
            Command::Cancel { pool, id } => self.cancel(pool, |job| job.id == id),
            Command::EndSession { pool, session } => self.cancel(pool, |job| job.session == session),
            Command::ReadBody { pool, id } => {
                let Some(Some(found)) = self.pools.get(pool as usize) else { return };
                if let [job, ..] = found.jobs(&self.connections, &self.jobs, |job| job.id == id)[..] {
                    self.read_body(job);
                }
            }
            Command::Feed { pool, id, piece } => {
                let Some(Some(found)) = self.pools.get(pool as usize) else { return };
                if let [job, ..] = found.jobs(&self.connections, &self.jobs, |job| job.id == id)[..] {
                    self.give(job, piece);
                }
            }
            Command::CloseConnections { pool } => self.close_connections(pool),
            Command::ClosePool { pool } => {
                self.cancel(pool, |_| true);
                self.close_connections(pool);
                if let Some(slot) = self.pools.get_mut(pool as usize) {
                    *slot = None;
                }
                self.queue.release_pool(pool);
            }
            Command::Resolved { connection, lookup } => self.resolved(connection, lookup),
            Command::Shutdown => {}
        }
    }

    pub(super) fn submit(&mut self, submission: Submission) {
        if self.now.saturating_duration_since(self.clock.0) > CLOCK_REFRESH {
            self.clock = (self.now, unix_now());
        }
        let (anchor, unix) = self.clock;
        // The caller's moment may be before the anchor.
        let start_unix = match submission.at.checked_duration_since(anchor) {
            Some(after) => unix + after.as_secs_f64(),
            None => unix - anchor.saturating_duration_since(submission.at).as_secs_f64(),
        };
        let spoiled = matches!(&submission.request.method, Method::Other(name) if Method::new(name).is_err());
        let job = match self.retired.pop() {
            Some(mut job) => {
                job.renew(submission, start_unix);
                job
            }
            None => Job::new(submission, start_unix, &self.budget),
        };
        let key = self.jobs.insert(job);
        if spoiled {
            let text = "method cannot stand in a request line";
            return self.fail(key, Failure::with_message(ErrorKind::InvalidRequest, text));
        }
        self.begin(key, false);
    }

    /// Forgets the jobs of a pool that `matches` says, and closes their connections.
    fn cancel(&mut self, pool: u32, matches: impl Fn(&Job) -> bool) {
        let Some(Some(found)) = self.pools.get(pool as usize) else { return };
        for key in found.jobs(&self.connections, &self.jobs, matches) {
            self.remove_job(key);
        }
        self.free(pool);
    }

    fn close_connections(&mut self, pool: u32) {
        let Some(Some(found)) = self.pools.get(pool as usize) else { return };
        for key in found.connections.clone() {
            let Some(connection) = self.connections.get_mut(key) else { continue };
            if connection.is_idle() {
                self.close(key);
            } else {
                connection.closing = true;
            }
        }
        // A connection that is to be closed leaves room for another.
        self.free(pool);
    }
}
