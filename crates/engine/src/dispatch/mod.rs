//! Which users to run where, and when to add or remove the next ones. Pure: no clock, no I/O, no threads.
//!
//! * [`weights`]: the order in which classes are picked (Locust's Kullback-Leibler rule, and users with a fixed count)
//! * [`plan`]: how many users of each class every worker should run
//! * [`ramp`]: how many users to add at a time, and when
//! * `moves`: who runs where when workers come and go
//! * [`dispatcher`]: all of it together; one dispatch leads from the present number of users to another

pub mod dispatcher;
mod moves;
pub mod plan;
pub mod ramp;
pub mod weights;

pub use dispatcher::{DispatchError, Dispatcher, Step};
pub use plan::Plan;
pub use ramp::{Pace, Ramp};
pub use weights::{KlSequence, UserClass, UserSequence};
