//! The answer of `/stats/requests`, kept for a while: it is what most scripts and exporters ask for, and many at once may.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// As long as Locust keeps it.
const LIFETIME: Duration = Duration::from_secs(2);

/// One answer, until it is old or forgotten.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// How often it was forgotten.
    round: u64,
    answer: Option<(Instant, Arc<str>)>,
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer, if there is one that is not too old; else the round to give to [`Self::keep`].
    pub(crate) fn get(&self, now: Instant) -> Result<Arc<str>, u64> {
        let inner = self.lock();
        match &inner.answer {
            Some((made, answer)) if now.duration_since(*made) <= LIFETIME => Ok(Arc::clone(answer)),
            _ => Err(inner.round),
        }
    }

    /// Keeps an answer, unless something was forgotten since it was begun.
    pub(crate) fn keep(&self, round: u64, answer: &str, now: Instant) {
        let mut inner = self.lock();
        if inner.round == round {
            inner.answer = Some((now, answer.into()));
        }
    }

    /// The numbers or the state are others now.
    pub(crate) fn forget(&self) {
        let mut inner = self.lock();
        inner.round += 1;
        inner.answer = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_kept_for_two_seconds_and_not_past_a_change() {
        let kept = Kept::default();
        let start = Instant::now();
        let round = kept.get(start).unwrap_err();
        kept.keep(round, "one", start);
        assert_eq!(kept.get(start + LIFETIME).as_deref(), Ok("one"));
        assert!(kept.get(start + LIFETIME + Duration::from_millis(1)).is_err());
        kept.forget();
        assert!(kept.get(start).is_err());
        // What was begun before the change does not count.
        kept.keep(round, "old", start);
        assert!(kept.get(start).is_err());
    }
}
