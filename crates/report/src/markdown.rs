//! The result of a run in Markdown: for the page that a CI job shows, or a chat.

use std::fmt::Write as _;

use gregaria_stats::{EntrySnapshot, Snapshot, SnapshotOptions};

use crate::facts::{Exception, Facts, duration};
use crate::figures::{count, millis, percent, rate};
use crate::measures::{measure_words, sorted};
use crate::text::{capital, utc_timestamp};
use crate::worst;

const EXACT: [f64; 3] = [0.5, 0.95, 0.99];

/// What the snapshot has to hold.
pub fn snapshot_options() -> SnapshotOptions {
    SnapshotOptions { exact: EXACT.to_vec(), ..SnapshotOptions::tables() }
}

/// The document.
pub fn document(snapshot: &Snapshot, facts: &Facts) -> String {
    let mut out = String::new();
    let result = match facts.exit_code {
        0 if snapshot.total.num_requests == 0 => "nothing was sent".to_owned(),
        0 => "passed".to_owned(),
        code => format!("failed (exit code {code})"),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# {}: {result}\n", inline(facts.title()));
    write_sentence(&mut out, snapshot);
    write_verdict(&mut out, facts);
    write_thresholds(&mut out, facts);
    write_latencies(&mut out, facts);
    write_requests(&mut out, snapshot);
    write_measures(&mut out, snapshot);
    write_failures(&mut out, snapshot);
    write_exceptions(&mut out, facts);
    write_parameters(&mut out, snapshot, facts);
    out
}

fn write_sentence(out: &mut String, snapshot: &Snapshot) {
    let total = &snapshot.total;
    let _ = write!(
        out,
        "**{}** requests, **{}** failed ({}), {} requests/s",
        count(total.num_requests),
        count(total.num_failures),
        percent(total.fail_ratio),
        rate(total.total_rps)
    );
    if let Some([median, p95, p99]) = total.exact.as_deref().and_then(|exact| exact.first_chunk()) {
        let _ = write!(
            out,
            "; half of them within {} ms, 95% within {} ms, 99% within {} ms",
            millis(*median),
            millis(*p95),
            millis(*p99)
        );
    }
    out.push_str(".\n\n");
}

fn write_verdict(out: &mut String, facts: &Facts) {
    let verdict = &facts.verdict;
    if !verdict.is_known() {
        return;
    }
    let _ = writeln!(out, "Verdict: **{}**, {}.\n", verdict.level, inline(&verdict.summary));
    for reason in &verdict.reasons {
        let _ = writeln!(
            out,
            "- {}: {}. {}.",
            reason.level,
            inline(&reason.text),
            inline(&capital(&reason.advice))
        );
    }
    if !verdict.reasons.is_empty() {
        out.push('\n');
    }
}

fn write_latencies(out: &mut String, facts: &Facts) {
    let Some(latencies) = facts.arrivals.as_ref().map(|arrivals| &arrivals.latencies) else { return };
    if latencies.rows.is_empty() {
        return;
    }
    let heads = latencies.heads();
    let _ = writeln!(out, "## Latencies (ms)\n\n| Requests | | {} |", heads.join(" | "));
    let _ = writeln!(out, "|---|---|{}", "--:|".repeat(heads.len()));
    for row in latencies.rows.iter().take(worst::MOST) {
        for (what, values) in row.both() {
            let cells: Vec<String> = values.iter().map(|ms| millis(*ms)).collect();
            let _ = writeln!(out, "| {} | {what} | {} |", cell(&row.label()), cells.join(" | "));
        }
    }
    out.push('\n');
}

fn write_thresholds(out: &mut String, facts: &Facts) {
    if facts.thresholds.is_empty() {
        return;
    }
    out.push_str("## Thresholds\n\n| | Requests | Metric | Required | Measured |\n|---|---|---|---|---|\n");
    for threshold in &facts.thresholds {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            threshold.verdict(),
            cell(&threshold.subject),
            threshold.metric,
            inline(&threshold.required),
            inline(&threshold.measured())
        );
    }
    out.push('\n');
}

fn write_requests(out: &mut String, snapshot: &Snapshot) {
    out.push_str("## Requests\n\n");
    out.push_str(
        "| Type | Name | Requests | Failed | Average (ms) | p50 | p95 | p99 | Max (ms) | Requests/s |\n",
    );
    out.push_str("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for entry in worst::entries(&snapshot.entries).into_iter().take(worst::MOST) {
        write_entry(out, entry, &cell(&entry.name));
    }
    write_entry(out, &snapshot.total, "**Aggregated**");
    out.push('\n');
    write_rest(out, snapshot.entries.len(), "names, which failed less often and were not slower");
}

fn write_entry(out: &mut String, entry: &EntrySnapshot, name: &str) {
    let exact = entry.exact.as_deref().unwrap_or_default();
    let at = |index: usize| exact.get(index).map_or(String::new(), |value| millis(*value));
    let timed = entry.min_response_time.is_some();
    let time = |value: f64| if timed { millis(value) } else { String::new() };
    let _ = writeln!(
        out,
        "| {} | {name} | {} | {} ({}) | {} | {} | {} | {} | {} | {} |",
        inline(&entry.method),
        count(entry.num_requests),
        count(entry.num_failures),
        percent(entry.fail_ratio),
        time(entry.avg_response_time),
        at(0),
        at(1),
        at(2),
        time(entry.max_response_time.value()),
        rate(entry.total_rps)
    );
}

fn write_measures(out: &mut String, snapshot: &Snapshot) {
    if snapshot.measures.is_empty() {
        return;
    }
    out.push_str("## Checks and metrics\n\n| | Name | |\n|---|---|---|\n");
    for measure in sorted(&snapshot.measures).into_iter().take(worst::MOST) {
        let words = inline(&measure_words(measure));
        let _ = writeln!(out, "| {} | {} | {words} |", measure.kind.name(), cell(&measure.name));
    }
    out.push('\n');
    write_rest(out, snapshot.measures.len(), "checks and measures");
}

fn write_failures(out: &mut String, snapshot: &Snapshot) {
    if snapshot.errors.is_empty() {
        return;
    }
    out.push_str("## Failures\n\n| Times | Type | Name | Error |\n|--:|---|---|---|\n");
    for error in worst::errors(&snapshot.errors).into_iter().take(worst::MOST) {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            count(error.tally.occurrences),
            inline(&error.method),
            cell(&error.name),
            cell(&error.text)
        );
    }
    out.push('\n');
    write_rest(out, snapshot.errors.len(), "kinds of failures");
}

fn write_exceptions(out: &mut String, facts: &Facts) {
    if facts.exceptions.is_empty() {
        return;
    }
    out.push_str("## Exceptions\n\n| Times | Class | Message | Task |\n|--:|---|---|---|\n");
    let mut exceptions: Vec<&Exception> = facts.exceptions.iter().collect();
    exceptions.sort_by_key(|exception| std::cmp::Reverse(exception.count));
    for exception in exceptions.iter().take(worst::MOST) {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            count(exception.count),
            inline(&exception.kind),
            cell(&exception.msg),
            inline(&exception.place())
        );
    }
    out.push('\n');
    write_rest(out, exceptions.len(), "kinds of exceptions");
}

fn write_parameters(out: &mut String, snapshot: &Snapshot, facts: &Facts) {
    out.push_str("## Run\n\n| | |\n|---|---|\n");
    let _ = writeln!(out, "| Started | {} |", utc_timestamp(snapshot.span.start));
    let lasted = snapshot.span.last.map_or(0.0, |last| last - snapshot.span.start);
    let _ = writeln!(out, "| Lasted | {} |", duration(lasted.round()));
    for (name, value) in facts.parameters() {
        let _ = writeln!(out, "| {name} | {} |", inline(&value));
    }
}

fn write_rest(out: &mut String, all: usize, of_what: &str) {
    if all > worst::MOST {
        let _ = writeln!(out, "… and {} more {of_what}.\n", count((all - worst::MOST) as u64));
    }
}

/// Text that stays text: no markup, no link, one line.
fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => out.push(' '),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => {
                out.push('\\');
                out.push(character);
            }
            other if other.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// Text as code in the cell of a table. A backtick would end the code, so such text is not code.
fn cell(text: &str) -> String {
    if text.is_empty() || text.contains(|c: char| c.is_control() || matches!(c, '`' | '|' | '\\')) {
        return inline(text);
    }
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        assert_eq!(cell("/plain?a=1"), "`/plain?a=1`");
        assert_eq!(cell("a|`b`"), "a\\|\\`b\\`");
        assert_eq!(inline("<img>\n[x](y)"), "&lt;img&gt; \\[x\\](y)");
    }
}
