//! What a script measures besides its requests: checks, and metrics of its own.

use std::collections::HashMap;
use std::sync::Arc;

use crate::histogram::{HIGHEST, Histogram, micros, slot_of};
use crate::request_stats::OVERFLOW_NAME;
use crate::slice::Slice;

/// More different ones than this are counted together, those of each kind.
pub const MAX_MEASURES: usize = 1_000;
/// Their name.
const OTHERS: &str = OVERFLOW_NAME;
/// Names are cut to this many bytes.
const LONGEST_NAME: usize = 1_000;

/// What is measured, and how it is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MeasureKind {
    /// Whether responses were as expected.
    Check,
    /// How often something was so.
    Rate,
    /// A sum.
    Counter,
    /// Values, of which mean and percentiles are of interest.
    Trend,
    /// Of an open run: the latency of its requests that all other numbers are not of, in ms. Not one of the script's.
    Latency,
}

impl MeasureKind {
    /// Those of scripts, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Check, Self::Rate, Self::Counter, Self::Trend];

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Rate => "rate",
            Self::Counter => "counter",
            Self::Trend => "trend",
            Self::Latency => "latency",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Latency]).find(|kind| kind.name() == name)
    }

    /// Whether it is a ratio of those that were so to all.
    pub fn is_ratio(self) -> bool {
        matches!(self, Self::Check | Self::Rate)
    }
}

/// One check or metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Kind.
    pub kind: MeasureKind,
    /// Name.
    pub name: Arc<str>,
    /// How often something was told of it.
    pub count: u64,
    /// Of a check or rate: how often it was so.
    pub good: u64,
    /// Sum of the values.
    pub sum: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Of a trend: the values, in thousandths, each known to a thousandth of itself.
    pub values: Histogram,
}

impl Measure {
    /// Of which nothing was told yet.
    pub fn new(kind: MeasureKind, name: &str) -> Self {
        Self {
            kind,
            name: name[..name.floor_char_boundary(LONGEST_NAME)].into(),
            count: 0,
            good: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: 0.0,
            values: Histogram::default(),
        }
    }

    fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if self.kind.is_ratio() {
            self.good += u64::from(value > 0.0);
        }
        if matches!(self.kind, MeasureKind::Trend | MeasureKind::Latency) {
            self.values.add(slot_of(micros(value)), 1);
        }
    }

    /// As what happens under a name is kept second by second: how often, how often not so, the sum in thousandths, and the values.
    pub fn slice(&self) -> Slice {
        Slice {
            requests: self.count,
            failures: if self.kind.is_ratio() { self.bad() } else { 0 },
            // `as` saturates.
            sum_us: (self.sum * 1_000.0).round() as u64,
            slots: self.values.slots(),
            ..Slice::default()
        }
    }

    /// Adds all of another one of the same kind and name.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.good = self.good.saturating_add(other.good);
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.values.merge(&other.values);
    }

    /// How often it was not so.
    pub fn bad(&self) -> u64 {
        self.count.saturating_sub(self.good)
    }

    /// Of a check or rate: how many of all were so; `None` before the first.
    pub fn ratio(&self) -> Option<f64> {
        (self.kind.is_ratio() && self.count > 0).then(|| self.good as f64 / self.count as f64)
    }

    /// Mean value of a trend; `None` without any.
    pub fn avg(&self) -> Option<f64> {
        (self.kind == MeasureKind::Trend && self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// Percentiles of a trend, within smallest and largest value; `None` without any.
    pub fn percentiles(&self, fractions: &[f64]) -> Option<Vec<f64>> {
        if self.values.is_empty() {
            return None;
        }
        let within = |thousandths: u64| {
            // Values beyond the histogram are not told apart: nothing nearer to them is known than the largest.
            if thousandths >= HIGHEST {
                return self.max;
            }
            (roundest(thousandths) as f64 / 1_000.0).clamp(self.min, self.max.max(self.min))
        };
        Some(self.values.values_at(fractions).into_iter().map(within).collect())
    }
}

/// The number with the fewest digits that the histogram does not tell from this one: whole values of a script stay whole.
pub fn roundest(value: u64) -> u64 {
    let (low, high) = Histogram::bounds(slot_of(value));
    let steps = std::iter::successors(Some(1_u64), |step| step.checked_mul(10));
    let rounded = steps.map(|step| low.div_ceil(step).saturating_mul(step));
    rounded.take_while(|&rounded| rounded <= high).take(19).last().unwrap_or(value)
}

/// All checks and metrics.
#[derive(Debug, Clone, Default)]
pub struct Measures {
    all: Vec<Measure>,
    index: HashMap<(MeasureKind, Arc<str>), usize>,
    latency: Option<Box<Measure>>,
    changes: u64,
    has_others: bool,
}

impl Measures {
    /// Counts a value: of a check or rate one that is more than zero if it was so; of a counter what is to be added.
    pub fn add(&mut self, kind: MeasureKind, name: &str, value: f64) {
        self.changes += 1;
        let at = self.place(kind, name);
        self.all[at].add(value);
    }

    /// Counts the latency of a request that all other numbers are not of, in ms.
    pub fn add_latency(&mut self, ms: f64) {
        self.changes += 1;
        self.latency_mut().add(ms);
    }

    fn latency_mut(&mut self) -> &mut Measure {
        self.latency.get_or_insert_with(|| Box::new(Measure::new(MeasureKind::Latency, "")))
    }

    fn place(&mut self, kind: MeasureKind, name: &str) -> usize {
        let fresh = Measure::new(kind, name);
        if let Some(&at) = self.index.get(&(kind, Arc::clone(&fresh.name))) {
            return at;
        }
        let fresh = if self.all.len() < MAX_MEASURES || name == OTHERS {
            fresh
        } else {
            self.has_others = true;
            return self.place(kind, OTHERS);
        };
        self.index.insert((kind, Arc::clone(&fresh.name)), self.all.len());
        self.all.push(fresh);
        self.all.len() - 1
    }

    /// Adds those of another node.
    pub fn merge(&mut self, others: &[Measure]) {
        for other in others {
            self.changes += 1;
            if other.kind == MeasureKind::Latency {
                self.latency_mut().merge(other);
                continue;
            }
            let at = self.place(other.kind, &other.name);
            self.all[at].merge(other);
        }
    }

    /// All of the script's, in order of first use.
    pub fn all(&self) -> &[Measure] {
        &self.all
    }

    /// Whether there have ever been more names than are told apart.
    pub fn has_others(&self) -> bool {
        self.has_others
    }

    /// The latency that all other numbers are not of, of an open run.
    pub fn latency(&self) -> Option<&Measure> {
        self.latency.as_deref()
    }

    /// Those of the script, and the latency.
    pub fn every(&self) -> impl Iterator<Item = &Measure> {
        self.all.iter().chain(self.latency())
    }

    /// How often something has changed: the same number, the same measures.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Takes them out; nothing is left.
    pub fn take(&mut self) -> Vec<Measure> {
        let mut all = std::mem::take(&mut self.all);
        all.extend(self.latency.take().map(|latency| *latency));
        self.changes += u64::from(!all.is_empty());
        self.index.clear();
        all
    }
}

/// Which measure: kind and name.
pub type MeasureKey = (MeasureKind, Arc<str>);

/// How far somebody has followed measures: what has come since is the difference.
#[derive(Debug, Clone, Default)]
pub struct MeasureMarks(HashMap<MeasureKey, Slice>);

impl MeasureMarks {
    /// What has come of each since this was last called, but for what was [noted](Self::note).
    pub fn take<'a>(&mut self, measures: impl IntoIterator<Item = &'a Measure>) -> Vec<(MeasureKey, Slice)> {
        let mut news = Vec::new();
        for measure in measures {
            let key = (measure.kind, Arc::clone(&measure.name));
            let seen = self.0.entry(key.clone()).or_default();
            if measure.count == seen.requests {
                continue;
            }
            let slice = measure.slice().since(seen);
            if !slice.is_empty() {
                seen.merge(&slice);
                news.push((key, slice));
            }
        }
        news
    }

    /// Somebody knows this already.
    pub fn note(&mut self, key: &MeasureKey, slice: &Slice) {
        self.0.entry(key.clone()).or_default().merge(slice);
    }

    /// The measures have gone back to zero.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told() -> impl Strategy<Value = Vec<(usize, u8, f64)>> {
        prop::collection::vec((0_usize..4, 0_u8..3, 0.0..5_000.0_f64), 0..80)
    }

    fn counted(told: &[(usize, u8, f64)]) -> Measures {
        let mut all = Measures::default();
        for &(kind, name, value) in told {
            // Whole numbers: sums of others depend on their order.
            all.add(MeasureKind::ALL[kind], &format!("m{name}"), value.floor());
        }
        all
    }

    proptest! {
        #[test]
        fn what_two_nodes_measured_is_what_one_would_have(told in told(), cut in any::<prop::sample::Index>()) {
            let (first, second) = told.split_at(cut.index(told.len() + 1));
            let mut both = counted(first);
            both.merge(&counted(second).take());
            let one = counted(&told);
            prop_assert_eq!(both.all(), one.all());
        }
    }

    proptest! {
        #[test]
        fn what_is_followed_piece_by_piece_adds_up(told in told(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5)) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(told.len() + 1)).chain([told.len()]).collect();
            cuts.sort_unstable();
            let (mut all, mut marks, mut sums) = (Measures::default(), MeasureMarks::default(), HashMap::<MeasureKey, Slice>::new());
            let mut begin = 0;
            for cut in cuts {
                for &(kind, name, value) in &told[begin..cut] {
                    all.add(MeasureKind::ALL[kind], &format!("m{name}"), value.floor());
                    all.add_latency(value.floor());
                }
                begin = cut;
                for (key, slice) in marks.take(all.every()) {
                    sums.entry(key).or_default().merge(&slice);
                }
            }
            for measure in all.every() {
                prop_assert_eq!(&sums[&(measure.kind, Arc::clone(&measure.name))], &measure.slice());
            }
            prop_assert_eq!(all.take().len(), sums.len());
        }
    }

    #[test]
    fn each_kind_is_summed_up_its_way() {
        let mut all = Measures::default();
        for ok in [1.0, 0.0, 1.0, 1.0] {
            all.add(MeasureKind::Check, "has-total", ok);
        }
        for value in [3.0, 0.5] {
            all.add(MeasureKind::Counter, "items", value);
        }
        for value in 1..=100 {
            all.add(MeasureKind::Trend, "has-total", f64::from(value));
        }
        let [check, counter, trend] = all.all() else { panic!("{all:?}") };
        assert_eq!((check.ratio(), check.bad(), check.avg()), (Some(0.75), 1, None));
        assert_eq!((counter.sum, counter.count, counter.ratio()), (3.5, 2, None));
        assert_eq!((trend.avg(), trend.min, trend.max), (Some(50.5), 1.0, 100.0));
        assert_eq!(trend.percentiles(&[0.5, 0.95, 1.0]), Some(vec![50.0, 95.0, 100.0]));
        assert_eq!([0, 7, 1_999, 30_015, 1_234_000].map(roundest), [0, 7, 1_999, 30_000, 1_234_000]);
        let before = all.changes();
        assert_eq!(all.take().len(), 3);
        assert!(all.all().is_empty() && all.changes() > before);
    }

    #[test]
    fn the_largest_percentile_is_the_largest_value() {
        let mut all = Measures::default();
        all.add(MeasureKind::Trend, "bytes", 1.0);
        all.add(MeasureKind::Trend, "bytes", 1e12);
        assert_eq!(all.all()[0].percentiles(&[0.5, 0.99]), Some(vec![1.0, 1e12]));
    }

    #[test]
    fn there_is_a_limit_of_names_and_nothing_is_lost() {
        let mut all = Measures::default();
        for name in 0..MAX_MEASURES + 50 {
            all.add(MeasureKind::Counter, &name.to_string(), 1.0);
        }
        all.add(MeasureKind::Check, &"é".repeat(900), 1.0);
        assert_eq!(all.all().len(), MAX_MEASURES + 2);
        assert_eq!(all.all()[MAX_MEASURES].sum, 50.0);
        assert_eq!(&*all.all()[MAX_MEASURES + 1].name, OTHERS);
    }
}
