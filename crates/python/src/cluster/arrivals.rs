//! What both kinds of sockets have in common: taking what has arrived, and words for errors.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gregaria_cluster::transport::{Item, Level, SendError, Wake};
use gregaria_http::Wake as _;
use pyo3::exceptions::{PyBlockingIOError, PyConnectionError, PyValueError};
use pyo3::prelude::*;

use crate::attended;
use crate::gevent::WakeUp;

/// The descriptor of a socket, and what makes it readable.
pub(super) fn wake_up() -> PyResult<(Arc<WakeUp>, Wake)> {
    let wake = Arc::new(WakeUp::new()?);
    let theirs = Arc::clone(&wake);
    Ok((wake, Box::new(move || theirs.wake())))
}

/// A message that has arrived.
pub(super) struct Arrived {
    pub(super) from: String,
    pub(super) body: Bytes,
    pub(super) overtook: bool,
    pub(super) waited: Duration,
}

/// The next message, if there is one; notices on the way are logged. The descriptor stays readable while there may be more.
/// Errors: ConnectionError if there is none and the socket is closed.
pub(super) fn take(
    py: Python<'_>,
    wake: &WakeUp,
    receive: impl Fn() -> Option<Item>,
    is_closed: impl Fn() -> bool,
) -> PyResult<Option<Arrived>> {
    let receive = || loop {
        match receive()? {
            Item::Message { from, body, overtook, waited } => {
                return Some(Ok(Arrived { from, body, overtook, waited }));
            }
            Item::Notice(level, words) => {
                if let Err(error) = log(py, level, &words) {
                    return Some(Err(error));
                }
            }
        }
    };
    gregaria_wake::next(wake.bell(), receive, is_closed).map_err(|_| closed())?.transpose()
}

fn log(py: Python<'_>, level: Level, words: &str) -> PyResult<()> {
    let level = match level {
        Level::Warning => 30,
        Level::Error => 40,
    };
    attended::log(py, "locust.rpc", level, words)
}

pub(super) fn closed() -> PyErr {
    PyConnectionError::new_err("the socket is closed")
}

/// Errors: ConnectionError of a closed socket, BlockingIOError of a full queue, ValueError of a message that is too long.
pub(super) fn sent(result: Result<(), SendError>) -> PyResult<()> {
    result.map_err(|error| match error {
        SendError::Closed => closed(),
        SendError::Full => PyBlockingIOError::new_err(error.to_string()),
        SendError::TooLong(_) => PyValueError::new_err(error.to_string()),
    })
}

/// Seconds of Python's as a duration; what is no time at all is none.
pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
