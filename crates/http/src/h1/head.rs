//! Reading the head of a response.

use std::mem::MaybeUninit;

use httparse::{ParserConfig, Status};

use crate::headers::Headers;

use super::error::{DecodeError, excerpt};
use super::framing::FramingFields;
use super::lenient::{self, Leniency};
use super::limits::Limits;
use super::reason::Reason;

/// The protocol version of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// Status line and header fields of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code, 100 to 999.
    pub status: u16,
    /// The version in the status line.
    pub version: Version,
    /// The reason phrase, possibly empty.
    pub reason: Reason,
    /// The header fields.
    pub headers: Headers,
    /// `Content-Length` if it is there and sound; it may well stand in a response that has no body (`HEAD`).
    pub content_length: Option<u64>,
}

/// A head that was read, and what it says about the body.
pub(super) struct Parsed {
    pub(super) len: usize,
    pub(super) head: ResponseHead,
    pub(super) framing: FramingFields,
}

/// Fields for which there is room on the stack; heads with more take a slower way.
const USUAL_FIELDS: usize = 64;

type Slots<'a> = [MaybeUninit<httparse::Header<'a>>];

/// Reads a head at the start of `input`; `None` if it is not all there yet. `spare` lends its allocations.
pub(super) fn parse(
    input: &[u8],
    limits: &Limits,
    spare: &mut Headers,
    leniency: &mut Leniency,
) -> Result<Option<Parsed>, DecodeError> {
    // Spans are 32 bits wide; no head is anywhere near.
    let max_head = limits.max_head.min(1 << 30);
    let seen = &input[..input.len().min(max_head)];
    let mut slots = [const { MaybeUninit::uninit() }; USUAL_FIELDS];
    let found = match strict(seen, &mut slots, limits, spare) {
        Err(httparse::Error::TooManyHeaders) if limits.max_headers > USUAL_FIELDS => {
            let mut slots = vec![MaybeUninit::uninit(); limits.max_headers];
            strict(seen, &mut slots, limits, spare)
        }
        found => found,
    };
    let parsed = match found {
        Ok(parsed) => parsed,
        Err(httparse::Error::TooManyHeaders) => {
            return Err(DecodeError::TooManyHeaders { limit: limits.max_headers });
        }
        Err(_) => forgiving(seen, limits, spare, leniency)?,
    };
    if parsed.is_none() && input.len() >= max_head {
        return Err(DecodeError::HeadTooLarge { limit: max_head });
    }
    Ok(parsed)
}

fn strict<'a>(
    input: &'a [u8],
    slots: &mut Slots<'a>,
    limits: &Limits,
    spare: &mut Headers,
) -> Result<Option<Parsed>, httparse::Error> {
    let mut response = httparse::Response::new(&mut []);
    let status = ParserConfig::default().parse_response_with_uninit_headers(&mut response, input, slots)?;
    let Status::Complete(len) = status else {
        return Ok(None);
    };
    let fields = &*response.headers;
    if fields.len() > limits.max_headers {
        return Err(httparse::Error::TooManyHeaders);
    }
    let status = response.code.unwrap_or_default();
    if status < 100 {
        return Err(httparse::Error::Status);
    }
    let place = |bytes: &[u8]| bytes.as_ptr().addr() - input.as_ptr().addr();
    let mut headers = std::mem::take(spare);
    let mut framing = FramingFields::default();
    let start = fields.first().map_or(len, |field| place(field.name.as_bytes()));
    headers.start_block(&input[start..len], fields.len());
    for field in fields {
        let (name, value) = (field.name.as_bytes(), field.value);
        framing.see(name, value);
        let name_at = place(name) - start;
        // An empty value has no place of its own.
        let value_at = if value.is_empty() { name_at + name.len() } else { place(value) - start };
        headers.locate(name_at..name_at + name.len(), value_at..value_at + value.len());
    }
    let reason = match response.reason {
        Some(reason) if !reason.is_empty() => Reason::new(status, reason.as_bytes()),
        // httparse gives nothing for a phrase with bytes beyond ASCII.
        _ => Reason::new(status, phrase(&input[..start])),
    };
    let version = if response.version == Some(0) { Version::Http10 } else { Version::Http11 };
    let content_length = framing.content_length();
    Ok(Some(Parsed { len, head: ResponseHead { status, version, reason, headers, content_length }, framing }))
}

/// The reason phrase of a status line known to be sound.
fn phrase(input: &[u8]) -> &[u8] {
    let line =
        input.trim_ascii_start().split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    line.get("HTTP/1.1 200".len()..).unwrap_or_default().trim_ascii()
}

fn forgiving(
    input: &[u8],
    limits: &Limits,
    spare: &mut Headers,
    leniency: &mut Leniency,
) -> Result<Option<Parsed>, DecodeError> {
    let start = input.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(input.len());
    let Some(line_len) = input[start..].iter().position(|&byte| byte == b'\n') else {
        // A peer that talks another protocol is told by its first bytes, whether or not its line ever ends.
        let begun = &input[start..input.len().min(start + 5)];
        return if b"HTTP/".starts_with(begun) {
            Ok(None)
        } else {
            Err(DecodeError::StatusLine(excerpt(&input[start..])))
        };
    };
    let line = &input[start..start + line_len];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let status_line = lenient::status_line(line, start).map_err(|error| match error {
        // With its end, as far as it is kept: whoever is told sees whether there was one.
        DecodeError::StatusLine(_) => DecodeError::StatusLine(excerpt(&input[start..=start + line_len])),
        other => other,
    })?;
    let block_at = start + line_len + 1;
    let Some(len) = head_end(input, block_at) else {
        return Ok(None);
    };
    let plain = line.get(8) == Some(&b' ') && line.get(9).is_some_and(u8::is_ascii_digit);
    if !plain || line.iter().any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
        leniency.insert(Leniency::ODD_STATUS_LINE);
    }
    let reason = Reason::new(status_line.status, &input[status_line.reason]);
    let (headers, framing) = fields(&input[block_at..len], limits, spare, leniency)?;
    if leniency.is_empty() {
        // Whatever httparse objected to, hyper would have refused it.
        leniency.insert(Leniency::ODD_FIELD);
    }
    let content_length = framing.content_length();
    let head = ResponseHead {
        status: status_line.status,
        version: status_line.version,
        reason,
        headers,
        content_length,
    };
    Ok(Some(Parsed { len, head, framing }))
}

/// Reads a block of header lines, its empty line included, without much grammar.
pub(super) fn fields(
    block: &[u8],
    limits: &Limits,
    spare: &mut Headers,
    leniency: &mut Leniency,
) -> Result<(Headers, FramingFields), DecodeError> {
    let mut block = block.to_vec();
    let mut places = Vec::new();
    let mut framing = FramingFields::default();
    lenient::fields(&mut block, leniency, |block, name, value| {
        if places.len() == limits.max_headers {
            return Err(DecodeError::TooManyHeaders { limit: limits.max_headers });
        }
        framing.see(&block[name.clone()], &block[value.clone()]);
        places.push((name, value));
        Ok(())
    })?;
    let mut headers = std::mem::take(spare);
    headers.start_block(&block, places.len());
    for (name, value) in places {
        headers.locate(name, value);
    }
    Ok((headers, framing))
}

/// Where the header lines that begin at `from` end, behind their empty line.
pub(super) fn head_end(input: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match input.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            rest => at += rest.iter().position(|&byte| byte == b'\n')? + 1,
        }
    }
}
