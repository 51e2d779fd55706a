//! The hops of a request, as Python makes requests' and responses' objects of them.

use gregaria_http::{Hop, SentRequest, Timings};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use super::convert;

/// (status, reason, version, url, [(name, value)], body as sent, seconds).
pub(super) fn hop_tuple<'py>(py: Python<'py>, hop: &Hop) -> PyResult<Bound<'py, PyTuple>> {
    let response = &hop.response;
    (
        response.status,
        response.reason.to_text(),
        convert::version(response.version),
        response.url.to_string(),
        convert::pairs(&response.headers),
        PyBytes::new(py, &response.body),
        elapsed(&hop.timings),
    )
        .into_pyobject(py)
}

/// A body that was sent, as requests shows it: None if there was none, text where it was given as such.
pub(super) fn sent_body<'py>(py: Python<'py>, body: &[u8], text: bool) -> Option<Bound<'py, PyAny>> {
    if body.is_empty() {
        return None;
    }
    match std::str::from_utf8(body) {
        Ok(body) if text => Some(PyString::new(py, body).into_any()),
        _ => Some(PyBytes::new(py, body).into_any()),
    }
}

/// (method, url, [(name, value)], cookie, body).
pub(super) fn sent_tuple<'py>(
    py: Python<'py>,
    sent: &SentRequest,
    text: bool,
) -> PyResult<Bound<'py, PyTuple>> {
    (
        sent.method.as_str(),
        sent.url.to_string(),
        convert::pairs(&sent.headers),
        sent.cookie.as_deref().map(convert::latin1),
        sent_body(py, &sent.body, text),
    )
        .into_pyobject(py)
}

/// Seconds from the start of a request to the head of its response, as requests counts `elapsed`.
fn elapsed(timings: &Timings) -> f64 {
    timings.total.saturating_sub(timings.receive).as_secs_f64()
}
