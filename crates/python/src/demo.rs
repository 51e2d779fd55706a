//! `_engine.serve_blog`: the sample blog on threads of its own, which never touch Python.

use std::net::SocketAddr;

use gregaria_demo::BlogServer;
use pyo3::prelude::*;

/// A running sample blog, made by `serve_blog`. It serves until `stop()` is called or the object goes.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
struct Blog {
    server: BlogServer,
}

#[pymethods]
impl Blog {
    /// The port it listens on.
    #[getter]
    fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// Its base URL, without a slash at the end.
    #[getter]
    fn url(&self) -> String {
        match self.server.address() {
            SocketAddr::V4(address) => format!("http://{address}"),
            SocketAddr::V6(address) => format!("http://[{}]:{}", address.ip(), address.port()),
        }
    }

    /// Closes the listener and all connections. Does nothing the second time.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.server.stop());
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) {
        self.stop(py);
    }

    fn __repr__(&self) -> String {
        format!("<Blog at {}>", self.url())
    }
}

/// Starts the sample blog on `host:port` (port 0 takes a free one) and returns at once.
///
/// Raises `OSError` when the address cannot be resolved or bound.
#[pyfunction]
#[pyo3(signature = (host = "127.0.0.1", port = 0))]
fn serve_blog(py: Python<'_>, host: &str, port: u16) -> PyResult<Blog> {
    let server = py.detach(|| BlogServer::start((host, port)))?;
    Ok(Blog { server })
}

/// Adds the names of this module to `locust._engine`.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Blog>()?;
    m.add_function(wrap_pyfunction!(serve_blog, m)?)
}
