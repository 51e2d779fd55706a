//! Users, spawning, waits and run state; knows nothing of Python, web or the command line.
//!
//! Nothing here looks at a clock: whoever calls says what time it is, so that everything can be tested in virtual time.
//!
//! * [`arrivals`]: iterations that begin at a rate, whatever becomes of those before
//! * [`wheel`]: the timers that waiting users sit on
//! * [`dispatch`]: who is to run where, and when the next users are due
//! * [`run`]: where a run is, who runs in it, and what a step of the plan demands
#![forbid(unsafe_code)]
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests have a clock"))]

pub mod arrivals;
pub mod dispatch;
pub mod run;
pub mod wheel;
