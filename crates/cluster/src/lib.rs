//! Messages between the nodes of a test.
//!
//! A master listens and workers speak to it: ROUTER and DEALER of ZMTP 3 over TCP, as libzmq speaks it, so that Locust's masters
//! and workers, boomer and locust4j can be at the other end. What the messages say is none of this crate's business: it carries
//! bytes.
//!
//! Why not the `zeromq` crate: docs/design/0006-master-and-worker.md.
#![forbid(unsafe_code)]

pub mod transport;
pub mod zmtp;
