//! Reports compared byte for byte with what the original Locust wrote for the same samples (`compat/golden/stats.py`).
#![expect(clippy::unwrap_used, reason = "a test may fail anywhere, also in its helpers")]

mod run_reports;

use gregaria_report::{Cell, FAILURES_COLUMNS};
use gregaria_report::{
    Widths, entries_json, error_lines, failure_rows, history_columns, history_rows, percentile_lines,
    requests_columns, requests_rows, stats_lines, utc_timestamp, write_row,
};
use gregaria_stats::{
    EntryWire, ErrorSeed, Number, RequestStats, Sample, SnapshotOptions, bucket_response_time,
};
use serde_json::Value;
use std::path::PathBuf;

const SCENARIOS: [&str; 4] = ["blog", "whole_numbers", "boundaries", "silence"];
const FRACTIONS: [f64; 11] = [0.50, 0.66, 0.75, 0.80, 0.90, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0];
const USERS: i64 = 7;

fn golden(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../compat/golden/stats").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(name: &str) -> Value {
    serde_json::from_str(&golden(name)).unwrap()
}

fn number(value: &Value) -> Option<Number> {
    value.as_i64().map(Number::int).or_else(|| value.as_f64().map(Number::float))
}

struct Played {
    stats: RequestStats,
    histories: [String; 2],
    end: f64,
}

/// The key is opaque here: it is taken from what Locust serialised.
fn seed(errors: &Value, method: &str, name: &str, text: &str) -> ErrorSeed {
    let same = |error: &Value| error["method"] == method && error["name"] == name && error["error"] == text;
    let key = errors.as_object().unwrap().iter().find(|(_, error)| same(error)).unwrap().0;
    let display =
        text.strip_prefix("CatchResponseError(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(text);
    ErrorSeed {
        key: key.as_str().into(),
        method: method.into(),
        name: name.into(),
        text: text.into(),
        display: display.into(),
    }
}

fn play(name: &str) -> Played {
    let scenario = json(&format!("{name}.scenario.json"));
    let errors = json(&format!("{name}.numbers.json"))["errors"].clone();
    let start = scenario["start"].as_f64().unwrap();
    let mut stats = RequestStats::new(true, start);
    let mut histories = [String::new(), String::new()];
    for history in &mut histories {
        header(history, history_columns(&FRACTIONS));
    }
    for event in scenario["events"].as_array().unwrap() {
        let now = start + event[0].as_f64().unwrap();
        let text = |index: usize| event[index].as_str().unwrap();
        match text(1) {
            "request" => {
                let id = stats.entry_id(text(2), text(3), now);
                let time = number(&event[4]).map(|ms| (ms, bucket_response_time(ms.value())));
                assert!(stats.record_sample(id, &Sample::with_bucket(time, number(&event[5]).unwrap(), now)));
            }
            "error" => {
                let id = stats.entry_id(text(2), text(3), now);
                if stats.record_error(id, text(4), now) == Some(false) {
                    stats.insert_error(seed(&errors, text(2), text(3), text(4)), now);
                }
            }
            _ => {
                for (full, history) in [false, true].into_iter().zip(&mut histories) {
                    let options =
                        SnapshotOptions { entries: full, current_times: full, ..SnapshotOptions::default() };
                    rows(history, &history_rows(&stats.snapshot(now, &options), &FRACTIONS, USERS, full));
                }
            }
        }
    }
    Played { stats, histories, end: start + scenario["end"].as_f64().unwrap() }
}

fn header(out: &mut String, columns: Vec<String>) {
    write_row(out, &columns.into_iter().map(Cell::Text).collect::<Vec<_>>());
}

fn rows(out: &mut String, rows: &[Vec<Cell>]) {
    for row in rows {
        write_row(out, row);
    }
}

fn text(lines: Vec<String>) -> String {
    lines.into_iter().map(|line| line + "\n").collect()
}

fn same(scenario: &str, what: &str, ours: &str) {
    let theirs = golden(&format!("{scenario}.{what}"));
    for (number, (ours, theirs)) in ours.lines().zip(theirs.lines()).enumerate() {
        assert_eq!(ours, theirs, "{scenario}.{what}, line {}", number + 1);
    }
    assert_eq!(ours, theirs, "{scenario}.{what}");
}

#[test]
fn console_tables_are_locusts() {
    for name in SCENARIOS {
        let played = play(name);
        let snapshot = played.stats.snapshot(played.end, &SnapshotOptions::tables());
        let widths = Widths::default();
        same(name, "current.txt", &text(stats_lines(&snapshot, true, widths)));
        same(name, "total.txt", &text(stats_lines(&snapshot, false, widths)));
        same(name, "percentiles.txt", &text(percentile_lines(&snapshot, &FRACTIONS, widths)));
        same(name, "errors.txt", &text(error_lines(&snapshot.errors, widths)));
    }
}

#[test]
fn csv_files_are_locusts() {
    for name in SCENARIOS {
        let played = play(name);
        let snapshot = played.stats.snapshot(played.end, &SnapshotOptions::tables());
        let mut requests = String::new();
        header(&mut requests, requests_columns(&FRACTIONS));
        rows(&mut requests, &requests_rows(&snapshot, &FRACTIONS));
        same(name, "stats.csv", &requests);
        let mut failures = String::new();
        header(&mut failures, FAILURES_COLUMNS.map(str::to_owned).to_vec());
        rows(&mut failures, &failure_rows(&snapshot.errors));
        same(name, "failures.csv", &failures);
        same(name, "history.csv", &played.histories[0]);
        same(name, "full_history.csv", &played.histories[1]);
    }
}

#[test]
fn json_is_locusts() {
    for name in SCENARIOS {
        let played = play(name);
        let used = played
            .stats
            .entries()
            .map(|(_, entry)| entry)
            .filter(|e| e.num_requests > 0 || e.num_failures > 0);
        same(name, "stats.json", &entries_json(&used.map(EntryWire::of).collect::<Vec<_>>()));
    }
}

#[test]
fn current_percentiles_are_locusts() {
    for name in SCENARIOS {
        let played = play(name);
        let expected = &json(&format!("{name}.numbers.json"))["current_percentiles"];
        let options = SnapshotOptions { current_times: true, ..SnapshotOptions::default() };
        let total = played.stats.snapshot(played.end, &options).total;
        for fraction in FRACTIONS {
            let key = Number::float(fraction).to_string();
            assert_eq!(total.current_percentile(fraction), expected[&key].as_i64(), "{name} {key}");
        }
    }
}

#[test]
fn buckets_are_locusts() {
    let pairs = json("buckets.json");
    let pairs = pairs.as_array().unwrap();
    assert!(pairs.len() > 3_000);
    for pair in pairs {
        let (ms, bucket) = (pair[0].as_f64().unwrap(), pair[1].as_i64().unwrap());
        assert_eq!(bucket_response_time(ms), bucket, "{ms}");
    }
}

#[test]
fn errors_hold_their_first_and_last_moment() {
    let played = play("blog");
    let expected = json("blog.numbers.json")["errors"].clone();
    assert!(!played.stats.errors().is_empty());
    for record in played.stats.errors().iter() {
        let (theirs, ours) = (&expected[&*record.seed.key], record.tally());
        assert_eq!(theirs["occurrences"].as_u64(), Some(ours.occurrences));
        assert_eq!(theirs["first_seen"].as_f64(), ours.first_seen);
        assert_eq!(theirs["last_seen"].as_f64(), ours.last_seen);
        assert!(utc_timestamp(ours.first_seen.unwrap()).starts_with("2023-11-14T22:1"));
    }
}
