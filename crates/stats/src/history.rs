//! The course of a run, a point a second, in bounded memory.

/// At most this many points are kept.
pub const HISTORY_POINTS: usize = 4_096;

/// The whole run's numbers at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistoryPoint {
    /// Unix time in seconds.
    pub at: f64,
    /// Users running.
    pub user_count: u64,
    /// Requests until then.
    pub num_requests: u64,
    /// Failures until then.
    pub num_failures: u64,
    /// Current requests per second.
    pub current_rps: f64,
    /// Current failures per second.
    pub current_fail_per_sec: f64,
    /// Mean response time until then, ms.
    pub avg_response_time: f64,
    /// 50th, 95th and 99th percentile over about the last ten seconds, ms.
    pub percentiles: Option<[i64; 3]>,
}

/// Points at even distances. It starts with every point given; when full, every second one goes and from then on only
/// every second (fourth, …) is kept, so that it always spans the whole run.
#[derive(Debug, Clone)]
pub struct History {
    points: Vec<HistoryPoint>,
    stride: u32,
    skip: u32,
}

impl Default for History {
    fn default() -> Self {
        Self { points: Vec::new(), stride: 1, skip: 0 }
    }
}

impl History {
    /// Adds the point of this second.
    pub fn push(&mut self, point: HistoryPoint) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        if self.points.len() == HISTORY_POINTS {
            let mut position = 0;
            self.points.retain(|_| {
                position += 1;
                position % 2 == 1
            });
            self.stride *= 2;
        }
        self.points.push(point);
        self.skip = self.stride - 1;
    }

    /// Oldest first.
    pub fn points(&self) -> &[HistoryPoint] {
        &self.points
    }

    /// Seconds between two points (if one is given a second).
    pub fn stride(&self) -> u32 {
        self.stride
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: f64) -> HistoryPoint {
        HistoryPoint {
            at,
            user_count: 1,
            num_requests: 0,
            num_failures: 0,
            current_rps: 0.0,
            current_fail_per_sec: 0.0,
            avg_response_time: 0.0,
            percentiles: None,
        }
    }

    #[test]
    fn a_day_fits_and_points_stay_evenly_spaced() {
        let mut history = History::default();
        for second in 0..86_400 {
            history.push(point(f64::from(second)));
        }
        let points = history.points();
        assert!(points.len() <= HISTORY_POINTS && points.len() > HISTORY_POINTS / 2);
        let stride = f64::from(history.stride());
        assert!(points.windows(2).all(|pair| pair[1].at - pair[0].at == stride));
        assert_eq!(points[0].at, 0.0);
        assert!(points[points.len() - 1].at > 86_400.0 - 2.0 * stride);
    }
}
