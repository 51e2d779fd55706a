//! The HTTP client: sans-I/O codec, cookies, connections on I/O threads of their own.
//!
//! Two halves. The pure one ([`h1`], [`url`], [`headers`], [`method`], [`cookies`], [`auth`], [`decode`],
//! [`redirect`]) has no clock, socket or thread. The live one ([`Client`], [`Session`] and everything under
//! `conn/`) drives it: callers hand [`Request`]s over and collect [`Completion`]s, the I/O threads do the rest.
#![forbid(unsafe_code)]

pub mod auth;
mod client;
mod conn;
pub mod cookies;
mod counts;
pub mod decode;
mod error;
pub mod h1;
mod h2;
pub mod headers;
pub mod method;
pub mod redirect;
mod request;
mod response;
mod session;
mod timing;
pub mod url;

pub use client::{Client, ClientOptions, Wake};
pub use conn::proxy::{Proxy, ProxyError};
pub use conn::refused::Refused;
pub use conn::tls::{ClientCertificate, Roots, TlsConfigError, TlsOptions};
pub use cookies::CookieJar;
pub use counts::{Counted, Counts};
pub use error::{Error, ErrorKind, TlsReason};
pub use headers::Headers;
pub use method::Method;
pub use request::{Request, RequestId, RequestOptions, Upload};
pub use response::{Completion, Event, Exchange, Hop, Response, SentRequest};
pub use session::{ConnectionPool, Cookies, PoolOptions, Session, SessionOptions};
pub use timing::{Phase, Timings};
pub use url::{Url, UrlError};
