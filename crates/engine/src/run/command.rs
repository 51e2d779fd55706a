//! What a run can be told, and what it tells.

use std::time::Duration;

use super::State;
use crate::dispatch::{DispatchError, UserClass};
use crate::host::SpawnError;
use crate::shape::Shape;

/// What a run can be told.
pub enum Command {
    /// Start a test, or lead a running one to another number of users.
    Start {
        /// How many users there should be.
        user_count: usize,
        /// How many to start or stop per second on the way there.
        spawn_rate: f64,
        /// The classes to start users of from now on; `None`: as before.
        user_classes: Option<Vec<UserClass>>,
    },
    /// Start a test that follows a shape.
    StartShape(Box<dyn Shape>),
    /// End the test this long after the command; `None` lifts the limit.
    LimitRunTime(Option<Duration>),
    /// Stop all users.
    Stop,
    /// Stop all users and end the run.
    Quit,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start { user_count, spawn_rate, .. } => {
                write!(f, "Start({user_count} users at {spawn_rate}/s)")
            }
            Self::StartShape(_) => f.write_str("StartShape"),
            Self::LimitRunTime(limit) => write!(f, "LimitRunTime({limit:?})"),
            Self::Stop => f.write_str("Stop"),
            Self::Quit => f.write_str("Quit"),
        }
    }
}

/// What a run tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The state is another one now.
    StateChanged(State),
    /// A test begins: statistics are to be cleared.
    TestStarted,
    /// The way to another number of users begins.
    RampStarted {
        /// Where it leads.
        user_count: usize,
        /// Users per second.
        spawn_rate: f64,
    },
    /// A start was refused.
    StartRefused(DispatchError),
    /// A user could not be started. The ramp ends; the users that are there go on.
    SpawnFailed(SpawnError),
    /// As many users run as were asked for.
    SpawningComplete {
        /// How many.
        user_count: usize,
    },
    /// A start of a shape was refused because there is one already.
    ShapeBusy,
    /// The shape has no more to say: the test ends.
    ShapeEnded,
    /// The run time is over: the test ends.
    RunTimeReached,
    /// The test is being stopped; users still run.
    TestStopping,
    /// The stop timeout is over and users still run: they are killed.
    StopTimedOut {
        /// How many.
        users: usize,
    },
    /// The test has been stopped; no user runs.
    TestStopped,
    /// The run is over.
    RunEnded,
}
