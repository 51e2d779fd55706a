//! Shapes: the number of users as a function of time.

use std::time::{Duration, Instant};

use crate::dispatch::UserClass;
use crate::run::Ticker;

/// What a shape asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct ShapeStep {
    /// How many users there should be.
    pub user_count: usize,
    /// How many to start or stop per second on the way there.
    pub spawn_rate: f64,
    /// The classes to start users of from now on, if not all.
    pub user_classes: Option<Vec<UserClass>>,
}

/// Says how many users there should be.
pub trait Shape {
    /// Asked about once a second; `None` ends the test.
    fn tick(&mut self, run_time: Duration, user_count: usize) -> Option<ShapeStep>;
}

impl<F: FnMut(Duration, usize) -> Option<ShapeStep>> Shape for F {
    fn tick(&mut self, run_time: Duration, user_count: usize) -> Option<ShapeStep> {
        self(run_time, user_count)
    }
}

/// What follows from a shape's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ShapeVerdict {
    /// The same as before: a ramp that is under way goes on.
    Unchanged,
    /// A new ramp.
    Follow(ShapeStep),
    /// The test ends.
    End,
}

/// Asks a shape once a second and notices when its answer changes.
pub(crate) struct ShapeDriver {
    shape: Box<dyn Shape>,
    began: Instant,
    ticker: Ticker,
    last: Option<ShapeStep>,
}

impl std::fmt::Debug for ShapeDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShapeDriver")
            .field("ticker", &self.ticker)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl ShapeDriver {
    pub(crate) fn new(shape: Box<dyn Shape>, now: Instant) -> Self {
        Self { shape, began: now, ticker: Ticker::new(Duration::from_secs(1), now), last: None }
    }

    /// When it wants to be asked next.
    pub(crate) fn due(&self) -> Instant {
        self.ticker.due()
    }

    /// Asks the shape if it is time to.
    pub(crate) fn poll(&mut self, now: Instant, user_count: usize) -> Option<ShapeVerdict> {
        if !self.ticker.tick(now) {
            return None;
        }
        let Some(step) = self.shape.tick(now - self.began, user_count) else {
            return Some(ShapeVerdict::End);
        };
        if self.last.as_ref() == Some(&step) {
            return Some(ShapeVerdict::Unchanged);
        }
        self.last = Some(step.clone());
        Some(ShapeVerdict::Follow(step))
    }
}
