//! JUnit XML and Markdown of one run, as snapshots.

use gregaria_report::facts::Facts;
use gregaria_report::{junit, markdown};
use gregaria_stats::{ErrorSeed, RequestStats};

const FACTS: &str = r#"{
    "info": {
        "host": "http://shop.example", "locustfile": "checkout.py", "user_count": 20, "spawn_rate": 2.5, "run_time": 90,
        "profile": null, "user_classes": ["Shopper", "Visitor"], "version": "2.47.0", "python": "3.11.7",
        "platform": "Linux", "tasks": {"per_class": {}, "total": {}}
    },
    "exceptions": [{"count": 2, "kind": "KeyError", "users": "Shopper", "tasks": "pay", "msg": "'price'\nmore", "traceback": "  File \"checkout.py\", line 3\n", "nodes": "local"}],
    "exit_code": 1
}"#;

fn stats() -> RequestStats {
    let start = 1_795_401_000.0;
    let mut stats = RequestStats::new(true, start);
    for (method, name, count, base) in [
        ("GET", "/item/[id]", 1_200, 8.0),
        ("POST", "/cart <add>", 300, 120.0),
        ("", "just | a name", 1, 2_500.0),
    ] {
        let id = stats.entry_id(method, name, start);
        for i in 0..count {
            let time = base + f64::from(i % 100) * 0.5;
            assert!(stats.record(id, Some(time), 100, start + f64::from(i) * 0.05));
        }
    }
    let nothing = stats.entry_id("PING", "no time", start);
    assert!(stats.record(nothing, None, 0, start + 1.0));
    let id = stats.entry_id("POST", "/cart <add>", start);
    let seed = |text: &str| ErrorSeed {
        key: text.into(),
        method: "POST".into(),
        name: "/cart <add>".into(),
        text: text.into(),
        display: text.into(),
    };
    for text in ["HTTPError('500 Server Error')", "CatchResponseError('no `total` & \u{1}')"] {
        if stats.record_error(id, text, start + 2.0) == Some(false) {
            stats.insert_error(seed(text), start + 2.0);
        }
    }
    stats
}

#[test]
fn junit_has_a_case_for_each_name_exception_and_the_run() {
    let facts = Facts::from_json(FACTS).unwrap();
    let snapshot = stats().snapshot(1_795_401_061.0, &junit::snapshot_options());
    insta::assert_snapshot!(junit::document(&snapshot, &facts));
}

#[test]
fn the_summary_is_short_and_complete() {
    let facts = Facts::from_json(FACTS).unwrap();
    let snapshot = stats().snapshot(1_795_401_061.0, &markdown::snapshot_options());
    insta::assert_snapshot!(markdown::document(&snapshot, &facts));
}

#[test]
fn a_bad_exit_code_fails_the_run_as_a_whole_when_nothing_else_does() {
    let facts = Facts { exit_code: 2, ..Facts::default() };
    let mut stats = RequestStats::new(true, 1_795_401_000.0);
    let id = stats.entry_id("GET", "/", 1_795_401_000.0);
    assert!(stats.record(id, Some(1.0), 0, 1_795_401_000.0));
    let snapshot = stats.snapshot(1_795_401_061.0, &junit::snapshot_options());
    let xml = junit::document(&snapshot, &facts);
    assert!(xml.contains("tests=\"2\" failures=\"1\" errors=\"0\""), "{xml}");
    assert!(xml.contains("<failure message=\"exit code 2\""), "{xml}");
    let fine = junit::document(&snapshot, &Facts::default());
    assert!(fine.contains("tests=\"2\" failures=\"0\""), "{fine}");
    assert!(!fine.contains("<failure") && !fine.contains("<skipped"), "{fine}");
}

#[test]
fn a_run_that_sent_nothing_has_not_passed() {
    let empty = RequestStats::new(true, 1_795_401_000.0);
    let snapshot = empty.snapshot(1_795_401_061.0, &junit::snapshot_options());
    let xml = junit::document(&snapshot, &Facts::default());
    assert!(xml.contains("tests=\"1\" failures=\"0\""), "{xml}");
    assert!(
        xml.contains("skipped=\"1\"") && xml.contains("<skipped message=\"no request was sent\"/>"),
        "{xml}"
    );
    let failed = junit::document(&snapshot, &Facts { exit_code: 1, ..Facts::default() });
    assert!(failed.contains("<failure message=\"exit code 1; no request was sent\""), "{failed}");
    assert!(!failed.contains("<skipped"), "{failed}");
    let summary = markdown::document(&snapshot, &Facts::default());
    assert!(summary.contains(": nothing was sent\n") && !summary.contains("passed"), "{summary}");
    let failed = markdown::document(&snapshot, &Facts { exit_code: 1, ..Facts::default() });
    assert!(failed.contains(": failed (exit code 1)\n"), "{failed}");
}

#[test]
fn of_thousands_of_names_those_that_failed_and_the_slowest_are_told_and_the_rest_is_said() {
    let mut stats = RequestStats::new(true, 1_000.0);
    for i in 0..508 {
        let id = stats.entry_id("GET", &format!("/{i:04}"), 1_000.0);
        assert!(stats.record(id, Some(f64::from(i)), 0, 1_001.0));
    }
    for name in ["/0003", "/0004"] {
        let id = stats.entry_id("GET", name, 1_000.0);
        for _ in 0..if name == "/0004" { 2 } else { 1 } {
            if stats.record_error(id, name, 1_001.0) == Some(false) {
                let seed = ErrorSeed {
                    key: name.into(),
                    method: "GET".into(),
                    name: name.into(),
                    text: "no".into(),
                    display: "no".into(),
                };
                stats.insert_error(seed, 1_001.0);
            }
        }
    }
    let snapshot = stats.snapshot(1_002.0, &markdown::snapshot_options());
    let text = markdown::document(&snapshot, &Facts::default());
    let place = |name: &str| text.find(&format!("`{name}`")).unwrap();
    assert!(
        place("/0004") < place("/0003") && place("/0003") < place("/0507") && place("/0507") < place("/0506")
    );
    assert!(text.contains("`/0310`") && !text.contains("`/0309`"), "{text}");
    assert!(text.contains("… and 308 more names"), "{text}");

    let xml = junit::document(&snapshot, &Facts::default());
    let place = |name: &str| xml.find(&format!("name=\"GET {name}\"")).unwrap();
    assert!(place("/0004") < place("/0003") && place("/0003") < place("/0507"));
    assert!(!xml.contains("GET /0309\""));
    assert!(
        xml.contains("name=\"308 more names\"") && xml.contains("requests: 308&#10;failures: 0"),
        "{xml}"
    );
    assert!(xml.contains("tests=\"202\" failures=\"2\""), "{xml}");
}
