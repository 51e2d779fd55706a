//! What the program sees of itself: whether it keeps up with the load that it is to make.
//!
//! Whoever runs the users counts, always; once a second the recorder looks at the counters, works out what that second was like,
//! and adds the processor time of each thread.

mod counts;
mod second;
mod threads;

pub use counts::{Counts, DELAYS, Delays};
pub(crate) use second::{Own, Watch};
pub(crate) use threads::Used;

use crate::dto;

/// Of a run's own course there are at most so many points; beyond, two neighbours become one.
const POINTS: usize = 900;

/// The course of these numbers through a run.
#[derive(Debug, Clone, Default)]
pub struct OwnCourse {
    points: Vec<dto::Generator>,
    /// Seconds that a point covers.
    stride: u32,
    /// Seconds that the newest one covers so far.
    newest: u32,
}

impl OwnCourse {
    /// From points that were kept.
    pub(crate) fn from_points(points: Vec<dto::Generator>) -> Self {
        Self { stride: 1, newest: 1, points }
    }

    /// Adds a second.
    pub(crate) fn push(&mut self, second: dto::Generator) {
        self.stride = self.stride.max(1);
        match self.points.last_mut() {
            Some(newest) if self.newest < self.stride => {
                *newest = second::merged(newest, &second, self.newest);
                self.newest += 1;
            }
            _ => {
                self.points.push(second);
                self.newest = 1;
            }
        }
        if self.points.len() > POINTS {
            let pairs = self.points.chunks(2);
            self.points = pairs
                .map(|pair| match pair {
                    [one, other] => second::merged(one, other, 1),
                    rest => rest[0].clone(),
                })
                .collect();
            self.newest = self.stride;
            self.stride *= 2;
        }
    }

    /// The points that begin after that moment (unix seconds), oldest first; the newest may still grow.
    pub fn since(&self, moment: f64) -> &[dto::Generator] {
        let from = self.points.partition_point(|point| point.at < moment);
        &self.points[from..]
    }

    /// Where the newest point begins, unix seconds.
    pub(crate) fn newest(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.at)
    }

    /// Seconds that a point covers.
    pub(crate) fn stride(&self) -> u32 {
        self.stride.max(1)
    }

    /// Takes in what [`Self::since`] gave, in place of the points that are not older.
    pub(crate) fn follow(&mut self, points: Vec<dto::Generator>) {
        let Some(first) = points.first() else { return };
        let older = self.points.partition_point(|point| point.at < first.at);
        self.points.truncate(older);
        self.points.extend(points);
    }

    /// All points.
    pub(crate) fn points(&self) -> &[dto::Generator] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_there_as_a_whole_and_keeps_its_worst_moments() {
        let mut course = OwnCourse::default();
        for second in 0..5_000 {
            let lag_max = if second == 4_321 { 99.0 } else { 1.0 };
            let cpu = [("main".to_owned(), 0.5)].into();
            course.push(dto::Generator {
                at: f64::from(second),
                lag_max: Some(lag_max),
                wakes: 10.0,
                cpu,
                ..dto::Generator::default()
            });
        }
        assert!(course.points.len() <= POINTS);
        assert_eq!(course.points[0].at, 0.0);
        assert!(course.points.windows(2).all(|pair| pair[0].at < pair[1].at));
        assert!(
            course.points.iter().all(|point| (point.wakes - 10.0).abs() < 1e-9 && point.cpu["main"] == 0.5)
        );
        assert_eq!(course.points.iter().filter(|point| point.lag_max == Some(99.0)).count(), 1);
        let rest = course.since(4_000.0);
        assert!(!rest.is_empty() && rest.iter().all(|point| point.at >= 4_000.0));
    }
}
