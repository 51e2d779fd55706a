//! `_engine.ClusterClient`.

use std::sync::Arc;

use bytes::Bytes;
use gregaria_cluster::transport::{Client, ClientOptions};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::arrivals::{seconds, sent, take, wake_up};
use crate::gevent::WakeUp;

/// A worker's socket: begins to connect at once, and again whenever the connection is lost.
#[pyclass(frozen, weakref, module = "locust._engine")]
#[derive(Debug)]
pub(super) struct ClusterClient {
    client: Client,
    wake: Arc<WakeUp>,
}

#[pymethods]
impl ClusterClient {
    #[new]
    #[pyo3(signature = (host, port, identity, *, token = None))]
    fn new(host: String, port: u16, identity: String, token: Option<String>) -> PyResult<Self> {
        let (wake, call) = wake_up()?;
        let client = Client::connect(ClientOptions { host, port, identity, token }, call)?;
        Ok(Self { client, wake })
    }

    /// Readable while something may have arrived.
    fn fileno(&self) -> i32 {
        self.wake.descriptor()
    }

    /// The bytes of the next message, or None.
    fn receive<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let message = take(py, &self.wake, || self.client.receive(), || self.client.is_closed())?;
        Ok(message.map(|message| PyBytes::new(py, &message.body)))
    }

    /// How many messages have not left yet; a long one counts for several.
    #[getter]
    fn waiting(&self) -> usize {
        self.client.waiting()
    }

    /// Sends to the master, now or as soon as there is a connection.
    fn send(&self, body: &[u8]) -> PyResult<()> {
        sent(self.client.send(Bytes::copy_from_slice(body)))
    }

    /// Takes nothing more. What waits to be sent is sent within `linger` seconds, or with as much time as it takes.
    #[pyo3(signature = (linger = None))]
    fn close(&self, py: Python<'_>, linger: Option<f64>) {
        py.detach(|| self.client.close(linger.map(seconds)));
    }

    #[getter]
    fn closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Waits, with the whole thread, for all to be sent after `close`. False: it takes longer than that.
    fn finish(&self, py: Python<'_>, within: f64) -> bool {
        py.detach(|| self.client.is_finished(seconds(within)))
    }
}
