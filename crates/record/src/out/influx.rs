//! InfluxDB's line protocol: a line for each name and second.

use std::fmt::Write as _;

use super::{Batch, FRACTIONS};

/// What stands for nothing: a tag cannot be empty, and must not be missing, since InfluxDB 3 takes no line with other tags than a
/// measurement's first one.
const NOTHING: &str = "-";

/// A tag's value as it may stand in a line. A backslash before what it would escape, or at the end, is left out: readers do not agree on
/// what two of them mean.
fn tag(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ',' | '=' | ' ' => out.extend(['\\', character]),
            // A line ends a line, wherever it stands.
            '\n' | '\r' | '\t' => out.push_str("\\ "),
            '\\' if characters.peek().is_none_or(|next| ",= \n\r\t\\".contains(*next)) => {}
            other => out.push(other),
        }
    }
    if out.is_empty() { NOTHING.to_owned() } else { out }
}

pub(super) fn body(batch: &Batch<'_>) -> Vec<u8> {
    let mut out = String::new();
    for ((method, name), rows) in &batch.names {
        let mut tags = String::new();
        for (key, value) in [("method", *method), ("name", *name), ("run", batch.run)] {
            let _ = write!(tags, ",{key}={}", tag(value));
        }
        for row in rows {
            let _ = write!(
                out,
                "gregaria_requests{tags} count={}i,failures={}i,total={}i,total_failures={}i",
                row.count.0, row.count.1, row.sums.0, row.sums.1
            );
            for (fraction, seconds) in FRACTIONS.iter().zip(row.percentiles) {
                if let Some(seconds) = seconds {
                    let _ = write!(out, ",p{}={seconds}", fraction * 100.0);
                }
            }
            let _ = writeln!(out, " {}", row.at * 1_000_000_000);
        }
    }
    for (at, users) in &batch.users {
        let _ = writeln!(out, "gregaria_run,run={} users={users}i {}", tag(batch.run), at * 1_000_000_000);
    }
    out.into_bytes()
}
