//! Where the time of a request went.
//!
//! Every instant is taken on the I/O thread with a monotonic clock, so a busy caller, an interpreter lock or a
//! garbage collection cannot inflate a figure. The one exception is [`Timings::start`], taken when the caller
//! hands the request over: whatever passes until the I/O thread picks it up counts as `blocked`.
//!
//! An arriving response is stamped with the moment at which the kernel had it, or, where that is not known (other
//! systems than Linux) or known to be recent, at which the poller reported it as readable; both are never later than
//! the read that follows. A response that needs more reads, or is larger than one such read is trusted for, is stamped
//! anew after its last read.

use std::time::{Duration, Instant};

/// The phases of one exchange, summed over all its hops (redirects, and the retry on a stale connection).
///
/// A phase that did not happen (no DNS look-up on a kept connection, no TLS on `http:`) is zero. The phases are
/// disjoint and add up to `total`, except for the caller's own pauses between the chunks of a streamed body,
/// which belong to `receive`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timings {
    /// When the caller handed the request over.
    pub start: Instant,
    /// The same moment on the wall clock, in seconds since 1970-01-01 UTC.
    pub start_unix: f64,
    /// Waiting for the I/O thread: the generator's own lateness.
    pub blocked: Duration,
    /// Waiting for a place among the connections, where the caller has limited them.
    pub queue: Duration,
    /// Looking up the host's addresses.
    pub dns: Duration,
    /// Establishing the TCP connection, all attempts included, and the proxy's tunnel.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// Writing the request until the kernel had taken all of it.
    pub send: Duration,
    /// From the end of sending to the first byte of the response.
    pub wait: Duration,
    /// From the first byte of the response to its last.
    pub receive: Duration,
    /// From `start` to the end of the response (of its head, for a streamed one that is not finished).
    pub total: Duration,
}

impl Timings {
    /// All phases zero, beginning at `start`.
    pub fn starting(start: Instant, start_unix: f64) -> Self {
        Self {
            start,
            start_unix,
            blocked: Duration::ZERO,
            queue: Duration::ZERO,
            dns: Duration::ZERO,
            connect: Duration::ZERO,
            tls: Duration::ZERO,
            send: Duration::ZERO,
            wait: Duration::ZERO,
            receive: Duration::ZERO,
            total: Duration::ZERO,
        }
    }

    /// Adds the phases of the hop that followed.
    pub(crate) fn merge(&mut self, next: &Self) {
        self.blocked += next.blocked;
        self.queue += next.queue;
        self.dns += next.dns;
        self.connect += next.connect;
        self.tls += next.tls;
        self.send += next.send;
        self.wait += next.wait;
        self.receive += next.receive;
        self.total += next.total;
    }

    /// Adds `elapsed` to the phase.
    pub(crate) fn add(&mut self, phase: Phase, elapsed: Duration) {
        let slot = match phase {
            Phase::Blocked => &mut self.blocked,
            Phase::Queue => &mut self.queue,
            Phase::Dns => &mut self.dns,
            Phase::Connect | Phase::Tunnel => &mut self.connect,
            Phase::Tls => &mut self.tls,
            Phase::Send => &mut self.send,
            Phase::Wait => &mut self.wait,
            Phase::Receive => &mut self.receive,
        };
        *slot += elapsed;
    }
}

/// What an exchange was doing at a moment; in an error, when it went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Waiting for the I/O thread.
    Blocked,
    /// Waiting for a place among the connections.
    Queue,
    /// Looking up the host.
    Dns,
    /// Connecting by TCP.
    Connect,
    /// Asking a proxy for a tunnel.
    Tunnel,
    /// Shaking hands by TLS.
    Tls,
    /// Writing the request.
    Send,
    /// Waiting for the first byte of the response.
    Wait,
    /// Reading the response.
    Receive,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Blocked => "waiting to be sent",
            Self::Queue => "waiting for a connection",
            Self::Dns => "resolving the host",
            Self::Connect => "connecting",
            Self::Tunnel => "opening the tunnel",
            Self::Tls => "shaking hands",
            Self::Send => "sending the request",
            Self::Wait => "waiting for the response",
            Self::Receive => "reading the response",
        })
    }
}
