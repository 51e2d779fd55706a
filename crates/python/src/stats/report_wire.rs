//! Reports of workers as Python objects: taken out of statistics, checked, and merged into them.

use std::sync::Arc;

use gregaria_stats::{
    Entry, EntryWire, ErrorRecord, ErrorSeed, Histogram, Number, Phase, PhaseTimes, Phases, Placing, Report,
    Slices, Tally,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use super::convert;
use super::error;
use super::measures;
use super::request_stats::{RequestStats, warn};

/// What Locust's nodes do not know of, and leave alone: exact response times, and where the time went.
const MORE: &str = "gregaria";
/// Counts above this are no counts; a sum of thousands of them still fits.
const MOST: u64 = 1 << 48;
const LONGEST_NAME: usize = 100_000;
/// What an error says beyond this many bytes is left out.
const LONGEST_ERROR: usize = 64 << 10;

/// `{"stats", "stats_total", "errors"}` with everything since the last time; the statistics start again from zero.
#[pyfunction]
fn take_report<'py>(py: Python<'py>, stats: &Bound<'py, RequestStats>) -> PyResult<Bound<'py, PyDict>> {
    let now = convert::unix_time(py)?;
    let report = stats.get().shared().lock().take_report(now);
    drop(stats.get().take_handles());
    let errors = PyDict::new(py);
    for record in &report.errors {
        errors.set_item(&*record.seed.key, error::wire(py, record)?)?;
    }
    let entries = report.entries.iter().map(|entry| wire(py, entry)).collect::<PyResult<Vec<_>>>()?;
    let dict = PyDict::new(py);
    dict.set_item("stats", PyList::new(py, entries)?)?;
    dict.set_item("stats_total", report.total.as_ref().map(|total| wire(py, total)).transpose()?)?;
    dict.set_item("errors", errors)?;
    measures::tell(py, &report.measures, &dict)?;
    Ok(dict)
}

/// Adds a worker's report, placed in time if it is known where. `ValueError` if it has not the form of one; nothing was added then.
#[pyfunction]
#[pyo3(signature = (stats, data, placing = None))]
fn merge_report(
    py: Python<'_>,
    stats: &Bound<'_, RequestStats>,
    data: &Bound<'_, PyDict>,
    placing: Option<&Bound<'_, ReportPlacing>>,
) -> PyResult<()> {
    let mut report = read(py, data)
        .map_err(|error| PyValueError::new_err(format!("a report of a worker is malformed: {error}")))?;
    let placed = placing.map(|placing| report.place(&placing.get().placing, placing.get().seconds.as_ref()));
    let warnings = {
        let mut stats = stats.get().shared().lock();
        match placed {
            Some(placed) => stats.merge_placed(&report, placed),
            None => stats.merge_report(&report),
        }
        stats.take_warnings()
    };
    warn(py, &warnings);
    Ok(())
}

/// Adds a report again that was taken out and could not be sent; with its seconds, if those were taken.
#[pyfunction]
fn put_report_back(
    py: Python<'_>,
    stats: &Bound<'_, RequestStats>,
    data: &Bound<'_, PyDict>,
    seconds: Option<&[u8]>,
) -> PyResult<()> {
    let report = read(py, data)?;
    let seconds = seconds.and_then(Slices::from_bytes).unwrap_or_default();
    stats.get().shared().lock().put_back(&report, seconds);
    Ok(())
}

/// The seconds of the reports that were taken out since the last time, as bytes; None if they are not kept.
#[pyfunction]
fn take_seconds<'py>(py: Python<'py>, stats: &Bound<'py, RequestStats>) -> Option<Bound<'py, PyBytes>> {
    let seconds = stats.get().shared().lock().take_seconds();
    seconds.map(|seconds| PyBytes::new(py, &seconds.to_bytes()))
}

/// Where a report lies in time.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct ReportPlacing {
    placing: Placing,
    /// What happened in which second, if the worker has told.
    seconds: Option<Slices>,
}

impl ReportPlacing {
    pub(crate) fn new(placing: Placing, seconds: Option<Slices>) -> Self {
        Self { placing, seconds }
    }
}

fn wire<'py>(py: Python<'py>, entry: &Entry) -> PyResult<Bound<'py, PyDict>> {
    let dict = convert::wire(py, &EntryWire::of(entry))?;
    if entry.num_requests > 0 {
        let more = PyDict::new(py);
        let exact = entry.exact().slots();
        more.set_item(
            "exact",
            convert::counts(py, exact.iter().map(|&(slot, count)| (i64::from(slot), count)))?,
        )?;
        let phases = entry.phases;
        more.set_item("phases", std::iter::once(phases.count).chain(phases.nanos).collect::<Vec<_>>())?;
        if let Some(times) = &entry.phase_times {
            let times = times.slots();
            more.set_item(
                "phase_times",
                convert::counts(py, times.iter().map(|&(slot, count)| (i64::from(slot), count)))?,
            )?;
        }
        if let Some(statuses) = &entry.statuses {
            let statuses = statuses.slots();
            more.set_item(
                "statuses",
                convert::counts(py, statuses.iter().map(|&(status, count)| (i64::from(status), count)))?,
            )?;
        }
        dict.set_item(MORE, more)?;
    }
    Ok(dict)
}

fn read(py: Python<'_>, data: &Bound<'_, PyDict>) -> PyResult<Report> {
    let mut report = Report::default();
    for entry in required(data, "stats")?.cast::<PyList>()? {
        report.entries.push(read_entry(entry.cast::<PyDict>()?)?);
    }
    report.total = Some(read_entry(required(data, "stats_total")?.cast::<PyDict>()?)?);
    for (key, row) in required(data, "errors")?.cast::<PyDict>()? {
        report.errors.push(read_error(py, &key.extract::<String>()?, row.cast::<PyDict>()?)?);
    }
    report.measures = measures::hear(data)?;
    Ok(report)
}

fn read_entry(data: &Bound<'_, PyDict>) -> PyResult<Entry> {
    let mut entry = Entry::from(EntryWire {
        name: name(data, "name")?,
        method: name(data, "method")?,
        last_request_timestamp: optional(data, "last_request_timestamp")?.map(Number::value),
        start_time: number(data, "start_time")?.value(),
        num_requests: count(data, "num_requests")?,
        num_none_requests: count(data, "num_none_requests")?,
        num_failures: count(data, "num_failures")?,
        total_response_time: number(data, "total_response_time")?,
        max_response_time: number(data, "max_response_time")?,
        min_response_time: optional(data, "min_response_time")?,
        total_content_length: number(data, "total_content_length")?,
        response_times: counts(data, "response_times")?,
        num_reqs_per_sec: counts(data, "num_reqs_per_sec")?,
        num_fail_per_sec: counts(data, "num_fail_per_sec")?,
    });
    if entry.timed() <= 0 {
        // Workers written in Go and Java say 0 then.
        entry.min_response_time = None;
    }
    if let Some(more) = data.get_item(MORE)? {
        read_more(&mut entry, more.cast::<PyDict>()?)?;
    }
    Ok(entry)
}

fn read_more(entry: &mut Entry, more: &Bound<'_, PyDict>) -> PyResult<()> {
    entry.set_exact(Histogram::from_slots(slots(more, "exact")?));
    let [count, nanos @ ..] = required(more, "phases")?.extract::<[u64; Phase::COUNT + 1]>()?;
    entry.phases = Phases { count: bounded("phases", count)?, nanos };
    // Older nodes do not tell.
    if more.contains("phase_times")? {
        let times = slots(more, "phase_times")?;
        entry.phase_times = Some(Box::new(PhaseTimes::from_slots(times)));
    }
    if more.contains("statuses")? {
        let statuses = slots(more, "statuses")?.filter(|&(status, _)| status < 1_000);
        entry.statuses = Some(Box::new(Histogram::from_slots(statuses)));
    }
    Ok(())
}

fn slots(data: &Bound<'_, PyDict>, key: &str) -> PyResult<impl Iterator<Item = (u32, u64)>> {
    let counts = counts(data, key)?;
    Ok(counts.into_iter().map(|(slot, count)| (u32::try_from(slot).unwrap_or(u32::MAX), count)))
}

fn read_error(py: Python<'_>, key: &str, data: &Bound<'_, PyDict>) -> PyResult<Arc<ErrorRecord>> {
    if key.len() > LONGEST_NAME {
        return Err(PyValueError::new_err(format!("an error's key has {} bytes", key.len())));
    }
    let mut text = required(data, "error")?;
    let mut whole = convert::text(&text)?.into_owned();
    if whole.len() > LONGEST_ERROR {
        whole.truncate(whole.floor_char_boundary(LONGEST_ERROR));
        text = PyString::new(py, &whole).into_any();
    }
    let (method, name) = (name(data, "method")?, name(data, "name")?);
    let seed = ErrorSeed {
        key: key.into(),
        method: method.into(),
        name: name.into(),
        text: whole.into(),
        display: error::display_of(py, &text)?.into(),
    };
    let tally = Tally {
        occurrences: count(data, "occurrences")?,
        first_seen: optional(data, "first_seen")?.map(Number::value),
        last_seen: optional(data, "last_seen")?.map(Number::value),
    };
    Ok(Arc::new(ErrorRecord::new(seed, tally)))
}

fn required<'py>(data: &Bound<'py, PyDict>, key: &str) -> PyResult<Bound<'py, PyAny>> {
    data.get_item(key)?.ok_or_else(|| PyValueError::new_err(format!("{key} is missing")))
}

/// Scripts may have other objects than texts for names; they are texts by the time they are sent.
fn name(data: &Bound<'_, PyDict>, key: &str) -> PyResult<String> {
    let text = required(data, key)?.extract::<String>()?;
    if text.len() > LONGEST_NAME {
        return Err(PyValueError::new_err(format!("{key} has {} bytes", text.len())));
    }
    Ok(text)
}

fn number(data: &Bound<'_, PyDict>, key: &str) -> PyResult<Number> {
    let value = convert::number(&required(data, key)?)?;
    if value.value().is_finite() {
        Ok(value)
    } else {
        Err(PyValueError::new_err(format!("{key} is {value}")))
    }
}

fn optional(data: &Bound<'_, PyDict>, key: &str) -> PyResult<Option<Number>> {
    match data.get_item(key)? {
        Some(value) if !value.is_none() => number(data, key).map(Some),
        _ => Ok(None),
    }
}

fn count(data: &Bound<'_, PyDict>, key: &str) -> PyResult<u64> {
    bounded(key, required(data, key)?.extract()?)
}

fn counts(data: &Bound<'_, PyDict>, key: &str) -> PyResult<Vec<(i64, u64)>> {
    let mut all = Vec::new();
    for (bucket, count) in required(data, key)?.cast::<PyDict>()? {
        // Other languages may write whole numbers as floats.
        let bucket =
            bucket.extract::<i64>().or_else(|_| bucket.extract::<f64>().map(|float| float as i64))?;
        all.push((bucket, bounded(key, count.extract()?)?));
    }
    Ok(all)
}

fn bounded(key: &str, count: u64) -> PyResult<u64> {
    if count > MOST {
        return Err(PyValueError::new_err(format!("{key} counts {count}")));
    }
    Ok(count)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(take_report, m)?)?;
    m.add_class::<ReportPlacing>()?;
    m.add_function(wrap_pyfunction!(put_report_back, m)?)?;
    m.add_function(wrap_pyfunction!(take_seconds, m)?)?;
    m.add_function(wrap_pyfunction!(merge_report, m)?)
}
