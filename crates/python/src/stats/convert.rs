//! Numbers and counts between Python and the statistics.

use gregaria_stats::{EntryWire, Number, Sample};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFloat, PyInt, PyString};
use std::borrow::Cow;

use super::settings;

/// Unix time as `time.time()` says it, so that tests which replace that function are followed.
pub(crate) fn unix_time(py: Python<'_>) -> PyResult<f64> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("time").map(Bound::unbind))?;
    module.bind(py).getattr(intern!(py, "time"))?.call0()?.extract()
}

/// A Python number, remembering whether it was an `int`.
pub(super) fn number(value: &Bound<'_, PyAny>) -> PyResult<Number> {
    if value.is_instance_of::<PyInt>() {
        Ok(value
            .extract::<i64>()
            .map_or_else(|_| value.extract().map(Number::float), |int| Ok(Number::int(int)))?)
    } else {
        value.extract().map(Number::float)
    }
}

/// A number as Python would have kept it.
pub(super) fn to_python(py: Python<'_>, number: Number) -> Bound<'_, PyAny> {
    if number.is_float() {
        PyFloat::new(py, number.value()).into_any()
    } else {
        PyInt::new(py, number.value() as i64).into_any()
    }
}

/// A sample from what a `request` event carries. Response times that are not finite are refused, as Locust's rounding does.
pub(super) fn sample(
    py: Python<'_>,
    response_time: &Bound<'_, PyAny>,
    content_length: &Bound<'_, PyAny>,
    now: f64,
) -> PyResult<Sample> {
    Ok(Sample::with_bucket(time(py, response_time)?, number(content_length)?, now))
}

/// A response time and its bucket; None of None.
pub(super) fn time(py: Python<'_>, response_time: &Bound<'_, PyAny>) -> PyResult<Option<(Number, i64)>> {
    if response_time.is_none() {
        return Ok(None);
    }
    let ms = number(response_time)?;
    if !ms.value().is_finite() {
        return Err(PyValueError::new_err(format!("cannot convert response time {ms} to integer")));
    }
    let bucket = if settings::has_custom_bucket() {
        settings::custom_bucket(py, response_time)?
    } else {
        gregaria_stats::bucket_response_time(ms.value())
    };
    Ok(Some((ms, bucket)))
}

/// The text of a method or name; other objects are converted by `str()`.
pub(crate) fn text<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, str>> {
    match value.cast::<PyString>() {
        Ok(string) => Ok(string.to_string_lossy()),
        Err(_) => Ok(Cow::Owned(value.str()?.to_string_lossy().into_owned())),
    }
}

/// `{key: count}`.
pub(super) fn counts(py: Python<'_>, items: impl Iterator<Item = (i64, u64)>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for (key, count) in items {
        dict.set_item(key, count)?;
    }
    Ok(dict)
}

/// The items of a `{key: count}`; counts below zero become zero.
pub(super) fn items(dict: &Bound<'_, PyAny>) -> PyResult<Vec<(i64, u64)>> {
    let mut all = Vec::new();
    for item in dict.call_method0("items")?.try_iter()? {
        let (key, count): (f64, i64) = item?.extract()?;
        all.push((key as i64, count.max(0) as u64));
    }
    Ok(all)
}

/// Locust's serialised entry.
pub(super) fn wire<'py>(py: Python<'py>, wire: &EntryWire) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("name", &wire.name)?;
    dict.set_item("method", &wire.method)?;
    dict.set_item("last_request_timestamp", wire.last_request_timestamp)?;
    dict.set_item("start_time", wire.start_time)?;
    dict.set_item("num_requests", wire.num_requests)?;
    dict.set_item("num_none_requests", wire.num_none_requests)?;
    dict.set_item("num_failures", wire.num_failures)?;
    dict.set_item("total_response_time", to_python(py, wire.total_response_time))?;
    dict.set_item("max_response_time", to_python(py, wire.max_response_time))?;
    dict.set_item("min_response_time", wire.min_response_time.map(|min| to_python(py, min)))?;
    dict.set_item("total_content_length", to_python(py, wire.total_content_length))?;
    dict.set_item("response_times", counts(py, wire.response_times.iter().copied())?)?;
    dict.set_item("num_reqs_per_sec", counts(py, wire.num_reqs_per_sec.iter().copied())?)?;
    dict.set_item("num_fail_per_sec", counts(py, wire.num_fail_per_sec.iter().copied())?)?;
    Ok(dict)
}
