//! What the command line says about all clients of this process. Set before the first request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gregaria_http::{ClientOptions, RequestOptions};
use pyo3::prelude::*;

use super::bounds::{body_budget, out_of_bounds};

/// Bytes; zero for the client's own limit.
static MAX_BODY: AtomicU64 = AtomicU64::new(0);
/// Milliseconds; the largest number for the client's own.
static DNS_TTL: AtomicU64 = AtomicU64::new(u64::MAX);

/// The largest body of a response that is not streamed.
pub(super) fn max_body() -> u64 {
    match MAX_BODY.load(Ordering::Relaxed) {
        0 => RequestOptions::default().max_body,
        bytes => bytes,
    }
}

/// How the client of a thread is set up.
pub(crate) fn client_options() -> PyResult<ClientOptions> {
    let (refused, body_budget) = (out_of_bounds(), body_budget()?);
    let counts = crate::gevent::counts::of_clients();
    let mut options = ClientOptions { refused, body_budget, counts, ..ClientOptions::default() };
    let ttl = DNS_TTL.load(Ordering::Relaxed);
    if ttl != u64::MAX {
        options.dns_ttl = Duration::from_millis(ttl);
    }
    Ok(options)
}

/// Says how long addresses are kept, in seconds, and how large the body of a response that is not streamed may be, in
/// bytes; None leaves it as it is. Holds for what is made afterwards.
#[pyfunction]
#[pyo3(signature = (dns_ttl=None, max_body=None))]
fn limit_clients(dns_ttl: Option<f64>, max_body: Option<u64>) {
    if let Some(seconds) = dns_ttl {
        DNS_TTL.store((seconds.max(0.0) * 1000.0) as u64, Ordering::Relaxed);
    }
    if let Some(bytes) = max_body {
        MAX_BODY.store(bytes, Ordering::Relaxed);
    }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(limit_clients, m)?)
}
