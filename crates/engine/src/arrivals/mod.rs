//! The open model: when iterations are to begin, and which user begins them. Pure: no clock, no I/O, no threads.
//!
//! In a closed run each user begins its next task when it has finished the last one, so that a slow system under test is asked less. Here
//! iterations arrive at a rate, whatever becomes of those before.
//!
//! * [`profile`]: the rate as a function of time, and how it is written
//! * [`schedule`]: the moments of arrivals, and which of them are this process's
//! * [`pool`]: the users that arrivals are given to

pub mod pool;
pub mod profile;
pub mod schedule;

pub use pool::{Deed, Lane, Pool, Totals};
pub use profile::{Profile, WrongRate};
pub use schedule::{Pattern, Schedule, Share};
