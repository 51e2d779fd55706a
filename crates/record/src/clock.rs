//! The clock on the wall.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Unix time in seconds.
pub fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The next whole second of the wall clock, by the clock that does not jump.
pub(crate) fn next_second() -> Instant {
    let fraction = unix_now().fract();
    Instant::now() + std::time::Duration::from_secs_f64((1.0 - fraction).clamp(0.05, 1.0))
}
