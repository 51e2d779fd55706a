//! The whole server, spoken to over TCP, with a host made of plain Rust.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod endpoints;
mod fixture;
mod live;
mod runs;
mod security;
mod strangers;
mod tls;
