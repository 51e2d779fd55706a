//! Numbers only: samples, entries, histograms, snapshots. No clock, no I/O, no threads.
//!
//! [`RequestStats`] is the owner of everything one process measured. It keeps, per (method, name) and in total,
//! two views of the same response times:
//!
//! * Locust's rounded buckets ([`Buckets`]), because tables, CSV, JSON and the cluster's wire are defined on them;
//! * an exact histogram with three significant digits in microseconds ([`Histogram`]), for true percentiles.
//!
//! # Memory
//!
//! An entry with a handful of samples costs about one kilobyte and grows only with the number of *different*
//! response times. Three documented limits bound the rest: [`MAX_NAMES`], [`MAX_ERRORS`] and [`SECONDS_BUDGET`].
#![forbid(unsafe_code)]
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests have a clock"))]

mod bucket;
mod durations;
mod entry;
mod error;
mod histogram;
mod latencies;
mod measures;
mod number;
mod phases;
mod placing;
mod request_stats;
mod seconds;
mod slice;
mod slices;
mod snapshot;
pub mod varint;
mod window;
mod wire;

pub use bucket::{Buckets, bucket_response_time, percentile_of};
pub use durations::{Durations, Series};
pub use entry::{Entry, Sample, Span};
pub use error::{ErrorRecord, ErrorSeed, ErrorTable, MAX_ERRORS, OVERFLOW_ERROR, Tally};
pub use histogram::{Histogram, rank};
pub use latencies::{Latencies, Latency, MOST_LATENCY_NAMES};
pub use measures::{MAX_MEASURES, Measure, MeasureKey, MeasureKind, MeasureMarks, Measures, roundest};
pub use number::Number;
pub use phases::{Phase, PhaseTimes, Phases};
pub use placing::{Of, Piece, Placed, Placing};
pub use request_stats::{
    Details, EntryId, MAX_NAMES, OVERFLOW_NAME, Report, RequestStats, SECONDS_BUDGET, Warning,
};
pub use seconds::Seconds;
pub use slice::{BySecond, Mark, Slice, by_second, merge_slots};
pub use slices::{MOST_SECONDS, OfName, Slices};
pub use snapshot::{EntrySnapshot, ErrorSnapshot, Snapshot, SnapshotOptions, WindowTimes};
pub use window::{CachedTimes, DEFAULT_WINDOW_SECONDS, Window};
pub use wire::EntryWire;
