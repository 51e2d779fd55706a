//! The end of a run by the number of its requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

static MOST: AtomicU64 = AtomicU64::new(u64::MAX);
static REACHED: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// Has `reached` called, once, as soon as statistics have counted so many requests; None: no more. It may not block.
#[pyfunction]
#[pyo3(signature = (most, reached=None))]
fn limit_requests(most: Option<u64>, reached: Option<Py<PyAny>>) {
    let before = std::mem::replace(&mut *REACHED.lock().unwrap_or_else(PoisonError::into_inner), reached);
    MOST.store(most.unwrap_or(u64::MAX), Ordering::Relaxed);
    drop(before);
}

/// So many have been counted.
#[inline]
pub(super) fn look(py: Python<'_>, counted: u64) -> PyResult<()> {
    if counted >= MOST.load(Ordering::Relaxed) { tell(py) } else { Ok(()) }
}

#[cold]
fn tell(py: Python<'_>) -> PyResult<()> {
    MOST.store(u64::MAX, Ordering::Relaxed);
    let reached = REACHED.lock().unwrap_or_else(PoisonError::into_inner).take();
    reached.map_or(Ok(()), |reached| reached.call0(py).map(drop))
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(limit_requests, m)?)
}
