//! `_engine.ClusterServer`.

use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use bytes::Bytes;
use gregaria_cluster::transport::{Door, Kind, Server, ServerOptions};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::arrivals::{seconds, sent, take, wake_up};
use crate::gevent::WakeUp;
use crate::http::out_of_bounds;

/// The master's socket: listens at once.
#[pyclass(frozen, weakref, module = "locust._engine")]
#[derive(Debug)]
pub(super) struct ClusterServer {
    server: Server,
    wake: Arc<WakeUp>,
    /// Where users may not connect to.
    listeners: Vec<SocketAddr>,
}

/// The addresses of names that are listened on, with the port that was got.
fn listeners(hosts: &[String], bound: SocketAddr) -> Vec<SocketAddr> {
    let port = bound.port();
    let of = |host: &String| match (host.trim_matches(['[', ']']), port).to_socket_addrs() {
        _ if host == "*" => vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))],
        Ok(found) => found.collect(),
        Err(_) => vec![bound],
    };
    hosts.iter().flat_map(of).collect()
}

/// Sender and bytes of a message, whether it has overtaken others, and for how many seconds it has waited.
type Received<'py> = (String, Bound<'py, PyBytes>, bool, f64);

#[pymethods]
impl ClusterServer {
    #[new]
    #[pyo3(signature = (hosts, port, *, token = None, open_door = false))]
    fn new(hosts: Vec<String>, port: u16, token: Option<String>, open_door: bool) -> PyResult<Self> {
        let (wake, call) = wake_up()?;
        let named = hosts.clone();
        let door = Door { token, open: open_door, ..Door::default() };
        let options = ServerOptions { hosts, port, door, classify };
        let server = Server::bind(options, call).map_err(|error| match error.raw_os_error() {
            Some(number) => PyOSError::new_err((number, words_of(number, &error))),
            None => PyOSError::new_err(error.to_string()),
        })?;
        let listeners = listeners(&named, server.address());
        out_of_bounds().add(listeners.iter().copied());
        Ok(Self { server, wake, listeners })
    }

    /// The port that it listens on.
    #[getter]
    fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// True if it listens for both families of addresses.
    #[getter]
    fn is_ipv6(&self) -> bool {
        self.server.address().is_ipv6()
    }

    /// Readable while something may have arrived.
    fn fileno(&self) -> i32 {
        self.wake.descriptor()
    }

    /// Sender and bytes of the next message, whether it has overtaken others of its sender, and how many seconds ago it arrived; or
    /// None.
    fn receive<'py>(&self, py: Python<'py>) -> PyResult<Option<Received<'py>>> {
        let message = take(py, &self.wake, || self.server.receive(), || self.server.is_closed())?;
        Ok(message.map(|message| {
            let waited = message.waited.as_secs_f64();
            (message.from, PyBytes::new(py, &message.body), message.overtook, waited)
        }))
    }

    /// What has arrived and was not received yet: messages, reports among them, and for how many seconds the first one waits.
    fn backlog(&self) -> (usize, usize, f64) {
        let backlog = self.server.backlog();
        (backlog.messages, backlog.reports, backlog.oldest.as_secs_f64())
    }

    /// Whether something that this peer sent was not received yet.
    fn is_pending(&self, identity: &str) -> bool {
        self.server.is_pending(identity)
    }

    /// Sends to a peer; without a peer of that identity, nothing happens.
    fn send(&self, identity: &str, body: &[u8]) -> PyResult<()> {
        sent(self.server.send(identity, Bytes::copy_from_slice(body)))
    }

    /// Listens no longer. What waits to be sent is sent within `linger` seconds, or with as much time as it takes.
    #[pyo3(signature = (linger = None))]
    fn close(&self, py: Python<'_>, linger: Option<f64>) {
        out_of_bounds().remove(&self.listeners);
        py.detach(|| self.server.close(linger.map(seconds)));
    }

    #[getter]
    fn closed(&self) -> bool {
        self.server.is_closed()
    }

    /// Waits, with the whole thread, for all to be sent after `close`. False: it takes longer than that.
    fn finish(&self, py: Python<'_>, within: f64) -> bool {
        py.detach(|| self.server.is_finished(seconds(within)))
    }
}

/// How a message of Locust's begins: an array of three, and its type.
const HEARTBEAT: &[u8] = b"\x93\xa9heartbeat";
const STATS: &[u8] = b"\x93\xa5stats";

/// A heartbeat says that a worker lives, which is worth nothing if it stands behind its reports. Types written in another way
/// than msgpack's shortest stay in their order.
fn classify(body: &[u8]) -> Kind {
    if body.starts_with(HEARTBEAT) {
        Kind::Pulse
    } else if body.starts_with(STATS) {
        Kind::Report
    } else {
        Kind::Ordinary
    }
}

/// What the system calls the error, as Python would: Rust adds the number.
fn words_of(number: i32, error: &std::io::Error) -> String {
    let words = error.to_string();
    words.strip_suffix(&format!(" (os error {number})")).map(str::to_owned).unwrap_or(words)
}
