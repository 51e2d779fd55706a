use super::*;
use crate::error::MAX_ERRORS;
use proptest::prelude::*;

fn seed(name: &str, text: &str) -> ErrorSeed {
    ErrorSeed {
        key: format!("{name}:{text}").into(),
        method: "GET".into(),
        name: name.into(),
        text: text.into(),
        display: text.into(),
    }
}

#[test]
fn an_id_is_the_same_for_the_same_method_and_name() {
    let mut stats = RequestStats::new(true, 1_000.0);
    let a = stats.entry_id("GET", "/a", 1_000.0);
    assert_eq!(a, stats.entry_id("GET", "/a", 1_001.0));
    assert_ne!(a, stats.entry_id("POST", "/a", 1_000.0));
    assert!(stats.record(a, Some(12.5), 100, 1_000.5));
    assert_eq!(stats.get(a).unwrap().num_requests, 1);
    assert_eq!(stats.total().num_requests, 1);
    assert_eq!(stats.len(), 2);
}

#[test]
fn clearing_makes_ids_stale_and_resetting_does_not() {
    let mut stats = RequestStats::new(true, 1_000.0);
    let a = stats.entry_id("GET", "/a", 1_000.0);
    assert!(stats.record(a, Some(1.0), 0, 1_000.0));
    stats.reset_all(1_001.0);
    assert_eq!((stats.total().num_requests, stats.len(), stats.total().start_time), (0, 1, 1_001.0));
    assert!(stats.record(a, Some(1.0), 0, 1_001.0));
    stats.clear_all(1_002.0);
    assert!(!stats.record(a, Some(1.0), 0, 1_002.0));
    assert_eq!(stats.record_error(a, "x", 1_002.0), None);
    assert!(stats.is_empty() && stats.get(a).is_none() && stats.total().num_requests == 0);
    let again = stats.entry_id("GET", "/a", 1_002.0);
    assert!(stats.record(again, None, 0, 1_002.0) && again != a);
}

#[test]
fn an_id_of_other_statistics_is_stale() {
    let mut first = RequestStats::new(true, 0.0);
    let id = first.entry_id("GET", "/one", 0.0);
    drop(first);
    let mut second = RequestStats::new(true, 0.0);
    let other = second.entry_id("GET", "/other", 0.0);
    assert_eq!(id.index(), other.index());
    assert!(!second.record(id, Some(1.0), 0, 0.0) && !second.is_current(id) && second.get(id).is_none());
    assert!(second.record_error(id, "bad", 0.0).is_none());
    second.clear_all(0.0);
    let third = RequestStats::new(true, 0.0);
    assert_ne!(third.epoch(), second.epoch());
}

#[test]
fn removed_entries_are_gone_and_can_come_back() {
    let mut stats = RequestStats::new(false, 1.0);
    let ids: Vec<_> = (0..100).map(|i| stats.entry_id("GET", &i.to_string(), 1.0)).collect();
    assert_eq!(&*stats.remove(ids[40]).unwrap().name, "40");
    assert!(!stats.record(ids[40], None, 0, 1.0) && stats.find("GET", "40").is_none());
    assert_eq!((stats.len(), stats.entries().count()), (99, 99));
    let (id, old) = stats.put(Entry::new("GET", "40", false, 2.0));
    assert!(old.is_none() && stats.record(id, None, 0, 2.0));
    let (same, old) = stats.put(Entry::new("GET", "40", false, 3.0));
    assert_eq!((same, old.map(|e| e.num_requests)), (id, Some(1)));
    for i in 0..1_000 {
        stats.entry_id("PUT", &i.to_string(), 1.0);
    }
    assert_eq!(stats.len(), 1_100);
}

#[test]
fn errors_count_in_three_places() {
    let mut stats = RequestStats::new(true, 1_000.0);
    let a = stats.entry_id("GET", "/a", 1_000.0);
    assert_eq!(stats.record_error(a, "boom", 1_000.0), Some(false));
    stats.insert_error(seed("/a", "boom"), 1_000.0);
    assert_eq!(stats.record_error(a, "boom", 1_003.0), Some(true));
    assert_eq!((stats.get(a).unwrap().num_failures, stats.total().num_failures), (2, 2));
    assert_eq!(stats.errors().iter().next().unwrap().tally().occurrences, 2);
    stats.reset_all(1_004.0);
    assert!(stats.errors().is_empty());
}

#[test]
fn names_beyond_the_limit_share_an_entry_and_warn_once() {
    let mut stats = RequestStats::new(true, 1_000.0);
    stats.set_max_names(10);
    for i in 0..30 {
        let id = stats.entry_id("GET", &i.to_string(), 1_000.0);
        assert!(stats.record(id, Some(1.0), 1, 1_000.0));
    }
    assert_eq!(stats.len(), 11);
    let overflow = stats.find("", OVERFLOW_NAME).unwrap();
    assert_eq!(stats.get(overflow).unwrap().num_requests, 20);
    assert_eq!(stats.total().num_requests, 30);
    assert_eq!(stats.take_warnings(), [Warning::TooManyNames { limit: 10 }]);
    stats.clear_all(1_001.0);
    for i in 0..30 {
        stats.entry_id("GET", &i.to_string(), 1_001.0);
    }
    assert_eq!(stats.len(), 11);
    assert!(stats.take_warnings().is_empty());
}

#[test]
fn checks_and_metrics_beyond_the_limit_warn_once() {
    let mut stats = RequestStats::new(true, 1.0);
    for i in 0..=crate::MAX_MEASURES {
        assert_eq!(stats.take_warnings(), []);
        stats.measures_mut().add(crate::MeasureKind::Counter, &i.to_string(), 1.0);
    }
    assert_eq!(stats.take_warnings(), [Warning::TooManyMeasures]);
    stats.measures_mut().add(crate::MeasureKind::Counter, "one more", 1.0);
    assert_eq!(stats.take_warnings(), []);
}

#[test]
fn errors_beyond_the_limit_warn_once() {
    let mut stats = RequestStats::new(true, 1.0);
    for i in 0..MAX_ERRORS + 3 {
        stats.insert_error(seed("/", &i.to_string()), 1.0);
    }
    assert_eq!(stats.take_warnings(), [Warning::TooManyErrors]);
    assert_eq!(stats.errors().len(), MAX_ERRORS + 1);
}

#[test]
fn a_hundred_thousand_names_cost_about_a_kilobyte_each() {
    let mut stats = RequestStats::new(true, 1_000.0);
    for round in 0..4 {
        for i in 0..MAX_NAMES {
            let id = stats.entry_id("GET", &format!("/item/{i}"), 1_000.0);
            let now = 1_000.0 + f64::from(round) * 1.5;
            assert!(stats.record(id, Some(1.0 + (i % 977) as f64 * 0.37 * f64::from(round)), 512, now));
        }
    }
    assert_eq!(stats.len(), MAX_NAMES);
    let bytes: usize = stats.entries().map(|(_, entry)| entry.bytes() + entry.name.len() + 64).sum();
    assert!(bytes / MAX_NAMES < 1_500, "{} bytes per entry", bytes / MAX_NAMES);
}

#[test]
fn per_second_counts_stay_within_the_budget() {
    let mut stats = RequestStats::new(false, 0.0);
    stats.set_seconds_budget(10_000);
    let ids: Vec<_> = (0..10).map(|i| stats.entry_id("GET", &i.to_string(), 0.0)).collect();
    for second in 0..5_000 {
        for &id in &ids {
            assert!(stats.record(id, None, 0, f64::from(second)));
        }
    }
    let kept: usize = stats.entries().map(|(_, entry)| entry.num_reqs_per_sec.len()).sum();
    assert!(kept <= 10_000, "{kept}");
    let newest = stats.get(ids[3]).unwrap().num_reqs_per_sec.iter().last();
    assert_eq!(newest, Some((4_999, 1)));
    assert_eq!(stats.get(ids[0]).unwrap().num_requests, 5_000);
}

#[test]
#[ignore = "a measurement: cargo test --release -p gregaria-stats -- --ignored --nocapture"]
fn recording_takes_tens_of_nanoseconds() {
    let mut stats = RequestStats::new(true, 1_000.0);
    let ids: Vec<_> = (0..20).map(|i| stats.entry_id("GET", &format!("/{i}"), 1_000.0)).collect();
    let rounds = 5_000_000u32;
    let times: Vec<f64> =
        (0..4_096u32).map(|i| f64::from(i.wrapping_mul(2_654_435_761) >> 12) / 20_000.0).collect();
    let start = std::time::Instant::now();
    for i in 0..rounds {
        let id = ids[(i % 20) as usize];
        assert!(stats.record(id, Some(times[(i % 4_096) as usize]), 128, 1_000.0 + f64::from(i) * 1e-5));
    }
    let each = start.elapsed().as_nanos() as f64 / f64::from(rounds);
    println!("{each:.1} ns per record");
    assert!(each < 200.0);
}

/// (name, eighths of a ms or none, length, second, fails)
type Row = (u8, Option<u32>, u32, u16, bool);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let ms = prop::option::weighted(0.9, 0u32..200_000);
    prop::collection::vec((0u8..4, ms, 0u32..10_000, 0u16..40, any::<bool>()), 0..80)
}

/// Times in eighths of a millisecond: sums are exact, so that order cannot matter.
fn build(rows: &[Row]) -> RequestStats {
    let mut stats = RequestStats::new(true, 900.0);
    for &(name, eighths, length, second, fails) in rows {
        let now = 1_000.0 + f64::from(second);
        let name = format!("/{name}");
        let id = stats.entry_id("GET", &name, 900.0);
        assert!(stats.record(id, eighths.map(|e| f64::from(e) / 8.0), u64::from(length), now));
        if fails {
            let text = format!("error {}", length % 3);
            if stats.record_error(id, &text, now) == Some(false) {
                stats.insert_error(seed(&name, &text), now);
            }
        }
    }
    stats
}

type Contents<'a> = (Vec<&'a Entry>, &'a Entry, Vec<(String, Tally)>);

fn contents(stats: &RequestStats) -> Contents<'_> {
    let mut entries: Vec<_> = stats.entries().map(|(_, entry)| entry).collect();
    entries.sort_by_key(|entry| (entry.name.clone(), entry.method.clone()));
    let mut errors: Vec<_> = stats.errors().iter().map(|e| (e.seed.key.to_string(), e.tally())).collect();
    errors.sort_by(|a, b| a.0.cmp(&b.0));
    (entries, stats.total(), errors)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merging_is_associative_and_the_same_as_recording_it_all(a in rows(), b in rows(), c in rows()) {
        let mut left = build(&a);
        left.merge(&build(&b));
        left.merge(&build(&c));
        let mut right_part = build(&b);
        right_part.merge(&build(&c));
        let mut right = build(&a);
        right.merge(&right_part);
        prop_assert_eq!(contents(&left), contents(&right));
        let all = build(&[a, b, c].concat());
        prop_assert_eq!(contents(&left), contents(&all));
    }

    #[test]
    fn the_total_is_the_sum_of_the_entries(rows in rows()) {
        let stats = build(&rows);
        let mut sum = Entry::new("", "Aggregated", false, 900.0);
        for (_, entry) in stats.entries() {
            sum.merge(entry, 10);
        }
        prop_assert_eq!(&sum, stats.total());
    }

    #[test]
    fn the_wire_form_reads_back(rows in rows()) {
        let stats = build(&rows);
        for (_, entry) in stats.entries() {
            let back = Entry::from(crate::EntryWire::of(entry));
            let mut expected = entry.clone();
            expected.set_exact(crate::Histogram::default());
            prop_assert_eq!(back, expected);
        }
    }
}

#[test]
fn phases_are_summed_up_where_they_are_known() {
    let mut stats = RequestStats::new(false, 1_000.0);
    let id = stats.entry_id("GET", "/", 1_000.0);
    let sample = Sample::new(Some(5.0), 1, 1_000.5);
    let phases = Phases::of([0, 0, 0, 1_000_000, 0, 0, 4_000_000, 0]);
    let told = Details { phases: &phases, status: Some(404) };
    assert!(stats.record_with(id, &sample, told));
    assert!(stats.record_with(id, &sample, Details { phases: &Phases::default(), status: None }));
    for entry in [stats.get(id).unwrap(), stats.total()] {
        assert_eq!((entry.num_requests, entry.phases), (2, phases));
    }
    let mut other = RequestStats::new(false, 1_000.0);
    other.merge(&stats);
    assert_eq!(other.total().phases, phases);
    // The total has them as histograms, too, also after it was reported.
    let times = other.total().phase_times.as_ref().map(|times| times.of(crate::Phase::Connect));
    assert_eq!(times.map(|times| times.iter().map(|(_, count)| count).sum::<u64>()), Some(1));
    let statuses = |of: &RequestStats| of.total().light().statuses.as_ref().map(|all| all.slots());
    assert!(stats.record_with(id, &sample, Details { status: Some(999), ..told }));
    other.merge(&stats);
    assert_eq!(statuses(&other), Some(vec![(404, 2), (999, 1)]));
    stats.reset_all(1_001.0);
    assert_eq!((stats.total().phases, statuses(&stats)), (Phases::default(), None));
    let before = stats.resets();
    stats.clear_all(1_002.0);
    assert!(!stats.record_with(id, &sample, told) && stats.resets() > before && stats.at(0).is_none());
}

#[test]
fn a_light_copy_has_all_but_the_seconds() {
    let mut stats = RequestStats::new(true, 1_000.0);
    let id = stats.entry_id("GET", "/", 1_000.0);
    for ms in 1..=100 {
        assert!(stats.record(id, Some(f64::from(ms)), 7, 1_000.5));
    }
    let entry = stats.at(0).unwrap();
    let light = entry.light();
    assert!(light.num_reqs_per_sec.is_empty() && light.window().is_none());
    assert_eq!((light.num_requests, light.exact(), light.times()), (100, entry.exact(), entry.times()));
    assert_eq!(light.percentiles(&[0.5, 0.99]), [entry.percentile(0.5), entry.percentile(0.99)]);
    assert_eq!(light.median_response_time(), entry.median_response_time());
}

#[test]
fn reports_of_nodes_add_up_to_what_one_node_would_have_counted() {
    let (mut alone, mut master) = (RequestStats::new(true, 0.0), RequestStats::new(true, 0.0));
    let mut nodes = [RequestStats::new(false, 0.0), RequestStats::new(false, 0.0)];
    for second in 1..20_u32 {
        for (number, node) in nodes.iter_mut().enumerate() {
            let now = f64::from(second);
            let ms = f64::from(second * 7) + number as f64;
            for stats in [&mut *node, &mut alone] {
                let id = stats.entry_id("GET", ["/a", "/b"][number], now);
                assert!(stats.record(id, Some(ms), 10, now));
            }
        }
        for node in &mut nodes {
            master.merge_report(&node.take_report(f64::from(second)));
            assert_eq!(node.total().num_requests, 0);
        }
    }
    for name in ["/a", "/b"] {
        let [ours, theirs] =
            [&master, &alone].map(|stats| stats.get(stats.find("GET", name).unwrap()).unwrap());
        assert_eq!((ours.num_requests, ours.times()), (theirs.num_requests, theirs.times()));
        assert_eq!(ours.exact_percentiles(&[0.5, 0.9]), theirs.exact_percentiles(&[0.5, 0.9]));
        assert_eq!(ours.num_reqs_per_sec, theirs.num_reqs_per_sec);
    }
    assert_eq!(master.total().num_requests, alone.total().num_requests);
}

#[test]
fn an_empty_report_changes_nothing() {
    let mut master = RequestStats::new(true, 50.0);
    let mut idle = RequestStats::new(false, 1.0);
    master.merge_report(&idle.take_report(60.0));
    assert_eq!((master.total().start_time, master.total().last_request_timestamp), (50.0, None));
    assert!(master.is_empty());
}

/// What may happen to a worker's statistics.
#[derive(Debug, Clone)]
enum Happens {
    Requests(bool, u8),
    SecondIsOver(u8),
    Report { arrives: bool },
    Reset,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        6 => (any::<bool>(), 0_u8..9).prop_map(|(first, count)| Happens::Requests(first, count)),
        4 => (1_u8..4).prop_map(Happens::SecondIsOver),
        2 => any::<bool>().prop_map(|arrives| Happens::Report { arrives }),
        1 => Just(Happens::Reset),
    ]
}

proptest! {
    #[test]
    fn what_workers_tell_of_each_second_is_what_happened_in_it(all in prop::collection::vec(happens(), 0..60)) {
        let mut stats = RequestStats::new(false, 0.0);
        stats.keep_seconds(true);
        let (mut open, mut us) = (0_u64, 0_u64);
        // By second: what was counted, and what was told.
        let mut counted = std::collections::BTreeMap::<u64, u64>::new();
        let mut told = counted.clone();
        let report = |stats: &mut RequestStats, arrives: bool, told: &mut std::collections::BTreeMap<u64, u64>| {
            let report = stats.take_report(0.0);
            let seconds = stats.take_seconds().unwrap();
            if !arrives {
                stats.put_back(&report, seconds);
                return;
            }
            let of = |seconds: &[(u64, crate::Slice)]| seconds.iter().map(|(_, slice)| slice.requests).sum::<u64>();
            assert_eq!(of(&seconds.total), report.total.as_ref().unwrap().num_requests);
            assert_eq!(seconds.names.iter().map(|name| of(&name.seconds)).sum::<u64>(), of(&seconds.total));
            for (second, slice) in &seconds.total {
                assert_eq!(slice.slots.iter().map(|&(_, count)| count).sum::<u64>(), slice.requests);
                *told.entry(*second).or_default() += slice.requests;
            }
        };
        for one in all.into_iter().chain([Happens::Report { arrives: true }]) {
            match one {
                Happens::Requests(first, count) => {
                    let id = stats.entry_id("GET", if first { "/a" } else { "/b" }, 0.0);
                    for _ in 0..count {
                        us += 700;
                        prop_assert!(stats.record(id, Some(us as f64 / 1_000.0), 1, 0.0));
                        *counted.entry(open).or_default() += 1;
                    }
                }
                Happens::SecondIsOver(step) => {
                    stats.cut_total(open);
                    stats.cut_entries(open, 0, stats.slots());
                    // Those that nobody looked at while they went by have no number told.
                    open += 1;
                    if step > 2 {
                        stats.cut_total(open);
                        open += 1;
                    }
                }
                Happens::Report { arrives } => report(&mut stats, arrives, &mut told),
                Happens::Reset => {
                    report(&mut stats, true, &mut told);
                    stats.reset_all(0.0);
                }
            }
        }
        told.retain(|_, requests| *requests > 0);
        // A worker that could not report for long keeps the last seconds apart, and all others in one.
        if open < 30 {
            prop_assert_eq!(told, counted);
        } else {
            prop_assert_eq!(told.values().sum::<u64>(), counted.values().sum::<u64>());
        }
    }
}
