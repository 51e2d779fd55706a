//! Where no request of a user may go: what this program listens on, and what the program does that started it.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use gregaria_http::Refused;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// One for the process: children that it forks know it, too.
static OUT_OF_BOUNDS: LazyLock<Arc<Refused>> = LazyLock::new(Arc::default);

/// The addresses that clients are to be told.
pub(crate) fn out_of_bounds() -> Arc<Refused> {
    Arc::clone(&OUT_OF_BOUNDS)
}

/// MiB that the bodies of responses may take together.
const BUDGET: &str = "LOCUST_BODY_BUDGET";

/// Bytes that the bodies of responses may take together: what the variable says, else half of the memory.
pub(super) fn body_budget() -> PyResult<u64> {
    let Ok(given) = std::env::var(BUDGET) else { return Ok(memory().map_or(u64::MAX, |bytes| bytes / 2)) };
    let mib = given.trim().parse::<u64>().ok().filter(|mib| *mib > 0);
    let words =
        || format!("Unexpected value for {BUDGET}: '{given}'. Expecting a whole number of MiB, at least 1");
    mib.map(|mib| mib.saturating_mul(1 << 20)).ok_or_else(|| PyValueError::new_err(words()))
}

/// The memory of the machine, or of the container if that has less.
fn memory() -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(name).ok();
    let machine = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
    });
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let container = limits.into_iter().find_map(|name| read(name)?.trim().parse::<u64>().ok());
    machine.into_iter().chain(container).min()
}

/// Has no request of a user go to these addresses (`host:port`; `0.0.0.0` and `[::]` are all of this machine).
#[pyfunction]
fn refuse_addresses(addresses: Vec<String>) -> PyResult<()> {
    let parse = |text: &String| {
        text.parse::<SocketAddr>()
            .map_err(|_| PyValueError::new_err(format!("{text:?} is no address with a port")))
    };
    let addresses = addresses.iter().map(parse).collect::<PyResult<Vec<_>>>()?;
    OUT_OF_BOUNDS.add(addresses);
    Ok(())
}

/// The addresses to which no request of a user goes.
#[pyfunction]
fn refused_addresses() -> Vec<String> {
    OUT_OF_BOUNDS.all().iter().map(ToString::to_string).collect()
}

/// The same for those who want to know before the first request. ValueError: the variable says something else.
#[pyfunction(name = "body_budget")]
fn budget() -> PyResult<u64> {
    body_budget()
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(budget, m)?)?;
    m.add_function(wrap_pyfunction!(refuse_addresses, m)?)?;
    m.add_function(wrap_pyfunction!(refused_addresses, m)?)
}
