//! `_engine.WebCommand`: what a handler is given, and answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use gregaria_web::{Answer, Ask, Command, Outcome, Reply, Streamed, WebRequest};
use pyo3::exceptions::{PyBrokenPipeError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

type Headers = Vec<(String, String)>;

/// One thing that the web interface asks of the program. To be answered once: by `reply()` or `fail()`, or by `begin()`,
/// `write()`… and `end()`.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(super) struct WebCommand {
    ask: Ask,
    reply: Mutex<Option<Reply>>,
    stream: Mutex<Option<Stream>>,
}

#[derive(Debug)]
struct Stream {
    pieces: gregaria_web::Pieces,
    queued: Arc<AtomicUsize>,
}

impl WebCommand {
    pub(super) fn new(command: Command) -> Self {
        Self { ask: command.ask, reply: Mutex::new(Some(command.reply)), stream: Mutex::default() }
    }

    fn answer(&self, outcome: Outcome) -> PyResult<()> {
        match self.reply.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(reply) => {
                reply.send(outcome);
                Ok(())
            }
            None => Err(PyRuntimeError::new_err(format!("{:?} has been answered already", self.ask.kind()))),
        }
    }

    fn request(&self) -> Option<&WebRequest> {
        match &self.ask {
            Ask::Wsgi(request) | Ask::Auth(request) => Some(request),
            _ => None,
        }
    }
}

/// Bytes as WSGI wants them in text: each the character of that number.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

#[pymethods]
impl WebCommand {
    /// What is asked: `status`, `swarm`, `wsgi` …
    #[getter]
    fn kind(&self) -> &'static str {
        self.ask.kind()
    }

    /// Pairs of a form, decoded, in order.
    #[getter]
    fn form(&self) -> Vec<(String, String)> {
        match &self.ask {
            Ask::Swarm(form) => form.clone(),
            _ => Vec::new(),
        }
    }

    /// Query parameters; of several with one name the last.
    #[getter]
    fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let pairs = match &self.ask {
            Ask::Report(pairs) => pairs.clone(),
            _ => self.request().map(|request| gregaria_web::pairs(&request.query)).unwrap_or_default(),
        };
        for (key, value) in pairs {
            dict.set_item(key, value)?;
        }
        Ok(dict)
    }

    /// Body.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let body = match &self.ask {
            Ask::UpdateUser(body) => &body[..],
            _ => self.request().map_or(&[][..], |request| &request.body[..]),
        };
        PyBytes::new(py, body)
    }

    /// Method of a request.
    #[getter]
    fn method(&self) -> &str {
        self.request().map_or("", |request| &request.method)
    }

    /// Whole path of a request, decoded, as WSGI's PATH_INFO.
    #[getter]
    fn path(&self) -> String {
        self.request().map_or_else(String::new, |request| {
            let decoded: Vec<u8> = percent_encoding::percent_decode_str(&request.path).collect();
            latin1(&decoded)
        })
    }

    /// Query of a request, as it came.
    #[getter]
    fn query(&self) -> &str {
        self.request().map_or("", |request| &request.query)
    }

    /// `http` or `https`.
    #[getter]
    fn scheme(&self) -> &'static str {
        self.request().map_or("http", |request| request.scheme)
    }

    /// Headers of a request, in order, names in lower case.
    #[getter]
    fn headers(&self) -> Headers {
        let headers = self.request().map_or(&[][..], |request| &request.headers);
        headers.iter().map(|(name, value)| (name.clone(), latin1(value))).collect()
    }

    /// Address and port of the sender.
    #[getter]
    fn peer(&self) -> (String, u16) {
        self.request().map_or_else(
            || (String::new(), 0),
            |request| (request.peer.ip().to_string(), request.peer.port()),
        )
    }

    /// Answers with a whole body.
    #[pyo3(signature = (body, status = 200, headers = Vec::new(), content_type = None))]
    fn reply(
        &self,
        body: &Bound<'_, PyAny>,
        status: u16,
        mut headers: Headers,
        content_type: Option<String>,
    ) -> PyResult<()> {
        let body = if let Ok(text) = body.cast::<PyString>() {
            // Lone surrogates, as file names may have them, are no text.
            Bytes::from(text.to_string_lossy().into_owned())
        } else if let Ok(bytes) = body.cast::<PyBytes>() {
            Bytes::copy_from_slice(bytes.as_bytes())
        } else {
            let kind = body.get_type().name()?;
            return Err(PyTypeError::new_err(format!("an answer is str or bytes, not {kind}")));
        };
        if let Some(kind) = content_type {
            headers.push(("Content-Type".to_owned(), kind));
        }
        self.answer(Outcome::Whole(Answer { status, headers, body }))
    }

    /// Answers with words that say what went wrong.
    #[pyo3(signature = (message, status = 500))]
    fn fail(&self, message: String, status: u16) -> PyResult<()> {
        self.answer(Outcome::Failed { status, message })
    }

    /// Begins an answer whose body follows in pieces.
    fn begin(&self, status: u16, headers: Headers) -> PyResult<()> {
        let queued = Arc::new(AtomicUsize::new(0));
        let (pieces, body) = gregaria_web::pieces();
        self.answer(Outcome::Streamed(Streamed { status, headers, body, queued: Arc::clone(&queued) }))?;
        *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = Some(Stream { pieces, queued });
        Ok(())
    }

    /// Sends a piece of the body; how many bytes wait to be sent. BrokenPipeError: nobody is there to get it.
    fn write(&self, data: &[u8]) -> PyResult<usize> {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stream) = &*stream else {
            return Err(PyRuntimeError::new_err("write() goes between begin() and end()"));
        };
        let waiting = stream.queued.fetch_add(data.len(), Ordering::Relaxed) + data.len();
        if stream.pieces.send(Bytes::copy_from_slice(data)).is_err() {
            return Err(PyBrokenPipeError::new_err("the client is gone"));
        }
        Ok(waiting)
    }

    /// Ends the body.
    fn end(&self) {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(stream);
    }

    fn __repr__(&self) -> String {
        format!("<WebCommand {}>", self.ask.kind())
    }
}
