//! Figures that are asked for one by one: the course of a name, phases, windows.

use serde::{Deserialize, Serialize};

use super::Bin;

wire! {
    FIGURES:

    /// The course of one name; all lists are of one length, seconds without requests are left out.
    pub struct NameHistory {
        /// Method.
        pub method: String,
        /// Name.
        pub name: String,
        /// Seconds a point covers.
        pub stride: u32,
        /// When the run's first point really begins, unix seconds.
        pub began: f64,
        /// When its last point really ends.
        pub until: f64,
        /// Begin of the point, unix seconds.
        pub at: Vec<f64>,
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
        /// By chart fraction, then point, ms.
        pub percentiles: Vec<Vec<Option<f64>>>,
    }

    /// Where the time of requests went: means in ms, column by column.
    pub struct Phases {
        /// Which name; −1 for the total.
        pub id: Vec<i32>,
        /// Method.
        pub method: Vec<String>,
        /// Name.
        pub name: Vec<String>,
        /// Requests whose phases are known.
        pub count: Vec<u64>,
        /// Waiting to be sent, which is no part of the response time.
        pub blocked: Vec<f64>,
        /// Waiting for a place among the connections.
        pub queue: Vec<f64>,
        /// Looking up the host.
        pub dns: Vec<f64>,
        /// Connecting.
        pub connect: Vec<f64>,
        /// TLS handshake.
        pub tls: Vec<f64>,
        /// Sending the request.
        pub send: Vec<f64>,
        /// Waiting for the first byte.
        pub wait: Vec<f64>,
        /// Reading the response.
        pub receive: Vec<f64>,
        /// How long each phase took in all requests; those that took no time in any are left out.
        pub times: Vec<PhaseFigures>,
    }

    /// How long one phase took, of the requests in which it took any time. Times in ms.
    pub struct PhaseFigures {
        /// Which: a name of a column of [`Phases`].
        pub phase: String,
        /// Such requests.
        pub count: u64,
        /// Median.
        pub p50: f64,
        /// 90 % took at most this.
        pub p90: f64,
        /// 95 %.
        pub p95: f64,
        /// 99 %.
        pub p99: f64,
        /// Longest.
        pub max: f64,
    }

    /// A check or a metric of the script's own.
    pub struct Measure {
        /// `check`, `rate`, `counter` or `trend`.
        pub kind: String,
        /// Its name.
        pub name: String,
        /// What came of it, in words.
        pub shown: String,
        /// How often something was told of it.
        pub count: u64,
        /// Of a check or rate: how often it was so.
        pub good: u64,
        /// Sum of the values.
        pub sum: f64,
        /// Of a trend: smallest value.
        pub min: Option<f64>,
        /// Largest.
        pub max: Option<f64>,
        /// Mean.
        pub avg: Option<f64>,
        /// Median.
        pub p50: Option<f64>,
        /// 95 %.
        pub p95: Option<f64>,
        /// 99 %.
        pub p99: Option<f64>,
    }

    /// What the start form has in a field, as the program would read it.
    pub struct FieldValue {
        /// The number; null for an empty run time, or if it is none.
        pub value: Option<f64>,
        /// Why no test can have it.
        pub problem: Option<String>,
    }

    /// The fields of the start form that are numbers.
    pub struct FieldValues {
        /// Users.
        pub user_count: FieldValue,
        /// Users started a second.
        pub spawn_rate: FieldValue,
        /// Length of the run in seconds.
        pub run_time: FieldValue,
    }

    /// Percentiles over time: exact ones of stretches that are long enough for them.
    pub struct Fan {
        /// Seconds of a stretch.
        pub width: u32,
        /// Begin of each, unix seconds.
        pub at: Vec<f64>,
        /// Requests with a response time.
        pub requests: Vec<u64>,
        /// Of `percentiles`, rising: 0 is the shortest response time, 1 the longest.
        pub fractions: Vec<f64>,
        /// By fraction, then stretch, ms.
        pub percentiles: Vec<Vec<Option<f64>>>,
    }

    /// Requests by how long they took.
    pub struct Bands {
        /// In ms, rising.
        pub bounds: Vec<f64>,
        /// Those that took at most the first bound, those that took longer but at most the second, and so on; the last took longer
        /// than any.
        pub requests: Vec<u64>,
        /// Requests without a response time.
        pub untimed: u64,
    }

    /// Users of each class, whenever that changed.
    pub struct ClassUsers {
        /// From the second that begins then on, unix seconds.
        pub at: Vec<f64>,
        /// Names of the classes.
        pub classes: Vec<String>,
        /// By class, then change.
        pub users: Vec<Vec<u64>>,
    }

    /// The numbers of some seconds of a run.
    pub struct Window {
        /// Begin of the first second, unix.
        pub from: f64,
        /// End of the last.
        pub to: f64,
        /// Requests.
        pub requests: u64,
        /// Failures.
        pub failures: u64,
        /// Requests per second.
        pub rps: f64,
        /// Failures per second.
        pub fps: f64,
        /// Smallest response time, ms.
        pub min: Option<f64>,
        /// Largest.
        pub max: Option<f64>,
        /// Mean.
        pub avg: Option<f64>,
        /// Of `percentiles`.
        pub fractions: Vec<f64>,
        /// Exact, ms.
        pub percentiles: Vec<Option<f64>>,
        /// Smallest and largest response time (ms) and number of requests of each bin.
        pub bins: Vec<Bin>,
    }
}
