//! A run's room: what happened in it second by second, who is told of it, and the runs that are kept.
//!
//! ```text
//!  statistics ──▶ mirror ──▶ course ─┐
//!  (behind a lock, 64 entries at     ├─▶ Run ──▶ Second ──▶ Outputs: the live stream, …
//!   a time)                          │    │
//!  Source ──▶ status, info, ─────────┘    └──▶ StoredRun ──▶ Store, RunDetail ──▶ Outputs
//!  (who runs the users)  exceptions
//! ```
//!
//! One thread, the [`Recorder`], looks at the statistics once a second and whenever the state of the run changes. It copies what
//! has changed, keeps the course of the run, and tells each [`Output`]. What the numbers do not say it asks of a [`Source`],
//! which answers when it likes. No sockets and no Python here.
//! Design: `docs/design/0007-a-room-for-a-run.md`.

#![forbid(unsafe_code)]

mod classes;
mod clock;
mod course;
mod csv_files;
mod cutter;
mod detail;
pub mod dto;
mod fork;
mod glance;
mod journal;
mod keep;
mod metrics;
mod mirror;
mod numbers;
pub mod out;
mod output;
mod own;
mod owner_first;
mod pace;
mod record;
mod recorder;
mod reporters;
mod run;
mod scribe;
mod series;
mod snapshot;
mod source;
mod spread;
mod status;
pub mod store;
mod thresholds;
pub mod values;
mod verdict;
mod windows;

pub use clock::unix_now;
pub use course::{Course, Told as ToldOfSecond};
pub use csv_files::{CsvFiles, Wish, exact_percentiles, measures_csv};
pub use cutter::Cutter;
pub use detail::{Recording, ReportError, Showing, Told, report_of};
pub use fork::{Held, hold, not_for_children};
pub use metrics::metrics;
pub use mirror::Named;
pub use numbers::Numbers;
pub use output::{Output, Second};
pub use own::{Counts, DELAYS, Delays, OwnCourse};
pub use owner_first::OwnerFirst;
pub use record::Record;
pub use recorder::Recorder;
pub use reporters::{Judgement, Reporters, Told as ToldOfReport};
pub use run::Run;
pub use scribe::Scribe;
pub use series::Series;
pub use snapshot::{Wanted, take as snapshot};
pub use source::{Answer, Question, Source};
pub use status::HostStatus;
pub use thresholds::{Subject, Threshold, WrongThreshold};
pub use verdict::{Health, Level};
