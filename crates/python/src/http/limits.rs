//! What the command line says about all clients of this process. Set before the first request.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use gregaria_http::{ClientOptions, RequestOptions};
use pyo3::prelude::*;

use super::bounds::{body_budget, out_of_bounds};

/// Bytes; zero for the client's own limit.
static MAX_BODY: AtomicU64 = AtomicU64::new(0);
/// I/O threads of a client; zero for as many as the machine has cores for.
static IO_THREADS: AtomicUsize = AtomicUsize::new(1);
/// More than that many the thread that runs the users cannot keep busy.
const MOST_OF_ITSELF: usize = 3;
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
    let threads = io_threads();
    let mut options = ClientOptions { threads, refused, body_budget, counts, ..ClientOptions::default() };
    let ttl = DNS_TTL.load(Ordering::Relaxed);
    if ttl != u64::MAX {
        options.dns_ttl = Duration::from_millis(ttl);
    }
    Ok(options)
}

/// How many I/O threads a client gets. Of itself one less than the cores that this process may use, by affinity and quota of its
/// container: one is for Python.
fn io_threads() -> usize {
    match IO_THREADS.load(Ordering::Relaxed) {
        0 => {
            let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            cores.saturating_sub(1).clamp(1, MOST_OF_ITSELF)
        }
        given => given,
    }
}

/// Says how long addresses are kept, in seconds, how large the body of a response that is not streamed may be, in bytes, and how many
/// I/O threads a client has (0: by the machine's cores); None leaves it as it is. Holds for what is made afterwards.
#[pyfunction]
#[pyo3(signature = (dns_ttl=None, max_body=None, io_threads=None))]
fn limit_clients(dns_ttl: Option<f64>, max_body: Option<u64>, io_threads: Option<usize>) {
    if let Some(threads) = io_threads {
        IO_THREADS.store(threads, Ordering::Relaxed);
    }
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
