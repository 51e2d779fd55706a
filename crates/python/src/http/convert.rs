//! Python values to the client's and back.

use std::borrow::Cow;
use std::time::Duration;

use gregaria_http::Headers;
use gregaria_http::h1::Version;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::settings::Style;

/// Seconds to a duration; None for "no limit" (infinite or beyond what a clock counts).
pub(super) fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

/// Header fields as they are to be sent. Errors: ValueError naming the field that cannot be.
pub(super) fn headers(fields: &[(String, Vec<u8>)]) -> PyResult<Headers> {
    let bytes = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    let mut headers = Headers::with_capacity(fields.len(), bytes);
    for (name, value) in fields {
        headers.try_push(name, value).map_err(|error| PyValueError::new_err(error.to_string()))?;
    }
    Ok(headers)
}

/// Text or bytes as bytes: text as Latin-1 where it can be, as header values are sent, else as UTF-8.
/// None for any other type.
pub(super) fn header_value(value: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Some(bytes.as_bytes().to_vec());
    }
    let text = value.cast::<PyString>().ok()?.to_str().ok()?;
    if text.is_ascii() {
        return Some(text.as_bytes().to_vec());
    }
    let latin1: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    Some(latin1.unwrap_or_else(|| text.as_bytes().to_vec()))
}

/// A header or body of bytes as Python text, byte by byte (Latin-1).
pub(super) fn latin1(bytes: &[u8]) -> String {
    if bytes.is_ascii() {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// Fields as a list of pairs of text.
pub(super) fn pairs(headers: &Headers) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_owned(), latin1(value))).collect()
}

/// Text as Latin-1, as the libraries send it; None for what is no text or not in Latin-1.
pub(super) fn latin1_bytes(value: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    latin1_text(value).map(Cow::into_owned)
}

/// The same; nearly all is ASCII and need not be copied.
fn latin1_text<'a>(value: &'a Bound<'_, PyAny>) -> Option<Cow<'a, [u8]>> {
    let text = value.cast::<PyString>().ok()?.to_str().ok()?;
    if text.is_ascii() {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>().map(Cow::Owned)
}

/// What one request's `headers` do to the session's: same names are replaced in place, None removes (for requests).
/// None: something in it is not plainly sendable, so the library has to look at it itself.
pub(super) fn merge(base: &Headers, own: &Bound<'_, PyDict>, style: Style) -> Option<Headers> {
    let given: Vec<_> = own.iter().collect();
    let mut added: Vec<(&str, Cow<'_, [u8]>)> = Vec::with_capacity(given.len());
    for (name, value) in &given {
        let name = match name.cast::<PyString>() {
            Ok(text) => text.to_str().ok()?,
            Err(_) if style == Style::Requests => {
                std::str::from_utf8(name.cast::<PyBytes>().ok()?.as_bytes()).ok()?
            }
            Err(_) => return None,
        };
        let again = |(other, _): &(&str, _)| other.eq_ignore_ascii_case(name);
        if (value.is_none() && style == Style::Requests) || base.contains(name) || added.iter().any(again) {
            return replace(base, &given, style);
        }
        let value = latin1_text(value)?;
        if !is_plain(style, name, &value) {
            return None;
        }
        added.push((name, value));
    }
    let bytes = added.iter().map(|(name, value)| name.len() + value.len()).sum();
    let mut merged = base.with_room(added.len(), bytes);
    for (name, value) in added {
        // A field that cannot be sent is for requests to refuse, in its own words.
        merged.try_push(name, value).ok()?;
    }
    Some(merged)
}

/// As [`merge`], where a field of the session, or one given before, is replaced or removed.
fn replace(base: &Headers, own: &[(Bound<'_, PyAny>, Bound<'_, PyAny>)], style: Style) -> Option<Headers> {
    let mut fields: Vec<(&str, Cow<'_, [u8]>)> = Vec::with_capacity(base.len() + own.len());
    fields.extend(base.iter().map(|(name, value)| (name, Cow::Borrowed(value))));
    for (name, value) in own {
        let name = match name.cast::<PyString>() {
            Ok(text) => text.to_str().ok()?,
            Err(_) if style == Style::Requests => {
                std::str::from_utf8(name.cast::<PyBytes>().ok()?.as_bytes()).ok()?
            }
            Err(_) => return None,
        };
        if value.is_none() && style == Style::Requests {
            fields.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            continue;
        }
        let value = latin1_text(value)?;
        if !is_plain(style, name, &value) {
            return None;
        }
        match fields.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            Some(field) => *field = (name, value),
            None => fields.push((name, value)),
        }
    }
    let bytes = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    let mut replaced = Headers::with_capacity(fields.len(), bytes);
    for (name, value) in fields {
        replaced.try_push(name, value).ok()?;
    }
    Some(replaced)
}

/// Whether a header of a script means nothing but itself: the libraries have rules of their own about framing, and about
/// white space around values.
fn is_plain(style: Style, name: &str, value: &[u8]) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    if edge(value.first()) || edge(value.last()) || value.contains(&0x7f) {
        return false;
    }
    match name.len() {
        6 if style == Style::Fast => !is("expect"),
        12 if style == Style::Fast => !(is("content-type") && value.is_empty()),
        14 => !is("content-length"),
        17 => !is("transfer-encoding"),
        _ => true,
    }
}

/// The protocol version as urllib3 counts it: 10 or 11.
pub(super) fn version(version: Version) -> u8 {
    match version {
        Version::Http10 => 10,
        Version::Http11 => 11,
    }
}
