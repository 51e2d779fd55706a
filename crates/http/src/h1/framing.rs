//! How long a response's body is (RFC 9112, 6.3), read so that no two readers of the connection can disagree.

use crate::method::Method;

use super::error::{DecodeError, excerpt};
use super::head::Version;
use super::lenient::Leniency;

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
#[derive(Debug, Default)]
pub(super) struct FramingFields {
    length: Length,
    transfer_encoding: Option<bool>,
    close: bool,
    keep_alive: bool,
}

#[derive(Debug, Default)]
enum Length {
    #[default]
    Absent,
    Given(u64),
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
                self.transfer_encoding = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
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
                (Length::Bad(text), _) => Length::Bad(text),
                _ => Length::Bad(excerpt(value)),
            };
        }
    }

    /// The length that `Content-Length` gives, if it gives one.
    pub(super) fn content_length(&self) -> Option<u64> {
        match self.length {
            Length::Given(length) => Some(length),
            Length::Absent | Length::Bad(_) => None,
        }
    }

    /// How the body ends, and whether the connection can be used after it.
    pub(super) fn decide(
        self,
        method: &Method,
        status: u16,
        version: Version,
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
        match (self.transfer_encoding, self.length) {
            (Some(chunked), length) => {
                if version == Version::Http10 {
                    leniency.insert(Leniency::TRANSFER_ENCODING_IN_HTTP10);
                }
                // A length beside a transfer coding, or a coding in HTTP/1.0, is what a smuggled response looks like
                // (RFC 9112, 6.1): the coding is believed, and nothing after it on this connection.
                let sound = matches!(length, Length::Absent) && version == Version::Http11;
                Ok(if chunked { (Framing::Chunked, persistent && sound) } else { (Framing::Close, false) })
            }
            (None, Length::Given(length)) => Ok((Framing::Length(length), persistent)),
            (None, Length::Bad(text)) => Err(DecodeError::ContentLength(text)),
            (None, Length::Absent) => Ok((Framing::Close, false)),
        }
    }
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
