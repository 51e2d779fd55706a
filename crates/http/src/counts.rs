//! What a client counts of itself, so that somebody can tell whether the load generator keeps up.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of a client, for whoever holds them to read at any time. They only grow, but for those that say otherwise.
#[derive(Debug, Default)]
pub struct Counts {
    pub(crate) rounds: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) most_commands: AtomicU64,
    pub(crate) calls: AtomicU64,
    pub(crate) sent_here: AtomicU64,
    pub(crate) wakes: AtomicU64,
    pub(crate) most_completions: AtomicU64,
    pub(crate) connections: AtomicU64,
}

/// The same as plain numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// How often an I/O thread took commands.
    pub rounds: u64,
    /// Commands taken.
    pub commands: u64,
    /// Most commands that waited for an I/O thread at a time, since this was last asked for.
    pub most_commands: u64,
    /// How often an I/O thread was woken by a caller.
    pub calls: u64,
    /// Requests that a caller has sent by itself.
    pub sent_here: u64,
    /// How often the caller was woken.
    pub wakes: u64,
    /// Most completions that waited for the caller at a time, since this was last asked for.
    pub most_completions: u64,
    /// Connections that there are now.
    pub connections: u64,
}

impl Counts {
    /// The numbers now. The most of something is asked for by one only: it begins anew with that.
    pub fn take(&self) -> Counted {
        let most = |of: &AtomicU64| of.swap(0, Ordering::Relaxed);
        Counted {
            most_commands: most(&self.most_commands),
            most_completions: most(&self.most_completions),
            ..self.look()
        }
    }

    /// The numbers now, for anybody.
    pub fn look(&self) -> Counted {
        let now = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Counted {
            rounds: now(&self.rounds),
            commands: now(&self.commands),
            most_commands: now(&self.most_commands),
            calls: now(&self.calls),
            sent_here: now(&self.sent_here),
            wakes: now(&self.wakes),
            most_completions: now(&self.most_completions),
            connections: now(&self.connections),
        }
    }

    /// In a child that was forked: what was counted is the parent's.
    pub fn forget(&self) {
        let Self { rounds, commands, most_commands, calls, sent_here, wakes, most_completions, connections } =
            self;
        for count in [rounds, commands, most_commands, calls, sent_here, wakes, most_completions, connections]
        {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// Commands were taken.
    pub(crate) fn taken(&self, commands: usize) {
        let commands = commands as u64;
        add(&self.rounds, 1);
        add(&self.commands, commands);
        self.most_commands.fetch_max(commands, Ordering::Relaxed);
    }

    pub(crate) fn opened(&self) {
        add(&self.connections, 1);
    }

    pub(crate) fn closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) fn add(to: &AtomicU64, count: u64) {
    to.fetch_add(count, Ordering::Relaxed);
}
