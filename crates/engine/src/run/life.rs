//! What a run is doing, who runs in it, and what follows from a step of its plan.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Population, State};

/// How often users that ended by themselves are replaced during a ramp, however fine its steps are: a user whose
/// `on_start` fails would otherwise be started anew a hundred times a second.
const REPLACING: Duration = Duration::from_secs(1);

/// Names one way to another number of users. A later one takes its place, and so does a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RampId(u64);

impl RampId {
    /// The number that stands for it elsewhere.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The ramp of a number that [`RampId::to_bits`] gave.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// What has to be done so that as many users run as planned: users to start and to stop, by class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes<'a> {
    /// In the order of the plan.
    pub spawn: Vec<(&'a str, u32)>,
    /// In the order of the plan.
    pub stop: Vec<(&'a str, u32)>,
}

/// The one place that knows where a run is. It does nothing by itself: whoever runs the users tells it of each start and
/// end, and asks what a step of the plan demands.
#[derive(Debug, Default)]
pub struct Run {
    state: State,
    ramp: u64,
    population: Population,
    /// What the last step planned, by class.
    planned: BTreeMap<Box<str>, u32>,
    /// When users that ended by themselves are replaced next; at the first step of a ramp if not set.
    replacing_at: Option<Instant>,
}

impl Run {
    /// Where the run is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Enters a state. With [`State::Cleanup`] the ramp that is under way ends.
    pub fn enter(&mut self, state: State) {
        if state == State::Cleanup {
            self.ramp += 1;
        }
        self.state = state;
    }

    /// Begins a ramp, in place of one that may be under way. Also says whether a test begins with it.
    pub fn begin_ramp(&mut self) -> (RampId, bool) {
        self.ramp += 1;
        self.replacing_at = None;
        (RampId(self.ramp), !self.state.is_testing())
    }

    /// Whether a ramp is still to be followed.
    pub fn is_current(&self, ramp: RampId) -> bool {
        ramp.0 == self.ramp
    }

    /// The users that run.
    pub fn population(&self) -> &Population {
        &self.population
    }

    /// The users that run, to be told of starts and ends.
    pub fn population_mut(&mut self) -> &mut Population {
        &mut self.population
    }

    /// What a step of the plan (users of each class, whole) demands at `now`. In a `gradual` ramp, whose steps are finer
    /// than a second, users that ended by themselves are replaced once a second; else at every step.
    pub fn follow<'a>(&mut self, plan: &[(&'a str, u32)], now: Instant, gradual: bool) -> Changes<'a> {
        let replacing = !gradual || self.replacing_at.is_none_or(|at| at <= now);
        if replacing {
            self.replacing_at = Some(now + REPLACING);
        }
        let mut changes = Changes::default();
        for &(class, count) in plan {
            let live = self.population.count(class);
            let mut missing = count.saturating_sub(live);
            if !replacing {
                let before = self.planned.get(class).copied().unwrap_or(0);
                missing = missing.min(count.saturating_sub(before));
            }
            if missing > 0 {
                changes.spawn.push((class, missing));
            }
            if live > count {
                changes.stop.push((class, live - count));
            }
        }
        self.planned = plan.iter().map(|&(class, count)| (class.into(), count)).collect();
        changes
    }
}
