//! What happened within some time: as much of it as a rule can be about.

use std::collections::BTreeMap;

use gregaria_stats::Histogram;

use crate::series::{Arrived, Record, percentiles};

/// Sums of seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) requests: u64,
    pub(crate) failures: u64,
    /// Of the response times.
    pub(crate) sum_us: u64,
    /// (slot of the exact histogram, requests).
    slots: BTreeMap<u32, u64>,
    /// Most users at a time.
    pub(crate) users: Option<u64>,
    /// What became of arrivals.
    pub(crate) arrived: Arrived,
}

impl Sums {
    /// Adds a second.
    pub(crate) fn add(&mut self, second: &Record) {
        self.requests += second.requests;
        self.failures += second.failures;
        self.sum_us = self.sum_us.saturating_add(second.sum_us);
        for &(slot, count) in &second.slots {
            *self.slots.entry(slot).or_default() += count;
        }
        self.users = Some(self.users.unwrap_or(0).max(second.users));
        self.arrived = self.arrived.plus(second.arrived);
    }

    /// Takes a second off that was added.
    fn take_off(&mut self, second: &Record) {
        self.requests = self.requests.saturating_sub(second.requests);
        self.failures = self.failures.saturating_sub(second.failures);
        self.sum_us = self.sum_us.saturating_sub(second.sum_us);
        self.arrived = self.arrived.minus(second.arrived);
        for &(slot, count) in &second.slots {
            if let Some(left) = self.slots.get_mut(&slot) {
                *left = left.saturating_sub(count);
                if *left == 0 {
                    self.slots.remove(&slot);
                }
            }
        }
    }

    fn timed(&self) -> u64 {
        self.slots.values().sum()
    }

    pub(crate) fn avg(&self) -> Option<f64> {
        let timed = self.timed();
        (timed > 0).then(|| self.sum_us as f64 / timed as f64 / 1_000.0)
    }

    /// To a thousandth.
    pub(crate) fn min(&self) -> Option<f64> {
        self.slots.first_key_value().map(|(&slot, _)| Histogram::bounds(slot).0 as f64 / 1_000.0)
    }

    /// To a thousandth.
    pub(crate) fn max(&self) -> Option<f64> {
        self.slots.last_key_value().map(|(&slot, _)| Histogram::bounds(slot).1 as f64 / 1_000.0)
    }

    pub(crate) fn percentile(&self, fraction: f64) -> Option<f64> {
        let slots: Vec<(u32, u64)> = self.slots.iter().map(|(&slot, &count)| (slot, count)).collect();
        percentiles(&slots, &[fraction]).pop().flatten()
    }
}

/// The last seconds.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    length: usize,
    seconds: std::collections::VecDeque<Record>,
    sums: Sums,
}

impl Window {
    /// Of so many seconds.
    pub(crate) fn of(length: u32) -> Self {
        Self {
            length: length.max(1) as usize,
            seconds: std::collections::VecDeque::new(),
            sums: Sums::default(),
        }
    }

    /// Takes a second in, and lets the oldest go; what happened in the window, once it is full.
    pub(crate) fn push(&mut self, second: Record) -> Option<&Sums> {
        self.sums.add(&second);
        self.seconds.push_back(second);
        if self.seconds.len() > self.length
            && let Some(oldest) = self.seconds.pop_front()
        {
            self.sums.take_off(&oldest);
        }
        self.sums.users = self.seconds.iter().map(|second| second.users).max();
        (self.seconds.len() == self.length).then_some(&self.sums)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds() -> impl Strategy<Value = Vec<Record>> {
        let second = (prop::collection::vec(1_u64..2_000_000, 0..20), 0_u64..3, 0_u64..50);
        prop::collection::vec(second, 0..40).prop_map(|all| {
            all.into_iter()
                .map(|(times, failures, users)| {
                    let mut exact = Histogram::default();
                    for &us in &times {
                        exact.record(us);
                    }
                    Record {
                        offset: 0,
                        users,
                        requests: times.len() as u64,
                        failures: failures.min(times.len() as u64),
                        sum_us: times.iter().sum(),
                        slots: exact.slots(),
                        ..Record::default()
                    }
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn a_window_is_the_sum_of_its_seconds(all in seconds(), length in 1_u32..12) {
            let mut window = Window::of(length);
            for (index, second) in all.iter().enumerate() {
                let full = window.push(second.clone()).cloned();
                let mut expected = Sums::default();
                let from = (index + 1).saturating_sub(length as usize);
                for second in &all[from..=index] {
                    expected.add(second);
                }
                prop_assert_eq!(full.is_some(), index + 1 >= length as usize);
                if let Some(full) = full {
                    prop_assert_eq!(full, expected);
                }
            }
        }
    }
}
