//! `_engine.ClusterServer` and `_engine.ClusterClient`: the sockets between master and workers, for `locust.rpc`.
//!
//! They carry bytes and never wait. Who wants to wait for something to arrive waits until `fileno()` is readable.

mod arrivals;
mod client;
mod server;

use pyo3::prelude::*;

/// Adds the names of this folder to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<server::ClusterServer>()?;
    m.add_class::<client::ClusterClient>()
}
