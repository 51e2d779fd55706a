//! Two runs side by side.

use std::collections::{BTreeMap, HashMap};

use super::run::StoredRun;
use crate::dto::{CompareRow, Comparison, ComparisonRow, Rows};
use crate::series::column_of;

/// Puts the total and each name of either run side by side.
pub fn compare(a: &StoredRun, b: &StoredRun) -> Comparison {
    let mut names: BTreeMap<(&str, &str), [Option<CompareRow>; 2]> = BTreeMap::new();
    for (side, run) in [a, b].into_iter().enumerate() {
        let places: HashMap<i32, usize> = run.rows.id.iter().enumerate().map(|(at, &id)| (id, at)).collect();
        for name in &run.names {
            let row = places.get(&name.id).and_then(|&at| row_of(run, &run.rows, at));
            names.entry((&name.name, &name.method)).or_default()[side] = row;
        }
    }
    let total = ComparisonRow {
        method: String::new(),
        name: "Aggregated".to_owned(),
        a: row_of(a, &a.total, 0),
        b: row_of(b, &b.total, 0),
    };
    let rest = names.into_iter().map(|((name, method), [a, b])| ComparisonRow {
        method: method.to_owned(),
        name: name.to_owned(),
        a,
        b,
    });
    Comparison { a: a.summary.clone(), b: b.summary.clone(), rows: [total].into_iter().chain(rest).collect() }
}

/// The row at that place.
fn row_of(run: &StoredRun, rows: &Rows, at: usize) -> Option<CompareRow> {
    rows.id.get(at)?;
    let of = |column: &[f64]| column.get(at).copied().unwrap_or_default();
    let requests = rows.requests.get(at).copied().unwrap_or_default();
    let percentile = |wanted: f64| *rows.percentiles.get(column_of(&run.fractions, wanted)?)?.get(at)?;
    Some(CompareRow {
        requests,
        failures: rows.failures.get(at).copied().unwrap_or_default(),
        rps: if run.elapsed > 0.0 { requests as f64 / run.elapsed } else { 0.0 },
        avg: of(&rows.avg),
        min: of(&rows.min),
        max: of(&rows.max),
        p50: percentile(0.5),
        p95: percentile(0.95),
        p99: percentile(0.99),
    })
}
