//! A run from its start to its stop: where it is, who runs in it, and what a step of the plan demands. Time is injected.

mod life;
mod population;
mod state;

pub use life::{Changes, Mark, RampId, Run, Transition};
pub use population::Population;
pub use state::State;
