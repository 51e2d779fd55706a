//! What peers see of this crate.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod sockets;
mod zmtp;
