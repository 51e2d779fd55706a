//! What scripts may change in `locust.stats` at run time and native code must follow.

use gregaria_stats::{DEFAULT_WINDOW_SECONDS, bucket_response_time};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

static WINDOW: AtomicU32 = AtomicU32::new(DEFAULT_WINDOW_SECONDS);
static CUSTOM: AtomicBool = AtomicBool::new(false);
static TAKEN: AtomicU8 = AtomicU8::new(0);
static BUCKET: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// `locust.stats.CURRENT_RESPONSE_TIME_PERCENTILE_WINDOW`, in seconds.
pub(super) fn window() -> u32 {
    WINDOW.load(Relaxed)
}

/// Whether `locust.stats.bucket_response_time` is not ours.
#[inline]
pub(super) fn has_custom_bucket() -> bool {
    CUSTOM.load(Relaxed)
}

/// Which steps of counting a request are a script's: 0 none, 1 those of `RequestStats`, 2 those of its entries, too, 3 and what
/// these consist of. Once one was, all of its kind are called for good.
#[inline]
fn taken() -> u8 {
    TAKEN.load(Relaxed)
}

/// Whether each request is to be counted by calling `log_request` and `log_error`.
#[inline]
pub(crate) fn counts_by_methods() -> bool {
    taken() > 0
}

/// Whether those call `log` and `log_error` of the entries.
pub(super) fn counts_by_entries() -> bool {
    taken() > 1
}

/// Whether `log` of an entry calls its parts.
pub(super) fn counts_by_parts() -> bool {
    taken() > 2
}

/// Says that a step of counting is a script's: see `locust/_counting.py`.
#[pyfunction]
fn counting_taken_over(level: u8) {
    TAKEN.fetch_max(level, Relaxed);
}

/// What the user's bucket function makes of a response time; fractions of its result are cut off.
pub(super) fn custom_bucket(py: Python<'_>, response_time: &Bound<'_, PyAny>) -> PyResult<i64> {
    let function = BUCKET.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|f| f.clone_ref(py));
    let result = match function {
        Some(function) => function.bind(py).call1((response_time,))?,
        None => return Ok(bucket_response_time(response_time.extract()?)),
    };
    result.extract::<i64>().or_else(|_| Ok(result.extract::<f64>()? as i64))
}

/// Locust's rounding of a response time in ms.
#[pyfunction]
#[pyo3(name = "bucket_response_time")]
fn py_bucket(response_time: f64) -> i64 {
    bucket_response_time(response_time)
}

/// Makes `function` the bucket function; `None` for Locust's.
#[pyfunction]
#[pyo3(signature = (function=None))]
fn set_bucket_function(function: Option<Py<PyAny>>) {
    CUSTOM.store(function.is_some(), Relaxed);
    let old = std::mem::replace(&mut *BUCKET.lock().unwrap_or_else(PoisonError::into_inner), function);
    drop(old);
}

/// Sets the window of current percentiles, in seconds.
#[pyfunction]
fn set_percentile_window(seconds: f64) {
    WINDOW.store(seconds.clamp(0.0, 86_400.0) as u32, Relaxed);
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("MAX_NAMES", gregaria_stats::MAX_NAMES)?;
    m.add("MAX_ERRORS", gregaria_stats::MAX_ERRORS)?;
    m.add_function(wrap_pyfunction!(py_bucket, m)?)?;
    m.add_function(wrap_pyfunction!(set_bucket_function, m)?)?;
    m.add_function(wrap_pyfunction!(counting_taken_over, m)?)?;
    m.add_function(wrap_pyfunction!(set_percentile_window, m)?)
}
