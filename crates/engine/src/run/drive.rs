//! Runs a run against a clock.

use super::Runner;
use crate::host::{Clock, Observer, UserHost};

/// Polls `runner` as it asks to be until the run is over, or until there is nothing left that could happen without another
/// command.
pub fn drive(
    runner: &mut Runner,
    host: &mut impl UserHost,
    clock: &mut impl Clock,
    observer: &mut impl Observer,
) {
    while let Some(due) = runner.poll(clock.now(), host, observer) {
        if runner.is_over() {
            break;
        }
        clock.sleep_until(due);
    }
}
