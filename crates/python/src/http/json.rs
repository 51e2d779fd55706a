//! `.json()` of both clients: parsed from the body's bytes where that is sure to give what the library gives. And `json=`, on
//! the same condition encoded by `json_encode.rs`.
//!
//! Only what is beyond doubt is parsed here. Anything else is left to the library: documents that are none (the exception is
//! the library's, with its message and position), integers beyond 64 bits, NaN, lone surrogates, byte order marks, encodings
//! other than UTF-8 unless all is ASCII, and responses of which a script has replaced what the library would go by.
//!
//! A document that came before is copied instead (`again.rs`, `json_copy.rs`).

use std::sync::Arc;

use bytes::Bytes;
use jiter::{PythonParse, StringCacheMode};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};

use super::again::{Again, Known};
use super::json_copy::Pattern;
use super::json_encode;
use super::settings::Style;
use super::text::{self, Encoding};
use super::way::Way;

/// Documents that came more than once.
static KNOWN: Again<Arc<Pattern>> = Again::new(32, 16 << 10);

/// A document as `json.loads` parses it; None: it has to see to this one itself, be it for the error.
pub fn parse<'py>(py: Python<'py>, document: &[u8]) -> Option<Bound<'py, PyAny>> {
    match KNOWN.find(document) {
        Known::Made(pattern) => pattern.copy(py).ok(),
        Known::New => parse_anew(py, document),
        Known::Seen => {
            let value = parse_anew(py, document)?;
            let Some(pattern) = Pattern::of(&value).ok()? else { return Some(value) };
            let copy = pattern.copy(py).ok()?;
            KNOWN.keep(document, Arc::new(pattern));
            Some(copy)
        }
    }
}

fn parse_anew<'py>(py: Python<'py>, document: &[u8]) -> Option<Bound<'py, PyAny>> {
    let parser = PythonParse { cache_mode: StringCacheMode::Keys, ..PythonParse::default() };
    parser.python_parse(py, document).ok()
}

static REQUESTS: PyOnceLock<Way> = PyOnceLock::new();
static FAST: PyOnceLock<Way> = PyOnceLock::new();
static REQUESTS_ENCODE: PyOnceLock<Way> = PyOnceLock::new();
static FAST_ENCODE: PyOnceLock<Way> = PyOnceLock::new();

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
    if let Some((own, Style::Fast)) = text::state(response)?
        && let Some(text) = own.get_item(intern!(py, "text"))?
        && is_usual(response)?
    {
        let text = text.cast_exact::<PyString>().ok().and_then(|text| text.to_str().ok());
        return Ok(text.and_then(|text| parse(py, text.as_bytes())));
    }
    text::made_of(response, |encoding, body| {
        // A document that can be parsed has no NUL among its first bytes, by which UTF-16 and 32 would be told.
        let is_plain = match encoding {
            Encoding::Utf8 => true,
            Encoding::Ascii => body.is_ascii(),
            Encoding::Unsaid => body.len() > 3,
            Encoding::Other => false,
        };
        if is_plain { parse(py, body) } else { None }
    })
}

/// Whether the library would read this response as it always does.
pub(super) fn is_usual(response: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = response.py();
    let Some((_, style)) = text::state(response)? else { return Ok(false) };
    let way = match style {
        Style::Requests => REQUESTS.get(py),
        Style::Fast => FAST.get(py),
    };
    let Some(way) = way else { return Ok(false) };
    Ok(way.classes.iter().any(|known| known.as_ptr() == response.get_type_ptr().cast())
        && way.is_usual(py)?)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(parse_json_of, m)?)?;
    m.add_function(wrap_pyfunction!(encode_json_of, m)?)?;
    m.add_function(wrap_pyfunction!(parsed_json, m)?)
}
