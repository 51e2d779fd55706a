//! What the numbers do not say is asked of whoever runs the users.

use std::fmt;

use crate::dto;
use crate::own::Counts;

/// Whoever runs the users.
pub trait Source: Send + Sync + 'static {
    /// Asks, without waiting. The answer may come later and from any thread; dropping it is an answer too.
    fn ask(&self, question: Question, answer: Answer);

    /// What has been counted of the program itself until now, for whoever keeps the record and nobody else. Answered at once, by the
    /// calling thread.
    fn counts(&self) -> Counts {
        Counts::default()
    }

    /// Both latencies of the requests until now; `None`: [`Question::Status`] tells of them, or there are none. Answered at once, by the
    /// calling thread: with many names it takes longer than whoever runs the users could spare.
    fn latencies(&self) -> Option<dto::Latencies> {
        None
    }

    /// Tells the user of something that did not work, in the program's log.
    fn warn(&self, message: String);

    /// Has the run ended, because of this threshold.
    fn stop(&self, threshold: String);
}

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// State, users and settings of the run, as [`crate::HostStatus`]. Asked once a second.
    Status,
    /// Parameters and environment of the run, as JSON.
    Info,
    /// Exceptions that tasks raised: a list of [`crate::dto::Exception`].
    Exceptions,
}

impl Question {
    /// The name by which the other side knows it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Info => "run_info",
            Self::Exceptions => "exceptions",
        }
    }
}

type Then = Box<dyn FnOnce(Option<&[u8]>) + Send>;

/// Where an answer goes. Dropped without one, the asker is told so.
pub struct Answer(Option<Then>);

impl Answer {
    /// Has `then` called with the answer, on the answering thread; with `None` if there will be none.
    pub fn then(then: impl FnOnce(Option<&[u8]>) + Send + 'static) -> Self {
        Self(Some(Box::new(then)))
    }

    /// Answers with JSON.
    pub fn give(mut self, json: &[u8]) {
        if let Some(then) = self.0.take() {
            then(Some(json));
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(then) = self.0.take() {
            then(None);
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}
