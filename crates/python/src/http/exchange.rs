//! Sends a request over a session and blocks the greenlet until its answer is there.

use std::time::{Instant, SystemTime};

use bytes::Bytes;
use gregaria_http::{
    Error, ErrorKind, Event, Exchange, Phase, Request, RequestId, Session, Timings, url::Url,
};
use pyo3::exceptions::{PyConnectionAbortedError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator};

use super::settings::Style;
use super::spare;
use crate::gevent::{Bridge, Signal, Token};

/// An answer, with what it takes to read on if its body is streamed.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) result: Result<Box<Exchange>, Box<Error>>,
    pub(super) rest: Option<Rest>,
    /// What ended the wait for it from outside, where that counts as a failure of the request.
    pub(super) thrown: Option<Py<PyAny>>,
}

/// The unread rest of a streamed body.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) id: RequestId,
    pub(super) token: Token,
    /// The number of the bridge at which it arrives.
    pub(super) bridge: u64,
}

/// Something was thrown into the greenlet while it waited. The request is cancelled, and its connection not used again.
#[derive(Debug)]
pub(super) struct Interrupted {
    thrown: PyErr,
    start: Instant,
}

impl From<Interrupted> for PyErr {
    fn from(interrupted: Interrupted) -> Self {
        interrupted.thrown
    }
}

impl Interrupted {
    /// The failed request that the library makes of it: requests of an OSError, geventhttpclient of timeouts, too.
    /// Errors: what was thrown, if it is none of these.
    pub(super) fn into_failure(
        self,
        py: Python<'_>,
        style: Style,
        url: &std::sync::Arc<Url>,
    ) -> PyResult<Answer> {
        let failures = match style {
            Style::Requests => py.get_type::<PyOSError>().into_any(),
            Style::Fast => py.import("locust._http.fast_agent")?.getattr("FAILURE_EXCEPTIONS")?,
        };
        if !self.thrown.value(py).is_instance(&failures)? {
            return Err(self.thrown);
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let total = self.start.elapsed();
        let timings =
            Timings { total, ..Timings::starting(self.start, now.saturating_sub(total).as_secs_f64()) };
        let error = Error {
            kind: ErrorKind::TotalTimeout,
            phase: Phase::Wait,
            retry: false,
            os_error: None,
            message: Box::default(),
            timings,
            history: Vec::new(),
            url: std::sync::Arc::clone(url),
        };
        let thrown = self.thrown.into_value(py).into_any();
        Ok(Answer { result: Err(Box::new(error)), rest: None, thrown: Some(thrown) })
    }
}

/// What a request fails with whose I/O thread has died without an answer.
pub(super) fn no_more_news() -> PyErr {
    PyConnectionAbortedError::new_err("the I/O thread of this request has died")
}

/// Sends and waits; `pieces` are those of an upload. Errors: whatever is thrown into the greenlet meanwhile, and what the
/// pieces raise.
pub(super) fn exchange(
    py: Python<'_>,
    bridge: &Bridge,
    session: &Session,
    request: Request,
    mut pieces: Option<Bound<'_, PyIterator>>,
) -> Result<Answer, Interrupted> {
    let token = bridge.open();
    let (id, start) = session.send_stamped(request, token.bits(), spare::take(), bridge.is_calm());
    loop {
        match bridge.wait(py, token) {
            Ok(Signal::Http(Event::Done(result))) => {
                bridge.close(token);
                return Ok(Answer { result, rest: None, thrown: None });
            }
            Ok(Signal::Http(Event::Head(exchange))) => {
                return Ok(Answer {
                    result: Ok(exchange),
                    rest: Some(Rest { id, token, bridge: bridge.number() }),
                    thrown: None,
                });
            }
            Ok(Signal::Http(Event::Feed)) => match next_piece(pieces.as_mut()) {
                Ok(piece) => session.feed(id, piece),
                Err(thrown) => {
                    session.cancel(id);
                    bridge.close(token);
                    return Err(Interrupted { thrown, start });
                }
            },
            Ok(Signal::Http(Event::Chunk(_) | Event::End(_)) | Signal::Due) => {}
            Ok(Signal::Broken) => {
                bridge.close(token);
                return Err(Interrupted { thrown: no_more_news(), start });
            }
            Err(thrown) => {
                session.cancel(id);
                bridge.close(token);
                return Err(Interrupted { thrown, start });
            }
        }
    }
}

/// What a script gives to be sent next; its code runs here.
fn next_piece(pieces: Option<&mut Bound<'_, PyIterator>>) -> PyResult<Option<Bytes>> {
    let Some(piece) = pieces.and_then(Iterator::next).transpose()? else { return Ok(None) };
    Ok(Some(Bytes::copy_from_slice(piece.cast::<PyBytes>()?.as_bytes())))
}
