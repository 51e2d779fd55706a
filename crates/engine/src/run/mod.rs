//! A run from its start to its stop: commands in, events out, time injected.

mod command;
mod drive;
mod roster;
mod runner;
mod state;
mod ticker;

pub use command::{Command, Event};
pub use drive::drive;
pub use runner::{Runner, Settings};
pub use state::State;
pub use ticker::Ticker;
