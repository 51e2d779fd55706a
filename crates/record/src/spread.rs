//! How the response times of a run were spread: a fan of percentiles over time, and the shares within round bounds.

use gregaria_stats::Histogram;

use crate::course::Course;
use crate::dto;
use crate::series::{Record, all, percentiles};

/// Of the fan: from the shortest to the longest.
const FAN: [f64; 8] = [0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0];
/// The fan has about so many stretches at most.
const STRETCHES: f64 = 240.0;
/// So many requests make percentiles that say something …
const ENOUGH: f64 = 20.0;
/// … but for them no stretch is longer than this part of the run.
const FEWEST: f64 = 12.0;
/// Widths of a stretch, in seconds.
const WIDTHS: [u32; 13] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];
/// Bounds of bands, at most.
const MOST_BOUNDS: usize = 6;

impl Course {
    /// Exact percentiles of stretches of time, each long enough for them.
    pub(crate) fn fan(&self) -> dto::Fan {
        let records: Vec<Record> = self.total.iter().collect();
        let width = self.width(records.iter().map(Record::timed).fold(0, u64::saturating_add));
        let mut fan = dto::Fan {
            width,
            fractions: FAN.to_vec(),
            percentiles: vec![Vec::new(); FAN.len()],
            ..dto::Fan::default()
        };
        let begin = |record: &Record| self.base + f64::from(record.offset) * f64::from(self.stride);
        let stretch = |record: &Record| (begin(record) / f64::from(width)).floor();
        for same in records.chunk_by(|a, b| stretch(a) == stretch(b)) {
            let Some(first) = same.first() else { continue };
            let whole = same.iter().fold(Record::default(), |mut sum, record| {
                sum.merge(record);
                sum
            });
            fan.at.push((stretch(first) * f64::from(width)).max(self.base));
            fan.requests.push(whole.timed());
            for (column, value) in fan.percentiles.iter_mut().zip(self.percentiles_of(&whole, &FAN)) {
                column.push(value);
            }
        }
        fan
    }

    /// Seconds of a stretch of the fan, of so many requests.
    fn width(&self, timed: u64) -> u32 {
        let seconds = (self.until - self.base).max(1.0);
        let quiet = (ENOUGH * seconds / timed.max(1) as f64).min(seconds / FEWEST);
        let wanted = (seconds / STRETCHES).max(quiet).max(f64::from(self.stride));
        if self.stride > 1 {
            let times = (wanted / f64::from(self.stride)).log2().ceil().clamp(0.0, 16.0) as u32;
            return self.stride.saturating_mul(1 << times);
        }
        WIDTHS.into_iter().find(|&width| f64::from(width) >= wanted).unwrap_or(7_200)
    }
}

/// How many of the requests took at most each bound, in bands. `limits`: bounds that are there in any case, in ms.
pub(crate) fn bands(
    slots: &[(u32, u64)],
    requests: u64,
    limits: impl IntoIterator<Item = f64>,
) -> dto::Bands {
    let bounds = bounds(slots, limits);
    let mut counts = vec![0_u64; bounds.len() + 1];
    for &(slot, count) in slots {
        // Requests are counted by the longest time of their slot, as percentiles are.
        let ms = Histogram::bounds(slot).1 as f64 / 1_000.0;
        let sum = &mut counts[bounds.partition_point(|&bound| bound < ms)];
        *sum = sum.saturating_add(count);
    }
    dto::Bands { untimed: requests.saturating_sub(all(slots)), bounds, requests: counts }
}

/// Round numbers between the quick half and the slowest hundredth, and the limits of thresholds.
fn bounds(slots: &[(u32, u64)], limits: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut bounds: Vec<f64> = Vec::new();
    if let [Some(p25), Some(p99)] = percentiles(slots, &[0.25, 0.99])[..] {
        let powers = (-2..8).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
        // The first that a quarter keeps to, and all up to the one that nearly all do.
        let above: Vec<f64> = powers.filter(|&bound| bound >= p25).collect();
        let last = above.partition_point(|&bound| bound < p99);
        bounds = above.into_iter().take(last + 1).collect();
        while bounds.len() > MOST_BOUNDS {
            // Of a wide range every other one, the largest always.
            let keep = (bounds.len() + 1) % 2;
            let mut index = 0..;
            bounds.retain(|_| index.next().unwrap_or(0) % 2 == keep);
        }
    }
    bounds.extend(limits.into_iter().filter(|limit| limit.is_finite() && *limit > 0.0));
    // No bound of a thousandth of a microsecond more or less.
    for bound in &mut bounds {
        *bound = (*bound * 1_000.0).round() / 1_000.0;
    }
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds.truncate(2 * MOST_BOUNDS);
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slots_of(times: &[u64]) -> Vec<(u32, u64)> {
        let mut exact = Histogram::default();
        for &us in times {
            exact.record(us);
        }
        exact.slots()
    }

    proptest! {
        #[test]
        fn bands_sum_to_the_table(times in prop::collection::vec(1_u64..90_000_000, 0..200), more in 0_u64..5, limit in 0.0..5_000.0_f64) {
            let slots = slots_of(&times);
            let bands = bands(&slots, times.len() as u64 + more, [limit]);
            prop_assert_eq!(bands.requests.iter().sum::<u64>(), times.len() as u64);
            prop_assert_eq!((bands.untimed, bands.requests.len()), (more, bands.bounds.len() + 1));
            prop_assert!(bands.bounds.windows(2).all(|pair| pair[0] < pair[1]) && bands.bounds.len() <= MOST_BOUNDS + 1);
            for (index, &bound) in bands.bounds.iter().enumerate() {
                // What a band says is what percentiles say: that many took at most so long.
                let within: u64 = bands.requests[..=index].iter().sum();
                if within > 0 {
                    let fraction = (within as f64 - 0.5) / times.len() as f64;
                    prop_assert!(percentiles(&slots, &[fraction])[0].unwrap() <= bound);
                }
            }
        }

        #[test]
        fn the_fan_has_all_requests(seconds in prop::collection::vec((1_u32..40, 1_u64..50), 1..400), stride in prop_oneof![Just(1_u32), Just(4)]) {
            let mut course = Course::new(1_000_003.4);
            course.stride = stride;
            let mut offset = 0;
            for &(step, requests) in &seconds {
                offset += step;
                let slots = vec![(100 + step, requests), (5_000 + 7 * step, 1)];
                course.total.push(Record { offset, requests: requests + 1, slots, ..Record::default() });
            }
            course.until = course.base + f64::from((offset + 1) * stride);
            let fan = course.fan();
            let sum: u64 = seconds.iter().map(|(_, requests)| requests + 1).sum();
            prop_assert_eq!(fan.requests.iter().sum::<u64>(), sum);
            prop_assert!(fan.at.windows(2).all(|pair| pair[0] < pair[1]) && fan.at.len() <= 500);
            prop_assert!(fan.percentiles.iter().all(|column| column.len() == fan.at.len()));
            for index in 0..fan.at.len() {
                prop_assert!(fan.percentiles.windows(2).all(|pair| pair[0][index] <= pair[1][index]));
            }
            // The longest of all is the longest of a stretch.
            let all = course.window(None, None, None, &[1.0]).unwrap().percentiles[0];
            let most = fan.percentiles[FAN.len() - 1].iter().flatten().copied().fold(0.0, f64::max);
            prop_assert_eq!(all, Some(most));
        }
    }

    #[test]
    fn bounds_are_round_and_as_many_as_one_can_look_at() {
        let times: Vec<u64> = (0..1_000).map(|index| 3_000 + index * 40).collect();
        let found = bands(&slots_of(&times), 1_000, [25.0]);
        assert_eq!(found.bounds, [20.0, 25.0, 50.0]);
        // What took 20 ms to the microsecond may have taken a thousandth more.
        assert_eq!(found.requests, [425, 125, 450, 0]);
        let wide: Vec<u64> = (0..6).flat_map(|power| [10_u64.pow(power); 20]).collect();
        assert!(bounds(&slots_of(&wide), []).len() <= MOST_BOUNDS);
        assert_eq!(bands(&[], 3, []), dto::Bands { bounds: vec![], requests: vec![0], untimed: 3 });
    }
}
