//! What the thread that runs the users counts of itself; other threads read it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use gregaria_http::{Counted, Counts as ClientCounts};
use gregaria_record::{Counts, DELAYS, Delays};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Of this process: there is one thread that runs users.
static HERE: Here = Here::new();
/// Of its clients.
static CLIENTS: LazyLock<Arc<ClientCounts>> = LazyLock::new(Arc::default);

struct Here {
    lag: Delayed,
    starts: Delayed,
    turns: AtomicU64,
    completions: AtomicU64,
    lock_waits: AtomicU64,
    lock_nanos: AtomicU64,
}

struct Delayed {
    counts: [AtomicU64; DELAYS],
    nanos: AtomicU64,
    most: AtomicU64,
}

impl Here {
    const fn new() -> Self {
        Self {
            lag: Delayed::new(),
            starts: Delayed::new(),
            turns: AtomicU64::new(0),
            completions: AtomicU64::new(0),
            lock_waits: AtomicU64::new(0),
            lock_nanos: AtomicU64::new(0),
        }
    }
}

impl Delayed {
    const fn new() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; DELAYS],
            nanos: AtomicU64::new(0),
            most: AtomicU64::new(0),
        }
    }

    #[inline]
    fn add(&self, delay: Duration) {
        let nanos = delay.as_nanos() as u64;
        add(&self.counts[Delays::place(nanos)], 1);
        add(&self.nanos, nanos);
        if nanos > self.most.load(Ordering::Relaxed) {
            self.most.store(nanos, Ordering::Relaxed);
        }
    }

    fn look(&self) -> Delays {
        Delays {
            counts: std::array::from_fn(|place| now(&self.counts[place])),
            nanos: now(&self.nanos),
            most_nanos: now(&self.most),
        }
    }

    fn take(&self) -> Delays {
        Delays { most_nanos: self.most.swap(0, Ordering::Relaxed), ..self.look() }
    }

    fn forget(&self) {
        self.counts
            .iter()
            .chain([&self.nanos, &self.most])
            .for_each(|count| count.store(0, Ordering::Relaxed));
    }
}

#[inline]
fn add(to: &AtomicU64, count: u64) {
    to.fetch_add(count, Ordering::Relaxed);
}

fn now(of: &AtomicU64) -> u64 {
    of.load(Ordering::Relaxed)
}

/// Where clients of this process count.
pub(crate) fn of_clients() -> Arc<ClientCounts> {
    Arc::clone(&CLIENTS)
}

/// Whether the clock is to be looked at for the sake of [`taken_up`] alone: every eighth turn. It is looked at anyway while anybody
/// waits.
#[inline]
pub(super) fn is_looked_at() -> bool {
    HERE.turns.load(Ordering::Relaxed).is_multiple_of(8)
}

/// So many completions were taken up at once, the first of which has waited since that moment.
#[inline]
pub(super) fn taken_up(completions: usize, since: Option<Instant>, now: Option<Instant>) {
    add(&HERE.turns, 1);
    add(&HERE.completions, completions as u64);
    if let Some((since, now)) = since.zip(now) {
        HERE.lag.add(now.saturating_duration_since(since));
    }
}

/// A task begins now, after a wait that was to end at that moment.
#[inline]
pub(crate) fn begins(due: Instant) {
    HERE.starts.add(due.elapsed());
}

/// The statistics' lock was waited for since that moment.
#[cold]
pub(crate) fn locked(since: Instant) {
    add(&HERE.lock_waits, 1);
    add(&HERE.lock_nanos, since.elapsed().as_nanos() as u64);
}

/// All of it, for the recorder: what was most is counted anew from now on.
pub(crate) fn take() -> Counts {
    Counts { lag: HERE.lag.take(), starts: HERE.starts.take(), ..of(CLIENTS.take()) }
}

/// All of it, for anybody.
pub(crate) fn look() -> Counts {
    Counts { lag: HERE.lag.look(), starts: HERE.starts.look(), ..of(CLIENTS.look()) }
}

fn of(clients: Counted) -> Counts {
    Counts {
        turns: now(&HERE.turns),
        completions: now(&HERE.completions),
        most_completions: clients.most_completions,
        wakes: clients.wakes,
        rounds: clients.rounds,
        commands: clients.commands,
        most_commands: clients.most_commands,
        calls: clients.calls,
        lock_waits: now(&HERE.lock_waits),
        lock_nanos: now(&HERE.lock_nanos),
        connections: clients.connections,
        ..Counts::default()
    }
}

/// What only grows of it, by name: for benchmarks.
#[pyfunction]
fn counted(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let clients = CLIENTS.look();
    let dict = PyDict::new(py);
    for (name, count) in [
        ("turns", now(&HERE.turns)),
        ("completions", now(&HERE.completions)),
        ("wakes", clients.wakes),
        ("rounds", clients.rounds),
        ("commands", clients.commands),
        ("calls", clients.calls),
        ("sent_here", clients.sent_here),
        ("lock_waits", now(&HERE.lock_waits)),
    ] {
        dict.set_item(name, count)?;
    }
    Ok(dict)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(counted, m)?)
}

/// In a child that was forked: what was counted is the parent's.
pub(super) fn forget() {
    let Here { lag, starts, turns, completions, lock_waits, lock_nanos } = &HERE;
    lag.forget();
    starts.forget();
    for count in [turns, completions, lock_waits, lock_nanos] {
        count.store(0, Ordering::Relaxed);
    }
    CLIENTS.forget();
}
