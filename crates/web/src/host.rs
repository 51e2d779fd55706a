//! What the web interface asks of the program it shows: the door through which commands go to the run's own thread.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gregaria_record::{Answer as Told, Question, Record};
use tokio::sync::{mpsc, oneshot};

/// The run that is shown. Implemented by whoever owns the thread on which users live.
pub trait Host: Send + Sync + 'static {
    /// Hands a command over without waiting. The answer goes to [`Command::reply`]; dropping that is an answer too.
    fn send(&self, command: Command);

    /// Tells the user something, in the program's log.
    fn log(&self, level: Level, message: String);
}

/// How much something matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something is not as it should be.
    Warning,
    /// Something did not work.
    Error,
}

/// One thing asked, and where the answer goes.
#[derive(Debug)]
pub struct Command {
    /// What is asked.
    pub ask: Ask,
    /// Where the answer goes.
    pub reply: Reply,
}

/// What can be asked.
#[derive(Debug, Clone)]
pub enum Ask {
    /// The values the page is made from.
    Index,
    /// Starts or edits a run: the pairs of the form, in order.
    Swarm(Vec<(String, String)>),
    /// Ends the run; answered when all users have stopped.
    Stop {
        /// Seconds that they get to finish their task.
        stop_timeout: f64,
    },
    /// All numbers back to zero.
    Reset,
    /// Changes a user class: a JSON object.
    UpdateUser(Bytes),
    /// How the work is shared out among tasks.
    Tasks,
    /// The last lines of the log.
    Logs,
    /// The report of the run; query parameters.
    Report(Vec<(String, String)>),
    /// A request for the script's own web application.
    Wsgi(Box<WebRequest>),
    /// Whether the sender of a request is logged in.
    Auth(Box<WebRequest>),
}

impl Ask {
    /// The name by which the other side knows it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Swarm(_) => "swarm",
            Self::Stop { .. } => "stop",
            Self::Reset => "reset",
            Self::UpdateUser(_) => "update_user",
            Self::Tasks => "tasks",
            Self::Logs => "logs",
            Self::Report(_) => "report",
            Self::Wsgi(_) => "wsgi",
            Self::Auth(_) => "auth",
        }
    }

    /// How long an answer is waited for.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Auth(_) => 10,
            Self::Swarm(_) => 120,
            Self::Wsgi(_) => 300,
            // Users may take that long, and what ends with them longer. `as` saturates.
            Self::Stop { stop_timeout } => 900 + stop_timeout.clamp(0.0, 1e7) as u64,
            _ => 30,
        })
    }
}

/// A request as it came, for those who want all of it.
#[derive(Debug, Clone)]
pub struct WebRequest {
    /// Method.
    pub method: String,
    /// Whole path, not decoded.
    pub path: String,
    /// Query, without the question mark.
    pub query: String,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Whole body.
    pub body: Bytes,
    /// Who asks.
    pub peer: SocketAddr,
}

/// A whole answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Status; 0 stands for the usual one.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// An answer with the usual status.
    pub fn of(body: impl Into<Bytes>) -> Self {
        Self { status: 0, headers: Vec::new(), body: body.into() }
    }
}

/// The beginning of an answer whose body comes in pieces.
#[derive(Debug)]
pub struct Streamed {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Pieces of the body.
    pub body: mpsc::UnboundedReceiver<Bytes>,
    /// Bytes that wait to be sent.
    pub queued: Arc<std::sync::atomic::AtomicUsize>,
}

/// Where the pieces of an answer go in.
pub type Pieces = mpsc::UnboundedSender<Bytes>;

/// A channel for the pieces of an answer.
pub fn pieces() -> (Pieces, mpsc::UnboundedReceiver<Bytes>) {
    mpsc::unbounded_channel()
}

/// What came back.
#[derive(Debug)]
pub enum Outcome {
    /// An answer.
    Whole(Answer),
    /// The beginning of one.
    Streamed(Streamed),
    /// What was asked went wrong, in words for the one who asked.
    Failed {
        /// Status.
        status: u16,
        /// Words.
        message: String,
    },
}

/// Where an answer goes. Dropped without one, the asker is told so.
pub struct Reply(Option<Box<dyn FnOnce(Option<Outcome>) + Send>>);

impl Reply {
    /// Has `then` called with the answer, on the answering thread; with `None` if there will be none.
    pub fn then(then: impl FnOnce(Option<Outcome>) + Send + 'static) -> Self {
        Self(Some(Box::new(then)))
    }

    /// A reply and the future of it.
    pub(crate) fn channel() -> (Self, oneshot::Receiver<Option<Outcome>>) {
        let (sender, receiver) = oneshot::channel();
        // Nobody waits any longer: the answer is late.
        let send = move |outcome| drop(sender.send(outcome));
        (Self::then(send), receiver)
    }

    /// Answers.
    pub fn send(mut self, outcome: Outcome) {
        if let Some(then) = self.0.take() {
            then(Some(outcome));
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(then) = self.0.take() {
            then(None);
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Too late.
    #[error(
        "the main thread did not answer \"{kind}\" within {} s: a task or a listener may be keeping it busy",
        patience.as_secs()
    )]
    Late {
        /// What was asked.
        kind: &'static str,
        /// How long it was waited for.
        patience: Duration,
    },
    /// Never.
    #[error(
        "there was no answer to \"{0}\": the test's program is ending, or its handler failed (see its log)"
    )]
    None(&'static str),
}

/// Asks and waits.
pub(crate) async fn ask(host: &dyn Host, ask: Ask) -> Result<Outcome, NoAnswer> {
    let (kind, patience) = (ask.kind(), ask.patience());
    let (reply, answer) = Reply::channel();
    host.send(Command { ask, reply });
    match tokio::time::timeout(patience, answer).await {
        Err(_) => Err(NoAnswer::Late { kind, patience }),
        Ok(Ok(Some(outcome))) => Ok(outcome),
        Ok(_) => Err(NoAnswer::None(kind)),
    }
}

/// Asks what a record asks, and waits.
pub(crate) async fn ask_source(
    record: &Record,
    question: Question,
    patience: Duration,
) -> Result<Vec<u8>, NoAnswer> {
    let (sender, answer) = oneshot::channel();
    // Nobody waits any longer: the answer is late.
    record.ask(question, Told::then(move |told| drop(sender.send(told.map(<[u8]>::to_vec)))));
    let kind = question.kind();
    match tokio::time::timeout(patience, answer).await {
        Err(_) => Err(NoAnswer::Late { kind, patience }),
        Ok(Ok(Some(json))) => Ok(json),
        Ok(_) => Err(NoAnswer::None(kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_waited_for_longer_than_users_may_take() {
        for (stop_timeout, seconds) in [(0.0, 900), (1_800.0, 2_700), (-5.0, 900), (f64::NAN, 900)] {
            let patience = Ask::Stop { stop_timeout }.patience();
            assert_eq!(patience, Duration::from_secs(seconds), "{stop_timeout}");
        }
    }
}
