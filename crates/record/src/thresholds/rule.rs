//! A rule, read.

use std::fmt;

use gregaria_stats::MeasureKind;
use regex::Regex;

use super::metric::{Bound, Dimension, Metric};

/// One rule. [`Threshold::parse`] makes it of a text.
#[derive(Debug, Clone)]
pub struct Threshold {
    /// As it was written.
    pub text: String,
    /// Whose numbers are looked at.
    pub subject: Subject,
    /// Which number.
    pub(crate) metric: Metric,
    /// What it has to be.
    pub(crate) bound: Bound,
    /// Seconds of a window, each of which has to keep to it; `None`: the whole run has.
    pub over: Option<u32>,
    /// Seconds at the begin of the run that are not looked at.
    pub after: u32,
    /// Whether the run ends when it is broken.
    pub stop: bool,
    /// Whether it is only told of.
    pub warn: bool,
}

/// Whose numbers a rule looks at.
#[derive(Debug, Clone)]
pub enum Subject {
    /// All requests.
    All,
    /// Those counted under this name, or under this method and name.
    Name(String),
    /// All those together whose name, with the method before it, the expression finds something in.
    Pattern(Regex),
    /// A check, or a metric of the script's own, by its name.
    Measure(MeasureKind, String),
}

impl Threshold {
    /// What its number is measured in. Of values of the script's own nobody knows.
    pub(crate) fn dimension(&self) -> Dimension {
        dimension(&self.subject, self.metric)
    }

    /// What its number is called.
    pub(crate) fn label(&self) -> String {
        let kind = match &self.subject {
            Subject::Measure(kind, _) => Some(*kind),
            _ => None,
        };
        self.metric.label(kind)
    }
}

pub(super) fn dimension(subject: &Subject, metric: Metric) -> Dimension {
    match (subject, metric.dimension()) {
        (Subject::Measure(..), Dimension::Time) => Dimension::Number,
        (_, dimension) => dimension,
    }
}

impl Subject {
    /// Whether requests of that name are meant.
    pub(crate) fn is(&self, method: &str, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Name(wanted) => {
                wanted == name
                    || wanted
                        .strip_prefix(method)
                        .and_then(|rest| rest.strip_prefix(' '))
                        .is_some_and(|rest| rest == name)
            }
            Self::Pattern(expression) => expression.is_match(&format!("{method} {name}")),
            Self::Measure(..) => false,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Name(name) => f.write_str(name),
            Self::Pattern(expression) => write!(f, "~{expression}"),
            Self::Measure(kind, name) => write!(f, "{} {name}", kind.name()),
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
