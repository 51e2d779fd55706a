//! The rows of the CSV files, in the dialect of Python's `csv` module: comma, quotes where needed, CRLF.

use crate::text::{readable_percentiles, utc_timestamp};
use gregaria_stats::{EntrySnapshot, ErrorSnapshot, Number, Snapshot};

/// A cell before it is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number that may be whole or not.
    Number(Number),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Int(count as i64)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Number(Number::float(value))
    }
}

impl From<Number> for Cell {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

/// Columns of the failures' file.
pub const FAILURES_COLUMNS: [&str; 6] = ["Method", "Name", "Error", "Occurrences", "First Seen", "Last Seen"];
/// Columns of the exceptions' file.
pub const EXCEPTIONS_COLUMNS: [&str; 4] = ["Count", "Message", "Traceback", "Nodes"];

/// Columns of the requests' file.
pub fn requests_columns(fractions: &[f64]) -> Vec<String> {
    let fixed = [
        "Type",
        "Name",
        "Request Count",
        "Failure Count",
        "Median Response Time",
        "Average Response Time",
        "Min Response Time",
        "Max Response Time",
        "Average Content Size",
        "Requests/s",
        "Failures/s",
    ];
    fixed.into_iter().map(str::to_owned).chain(readable_percentiles(fractions)).collect()
}

/// Rows of the requests' file: entries by name and method, then the total.
pub fn requests_rows(snapshot: &Snapshot, fractions: &[f64]) -> Vec<Vec<Cell>> {
    let all = snapshot.entries.iter().chain([&snapshot.total]);
    all.map(|entry| {
        let mut row: Vec<Cell> = vec![
            (&*entry.method).into(),
            (&*entry.name).into(),
            entry.num_requests.into(),
            entry.num_failures.into(),
        ];
        row.extend(time_cells(entry));
        row.extend([entry.total_rps.into(), entry.total_fail_per_sec.into()]);
        row.extend(percentile_cells(entry, fractions, false));
        row
    })
    .collect()
}

fn time_cells(entry: &EntrySnapshot) -> [Cell; 5] {
    let min = entry.min_response_time.filter(|min| !min.is_zero()).unwrap_or(Number::ZERO);
    [
        entry.median_response_time.into(),
        entry.avg_response_time.into(),
        min.into(),
        entry.max_response_time.into(),
        entry.avg_content_length.into(),
    ]
}

fn percentile_cells(entry: &EntrySnapshot, fractions: &[f64], current: bool) -> Vec<Cell> {
    let cell = |&fraction: &f64| {
        if entry.num_requests == 0 {
            "N/A".into()
        } else if current && entry.cached {
            Cell::Int(entry.current_percentile(fraction).unwrap_or(0))
        } else {
            Cell::Int(entry.percentile(fraction))
        }
    };
    fractions.iter().map(cell).collect()
}

/// Columns of the history's file.
pub fn history_columns(fractions: &[f64]) -> Vec<String> {
    let before = ["Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s"];
    let after = [
        "Total Request Count",
        "Total Failure Count",
        "Total Median Response Time",
        "Total Average Response Time",
        "Total Min Response Time",
        "Total Max Response Time",
        "Total Average Content Size",
    ];
    let labels = readable_percentiles(fractions);
    before.into_iter().map(str::to_owned).chain(labels).chain(after.into_iter().map(str::to_owned)).collect()
}

/// Rows of the history's file for the snapshot's moment. As in Locust, `full` (every entry, not the total alone) also makes
/// percentiles those of the last seconds; without it they are those of the whole run.
pub fn history_rows(snapshot: &Snapshot, fractions: &[f64], user_count: i64, full: bool) -> Vec<Vec<Cell>> {
    let entries = if full { &snapshot.entries[..] } else { &[] };
    let all = entries.iter().chain([&snapshot.total]);
    all.map(|entry| {
        let mut row = vec![
            Cell::Int(snapshot.at as i64),
            Cell::Int(user_count),
            (&*entry.method).into(),
            (&*entry.name).into(),
            Cell::Text(format!("{:.6}", entry.current_rps.value())),
            Cell::Text(format!("{:.6}", entry.current_fail_per_sec.value())),
        ];
        row.extend(percentile_cells(entry, fractions, full));
        row.extend([entry.num_requests.into(), entry.num_failures.into()]);
        row.extend(time_cells(entry));
        row
    })
    .collect()
}

/// Rows of the failures' file, by key as in Locust.
pub fn failure_rows(errors: &[ErrorSnapshot]) -> Vec<Vec<Cell>> {
    let mut sorted: Vec<_> = errors.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let moment = |at: Option<f64>| Cell::Text(at.map(utc_timestamp).unwrap_or_default());
    sorted
        .into_iter()
        .map(|error| {
            vec![
                (&*error.method).into(),
                (&*error.name).into(),
                (&*error.text).into(),
                error.tally.occurrences.into(),
                moment(error.tally.first_seen),
                moment(error.tally.last_seen),
            ]
        })
        .collect()
}

/// Appends one row.
pub fn write_row<'a>(out: &mut String, cells: impl IntoIterator<Item = &'a Cell>) {
    let (start, mut columns) = (out.len(), 0);
    for cell in cells {
        if columns > 0 {
            out.push(',');
        }
        columns += 1;
        match cell {
            Cell::Text(text) => write_text(out, text),
            Cell::Int(value) => out.push_str(&value.to_string()),
            Cell::Number(number) => out.push_str(&number.to_string()),
        }
    }
    if columns == 1 && out.len() == start {
        // A row that is one empty cell would read back as no row.
        out.push_str("\"\"");
    }
    out.push_str("\r\n");
}

fn write_text(out: &mut String, text: &str) {
    if text.contains([',', '"', '\r', '\n']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_where_needed() {
        let mut out = String::new();
        let cells: Vec<Cell> = vec![
            "plain".into(),
            "with, comma".into(),
            "a \"quote\"".into(),
            "two\nlines".into(),
            " space ".into(),
            "".into(),
            Cell::Int(-3),
            Number::int(7).into(),
            7.0.into(),
        ];
        write_row(&mut out, &cells);
        assert_eq!(out, "plain,\"with, comma\",\"a \"\"quote\"\"\",\"two\nlines\", space ,,-3,7,7.0\r\n");
        let mut out = String::new();
        write_row(&mut out, &["".into()]);
        assert_eq!(out, "\"\"\r\n");
    }
}
