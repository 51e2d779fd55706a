//! Keeping a run that has ended.

use std::time::Duration;

use crate::dto;
use crate::journal::Journal;
use crate::record::Record;
use crate::status::HostStatus;
use crate::store::StoredRun;

/// How long the word on the run's parameters is waited for; the run is kept without it after that.
const PATIENCE: Duration = Duration::from_secs(3);

/// Keeps the run that has just ended, if there is a store and something to keep: in place of its journal. All of it, with its id if
/// it was kept.
pub(crate) fn keep(
    record: &Record,
    status: &HostStatus,
    now: f64,
    mut journal: Option<&mut Journal>,
) -> dto::RunDetail {
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
        let begun = journal.as_ref().and_then(|journal| journal.id()).map(str::to_owned);
        let saved = match begun {
            Some(id) => store.save_as(&id, &run).map(|()| id),
            None => store.save(&run),
        };
        match saved {
            Ok(id) => detail.summary.id = id,
            Err(error) => {
                record.source.warn(format!("This run is not kept: {error}"));
                if let Some(journal) = journal.take() {
                    journal.leave();
                }
            }
        }
    }
    if let Some(journal) = journal {
        journal.done();
    }
    detail
}
