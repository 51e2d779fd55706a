//! Runs that are kept, and what goes wrong.

use serde::{Deserialize, Serialize};

use super::{
    Arrivals, Bands, ClassUsers, Counts, Exception, Failure, Fan, Generator, History, Info, Measure, Name,
    Phases, Rows, Threshold, Verdict,
};

wire! {
    RUNS:

    /// The runs that are kept.
    pub struct RunList {
        /// Newest first.
        pub runs: Vec<RunSummary>,
        /// Bytes they take.
        pub bytes: u64,
        /// Bytes they may take.
        pub max_bytes: u64,
        /// Files that could not be read.
        pub problems: Vec<String>,
    }

    /// A run in a line.
    pub struct RunSummary {
        /// In the store.
        pub id: String,
        /// Unix seconds.
        pub started: f64,
        /// Unix seconds.
        pub ended: f64,
        /// Seconds.
        pub duration: f64,
        /// Start of the statistics, unix seconds: later than the run's if they were reset while it went on.
        pub since: f64,
        /// Seconds from then to the last request, which rates refer to.
        pub elapsed: f64,
        /// Base URL of the system under test.
        pub host: Option<String>,
        /// Script.
        pub locustfile: Option<String>,
        /// Profile.
        pub profile: Option<String>,
        /// Requests.
        pub requests: u64,
        /// Failures.
        pub failures: u64,
        /// Failures per request.
        pub fail_ratio: f64,
        /// Requests per second.
        pub rps: f64,
        /// Mean response time, ms.
        pub avg: f64,
        /// Exact percentiles, ms.
        pub p50: Option<f64>,
        /// 95 %.
        pub p95: Option<f64>,
        /// 99 %.
        pub p99: Option<f64>,
        /// Most users at a time.
        pub max_users: u64,
        /// Names requests were counted under.
        pub names: u64,
        /// What somebody called it.
        pub name: String,
        /// What somebody wrote about it.
        pub note: String,
        /// Whether it stays when others make room.
        pub pinned: bool,
        /// Size of the file.
        pub bytes: u64,
        /// Whether the program was killed while it went on: what had been written by then is all there is.
        pub cut_off: bool,
    }

    /// What somebody says of a run that is kept.
    pub struct Labels {
        /// What it is called.
        pub name: String,
        /// What there is to know of it.
        pub note: String,
        /// Whether it stays when others make room.
        pub pinned: bool,
    }

    /// All of a run that is kept, but for what is asked for by window or name.
    pub struct RunDetail {
        /// In a line.
        pub summary: RunSummary,
        /// Parameters and environment.
        pub info: Info,
        /// Of [`Rows::percentiles`].
        pub fractions: Vec<f64>,
        /// Of [`History::percentiles`].
        pub chart_fractions: Vec<f64>,
        /// Seconds from the start of the statistics to the last request.
        pub elapsed: f64,
        /// Names.
        pub names: Vec<Name>,
        /// The total.
        pub total: Rows,
        /// All names' rows.
        pub rows: Rows,
        /// Failures.
        pub errors: Vec<Failure>,
        /// Exceptions.
        pub exceptions: Vec<Exception>,
        /// The course.
        pub history: History,
        /// Where the time went.
        pub phases: Phases,
        /// How each threshold stood at the end.
        pub thresholds: Vec<Threshold>,
        /// Whether the generator was the limit.
        pub verdict: Verdict,
        /// Checks and metrics of the script's own.
        pub measures: Vec<Measure>,
        /// What the program saw of itself, oldest first; empty if nobody looked.
        pub generator: Vec<Generator>,
        /// What has become of the arrivals, if it was an open run.
        pub arrivals: Option<Arrivals>,
        /// Answers by their status; `0`: there was none.
        pub statuses: Counts,
        /// Users of each class.
        pub classes: ClassUsers,
        /// Percentiles over time.
        pub fan: Fan,
        /// Requests by how long they took.
        pub bands: Bands,
    }

    /// Two runs side by side.
    pub struct Comparison {
        /// First.
        pub a: RunSummary,
        /// Second.
        pub b: RunSummary,
        /// The total, then each name of either.
        pub rows: Vec<ComparisonRow>,
    }

    /// One name of two runs.
    pub struct ComparisonRow {
        /// Method.
        pub method: String,
        /// Name.
        pub name: String,
        /// In the first.
        pub a: Option<CompareRow>,
        /// In the second.
        pub b: Option<CompareRow>,
    }

    /// The numbers that are compared. Times in ms.
    pub struct CompareRow {
        /// Requests.
        pub requests: u64,
        /// Failures.
        pub failures: u64,
        /// Requests per second.
        pub rps: f64,
        /// Mean.
        pub avg: f64,
        /// Smallest.
        pub min: f64,
        /// Largest.
        pub max: f64,
        /// Exact percentiles.
        pub p50: Option<f64>,
        /// 95 %.
        pub p95: Option<f64>,
        /// 99 %.
        pub p99: Option<f64>,
    }

    /// Why there is no other answer.
    pub struct Problem {
        /// In words.
        pub error: String,
    }
}
