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

/// Which run, when it began and when it was over. Moments are unix seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// Counts up from 1.
    pub number: u32,
    /// When it left rest.
    pub began: f64,
    /// When it came back to it; `None`: it goes on.
    pub ended: Option<f64>,
}

/// What entering a state means for the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Transition {
    /// A run has begun.
    Began(Mark),
    /// The run is over.
    Ended(Mark),
    /// It goes on as before, or still does not.
    Within,
}

/// The one place that knows where a run is. It does nothing by itself: whoever runs the users tells it of each start and
/// end, and asks what a step of the plan demands.
#[derive(Debug, Default)]
pub struct Run {
    state: State,
    before: u32,
    mark: Option<Mark>,
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

    /// The run of somebody who takes over after so many.
    pub fn after(runs: u32) -> Self {
        Self { before: runs, ..Self::default() }
    }

    /// The present run, or the last; `None` before the first.
    pub fn mark(&self) -> Option<Mark> {
        self.mark
    }

    /// Which run this is; those of whoever was taken over from count, too. 0 before the first.
    pub fn number(&self) -> u32 {
        self.mark.map_or(self.before, |mark| mark.number)
    }

    /// Enters a state at `now`, unix seconds. A run begins when rest is left and is over when it comes back; when users are to stop, the
    /// ramp that is under way ends. Scripts may enter any state from any other, so none is refused.
    pub fn enter(&mut self, state: State, now: f64) -> Transition {
        if matches!(state, State::Cleanup | State::Stopping) {
            self.ramp += 1;
        }
        let (rested, rests) = (self.state.is_at_rest(), state.is_at_rest());
        self.state = state;
        match (rested, rests) {
            (true, false) => {
                let mark = Mark { number: self.number() + 1, began: now, ended: None };
                self.mark = Some(mark);
                Transition::Began(mark)
            }
            (false, true) => match &mut self.mark {
                Some(mark) => {
                    mark.ended = Some(now);
                    Transition::Ended(*mark)
                }
                None => Transition::Within,
            },
            _ => Transition::Within,
        }
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
