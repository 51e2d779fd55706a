//! Thresholds: what a run has to keep to, and whether it did.
//!
//! `GET /cart: p95 < 250ms over 30s after 1m, stop`: a rule is read by [`Threshold::parse`]; [`Judge`] looks at each second of the run
//! and says at any moment how each rule stands. No clock, no Python: seconds and numbers come from the record.

mod judge;
mod metric;
mod parse;
mod rule;
mod sums;

pub(crate) use judge::Judge;
pub use parse::WrongThreshold;
pub use rule::{Subject, Threshold};
