//! URLs as requests and geventhttpclient put them on the wire.
//!
//! Scripts are written against these clients' ideas of quoting, international host names and relative redirects, and
//! statistics are named after the result, so a standard-conforming parser would be wrong here. `tests/golden/` holds
//! what the originals send; `compat/golden/http_vectors.py` makes it.

pub(crate) mod quote;
mod requests;
mod split;

#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use thiserror::Error;

pub(crate) use requests::is_python_space;
use split::Split;

/// Whose rules are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// requests with urllib3, under `HttpUser`.
    #[default]
    Requests,
    /// geventhttpclient, under `FastHttpUser`.
    Fast,
}

/// An absolute `http` or `https` URL, ready to be sent to.
#[derive(Clone)]
pub struct Url {
    text: Box<str>,
    https: bool,
    explicit_port: Option<u16>,
    netloc: Range<u32>,
    path: Range<u32>,
    query: Option<Range<u32>>,
    fragment: Option<Range<u32>>,
    host: Part,
    host_header: Part,
    target: Part,
}

/// A piece of text that nearly always stands in the URL as it is.
#[derive(Clone)]
enum Part {
    Within(Range<u32>),
    Own(Box<str>),
}

/// Why a text is not a URL to send to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// There is no `http://` or `https://` in front.
    #[error("no scheme supplied in {0:?}")]
    MissingScheme(String),
    /// The scheme is neither `http` nor `https`.
    #[error("unsupported scheme in {0:?}")]
    UnsupportedScheme(String),
    /// There is no host.
    #[error("no host supplied in {0:?}")]
    NoHost(String),
    /// The host, or what follows it, cannot be read.
    #[error("{0:?} is not a valid host or port")]
    InvalidHost(String),
    /// A part of the host name is not allowed, for instance by IDNA.
    #[error("invalid label in host {0:?}")]
    InvalidLabel(String),
    /// The port is not a number up to 65535.
    #[error("invalid port {0:?}")]
    InvalidPort(String),
}

impl Url {
    /// Reads a URL as requests does when a request is prepared.
    ///
    /// # Errors
    /// If requests would refuse it.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        match Self::plain(text) {
            Some(url) => Ok(url),
            None => Self::prepared(requests::prepare(text)?),
        }
    }

    /// Reads a URL as geventhttpclient does: its text stays as it is, quoted only on the wire.
    ///
    /// # Errors
    /// If there is no scheme, no host, or the port cannot be read.
    pub fn parse_fast(text: &str) -> Result<Self, UrlError> {
        Self::fast(&Split::parsed(text)?)
    }

    /// Reads a URL by the rules of `style`.
    ///
    /// # Errors
    /// See [`Url::parse`] and [`Url::parse_fast`].
    pub fn parse_with(style: Style, text: &str) -> Result<Self, UrlError> {
        match style {
            Style::Requests => Self::parse(text),
            Style::Fast => Self::parse_fast(text),
        }
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        if self.https { "https" } else { "http" }
    }

    /// Whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The host to connect to, in lower case; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        self.part(&self.host)
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.explicit_port.unwrap_or(if self.https { 443 } else { 80 })
    }

    /// The port if the text has one.
    pub fn explicit_port(&self) -> Option<u16> {
        self.explicit_port
    }

    /// The value of the `Host` field: IPv6 in brackets, the port unless it is the usual one.
    pub fn host_header(&self) -> &str {
        self.part(&self.host_header)
    }

    /// Path and query as they stand in the request line.
    pub fn target(&self) -> &str {
        self.part(&self.target)
    }

    /// The path in the text, possibly empty.
    pub fn path(&self) -> &str {
        self.slice(&self.path)
    }

    /// The query in the text, without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.query.as_ref().map(|range| self.slice(range))
    }

    /// The fragment, which is never sent.
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_ref().map(|range| self.slice(range))
    }

    /// User, host and port as in the text.
    pub fn authority(&self) -> &str {
        self.slice(&self.netloc)
    }

    /// User and password as in the text, percent-encoded.
    pub fn userinfo(&self) -> Option<(&str, Option<&str>)> {
        let (userinfo, _) = self.authority().rsplit_once('@')?;
        Some(match userinfo.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (userinfo, None),
        })
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Resolves the value of a `Location` field as requests does.
    ///
    /// # Errors
    /// If the result is not a URL to send to.
    pub fn join(&self, location: &[u8]) -> Result<Self, UrlError> {
        self.join_with(Style::Requests, location)
    }

    /// Resolves the value of a `Location` field by the rules of `style`.
    ///
    /// # Errors
    /// If the result is not a URL to send to.
    pub fn join_with(&self, style: Style, location: &[u8]) -> Result<Self, UrlError> {
        match style {
            Style::Requests => self.join_requests(&text_of(location)),
            // geventhttpclient reads header fields as Latin-1 if they are not UTF-8.
            Style::Fast => match std::str::from_utf8(location) {
                Ok(text) => self.join_fast(text),
                Err(_) => self.join_fast(&location.iter().map(|&byte| char::from(byte)).collect::<String>()),
            },
        }
    }

    /// Whether both have the same scheme, host and port.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.https == other.https && self.port() == other.port() && self.host() == other.host()
    }

    /// The URL as it stands in a request line that goes to a proxy: without user and fragment.
    pub fn absolute_form(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.host_header(), self.target())
    }

    fn join_requests(&self, location: &str) -> Result<Self, UrlError> {
        let mut location = location.to_owned();
        if location.starts_with("//") {
            location = format!("{}:{location}", self.scheme());
        }
        let mut parsed = Split::parsed(&location)?;
        if parsed.fragment.is_empty()
            && let Some(fragment) = self.fragment()
        {
            fragment.clone_into(&mut parsed.fragment);
        }
        let quoted = quote::requote(&parsed.text());
        if parsed.netloc.is_empty() {
            return Self::prepared(split::join(&self.text, &quoted)?);
        }
        Self::prepared(quoted)
    }

    fn join_fast(&self, location: &str) -> Result<Self, UrlError> {
        let mut url = Split::parsed(location)?;
        let base = Split::parsed(&self.text)?;
        if url.scheme.is_empty() {
            url.scheme.clone_from(&base.scheme);
            if url.netloc.is_empty() {
                url.netloc = base.netloc;
                if url.path.is_empty() {
                    url.path = base.path;
                    if url.query.is_empty() {
                        url.query = base.query;
                    }
                } else if !url.path.starts_with('/') {
                    let (directory, _) = base.path.rsplit_once('/').unwrap_or_default();
                    url.path = format!("{directory}/{}", url.path);
                }
            }
        }
        let (path, params) = split::split_params(&url.path);
        url.path = split::with_params(&split::remove_dot_segments(path), params);
        Self::fast(&url)
    }

    /// A URL that requests would send exactly as it stands, as is so for most; `None` if it takes more than a glance.
    fn plain(text: &str) -> Option<Self> {
        let https = text.starts_with("https://");
        let start = if https { 8 } else { 7 };
        if !https && !text.starts_with("http://") || text.len() > 1 << 16 {
            return None;
        }
        let (authority, path) = text[start..].split_once('/')?;
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
        let explicit_port = match port.map(str::as_bytes) {
            None => None,
            Some([b'1'..=b'9', rest @ ..]) if rest.len() < 4 && rest.iter().all(u8::is_ascii_digit) => {
                Some(port?.parse().ok()?)
            }
            Some(_) => return None,
        };
        let sound = letter(*host.as_bytes().first()?)
            && letter(*host.as_bytes().last()?)
            && host.bytes().all(|byte| letter(byte) || matches!(byte, b'-' | b'.'))
            && path.bytes().all(quote::in_query)
            && !path.starts_with(['.', '/'])
            && !path.contains("/.")
            && !path.ends_with('?');
        if !sound {
            return None;
        }
        let end = text.len() as u32;
        let start = start as u32;
        let host_end = start + host.len() as u32;
        let netloc = start..start + authority.len() as u32;
        let question = path.find('?').map(|at| netloc.end + 1 + at as u32);
        let usual = explicit_port.is_none_or(|port: u16| port == if https { 443 } else { 80 });
        Some(Self {
            text: text.into(),
            https,
            explicit_port,
            path: netloc.end..question.unwrap_or(end),
            query: question.map(|at| at + 1..end),
            fragment: None,
            host: Part::Within(start..host_end),
            host_header: Part::Within(start..if usual { host_end } else { netloc.end }),
            target: Part::Within(netloc.end..end),
            netloc,
        })
    }

    /// A URL in the form in which requests sends it, as `PreparedRequest.url` holds it.
    fn prepared(text: String) -> Result<Self, UrlError> {
        let split = Split::of(&text)?;
        let path = if split.path.is_empty() { "/" } else { &split.path };
        let mut target = quote::encode_invalid(path, quote::in_path);
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        if !split.query.is_empty() {
            target.push('?');
            target.push_str(&quote::encode_invalid(&split.query, quote::in_query));
        }
        let usual = if split.scheme == "https" { [443; 2] } else { [80; 2] };
        Self::assemble(&split, &target, usual)
    }

    fn fast(split: &Split) -> Result<Self, UrlError> {
        let mut target = split.path.clone();
        if !split.query.is_empty() {
            target.push('?');
            target.push_str(&split.query);
        }
        let mut target = quote::requote(&target);
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        // geventhttpclient leaves both usual ports out of Host, whatever the scheme.
        Self::assemble(split, &target, [80, 443])
    }

    fn assemble(split: &Split, target: &str, unsaid: [u16; 2]) -> Result<Self, UrlError> {
        let text = split.text();
        let https = match split.scheme.as_str() {
            "http" => false,
            "https" => true,
            "" => return Err(UrlError::MissingScheme(text)),
            _ => return Err(UrlError::UnsupportedScheme(text)),
        };
        let host = split.host();
        if host.is_empty() {
            return Err(UrlError::NoHost(text));
        }
        let host = if host.is_ascii() {
            host
        } else {
            idna::domain_to_ascii(&host).map_err(|_| UrlError::InvalidLabel(host))?
        };
        if host.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(UrlError::InvalidHost(host));
        }
        let explicit_port = split.port()?;
        // Neither the zone of an address nor the dot that makes a name absolute is the server's business.
        let mut host_header = match host.split_once('%') {
            Some((address, _)) if host.contains(':') => format!("[{address}]"),
            _ if host.contains(':') => format!("[{host}]"),
            _ => host.trim_end_matches('.').to_owned(),
        };
        if let Some(port) = explicit_port.filter(|port| !unsaid.contains(port)) {
            host_header.push(':');
            host_header.push_str(&port.to_string());
        }
        let netloc = split.scheme.len() + 3..split.scheme.len() + 3 + split.netloc.len();
        let slash = usize::from(!split.path.is_empty() && !split.path.starts_with('/'));
        let path = netloc.end..netloc.end + slash + split.path.len();
        let after = |part: &str, end: usize| (!part.is_empty()).then(|| end + 1..end + 1 + part.len());
        let query = after(&split.query, path.end);
        let end = query.as_ref().map_or(path.end, |query| query.end);
        let fragment = after(&split.fragment, end);
        let narrow = |range: Range<usize>| range.start as u32..range.end as u32;
        Ok(Self {
            https,
            explicit_port,
            host: part(&text, netloc.clone(), &host),
            host_header: part(&text, netloc.clone(), &host_header),
            target: part(&text, path.start..end, target),
            netloc: narrow(netloc),
            path: narrow(path),
            query: query.map(narrow),
            fragment: fragment.map(narrow),
            text: text.into_boxed_str(),
        })
    }

    fn slice(&self, range: &Range<u32>) -> &str {
        &self.text[range.start as usize..range.end as usize]
    }

    fn part<'a>(&'a self, part: &'a Part) -> &'a str {
        match part {
            Part::Within(range) => self.slice(range),
            Part::Own(text) => text,
        }
    }
}

/// `wanted`, as a place in `text` if it stands within `range`.
fn part(text: &str, range: Range<usize>, wanted: &str) -> Part {
    match text[range.clone()].find(wanted) {
        Some(at) => {
            let start = range.start + at;
            Part::Within(start as u32..(start + wanted.len()) as u32)
        }
        None => Part::Own(wanted.into()),
    }
}

/// A header field's text: UTF-8, with what is not UTF-8 percent-encoded.
fn text_of(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for &byte in chunk.invalid() {
            quote::push(&mut out, byte, |_| false);
        }
    }
    out
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({:?})", self.as_str())
    }
}

impl PartialEq for Url {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.target() == other.target()
    }
}

impl Eq for Url {}

impl Hash for Url {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
