//! Something that happens once per period.

use std::time::{Duration, Instant};

/// Ticks at the start and then once per period, without drift; ticks that were missed are skipped, not caught up.
#[derive(Clone, Copy, Debug)]
pub struct Ticker {
    period: Duration,
    due: Instant,
}

impl Ticker {
    /// The first tick is due now. `period` must not be zero.
    pub fn new(period: Duration, now: Instant) -> Self {
        Self { period, due: now }
    }

    /// When the next tick is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Whether a tick is due, which is taken by asking.
    pub fn tick(&mut self, now: Instant) -> bool {
        if now < self.due {
            return false;
        }
        let missed = (now - self.due).as_nanos() / self.period.as_nanos().max(1);
        self.due += self.period * u32::try_from(missed + 1).unwrap_or(u32::MAX);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_to_its_grid_and_skips_what_it_missed() {
        let t = Instant::now();
        let second = Duration::from_secs(1);
        let mut ticker = Ticker::new(second, t);
        assert!(ticker.tick(t));
        assert!(!ticker.tick(t + second / 2));
        assert!(ticker.tick(t + second + second / 10));
        assert_eq!(ticker.due(), t + 2 * second);
        assert!(ticker.tick(t + 5 * second + second / 2));
        assert_eq!(ticker.due(), t + 6 * second);
    }
}
