//! What has become of the arrivals of an open run.

use serde::{Deserialize, Serialize};

wire! {
    ARRIVALS:

    /// The iterations of an open run, since it began. Numbers of all processes.
    pub struct Arrivals {
        /// How many are to begin per second, at the moment.
        pub rate: f64,
        /// Those that were to begin.
        pub due: u64,
        /// Those of them that a user has begun, or is about to.
        pub begun: u64,
        /// Those that began more than 8 ms after they were to.
        pub late: u64,
        /// Those that were not begun: no user was free, and there was no room for another one.
        pub dropped: u64,
        /// Those that wait for a user that is being started.
        pub waiting: u64,
        /// Those of workers that have gone before they told what became of them.
        pub lost: u64,
        /// Most users at a time.
        pub most_users: u64,
        /// How much later than they were to iterations began, what their first requests waited before they were sent included: how many up to
        /// 1/4 ms, up to 1/2 ms, and so on, twice as long each.
        pub delays: Vec<u64>,
        /// All of that together, in ms.
        pub delay_sum: f64,
        /// Longest, in ms.
        pub delay_max: f64,
        /// How long requests took, in both ways.
        pub latencies: Latencies,
    }

    /// Both latencies of the requests of an open run.
    pub struct Latencies {
        /// Which one all other numbers are of: `intended` or `service`.
        pub reads: String,
        /// Of [`LatencyRow::service`] and [`LatencyRow::intended`].
        pub fractions: Vec<f64>,
        /// The total, then those names that have the most requests.
        pub rows: Vec<LatencyRow>,
    }

    /// Both latencies of a name, in ms.
    pub struct LatencyRow {
        /// Method.
        pub method: String,
        /// Name.
        pub name: String,
        /// Requests with a response time.
        pub requests: u64,
        /// From the request's start to its end.
        pub service: Vec<f64>,
        /// From the moment at which it was to start to its end.
        pub intended: Vec<f64>,
    }
}
