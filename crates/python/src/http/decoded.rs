//! Bodies without their encoding, and how long they are.

use std::sync::Arc;

use gregaria_http::{Headers, Response, Timings, decode};
use gregaria_stats::Phases;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::again::{Again, Known};
use super::settings::Style;

/// The most that a body may grow to when it is decoded: a page that asks for more is an attack or a mistake, and the
/// request a failed one (`ContentDecodingError` for requests' responses, `zlib.error` for geventhttpclient's). A body that
/// is not encoded may have any size, and one read by `stream=True` is decoded in parts.
pub(super) const MAX_DECODED: usize = 256 << 20;

/// Bodies of gzip that came more than once: the next one is the same object.
static KNOWN: Again<Arc<Py<PyBytes>>> = Again::new(16, 64 << 10);
/// The most that one of them may grow to.
const LONGEST: usize = 512 << 10;

/// Phases as the statistics sum them up.
pub(super) fn phases(timings: &Timings) -> Phases {
    let spent = [
        timings.blocked,
        timings.queue,
        timings.dns,
        timings.connect,
        timings.tls,
        timings.send,
        timings.wait,
        timings.receive,
    ];
    // A phase of 584 years is none.
    Phases::of(spent.map(|phase| phase.as_nanos() as u64))
}

/// The decoded body. Errors: the library's own, made by the response's class.
pub(super) fn body<'py>(
    response: &Bound<'py, PyAny>,
    style: Style,
    answer: &Response,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, raw) = (response.py(), &answer.body[..]);
    let encoding = answer.headers.get_str("content-encoding").unwrap_or_default();
    if encoding.is_empty() || raw.is_empty() {
        return Ok(PyBytes::new(py, raw).into_any());
    }
    if let Some(whole) = decode::Whole::find(encoding, raw, MAX_DECODED) {
        let known = KNOWN.find(raw);
        if let Known::Made(content) = known {
            return Ok(content.bind(py).clone().into_any());
        }
        let mut filled = false;
        let content = PyBytes::new_with(py, whole.len(), |place| {
            filled = whole.fill(place);
            Ok(())
        })?;
        if filled {
            if matches!(known, Known::Seen) && whole.len() <= LONGEST {
                KNOWN.keep(raw, Arc::new(content.clone().unbind()));
            }
            return Ok(content.into_any());
        }
    }
    match decoded(style, encoding, raw) {
        Ok(decoded) => Ok(PyBytes::new(py, &decoded).into_any()),
        Err(error) => {
            // The library, asked for its own words, would not stop at the cap.
            let too_large = matches!(error, decode::DecodeBodyError::TooLarge { .. });
            let arguments = (encoding, error.to_string(), too_large);
            let error = response.call_method1(intern!(py, "_decode_error"), arguments)?;
            Err(PyErr::from_value(error))
        }
    }
}

/// A body decoded. Cut short, it is what can be had of it to requests, and an error to geventhttpclient.
fn decoded(style: Style, encoding: &str, raw: &[u8]) -> Result<Vec<u8>, decode::DecodeBodyError> {
    match style {
        Style::Requests => decode::decode_body(encoding, raw, MAX_DECODED),
        Style::Fast => decode::decode_body_strict(encoding, raw, MAX_DECODED),
    }
}

/// The length of the decoded body, without decoding it where the encoding says.
pub(super) fn decoded_length(style: Style, headers: &Headers, raw: &[u8]) -> Result<u64, ()> {
    let encoding = headers.get_str("content-encoding").unwrap_or_default();
    if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") || raw.is_empty() {
        return Ok(raw.len() as u64);
    }
    if encoding.eq_ignore_ascii_case("gzip")
        && let [0x1f, 0x8b, 8, ..] = raw
        && let Some(&[a, b, c, d]) = raw.last_chunk::<4>()
    {
        // The trailer of a gzip member holds the length. Deflate cannot shrink further than this, nor grow a body by
        // more than a header: a length beyond is not one.
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        let size = raw.len() as u64;
        let mut likely = length <= size.saturating_mul(1032) && length.saturating_mul(2) + 1024 > size;
        // What stands at the end of a body that was cut is any number, rarely one that could be. Where that is an error of
        // the request, few bodies are so small for what they hold that they are not looked into.
        likely &= style == Style::Requests || length <= size.saturating_mul(64);
        if likely && length <= MAX_DECODED as u64 {
            return Ok(length);
        }
    }
    decoded(style, encoding, raw).map(|decoded| decoded.len() as u64).map_err(drop)
}
