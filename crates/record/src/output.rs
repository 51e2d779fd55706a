//! Who is told of a run.

use std::time::Duration;

use crate::course::Told;
use crate::dto;
use crate::run::Run;
use crate::status::HostStatus;

/// Somebody who is told of a run while it is recorded: pages, files, other programs.
///
/// Called on the recorder's thread, one after the other, so none of them may wait for anything: what takes long goes to a thread
/// of its own.
pub trait Output: Send {
    /// Whether [`Second::told`] is wanted, which is worked out only then.
    fn wants_seconds(&self) -> bool {
        false
    }

    /// The numbers were looked at. The run cannot change until this returns.
    fn second(&mut self, second: &Second<'_>);

    /// A run is over, and kept if it is to be: its id in the store is `run.summary.id`, empty if it is not there. The number of
    /// the run is `run.history.run`.
    fn end(&mut self, run: &dto::RunDetail);
}

/// One look at the numbers of a run.
///
/// It is made at each whole second of the wall clock, as soon as the state of the run changes, and a last time at the end.
/// All numbers are those of the recorder's own copy, as they were at that moment: nothing here takes the statistics' lock. An
/// output that shows sums (a table, a scrape) reads `run` and `status` at any look; one that writes a line for each second does so
/// for each of the `points`.
#[derive(Debug, Clone, Copy)]
pub struct Second<'a> {
    /// Unix time of the look, in seconds.
    pub at: f64,
    /// What was last said of the run: its state, users, workers, parameters.
    pub status: &'a HostStatus,
    /// How long ago that was said; much more than a second when the main thread is kept busy. Zero: nothing was said yet.
    pub lag: Duration,
    /// The run: the total and each name with counters, histograms, phases and current rates ([`Run::total`], [`Run::names`]), the
    /// failures ([`Run::errors`]), the exceptions, and the course until now.
    pub run: &'a Run,
    /// What the program saw of itself in the last second: whether it keeps up with the load that it is to make.
    pub generator: &'a dto::Generator,
    /// The seconds of the course of which everything is known with this look, oldest first: their rates, users and percentiles. Mostly
    /// one, the second that is over; with workers several or none, as they tell. None when no test runs, or the look was made for
    /// another reason.
    pub points: &'a [dto::Point],
    /// The same seconds as they are: the total and each name, in order of the seconds. None, unless an output wants them.
    pub told: &'a [Told],
    /// With this look a run has begun.
    pub began: bool,
    /// With this look it is over: the numbers are final. [`Output::end`] follows.
    pub ended: bool,
    /// The numbers went back to zero, or are others: what was known of names, rows and failures counts no longer.
    pub anew: bool,
    /// Other percentiles are asked for than at the look before.
    pub other_lists: bool,
    /// The exceptions are others than at the look before.
    pub other_exceptions: bool,
    /// [`Run::seq`] at the look before: what [`Run::tick`] is to start from.
    pub since: u64,
}
