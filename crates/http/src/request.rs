//! What a caller asks for.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::conn::proxy::Proxy;
use crate::conn::tls::TlsOptions;
use crate::headers::Headers;
use crate::method::Method;
use crate::redirect::Policy;
use crate::url::{Style, Url};

/// One request, cheap to build when `url`, `headers` and `options` are shared between requests.
///
/// `headers` go out as they are and in their order. `Host`, `Content-Length` and `Cookie` are added unless the
/// caller gave them: the body's length, and for an empty one what [`RequestOptions::announce_empty`] says.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Arc<Url>,
    /// The headers to send.
    pub headers: Arc<Headers>,
    /// The body; empty for none.
    pub body: Bytes,
    /// Instead of `body`: the caller gives it piece by piece, when [`Event::Feed`](crate::Event::Feed) asks for one. Such a
    /// request is never sent twice.
    pub upload: Option<Upload>,
    /// How to send it.
    pub options: Arc<RequestOptions>,
}

/// How the pieces of an upload go on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upload {
    /// As they are: the caller's headers say how long they are together.
    Plain,
    /// As chunks, announced by `Transfer-Encoding` unless the caller's headers do so.
    Chunked,
}

/// How a request is to be sent. Build once, share.
#[derive(Debug, Clone)]
pub struct RequestOptions {
    /// Bounds the wait for a place among the connections, DNS, TCP, the proxy's tunnel and TLS together.
    pub connect_timeout: Option<Duration>,
    /// Bounds each silence: no byte of the request accepted, or none of the response received, for this long.
    pub read_timeout: Option<Duration>,
    /// Bounds the whole exchange, redirects and waiting for a connection included.
    pub total_timeout: Option<Duration>,
    /// How to follow redirects; `None` hands the 3xx response to the caller.
    pub redirects: Option<Policy>,
    /// Deliver the head first and the body by [`Session::read_body`](crate::Session::read_body).
    pub stream: bool,
    /// Deliver a streamed body in chunks with its sizes, line ends and trailers, for a caller who reads those himself.
    pub framed: bool,
    /// Send the session's cookies and store those the server sets.
    pub use_cookies: bool,
    /// The proxy to go through.
    pub proxy: Option<Arc<Proxy>>,
    /// How to treat `https:`.
    pub tls: Arc<TlsOptions>,
    /// The largest response body accepted, in bytes as transferred; for a streamed one there is no limit.
    pub max_body: u64,
    /// Whether a `Content-Length` that is no number of bytes is forgiven, as http.client does it.
    pub odd_lengths: bool,
    /// The local address to connect from.
    pub source_address: Option<IpAddr>,
    /// Whose habit it is to announce an empty body by `Content-Length: 0`; `None` is urllib3's, of methods that expect one.
    pub announce_empty: Option<Style>,
}

impl Default for RequestOptions {
    /// No timeouts, no redirects, cookies on, certificates verified, bodies up to 1 GiB.
    fn default() -> Self {
        Self {
            connect_timeout: None,
            read_timeout: None,
            total_timeout: None,
            redirects: None,
            stream: false,
            framed: false,
            use_cookies: true,
            proxy: None,
            tls: TlsOptions::verified(),
            max_body: 1 << 30,
            odd_lengths: false,
            source_address: None,
            announce_empty: Some(Style::Requests),
        }
    }
}

/// Names one request of one client for as long as the client lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub(crate) u64);

impl RequestId {
    /// The number behind the name.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}
