//! A server whose answers take a known time, to within some 50 µs, and that keeps an exact log of what they took.
//!
//! One thread does everything: it sleeps on a timer descriptor until shortly before the next answer is due, then polls
//! without sleeping until the moment has come. While it polls it still takes new requests, so their arrival is stamped in
//! time. The service time in the log runs from the moment the request was seen to the moment the answer was handed to
//! the kernel; what a client measures on top is loopback and its own delay.

mod connection;
mod log;
mod plan;
mod server;

pub use self::log::Service;
pub use self::plan::{BIMODAL_EVERY, Plan, STALL};
pub use self::server::DelayServer;
