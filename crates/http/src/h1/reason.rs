//! Reason phrases.

use std::borrow::Cow;
use std::fmt;

/// The reason phrase of a status line. The usual phrase of a status costs no allocation.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason(Text);

#[derive(Clone)]
enum Text {
    Usual(&'static str),
    Own(Box<[u8]>),
}

impl Reason {
    /// The phrase `text` of a response with that status.
    pub fn new(status: u16, text: &[u8]) -> Self {
        match usual(status) {
            Some(phrase) if phrase.as_bytes() == text => Self(Text::Usual(phrase)),
            _ if text.is_empty() => Self(Text::Usual("")),
            _ => Self(Text::Own(text.into())),
        }
    }

    /// The phrase as it was received.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Usual(phrase) => phrase.as_bytes(),
            Text::Own(bytes) => bytes,
        }
    }

    /// The phrase as text: Latin-1, as `http.client` reads whatever it is.
    pub fn to_text(&self) -> Cow<'_, str> {
        match &self.0 {
            Text::Usual(phrase) => Cow::Borrowed(phrase),
            Text::Own(bytes) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        fn bytes(text: &Text) -> &[u8] {
            match text {
                Text::Usual(phrase) => phrase.as_bytes(),
                Text::Own(bytes) => bytes,
            }
        }
        bytes(self) == bytes(other)
    }
}

impl Eq for Text {}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_text(), f)
    }
}

/// The phrase that servers send with a status.
fn usual(status: u16) -> Option<&'static str> {
    Some(match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Payload Too Large",
        415 => "Unsupported Media Type",
        418 => "I'm a teapot",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_phrase_is_shared_and_others_are_kept() {
        assert!(matches!(Reason::new(200, b"OK").0, Text::Usual("OK")));
        assert_eq!(Reason::new(200, b"Fine").to_text(), "Fine");
        assert_eq!(Reason::new(599, b"").as_bytes(), b"");
        assert_eq!(Reason::new(200, b"Caf\xe9").to_text(), "Caf\u{e9}");
        assert_eq!(Reason::new(200, "Café".as_bytes()).to_text(), "CafÃ©");
    }
}
