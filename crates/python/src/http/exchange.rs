//! Sends a request over a session and blocks the greenlet until its answer is there.

use gregaria_http::{Error, Event, Exchange, Request, RequestId, Session};
use pyo3::prelude::*;

use crate::gevent::{Bridge, Signal, Token};

/// An answer, with what it takes to read on if its body is streamed.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) result: Result<Box<Exchange>, Box<Error>>,
    pub(super) rest: Option<Rest>,
}

/// The unread rest of a streamed body.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) id: RequestId,
    pub(super) token: Token,
    /// The number of the bridge at which it arrives.
    pub(super) bridge: u64,
}

/// Sends and waits. Errors: whatever is thrown into the greenlet meanwhile; the request is cancelled then, and its
/// connection not used again.
pub(super) fn exchange(
    py: Python<'_>,
    bridge: &Bridge,
    session: &Session,
    request: Request,
) -> PyResult<Answer> {
    let token = bridge.open();
    let id = session.send(request, token.bits());
    loop {
        match bridge.wait(py, token) {
            Ok(Signal::Http(Event::Done(result))) => {
                bridge.close(token);
                return Ok(Answer { result, rest: None });
            }
            Ok(Signal::Http(Event::Head(exchange))) => {
                return Ok(Answer {
                    result: Ok(exchange),
                    rest: Some(Rest { id, token, bridge: bridge.number() }),
                });
            }
            Ok(Signal::Http(Event::Chunk(_) | Event::End(_)) | Signal::Due) => {}
            Err(thrown) => {
                session.cancel(id);
                bridge.close(token);
                return Err(thrown);
            }
        }
    }
}
