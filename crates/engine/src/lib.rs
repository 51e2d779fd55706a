//! Users, spawning, waits and run state; knows nothing of Python, web or the command line.
//!
//! Nothing here looks at a clock: whoever calls says what time it is, so that everything can be tested in virtual time.
//!
//! * [`wheel`]: the timers that waiting users sit on
//! * [`dispatch`]: who is to run where, and when the next users are due
//! * [`run`]: a run from its start to its stop
//! * [`shape`]: the number of users as a function of time
//! * [`host`]: the three traits by which the engine reaches outward

pub mod dispatch;
pub mod host;
pub mod run;
pub mod shape;
pub mod wheel;
