//! Connections, and the threads that drive them.
//!
//! One [`io_thread`] owns its pools, connections and exchanges; a caller touches them only while that thread sleeps
//! (`here`). Else nothing is shared but the two queues, the resolver and each session's cookies. An exchange
//! (`job`) takes a connection from its session's `pool`, or has one made (`dns`, `connect`, `proxy`, `tls`), is
//! written and read (`transfer`), and is handed back (`finish`).

mod arrival;
pub(crate) mod budget;
mod commands;
mod connect;
mod connection;
pub(crate) mod dns;
mod finish;
pub(crate) mod here;
mod in_place;
pub(crate) mod io_thread;
mod job;
mod open;
mod pool;
pub(crate) mod proxy;
pub(crate) mod queue;
mod read_tls;
pub(crate) mod refused;
mod slab;
mod timers;
pub(crate) mod tls;
mod transfer;
