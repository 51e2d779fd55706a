//! Windows of a course: the exact numbers of some of its seconds, and of all.

use gregaria_stats::Histogram;

use crate::course::{Course, SHORTEST};
use crate::dto;
use crate::series::{Record, Series};

/// Bins of a distribution, for each power of ten.
const BINS: f64 = 25.0;

impl Course {
    /// The numbers between two moments (unix seconds, widened to whole points), of a name or the total. `None`: no such name.
    pub(crate) fn window(
        &self,
        id: Option<i32>,
        from: Option<f64>,
        to: Option<f64>,
        fractions: &[f64],
    ) -> Option<dto::Window> {
        let (series, stride) = match id {
            None | Some(-1) => (&self.total, self.stride),
            Some(id) => (self.names.get(usize::try_from(id).ok()?)?, self.names_stride),
        };
        Some(self.window_of(series, stride, from, to, fractions))
    }

    /// The same of a name that the course does not have yet.
    pub(crate) fn window_of_nothing(
        &self,
        from: Option<f64>,
        to: Option<f64>,
        fractions: &[f64],
    ) -> dto::Window {
        self.window_of(&Series::default(), self.names_stride, from, to, fractions)
    }

    fn window_of(
        &self,
        series: &Series,
        stride: u32,
        from: Option<f64>,
        to: Option<f64>,
        fractions: &[f64],
    ) -> dto::Window {
        let seconds = f64::from(stride);
        let begin = |record: &Record| self.base + f64::from(record.offset) * seconds;
        let mut sum = Record::default();
        let (mut first, mut last) = (None, None);
        for record in series.iter() {
            let at = begin(&record);
            if from.is_some_and(|from| at + seconds <= from) || to.is_some_and(|to| at >= to) {
                continue;
            }
            first = first.or(Some(at));
            last = Some(at + seconds);
            sum.merge(&record);
        }
        let (from, to) = match (from, to) {
            (None, None) => (self.began, self.until),
            (from, to) => (from.or(first).unwrap_or(self.began), to.or(last).unwrap_or(self.until)),
        };
        // What lies outside the run is no time in which something could have happened.
        let lasted =
            (last.unwrap_or(to).min(self.until) - first.unwrap_or(from).max(self.began)).max(SHORTEST);
        let bound = |slot: Option<&(u32, u64)>, upper: bool| {
            slot.map(|&(slot, _)| Histogram::bounds(slot))
                .map(|(low, high)| if upper { high } else { low } as f64 / 1_000.0)
        };
        dto::Window {
            from,
            to,
            requests: sum.requests,
            failures: sum.failures,
            rps: sum.requests as f64 / lasted,
            fps: sum.failures as f64 / lasted,
            min: bound(sum.slots.first(), false),
            max: bound(sum.slots.last(), true).map(|ms| ms.min(self.longest)),
            avg: sum.avg(),
            fractions: fractions.to_vec(),
            percentiles: self.percentiles_of(&sum, fractions),
            bins: bins(&sum.slots),
        }
    }

    /// All response times of a name, or of the total, as (slot, number).
    pub(crate) fn slots(&self, id: i32) -> Vec<(u32, u64)> {
        let series = usize::try_from(id).map_or(Some(&self.total), |index| self.names.get(index));
        let mut sum = Record::default();
        for record in series.into_iter().flat_map(Series::iter) {
            sum.merge(&record);
        }
        sum.slots
    }
}

/// The window of a whole run has the very figures of its row, the `at`th: the course knows response times to the thousandth only.
pub(crate) fn whole(window: dto::Window, rows: &dto::Rows, at: usize, elapsed: f64) -> dto::Window {
    let count = |column: &[u64]| column.get(at).copied().unwrap_or_default();
    let percentiles: Vec<Option<f64>> =
        rows.percentiles.iter().map(|column| column.get(at).copied().flatten()).collect();
    // In the first second of a run the row has times, and the course has none yet.
    let is_timed = window.min.is_some() || percentiles.iter().any(Option::is_some);
    let time = |column: &[f64]| column.get(at).copied().filter(|_| is_timed);
    let (requests, failures) = (count(&rows.requests), count(&rows.failures));
    let per_second = |count: u64| if elapsed > 0.0 { count as f64 / elapsed } else { 0.0 };
    dto::Window {
        requests,
        failures,
        rps: per_second(requests),
        fps: per_second(failures),
        min: time(&rows.min),
        max: time(&rows.max),
        avg: time(&rows.avg),
        percentiles,
        ..window
    }
}

/// Slots put together on a logarithmic scale: (smallest, largest, number), ms.
pub(crate) fn bins(slots: &[(u32, u64)]) -> Vec<(f64, f64, u64)> {
    let mut out: Vec<(f64, f64, u64)> = Vec::new();
    let mut bin = None;
    for &(slot, count) in slots {
        let (low, high) = Histogram::bounds(slot);
        let this = ((low.max(1) as f64).log10() * BINS) as i64;
        match out.last_mut().filter(|_| bin == Some(this)) {
            Some(last) => {
                last.1 = high as f64 / 1_000.0;
                last.2 = count.saturating_add(last.2);
            }
            None => out.push((low as f64 / 1_000.0, high as f64 / 1_000.0, count)),
        }
        bin = Some(this);
    }
    out
}
