//! How one process of the generator fared in a run, as sums: a worker's come with its reports.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::limits;
use crate::dto;
use crate::own::{Counts, DELAYS, Delays, Own};

/// A thread that is on a processor for more than this share of a second has little left to give.
pub(super) const HIGH: f64 = 0.85;
/// One that is for more than this has nothing left.
pub(super) const FULL: f64 = 0.95;
/// The thread that runs the users says how it is once a second; after so many seconds without, it is kept busy.
pub(super) const SILENCE: f64 = 3.0;
/// The wall clock was set if it went by so many seconds more or less than time did.
const STEP: f64 = 1.0;
/// The kinds of threads by which a generator is limited.
pub(super) const KINDS: [&str; 2] = ["main", "io"];

/// When a look was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// By the clock that does not jump.
    pub(crate) now: Instant,
    /// Unix seconds.
    pub(crate) at: f64,
    /// How long ago the thread that runs the users last said how it is, in seconds.
    pub(crate) silence: f64,
}

/// The busiest thread of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Busy {
    /// Sum of the shares of each second that it was on a processor.
    pub(super) busy: f64,
    /// The same, that the threads of the kind were ready without a processor.
    pub(super) waited: f64,
    /// Seconds in which it had little left to give.
    pub(super) high: u32,
    /// Nothing.
    pub(super) full: u32,
}

/// How one process fared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// Seconds that were looked at.
    pub(super) looks: u32,
    /// By kind of thread: one of [`KINDS`].
    pub(super) threads: BTreeMap<String, Busy>,
    /// How late answers were taken up, by length.
    pub(super) lag: [u64; DELAYS],
    /// How late tasks began, by length.
    pub(super) starts: [u64; DELAYS],
    /// Seconds in which the thread that runs the users had been silent for long.
    pub(super) silent: u32,
    /// For how many seconds it was.
    pub(super) silence: f64,
    /// How often the wall clock was set.
    pub(super) steps: u32,
    /// By how many seconds at most.
    pub(super) step: f64,
    /// Most connections at a time.
    pub(super) connections: u64,
    /// Files and connections that it may have.
    pub(super) descriptors: Option<u64>,
    /// Connections that it may have to one address.
    pub(super) ports: Option<u64>,
    #[serde(skip)]
    before: Option<Before>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Before {
    counts: Counts,
    now: Instant,
    at: f64,
}

impl Health {
    /// A run begins: what was before it counts no longer.
    pub(crate) fn begin(&mut self) {
        *self = Self { before: self.before, ..Self::default() };
    }

    /// A second of a run is over. Of the first look of a program nothing is known but what is now.
    pub(crate) fn second(&mut self, own: &Own, moment: Moment) {
        let this = Before { counts: own.counts, now: moment.now, at: moment.at };
        let Some(before) = self.before.replace(this) else { return };
        if self.looks == 0 {
            (self.descriptors, self.ports) = (limits::descriptors(), limits::ports());
        }
        self.looks += 1;
        for (kind, share) in own.busiest.iter().filter(|(kind, _)| KINDS.contains(&&**kind)) {
            let busy = self.threads.entry(kind.clone()).or_default();
            busy.busy += share.min(1.0);
            busy.waited += own.second.cpu_wait.get(kind).copied().unwrap_or_default();
            busy.high += u32::from(*share > HIGH);
            busy.full += u32::from(*share > FULL);
        }
        let add = |sums: &mut [u64; DELAYS], now: &[u64; DELAYS], before: &[u64; DELAYS]| {
            for ((sum, now), before) in sums.iter_mut().zip(now).zip(before) {
                *sum += now.saturating_sub(*before);
            }
        };
        add(&mut self.lag, &own.counts.lag.counts, &before.counts.lag.counts);
        add(&mut self.starts, &own.counts.starts.counts, &before.counts.starts.counts);
        self.silent += u32::from(moment.silence > SILENCE);
        self.silence = self.silence.max(moment.silence);
        let step = (moment.at - before.at) - moment.now.duration_since(before.now).as_secs_f64();
        if step.abs() > STEP {
            self.steps += 1;
            self.step = if step.abs() > self.step.abs() { step } else { self.step };
        }
        self.connections = self.connections.max(own.counts.connections);
    }

    /// No second of a run: only what is now is noted.
    pub(crate) fn pause(&mut self, own: &Own, moment: Moment) {
        self.before = Some(Before { counts: own.counts, now: moment.now, at: moment.at });
    }

    /// The busiest thread's mean share of the time; `None` if nobody looked.
    pub(super) fn load(&self) -> Option<f64> {
        let most = self.threads.values().map(|busy| busy.busy).fold(0.0, f64::max);
        (self.looks > 0).then(|| most / f64::from(self.looks))
    }

    /// What there is to show of it.
    pub(super) fn figures(&self, id: &str) -> dto::WorkerHealth {
        let mean = |kind: &str| {
            let busy = self.threads.get(kind).map_or(0.0, |busy| busy.busy);
            busy / f64::from(self.looks.max(1))
        };
        dto::WorkerHealth {
            id: id.to_owned(),
            seconds: self.looks.into(),
            main: mean("main"),
            io: mean("io"),
            full: self.threads.values().map(|busy| busy.full).max().unwrap_or(0).into(),
            lag: within(&self.lag, 0.99),
            start_delay: within(&self.starts, 0.99),
            late: self.starts.iter().skip(LATE).sum(),
            connections: self.connections,
        }
    }

    /// From what a worker says. `None`: it cannot be so.
    pub fn from_json(text: &[u8]) -> Option<Self> {
        let health: Self = serde_json::from_slice(text).ok()?;
        let numbers = health.threads.values().flat_map(|busy| [busy.busy, busy.waited]);
        let sound = numbers.chain([health.silence, health.step]).all(f64::is_finite)
            && health.lag.iter().chain(&health.starts).all(|&count| count < 1 << 53)
            && health.threads.keys().all(|kind| KINDS.contains(&&**kind));
        sound.then_some(health)
    }

    /// For the master.
    pub fn to_json(&self) -> String {
        // Plain numbers under plain keys: nothing that could not be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Delays longer than the lengths before this one are late.
const LATE: usize = 6;

/// So many of all delays were no longer than this, in ms; the longest that are told apart have no end, and are said to be as long as
/// those before them.
fn within(delays: &[u64; DELAYS], share: f64) -> f64 {
    let wanted = (delays.iter().sum::<u64>() as f64 * share).ceil() as u64;
    let mut seen = 0;
    let place = delays.iter().position(|&count| {
        seen += count;
        seen >= wanted
    });
    let place = place.unwrap_or(0).min(DELAYS - 2);
    if wanted == 0 { 0.0 } else { Delays::end(place) * 1e3 }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn own(main: f64, late: u64) -> Own {
        let mut own = Own { busiest: vec![("main".into(), main), ("web".into(), 1.0)], ..Own::default() };
        own.counts.starts.counts[8] = late;
        own.second.cpu_wait = [("main".to_owned(), 0.25)].into();
        own
    }

    #[test]
    fn seconds_add_up_and_go_to_the_master_as_they_are() {
        let begin = Instant::now();
        let mut health = Health::default();
        let moment = |second: u32, step: f64| Moment {
            now: begin + Duration::from_secs(second.into()),
            at: 1_000.0 + f64::from(second) + step,
            silence: f64::from(second),
        };
        health.pause(&own(1.0, 5), moment(0, 0.0));
        health.second(&own(0.9, 7), moment(1, 0.0));
        health.second(&own(0.97, 10), moment(2, -3_600.0));
        health.second(&own(0.5, 10), moment(4, -3_600.0));
        let busy = health.threads["main"];
        assert_eq!((health.looks, busy.high, busy.full, health.threads.len()), (3, 2, 1, 1));
        assert_eq!((busy.waited, health.starts[8], health.steps, health.step), (0.75, 5, 1, -3_600.0));
        assert_eq!((health.silent, health.silence), (1, 4.0));
        assert!((health.load().unwrap() - 0.79).abs() < 1e-9);
        let shown = health.figures("w_1");
        assert_eq!((shown.seconds, shown.full, shown.late, shown.lag, shown.io), (3, 1, 5, 0.0, 0.0));
        assert_eq!((shown.start_delay, (shown.main * 100.0).round()), (64.0, 79.0));
        let there = Health::from_json(health.to_json().as_bytes()).unwrap();
        assert_eq!(there, Health { before: None, ..health.clone() });
        health.begin();
        assert_eq!((health.looks, health.load()), (0, None));
    }

    #[test]
    fn a_worker_is_not_believed_everything() {
        let huge = format!(r#"{{"lag": [{}]}}"#, vec![u64::MAX.to_string(); DELAYS].join(","));
        for text in ["", "7", &huge, r#"{"looks": -1}"#, r#"{"threads": {"x": {}}}"#, r#"{"lag": [1]}"#] {
            assert_eq!(Health::from_json(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Health::from_json(b"{}"), Some(Health::default()));
    }
}
