//! `json=` of both clients: encoded to the bytes that `json.dumps` makes, where that is sure to be what the library sends.
//!
//! Only values of exactly the types that JSON has are encoded here, dicts with keys of text, integers of 64 bits, finite
//! numbers. Everything else is the library's: subclasses, other keys, NaN, lone surrogates, circles, what is no JSON.

use std::io::Write as _;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

/// How deep a value may be; a circle is deeper.
const MAX_DEPTH: usize = 50;

/// A value as `json.dumps` writes it; None: it has to see to this one itself, be it for the error.
pub(super) fn encode(value: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(128);
    write(value, &mut out, MAX_DEPTH)?;
    Some(out)
}

fn write(value: &Bound<'_, PyAny>, out: &mut Vec<u8>, depth: usize) -> Option<()> {
    if let Ok(text) = value.cast_exact::<PyString>() {
        write_text(text.to_str().ok()?, out);
    } else if let Ok(number) = value.cast_exact::<PyInt>() {
        write!(out, "{}", number.extract::<i64>().ok()?).ok()?;
    } else if let Ok(dict) = value.cast_exact::<PyDict>() {
        let depth = depth.checked_sub(1)?;
        out.push(b'{');
        for (index, (name, value)) in dict.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b", ");
            }
            write_text(name.cast_exact::<PyString>().ok()?.to_str().ok()?, out);
            out.extend_from_slice(b": ");
            write(&value, out, depth)?;
        }
        out.push(b'}');
    } else if let Ok(list) = value.cast_exact::<PyList>() {
        write_all(list.iter(), out, depth)?;
    } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        write_all(tuple.iter(), out, depth)?;
    } else if value.is_none() {
        out.extend_from_slice(b"null");
    } else if let Ok(flag) = value.cast_exact::<PyBool>() {
        out.extend_from_slice(if flag.is_true() { b"true" } else { b"false" });
    } else if let Ok(number) = value.cast_exact::<PyFloat>() {
        if !number.value().is_finite() {
            return None;
        }
        out.extend_from_slice(number.repr().ok()?.to_str().ok()?.as_bytes());
    } else {
        return None;
    }
    Some(())
}

fn write_all<'py>(
    values: impl Iterator<Item = Bound<'py, PyAny>>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    out.push(b'[');
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        write(&value, out, depth)?;
    }
    out.push(b']');
    Some(())
}

/// Text in ASCII: everything else, and what would end it, is escaped.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(text.as_bytes());
    } else {
        for character in text.chars() {
            let short = match character {
                '"' => b"\\\"",
                '\\' => b"\\\\",
                '\n' => b"\\n",
                '\r' => b"\\r",
                '\t' => b"\\t",
                '\x0c' => b"\\f",
                '\x08' => b"\\b",
                ' '..='~' => {
                    out.push(character as u8);
                    continue;
                }
                _ => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        // Writing to memory cannot fail.
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                    continue;
                }
            };
            out.extend_from_slice(short);
        }
    }
    out.push(b'"');
}
