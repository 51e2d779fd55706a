//! The numbers that a rule can be about, their units, and how they are written.

use gregaria_report::figures::{PERCENTILE_DIGITS, judged, percentile_name};
use gregaria_stats::{Measure, MeasureKind, roundest};

use super::sums::Sums;
use crate::series::Arrived;

/// A number of the run or of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Metric {
    Avg,
    Min,
    Max,
    /// Fraction within 0..=1.
    Percentile(f64),
    FailRatio,
    Fails,
    Rps,
    Count,
    Users,
    /// Arrivals of an open run that did not begin, or that were lost with their worker, per arrival.
    Dropped,
    /// Those that began late, per arrival.
    Late,
    /// Of a check or rate: how many of all were so.
    Pass,
    /// Of a counter.
    Sum,
    /// Of a counter, per second of the run.
    PerSecond,
}

/// What a number is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dimension {
    /// ms
    Time,
    /// 0..=1
    Ratio,
    /// 1/s
    Rate,
    Number,
}

/// Names without a number in them, and what else they are called. For messages in this order.
pub(crate) const NAMES: &[(&str, Metric)] = &[
    ("avg", Metric::Avg),
    ("min", Metric::Min),
    ("max", Metric::Max),
    ("med", Metric::Percentile(0.5)),
    ("fail_ratio", Metric::FailRatio),
    ("fails", Metric::Fails),
    ("rps", Metric::Rps),
    ("count", Metric::Count),
    ("users", Metric::Users),
    ("dropped", Metric::Dropped),
    ("late", Metric::Late),
];

/// The same of what a script measures besides its requests.
pub(crate) const OF_MEASURES: &[(&str, Metric)] =
    &[("pass", Metric::Pass), ("sum", Metric::Sum), ("per_second", Metric::PerSecond)];

impl Metric {
    /// By name: one of [`NAMES`], `p95`, `p99.9`, or as k6 writes it `p(95)`.
    pub(crate) fn named(word: &str) -> Option<Self> {
        let known =
            NAMES.iter().chain(OF_MEASURES).find(|(name, _)| *name == word).map(|&(_, metric)| metric);
        known.or_else(|| {
            let digits = word.strip_prefix('p')?;
            let digits = digits.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(digits);
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            // As a decimal number: 99.9 / 100 is a little more than 0.999, and a little more is the next request.
            let fraction: f64 = format!("{digits}e-2").parse().ok().filter(|_| plain)?;
            (fraction > 0.0 && fraction <= 1.0).then_some(Self::Percentile(fraction))
        })
    }

    /// Whether a percentile of that name can be told from all others: finer than this it would be another one's name that is shown.
    pub(crate) fn is_told_apart(word: &str) -> bool {
        let decimals = word.split_once('.').map_or("", |(_, rest)| rest.trim_end_matches(')'));
        decimals.trim_end_matches('0').len() <= PERCENTILE_DIGITS
    }

    pub(crate) fn dimension(self) -> Dimension {
        match self {
            Self::Avg | Self::Min | Self::Max | Self::Percentile(_) => Dimension::Time,
            Self::FailRatio | Self::Pass | Self::Dropped | Self::Late => Dimension::Ratio,
            Self::Rps | Self::PerSecond => Dimension::Rate,
            Self::Fails | Self::Count | Self::Users | Self::Sum => Dimension::Number,
        }
    }

    /// Whether it is a rate in time.
    pub(crate) fn is_per_second(self) -> bool {
        matches!(self, Self::Rps | Self::PerSecond)
    }

    /// Of what happened within so many seconds; `None`: nothing that it could be worked out of.
    pub(crate) fn of(self, sums: &Sums, seconds: f64) -> Option<f64> {
        let requests = sums.requests as f64;
        match self {
            Self::Avg => sums.avg(),
            Self::Min => sums.min(),
            Self::Max => sums.max(),
            Self::Percentile(fraction) => sums.percentile(fraction),
            Self::FailRatio => (sums.requests > 0).then(|| sums.failures as f64 / requests),
            Self::Fails => Some(sums.failures as f64),
            Self::Rps => (seconds > 0.0).then(|| requests / seconds),
            Self::Count => Some(requests),
            Self::Users => sums.users.map(|users| users as f64),
            Self::Dropped | Self::Late => self.of_arrived(sums.arrived),
            Self::Pass | Self::Sum | Self::PerSecond => None,
        }
    }

    /// Of what became of arrivals. What nobody knows the end of has not begun, as far as can be known; and where none began, none could
    /// begin late.
    pub(crate) fn of_arrived(self, arrived: Arrived) -> Option<f64> {
        match self {
            Self::Dropped => {
                share(arrived.dropped.saturating_add(arrived.lost), arrived.due.saturating_add(arrived.lost))
            }
            Self::Late if arrived.begun > 0 => share(arrived.late, arrived.due),
            _ => None,
        }
    }

    /// Whether measures of that kind have such a number.
    pub(crate) fn is_of(self, kind: MeasureKind) -> bool {
        match kind {
            MeasureKind::Check | MeasureKind::Rate => self == Self::Pass,
            MeasureKind::Counter => matches!(self, Self::Sum | Self::PerSecond),
            MeasureKind::Trend | MeasureKind::Latency => {
                matches!(self, Self::Avg | Self::Min | Self::Max | Self::Count | Self::Percentile(_))
            }
        }
    }

    /// Of what was told of a check or metric within so many seconds: [`Measure::slice`] says what of it is what.
    pub(crate) fn of_measured(self, sums: &Sums, seconds: f64) -> Option<f64> {
        let sum = sums.sum_us as f64 / 1_000.0;
        match self {
            Self::Pass => share(sums.requests - sums.failures.min(sums.requests), sums.requests),
            Self::Sum => Some(sum),
            Self::PerSecond => (seconds > 0.0).then(|| sum / seconds),
            Self::Avg | Self::Count => self.of(sums, seconds),
            Self::Min | Self::Max | Self::Percentile(_) => self
                .of(sums, seconds)
                .map(|value| roundest((value * 1_000.0).round() as u64) as f64 / 1_000.0),
            Self::FailRatio | Self::Fails | Self::Rps | Self::Users | Self::Dropped | Self::Late => None,
        }
    }

    /// Of a check or metric, in a run that has lasted so many seconds; `None`: nothing was told of it.
    pub(crate) fn of_measure(self, measure: &Measure, seconds: f64) -> Option<f64> {
        match self {
            Self::Pass => measure.ratio(),
            Self::Sum => Some(measure.sum),
            Self::PerSecond => (seconds > 0.0).then(|| measure.sum / seconds),
            Self::Count => Some(measure.count as f64),
            Self::Avg => measure.avg(),
            Self::Min => Some(measure.min),
            Self::Max => Some(measure.max),
            Self::Percentile(fraction) => measure.percentiles(&[fraction])?.pop(),
            Self::FailRatio | Self::Fails | Self::Rps | Self::Users | Self::Dropped | Self::Late => None,
        }
        .filter(|_| measure.count > 0)
    }

    /// Whether only what a script measures itself has it.
    pub(crate) fn is_of_measures(self) -> bool {
        matches!(self, Self::Pass | Self::Sum | Self::PerSecond)
    }

    /// Whether it is about the iterations of an open run.
    pub(crate) fn is_of_arrivals(self) -> bool {
        matches!(self, Self::Dropped | Self::Late)
    }

    /// What it is called, if it is of all requests together and of no name.
    pub(crate) fn of_the_whole_run(self) -> Option<&'static str> {
        match self {
            Self::Users => Some("users"),
            Self::Dropped | Self::Late => Some("arrivals"),
            _ => None,
        }
    }

    /// The whole run's number without a request is none, for all but the users: a rule about a name that never came is broken.
    pub(crate) fn needs_requests(self) -> bool {
        self != Self::Users && !self.is_of_arrivals()
    }

    /// As people read it: of requests, or of what a script measures, in the words of the table of checks and metrics.
    pub(crate) fn label(self, of: Option<MeasureKind>) -> String {
        match self {
            Self::Count if of.is_some() => "values".to_owned(),
            Self::Pass if of == Some(MeasureKind::Rate) => "true".to_owned(),
            Self::Percentile(fraction) => percentile_name(fraction),
            Self::FailRatio => "fail ratio".to_owned(),
            Self::Rps => "requests/s".to_owned(),
            Self::Count => "requests".to_owned(),
            Self::Fails => "failures".to_owned(),
            Self::Dropped => "dropped arrivals".to_owned(),
            Self::Late => "late arrivals".to_owned(),
            Self::Pass => "passed".to_owned(),
            Self::PerSecond => "per second".to_owned(),
            Self::Sum => "sum".to_owned(),
            other => {
                NAMES.iter().find(|(_, metric)| *metric == other).map_or("", |(name, _)| name).to_owned()
            }
        }
    }
}

impl Dimension {
    /// A value in the unit that people read: `148 ms`, `2.31%`, `100/s`.
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            Self::Time if value >= 1_000.0 => format!("{} s", judged(value / 1_000.0)),
            Self::Time => format!("{} ms", judged(value)),
            Self::Ratio => format!("{}%", judged(value * 100.0)),
            Self::Rate => format!("{}/s", judged(value)),
            Self::Number => judged(value),
        }
    }

    /// The factor of a unit, which is also one without a name; `None`: it has no such unit.
    pub(crate) fn factor(self, unit: &str) -> Option<f64> {
        match (self, unit) {
            (Self::Time, "" | "ms") | (Self::Ratio | Self::Number, "") | (Self::Rate, "" | "/s") => Some(1.0),
            (Self::Time, "us" | "µs" | "μs") => Some(1e-3),
            (Self::Time, "s") => Some(1e3),
            (Self::Time, "m" | "min") => Some(60e3),
            (Self::Ratio, "%") => Some(0.01),
            (Self::Rate, "/m" | "/min") => Some(1.0 / 60.0),
            (Self::Rate, "/h") => Some(1.0 / 3_600.0),
            _ => None,
        }
    }

    /// Its units, for messages.
    pub(crate) fn units(self) -> &'static str {
        match self {
            Self::Time => "us, ms (also without a unit), s or min",
            Self::Ratio => "%, or no unit: 0.01 is 1%",
            Self::Rate => "/s (also without a unit), /m or /h",
            Self::Number => "no unit",
        }
    }
}

/// So many of so many; `None`: of none.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// How a number is to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Other,
}

/// As they are written; longer ones first, so that `<=` is not read as `<`.
pub(crate) const OPERATORS: &[(&str, Operator)] = &[
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("!=", Operator::Other),
    ("<", Operator::Less),
    (">", Operator::More),
];

/// What a number has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bound {
    pub(crate) operator: Operator,
    /// In the unit of the dimension.
    pub(crate) value: f64,
}

impl Bound {
    pub(crate) fn is_kept_by(self, value: f64) -> bool {
        match self.operator {
            Operator::Less => value < self.value,
            Operator::AtMost => value <= self.value,
            Operator::More => value > self.value,
            Operator::AtLeast => value >= self.value,
            Operator::Equal => value == self.value,
            Operator::Other => value != self.value,
        }
    }

    /// Whether the first value is further on the wrong side than the second.
    pub(crate) fn is_worse(self, value: f64, than: f64) -> bool {
        match self.operator {
            Operator::Less | Operator::AtMost => value > than,
            Operator::More | Operator::AtLeast => value < than,
            Operator::Equal => (value - self.value).abs() > (than - self.value).abs(),
            Operator::Other => (value - self.value).abs() < (than - self.value).abs(),
        }
    }

    pub(crate) fn text(self, dimension: Dimension) -> String {
        let sign =
            OPERATORS.iter().find(|(_, operator)| *operator == self.operator).map_or("", |(sign, _)| sign);
        format!("{sign} {}", dimension.text(self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_people_read_them() {
        for (dimension, value, text) in [
            (Dimension::Time, 250.0, "250 ms"),
            (Dimension::Time, 0.123_4, "0.123 ms"),
            (Dimension::Time, 148.26, "148.3 ms"),
            (Dimension::Time, 12_345.0, "12.3 s"),
            (Dimension::Time, 1_000.0, "1 s"),
            (Dimension::Ratio, 0.01, "1%"),
            (Dimension::Ratio, 41.0 / 1_774.0, "2.311%"),
            (Dimension::Rate, 1_234.56, "1,235/s"),
            (Dimension::Number, 41.0, "41"),
        ] {
            assert_eq!(dimension.text(value), text);
        }
    }

    #[test]
    fn percentiles_have_any_number() {
        assert_eq!(Metric::named("p99.9"), Some(Metric::Percentile(0.999)));
        assert_eq!(Metric::named("p(95)"), Some(Metric::Percentile(0.95)));
        for no in ["p", "p0", "p101", "p9e1", "p-5", "pNaN", "95", "P95", ""] {
            assert_eq!(Metric::named(no), None, "{no}");
        }
        for name in
            ["p99.9", "p50", "p100", "p0.1", "p28.9", "p99.99999", "p99.999999999999", "p0.000000000001"]
        {
            assert!(Metric::is_told_apart(name));
            assert_eq!(Metric::named(name).unwrap().label(None), name);
        }
        assert!(
            Metric::is_told_apart("p(99.90000000000000000)") && !Metric::is_told_apart("p99.9999999999999")
        );
        assert_eq!(Metric::Pass.label(Some(MeasureKind::Rate)), "true");
        assert_eq!(Metric::Count.label(Some(MeasureKind::Trend)), "values");
        assert_eq!(
            (Metric::Count.label(None), Metric::Pass.label(Some(MeasureKind::Check))),
            ("requests".to_owned(), "passed".to_owned())
        );
    }
}
