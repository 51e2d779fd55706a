//! Telling the user of the program what happens at its door, without filling the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::host::{Host, Level};

/// Tells the user through the host, at most once a minute for each kind.
#[derive(Debug, Default)]
pub(crate) struct Hints(Mutex<BTreeMap<&'static str, Instant>>);

impl Hints {
    /// Says it, unless it was said within the last minute.
    pub(crate) fn give(&self, host: &dyn Host, kind: &'static str, message: String) {
        self.say(host, kind, Level::Warning, message, Some(Duration::from_mins(1)));
    }

    /// Says it once.
    pub(crate) fn once(&self, host: &dyn Host, kind: &'static str, level: Level, message: String) {
        self.say(host, kind, level, message, None);
    }

    fn say(
        &self,
        host: &dyn Host,
        kind: &'static str,
        level: Level,
        message: String,
        again: Option<Duration>,
    ) {
        let now = Instant::now();
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = given.get(kind).map(|&last| now.duration_since(last));
        if last.is_none_or(|passed| again.is_some_and(|again| passed > again)) {
            given.insert(kind, now);
            drop(given);
            host.log(level, message);
        }
    }
}
