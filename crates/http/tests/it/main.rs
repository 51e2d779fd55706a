//! The client against servers that misbehave to order. Every wait in here is bounded.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod client;
mod harness;
mod here;
mod keep_alive;
mod large;
mod many;
mod proxies;
mod redirects;
mod responses;
mod server;
mod streaming;
mod timeouts;
mod tls;
mod uploads;
