//! Heads that break the grammar but not the sense, read as `http.client` and curl read them.
//!
//! The fast path is `httparse` in its strict form, which is what hyper runs. Only when that refuses a head does this
//! slower reading of whole lines begin, and it marks what it had to forgive.

use std::fmt;
use std::ops::Range;

use super::error::{DecodeError, excerpt};
use super::head::Version;

/// What was forgiven in a response that hyper would have refused.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Leniency(u16);

impl Leniency {
    /// A field continued on a line that begins with white space.
    pub const FOLDED_FIELD: Self = Self(1);
    /// A name or value with characters that have no place there.
    pub const ODD_FIELD: Self = Self(1 << 1);
    /// White space between a name and its colon.
    pub const SPACE_BEFORE_COLON: Self = Self(1 << 2);
    /// A line without a colon; it was skipped. The connection is not used again.
    pub const JUNK_LINE: Self = Self(1 << 3);
    /// A status line with more or other white space than it should have, or odd characters in its phrase.
    pub const ODD_STATUS_LINE: Self = Self(1 << 4);
    /// `Transfer-Encoding` in an HTTP/1.0 response. The connection is not used again.
    pub const TRANSFER_ENCODING_IN_HTTP10: Self = Self(1 << 5);
    /// A line of a chunked body that ends with a line feed alone.
    pub const BARE_LINE_FEED: Self = Self(1 << 6);
    /// The connection ended after the last chunk, before the empty line that ends the body.
    pub const NO_FINAL_LINE: Self = Self(1 << 7);

    const NAMES: [&'static str; 8] = [
        "FOLDED_FIELD",
        "ODD_FIELD",
        "SPACE_BEFORE_COLON",
        "JUNK_LINE",
        "ODD_STATUS_LINE",
        "TRANSFER_ENCODING_IN_HTTP10",
        "BARE_LINE_FEED",
        "NO_FINAL_LINE",
    ];

    /// Whether nothing was forgiven.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in here.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds `other`.
    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Leniency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Self::NAMES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0);
        f.debug_set().entries(set.map(|(_, name)| name)).finish()
    }
}

/// A status line as read here.
pub(super) struct StatusLine {
    pub(super) version: Version,
    pub(super) status: u16,
    pub(super) reason: Range<usize>,
}

/// Reads a status line, given without its line end but with `offset` as its place in the input.
pub(super) fn status_line(line: &[u8], offset: usize) -> Result<StatusLine, DecodeError> {
    let refuse = || DecodeError::StatusLine(excerpt(line));
    let rest = line.strip_prefix(b"HTTP/").ok_or_else(refuse)?;
    let version = match rest.get(..3) {
        Some(b"1.1") => Version::Http11,
        Some(b"1.0") => Version::Http10,
        _ => return Err(DecodeError::Version(excerpt(line))),
    };
    let after = &rest[3..];
    let digits = after.trim_ascii_start();
    let status = match digits {
        [a @ b'1'..=b'9', b, c, ..] if b.is_ascii_digit() && c.is_ascii_digit() => {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        _ => return Err(refuse()),
    };
    let tail = &digits[3..];
    let blank_before = digits.len() < after.len();
    let blank_after = tail.first().is_none_or(u8::is_ascii_whitespace);
    if !blank_before || !blank_after || line.contains(&0) {
        return Err(refuse());
    }
    let reason = tail.trim_ascii();
    let start = offset + line.len() - tail.trim_ascii_start().len();
    Ok(StatusLine { version, status, reason: start..start + reason.len() })
}

/// Reads the header lines of `block`, which ends with an empty line, and calls `field` with where name and value are.
///
/// Folded fields are made whole in place: their line ends become spaces.
pub(super) fn fields(
    block: &mut [u8],
    leniency: &mut Leniency,
    mut field: impl FnMut(&[u8], Range<usize>, Range<usize>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut at = 0;
    let mut current: Option<(Range<usize>, Range<usize>)> = None;
    while at < block.len() {
        let end = block[at..].iter().position(|&byte| byte == b'\n').map_or(block.len(), |found| at + found);
        let line = at..if end > at && block[end - 1] == b'\r' { end - 1 } else { end };
        let next = (end + 1).min(block.len());
        if line.is_empty() {
            break;
        }
        if block[line.clone()].iter().any(|byte| matches!(byte, 0 | b'\r')) {
            // A NUL or a lone carriage return means one thing to one reader and another to the next.
            return Err(DecodeError::Header(excerpt(&block[line])));
        }
        if matches!(block[line.start], b' ' | b'\t') {
            match &mut current {
                Some((_, value)) => {
                    leniency.insert(Leniency::FOLDED_FIELD);
                    block[value.end..line.start].fill(b' ');
                    value.end = line.end;
                }
                None => leniency.insert(Leniency::JUNK_LINE),
            }
        } else {
            if let Some((name, value)) = current.take() {
                let value = trimmed(block, value);
                field(block, name, value)?;
            }
            current = split(block, line, leniency);
        }
        at = next;
    }
    match current {
        Some((name, value)) => {
            let value = trimmed(block, value);
            field(block, name, value)
        }
        None => Ok(()),
    }
}

/// Name and value of a line; `None` if it is not a field and is to be skipped.
fn split(block: &[u8], line: Range<usize>, leniency: &mut Leniency) -> Option<(Range<usize>, Range<usize>)> {
    let text = &block[line.clone()];
    let Some(colon) = text.iter().position(|&byte| byte == b':') else {
        leniency.insert(Leniency::JUNK_LINE);
        return None;
    };
    let name = text[..colon].trim_ascii_end();
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        leniency.insert(Leniency::JUNK_LINE);
        return None;
    }
    if name.len() < colon {
        leniency.insert(Leniency::SPACE_BEFORE_COLON);
    }
    let odd_name = name.iter().any(|byte| b"\"(),/:;<=>?@[\\]{}".contains(byte));
    let odd_value = text[colon + 1..].iter().any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f);
    if odd_name || odd_value {
        leniency.insert(Leniency::ODD_FIELD);
    }
    Some((line.start..line.start + name.len(), line.start + colon + 1..line.end))
}

fn trimmed(block: &[u8], value: Range<usize>) -> Range<usize> {
    let text = &block[value.clone()];
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let leading = text.iter().take_while(|byte| blank(byte)).count();
    let trailing = text[leading..].iter().rev().take_while(|byte| blank(byte)).count();
    value.start + leading..value.end - trailing
}
