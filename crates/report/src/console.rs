//! The tables on the console.

use crate::text::readable_percentiles;
use gregaria_stats::{EntrySnapshot, ErrorSnapshot, Snapshot};

/// Widths of the columns that can be changed.
#[derive(Debug, Clone, Copy)]
pub struct Widths {
    /// Of the method (`STATS_TYPE_WIDTH`).
    pub method: usize,
    /// Of the name (`STATS_NAME_WIDTH`).
    pub name: usize,
}

impl Default for Widths {
    fn default() -> Self {
        Self { method: 8, name: 80 }
    }
}

impl Widths {
    /// The name's column in the main table, which has more numbers to show.
    fn compact_name(self) -> usize {
        (self.name + 4).saturating_sub(self.method)
    }
}

/// The main table. `current`: rates of the last seconds instead of the whole run's.
pub fn stats_lines(snapshot: &Snapshot, current: bool, widths: Widths) -> Vec<String> {
    let (method, name) = (widths.method, widths.compact_name());
    let header = format!(
        "{:<method$} {:<name$} {:>7} {:>12} |{:>7} {:>7} {:>7}{:>7} | {:>7} {:>11}",
        "Type", "Name", "# reqs", "# fails", "Avg", "Min", "Max", "Med", "req/s", "failures/s"
    );
    let separator = dashes(&[method, name, 7, 13, 7, 7, 7, 7, 8, 11]);
    let mut lines = vec![header, separator.clone()];
    lines.extend(snapshot.entries.iter().map(|entry| stats_line(entry, current, widths)));
    lines.push(separator);
    lines.push(stats_line(&snapshot.total, current, widths));
    lines
}

/// One row of the main table.
pub fn stats_line(entry: &EntrySnapshot, current: bool, widths: Widths) -> String {
    let (method_width, name_width) = (widths.method, widths.compact_name());
    let (rps, fails) = if current {
        (entry.current_rps.value(), entry.current_fail_per_sec.value())
    } else {
        (entry.total_rps, entry.total_fail_per_sec)
    };
    let method = if entry.method.is_empty() { String::new() } else { format!("{} ", entry.method) };
    format!(
        "{method:<method_width$} {:<name_width$} {:>7} {:>12} |{:>7} {:>7} {:>7}{:>7} | {rps:>7.2} {fails:>11.2}",
        entry.name,
        entry.num_requests,
        format!("{}({:.2}%)", entry.num_failures, entry.fail_ratio * 100.0),
        entry.avg_response_time as i64,
        entry.min_response_time.map_or(0, |min| min.value() as i64),
        entry.max_response_time.value() as i64,
        entry.median_response_time.value() as i64,
    )
}

/// The table of percentiles, given as fractions.
pub fn percentile_lines(snapshot: &Snapshot, fractions: &[f64], widths: Widths) -> Vec<String> {
    let (method, name) = (widths.method, widths.name);
    let mut labels = readable_percentiles(fractions);
    labels.push("# reqs".to_owned());
    let header = format!("{:<method$} {:<name$} {}", "Type", "Name", percentile_cells(&labels));
    let mut columns = vec![method, name, 8];
    columns.resize(columns.len() + fractions.len(), 6);
    let separator = dashes(&columns);
    let mut lines = vec!["Response time percentiles (approximated)".to_owned(), header, separator.clone()];
    let timed = snapshot.entries.iter().filter(|entry| entry.has_times());
    lines.extend(timed.map(|entry| percentile_line(entry, fractions, widths)));
    lines.push(separator);
    if snapshot.total.has_times() {
        lines.push(percentile_line(&snapshot.total, fractions, widths));
    }
    lines
}

/// One row of the table of percentiles.
pub fn percentile_line(entry: &EntrySnapshot, fractions: &[f64], widths: Widths) -> String {
    let (method, name) = (widths.method, widths.name);
    let mut cells: Vec<String> =
        fractions.iter().map(|&fraction| entry.percentile(fraction).to_string()).collect();
    cells.push(entry.num_requests.to_string());
    format!("{:<method$} {:<name$} {}", entry.method, entry.name, percentile_cells(&cells))
}

/// The first column is wider than the others.
fn percentile_cells(cells: &[String]) -> String {
    let padded = cells
        .iter()
        .enumerate()
        .map(|(i, cell)| format!("{cell:>width$}", width = if i == 0 { 8 } else { 6 }));
    padded.collect::<Vec<_>>().join(" ")
}

/// The report of errors, given in the order to be shown.
pub fn error_lines(errors: &[ErrorSnapshot], widths: Widths) -> Vec<String> {
    let separator = dashes(&[18, (80 + widths.name).saturating_sub(19)]);
    let mut lines = vec![
        "Error report".to_owned(),
        format!("{:<18} {:<100}", "# occurrences", "Error"),
        separator.clone(),
    ];
    lines.extend(errors.iter().map(|error| {
        let what = format!("{} {}: {}", error.method, error.name, error.display);
        format!("{:<18} {what:<100}", error.tally.occurrences)
    }));
    lines.push(separator);
    lines.push(String::new());
    lines
}

fn dashes(columns: &[usize]) -> String {
    columns.iter().map(|&width| "-".repeat(width)).collect::<Vec<_>>().join("|")
}
