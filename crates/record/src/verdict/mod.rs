//! Whether the generator was the limit of a run: what says so is gathered second by second, on the master's side of workers too,
//! and judged whenever somebody asks.
//!
//! ```text
//!  Own (counters, threads) ─▶ Health ─┐           each worker's Health comes with its reports
//!  Status (workers) ────────▶ Crew ───┼─▶ reasons ─▶ dto::Verdict
//!  the run's numbers ─────────────────┘
//! ```
//!
//! Green: nothing speaks against the numbers. Amber: something does, and they may be a little off. Red: they are the generator's as
//! much as the server's. What each reason is and from where on it counts is in [`reasons`].

mod crew;
mod health;
mod limits;
mod reasons;

pub use health::Health;
pub use reasons::Level;

pub(crate) use crew::Crew;
pub(crate) use health::Moment;
pub(crate) use reasons::{Facts, judge};
