use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::cells::width;

fn row(label: &str, requests: u64, failures: u64, p95: f64) -> LiveRow {
    LiveRow {
        label: label.to_owned(),
        requests,
        failures,
        rps: requests as f64 / 42.0,
        p50: Some(p95 / 3.0),
        p95: Some(p95),
    }
}

fn threshold(subject: &str, required: &str, outcome: &str, shown: &str) -> Threshold {
    Threshold {
        subject: subject.to_owned(),
        metric: "p95".to_owned(),
        required: required.to_owned(),
        outcome: outcome.to_owned(),
        shown: Some(shown.to_owned()),
        ..Threshold::default()
    }
}

fn running() -> LiveBlock {
    LiveBlock {
        state: "running".to_owned(),
        script: Some("locustfile.py".to_owned()),
        host: Some("http://127.0.0.1:5000".to_owned()),
        elapsed: Some(42.4),
        run_time: Some(120.0),
        users: 100,
        target: Some(100),
        total: LiveRow { p50: Some(4.13), ..row("", 51_852, 12, 12.4) },
        slowest: vec![
            row("GET /cart", 1_234, 12, 48.2),
            row("GET /商品/日本語の名前です", 51_000, 0, 12.0),
            row("POST /a/very/long/name/that/does/not/fit/into/any/column/of/eighty", 18, 0, 0.42),
        ],
        names: 508,
        thresholds: vec![
            threshold("GET /cart", "< 250 ms", "ok", "48 ms"),
            threshold("all", "< 10 ms", "failed", "12.4 ms"),
            threshold("POST /pay", "< 1 s", "waiting", "–"),
        ],
        keys: true,
        ..LiveBlock::default()
    }
}

fn look(columns: usize, rows: usize) -> Look {
    Look { columns, rows, colours: false, unicode: true }
}

fn shown(block: &LiveBlock, look: &Look) -> String {
    let mut out = String::new();
    for line in block_lines(block, look) {
        writeln!(out, "{line}|").unwrap();
    }
    out
}

#[test]
fn the_block_at_each_width() {
    let mut all = String::new();
    for columns in [40, 60, 80, 120, 200] {
        writeln!(all, "{columns} columns\n{}", shown(&running(), &look(columns, 40))).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_block_in_terminals_that_are_not_high() {
    let mut all = String::new();
    for rows in [3, 4, 6, 8, 12, 16, 24] {
        writeln!(all, "{rows} rows\n{}", shown(&running(), &look(80, rows))).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_block_in_other_states() {
    let mut all = String::new();
    let ready = LiveBlock {
        state: "ready".to_owned(),
        script: Some("locustfile.py".to_owned()),
        workers: Some((1, 4)),
        page: Some("http://0.0.0.0:8089".to_owned()),
        keys: true,
        ..LiveBlock::default()
    };
    let open = LiveBlock {
        state: "spawning".to_owned(),
        target: Some(250),
        run_time: None,
        arrivals: Some((1_200, 3)),
        thresholds: Vec::new(),
        warning: Some("amber: the generator was near its limit: its processor was busy".to_owned()),
        shape: Some("Steps".to_owned()),
        ..running()
    };
    let over = LiveBlock { state: "stopped".to_owned(), over: true, elapsed: Some(119.0), ..running() };
    let warming = LiveBlock { warm_up_left: Some(11.3), ..running() };
    for (what, block) in [("ready", &ready), ("open", &open), ("over", &over), ("warming", &warming)] {
        writeln!(all, "{what}\n{}", shown(block, &look(100, 40))).unwrap();
    }
    let ascii = Look { unicode: false, ..look(80, 40) };
    writeln!(all, "ASCII\n{}", shown(&running(), &ascii)).unwrap();
    assert!(shown(&running(), &ascii).is_ascii());
    let coloured = Look { colours: true, ..look(60, 40) };
    writeln!(all, "colours\n{}", shown(&running(), &coloured).replace('\x1b', "<ESC>")).unwrap();
    insta::assert_snapshot!(all);
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_terminal_and_half_of_it_stays_free(
        columns in 0usize..220, rows in 0usize..60, unicode: bool, colours: bool,
        label in ".{0,60}", host in "\\PC{0,60}", requests: u64, failures: u64, p95 in prop::option::of(prop::num::f64::ANY),
        elapsed in prop::option::of(prop::num::f64::ANY), run_time in prop::option::of(prop::num::f64::ANY),
        thresholds in 0usize..9,
    ) {
        let block = LiveBlock {
            host: Some(host),
            elapsed,
            run_time,
            total: LiveRow { requests, failures, p95, ..LiveRow::default() },
            slowest: vec![LiveRow { label, requests, failures, p95, ..LiveRow::default() }; 6],
            thresholds: vec![threshold("all", "< 1 ms", "failed", "2 ms"); thresholds],
            ..running()
        };
        let look = Look { columns, rows, colours, unicode };
        let lines = block_lines(&block, &look);
        prop_assert!(lines.len() <= rows / 2);
        for line in lines {
            let mut plain = line.clone();
            for code in ["\x1b[0m", "\x1b[2m", "\x1b[1m", "\x1b[32m", "\x1b[33m", "\x1b[1;31m", "\x1b[36m"] {
                plain = plain.replace(code, "");
            }
            prop_assert!(!plain.contains('\x1b'));
            prop_assert!(width(&plain) < columns, "{plain:?} is {} wide, of {columns}", width(&plain));
        }
    }
}
