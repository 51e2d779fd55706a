//! True percentiles, to the microsecond where they are that precise: an addition to Locust's reports, whose percentiles are
//! rounded to two digits.

use crate::console::Widths;
use crate::csv::Cell;
use gregaria_stats::{EntrySnapshot, Snapshot};

/// The percentiles shown. Ask for them in [`gregaria_stats::SnapshotOptions::exact`].
pub const FRACTIONS: [f64; 8] = [0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999];

/// Columns of `<prefix>_percentiles.csv`; all times in ms.
pub fn columns() -> Vec<String> {
    let labels = crate::readable_percentiles(&FRACTIONS);
    let before = ["Type", "Name", "Timed Requests", "Min", "Mean"].into_iter().map(str::to_owned);
    before.chain(labels).chain(["Max".to_owned()]).collect()
}

/// Rows of `<prefix>_percentiles.csv`: entries by name and method, then the total. Cells are empty where nothing is known.
pub fn rows(snapshot: &Snapshot) -> Vec<Vec<Cell>> {
    let all = snapshot.entries.iter().chain([&snapshot.total]);
    all.map(|entry| {
        let mut row: Vec<Cell> = vec![
            (&*entry.method).into(),
            (&*entry.name).into(),
            (entry.num_requests - entry.num_none_requests).into(),
        ];
        row.extend(
            times(entry).into_iter().map(|ms| Cell::Text(ms.map_or(String::new(), |ms| format!("{ms:.3}")))),
        );
        row
    })
    .collect()
}

/// Min, mean, percentiles, max.
fn times(entry: &EntrySnapshot) -> Vec<Option<f64>> {
    let known = entry
        .min_response_time
        .map(|min| (min.value(), entry.avg_response_time, entry.max_response_time.value()));
    let exact = entry.exact.as_deref().filter(|exact| exact.len() == FRACTIONS.len());
    let mut all = vec![known.map(|(min, _, _)| min), known.map(|(_, mean, _)| mean)];
    all.extend((0..FRACTIONS.len()).map(|i| exact.map(|exact| exact[i])));
    all.push(known.map(|(_, _, max)| max));
    all
}

/// A table for the console: entries with timed requests, then the total. Times in ms.
pub fn lines(snapshot: &Snapshot, widths: Widths) -> Vec<String> {
    let name_width = widths.name.min(40);
    let method_width = widths.method;
    let heads = columns();
    let header: Vec<String> = heads[3..].iter().map(|head| format!("{head:>9}")).collect();
    let mut lines = vec![
        "Response time percentiles (exact, ms)".to_owned(),
        format!("{:<method_width$} {:<name_width$} {}", "Type", "Name", header.join(" ")),
    ];
    let row = |entry: &EntrySnapshot| {
        let cells: Vec<String> = times(entry).into_iter().map(cell).collect();
        format!("{:<method_width$} {:<name_width$} {}", entry.method, entry.name, cells.join(" "))
    };
    lines.extend(snapshot.entries.iter().filter(|entry| entry.min_response_time.is_some()).map(row));
    lines.push(row(&snapshot.total));
    lines
}

fn cell(ms: Option<f64>) -> String {
    match ms {
        None => format!("{:>9}", "-"),
        Some(ms) if ms < 100.0 => format!("{ms:>9.3}"),
        Some(ms) if ms < 10_000.0 => format!("{ms:>9.1}"),
        Some(ms) => format!("{ms:>9.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gregaria_stats::{RequestStats, SnapshotOptions};

    #[test]
    fn shows_what_rounding_hides() {
        let mut stats = RequestStats::new(false, 1_000.0);
        let id = stats.entry_id("GET", "/", 1_000.0);
        for i in 0..1_000 {
            assert!(stats.record(id, Some(1.25 + f64::from(i) * 0.001), 10, 1_000.5));
        }
        let empty = stats.entry_id("GET", "/none", 1_000.0);
        assert!(stats.record(empty, None, 0, 1_000.5));
        let options = SnapshotOptions { exact: FRACTIONS.to_vec(), ..SnapshotOptions::tables() };
        let snapshot = stats.snapshot(1_001.0, &options);
        let mut csv = String::new();
        for row in rows(&snapshot) {
            crate::write_row(&mut csv, &row);
        }
        assert_eq!(
            csv,
            "GET,/,1000,1.250,1.750,1.749,1.999,2.149,2.199,2.229,2.239,2.249,2.249,2.249\r\n\
             GET,/none,0,,,,,,,,,,,\r\n\
             ,Aggregated,1000,1.250,1.750,1.749,1.999,2.149,2.199,2.229,2.239,2.249,2.249,2.249\r\n"
        );
        let lines = lines(&snapshot, Widths::default());
        assert_eq!(lines.len(), 4);
        assert!(lines[2].starts_with("GET      /  ") && lines[2].ends_with("    2.249"), "{lines:?}");
    }
}
