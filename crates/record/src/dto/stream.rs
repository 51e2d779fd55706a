//! What the live stream sends.

use serde::{Deserialize, Serialize};

use super::{AnyNumber, Arrivals, Counts, Measure, Outcome, RunState, Verdict};

wire! {
    STREAM:

    /// First event of each connection.
    pub struct Hello {
        /// Names this start of the server.
        pub boot: String,
        /// Version of the program.
        pub version: String,
        /// Whether the stream goes on where the connection before it ended.
        pub resumed: bool,
        /// Number of the last event.
        pub seq: u64,
        /// Number of the present or last run.
        pub run: u32,
        /// The server's clock, unix seconds.
        pub now: f64,
        /// Of [`Rows::percentiles`].
        pub fractions: Vec<f64>,
        /// Of [`History::percentiles`] and [`Point::percentiles`].
        pub chart_fractions: Vec<f64>,
        /// Those a chart shows at first.
        pub default_chart_fractions: Vec<f64>,
        /// Those a table shows at first.
        pub default_table_fractions: Vec<f64>,
        /// Whether runs are kept.
        pub store: bool,
        /// Runs since the server began.
        pub runs: Vec<RunMark>,
        /// State of the run.
        pub status: Status,
    }

    /// One run since the server began.
    pub struct RunMark {
        /// Number.
        pub run: u32,
        /// Unix seconds.
        pub started: f64,
        /// Unix seconds.
        pub ended: Option<f64>,
        /// In the store.
        pub id: Option<String>,
    }

    /// State of the run.
    pub struct Status {
        /// Locust's word.
        pub state: RunState,
        /// Users that run.
        pub user_count: u64,
        /// Users wanted.
        pub target_user_count: Option<u64>,
        /// Users started a second.
        pub spawn_rate: Option<f64>,
        /// Base URL of the system under test.
        pub host: Option<String>,
        /// Unix seconds.
        pub started: Option<f64>,
        /// Unix seconds.
        pub ended: Option<f64>,
        /// Length wanted, in seconds.
        pub run_time: Option<f64>,
        /// Name of the shape class.
        pub shape: Option<String>,
        /// Profile.
        pub profile: Option<String>,
        /// Users of each class.
        pub user_classes: Counts,
        /// Whether there are workers.
        pub is_distributed: bool,
        /// The workers.
        pub workers: Vec<Worker>,
        /// Seconds since the main thread last answered.
        pub lag: f64,
        /// What has become of the arrivals, if the run is an open one.
        pub arrivals: Option<Arrivals>,
        /// Its warm-up, if it has one.
        pub warm_up: Option<WarmUp>,
    }

    /// The first seconds of a run, of which nothing is among its numbers.
    pub struct WarmUp {
        /// How many.
        pub seconds: f64,
        /// Whether it goes on.
        pub goes_on: bool,
        /// Seconds until its end.
        pub left: f64,
        /// Whether the run has ended within it.
        pub cut_off: bool,
        /// Requests that are left out.
        pub requests: u64,
        /// Failures among them.
        pub failures: u64,
        /// Exceptions of tasks that are left out.
        pub exceptions: u64,
        /// All of that in words.
        pub said: String,
    }

    /// One worker.
    pub struct Worker {
        /// Identity.
        pub id: String,
        /// Its machine.
        pub host: String,
        /// Counted in the order in which they came.
        pub index: Option<u64>,
        /// Whether it has told of its CPU and memory.
        pub reported: bool,
        /// What is wrong with it, in words; empty: nothing.
        pub problem: String,
        /// State.
        pub state: String,
        /// Users.
        pub user_count: u64,
        /// Percent.
        pub cpu_usage: AnyNumber,
        /// Bytes.
        pub memory_usage: AnyNumber,
    }

    /// The course of a run; all lists are of one length.
    pub struct History {
        /// Number of the run.
        pub run: u32,
        /// Seconds a point covers.
        pub stride: u32,
        /// Whether this follows what the page has, or replaces it.
        pub append: bool,
        /// When the first point really begins, unix seconds: the run did within that second.
        pub began: f64,
        /// When the last point really ends.
        pub until: f64,
        /// Begin of the point, unix seconds.
        pub at: Vec<f64>,
        /// Users.
        pub users: Vec<u64>,
        /// Requests per second.
        pub rps: Vec<f64>,
        /// Failures per second.
        pub fps: Vec<f64>,
        /// Requests until then.
        pub requests: Vec<u64>,
        /// Failures until then.
        pub failures: Vec<u64>,
        /// Mean response time of the point, ms.
        pub avg: Vec<Option<f64>>,
        /// By fraction, then point: exact response times of the point, ms.
        pub percentiles: Vec<Vec<Option<f64>>>,
        /// The same of the latency that all other numbers are not of; empty, unless the run is an open one.
        pub other: Vec<Vec<Option<f64>>>,
    }

    /// One point of a [`History`].
    pub struct Point {
        /// Begin, unix seconds.
        pub at: f64,
        /// Users.
        pub users: u64,
        /// Requests per second.
        pub rps: f64,
        /// Failures per second.
        pub fps: f64,
        /// Requests until then.
        pub requests: u64,
        /// Failures until then.
        pub failures: u64,
        /// Mean response time, ms.
        pub avg: Option<f64>,
        /// By fraction, ms.
        pub percentiles: Vec<Option<f64>>,
        /// The same of the latency that all other numbers are not of; empty, unless the run is an open one.
        pub other: Vec<Option<f64>>,
        /// Seconds it covers.
        pub stride: u32,
        /// When it really ends, unix seconds.
        pub until: f64,
    }

    /// Rows of the table of statistics, column by column; all lists are of one length. Times in ms. Rates of the whole run
    /// are `requests / elapsed` and `failures / elapsed`.
    pub struct Rows {
        /// Which name; −1 for the total.
        pub id: Vec<i32>,
        /// Requests.
        pub requests: Vec<u64>,
        /// Failures.
        pub failures: Vec<u64>,
        /// Mean; 0 without response times, as the next two.
        pub avg: Vec<f64>,
        /// Smallest.
        pub min: Vec<f64>,
        /// Largest.
        pub max: Vec<f64>,
        /// Mean size in bytes.
        pub size: Vec<f64>,
        /// Current requests per second.
        pub rps: Vec<f64>,
        /// Current failures per second.
        pub fps: Vec<f64>,
        /// By fraction, then row: exact response times; null without any.
        pub percentiles: Vec<Vec<Option<f64>>>,
    }

    /// A name that requests were counted under.
    pub struct Name {
        /// Its number.
        pub id: i32,
        /// Method.
        pub method: String,
        /// Name.
        pub name: String,
    }

    /// What has changed since the event before.
    pub struct Tick {
        /// Number of the event.
        pub seq: u64,
        /// Number of the run.
        pub run: u32,
        /// Unix seconds.
        pub at: f64,
        /// Whether names, rows and errors known so far are to be forgotten first.
        pub full: bool,
        /// State of the run.
        pub status: Status,
        /// Seconds from the start of the statistics to the last request.
        pub elapsed: f64,
        /// Start of the statistics, unix seconds: of the run, or when they were last reset.
        pub since: f64,
        /// The total, one row.
        pub total: Rows,
        /// New names.
        pub names: Vec<Name>,
        /// Changed rows.
        pub rows: Rows,
        /// New and changed failures.
        pub errors: Vec<Failure>,
        /// How each threshold stands.
        pub thresholds: Vec<Threshold>,
        /// Whether the generator keeps up.
        pub verdict: Verdict,
        /// Checks and metrics of the script's own: all of them.
        pub measures: Vec<Measure>,
        /// The seconds of which everything is known now, oldest first.
        pub points: Vec<Point>,
    }

    /// A kind of failure.
    pub struct Failure {
        /// Names it.
        pub key: String,
        /// Method.
        pub method: String,
        /// Name.
        pub name: String,
        /// Text.
        pub error: String,
        /// How often.
        pub occurrences: u64,
        /// Unix seconds.
        pub first_seen: Option<f64>,
        /// Unix seconds.
        pub last_seen: Option<f64>,
    }

    /// A threshold and how it stands.
    pub struct Threshold {
        /// As it was written.
        pub text: String,
        /// Whose requests: `all`, a name, or `~` and an expression.
        pub subject: String,
        /// Which number of them.
        pub metric: String,
        /// What it has to be.
        pub required: String,
        /// How it stands.
        pub outcome: Outcome,
        /// The limit in ms, if it is one of response times.
        pub limit: Option<f64>,
        /// The number: of the whole run, or of the worst window. Milliseconds, a share of one, per second, or a number.
        pub measured: Option<f64>,
        /// The same with its unit.
        pub shown: Option<String>,
        /// What more there is to say of it, in words.
        pub detail: String,
        /// When it was first broken for good, in seconds since the run began.
        pub at: Option<f64>,
        /// Whether it is only told of: then it breaks nothing.
        pub warn: bool,
        /// Whether the run ends when it is broken.
        pub stop: bool,
    }

    /// All exceptions.
    pub struct Exceptions {
        /// In order of first occurrence.
        pub exceptions: Vec<Exception>,
    }

    /// An exception that a task raised.
    pub struct Exception {
        /// How often.
        pub count: u64,
        /// Class of the exception, if that is known.
        pub kind: String,
        /// Text.
        pub msg: String,
        /// User classes in whose tasks it happened, separated by commas, if that is known.
        pub users: String,
        /// The tasks, the same way.
        pub tasks: String,
        /// Traceback.
        pub traceback: String,
        /// Where, separated by commas.
        pub nodes: String,
        /// Unix seconds.
        pub first_seen: Option<f64>,
        /// Unix seconds.
        pub last_seen: Option<f64>,
    }

    /// Lines of the log.
    pub struct Logs {
        /// Whether they follow what the page has.
        pub append: bool,
        /// Oldest first.
        pub lines: Vec<LogLine>,
    }

    /// One record of the log.
    pub struct LogLine {
        /// Counts up.
        pub seq: u64,
        /// Unix seconds.
        pub at: Option<f64>,
        /// Python's number: 20 info, 30 warning, 40 error.
        pub level: i32,
        /// `master`, or a worker.
        pub node: String,
        /// As formatted; may be of several lines.
        pub line: String,
    }

    /// A run is over and its numbers are final.
    pub struct End {
        /// Number of the run.
        pub run: u32,
        /// In the store.
        pub id: Option<String>,
        /// Unix seconds.
        pub started: f64,
        /// Unix seconds.
        pub ended: f64,
        /// Seconds from the start of the statistics to the last request.
        pub elapsed: f64,
        /// The total, one row.
        pub total: Rows,
        /// Requests.
        pub requests: u64,
        /// Failures.
        pub failures: u64,
    }

    /// The server is going.
    pub struct Bye {
        /// `shutdown`.
        pub reason: String,
    }
}
