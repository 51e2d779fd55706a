//! What can be wrong with a response.

use thiserror::Error;

/// Why the bytes of a connection are not a response.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The connection ended before one byte of a response; on a kept connection the server had closed it meanwhile.
    #[error("connection closed without response")]
    NoResponse,
    /// The connection ended within the head.
    #[error("connection closed within the response head")]
    TruncatedHead,
    /// The connection ended within the body.
    #[error("connection closed after {received} bytes of the response body")]
    TruncatedBody {
        /// Bytes of the body that came.
        received: u64,
        /// Bytes still to come: of the body, or for a chunked body of the chunk; `None` between chunks.
        missing: Option<u64>,
    },
    /// The head, or the trailers, are longer than [`Limits::max_head`](super::Limits::max_head).
    #[error("response head is larger than {limit} bytes")]
    HeadTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// More header fields than [`Limits::max_headers`](super::Limits::max_headers).
    #[error("response has more than {limit} header fields")]
    TooManyHeaders {
        /// The limit.
        limit: usize,
    },
    /// The body is, or says it will be, longer than [`Limits::max_body`](super::Limits::max_body).
    #[error("response body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// More interim responses than [`Limits::max_informational`](super::Limits::max_informational).
    #[error("more than {limit} interim responses")]
    TooManyInformational {
        /// The limit.
        limit: u32,
    },
    /// The first line is not a status line; at most 80 bytes of it are kept, as Latin-1.
    #[error("invalid status line {0:?}")]
    StatusLine(Box<str>),
    /// The protocol is neither HTTP/1.0 nor HTTP/1.1.
    #[error("unsupported protocol version {0:?}")]
    Version(Box<str>),
    /// A header field that no reading makes sense of.
    #[error("invalid header field {0:?}")]
    Header(Box<str>),
    /// `Content-Length` is not a number, or there are several that differ.
    #[error("invalid content-length {0:?}")]
    ContentLength(Box<str>),
    /// The size line of a chunk is not one.
    #[error("invalid chunk size")]
    ChunkSize,
    /// A chunk is longer than its size line said.
    #[error("chunk is not followed by a line end")]
    ChunkEnd,
    /// Chunk extensions of more than 16 KiB in one response.
    #[error("chunk extensions are too long")]
    ChunkExtension,
}

impl DecodeError {
    /// Whether the connection ended too early.
    pub fn is_truncated(&self) -> bool {
        matches!(self, Self::TruncatedHead | Self::TruncatedBody { .. })
    }

    /// Whether a limit was passed.
    pub fn is_too_large(&self) -> bool {
        matches!(
            self,
            Self::HeadTooLarge { .. }
                | Self::TooManyHeaders { .. }
                | Self::BodyTooLarge { .. }
                | Self::TooManyInformational { .. }
                | Self::ChunkExtension
        )
    }

    /// Whether the bytes are not HTTP.
    pub fn is_malformed(&self) -> bool {
        !(self.is_truncated() || self.is_too_large() || matches!(self, Self::NoResponse))
    }
}

/// The beginning of some received bytes, for a message.
pub(super) fn excerpt(bytes: &[u8]) -> Box<str> {
    bytes.iter().take(80).map(|&byte| char::from(byte)).collect::<String>().into_boxed_str()
}
