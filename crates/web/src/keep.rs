//! Keeping a run that has ended.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use serde_json::Value;

use crate::host::{Ask, Command, Host, Level, Outcome, Reply};
use crate::live::Live;
use crate::status::HostStatus;
use crate::store::{Store, StoredRun};

/// How long the main thread's word on the run's parameters is waited for; the run is kept without it after that.
const PATIENCE: Duration = Duration::from_secs(3);

/// Puts runs into the store, if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Keeper {
    pub(crate) store: Option<Arc<Store>>,
}

impl Keeper {
    /// Keeps the run that has just ended; its id.
    pub(crate) fn keep(&self, live: &Live, host: &dyn Host, status: &HostStatus, now: f64) -> Option<String> {
        let store = self.store.as_ref()?;
        if live.lock().mirror.total.row.requests == 0 {
            return None;
        }
        let info = run_info(host);
        let run = StoredRun::of(&live.lock(), status, info, now);
        match store.save(&run) {
            Ok(id) => Some(id),
            Err(error) => {
                host.log(Level::Warning, format!("This run is not kept: {error}"));
                None
            }
        }
    }
}

fn run_info(host: &dyn Host) -> Value {
    let (sender, receiver) = mpsc::channel();
    let reply = Reply::then(move |outcome| {
        let info = match outcome {
            Some(Outcome::Whole(answer)) => serde_json::from_slice(&answer.body).ok(),
            _ => None,
        };
        // Nobody waits any longer: too late.
        drop(sender.send(info));
    });
    host.send(Command { ask: Ask::RunInfo, reply });
    receiver.recv_timeout(PATIENCE).ok().flatten().unwrap_or(Value::Null)
}
