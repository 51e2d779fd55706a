//! What the program sees of itself.

use serde::{Deserialize, Serialize};

use super::Shares;

wire! {
    GENERATOR:

    /// What one second, or some of them, was like for the program itself. Times in ms; numbers a second, unless said otherwise.
    pub struct Generator {
        /// Begin, unix seconds.
        pub at: f64,
        /// Seconds that it covers.
        pub seconds: f64,
        /// How late the thread that runs the users took up what had come for it: mean.
        pub lag: Option<f64>,
        /// Longest.
        pub lag_max: Option<f64>,
        /// Tasks that began after a wait.
        pub starts: f64,
        /// Those that began more than 8 ms later than their wait said.
        pub late: f64,
        /// How much later than their wait said tasks began: mean.
        pub start_delay: Option<f64>,
        /// Longest.
        pub start_delay_max: Option<f64>,
        /// Turns of the thread that runs the users in which it took up what had come.
        pub turns: f64,
        /// How often it was woken.
        pub wakes: f64,
        /// Answers taken up in a turn.
        pub completions_per_turn: Option<f64>,
        /// Requests and other wishes that an I/O thread took at a time.
        pub commands_per_round: Option<f64>,
        /// Most that waited between these threads at a time, either way.
        pub queue: u64,
        /// How often the thread that runs the users had to wait for the statistics.
        pub lock_waits: f64,
        /// How long altogether.
        pub lock_wait: f64,
        /// Connections of the users at its end.
        pub connections: u64,
        /// Processor time of each kind of thread: 1 is a whole core. `main` runs the users.
        pub cpu: Shares,
        /// How long each kind of thread could have gone on, but had no processor: 1 is one thread all the time.
        pub cpu_wait: Shares,
    }

    /// The same through a run.
    pub struct GeneratorCourse {
        /// The last second, also while no test runs.
        pub latest: Generator,
        /// Oldest first.
        pub points: Vec<Generator>,
        /// How each worker fared in the present run, or in the last.
        pub workers: Vec<WorkerHealth>,
    }

    /// What a worker saw of itself in a run. Times in ms.
    pub struct WorkerHealth {
        /// Its id.
        pub id: String,
        /// Seconds that it looked at.
        pub seconds: u64,
        /// Processor time of the thread that runs its users: mean, 1 is a whole core.
        pub main: f64,
        /// The same of its busiest I/O thread.
        pub io: f64,
        /// In so many seconds one of these had nothing left to give.
        pub full: u64,
        /// 99 of 100 answers were taken up within this time; 0: nobody waited.
        pub lag: f64,
        /// 99 of 100 tasks began this much later than their wait said at most.
        pub start_delay: f64,
        /// Tasks that began more than 8 ms late.
        pub late: u64,
        /// Most connections at a time.
        pub connections: u64,
    }
}
