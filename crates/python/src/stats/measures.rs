//! What a script measures besides its requests, between Python and the statistics.

use gregaria_stats::{Histogram, Measure, MeasureKind};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::convert;
use super::request_stats::{RequestStats, warn};

/// In reports, if there are any. Locust's nodes leave it alone.
pub(super) const KEY: &str = "gregaria_measures";
/// Counts above this are no counts; a sum of thousands of them still fits.
const MOST: u64 = 1 << 48;
/// Of one report, at most: those of each kind beyond the limit of names are one more, and there is the latency.
const MOST_MEASURES: usize = gregaria_stats::MAX_MEASURES + MeasureKind::ALL.len() + 1;

fn kind(name: &str) -> PyResult<MeasureKind> {
    MeasureKind::named(name).ok_or_else(|| PyValueError::new_err(format!("there is no kind {name:?}")))
}

/// Counts a value of a check or metric.
#[pyfunction]
fn measure(
    py: Python<'_>,
    stats: &Bound<'_, RequestStats>,
    of: &str,
    name: &str,
    value: f64,
) -> PyResult<()> {
    let kind = kind(of)?;
    let warnings = {
        let mut stats = stats.get().shared().lock();
        stats.measures_mut().add(kind, name, value);
        stats.take_warnings()
    };
    warn(py, &warnings);
    Ok(())
}

/// The table of checks and metrics; no lines without.
#[pyfunction]
fn measure_lines(stats: &Bound<'_, RequestStats>) -> Vec<String> {
    let measures = stats.get().shared().lock().measures().all().to_vec();
    gregaria_report::measure_lines(&measures)
}

/// Their CSV file; None without.
#[pyfunction]
fn measures_csv(stats: &Bound<'_, RequestStats>) -> Option<String> {
    gregaria_record::measures_csv(&gregaria_record::Numbers::new(stats.get().table()))
}

/// Adds them to a report: kind, name, count, how often it was so, sum, smallest, largest, histogram.
pub(super) fn tell(py: Python<'_>, measures: &[Measure], report: &Bound<'_, PyDict>) -> PyResult<()> {
    if measures.is_empty() {
        return Ok(());
    }
    let rows = PyList::empty(py);
    for one in measures {
        let slots = one.values.slots();
        let slots = convert::counts(py, slots.iter().map(|&(slot, count)| (i64::from(slot), count)))?;
        rows.append((one.kind.name(), &*one.name, one.count, one.good, one.sum, one.min, one.max, slots))?;
    }
    report.set_item(KEY, rows)
}

/// Those of a report. `ValueError` or `TypeError` if they are none.
pub(super) fn hear(report: &Bound<'_, PyDict>) -> PyResult<Vec<Measure>> {
    let Some(rows) = report.get_item(KEY)? else { return Ok(Vec::new()) };
    let wrong = |what: &str| PyValueError::new_err(format!("{KEY}: {what}"));
    let mut measures = Vec::new();
    for row in rows.try_iter()? {
        let row = row?;
        let at = |index: usize| row.get_item(index);
        let mut one = Measure::new(kind(&at(0)?.extract::<String>()?)?, &at(1)?.extract::<String>()?);
        (one.count, one.good) = (at(2)?.extract()?, at(3)?.extract()?);
        (one.sum, one.min, one.max) = (at(4)?.extract()?, at(5)?.extract()?, at(6)?.extract()?);
        let is_number = |value: f64| value.is_finite() && value >= 0.0;
        if one.count == 0 || one.count > MOST || one.good > one.count {
            return Err(wrong("a count is none"));
        }
        if ![one.sum, one.min, one.max].into_iter().all(is_number) {
            return Err(wrong("a value is none"));
        }
        let slots = convert::items(&at(7)?)?;
        if slots.iter().any(|&(_, count)| count > MOST) {
            return Err(wrong("a count is none"));
        }
        let slots = slots.into_iter().map(|(slot, count)| (u32::try_from(slot).unwrap_or(u32::MAX), count));
        one.values = Histogram::from_slots(slots);
        measures.push(one);
        if measures.len() > MOST_MEASURES {
            return Err(wrong("there are too many"));
        }
    }
    Ok(measures)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(measure, m)?)?;
    m.add_function(wrap_pyfunction!(measure_lines, m)?)?;
    m.add_function(wrap_pyfunction!(measures_csv, m)?)
}
