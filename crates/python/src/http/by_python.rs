//! Hosts to which only Python's own TLS leads: requests to them go through the libraries.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use gregaria_http::{ErrorKind, Method, Phase, TlsReason, Url};
use pyo3::intern;
use pyo3::prelude::*;

use super::exchange::Answer;

/// Whether there is any: nearly always not.
static ANY: AtomicBool = AtomicBool::new(false);
/// By host and port; false: only redirects from there lead to such a host.
static HOSTS: LazyLock<Mutex<HashMap<(String, u16), bool>>> = LazyLock::new(Mutex::default);

/// Whether requests to `url` go through the library.
pub(super) fn leads_to_library(url: &Url) -> bool {
    ANY.load(Ordering::Relaxed) && kind_of(url.host(), url.port()).is_some()
}

fn kind_of(host: &str, port: u16) -> Option<bool> {
    let hosts = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
    hosts.get(&(host.to_owned(), port)).copied()
}

/// Whether a request that TLS has failed is to be made once more, by the library: Python says so if it has not tried that
/// host for that reason. A request that was redirected there is repeated only if it may be.
/// `trust` says whom it trusted, and as whom it came.
pub(super) fn is_worth_asking(
    py: Python<'_>,
    answer: &Answer,
    trust: impl FnOnce() -> Option<String>,
    asked: &Url,
    method: &Method,
) -> PyResult<bool> {
    let Err(error) = &answer.result else { return Ok(false) };
    let (ErrorKind::TlsVerify(reason) | ErrorKind::TlsHandshake(reason)) = &error.kind else {
        return Ok(false);
    };
    if error.phase != Phase::Tls || *reason == TlsReason::Closed {
        return Ok(false);
    }
    let redirected = !error.history.is_empty();
    let repeatable = !redirected || method.is_idempotent();
    let first = redirected.then(|| (asked.host(), asked.port()));
    let trust = trust().unwrap_or_default();
    let arguments = (error.url.host(), error.url.port(), reason.to_string(), trust, first, repeatable);
    py.import(intern!(py, "locust._http.tls"))?.call_method1(intern!(py, "ask"), arguments)?.is_truthy()
}

/// Has requests to a host made by the library. `tls`: because of its TLS, not because it redirects to such a host.
#[pyfunction]
fn leave_to_library(host: String, port: u16, tls: bool) {
    let mut hosts = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
    *hosts.entry((host, port)).or_default() |= tls;
    ANY.store(true, Ordering::Relaxed);
}

/// Whether only Python's own TLS leads to a host.
#[pyfunction]
fn is_left_to_python(host: &str, port: u16) -> bool {
    ANY.load(Ordering::Relaxed) && kind_of(host, port) == Some(true)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(leave_to_library, m)?)?;
    m.add_function(wrap_pyfunction!(is_left_to_python, m)?)
}
