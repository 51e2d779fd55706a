//! Header fields: an ordered multimap in one buffer.
//!
//! The buffer holds the fields as they stand on the wire, and a list of spans says where each name and value is. So a
//! response's head is kept by two copies whatever the number of its fields, and a request's headers that many users
//! share are sent by one.

use std::fmt;
use std::ops::Range;

use thiserror::Error;

/// An ordered multimap of header fields. The spelling of names is kept; look-ups ignore case.
#[derive(Clone, Default)]
pub struct Headers {
    buf: Vec<u8>,
    spans: Vec<Span>,
    /// `buf` is a block as a peer sent it; otherwise it is exactly `name: value\r\n` for each span in order.
    foreign: bool,
}

/// Where one field stands in the buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) name: u32,
    pub(crate) name_len: u32,
    pub(crate) value: u32,
    pub(crate) value_len: u32,
}

/// A field that cannot stand in a head.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidHeader {
    /// The name is empty, or has a space, a colon, a control character or something beyond ASCII in it.
    #[error("invalid header name {0:?}")]
    Name(String),
    /// The value has a carriage return, a line feed or a NUL in it. The name is told, as the value may be a secret.
    #[error("invalid value for header {0:?}")]
    Value(String),
}

impl Headers {
    /// No fields; allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Room for that many fields with that many bytes of names and values together.
    pub fn with_capacity(headers: usize, bytes: usize) -> Self {
        Self {
            buf: Vec::with_capacity(bytes + 4 * headers),
            spans: Vec::with_capacity(headers),
            foreign: false,
        }
    }

    /// A copy with room for that many more fields with that many bytes of names and values together.
    pub fn with_room(&self, headers: usize, bytes: usize) -> Self {
        let mut copy = Self::with_capacity(self.len() + headers, self.buf.len() + bytes);
        copy.buf.extend_from_slice(&self.buf);
        copy.spans.extend_from_slice(&self.spans);
        copy.foreign = self.foreign;
        copy
    }

    /// The number of fields, counting each line of a repeated one.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Adds a field at the end. Never fails and never lets a field become two: bytes that would end the line (CR, LF,
    /// NUL), a colon or white space in the name, and what is not ASCII in it, turn into spaces or underscores.
    /// Use [`Headers::try_push`] for text that a user wrote.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.push_bytes(name, value.as_ref());
    }

    /// Adds a field at the end.
    ///
    /// # Errors
    /// If name or value cannot stand in a head; nothing is added then.
    pub fn try_push(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), InvalidHeader> {
        let value = value.as_ref();
        if !is_valid_name(name) {
            return Err(InvalidHeader::Name(name.to_owned()));
        }
        if !is_valid_value(value) {
            return Err(InvalidHeader::Value(name.to_owned()));
        }
        self.push_bytes(name, value);
        Ok(())
    }

    /// Gives `name` this one value: the first field of that name keeps its place and spelling, others of it go; without
    /// one the field is added at the end.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        if !self.contains(name) {
            return self.push_bytes(name, value);
        }
        let mut replaced = Self::with_capacity(self.len(), self.buf.len() + value.len());
        let mut placed = false;
        for (other, old) in self.iter() {
            if !other.eq_ignore_ascii_case(name) {
                replaced.push_bytes(other, old);
            } else if !placed {
                placed = true;
                replaced.push_bytes(other, value);
            }
        }
        *self = replaced;
    }

    /// The value of the first field of that name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let span =
            self.spans.iter().find(|span| self.name_bytes(span).eq_ignore_ascii_case(name.as_bytes()))?;
        Some(self.value_bytes(span))
    }

    /// The value of the first field of that name, if it is UTF-8.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The values of all fields of that name, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.spans
            .iter()
            .filter(move |span| self.name_bytes(span).eq_ignore_ascii_case(name.as_bytes()))
            .map(|span| self.value_bytes(span))
    }

    /// Whether there is a field of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether a comma-separated list in the fields of that name has this token, case aside.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.get_all(name)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Removes all fields of that name; says whether there were any.
    pub fn remove(&mut self, name: &str) -> bool {
        let found = self.contains(name);
        if found {
            self.retain(|other, _| !other.eq_ignore_ascii_case(name));
        }
        found
    }

    /// Keeps only the fields for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &[u8]) -> bool) {
        let mut kept = Self::with_capacity(self.len(), self.buf.len());
        for (name, value) in self.iter() {
            if keep(name, value) {
                kept.push_bytes(name, value);
            }
        }
        *self = kept;
    }

    /// Removes all fields; keeps the allocations.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.spans.clear();
        self.foreign = false;
    }

    /// Adds the fields of `other` at the end.
    pub fn append(&mut self, other: &Self) {
        for (name, value) in other {
            self.push_bytes(name, value);
        }
    }

    /// All fields in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { headers: self, spans: self.spans.iter() }
    }

    /// The bytes this map holds on the heap.
    pub fn heap_size(&self) -> usize {
        self.buf.capacity() + self.spans.capacity() * size_of::<Span>()
    }

    fn push_bytes(&mut self, name: &str, value: &[u8]) {
        if self.foreign {
            self.rewrite();
        }
        let value = value.trim_ascii();
        let at = self.buf.len();
        self.buf.reserve(name.len() + value.len() + 4);
        if is_valid_name(name) {
            self.buf.extend_from_slice(name.as_bytes());
        } else {
            self.buf.extend(name.bytes().map(|byte| if is_name_byte(byte) { byte } else { b'_' }));
        }
        self.buf.extend_from_slice(b": ");
        let value_at = self.buf.len();
        self.buf.extend_from_slice(value);
        if !is_valid_value(value) {
            for byte in &mut self.buf[value_at..] {
                if matches!(byte, b'\r' | b'\n' | 0) {
                    *byte = b' ';
                }
            }
        }
        self.buf.extend_from_slice(b"\r\n");
        self.spans.push(Span {
            name: at as u32,
            name_len: name.len() as u32,
            value: value_at as u32,
            value_len: value.len() as u32,
        });
    }

    /// Brings a buffer that came from elsewhere into the form that is sent.
    fn rewrite(&mut self) {
        let mut own = Self::with_capacity(self.len() + 1, self.buf.len());
        for (name, value) in self.iter() {
            own.push_bytes(name, value);
        }
        *self = own;
    }

    /// The fields as they are sent, `name: value\r\n` each, if the buffer is in that form.
    pub(crate) fn wire(&self) -> Option<&[u8]> {
        (!self.foreign).then_some(&*self.buf)
    }

    /// Takes over a received block of header lines; [`Headers::locate`] then says where the fields are.
    pub(crate) fn start_block(&mut self, block: &[u8], fields: usize) {
        self.clear();
        self.foreign = true;
        self.buf.extend_from_slice(block);
        self.spans.reserve(fields);
    }

    /// Says where all the fields of the block are that was given to [`Headers::start_block`].
    pub(crate) fn locate_all(&mut self, spans: &[Span]) {
        debug_assert!(self.foreign && self.spans.is_empty());
        self.spans.extend_from_slice(spans);
    }

    /// How long the block is that was given to [`Headers::start_block`].
    pub(crate) fn block_len(&self) -> usize {
        self.buf.len()
    }

    /// Adds a field of the block given to [`Headers::start_block`]; the name must be ASCII.
    pub(crate) fn locate(&mut self, name: Range<usize>, value: Range<usize>) {
        debug_assert!(self.foreign && self.buf[name.clone()].is_ascii() && value.end <= self.buf.len());
        self.spans.push(Span {
            name: name.start as u32,
            name_len: name.len() as u32,
            value: value.start as u32,
            value_len: value.len() as u32,
        });
    }

    pub(crate) fn name_bytes(&self, span: &Span) -> &[u8] {
        &self.buf[span.name as usize..(span.name + span.name_len) as usize]
    }

    pub(crate) fn value_bytes(&self, span: &Span) -> &[u8] {
        &self.buf[span.value as usize..(span.value + span.value_len) as usize]
    }

    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }
}

/// The fields of a [`Headers`] in order.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    headers: &'a Headers,
    spans: std::slice::Iter<'a, Span>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let span = self.spans.next()?;
        // Names are ASCII by construction, so this never falls back.
        let name = std::str::from_utf8(self.headers.name_bytes(span)).unwrap_or_default();
        Some((name, self.headers.value_bytes(span)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a str, &'a [u8]);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut headers = Self::new();
        for (name, value) in fields {
            headers.push(name.as_ref(), value);
        }
        headers
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned())))
            .finish()
    }
}

/// Whether a name can be sent: printable ASCII without a colon (wider than RFC 9110's token, as `http.client` is).
pub fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_name_byte)
}

/// Whether a value can be sent without ending its line.
pub fn is_valid_value(value: &[u8]) -> bool {
    !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b':'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Headers {
        [("Accept", "*/*"), ("X-One", "1"), ("x-one", "2"), ("Empty", "")].into_iter().collect()
    }

    #[test]
    fn keeps_order_and_spelling_and_looks_up_without_case() {
        let headers = sample();
        assert_eq!(headers.len(), 4);
        assert_eq!(headers.get("ACCEPT"), Some(&b"*/*"[..]));
        assert_eq!(headers.get_all("X-ONE").collect::<Vec<_>>(), [b"1", b"2"]);
        assert_eq!(headers.get_str("empty"), Some(""));
        assert_eq!(headers.get("none"), None);
        assert_eq!(
            headers.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            ["Accept", "X-One", "x-one", "Empty"]
        );
        assert_eq!(headers.wire(), Some(&b"Accept: */*\r\nX-One: 1\r\nx-one: 2\r\nEmpty: \r\n"[..]));
    }

    #[test]
    fn set_keeps_the_first_place_and_drops_the_rest() {
        let mut headers = sample();
        headers.set("X-ONE", "3");
        headers.set("New", "n");
        assert_eq!(headers.wire(), Some(&b"Accept: */*\r\nX-One: 3\r\nEmpty: \r\nNew: n\r\n"[..]));
    }

    #[test]
    fn remove_takes_all_lines_of_a_name() {
        let mut headers = sample();
        assert!(headers.remove("x-one"));
        assert!(!headers.remove("x-one"));
        assert_eq!(headers.wire(), Some(&b"Accept: */*\r\nEmpty: \r\n"[..]));
    }

    #[test]
    fn a_field_can_never_become_two() {
        let mut headers = Headers::new();
        headers.push("A: b\r\nC", "d\r\nE: f\0g");
        assert_eq!(headers.wire(), Some(&b"A__b__C: d  E: f g\r\n"[..]));
        assert_eq!(headers.try_push("a b", "c"), Err(InvalidHeader::Name("a b".to_owned())));
        assert_eq!(headers.try_push("", "c"), Err(InvalidHeader::Name(String::new())));
        assert_eq!(headers.try_push("A", "c\nd"), Err(InvalidHeader::Value("A".to_owned())));
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn names_beyond_ascii_keep_their_length() {
        let mut headers = Headers::new();
        headers.push("é", "v");
        assert_eq!(headers.iter().next(), Some(("__", &b"v"[..])));
    }

    #[test]
    fn tokens_are_found_across_lines_and_commas() {
        let headers: Headers = [("Connection", "foo, Close"), ("Connection", "bar")].into_iter().collect();
        assert!(headers.has_token("connection", "close"));
        assert!(headers.has_token("connection", "BAR"));
        assert!(!headers.has_token("connection", "clos"));
    }

    #[test]
    fn a_received_block_can_be_extended() {
        let mut headers = Headers::new();
        headers.start_block(b"HTTP/1.1 200 OK\r\nA:b\r\n\r\n", 1);
        headers.locate(17..18, 19..20);
        assert_eq!(headers.wire(), None);
        assert_eq!(headers.get("a"), Some(&b"b"[..]));
        headers.push("C", "d");
        assert_eq!(headers.wire(), Some(&b"A: b\r\nC: d\r\n"[..]));
    }
}
