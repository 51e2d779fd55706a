//! A server whose answers take a known time, to within some 50 µs, and that keeps an exact log of what they took.
//!
//! One thread does everything: it sleeps on a timer descriptor until shortly before the next answer is due, then polls
//! without sleeping until the moment has come. The service time in the log runs from the moment at which the kernel had
//! the request (by its own timestamp: on a busy machine this thread may see it much later) to the moment at which the
//! answer is handed to the kernel (before the write, which wakes the client and may cost this thread its processor). What
//! a client measures on top is loopback and its own delay.

mod connection;
mod log;
mod plan;
mod server;
mod stamp;

pub use self::log::Service;
pub use self::plan::{BIMODAL_EVERY, Plan, STALL};
pub use self::server::DelayServer;
