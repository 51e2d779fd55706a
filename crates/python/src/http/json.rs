//! `.json()` of both clients: parsed from the body's bytes where that is sure to give what the library gives. And `json=`, on
//! the same condition encoded by `json_encode.rs`.
//!
//! Only what is beyond doubt is parsed here. Anything else is left to the library: documents that are none (the exception is
//! the library's, with its message and position), integers beyond 64 bits, NaN, lone surrogates, byte order marks, encodings
//! other than UTF-8 unless all is ASCII, and responses of which a script has replaced what the library would go by.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use gregaria_http::{Exchange, Headers};
use jiter::{PythonParse, StringCacheMode};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString, PyType};

use super::convert;
use super::json_encode;
use super::response::ResponseCore;
use super::settings::Style;

/// A document as `json.loads` parses it; None: it has to see to this one itself, be it for the error.
pub fn parse<'py>(py: Python<'py>, document: &[u8]) -> Option<Bound<'py, PyAny>> {
    let parser = PythonParse { cache_mode: StringCacheMode::Keys, ..PythonParse::default() };
    parser.python_parse(py, document).ok()
}

/// What a library goes by when it parses or encodes: as long as all of it is as it was, its way can be shortened.
#[derive(Debug)]
struct Way {
    /// The classes whose instances have no methods of a script's.
    classes: Vec<Py<PyType>>,
    steps: Vec<Step>,
}

/// What is to be found under a name in the namespace of a module, class or object; None: nothing.
#[derive(Debug)]
struct Step {
    space: Py<PyAny>,
    name: Py<PyString>,
    was: Option<Py<PyAny>>,
}

impl Step {
    fn is_kept(&self, py: Python<'_>) -> PyResult<bool> {
        let (space, name) = (self.space.bind(py), self.name.bind(py));
        let now = match space.cast::<PyDict>() {
            Ok(space) => space.get_item(name)?,
            // The view of a class on its names; to ask for one that is not there would cost an exception.
            Err(_) if !space.contains(name)? => None,
            Err(_) if self.was.is_none() => return Ok(false),
            Err(_) => Some(space.get_item(name)?),
        };
        Ok(match (&now, &self.was) {
            (Some(now), Some(was)) => now.is(was),
            (now, was) => now.is_none() && was.is_none(),
        })
    }
}

static REQUESTS: PyOnceLock<Way> = PyOnceLock::new();
static FAST: PyOnceLock<Way> = PyOnceLock::new();
static REQUESTS_ENCODE: PyOnceLock<Way> = PyOnceLock::new();
static FAST_ENCODE: PyOnceLock<Way> = PyOnceLock::new();

impl Way {
    fn new(classes: Vec<Py<PyType>>, steps: Vec<(Bound<'_, PyAny>, Bound<'_, PyString>)>) -> PyResult<Self> {
        let step = |(space, name): (Bound<'_, PyAny>, Bound<'_, PyString>)| -> PyResult<_> {
            let was = if space.contains(&name)? { Some(space.get_item(&name)?.unbind()) } else { None };
            Ok(Step { space: space.unbind(), name: name.unbind(), was })
        };
        Ok(Self { classes, steps: steps.into_iter().map(step).collect::<PyResult<_>>()? })
    }

    /// Whether the library would do what it always does.
    fn is_usual(&self, py: Python<'_>) -> PyResult<bool> {
        for step in &self.steps {
            if !step.is_kept(py)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Has responses of these classes parsed here as long as what is found under the (namespace, name) pairs in `steps` is what
/// it is now.
#[pyfunction]
fn parse_json_of(
    py: Python<'_>,
    fast: bool,
    classes: Vec<Py<PyType>>,
    steps: Vec<(Bound<'_, PyAny>, Bound<'_, PyString>)>,
) -> PyResult<()> {
    // Said once, when the module of the classes is imported.
    let _ = if fast { &FAST } else { &REQUESTS }.set(py, Way::new(classes, steps)?);
    Ok(())
}

/// Has `json=` encoded here, on the same condition.
#[pyfunction]
fn encode_json_of(
    py: Python<'_>,
    fast: bool,
    steps: Vec<(Bound<'_, PyAny>, Bound<'_, PyString>)>,
) -> PyResult<()> {
    let _ = if fast { &FAST_ENCODE } else { &REQUESTS_ENCODE }.set(py, Way::new(Vec::new(), steps)?);
    Ok(())
}

/// The body for a `json=`, as the library makes it. None: by the library itself, be it for the error.
pub(super) fn encoded(style: Style, value: &Bound<'_, PyAny>) -> PyResult<Option<Bytes>> {
    let py = value.py();
    let (way, module, name) = match style {
        Style::Requests => (REQUESTS_ENCODE.get(py), "requests.models", "complexjson"),
        Style::Fast => (FAST_ENCODE.get(py), "locust.contrib.fasthttp", "unshadowed_json"),
    };
    if let Some(way) = way
        && way.is_usual(py)?
        && let Some(body) = json_encode::encode(value)
    {
        return Ok(Some(body.into()));
    }
    let dumps = py.import(module)?.getattr(name)?.getattr(intern!(py, "dumps"))?;
    let arguments = PyDict::new(py);
    if style == Style::Requests {
        arguments.set_item(intern!(py, "allow_nan"), false)?;
    }
    let Ok(text) = dumps.call((value,), Some(&arguments)) else { return Ok(None) };
    // What a script's own encoder makes of it may be something else.
    let text = text.cast::<PyString>().ok().and_then(|text| text.to_str().ok());
    Ok(text.map(|text| Bytes::copy_from_slice(text.as_bytes())))
}

/// The body of a response as its `json()` has it without arguments; NotImplemented: the library has to parse it.
/// Errors: a body that is not encoded as it says.
#[pyfunction]
fn parsed_json<'py>(response: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match parsed(response)? {
        Some(value) => value,
        None => response.py().NotImplemented().into_bound(response.py()),
    })
}

fn parsed<'py>(response: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = response.py();
    let Ok(core) = response.cast::<ResponseCore>() else { return Ok(None) };
    // A streamed body is the library's to read.
    let Some(parts) = core.get().parts().filter(|parts| parts.body.is_none()) else { return Ok(None) };
    let (style, Some(exchange)) = (parts.style, parts.exchange.as_deref()) else { return Ok(None) };
    let way = match style {
        Style::Requests => REQUESTS.get(py),
        Style::Fast => FAST.get(py),
    };
    let Some(way) = way else { return Ok(None) };
    if !way.classes.iter().any(|known| known.as_ptr() == response.get_type_ptr().cast())
        || !way.is_usual(py)?
    {
        return Ok(None);
    }
    let own = response.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
    match style {
        Style::Requests => by_requests(response, &own, exchange),
        Style::Fast => by_geventhttpclient(response, &own, exchange),
    }
}

fn by_requests<'py>(
    response: &Bound<'py, PyAny>,
    own: &Bound<'py, PyDict>,
    exchange: &Exchange,
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
    // A document that can be parsed has no NUL among its first bytes, by which UTF-16 and 32 would be told.
    Ok(encoding.parse(py, content.bytes()))
}

fn by_geventhttpclient<'py>(
    response: &Bound<'py, PyAny>,
    own: &Bound<'py, PyDict>,
    exchange: &Exchange,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = response.py();
    if let Some(text) = own.get_item(intern!(py, "text"))? {
        let text = text.cast_exact::<PyString>().ok().and_then(|text| text.to_str().ok());
        return Ok(text.and_then(|text| parse(py, text.as_bytes())));
    }
    let name = intern!(py, "content");
    let Some(content) = content(response, own.get_item(name)?, name, exchange)? else { return Ok(None) };
    let name = intern!(py, "encoding");
    match own.get_item(name)? {
        Some(given) if !given.is_none() => {
            return Ok(Encoding::given(&given).parse(py, content.bytes()));
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
    let value = encoding.parse(py, content.bytes());
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
enum Encoding {
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

    fn parse<'py>(self, py: Python<'py>, body: &[u8]) -> Option<Bound<'py, PyAny>> {
        let is_plain = match self {
            Self::Utf8 => true,
            Self::Ascii => body.is_ascii(),
            Self::Unsaid => body.len() > 3,
            Self::Other => false,
        };
        if is_plain { parse(py, body) } else { None }
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
    m.add_function(wrap_pyfunction!(parse_json_of, m)?)?;
    m.add_function(wrap_pyfunction!(encode_json_of, m)?)?;
    m.add_function(wrap_pyfunction!(parsed_json, m)?)
}
