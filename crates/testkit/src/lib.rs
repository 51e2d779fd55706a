//! Development only: calibrated delays, misbehaving servers, snapshot filters.
//!
//! * [`delay`] answers after an exact time and keeps its own log of it: the yardstick of the trust tests.
//! * [`control`] is the plainest client, whose error against that log is the noise of the machine.
//! * [`misbehave`] does everything a server should not do.
//! * [`filter`] makes console output comparable between runs.
//!
//! The binary `gregaria-testkit` offers the servers to the Python tests.
#![forbid(unsafe_code)]

pub mod control;
pub mod delay;
pub mod filter;
pub mod misbehave;
