//! The thread of a worker that cuts its numbers into seconds.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gregaria_stats::RequestStats;

use crate::clock::unix_now;
use crate::numbers::BATCH;
use crate::own::{Counts, Watch};
use crate::owner_first::OwnerFirst;
use crate::pace::Pace;
use crate::verdict::{Health, Moment};

/// Cuts the numbers of a worker into seconds, as long as it is there, and looks at how the worker fares.
#[derive(Debug)]
pub struct Cutter {
    shared: Arc<Shared>,
    stats: Arc<OwnerFirst<RequestStats>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    pace: Pace,
    ended: bool,
    health: Health,
    /// Whether it is at work for a run.
    working: bool,
}

impl Shared {
    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A second is over: how did it go?
    fn look(&self, watch: &mut Watch, counts: &Counts) {
        let (now, at) = (Instant::now(), unix_now());
        let own = watch.look(counts, now, at);
        let mut state = self.lock();
        // That thread is heard of as often as a script likes: its silence says nothing here.
        let moment = Moment { now, at, silence: 0.0 };
        if state.working {
            state.health.second(&own, moment);
        } else {
            state.health.pause(&own, moment);
        }
    }

    /// Waits until a second is over; its number. `None`: the end.
    fn wait(&self) -> Option<u64> {
        let mut state = self.lock();
        loop {
            if state.ended {
                return None;
            }
            let now = self.now();
            if let Some(number) = state.pace.turn(now) {
                return Some(number);
            }
            let left = Duration::from_secs_f64((state.pace.ends() - now).clamp(0.001, 2.0));
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Cutter {
    /// Begins with the numbers as they are. `counts` says what the program has counted of itself.
    ///
    /// # Errors
    /// If there can be no thread.
    pub fn start(
        stats: Arc<OwnerFirst<RequestStats>>,
        counts: impl Fn() -> Counts + Send + 'static,
    ) -> std::io::Result<Self> {
        let state = State { pace: Pace::new(0.0), ended: false, health: Health::default(), working: false };
        let state = Mutex::new(state);
        let shared = Arc::new(Shared { began: Instant::now(), state, changed: Condvar::new() });
        stats.own().keep_seconds(true);
        let (theirs, cut) = (Arc::clone(&shared), Arc::clone(&stats));
        let thread = std::thread::Builder::new().name("gregaria-cut".into()).spawn(move || {
            let mut watch = Watch::default();
            while let Some(number) = theirs.wait() {
                cut_off(&cut, number);
                theirs.look(&mut watch, &counts());
            }
        })?;
        Ok(Self { shared, stats, thread: Some(thread) })
    }

    /// A sign of life is sent to the master: what stands for it, and is to come back.
    pub fn beats(&self) -> f64 {
        let now = self.shared.now();
        self.shared.lock().pace.beats(now)
    }

    /// It has come back, having waited `held` seconds in the master, whose own second had `left` seconds to go.
    pub fn echo(&self, sent: f64, held: f64, left: f64) {
        let now = self.shared.now();
        self.shared.lock().pace.echo(now, sent, held, left);
        self.shared.changed.notify_all();
    }

    /// Number of the second that is open, for how many seconds it has been, and the length of a round trip to the master.
    pub fn open(&self) -> (u64, f64, f64) {
        let now = self.shared.now();
        let state = self.shared.lock();
        let (number, since) = state.pace.open(now);
        (number, since, state.pace.round_trip())
    }
}

impl Cutter {
    /// A test begins, or is over.
    pub fn works(&self, working: bool) {
        let mut state = self.shared.lock();
        if working && !state.working {
            state.health.begin();
        }
        state.working = working;
    }

    /// How this process has fared in the present test, or in the last, for the master.
    pub fn health(&self) -> String {
        self.shared.lock().health.to_json()
    }
}

/// A second is over: what is new belongs to it. The lock is the main thread's, and held for a batch at a time.
fn cut_off(stats: &OwnerFirst<RequestStats>, number: u64) {
    let slots = {
        let mut stats = stats.look();
        stats.cut_total(number);
        stats.slots()
    };
    for begin in (0..slots).step_by(BATCH) {
        stats.look().cut_entries(number, begin, begin + BATCH);
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // Its panic has been printed already.
            drop(thread.join());
        }
        self.stats.own().keep_seconds(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_knows_what_happened_in_which_second() {
        let mut stats = RequestStats::new(false, 0.0);
        let id = stats.entry_id("GET", "/", 0.0);
        let stats = Arc::new(OwnerFirst::new(stats));
        let cutter = Cutter::start(Arc::clone(&stats), Counts::default).unwrap();
        cutter.works(true);
        let until = Instant::now() + Duration::from_secs(30);
        let mut counted = 0;
        // The first one may be over before anything has happened in it.
        while cutter.open().0 < 3 {
            assert!(Instant::now() < until && stats.own().record(id, Some(1.0), 1, 0.0));
            counted += 1;
            std::thread::sleep(Duration::from_millis(5));
        }
        let seconds = {
            let mut stats = stats.own();
            drop(stats.take_report(0.0));
            stats.take_seconds().unwrap()
        };
        assert!(seconds.total.len() >= 2, "{seconds:?}");
        assert_eq!(seconds.total.iter().map(|(_, slice)| slice.requests).sum::<u64>(), counted);
        assert_eq!(seconds.names[0].seconds, seconds.total);
        let health = Health::from_json(cutter.health().as_bytes()).unwrap();
        assert!(health != Health::default(), "{health:?}");
        drop(cutter);
        assert_eq!(stats.own().take_seconds(), None);
    }
}
