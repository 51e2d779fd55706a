//! How many users to add or remove at a time, and when.

use std::time::{Duration, Instant};

/// The grain of a ramp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Users that are due within this time are added together.
    pub grain: Duration,
    /// How far a ramp that fell behind (slow constructors, a busy process) may catch up; beyond it the schedule moves.
    pub catch_up: Duration,
}

impl Pace {
    /// Locust's: the users of each second at its start, and no catching up.
    pub const PER_SECOND: Self = Self { grain: Duration::from_secs(1), catch_up: Duration::ZERO };

    /// One user at a time, evenly spaced; above a hundred a second, a hundred even batches a second.
    pub const EVEN: Self = Self { grain: Duration::from_millis(10), catch_up: Duration::from_secs(1) };
}

/// The steps of one ramp: when each is due and how many users it covers.
#[derive(Clone, Debug)]
pub struct Ramp {
    per_step: usize,
    interval: Duration,
    catch_up: Duration,
    due: Option<Instant>,
}

impl Ramp {
    /// A ramp of `rate` users per second (finite and positive). Its time begins with the first step.
    pub fn new(rate: f64, pace: Pace) -> Self {
        let per_step = (rate * pace.grain.as_secs_f64()).floor().max(1.0);
        // A rate below one in a million years is no use to anybody, but must not panic.
        let interval = Duration::try_from_secs_f64(per_step / rate).unwrap_or(Duration::MAX);
        Self { per_step: per_step as usize, interval, catch_up: pace.catch_up, due: None }
    }

    /// A ramp of one step for all users (whoever leaves meanwhile is replaced a second later).
    pub fn at_once(users: usize) -> Self {
        Self { per_step: users.max(1), interval: Duration::from_secs(1), catch_up: Duration::ZERO, due: None }
    }

    /// How many users one step adds or removes.
    pub fn per_step(&self) -> usize {
        self.per_step
    }

    /// The time from one step to the next.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Replaces the time from one step to the next.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// When the next step is due; `None` means at once.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Notes that a step begins now and sets when the next one is due.
    pub fn step(&mut self, now: Instant) {
        let due = self.due.unwrap_or(now);
        let earliest = now.checked_sub(self.catch_up).unwrap_or(now);
        let base = due.max(earliest).min(now);
        self.due = Some(base.checked_add(self.interval).unwrap_or_else(|| far_future(now)));
    }
}

/// A moment that no run lives to see.
fn far_future(now: Instant) -> Instant {
    const HUNDRED_YEARS: Duration = Duration::from_hours(100 * 365 * 24);
    now + HUNDRED_YEARS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_the_second_a_step_is_the_whole_part_of_the_rate() {
        for (rate, per_step, interval) in
            [(0.5, 1, 2.0), (1.0, 1, 1.0), (2.4, 2, 2.0 / 2.4), (9.0, 9, 1.0), (120.0, 120, 1.0)]
        {
            let ramp = Ramp::new(rate, Pace::PER_SECOND);
            assert_eq!(ramp.per_step(), per_step);
            assert_eq!(ramp.interval(), Duration::from_secs_f64(interval));
        }
    }

    #[test]
    fn evenly_a_step_is_one_user_up_to_a_hundred_a_second() {
        for (rate, per_step, interval) in [(0.5, 1, 2.0), (2.0, 1, 0.5), (100.0, 1, 0.01), (1000.0, 10, 0.01)]
        {
            let ramp = Ramp::new(rate, Pace::EVEN);
            assert_eq!(ramp.per_step(), per_step);
            assert_eq!(ramp.interval(), Duration::from_secs_f64(interval));
        }
    }

    #[test]
    fn a_late_step_does_not_make_the_ramp_late() {
        let t = Instant::now();
        let mut ramp = Ramp::new(10.0, Pace::EVEN);
        ramp.step(t);
        ramp.step(t + Duration::from_millis(250));
        assert_eq!(ramp.due(), Some(t + Duration::from_millis(200)));
    }

    #[test]
    fn a_ramp_that_fell_far_behind_moves_its_schedule() {
        let t = Instant::now();
        let mut ramp = Ramp::new(10.0, Pace::EVEN);
        ramp.step(t);
        ramp.step(t + Duration::from_mins(1));
        assert_eq!(ramp.due(), Some(t + Duration::from_millis(59_100)));
    }

    #[test]
    fn by_the_second_the_wait_is_measured_from_the_step_before() {
        let t = Instant::now();
        let mut ramp = Ramp::new(2.0, Pace::PER_SECOND);
        ramp.step(t);
        ramp.step(t + Duration::from_millis(1700));
        assert_eq!(ramp.due(), Some(t + Duration::from_millis(2700)));
    }

    #[test]
    fn absurdly_slow_rates_are_no_panic() {
        let mut ramp = Ramp::new(1e-300, Pace::EVEN);
        ramp.step(Instant::now());
        assert!(ramp.due().is_some());
    }

    proptest! {
        #[test]
        fn never_runs_ahead_of_the_rate_by_more_than_a_grain(rate in 0.01_f64..20_000.0, steps in 1_usize..200) {
            let t = Instant::now();
            let mut ramp = Ramp::new(rate, Pace::EVEN);
            let mut users = 0;
            for _ in 0..steps {
                let now = ramp.due().unwrap_or(t);
                users += ramp.per_step();
                let allowed = rate * (now - t).as_secs_f64() + (rate * 0.01).max(1.0);
                prop_assert!(users as f64 <= allowed + 1e-3, "{} users where {} are due", users, allowed);
                ramp.step(now);
            }
        }
    }
}
