//! Proxies: which one, and how to ask it for a tunnel.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{ErrorKind, Failure};

/// An HTTP proxy. `http:` requests are sent to it in absolute form, `https:` ones through a `CONNECT` tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    host: Box<str>,
    port: u16,
    authorization: Option<Box<str>>,
}

/// A proxy's address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Only `http:` proxies are supported.
    #[error("proxy scheme {0:?} is not supported, only http is")]
    Scheme(String),
    /// There is no host, or the port is not a number.
    #[error("proxy address is malformed")]
    Malformed,
}

impl Proxy {
    /// A proxy without credentials. `host` may be an IPv6 address, without brackets.
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.into(), port, authorization: None }
    }

    /// Reads `http://user:password@host:port`; the scheme and the port (80) may be missing, credentials may be
    /// percent-encoded.
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let with_scheme = if text.contains("://") {
            std::borrow::Cow::Borrowed(text)
        } else {
            format!("http://{text}").into()
        };
        let url = url::Url::parse(&with_scheme).map_err(|_| ProxyError::Malformed)?;
        if url.scheme() != "http" {
            return Err(ProxyError::Scheme(url.scheme().to_owned()));
        }
        let host = match url.host() {
            Some(url::Host::Domain(name)) => name.to_owned(),
            Some(url::Host::Ipv4(address)) => address.to_string(),
            Some(url::Host::Ipv6(address)) => address.to_string(),
            None => return Err(ProxyError::Malformed),
        };
        let mut proxy = Self::new(&host, url.port().unwrap_or(80));
        if !url.username().is_empty() {
            let user = percent_decode(url.username());
            let password = percent_decode(url.password().unwrap_or(""));
            proxy = proxy.with_credentials(&user, &password);
        }
        Ok(proxy)
    }

    /// The same proxy with basic authentication.
    pub fn with_credentials(mut self, user: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Self {
        let mut plain = user.as_ref().to_vec();
        plain.push(b':');
        plain.extend_from_slice(password.as_ref());
        self.authorization = Some(format!("Basic {}", STANDARD.encode(plain)).into());
        self
    }

    /// The host, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The value of `Proxy-Authorization`.
    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }
}

fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let decoded = match tail {
            [high, low, ..] if *first == b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                digit(*high).zip(digit(*low)).map(|(high, low)| (high * 16 + low) as u8)
            }
            _ => None,
        };
        if let Some(byte) = decoded {
            out.push(byte);
            rest = &tail[2..];
        } else {
            out.push(*first);
        }
    }
    out
}

/// One `CONNECT` on its way: what is left to write, and what has been read of the answer.
#[derive(Debug)]
pub(crate) struct Tunnel {
    unsent: Vec<u8>,
    answer: Vec<u8>,
    /// Interim answers so far.
    interim: u32,
}

/// More than any sane proxy says before the blank line.
const MAX_ANSWER: usize = 64 * 1024;
/// As of servers.
const MAX_INTERIM: u32 = 32;

impl Tunnel {
    /// The request for a tunnel to `authority` (`host:port`, IPv6 in brackets).
    pub(crate) fn new(proxy: &Proxy, authority: &str) -> Self {
        let mut unsent = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
        if let Some(value) = proxy.authorization() {
            unsent.extend_from_slice(b"Proxy-Authorization: ");
            unsent.extend_from_slice(value.as_bytes());
            unsent.extend_from_slice(b"\r\n");
        }
        unsent.extend_from_slice(b"\r\n");
        Self { unsent, answer: Vec::new(), interim: 0 }
    }

    /// What is left to write.
    pub(crate) fn unsent(&self) -> &[u8] {
        &self.unsent
    }

    /// The kernel took the first `count` bytes.
    pub(crate) fn sent(&mut self, count: usize) {
        self.unsent.drain(..count);
    }

    /// Takes a part of the answer; true once the tunnel is open.
    pub(crate) fn receive(&mut self, input: &[u8]) -> Result<bool, Failure> {
        let is_first = self.answer.is_empty();
        self.answer.extend_from_slice(input);
        // Without the end of a line there is nothing new to know.
        if !is_first && !input.contains(&b'\n') && self.answer.len() <= MAX_ANSWER {
            return Ok(false);
        }
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 128];
            let mut response = httparse::Response::new(&mut headers);
            let parsed = response.parse(&self.answer).map_err(|error| {
                Failure::with_message(
                    proxy_kind(None, ""),
                    format!("answer of the proxy is malformed: {error}"),
                )
            })?;
            let httparse::Status::Complete(length) = parsed else {
                if self.answer.len() > MAX_ANSWER {
                    return Err(Failure::with_message(
                        proxy_kind(None, ""),
                        "answer of the proxy is too large",
                    ));
                }
                return Ok(false);
            };
            let status = response.code.unwrap_or(0);
            match status {
                100..=199 if self.interim >= MAX_INTERIM => {
                    let text = "the proxy gives interim answers without end";
                    return Err(Failure::with_message(proxy_kind(Some(status), ""), text));
                }
                100..=199 => {
                    self.interim += 1;
                    drop(self.answer.drain(..length));
                }
                // Whoever is at the other end of the tunnel has to wait for us to speak first: what comes with the answer is
                // a body that it should not have, and as good as not sent (http.client drops it, too).
                200..=299 => return Ok(true),
                _ => {
                    let reason = response.reason.unwrap_or("");
                    let message = format!("Tunnel connection failed: {status} {reason}");
                    return Err(Failure::with_message(proxy_kind(Some(status), reason), message.trim_end()));
                }
            }
        }
    }
}

fn proxy_kind(status: Option<u16>, reason: &str) -> ErrorKind {
    ErrorKind::Proxy { status, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_short_or_full() {
        let proxy = Proxy::parse("proxy:3128").unwrap();
        assert_eq!((proxy.host(), proxy.port(), proxy.authorization()), ("proxy", 3128, None));
        let proxy = Proxy::parse("http://us%40er:p%3Aw@[::1]").unwrap();
        assert_eq!((proxy.host(), proxy.port()), ("::1", 80));
        assert_eq!(proxy.authorization(), Some("Basic dXNAZXI6cDp3"));
    }

    #[test]
    fn other_schemes_are_refused_by_name() {
        assert_eq!(Proxy::parse("socks5://proxy:1"), Err(ProxyError::Scheme("socks5".into())));
        assert_eq!(Proxy::parse("http://"), Err(ProxyError::Malformed));
        assert_eq!(Proxy::parse("http://host:x"), Err(ProxyError::Malformed));
    }

    #[test]
    fn a_tunnel_opens_on_any_success_even_in_pieces() {
        let mut tunnel = Tunnel::new(&Proxy::new("p", 1).with_credentials("u", "p"), "[::1]:443");
        let asked = String::from_utf8(tunnel.unsent().to_vec()).unwrap();
        let expected =
            "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n";
        assert_eq!(asked, expected);
        tunnel.sent(expected.len());
        assert!(tunnel.unsent().is_empty());
        assert!(!tunnel.receive(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200").unwrap());
        assert!(tunnel.receive(b" ok\r\nVia: x\r\n\r\n").unwrap());
    }

    #[test]
    fn interim_answers_end_and_dripping_ones_are_not_read_anew() {
        let mut tunnel = Tunnel::new(&Proxy::new("p", 1), "h:443");
        let mut given = (0..100).map(|_| tunnel.receive(b"HTTP/1.1 103 Wait\r\n\r\n"));
        assert_eq!(given.position(|answer| answer.is_err()), Some(MAX_INTERIM as usize));
        let mut tunnel = Tunnel::new(&Proxy::new("p", 1), "h:443");
        let endless = std::iter::once(&b"HTTP/1.1 200 "[..]).chain(std::iter::repeat(&b"x"[..]));
        let taken = endless.map(|piece| tunnel.receive(piece)).position(|answer| answer.is_err());
        assert!(taken.is_some_and(|taken| taken > 60_000), "{taken:?}");
        let mut tunnel = Tunnel::new(&Proxy::new("p", 1), "h:443");
        let last = b"HTTP/1.1 200 ok\r\nVia: x\r\n\r\n".map(|byte| tunnel.receive(&[byte]).unwrap());
        assert!(last[last.len() - 1] && !last[last.len() - 2]);
    }

    #[test]
    fn a_refusal_tells_the_status() {
        let mut tunnel = Tunnel::new(&Proxy::new("p", 1), "h:443");
        let failure = tunnel.receive(b"HTTP/1.1 407 Who are you\r\n\r\nbody").unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Proxy { status: Some(407), reason: "Who are you".into() });
        assert_eq!(&*failure.message, "Tunnel connection failed: 407 Who are you");
        let mut tunnel = Tunnel::new(&Proxy::new("p", 1), "h:443");
        assert!(tunnel.receive(b"SSH-2.0\r\n").is_err());
    }
}
