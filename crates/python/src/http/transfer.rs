//! One transfer without redirects, cookies or verdict: what requests' adapter asks for; and the reader of a streamed body.

use std::sync::{Mutex, PoisonError};

use bytes::{Buf, Bytes};
use gregaria_http::{
    Error, ErrorKind, Event, Exchange, Method, Proxy, Request, RequestOptions, TlsReason, Upload, Url,
};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::exchange::{self, Rest};
use super::session::SessionCore;
use super::{convert, limits, settings};
use crate::gevent::{Bridge, Signal};

/// The outcome of a transfer: an answer, or a description of what went wrong.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct Transfer {
    exchange: Option<Box<Exchange>>,
    error: Option<Py<PyDict>>,
    reader: Option<Py<BodyReader>>,
    seconds: f64,
    start_unix: f64,
}

#[pymethods]
impl Transfer {
    /// What went wrong (see `describe`), or None.
    #[getter]
    fn error(&self, py: Python<'_>) -> Option<Py<PyDict>> {
        self.error.as_ref().map(|error| error.clone_ref(py))
    }

    /// The status code; 0 without an answer.
    #[getter]
    fn status(&self) -> u16 {
        self.exchange.as_ref().map_or(0, |e| e.response.status)
    }

    /// The reason phrase.
    #[getter]
    fn reason(&self) -> String {
        self.exchange.as_ref().map_or_else(String::new, |e| e.response.reason.to_text().into_owned())
    }

    /// 10 or 11.
    #[getter]
    fn version(&self) -> u8 {
        self.exchange.as_ref().map_or(11, |e| convert::version(e.response.version))
    }

    /// The fields of the head.
    #[getter]
    fn headers(&self) -> Vec<(String, String)> {
        self.exchange.as_ref().map_or_else(Vec::new, |e| convert::pairs(&e.response.headers))
    }

    /// The body as it came, or None if it is streamed.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        match (&self.exchange, &self.reader) {
            (Some(exchange), None) => Some(PyBytes::new(py, &exchange.response.body)),
            _ => None,
        }
    }

    /// The reader of a streamed body, or None.
    #[getter]
    fn reader(&self, py: Python<'_>) -> Option<Py<BodyReader>> {
        self.reader.as_ref().map(|reader| reader.clone_ref(py))
    }

    /// How long it took, in seconds, as the I/O thread saw it.
    #[getter]
    fn seconds(&self) -> f64 {
        self.seconds
    }

    /// When it began, in seconds since 1970.
    #[getter]
    fn start_time(&self) -> f64 {
        self.start_unix
    }
}

/// Sends one request as it is and waits for its answer. `body`: bytes, an iterator over bytes that are sent as it gives them
/// (`chunked`: as chunks), or None. Errors: what the iterator raises;: ValueError for a URL or header that cannot be sent; ssl.SSLError for certificate files that cannot be
/// used; whatever is thrown into the greenlet meanwhile.
#[expect(clippy::too_many_arguments, reason = "one request, all of it, by position")]
#[pyfunction]
fn transfer(
    py: Python<'_>,
    session: &Bound<'_, SessionCore>,
    method: &str,
    url: &str,
    headers: Vec<(String, Bound<'_, PyAny>)>,
    body: Option<Bound<'_, PyAny>>,
    chunked: bool,
    timeouts: (Option<f64>, Option<f64>),
    verify: Option<&Bound<'_, PyAny>>,
    cert: Option<&Bound<'_, PyAny>>,
    proxy: Option<&str>,
    stream: bool,
) -> PyResult<Transfer> {
    let invalid = |error: &dyn std::fmt::Display| PyValueError::new_err(error.to_string());
    let method = Method::new(method).map_err(|error| invalid(&error))?;
    let url = Url::parse(url).map_err(|error| invalid(&error))?;
    let fields: Vec<(String, Vec<u8>)> = headers
        .into_iter()
        .map(|(name, value)| {
            let value = convert::header_value(&value)
                .ok_or_else(|| PyValueError::new_err(format!("header {name:?} is neither text nor bytes")))?;
            Ok((name, value))
        })
        .collect::<PyResult<_>>()?;
    let tls = settings::tls(verify, cert)?;
    if let Err(error) = tls.prepare() {
        let class = py.import("ssl")?.getattr("SSLError")?;
        return Err(PyErr::from_value(class.call1((error.to_string(),))?));
    }
    let trust = format!("{tls:?}");
    let options = RequestOptions {
        connect_timeout: timeouts.0.and_then(convert::duration),
        read_timeout: timeouts.1.and_then(convert::duration),
        stream,
        framed: stream,
        use_cookies: false,
        // requests has announced what there is to announce.
        announce_empty: None,
        odd_lengths: true,
        max_body: limits::max_body(),
        tls,
        proxy: proxy.map(Proxy::parse).transpose().map_err(|error| invalid(&error))?.map(std::sync::Arc::new),
        ..RequestOptions::default()
    };
    let (body, pieces) = match body {
        None => (Bytes::new(), None),
        Some(body) => match body.cast::<PyBytes>() {
            Ok(bytes) => (Bytes::copy_from_slice(bytes.as_bytes()), None),
            Err(_) => (Bytes::new(), Some(body.try_iter()?)),
        },
    };
    let upload = pieces.as_ref().map(|_| if chunked { Upload::Chunked } else { Upload::Plain });
    let request = Request {
        method,
        url: std::sync::Arc::new(url),
        headers: std::sync::Arc::new(convert::headers(&fields)?),
        body,
        upload,
        options: std::sync::Arc::new(options),
    };
    let bridge = Bridge::current(py)?;
    let answer = exchange::exchange(py, &bridge, &session.get().session(&bridge), request, pieces)?;
    let timings = match &answer.result {
        Ok(exchange) => exchange.timings,
        Err(error) => error.timings,
    };
    let reader = match answer.rest {
        Some(rest) => Some(Py::new(py, BodyReader::new(session.clone().unbind(), rest))?),
        None => None,
    };
    let (exchange, error) = match answer.result {
        Ok(exchange) => (Some(exchange), None),
        Err(error) => {
            let described = describe(py, &error)?;
            described.set_item("trust", trust)?;
            (None, Some(described.unbind()))
        }
    };
    Ok(Transfer {
        exchange,
        error,
        reader,
        seconds: timings.total.saturating_sub(timings.blocked).as_secs_f64(),
        start_unix: timings.start_unix,
    })
}

/// An error as a dict: `kind` and whatever it carries, `phase`, `errno`, `message`, `url`, `seconds`.
/// `locust._http.failures` makes the exceptions of requests and geventhttpclient from it.
pub(super) fn describe<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let kind = match &error.kind {
        ErrorKind::Resolve { code, text } => {
            dict.set_item("code", code)?;
            dict.set_item("text", &**text)?;
            "resolve"
        }
        ErrorKind::ConnectionRefused => "refused",
        ErrorKind::Connect => "connect",
        ErrorKind::ConnectTimeout => "connect_timeout",
        ErrorKind::Proxy { status, reason } => {
            dict.set_item("status", status)?;
            dict.set_item("text", &**reason)?;
            "proxy"
        }
        ErrorKind::OwnAddress => "own_address",
        ErrorKind::TlsConfig => "tls_config",
        ErrorKind::TlsVerify(reason) | ErrorKind::TlsHandshake(reason) => {
            dict.set_item("reason", reason.to_string())?;
            if let TlsReason::WrongName(name) = reason {
                dict.set_item("text", &**name)?;
            }
            if matches!(error.kind, ErrorKind::TlsVerify(_)) { "tls_verify" } else { "tls" }
        }
        ErrorKind::Reset => "reset",
        ErrorKind::ClosedWithoutResponse => "closed",
        ErrorKind::Io => "io",
        ErrorKind::ReadTimeout => "read_timeout",
        ErrorKind::TotalTimeout => "total_timeout",
        ErrorKind::Truncated { received, missing } => {
            dict.set_item("received", received)?;
            dict.set_item("missing", missing)?;
            "truncated"
        }
        ErrorKind::Malformed => "malformed",
        ErrorKind::HeadTooLarge => "head_too_large",
        ErrorKind::BodyTooLarge => "body_too_large",
        ErrorKind::TooManyRedirects => "too_many_redirects",
        ErrorKind::InvalidRedirect => "invalid_redirect",
        ErrorKind::InvalidRequest => "invalid_request",
        ErrorKind::Shutdown => "shutdown",
    };
    dict.set_item("kind", kind)?;
    dict.set_item("phase", error.phase.to_string())?;
    dict.set_item("errno", error.os_error)?;
    dict.set_item("message", &*error.message)?;
    dict.set_item("url", error.url.to_string())?;
    dict.set_item("host", error.url.host())?;
    dict.set_item("port", error.url.port())?;
    dict.set_item("scheme", error.url.scheme())?;
    dict.set_item("hops", error.history.len())?;
    Ok(dict)
}

#[derive(Debug)]
struct Stream {
    rest: Option<Rest>,
    buffer: Bytes,
    failure: Option<Py<PyDict>>,
}

/// Reads a streamed body, chunk by chunk, as it comes; blocks the greenlet.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct BodyReader {
    session: Py<SessionCore>,
    stream: Mutex<Stream>,
}

impl BodyReader {
    pub(super) fn new(session: Py<SessionCore>, rest: Rest) -> Self {
        let stream = Stream { rest: Some(rest), buffer: Bytes::new(), failure: None };
        Self { session, stream: Mutex::new(stream) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_up(&self, rest: &Rest) {
        self.session.get().cancel(rest.bridge, rest.id);
        Bridge::forget(rest.bridge, rest.token);
    }

    /// Waits for more. False at the end.
    fn more(&self, py: Python<'_>) -> PyResult<bool> {
        let Some((id, token, home)) =
            self.lock().rest.as_ref().map(|rest| (rest.id, rest.token, rest.bridge))
        else {
            return Ok(false);
        };
        let bridge = Bridge::current(py)?;
        if bridge.number() != home {
            return Err(PyRuntimeError::new_err(
                "a streamed response can only be read in the thread that made the request",
            ));
        }
        let session = self.session.get().session(&bridge);
        session.read_body(id);
        loop {
            let end = match bridge.wait(py, token) {
                Ok(Signal::Http(Event::Chunk(chunk))) => {
                    let mut stream = self.lock();
                    if stream.buffer.is_empty() {
                        stream.buffer = chunk;
                    } else {
                        stream.buffer = [&stream.buffer[..], &chunk[..]].concat().into();
                    }
                    return Ok(true);
                }
                Ok(Signal::Http(Event::End(end))) => end.map(drop),
                Ok(Signal::Http(Event::Done(Err(error)))) => Err(error),
                Ok(Signal::Broken) => {
                    bridge.close(token);
                    self.lock().rest = None;
                    return Err(exchange::no_more_news());
                }
                Ok(_) => continue,
                Err(thrown) => {
                    session.cancel(id);
                    bridge.close(token);
                    self.lock().rest = None;
                    return Err(thrown);
                }
            };
            bridge.close(token);
            let failure = match end {
                Ok(()) => None,
                Err(error) => Some(describe(py, &error)?.unbind()),
            };
            let mut stream = self.lock();
            stream.rest = None;
            stream.failure = failure;
            return Ok(false);
        }
    }
}

#[pymethods]
impl BodyReader {
    /// Up to `size` bytes, at least one unless the body is over; negative or None: all of it.
    #[pyo3(signature = (size=None))]
    fn read<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        if let Some(wanted) = size.and_then(|size| usize::try_from(size).ok()) {
            while wanted > 0 && self.lock().buffer.is_empty() {
                if !self.more(py)? {
                    break;
                }
            }
            let mut stream = self.lock();
            let take = wanted.min(stream.buffer.len());
            let part = stream.buffer.split_to(take);
            drop(stream);
            return Ok(PyBytes::new(py, &part));
        }
        let mut all = Vec::new();
        loop {
            let part = std::mem::take(&mut self.lock().buffer);
            all.extend_from_slice(part.chunk());
            if !self.more(py)? {
                break;
            }
        }
        Ok(PyBytes::new(py, &all))
    }

    /// What ended the body early, or None; see `Transfer.error`.
    #[getter]
    fn failure(&self, py: Python<'_>) -> Option<Py<PyDict>> {
        self.lock().failure.as_ref().map(|failure| failure.clone_ref(py))
    }

    /// Whether everything has been read.
    #[getter]
    fn finished(&self) -> bool {
        let stream = self.lock();
        stream.rest.is_none() && stream.buffer.is_empty()
    }

    /// Gives up the rest of the body; its connection is not used again.
    fn close(&self) {
        let rest = self.lock().rest.take();
        if let Some(rest) = rest {
            self.give_up(&rest);
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.session)
    }
}

impl Drop for BodyReader {
    /// A body nobody reads on must not keep its connection busy.
    fn drop(&mut self) {
        if let Some(rest) = self.lock().rest.take() {
            self.give_up(&rest);
        }
    }
}

/// A body decoded as its `Content-Encoding` says. Errors: `zlib.error`, also if it is cut short.
#[pyfunction]
fn decode_body<'py>(py: Python<'py>, encoding: &str, raw: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    match gregaria_http::decode::decode_body_strict(encoding, raw, super::decoded::MAX_DECODED) {
        Ok(decoded) => Ok(PyBytes::new(py, &decoded)),
        Err(error) => {
            let class = py.import("zlib")?.getattr("error")?;
            Err(PyErr::from_value(class.call1((error.to_string(),))?))
        }
    }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Transfer>()?;
    m.add_class::<BodyReader>()?;
    m.add_function(wrap_pyfunction!(transfer, m)?)?;
    m.add_function(wrap_pyfunction!(decode_body, m)?)
}
