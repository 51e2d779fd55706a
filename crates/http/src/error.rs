//! What can go wrong, and when.
//!
//! ```text
//! Error
//! ├── before a connection    Resolve · ConnectTimeout · ConnectionRefused · Connect · Proxy · OwnAddress
//! ├── TLS                    TlsConfig · TlsVerify · TlsHandshake
//! ├── on the connection      Reset · ClosedWithoutResponse · Io · ReadTimeout
//! ├── in the response        Truncated · Malformed · HeadTooLarge · BodyTooLarge
//! ├── redirects              TooManyRedirects · InvalidRedirect
//! └── of the exchange        TotalTimeout · InvalidRequest · Shutdown
//! ```
//!
//! A cancelled request has no error: nothing is delivered for it any more.

use std::sync::Arc;

use crate::response::Hop;
use crate::timing::{Phase, Timings};
use crate::url::Url;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// The host has no address, or nobody could say. `code` and `text` are those of `getaddrinfo`
    /// (`-2`, `Name or service not known`), whatever the platform's numbers are, as glibc has them.
    #[error("[Errno {code}] {text}")]
    Resolve {
        /// The `EAI_*` number.
        code: i32,
        /// What `gai_strerror` says about it.
        text: Box<str>,
    },
    /// Nobody listens there.
    #[error("connection refused")]
    ConnectionRefused,
    /// The connection could not be made for another reason (`os_error` says which).
    #[error("could not connect")]
    Connect,
    /// No connection within `connect_timeout`.
    #[error("timed out while connecting")]
    ConnectTimeout,
    /// The proxy refused, or cannot be used; with the status of its answer if it gave one.
    #[error("proxy failed")]
    Proxy {
        /// The proxy's status.
        status: Option<u16>,
        /// The proxy's reason phrase.
        reason: Box<str>,
    },
    /// Somebody listens there to whom nobody may connect ([`Refused`](crate::Refused)).
    #[error("address is out of bounds")]
    OwnAddress,
    /// The TLS options cannot be used: a file is missing or holds no certificate.
    #[error("TLS options cannot be used")]
    TlsConfig,
    /// The server's certificate was not accepted.
    #[error("certificate verify failed")]
    TlsVerify(TlsReason),
    /// The TLS handshake, or a record after it, failed for another reason.
    #[error("TLS failed")]
    TlsHandshake(TlsReason),
    /// The peer reset the connection (`ECONNRESET`, `EPIPE`).
    #[error("connection reset by peer")]
    Reset,
    /// The peer closed the connection before the first byte of a response.
    #[error("connection closed without a response")]
    ClosedWithoutResponse,
    /// Reading or writing failed for another reason (`os_error` says which).
    #[error("input or output failed")]
    Io,
    /// Nothing came, or nothing could be sent, for `read_timeout`.
    #[error("read timed out")]
    ReadTimeout,
    /// The exchange took longer than `total_timeout`.
    #[error("timed out")]
    TotalTimeout,
    /// The connection ended before the response did.
    #[error("response ended early")]
    Truncated {
        /// Bytes of the body that did arrive.
        received: u64,
        /// Bytes still expected, if the head announced a length.
        missing: Option<u64>,
    },
    /// What came is not HTTP/1.
    #[error("response is malformed")]
    Malformed,
    /// The head exceeds the limits.
    #[error("response head is too large")]
    HeadTooLarge,
    /// The body exceeds `max_body`.
    #[error("response body is too large")]
    BodyTooLarge,
    /// More redirects than the policy allows; `history` holds them all, the refused one last.
    #[error("too many redirects")]
    TooManyRedirects,
    /// A `Location` that cannot be followed.
    #[error("redirect cannot be followed")]
    InvalidRedirect,
    /// The request cannot be sent as it is: its method would break the request line apart.
    #[error("request is invalid")]
    InvalidRequest,
    /// The client was shut down.
    #[error("client is shut down")]
    Shutdown,
}

/// Why TLS failed, as far as it is told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsReason {
    /// Nobody who is trusted has vouched for the server's certificate.
    UnknownIssuer,
    /// The server's certificate vouches for itself.
    SelfSigned,
    /// The certificate is out of date.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate was revoked.
    Revoked,
    /// The certificate is for other names than this one.
    WrongName(Box<str>),
    /// The certificate is of a version of X.509 that is not read here.
    CertificateVersion,
    /// A signature that is wrong, or made with a key or in a way that is not accepted here.
    Signature,
    /// There is something else about the certificate.
    Certificate,
    /// What came is not TLS.
    NotTls,
    /// The peer hung up in the middle of the handshake.
    Closed,
    /// The peer has refused, with this alert.
    Alert(u8),
    /// Any other reason.
    Other,
}

impl std::fmt::Display for TlsReason {
    /// A short word that does not change: programs go by it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::UnknownIssuer => "unknown-issuer",
            Self::SelfSigned => "self-signed",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Revoked => "revoked",
            Self::WrongName(_) => "wrong-name",
            Self::CertificateVersion => "certificate-version",
            Self::Signature => "signature",
            Self::Certificate => "certificate",
            Self::NotTls => "not-tls",
            Self::Closed => "closed",
            Self::Alert(number) => return write!(f, "alert-{number}"),
            Self::Other => "other",
        })
    }
}

/// A failed exchange.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{kind}{}{message}", if message.is_empty() { "" } else { ": " })]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// When.
    pub phase: Phase,
    /// Whether sending the same request again is safe: it cannot have reached a server's application.
    pub retry: bool,
    /// The operating system's error number, if it gave one.
    pub os_error: Option<i32>,
    /// More about it, for people; may be empty.
    pub message: Box<str>,
    /// The phases until the failure.
    pub timings: Timings,
    /// The redirects on the way, oldest first.
    pub history: Vec<Hop>,
    /// The URL of the hop that failed.
    pub url: Arc<Url>,
}

/// The part of an [`Error`] that the place of the failure knows; the exchange adds the rest.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) os_error: Option<i32>,
    pub(crate) message: Box<str>,
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self { kind, os_error: None, message: Box::default() }
    }

    pub(crate) fn with_message(kind: ErrorKind, message: impl Into<Box<str>>) -> Self {
        Self { kind, os_error: None, message: message.into() }
    }

    /// A failed `connect`.
    pub(crate) fn connect(error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::ConnectionRefused => ErrorKind::ConnectionRefused,
            std::io::ErrorKind::ConnectionReset => ErrorKind::Reset,
            _ => ErrorKind::Connect,
        };
        Self { kind, os_error: error.raw_os_error(), message: error.to_string().into() }
    }

    /// A failed read or write on an established connection.
    pub(crate) fn io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::ConnectionReset | Io::BrokenPipe | Io::ConnectionAborted => ErrorKind::Reset,
            _ => ErrorKind::Io,
        };
        Self { kind, os_error: error.raw_os_error(), message: error.to_string().into() }
    }
}
