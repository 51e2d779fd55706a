//! A server that does what servers should not: one path for each fault.
//!
//! `PATHS` is the list, which `gregaria-testkit misbehave --help` prints. Connections have a thread each, since most of
//! what goes wrong here is a matter of timing on one connection.

mod conversation;
mod payload;
mod tls;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gregaria_demo::server::Server;

/// Each path and what it does.
pub const PATHS: &[(&str, &str)] = &[
    ("/ok", "200 with the body \"ok\""),
    ("/status/N", "status N with a short body (none for 1xx, 204, 304)"),
    ("/echo", "JSON of method, path, query, headers and body as received"),
    ("/hits", "JSON of how often each path was asked for"),
    ("/bytes/N", "a body of N bytes"),
    ("/chunked?n=N", "N chunks of 10 bytes, then a trailer"),
    ("/no-length", "a body that ends with the connection"),
    ("/gzip, /deflate", "a compressed body"),
    ("/basic-auth/USER/PASSWORD", "401 unless these credentials are sent"),
    ("/cookies/set?a=b", "sets the cookies of the query and redirects to /echo"),
    ("/redirect/N", "N redirects by 302, then /ok"),
    ("/redirect-to?url=U&status=S", "one redirect"),
    ("/redirect-loop", "302 to itself"),
    ("/redirect-nowhere", "302 without Location"),
    ("/close", "closes without an answer"),
    ("/reset", "resets the connection"),
    ("/reset-body", "resets the connection within the body"),
    ("/truncate", "announces 1000 bytes, sends 10 and closes"),
    ("/truncate-head", "closes within the head"),
    ("/truncate-chunked", "closes within a chunk"),
    ("/malformed", "a status line that is none"),
    ("/malformed-header", "a header line without a colon"),
    ("/malformed-chunk", "a chunk size that is no number"),
    ("/malformed-length", "Content-Length: abc"),
    ("/two-lengths", "two different Content-Length headers"),
    ("/huge-header?kb=N", "one header of N KiB (default 1024)"),
    ("/many-headers?n=N", "N headers (default 5000)"),
    ("/endless-head", "headers without end, until the client closes"),
    ("/endless-informational", "102 Processing without end, until the client closes"),
    ("/informational", "100 and 103, then 200"),
    ("/huge-body?mb=N", "a body of N MiB (default 64), written as fast as it is taken"),
    ("/endless-body", "a chunked body without end, until the client closes"),
    ("/gzip-bomb?mb=N", "a small gzip body of N MiB (default 256) of zeros"),
    ("/bad-gzip", "Content-Encoding: gzip with a body that is not"),
    ("/unknown-encoding", "Content-Encoding: rot13"),
    ("/slow-head?ms=N", "the head after N ms (default 1000)"),
    ("/slow-body?ms=N", "10 bytes, each after N ms (default 200)"),
    ("/hang", "never answers, keeps the connection"),
    ("/stale", "answers, then closes the kept connection at once"),
    ("/stale-reset", "answers, then resets the kept connection"),
    ("/extra", "answers, and sends bytes nobody asked for behind the body"),
    ("/head-with-body", "a body even as an answer to HEAD"),
    ("/latin1", "a header and a body in ISO-8859-1"),
];

/// A running misbehaving server. Dropping it stops it.
#[derive(Debug)]
pub struct MisbehavingServer {
    server: Server,
}

/// How often each path was asked for.
#[derive(Debug, Clone, Default)]
struct Hits(Arc<Mutex<BTreeMap<String, u64>>>);

impl Hits {
    fn count(&self, path: &str) {
        let mut hits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A scan must not fill the memory.
        if hits.len() < 10_000 || hits.contains_key(path) {
            *hits.entry(path.to_owned()).or_default() += 1;
        }
    }

    fn json(&self) -> String {
        let hits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::json!(*hits).to_string()
    }
}

impl MisbehavingServer {
    /// Starts it on `address` (port 0 takes a free one). With `tls_folder` it speaks TLS with a certificate for
    /// `localhost` and `127.0.0.1`, made afresh; the authority that signed it is written there as `ca.pem`.
    ///
    /// # Errors
    /// The operating system's; or that TLS was not built in.
    pub fn start(address: impl ToSocketAddrs, tls_folder: Option<&Path>) -> io::Result<Self> {
        let hits = Hits::default();
        let server = match tls_folder {
            None => Server::start_raw(
                address,
                Arc::new(move |stream| {
                    if let Ok(raw) = stream.try_clone() {
                        conversation::hold(stream, &raw, &hits);
                    }
                }),
            )?,
            Some(folder) => {
                let tls = tls::Acceptor::new(folder)?;
                Server::start_raw(
                    address,
                    Arc::new(move |stream| {
                        if let Ok(raw) = stream.try_clone() {
                            conversation::hold(tls.accept(stream), &raw, &hits);
                        }
                    }),
                )?
            }
        };
        Ok(Self { server })
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }
}
