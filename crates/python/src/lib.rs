//! All PyO3: the native half of the package `locust`.

mod attended;
mod cluster;
mod demo;
mod engine;
mod gevent;
mod http;
mod options;
mod record;
mod stats;
mod user;
mod web;

use pyo3::prelude::*;

// For the fuzz target, which compares it with the original.
pub use http::json::parse as parse_json;

/// The module `locust._engine`.
#[pymodule(gil_used = true)]
fn _engine(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    gevent::register(m)?;
    user::register(m)?;
    http::register(m)?;
    stats::register(m)?;
    engine::register(m)?;
    options::register(m)?;
    demo::register(m)?;
    record::register(m)?;
    web::register(m)?;
    cluster::register(m)
}
