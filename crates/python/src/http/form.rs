//! Forms (`data=` with a dict): encoded to the bytes that `urllib.parse.urlencode` makes, where that is sure to be what the library
//! sends.
//!
//! Only names and values of exactly the usual types are encoded here: text, bytes, integers, numbers, flags, and for requests lists
//! of them. Everything else is the library's, be it for the error.

use std::io::Write as _;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::settings::Style;
use super::way::Way;

static REQUESTS: PyOnceLock<Way> = PyOnceLock::new();
static FAST: PyOnceLock<Way> = PyOnceLock::new();

/// Has forms encoded here as long as what is found under the (namespace, name) pairs in `steps` is what it is now.
#[pyfunction]
fn encode_forms_of(
    py: Python<'_>,
    fast: bool,
    steps: Vec<(Bound<'_, PyAny>, Bound<'_, PyString>)>,
) -> PyResult<()> {
    // Said once, when the module that encodes them is imported.
    let _ = if fast { &FAST } else { &REQUESTS }.set(py, Way::new(Vec::new(), steps)?);
    Ok(())
}

/// The body for a form; None: by the library.
pub(super) fn encoded(style: Style, data: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
    let py = data.py();
    let way = match style {
        Style::Requests => REQUESTS.get(py),
        Style::Fast => FAST.get(py),
    };
    match (data.cast_exact::<PyDict>(), way) {
        (Ok(fields), Some(way)) if way.is_usual(py)? => Ok(encode(style, fields)),
        _ => Ok(None),
    }
}

fn encode(style: Style, fields: &Bound<'_, PyDict>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(128);
    for (name, value) in fields {
        match style {
            Style::Requests if value.is_none() => {}
            Style::Requests => {
                if let Ok(list) = value.cast_exact::<PyList>() {
                    write_each(&name, list.iter(), &mut out)?;
                } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
                    write_each(&name, tuple.iter(), &mut out)?;
                } else {
                    write_field(&name, &value, &mut out)?;
                }
            }
            Style::Fast => write_field(&name, &value, &mut out)?,
        }
    }
    // Of an empty form the libraries have ideas of their own.
    (!out.is_empty()).then_some(out)
}

fn write_each<'py>(
    name: &Bound<'py, PyAny>,
    values: impl Iterator<Item = Bound<'py, PyAny>>,
    out: &mut Vec<u8>,
) -> Option<()> {
    for value in values {
        if !value.is_none() {
            write_field(name, &value, out)?;
        }
    }
    Some(())
}

fn write_field(name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> Option<()> {
    if !out.is_empty() {
        out.push(b'&');
    }
    write(name, out)?;
    out.push(b'=');
    write(value, out)
}

fn write(value: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> Option<()> {
    if let Ok(text) = value.cast_exact::<PyString>() {
        quote(text.to_str().ok()?.as_bytes(), out);
    } else if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        quote(bytes.as_bytes(), out);
    } else if let Ok(number) = value.cast_exact::<PyInt>() {
        // Writing to memory cannot fail.
        let _ = write!(out, "{}", number.extract::<i64>().ok()?);
    } else if let Ok(flag) = value.cast_exact::<PyBool>() {
        out.extend_from_slice(if flag.is_true() { b"True" } else { b"False" });
    } else if let Ok(number) = value.cast_exact::<PyFloat>() {
        quote(number.repr().ok()?.to_str().ok()?.as_bytes(), out);
    } else if value.is_none() {
        out.extend_from_slice(b"None");
    } else {
        return None;
    }
    Some(())
}

/// As `quote_plus`.
fn quote(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'.' | b'-' | b'~' => out.push(byte),
            b' ' => out.push(b'+'),
            _ => {
                let digit = |half: u8| b"0123456789ABCDEF"[usize::from(half)];
                out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(encode_forms_of, m)?)
}
