//! `.text` of both clients, and what else is made of a body as text: straight from the body's bytes where that is sure to give what
//! the library gives.
//!
//! Sure is UTF-8 that is sound, and ASCII whatever the encoding is called, as long as the head or the script says one. All else is the
//! library's: to guess, to replace what is not sound, and what a script has put in the place of one of its steps (`json.rs`).

use std::sync::{Arc, Mutex, PoisonError};

use gregaria_http::{Exchange, Headers};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::response::ResponseCore;
use super::settings::Style;
use super::{convert, json};

/// The body of a response as its `text` has it; NotImplemented: by the library. Errors: a body that is not encoded as it says.
#[pyfunction]
fn decoded_text<'py>(response: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = response.py();
    let text = made_of(response, |encoding, body| {
        let sure = match encoding {
            // What is not sound is no text, and left to the library.
            Encoding::Utf8 => true,
            Encoding::Ascii => body.is_ascii(),
            Encoding::Unsaid | Encoding::Other => false,
        };
        let text = if sure { PyString::from_bytes(py, body).ok() } else { None };
        text.map(Bound::into_any)
    })?;
    Ok(text.unwrap_or_else(|| py.NotImplemented().into_bound(py)))
}

/// What a response that was sent from here, and is not streamed, keeps of its attributes, and whose habits it has.
pub(super) fn state<'py>(response: &Bound<'py, PyAny>) -> PyResult<Option<(Bound<'py, PyDict>, Style)>> {
    let Ok(core) = response.cast::<ResponseCore>() else { return Ok(None) };
    let Some(parts) = core.get().parts().filter(|parts| parts.body.is_none() && parts.exchange.is_some())
    else {
        return Ok(None);
    };
    let own = response.getattr(intern!(response.py(), "__dict__"))?.cast_into::<PyDict>()?;
    Ok(Some((own, parts.style)))
}

/// What `make` makes of the encoding and the decoded body; None: that is for the library to do. Errors: a body that is not encoded as
/// it says.
pub(super) fn made_of<'py>(
    response: &Bound<'py, PyAny>,
    make: impl FnOnce(Encoding, &[u8]) -> Option<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some((own, style)) = state(response)? else { return Ok(None) };
    if !json::is_usual(response)? {
        return Ok(None);
    }
    let core = response.cast::<ResponseCore>()?.get();
    let Some(exchange) = core.parts().and_then(|parts| parts.exchange.as_deref()) else { return Ok(None) };
    match style {
        Style::Requests => by_requests(response, &own, exchange, make),
        Style::Fast => by_geventhttpclient(response, &own, exchange, make),
    }
}

fn by_requests<'py>(
    response: &Bound<'py, PyAny>,
    own: &Bound<'py, PyDict>,
    exchange: &Exchange,
    make: impl FnOnce(Encoding, &[u8]) -> Option<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = response.py();
    let name = intern!(py, "_content");
    let Some(content) = content(response, own.get_item(name)?, name, exchange)? else { return Ok(None) };
    let encoding = match own.get_item(intern!(py, "encoding"))? {
        Some(given) if given.is_none() => Encoding::Unsaid,
        Some(given) => Encoding::given(&given),
        None => match said(py, &exchange.response.headers)? {
            Some(said) => said.encoding,
            None => return Ok(None),
        },
    };
    Ok(make(encoding, content.bytes()))
}

fn by_geventhttpclient<'py>(
    response: &Bound<'py, PyAny>,
    own: &Bound<'py, PyDict>,
    exchange: &Exchange,
    make: impl FnOnce(Encoding, &[u8]) -> Option<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = response.py();
    let name = intern!(py, "content");
    let Some(content) = content(response, own.get_item(name)?, name, exchange)? else { return Ok(None) };
    let name = intern!(py, "encoding");
    match own.get_item(name)? {
        Some(given) if !given.is_none() => {
            return Ok(make(Encoding::given(&given), content.bytes()));
        }
        _ => {}
    }
    let (encoding, declared) = match own.get_item(intern!(py, "headers"))? {
        // In a script's hands.
        Some(headers) if headers.is_none() => return Ok(None),
        Some(headers) => match declared(&headers)? {
            Some(declared) => (Encoding::named(declared.to_str()?), declared),
            None => return Ok(None),
        },
        None => match said(py, &exchange.response.headers)? {
            Some(said) => match said.name.as_deref() {
                Some("utf-8") => (said.encoding, intern!(py, "utf-8").clone()),
                Some(name) => (said.encoding, PyString::new(py, name)),
                None => return Ok(None),
            },
            None => return Ok(None),
        },
    };
    let value = make(encoding, content.bytes());
    if value.is_some() {
        // As the reading of `text` would have set it.
        own.set_item(name, declared)?;
    }
    Ok(value)
}

/// A decoded body: the engine's bytes, or an object that the response keeps.
#[derive(Debug)]
enum Content<'a, 'py> {
    Raw(&'a [u8]),
    Kept(Bound<'py, PyBytes>),
}

impl Content<'_, '_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Raw(bytes) => bytes,
            Self::Kept(bytes) => bytes.as_bytes(),
        }
    }
}

/// The content of a response that keeps it under `name`, where it may have been put by a script; None: no bytes.
fn content<'a, 'py>(
    response: &Bound<'py, PyAny>,
    kept: Option<Bound<'py, PyAny>>,
    name: &Bound<'py, PyString>,
    exchange: &'a Exchange,
) -> PyResult<Option<Content<'a, 'py>>> {
    let kept = match kept {
        Some(kept) => kept,
        None if !exchange.response.headers.contains("content-encoding") => {
            return Ok(Some(Content::Raw(&exchange.response.body)));
        }
        None => response.getattr(name)?,
    };
    Ok(kept.cast_into_exact::<PyBytes>().ok().map(Content::Kept))
}

/// How text comes out of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    /// Another in which ASCII is ASCII.
    Ascii,
    /// None is said: requests guesses, from more than three bytes by their NULs.
    Unsaid,
    Other,
}

impl Encoding {
    fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Self::Utf8,
            "iso-8859-1" | "iso-8859-15" | "latin-1" | "latin1" | "us-ascii" | "ascii" | "windows-1252" => {
                Self::Ascii
            }
            _ => Self::Other,
        }
    }

    fn given(name: &Bound<'_, PyAny>) -> Self {
        let name = name.cast_exact::<PyString>().ok().and_then(|name| name.to_str().ok());
        name.map_or(Self::Other, Self::named)
    }
}

/// What a `Content-Type` says about the encoding, by the library's own reading.
#[derive(Debug)]
struct Said {
    content_type: Box<[u8]>,
    name: Option<Box<str>>,
    encoding: Encoding,
}

/// Servers have a handful of these.
static SAID: Mutex<Vec<Arc<Said>>> = Mutex::new(Vec::new());
const MAX_SAID: usize = 16;

/// What the head says about the encoding; None: in more than one field.
fn said(py: Python<'_>, headers: &Headers) -> PyResult<Option<Arc<Said>>> {
    let mut fields = headers.get_all("content-type");
    let content_type = fields.next().unwrap_or_default();
    if fields.next().is_some() {
        return Ok(None);
    }
    let lock = || SAID.lock().unwrap_or_else(PoisonError::into_inner);
    let known = lock().iter().find(|said| *said.content_type == *content_type).map(Arc::clone);
    if known.is_some() {
        return Ok(known);
    }
    let fields = PyDict::new(py);
    fields.set_item(intern!(py, "content-type"), convert::latin1(content_type))?;
    let name = declared(&fields)?.map(|name| name.to_str().map(Box::<str>::from)).transpose()?;
    let encoding = name.as_deref().map_or(Encoding::Unsaid, Encoding::named);
    let said = Arc::new(Said { content_type: content_type.into(), name, encoding });
    let mut known = lock();
    if known.len() < MAX_SAID {
        known.push(Arc::clone(&said));
    }
    Ok(Some(said))
}

/// What requests reads out of headers about the encoding.
fn declared<'py>(headers: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyString>>> {
    let py = headers.py();
    let read = py.import(intern!(py, "requests.utils"))?.getattr(intern!(py, "get_encoding_from_headers"))?;
    Ok(read.call1((headers,))?.cast_into().ok())
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(decoded_text, m)?)
}
