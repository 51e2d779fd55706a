//! Request methods.

use std::fmt;

use thiserror::Error;

/// A request method; the usual ones cost no allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// Anything else, spelled as it was given.
    Other(Box<str>),
}

/// The text cannot stand in a request line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("invalid method {0:?}")]
pub struct InvalidMethod(pub String);

impl Method {
    /// The method of that name. Case is kept: `get` is not `GET` (requests and Locust upper-case before they call).
    ///
    /// # Errors
    /// Empty text, and text with anything in it but the characters of a token (RFC 9110, 5.6.2).
    pub fn new(name: &str) -> Result<Self, InvalidMethod> {
        Ok(match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            other if !other.is_empty() && other.bytes().all(is_of_token) => Self::Other(other.into()),
            other => return Err(InvalidMethod(other.to_owned())),
        })
    }

    /// The name as it goes on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Other(name) => name,
        }
    }

    /// Whether sending the request twice means the same as sending it once (RFC 9110, 9.2.2), so that it may be
    /// repeated by itself when a kept connection turns out to be dead.
    pub fn is_idempotent(&self) -> bool {
        match self {
            Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options => true,
            Self::Post | Self::Patch => false,
            Self::Other(name) => matches!(&**name, "TRACE" | "PROPFIND" | "REPORT" | "SEARCH"),
        }
    }

    /// Whether it is `CONNECT`, whose successful answer has no body and turns the connection into a tunnel.
    pub fn is_connect(&self) -> bool {
        matches!(self, Self::Other(name) if &**name == "CONNECT")
    }
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<str> for Method {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_usual_methods_and_keeps_the_case_of_others() {
        for name in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let method = Method::new(name).unwrap();
            assert_eq!(method.as_str(), name);
            assert!(!matches!(method, Method::Other(_)));
        }
        assert_eq!(Method::new("Purge").unwrap(), Method::Other("Purge".into()));
        assert_eq!(Method::new("get").unwrap().to_string(), "get");
        assert!(Method::new("CONNECT").unwrap().is_connect());
    }

    #[test]
    fn refuses_what_would_break_the_request_line() {
        for name in ["", "GET /", "A\r\nB", "É", "A\0", "A:B", "(A)"] {
            assert_eq!(Method::new(name), Err(InvalidMethod(name.to_owned())), "{name:?}");
        }
    }
}
