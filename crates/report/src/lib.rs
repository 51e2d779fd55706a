//! Snapshots to text: console tables, CSV, JSON. Pure functions; writing is the caller's.
//!
//! Layouts, rounding and order are Locust's, byte for byte; [`exact`], [`junit`] and [`markdown`] are additions of this
//! project.
#![forbid(unsafe_code)]

mod arrivals;
mod cells;
mod console;
mod csv;
pub mod json;
mod text;

pub mod exact;
pub mod facts;
pub mod figures;
pub mod junit;
pub mod live_block;
pub mod markdown;
mod measures;
pub mod prometheus;
pub mod task_ratio;
mod thresholds;
mod verdict;
mod worst;

pub use arrivals::{Arrivals, Latencies, LatencyRow, arrival_lines, latencies_csv};
pub use console::{Widths, error_lines, percentile_line, percentile_lines, stats_line, stats_lines};
pub use csv::{
    Cell, EXCEPTIONS_COLUMNS, FAILURES_COLUMNS, failure_rows, history_columns, history_rows,
    requests_columns, requests_rows, write_row,
};
pub use json::entries_json;
pub use measures::{MEASURES_COLUMNS, measure_lines, measure_rows, measure_words};
pub use text::{capital, readable_percentiles, utc_timestamp};
pub use thresholds::{Threshold, threshold_lines};
pub use verdict::{Reason, Verdict, verdict_lines};
