//! How long a response's body is (RFC 9112, 6.3), read so that no two readers of the connection can disagree.

use crate::method::Method;

use super::error::{DecodeError, excerpt};
use super::head::Version;
use super::lenient::Leniency;
use super::limits::Limits;

/// How the body of a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Empty,
    /// After that many bytes.
    Length(u64),
    /// With its last chunk.
    Chunked,
    /// With the connection.
    Close,
}

/// What the fields of one head say about its body and its connection; filled field by field.
#[derive(Clone, Debug, Default)]
pub(super) struct FramingFields {
    length: Length,
    coding: Option<Coding>,
    close: bool,
    keep_alive: bool,
}

/// The outermost transfer coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Chunked,
    /// None at all, which old servers say by `identity`.
    Identity,
    Other,
}

#[derive(Clone, Debug, Default)]
enum Length {
    #[default]
    Absent,
    Given(u64),
    /// Not a number of bytes; with what `int` of Python makes of it, if that is one.
    Odd(Box<str>, Option<u64>),
    /// Several that differ.
    Bad(Box<str>),
}

impl FramingFields {
    /// Looks at one field; cheap for those that say nothing of framing.
    pub(super) fn see(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            10 if name.eq_ignore_ascii_case(b"connection") => self.see_connection(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => self.see_length(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                // Only the last coding of the last field counts: that is the outermost.
                let last = value.rsplit(|&byte| byte == b',').next().unwrap_or_default();
                self.coding = Some(match last.trim_ascii() {
                    last if last.eq_ignore_ascii_case(b"chunked") => Coding::Chunked,
                    last if last.eq_ignore_ascii_case(b"identity") => Coding::Identity,
                    _ => Coding::Other,
                });
            }
            _ => {}
        }
    }

    fn see_connection(&mut self, value: &[u8]) {
        for token in value.split(|&byte| byte == b',') {
            let token = token.trim_ascii();
            self.close |= token.eq_ignore_ascii_case(b"close");
            self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn see_length(&mut self, value: &[u8]) {
        for item in value.split(|&byte| byte == b',') {
            let number = decimal(item.trim_ascii());
            self.length = match (std::mem::take(&mut self.length), number) {
                (Length::Absent, Some(number)) => Length::Given(number),
                (Length::Given(before), Some(number)) if before == number => Length::Given(number),
                (Length::Absent, None) => Length::Odd(excerpt(value), odd_number(value)),
                (odd @ Length::Odd(..), _) => odd,
                (Length::Bad(text), _) => Length::Bad(text),
                (Length::Given(before), Some(number)) => Length::Bad(format!("{before}, {number}").into()),
                _ => Length::Bad(excerpt(value)),
            };
        }
    }

    /// The length that `Content-Length` gives, if it gives one.
    pub(super) fn content_length(&self) -> Option<u64> {
        match self.length {
            Length::Given(length) => Some(length),
            Length::Absent | Length::Odd(..) | Length::Bad(_) => None,
        }
    }

    /// How the body ends, and whether the connection can be used after it.
    pub(super) fn decide(
        self,
        method: &Method,
        status: u16,
        version: Version,
        limits: &Limits,
        leniency: &mut Leniency,
    ) -> Result<(Framing, bool), DecodeError> {
        let persistent = !self.close && (version == Version::Http11 || self.keep_alive);
        // After 101 and a tunnel's 2xx the connection speaks another protocol.
        if status == 101 || (method.is_connect() && (200..300).contains(&status)) {
            return Ok((Framing::Empty, false));
        }
        if *method == Method::Head || matches!(status, 204 | 304) {
            return Ok((Framing::Empty, persistent));
        }
        match (self.coding, self.length) {
            (Some(Coding::Identity | Coding::Other), Length::Given(length))
                if limits.lengths_beside_codings =>
            {
                // A length beside `identity` contradicts nothing.
                Ok((Framing::Length(length), persistent && self.coding == Some(Coding::Identity)))
            }
            (Some(coding), length) => {
                if version == Version::Http10 {
                    leniency.insert(Leniency::TRANSFER_ENCODING_IN_HTTP10);
                }
                // A length beside a transfer coding, or a coding in HTTP/1.0, is what a smuggled response looks like
                // (RFC 9112, 6.1): the coding is believed, and nothing after it on this connection.
                let sound = matches!(length, Length::Absent) && version == Version::Http11;
                Ok(match coding {
                    Coding::Chunked => (Framing::Chunked, persistent && sound),
                    Coding::Identity | Coding::Other => (Framing::Close, false),
                })
            }
            (None, Length::Given(length)) => Ok((Framing::Length(length), persistent)),
            (None, Length::Odd(_, Some(length))) if limits.odd_lengths => {
                Ok((Framing::Length(length), false))
            }
            (None, Length::Odd(_, None)) if limits.odd_lengths => Ok((Framing::Close, false)),
            (None, Length::Odd(text, _) | Length::Bad(text)) => Err(DecodeError::ContentLength(text)),
            (None, Length::Absent) => Ok((Framing::Close, false)),
        }
    }
}

/// A whole number with a sign and white space around it, as Python reads it, if it is none below zero.
fn odd_number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    decimal(text.strip_prefix(b"+").unwrap_or(text))
}

/// Digits only: `+1`, `-1`, `0x1` and nothing are not lengths. The last two numbers of the range are refused with the
/// overflowing ones, so that sums stay exact.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits
        .iter()
        .try_fold(0_u64, |number, byte| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        })
        .filter(|&number| number <= u64::MAX - 2)
}
