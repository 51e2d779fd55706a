//! `_engine.RequestStats` and friends: the statistics as Python sees them.
//!
//! Python's `locust.stats.RequestStats` and `StatsEntry` are subclasses of the classes here, so `cast::<RequestStats>()`
//! works on them. The Rust side of this crate records through [`RequestStats::entry_id`], [`RequestStats::record`] and
//! [`RequestStats::record_error`]; nothing of that touches Python unless an error occurs for the first time, or the user
//! replaced `locust.stats.bucket_response_time`.
//!
//! Locks are taken for single steps only and never held while Python code runs.

mod convert;
mod durations;
mod entry;
mod error;
mod limit;
mod listener;
mod measures;
mod report;
mod report_wire;
mod request_stats;
mod settings;

pub(crate) use self::{
    convert::{text as text_of, unix_time},
    durations::DurationsListener,
    error::{parse_error as error_text, without_passwords},
    listener::StatsListener,
    report_wire::ReportPlacing,
    request_stats::RequestStats,
    settings::counts_by_methods,
};

use pyo3::prelude::*;

/// Adds the classes and functions of this module to `_engine`.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<RequestStats>()?;
    m.add_class::<entry::StatsEntry>()?;
    m.add_class::<error::StatsError>()?;
    m.add_class::<StatsListener>()?;
    m.add_class::<DurationsListener>()?;
    settings::register(m)?;
    limit::register(m)?;
    measures::register(m)?;
    report_wire::register(m)?;
    report::register(m)
}
