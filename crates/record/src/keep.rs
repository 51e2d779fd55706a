//! Keeping a run that has ended.

use std::time::Duration;

use crate::dto;
use crate::record::Record;
use crate::status::HostStatus;
use crate::store::StoredRun;

/// How long the word on the run's parameters is waited for; the run is kept without it after that.
const PATIENCE: Duration = Duration::from_secs(3);

/// Keeps the run that has just ended, if there is a store and something to keep. All of it, with its id if it was kept.
pub(crate) fn keep(record: &Record, status: &HostStatus, now: f64) -> dto::RunDetail {
    let info = record.info(PATIENCE);
    if let Some(exceptions) = record.take_exceptions() {
        record.run_mut().set_exceptions(exceptions);
    }
    let (run, number) = {
        let run = record.run();
        (StoredRun::of(&run, status, info, now), run.number())
    };
    let mut detail = run.detail();
    detail.history.run = number;
    if let Some(store) = record.store().filter(|_| run.summary.requests > 0) {
        match store.save(&run) {
            Ok(id) => detail.summary.id = id,
            Err(error) => record.source.warn(format!("This run is not kept: {error}")),
        }
    }
    detail
}
