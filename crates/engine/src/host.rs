//! The three ways out of the engine: who runs users, what time it is, and who hears what happens.

use std::time::Instant;

use crate::dispatch::UserClass;
use crate::run::Event;

/// Names one user of a run. Later users have greater numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u64);

/// How a user is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// After its present task; at once if it waits.
    Graceful,
    /// Now, in the middle of whatever it does.
    Kill,
}

/// A user could not be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("user of class {class} could not be started: {reason}")]
pub struct SpawnError {
    /// The class's name.
    pub class: String,
    /// What its constructor said.
    pub reason: String,
}

/// Runs users: Python's greenlets, users written in Rust, or a test's script.
pub trait UserHost {
    /// Starts a user. It ends by itself, or after [`UserHost::stop`]; either way [`UserHost::poll`] reports it.
    fn spawn(&mut self, user: UserId, class: &UserClass, now: Instant) -> Result<(), SpawnError>;

    /// Asks a user to stop and returns without waiting for its end. A user may be asked again, then more firmly.
    fn stop(&mut self, user: UserId, mode: StopMode, now: Instant);

    /// Lets users go on until `now`, reports those that have ended, and says when it wants to be polled next.
    fn poll(&mut self, now: Instant, ended: &mut Vec<UserId>) -> Option<Instant>;
}

/// Time, real or not.
pub trait Clock {
    /// The present.
    fn now(&self) -> Instant;

    /// Returns at `until` or later; a clock may return earlier if there is a reason to look again.
    fn sleep_until(&mut self, until: Instant);
}

/// Hears what happens, in order.
pub trait Observer {
    /// Something happened at `now`.
    fn on_event(&mut self, now: Instant, event: &Event);
}

/// Anything that takes two arguments will do.
impl<F: FnMut(Instant, &Event)> Observer for F {
    fn on_event(&mut self, now: Instant, event: &Event) {
        self(now, event);
    }
}
