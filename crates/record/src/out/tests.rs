//! What receivers read, from looks at a run.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use influxdb_line_protocol::{FieldValue, parse_lines};
use proptest::prelude::*;

use super::*;

fn row(at: i64, count: (u64, u64), sums: (u64, u64)) -> Row {
    Row { at, count, sums, percentiles: [Some(0.012), Some(0.25), None] }
}

fn batch<'a>() -> Batch<'a> {
    Batch {
        run: "2026-11-29T19:00:00Z",
        names: vec![
            (("", "Aggregated"), vec![row(1_000, (5, 1), (5, 1)), row(1_001, (3, 0), (8, 1))]),
            (("GET", "/a b,c=d\n\\"), vec![row(1_000, (5, 1), (5, 1))]),
        ],
        users: vec![(1_000, 2), (1_001, 4)],
        ended: None,
    }
}

#[test]
fn a_line_has_what_a_second_had() {
    let text = String::from_utf8(Form::Influx.body(&batch())).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "gregaria_requests,method=-,name=Aggregated,run=2026-11-29T19:00:00Z \
             count=5i,failures=1i,total=5i,total_failures=1i,p50=0.012,p95=0.25 1000000000000",
            "gregaria_requests,method=-,name=Aggregated,run=2026-11-29T19:00:00Z \
             count=3i,failures=0i,total=8i,total_failures=1i,p50=0.012,p95=0.25 1001000000000",
            "gregaria_requests,method=GET,name=/a\\ b\\,c\\=d\\ ,run=2026-11-29T19:00:00Z \
             count=5i,failures=1i,total=5i,total_failures=1i,p50=0.012,p95=0.25 1000000000000",
            "gregaria_run,run=2026-11-29T19:00:00Z users=2i 1000000000000",
            "gregaria_run,run=2026-11-29T19:00:00Z users=4i 1001000000000",
        ]
    );
}

/// The fields of a message: number and content.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let head = gregaria_stats::varint::take(&mut bytes).unwrap();
        let length = match head & 7 {
            0 => {
                let value = gregaria_stats::varint::take(&mut bytes).unwrap();
                found.push((head >> 3, value.to_le_bytes().to_vec()));
                continue;
            }
            1 => 8,
            _ => gregaria_stats::varint::take(&mut bytes).unwrap() as usize,
        };
        found.push((head >> 3, bytes[..length].to_vec()));
        bytes = &bytes[length..];
    }
    found
}

/// Labels, and times with values.
type Series = (Vec<String>, Vec<(i64, f64)>);

fn series(body: &[u8]) -> Vec<Series> {
    let message = snap::raw::Decoder::new().decompress_vec(body).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    fields(&message)
        .into_iter()
        .map(|(_, one)| {
            let (mut labels, mut samples) = (Vec::new(), Vec::new());
            for (number, inner) in fields(&one) {
                let inner = fields(&inner);
                if number == 1 {
                    labels.push(format!("{}={}", text(&inner[0].1), text(&inner[1].1)));
                } else {
                    let value = f64::from_le_bytes(inner[0].1.clone().try_into().unwrap());
                    samples.push((i64::from_le_bytes(inner[1].1.clone().try_into().unwrap()), value));
                }
            }
            (labels, samples)
        })
        .collect()
}

#[test]
fn a_series_has_its_labels_in_order_and_its_samples_in_that_of_time() {
    let all = series(&Form::PrometheusRemoteWrite.body(&batch()));
    for (labels, samples) in &all {
        assert!(labels.is_sorted(), "{labels:?}");
        assert!(samples.is_sorted_by_key(|(at, _)| *at) && !samples.is_empty());
    }
    let of = |metric: &str, name: &str| {
        let (metric, name) = (format!("__name__={metric}"), format!("name={name}"));
        all.iter().find(|(labels, _)| labels.contains(&metric) && labels.contains(&name)).unwrap().1.clone()
    };
    assert_eq!(of("gregaria_requests_total", "Aggregated"), [(1_000_000, 5.0), (1_001_000, 8.0)]);
    assert_eq!(of("gregaria_request_rate", "Aggregated"), [(1_000_000, 5.0), (1_001_000, 3.0)]);
    assert_eq!(of("gregaria_failures_total", "/a b,c=d\n\\"), [(1_000_000, 1.0)]);
    // There was no request for the 99th percentile.
    assert!(!all.iter().any(|(labels, _)| labels.contains(&"quantile=0.99".to_owned())));
    assert!(all.iter().all(|(labels, _)| labels.contains(&"run=2026-11-29T19:00:00Z".to_owned())));
}

#[test]
fn at_the_end_each_series_ends() {
    let all = series(&Form::PrometheusRemoteWrite.body(&Batch { ended: Some(1_005), ..batch() }));
    for (labels, samples) in all {
        let (at, value) = samples.last().unwrap();
        assert_eq!((*at, value.to_bits()), (1_005_000, 0x7ff0_0000_0000_0002), "{labels:?}");
    }
}

struct Kept(Arc<Mutex<Vec<Vec<u8>>>>);

impl Post for Kept {
    fn post(&mut self, body: &[u8]) -> Result<(), Trouble> {
        self.0.lock().unwrap().push(body.to_vec());
        Ok(())
    }
}

#[derive(Debug)]
struct Nobody;

impl Source for Nobody {
    fn ask(&self, _: crate::Question, _: crate::Answer) {}
    fn warn(&self, _: String) {}
    fn stop(&self, _: String) {}
}

#[test]
fn counters_go_on_over_the_looks_of_a_run() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let feed = Feed::start(Kept(Arc::clone(&kept)), "there".into()).unwrap();
    let mut remote = Remote::new(Form::Influx, feed.clone(), Arc::new(Nobody));
    let run = crate::run::Run::new();
    let status = crate::status::HostStatus { started: Some(1_000.0), ..Default::default() };
    let generator = dto::Generator::default();
    let told = |second, requests| {
        let record = crate::series::Record { users: 3, requests, ..Default::default() };
        Told { second, id: -1, record }
    };
    let mut look = |told: &[Told], began, ended| {
        let second = Second {
            at: 1_003.4,
            status: &status,
            lag: Duration::ZERO,
            run: &run,
            generator: &generator,
            points: &[],
            told,
            began,
            ended,
            anew: false,
            other_lists: false,
            other_exceptions: false,
            since: 0,
        };
        remote.second(&second);
    };
    look(&[], true, false);
    look(&[told(1_000, 4), told(1_001, 5)], false, false);
    // The clock was set back, or the end is a part of the second before: that moment has been sent.
    look(&[told(1_001, 1), told(1_002, 6)], false, false);
    look(&[told(1_002, 2)], false, true);
    feed.finish(Duration::from_secs(30));
    let text = kept
        .lock()
        .unwrap()
        .iter()
        .map(|body| String::from_utf8_lossy(body).into_owned())
        .collect::<String>();
    let counts: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("gregaria_requests"))
        .map(|line| line.split_once(' ').unwrap().1)
        .collect();
    assert_eq!(
        counts,
        [
            "count=4i,failures=0i,total=4i,total_failures=0i 1001000000000",
            "count=5i,failures=0i,total=9i,total_failures=0i 1002000000000",
            "count=1i,failures=0i,total=10i,total_failures=0i 1003000000000",
            "count=6i,failures=0i,total=16i,total_failures=0i 1004000000000",
            "count=2i,failures=0i,total=18i,total_failures=0i 1005000000000"
        ]
    );
    assert!(text.contains("gregaria_run,run=1970-01-01T00:16:40Z users=3i 1001000000000"), "{text}");
}

proptest! {
    /// Read by the parser that InfluxDB 3 itself has; and each line has the same tags, which that demands.
    #[test]
    fn names_of_any_kind_are_read_as_they_are(method in "\\PC{0,6}", name in "[\\PC\n\t]{0,12}") {
        let names = vec![((&*method, &*name), vec![row(1_000, (5, 1), (5, 1))]), (("", "Aggregated"), vec![row(1_000, (5, 1), (5, 1))])];
        let body = Form::Influx.body(&Batch { names, ..batch() });
        let text = String::from_utf8(body).unwrap();
        let lines: Vec<_> = parse_lines(&text).collect::<Result<_, _>>().map_err(|wrong| TestCaseError::fail(wrong.to_string()))?;
        let (rows, users): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.series.measurement == "gregaria_requests");
        prop_assert_eq!((rows.len(), users.len()), (2, 2));
        for line in &rows {
            let tags = line.series.tag_set.as_ref().unwrap();
            prop_assert_eq!(tags.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["method", "name", "run"]);
            prop_assert_eq!(line.timestamp, Some(1_000_000_000_000));
            prop_assert_eq!(line.field_value("count"), Some(&FieldValue::I64(5)));
        }
        let read = |key| rows[0].tag_value(key).map(ToString::to_string);
        prop_assert_eq!((read("method"), read("name")), (Some(shown(&method)), Some(shown(&name))));
    }
}

/// What is left of a text: no line breaks, and no backslash before what it would escape.
fn shown(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let next = |place: usize| characters.get(place + 1).copied().unwrap_or('\\');
    let kept = characters
        .iter()
        .enumerate()
        .filter(|(place, one)| **one != '\\' || !",= \n\r\t\\".contains(next(*place)));
    let plain: String = kept.map(|(_, one)| if "\n\r\t".contains(*one) { ' ' } else { *one }).collect();
    if plain.is_empty() { "-".to_owned() } else { plain }
}

#[test]
fn a_token_is_shown_as_the_receiver_wants_it() {
    for (form, path, scheme) in [
        (Form::PrometheusRemoteWrite, "/api/v1/write", "Bearer"),
        (Form::Influx, "/write", "Token"),
        (Form::Influx, "/api/v2/write", "Token"),
        (Form::Influx, "/api/v3/write_lp", "Bearer"),
    ] {
        assert_eq!(form.scheme(path), scheme, "{path}");
    }
}

#[test]
fn other_words_are_no_form() {
    assert_eq!("prometheus-rw".parse(), Ok(Form::PrometheusRemoteWrite));
    assert_eq!(
        "kafka".parse::<Form>().unwrap_err().to_string(),
        "\"kafka\" is none of prometheus-rw, influxdb"
    );
}
