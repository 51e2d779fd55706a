use super::*;

const W: u32 = 10;

fn entry() -> Entry {
    Entry::new("GET", "/", true, 1_000.0)
}

fn record(entry: &mut Entry, ms: impl Into<Option<f64>>, now: f64) {
    entry.record(&Sample::new(ms.into(), 1, now), W);
}

#[test]
fn requests_without_a_time_count_but_are_not_averaged() {
    let mut e = entry();
    for ms in
        [Some(45.0), Some(135.0), Some(44.0), None, Some(375.0), Some(601.0), Some(35.0), Some(79.0), None]
    {
        record(&mut e, ms, 1_000.5);
    }
    assert_eq!(
        (e.num_requests, e.num_none_requests, e.total_content_length.to_string()),
        (9, 2, "9".to_owned())
    );
    assert_eq!(e.avg_response_time(), 187.714_285_714_285_72);
    assert_eq!(e.median_response_time().to_string(), "79");
    assert_eq!(e.num_reqs_per_sec.sum(1_000, 1_001), 9);
    assert_eq!(e.exact().len(), 7);
}

#[test]
fn only_untimed_requests_give_zeros() {
    let mut e = entry();
    record(&mut e, None, 1_001.0);
    assert_eq!(e.avg_response_time(), 0.0);
    assert_eq!(e.median_response_time(), Number::ZERO);
    assert_eq!(e.percentile(0.99), 0);
    assert_eq!(e.exact_percentiles(&[0.5]), None);
    record(&mut e, f64::NAN, 1_001.0);
    assert_eq!(e.num_none_requests, 2);
}

#[test]
fn the_median_stays_within_the_extremes() {
    for ms in [6034.0, 6099.0] {
        let mut e = entry();
        record(&mut e, ms, 1_000.0);
        assert_eq!(e.median_response_time(), Number::float(ms));
    }
}

#[test]
fn exact_percentiles_are_true_to_a_thousandth() {
    let mut e = entry();
    for i in 1..=10_000 {
        record(&mut e, f64::from(i) * 0.01, 1_000.0);
    }
    let values = e.exact_percentiles(&[0.5, 0.99, 1.0, 0.0]).unwrap();
    for (value, truth) in values.iter().zip([50.0, 99.0, 100.0, 0.01]) {
        assert!((value - truth).abs() <= truth * 0.001, "{value} {truth}");
    }
    assert_eq!(values[2], 100.0);
}

#[test]
fn exact_percentiles_are_withheld_when_some_samples_have_none() {
    let mut e = entry();
    record(&mut e, 5.0, 1_000.0);
    let mut foreign = entry();
    foreign.num_requests = 1;
    foreign.min_response_time = Some(Number::int(3));
    foreign.set_times([(3, 1)].into_iter().collect());
    e.merge(&foreign, W);
    assert_eq!(e.exact_percentiles(&[0.5]), None);
    assert_eq!(e.percentile(1.0), 5);
}

#[test]
fn the_current_rate_is_locusts_mean_of_ten_seconds() {
    let seconds: Seconds = (1_000..1_020).map(|second| (second, (second - 999) as u64)).collect();
    let rate = |start, last| Span { start, last: Some(last), settled: None }.current_rate(&seconds).value();
    // 1007..=1016 → counts 8..=17
    assert_eq!(rate(1_000.3, 1_019.9), 12.5);
    // 1000, 1001 → counts 1, 2
    assert_eq!(rate(1_000.3, 1_004.0), 1.5);
    // nothing in the window any more
    assert_eq!(rate(1_000.3, 1_050.0), 0.0);
}

#[test]
fn the_first_seconds_are_not_zero() {
    let seconds: Seconds = [(1_000, 5), (1_001, 10)].into_iter().collect();
    let rate = |start: f64, last: f64| {
        Span { start, last: Some(last), settled: None }.current_rate(&seconds).value()
    };
    assert_eq!(rate(1_000.5, 1_000.7), 15.0);
    assert_eq!(rate(1_000.0, 1_001.5), 10.0);
    assert_eq!(rate(1_000.0, 1_003.0), 5.0);
    let idle = Span { start: 1_000.0, last: None, settled: None };
    assert_eq!(idle.current_rate(&seconds), Number::ZERO);
}

#[test]
fn totals_refer_to_the_whole_run() {
    let span = Span { start: 1.0, last: Some(6.0), settled: None };
    assert_eq!(span.total_rate(9), 1.8);
    assert_eq!(Span { start: 1.0, last: Some(1.0), settled: None }.total_rate(9), 0.0);
    assert_eq!(Span { start: 1.0, last: None, settled: None }.total_rate(9), 0.0);
    // A request that ended just before a reset, and is counted just after.
    let late = Span { start: 5.0, last: Some(4.5), settled: None };
    assert_eq!((late.total_rate(9), late.current_rate(&Seconds::default()).value()), (0.0, 0.0));
}

#[test]
fn current_percentiles_forget_what_is_older_than_the_window() {
    let mut e = entry();
    for second in 0..5 {
        record(&mut e, 100.0, 1_000.0 + f64::from(second));
    }
    assert_eq!(e.current_percentile(1_004, W, 0.95), Some(100));
    for second in 10..20 {
        record(&mut e, 10.0, 1_000.0 + f64::from(second));
    }
    assert_eq!(e.current_percentile(1_020, W, 0.95), Some(10));
    assert_eq!(e.percentile(0.95), 100);
    assert_eq!(e.current_percentile(1_100, W, 0.95), None);
}

#[test]
fn a_new_second_stores_the_state_before_it() {
    let mut e = entry();
    assert_eq!(e.window().unwrap().len(), 1);
    record(&mut e, 11.0, 1_000.2);
    assert_eq!(e.window().unwrap().len(), 1);
    record(&mut e, 666.0, 1_002.2);
    let copy = e.window().unwrap().iter().last().unwrap().clone();
    assert_eq!((copy.second, copy.num_requests), (1_001, 1));
    assert_eq!(copy.times(e.times()).iter().collect::<Vec<_>>(), [(11, 1)]);
}

#[test]
fn merging_adds_and_keeps_extremes() {
    let (mut a, mut b) = (entry(), Entry::new("GET", "/", false, 900.0));
    for ms in [12.0, 12.0, 38.0] {
        record(&mut a, ms, 1_001.0);
    }
    a.record_failure(1_001.0);
    for ms in [12.0, 99.0, 14.0, 55.0, 38.0, 55.0, 97.0] {
        record(&mut b, ms, 1_003.0);
    }
    b.record_failure(1_003.0);
    b.record_failure(1_003.0);
    a.merge(&b, W);
    assert_eq!((a.num_requests, a.num_failures), (10, 3));
    assert_eq!(a.median_response_time(), Number::int(38));
    assert_eq!(a.avg_response_time(), 43.2);
    assert_eq!((a.start_time, a.last_request_timestamp), (900.0, Some(1_003.0)));
    assert_eq!(a.max_response_time, Number::float(99.0));
    a.merge(&entry(), W);
    assert_eq!(a.min_response_time, Some(Number::float(12.0)));
}

#[test]
fn the_last_request_does_not_go_back() {
    let mut e = entry();
    record(&mut e, 5.0, 1_005.0);
    record(&mut e, 5.0, 1_003.0);
    assert_eq!(e.last_request_timestamp, Some(1_005.0));
    assert_eq!(e.num_reqs_per_sec.iter().collect::<Vec<_>>(), [(1_003, 1), (1_005, 1)]);
}

#[test]
fn reset_keeps_the_names_only() {
    let mut e = entry();
    record(&mut e, 5.0, 1_001.0);
    e.record_failure(1_001.0);
    e.reset(2_000.0);
    assert_eq!(e, Entry::new("GET", "/", true, 2_000.0));
    assert_eq!(e.window().unwrap().iter().map(|copy| copy.second).collect::<Vec<_>>(), [2_000]);
}

#[test]
fn an_entry_with_a_handful_of_samples_is_small() {
    let mut e = entry();
    for (i, ms) in [3.2, 4.7, 250.0, 12.0, 3.3].into_iter().enumerate() {
        record(&mut e, ms, 1_000.0 + i as f64);
    }
    e.record_failure(1_001.0);
    assert!(e.bytes() < 1_500, "{}", e.bytes());
}
