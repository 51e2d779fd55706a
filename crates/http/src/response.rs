//! What comes back.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Error;
use crate::h1::{Reason, Version};
use crate::headers::Headers;
use crate::method::Method;
use crate::request::RequestId;
use crate::timing::Timings;
use crate::url::Url;

/// One response as the server sent it.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code, 100–999.
    pub status: u16,
    /// The protocol version.
    pub version: Version,
    /// The reason phrase.
    pub reason: Reason,
    /// The headers in their order and spelling.
    pub headers: Headers,
    /// The body as transferred, free of chunking but not of `Content-Encoding`; empty for a streamed response.
    pub body: Bytes,
    /// The URL this response belongs to.
    pub url: Arc<Url>,
}

/// What was sent for one hop, enough to show a caller `response.request`.
#[derive(Debug, Clone)]
pub struct SentRequest {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: Arc<Url>,
    /// The caller's headers, less those a redirect removed; `Host` and `Content-Length` are added on the wire.
    pub headers: Arc<Headers>,
    /// The `Cookie` header that was added from the session's jar.
    pub cookie: Option<Box<[u8]>>,
    /// The body.
    pub body: Bytes,
}

/// A response that was redirected away from.
#[derive(Debug, Clone)]
pub struct Hop {
    /// What was asked.
    pub request: SentRequest,
    /// What was answered, body included.
    pub response: Response,
    /// The phases of this hop alone.
    pub timings: Timings,
}

/// A finished exchange, or, when streaming, one whose head has arrived.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The final response.
    pub response: Response,
    /// The request that led to it.
    pub request: SentRequest,
    /// The redirects on the way, oldest first.
    pub history: Vec<Hop>,
    /// The phases, summed over the hops.
    pub timings: Timings,
    /// Whether the final hop went over a kept connection.
    pub reused: bool,
    /// The connection's local address.
    pub local_addr: Option<SocketAddr>,
    /// The connection's remote address: the server's, or the proxy's.
    pub peer_addr: Option<SocketAddr>,
}

/// Something a caller waits for.
#[derive(Debug)]
pub struct Completion {
    /// The number the caller gave with the request.
    pub token: u64,
    /// Which request.
    pub id: RequestId,
    /// What happened.
    pub event: Event,
}

/// What a [`Completion`] says.
#[derive(Debug)]
pub enum Event {
    /// The exchange is over. A streamed one that fails before its head ends like this, too.
    Done(Result<Box<Exchange>, Box<Error>>),
    /// The next piece of an upload is wanted, by [`Session::feed`](crate::Session::feed).
    Feed,
    /// The head of a streamed response; its body is empty and follows by `read_body`.
    Head(Box<Exchange>),
    /// The next part of a streamed body, never empty.
    Chunk(Bytes),
    /// A streamed body is over, with the final phases of the exchange.
    End(Result<Box<Timings>, Box<Error>>),
}
