//! The sockets: what ZeroMQ calls ROUTER and DEALER, each on a thread of its own.
//!
//! Sending never blocks and receiving never waits: what arrives stands in an [inbox], whose owner is woken. Each direction of each
//! connection holds a bounded number of messages and bytes (`room`), and all connections of a socket share one budget; a peer that
//! sends more is not read from, and what is sent to a peer that does not read is dropped (server) or refused (client). The
//! messages of a peer keep their order, but for signs of life: those overtake. Who has not introduced itself has one of few places
//! (`strangers`), and whose tokens are wrong is answered slowly (`attempts`).

mod attempts;
mod bind;
mod client;
mod door;
mod inbox;
mod link;
mod room;
mod server;
mod strangers;
mod thread;

pub use client::{Client, ClientOptions};
pub use door::Door;
pub use inbox::{Backlog, Classify, Item, Kind, Level, Wake};
pub use server::{Server, ServerOptions};

use std::time::Duration;

/// The READY property in which our workers show the cluster's token.
pub const TOKEN_PROPERTY: &str = "X-Gregaria-Token";

/// How long a socket that was dropped, not closed, may take to send what waits.
const AFTER_DROP: Duration = Duration::from_secs(1);

/// A message could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The socket is closed.
    #[error("the socket is closed")]
    Closed,
    /// Too much waits to be sent already.
    #[error("too many messages wait to be sent")]
    Full,
    /// Longer than a message may be.
    #[error("the message has {0} bytes; at most {max} can be sent at once", max = crate::zmtp::MAX_MESSAGE)]
    TooLong(usize),
}
