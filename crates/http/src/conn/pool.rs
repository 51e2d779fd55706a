//! A session's connections, and who waits for one.

use std::collections::VecDeque;

use super::connection::Connection;
use super::job::Job;
use super::slab::{Key, Slab};
use crate::request::Request;
use crate::session::PoolOptions;

/// How many origins' worth of idle connections a pool keeps, as requests does.
const ORIGINS_KEPT: usize = 10;

/// The connections of one session (or of several that share them), idle, busy and in the making.
#[derive(Debug)]
pub(super) struct Pool {
    options: PoolOptions,
    /// All of them.
    pub(super) connections: Vec<Key>,
    /// Those without an exchange, the one used last at the end.
    idle: Vec<Key>,
    /// Exchanges without a connection, first come, first served.
    pub(super) waiting: VecDeque<Key>,
    /// Streamed exchanges that need no connection any more but whose body has not been collected.
    pub(super) detached: Vec<Key>,
}

/// Where an exchange is to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Use(Key),
    Open,
    Wait,
}

impl Pool {
    pub(super) fn new(options: PoolOptions) -> Self {
        Self {
            options: PoolOptions {
                keep: options.keep.max(1),
                limit: options.limit.map(|limit| limit.max(1)),
            },
            connections: Vec::new(),
            idle: Vec::new(),
            waiting: VecDeque::new(),
            detached: Vec::new(),
        }
    }

    /// A connection for `request`: the idle one used last, or room for a new one. `fresh` passes over idle ones.
    pub(super) fn choose(&self, connections: &Slab<Connection>, request: &Request, fresh: bool) -> Choice {
        let serves = |key: &&Key| {
            connections.get(**key).is_some_and(|connection| !connection.closing && connection.serves(request))
        };
        if !fresh && let Some(key) = self.idle.iter().rev().find(serves) {
            return Choice::Use(*key);
        }
        let Some(limit) = self.options.limit else { return Choice::Open };
        if self.connections.len() < limit || self.connections.iter().filter(serves).count() < limit {
            Choice::Open
        } else {
            Choice::Wait
        }
    }

    /// A connection has become idle. False: there are enough idle ones that lead where it leads; it is to be closed.
    pub(super) fn put_back(&mut self, connections: &Slab<Connection>, key: Key) -> bool {
        if self.idle.len() >= self.options.keep
            && let Some(connection) = connections.get(key)
        {
            let alike =
                |other: &&Key| connections.get(**other).is_some_and(|other| other.leads_as(connection));
            if self.idle.iter().filter(alike).count() >= self.options.keep {
                return false;
            }
        }
        self.idle.push(key);
        true
    }

    /// A connection is idle no more.
    pub(super) fn take_out(&mut self, key: Key) {
        if let Some(index) = self.idle.iter().rposition(|&other| other == key) {
            self.idle.remove(index);
        }
    }

    /// An idle connection to close because there are too many of them: the one unused for longest.
    pub(super) fn surplus(&self) -> Option<Key> {
        let kept = ORIGINS_KEPT.saturating_mul(self.options.keep);
        if self.idle.len() <= kept { None } else { self.idle.first().copied() }
    }

    pub(super) fn forget(&mut self, key: Key) {
        self.connections.retain(|&other| other != key);
        self.take_out(key);
    }

    /// All exchanges, wherever they are, that `matches` says.
    pub(super) fn jobs(
        &self,
        connections: &Slab<Connection>,
        jobs: &Slab<Box<Job>>,
        matches: impl Fn(&Job) -> bool,
    ) -> Vec<Key> {
        let busy = self.connections.iter().filter_map(|&key| connections.get(key)?.job);
        let all = busy.chain(self.waiting.iter().copied()).chain(self.detached.iter().copied());
        all.filter(|&key| jobs.get(key).is_some_and(|job| matches(job))).collect()
    }
}
