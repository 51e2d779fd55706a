//! The place of HTTP/2.
//!
//! Connections negotiate `http/1.1` only today (see `conn/tls.rs`). HTTP/2 will come here as a second sans-I/O
//! codec beside [`crate::h1`]: the TLS layer offers `h2` by ALPN, a connection that negotiated it carries many
//! exchanges at once, and the pool counts streams instead of connections. Nothing of it exists yet.
