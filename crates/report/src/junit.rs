//! The result of a run as JUnit XML: what CI systems show as test results.
//!
//! Each name is a test case that fails if any of its requests failed; each kind of exception is one, too; and one stands
//! for the run as a whole, which fails if the exit code says so without any of the others, and is skipped if nothing was sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gregaria_stats::{EntrySnapshot, Snapshot, SnapshotOptions};

use crate::facts::Facts;
use crate::figures::{count, millis, percent, rate};
use crate::measures::{measure_words, sorted};
use crate::{Threshold, utc_timestamp, verdict_lines, worst};

/// What the snapshot has to hold.
pub fn snapshot_options() -> SnapshotOptions {
    SnapshotOptions { exact: EXACT.to_vec(), ..SnapshotOptions::tables() }
}

const WHOLE_RUN: &str = "the run as a whole";
const EXACT: [f64; 3] = [0.5, 0.95, 0.99];

/// The document.
pub fn document(snapshot: &Snapshot, facts: &Facts) -> String {
    let requests = request_cases(snapshot, facts);
    let exceptions: Vec<Case> = facts.exceptions.iter().map(|one| exception_case(one, facts)).collect();
    let thresholds: Vec<Case> = facts.thresholds.iter().map(|one| threshold_case(one, facts)).collect();
    let told = requests.iter().chain(&exceptions).chain(&thresholds).any(|case| case.bad)
        || (facts.fail_on_invalid && facts.verdict.is_invalid());
    let run = vec![run_case(facts, told, snapshot.total.num_requests == 0)];
    let seconds = elapsed(snapshot);
    let mut suites = vec![("requests", requests), ("exceptions", exceptions), ("run", run)];
    if !thresholds.is_empty() {
        suites.push(("thresholds", thresholds));
    }
    if facts.fail_on_invalid {
        suites.push(("verdict", vec![verdict_case(facts)]));
    }
    let measures: Vec<Case> = sorted(&snapshot.measures)
        .into_iter()
        .map(|one| {
            // Whether that was good enough thresholds say.
            let name = format!("{} {}", one.kind.name(), one.name);
            case(facts, &name, 0.0, None, Some(&measure_words(one)))
        })
        .collect();
    if !measures.is_empty() {
        suites.push(("checks and metrics", measures));
    }
    let all = || suites.iter().flat_map(|(_, cases)| cases);
    let errors = suites[1].1.len();
    let failures = all().filter(|case| case.bad).count() - errors;

    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{seconds:.3}\">",
        escaped(facts.title()),
        all().count()
    );
    for (name, cases) in &suites {
        write_suite(&mut out, name, cases, snapshot, facts, seconds);
    }
    out.push_str("</testsuites>\n");
    out
}

/// A finished `<testcase>` element.
struct Case {
    xml: String,
    bad: bool,
    skipped: bool,
}

fn write_suite(
    out: &mut String,
    name: &str,
    cases: &[Case],
    snapshot: &Snapshot,
    facts: &Facts,
    seconds: f64,
) {
    let bad = cases.iter().filter(|case| case.bad).count();
    let skipped = cases.iter().filter(|case| case.skipped).count();
    let (failures, errors) = if name == "exceptions" { (0, bad) } else { (bad, 0) };
    let _ = writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" \
         time=\"{seconds:.3}\" timestamp=\"{}\">",
        cases.len(),
        utc_timestamp(snapshot.span.start).trim_end_matches('Z')
    );
    if name == "run" {
        out.push_str("    <properties>\n");
        let verdict = facts.verdict.is_known().then_some(&facts.verdict);
        let verdict = verdict.map(|verdict| ("verdict", format!("{}: {}", verdict.level, verdict.summary)));
        for (name, value) in facts.parameters().into_iter().chain(verdict) {
            let _ = writeln!(
                out,
                "      <property name=\"{}\" value=\"{}\"/>",
                escaped(&name.to_lowercase()),
                escaped(&value)
            );
        }
        out.push_str("    </properties>\n");
    }
    for case in cases {
        out.push_str(&case.xml);
    }
    out.push_str("  </testsuite>\n");
}

fn request_cases(snapshot: &Snapshot, facts: &Facts) -> Vec<Case> {
    // There may be thousands of both: looking through all errors for each name would take its time.
    let mut errors_of: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for error in &snapshot.errors {
        let line = format!("{} × {}", error.tally.occurrences, error.text);
        errors_of.entry((&error.name, &error.method)).or_default().push(line);
    }
    let entries = worst::entries(&snapshot.entries);
    let (told, rest) = entries.split_at(entries.len().min(worst::MOST));
    let mut cases: Vec<Case> = told
        .iter()
        .map(|entry| {
            let errors =
                errors_of.get(&(&*entry.name, &*entry.method)).map_or(String::new(), |all| all.join("\n"));
            let failure = (entry.num_failures > 0).then(|| {
                let message = format!(
                    "{} of {} requests failed ({})",
                    entry.num_failures,
                    entry.num_requests,
                    percent(entry.fail_ratio)
                );
                ("failure", message, "failed requests", errors)
            });
            let name = format!("{} {}", entry.method, entry.name);
            let mut output = numbers(entry);
            let failure = match failure {
                // The thresholds say whether that was too many.
                Some((_, message, _, errors)) if facts.lenient => {
                    let _ = write!(output, "\n{message}\n{errors}");
                    None
                }
                other => other,
            };
            case(facts, name.trim(), entry.avg_response_time / 1_000.0, failure, Some(&output))
        })
        .collect();
    if !rest.is_empty() {
        cases.push(rest_case(rest, facts));
    }
    cases
}

/// The names that have no case of their own.
fn rest_case(rest: &[&EntrySnapshot], facts: &Facts) -> Case {
    let sum = |of: fn(&EntrySnapshot) -> u64| rest.iter().map(|entry| of(entry)).sum::<u64>();
    let (requests, failures) = (sum(|entry| entry.num_requests), sum(|entry| entry.num_failures));
    let name = format!("{} more names", count(rest.len() as u64));
    let text = format!(
        "They failed less often and were not slower than the {} before.\nrequests: {requests}\nfailures: {failures}",
        worst::MOST
    );
    let failure = (failures > 0 && !facts.lenient).then(|| {
        ("failure", format!("{failures} of {requests} requests failed"), "failed requests", String::new())
    });
    case(facts, &name, 0.0, failure, Some(&text))
}

fn exception_case(exception: &crate::facts::Exception, facts: &Facts) -> Case {
    let title = exception.title();
    let message = format!("{} × {title}", exception.count);
    let name = title.lines().next().filter(|name| !name.is_empty()).unwrap_or("exception");
    let kind = if exception.kind.is_empty() { "exception" } else { &exception.kind };
    let place = exception.place();
    let place = (!place.is_empty()).then(|| format!("in {place}"));
    let failure = ("error", message, kind, exception.traceback.clone());
    case(facts, name, 0.0, Some(failure), place.as_deref())
}

fn threshold_case(threshold: &Threshold, facts: &Facts) -> Case {
    let text = format!("required: {}, measured: {}", threshold.required, threshold.measured());
    let message = format!("{} {} {}", threshold.subject, threshold.metric, text);
    let failure = threshold.fails_the_run().then(|| ("failure", message, "threshold", text.clone()));
    let output = if threshold.is_broken() && threshold.warn { format!("warning: {text}") } else { text };
    case(facts, &threshold.text, 0.0, failure, Some(&output))
}

/// Whether the numbers are the server's.
fn verdict_case(facts: &Facts) -> Case {
    let verdict = &facts.verdict;
    let text = verdict_lines(verdict).join("\n");
    let failure = verdict.is_invalid().then(|| ("failure", verdict.summary.clone(), "verdict", text.clone()));
    case(facts, "the generator kept up", 0.0, failure, Some(&text))
}

fn run_case(facts: &Facts, told: bool, empty: bool) -> Case {
    if facts.exit_code == 0 && empty {
        // It has not failed, but nobody may take it for passed.
        let skipped = ("skipped", "no request was sent".to_owned(), "", String::new());
        return Case { skipped: true, bad: false, ..case(facts, WHOLE_RUN, 0.0, Some(skipped), None) };
    }
    let failure = (facts.exit_code != 0 && !told).then(|| {
        (
            "failure",
            format!("exit code {}{}", facts.exit_code, if empty { "; no request was sent" } else { "" }),
            "exit code",
            "see the log of the run".to_owned(),
        )
    });
    case(facts, WHOLE_RUN, 0.0, failure, None)
}

fn case(
    facts: &Facts,
    name: &str,
    seconds: f64,
    failure: Option<(&str, String, &str, String)>,
    output: Option<&str>,
) -> Case {
    let mut xml = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{seconds:.3}\">\n",
        escaped(facts.title()),
        escaped(name)
    );
    let bad = failure.is_some();
    if let Some((element, message, kind, text)) = failure {
        // Writing to a string cannot fail.
        let _ = match element {
            "skipped" => writeln!(xml, "      <skipped message=\"{}\"/>", escaped(&message)),
            _ => writeln!(
                xml,
                "      <{element} message=\"{}\" type=\"{}\">{}</{element}>",
                escaped(&message),
                escaped(kind),
                escaped(&text)
            ),
        };
    }
    if let Some(output) = output {
        let _ = writeln!(xml, "      <system-out>{}</system-out>", escaped(output));
    }
    xml.push_str("    </testcase>\n");
    Case { xml, bad, skipped: false }
}

fn numbers(entry: &EntrySnapshot) -> String {
    let mut text = format!(
        "requests: {}\nfailures: {}\nrequests/s: {}",
        entry.num_requests,
        entry.num_failures,
        rate(entry.total_rps)
    );
    if let Some(min) = entry.min_response_time {
        let _ = write!(
            text,
            "\nresponse time in ms: min {}, average {}, max {}",
            millis(min.value()),
            millis(entry.avg_response_time),
            millis(entry.max_response_time.value())
        );
    }
    if let Some(exact) = &entry.exact {
        for (label, ms) in ["p50", "p95", "p99"].iter().zip(exact) {
            let _ = write!(text, "\n{label} {} ms", millis(*ms));
        }
    }
    text
}

fn elapsed(snapshot: &Snapshot) -> f64 {
    snapshot.span.last.map_or(0.0, |last| (last - snapshot.span.start).max(0.0))
}

/// Text in an element or attribute. XML 1.0 has no way to write most control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn whatever_a_server_answers_stays_text() {
        assert_eq!(
            escaped("<a b=\"c\">&\n\u{0}\u{1b}é"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&#10;\u{fffd}\u{fffd}é"
        );
    }
}
