//! Time that passes when a test says so.

use std::time::{Duration, Instant};

use gregaria_engine::host::Clock;

/// A clock that jumps to wherever somebody wants to sleep until: hours of a run take milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct VirtualClock {
    start: Instant,
    now: Instant,
}

impl VirtualClock {
    /// A clock that stands at zero.
    pub fn new() -> Self {
        let start = Instant::now();
        Self { start, now: start }
    }

    /// How far it has come.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// The moment at which it stood at zero.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        self.now
    }

    fn sleep_until(&mut self, until: Instant) {
        self.now = self.now.max(until);
    }
}
