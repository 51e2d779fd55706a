//! A request as it came, before its path was taken below the base path.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::http::request;

use crate::host::WebRequest;
use crate::security::Sender;

const UNKNOWN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

/// Who asks, and for which path before it was taken below the base path.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) sender: Sender,
    pub(crate) path: String,
}

impl Came {
    fn of(parts: &request::Parts) -> (SocketAddr, String) {
        match parts.extensions.get::<Self>() {
            Some(came) => (came.sender.address, came.path.clone()),
            None => (UNKNOWN, parts.uri.path().to_owned()),
        }
    }

    /// Who sent it.
    pub(crate) fn sender(parts: &request::Parts) -> Sender {
        parts
            .extensions
            .get::<Self>()
            .map_or(Sender { address: UNKNOWN, is_here: false, is_foreign: true }, |came| came.sender)
    }
}

/// The whole of it, for the script's own application.
pub(crate) fn as_it_came(parts: &request::Parts, scheme: &'static str, body: Bytes) -> WebRequest {
    let (peer, path) = Came::of(parts);
    let headers = parts.headers.iter();
    WebRequest {
        method: parts.method.as_str().to_owned(),
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        scheme,
        headers: headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect(),
        body,
        peer,
    }
}
