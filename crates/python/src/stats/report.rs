//! Tables, CSV rows and JSON for `locust.stats`, which keeps the columns' widths and the percentiles and gives them here.

use super::convert::{self, to_python};
use super::entry::StatsEntry;
use super::request_stats::RequestStats;
use gregaria_record::{Numbers, Wanted, exact_percentiles, snapshot};
use gregaria_report::facts::Facts;
use gregaria_report::{Cell, Threshold, Widths, exact, junit, markdown};
use gregaria_stats::{Snapshot, SnapshotOptions};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

fn take(py: Python<'_>, stats: &Bound<'_, RequestStats>, options: &SnapshotOptions) -> PyResult<Snapshot> {
    Ok(take_at(py, stats, options, convert::unix_time(py)?))
}

/// In pieces, without the interpreter's lock.
fn take_at(py: Python<'_>, stats: &Bound<'_, RequestStats>, options: &SnapshotOptions, now: f64) -> Snapshot {
    let (numbers, wanted) = (Numbers::new(stats.get().table()), Wanted::from(options));
    py.detach(|| snapshot(&numbers, &wanted, now))
}

/// Lines of the main table.
#[pyfunction]
fn stats_lines(
    py: Python<'_>,
    stats: &Bound<'_, RequestStats>,
    current: bool,
    method: usize,
    name: usize,
) -> PyResult<Vec<String>> {
    let options = SnapshotOptions { entries: true, ..SnapshotOptions::default() };
    Ok(gregaria_report::stats_lines(&take(py, stats, &options)?, current, Widths { method, name }))
}

/// One line of the main table.
#[pyfunction]
fn stats_line(entry: &Bound<'_, StatsEntry>, current: bool, method: usize, name: usize) -> String {
    let snapshot = entry.get().snapshot(0.0, &SnapshotOptions::default());
    gregaria_report::stats_line(&snapshot, current, Widths { method, name })
}

/// Lines of the table of percentiles.
#[pyfunction]
fn percentile_lines(
    py: Python<'_>,
    stats: &Bound<'_, RequestStats>,
    fractions: Vec<f64>,
    method: usize,
    name: usize,
) -> PyResult<Vec<String>> {
    let options = SnapshotOptions { entries: true, ..SnapshotOptions::default() };
    Ok(gregaria_report::percentile_lines(&take(py, stats, &options)?, &fractions, Widths { method, name }))
}

/// One line of the table of percentiles.
#[pyfunction]
fn percentile_line(entry: &Bound<'_, StatsEntry>, fractions: Vec<f64>, method: usize, name: usize) -> String {
    let snapshot = entry.get().snapshot(0.0, &SnapshotOptions::default());
    gregaria_report::percentile_line(&snapshot, &fractions, Widths { method, name })
}

/// Lines of the report of errors.
#[pyfunction]
fn error_lines(
    py: Python<'_>,
    stats: &Bound<'_, RequestStats>,
    method: usize,
    name: usize,
) -> PyResult<Vec<String>> {
    let options = SnapshotOptions { errors: true, ..SnapshotOptions::default() };
    Ok(gregaria_report::error_lines(&take(py, stats, &options)?.errors, Widths { method, name }))
}

/// Lines of the table of exact percentiles.
#[pyfunction]
fn exact_lines(
    py: Python<'_>,
    stats: &Bound<'_, RequestStats>,
    method: usize,
    name: usize,
) -> PyResult<Vec<String>> {
    Ok(exact::lines(&take(py, stats, &exact_options())?, Widths { method, name }))
}

fn exact_options() -> SnapshotOptions {
    SnapshotOptions { entries: true, exact: exact::FRACTIONS.to_vec(), ..SnapshotOptions::default() }
}

/// Labels of percentiles.
#[pyfunction]
fn readable_percentiles(fractions: Vec<f64>) -> Vec<String> {
    gregaria_report::readable_percentiles(&fractions)
}

/// All used entries as `json.dumps(…, indent=4)` writes them; they stay as they are.
#[pyfunction]
fn stats_json(stats: &Bound<'_, RequestStats>) -> String {
    gregaria_report::entries_json(&stats.get().wires())
}

/// Columns of the CSV files: requests, history, failures, exceptions, exact percentiles.
#[pyfunction]
fn csv_columns(kind: &str, fractions: Vec<f64>) -> Vec<String> {
    let fixed = |columns: &[&str]| columns.iter().map(|&column| column.to_owned()).collect();
    match kind {
        "requests" => gregaria_report::requests_columns(&fractions),
        "history" => gregaria_report::history_columns(&fractions),
        "failures" => fixed(&gregaria_report::FAILURES_COLUMNS),
        "exceptions" => fixed(&gregaria_report::EXCEPTIONS_COLUMNS),
        _ => exact::columns(),
    }
}

fn requests(py: Python<'_>, stats: &Bound<'_, RequestStats>, fractions: &[f64]) -> PyResult<Vec<Vec<Cell>>> {
    let options = SnapshotOptions { entries: true, ..SnapshotOptions::default() };
    Ok(gregaria_report::requests_rows(&take(py, stats, &options)?, fractions))
}

fn history(
    py: Python<'_>,
    stats: &Bound<'_, RequestStats>,
    fractions: &[f64],
    user_count: i64,
    full: bool,
    now: f64,
) -> Vec<Vec<Cell>> {
    let options = SnapshotOptions { entries: full, current_times: full, ..SnapshotOptions::default() };
    let snapshot = take_at(py, stats, &options, now);
    gregaria_report::history_rows(&snapshot, fractions, user_count, full)
}

fn failures(py: Python<'_>, stats: &Bound<'_, RequestStats>) -> PyResult<Vec<Vec<Cell>>> {
    let options = SnapshotOptions { errors: true, ..SnapshotOptions::default() };
    Ok(gregaria_report::failure_rows(&take(py, stats, &options)?.errors))
}

fn objects(py: Python<'_>, rows: Vec<Vec<Cell>>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for row in rows {
        let cells = row.into_iter().map(|cell| match cell {
            Cell::Text(text) => PyString::new(py, &text).into_any(),
            Cell::Int(value) => to_python(py, value.into()),
            Cell::Number(number) => to_python(py, number),
        });
        list.append(PyList::new(py, cells.collect::<Vec<_>>())?)?;
    }
    Ok(list)
}

/// Rows of the requests' file as lists of values, for any writer.
#[pyfunction]
fn requests_rows<'py>(
    py: Python<'py>,
    stats: &Bound<'py, RequestStats>,
    fractions: Vec<f64>,
) -> PyResult<Bound<'py, PyList>> {
    objects(py, requests(py, stats, &fractions)?)
}

/// Rows of the history's file as lists of values.
#[pyfunction]
fn history_rows<'py>(
    py: Python<'py>,
    stats: &Bound<'py, RequestStats>,
    fractions: Vec<f64>,
    user_count: i64,
    full: bool,
    now: f64,
) -> PyResult<Bound<'py, PyList>> {
    objects(py, history(py, stats, &fractions, user_count, full, now))
}

/// Rows of the failures' file as lists of values.
#[pyfunction]
fn failures_rows<'py>(py: Python<'py>, stats: &Bound<'py, RequestStats>) -> PyResult<Bound<'py, PyList>> {
    objects(py, failures(py, stats)?)
}

/// The whole file of exact percentiles.
#[pyfunction]
fn exact_csv(py: Python<'_>, stats: &Bound<'_, RequestStats>) -> PyResult<String> {
    let (numbers, now) = (Numbers::new(stats.get().table()), convert::unix_time(py)?);
    Ok(py.detach(|| exact_percentiles(&numbers, now)))
}

fn facts(text: &str) -> PyResult<Facts> {
    Facts::from_json(text).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// The result as JUnit XML; `about` is JSON of what the numbers do not say: `info`, `exceptions`, `exit_code`.
#[pyfunction]
fn junit_report(py: Python<'_>, stats: &Bound<'_, RequestStats>, about: &str) -> PyResult<String> {
    Ok(junit::document(&take(py, stats, &junit::snapshot_options())?, &facts(about)?))
}

/// The result in Markdown; `about` is as for `junit_report`.
#[pyfunction]
fn markdown_report(py: Python<'_>, stats: &Bound<'_, RequestStats>, about: &str) -> PyResult<String> {
    Ok(markdown::document(&take(py, stats, &markdown::snapshot_options())?, &facts(about)?))
}

/// The table of how thresholds stand; no lines without. `about` is as for `junit_report`.
#[pyfunction]
fn threshold_lines(about: &str) -> PyResult<Vec<String>> {
    Ok(gregaria_report::threshold_lines(&facts(about)?.thresholds))
}

/// The verdict for a console; no lines without. `about` is as for `junit_report`.
#[pyfunction]
fn verdict_lines(about: &str) -> PyResult<Vec<String>> {
    Ok(gregaria_report::verdict_lines(&facts(about)?.verdict))
}

/// The table of what has become of the arrivals of an open run; no lines for others. `about` is as for `junit_report`.
#[pyfunction]
fn arrival_lines(about: &str) -> PyResult<Vec<String>> {
    Ok(facts(about)?.arrivals.as_ref().map(gregaria_report::arrival_lines).unwrap_or_default())
}

/// The CSV file of both latencies; None for closed runs. `about` is as for `junit_report`.
#[pyfunction]
fn latencies_csv(about: &str) -> PyResult<Option<String>> {
    Ok(facts(about)?.arrivals.and_then(|arrivals| gregaria_report::latencies_csv(&arrivals.latencies)))
}

/// Whether the run has failed for one of its thresholds. `about` is as for `junit_report`.
#[pyfunction]
fn thresholds_fail(about: &str) -> PyResult<bool> {
    Ok(facts(about)?.thresholds.iter().any(Threshold::fails_the_run))
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(stats_lines, m)?)?;
    m.add_function(wrap_pyfunction!(threshold_lines, m)?)?;
    m.add_function(wrap_pyfunction!(verdict_lines, m)?)?;
    m.add_function(wrap_pyfunction!(arrival_lines, m)?)?;
    m.add_function(wrap_pyfunction!(latencies_csv, m)?)?;
    m.add_function(wrap_pyfunction!(thresholds_fail, m)?)?;
    m.add_function(wrap_pyfunction!(stats_line, m)?)?;
    m.add_function(wrap_pyfunction!(percentile_lines, m)?)?;
    m.add_function(wrap_pyfunction!(percentile_line, m)?)?;
    m.add_function(wrap_pyfunction!(error_lines, m)?)?;
    m.add_function(wrap_pyfunction!(exact_lines, m)?)?;
    m.add_function(wrap_pyfunction!(readable_percentiles, m)?)?;
    m.add_function(wrap_pyfunction!(stats_json, m)?)?;
    m.add_function(wrap_pyfunction!(csv_columns, m)?)?;
    m.add_function(wrap_pyfunction!(requests_rows, m)?)?;
    m.add_function(wrap_pyfunction!(history_rows, m)?)?;
    m.add_function(wrap_pyfunction!(failures_rows, m)?)?;
    m.add_function(wrap_pyfunction!(junit_report, m)?)?;
    m.add_function(wrap_pyfunction!(markdown_report, m)?)?;
    m.add_function(wrap_pyfunction!(exact_csv, m)?)
}
