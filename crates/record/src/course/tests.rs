use super::*;
use crate::windows::bins;
use gregaria_stats::Histogram;

fn record(offset: u32, ms: f64, requests: u64) -> Record {
    let mut exact = Histogram::default();
    for _ in 0..requests {
        exact.record((ms * 1_000.0) as u64);
    }
    let sum_us = (ms * 1_000.0) as u64 * requests;
    Record { offset, users: 5, requests, failures: 1, sum_us, slots: exact.slots(), ..Record::default() }
}

#[test]
fn a_window_holds_the_exact_numbers_of_its_seconds() {
    let mut course = Course::new(1_000.0);
    for offset in 0..10 {
        course.total.push(record(offset, f64::from(offset + 1), 10));
    }
    course.until = 1_010.0;
    let window = course.window(None, Some(1_002.0), Some(1_004.0), &[0.5, 1.0]).unwrap();
    assert_eq!((window.requests, window.failures, window.rps), (20, 2, 10.0));
    // The largest value of the slot: within a thousandth.
    assert_eq!(window.percentiles, [Some(3.001), Some(4.001)]);
    assert_eq!((window.min, window.max, window.avg), (Some(3.0), Some(4.001), Some(3.5)));
    assert_eq!(window.bins.iter().map(|bin| bin.2).sum::<u64>(), 20);
    let all = course.window(Some(-1), None, None, &[0.5]).unwrap();
    assert_eq!((all.from, all.to, all.requests, all.rps), (1_000.0, 1_010.0, 100, 10.0));
    let none = course.window(None, Some(5_000.0), Some(5_001.0), &[0.5]).unwrap();
    assert_eq!((none.requests, none.percentiles, none.min), (0, vec![None], None));
    assert_eq!(course.window(Some(7), None, None, &[]), None);
}

#[test]
fn a_day_fits_at_an_eighth_of_the_resolution() {
    let mut course = Course::new(0.0);
    for second in 0..86_400 {
        course.total.push(record(second / course.stride, 10.0, 1));
        course.stay_within_bounds();
    }
    course.until = 86_400.0;
    assert_eq!(course.stride, 8);
    assert!(course.total.len() <= TOTAL_POINTS);
    let history = course.history(0, &[0.5], 1);
    assert_eq!(history.requests.last(), Some(&86_400));
    assert!(history.rps.iter().all(|&rps| rps == 1.0));
    assert_eq!(history.percentiles[0].len(), history.at.len());
}

#[test]
fn the_first_and_the_last_point_are_rated_by_what_they_cover() {
    let mut course = Course::new(1_000.6);
    for (offset, requests) in [(0, 4), (1, 10), (2, 3)] {
        course.total.push(record(offset, 1.0, requests));
    }
    let rates = |course: &Course| -> Vec<i64> {
        course.history(0, &[], 1).rps.iter().map(|rps| (rps * 10.0).round() as i64).collect()
    };
    course.until = 1_002.3;
    assert_eq!(rates(&course), [100, 100, 100]);
    // The clock's jitter is no reason to doubt a whole second.
    course.until = 1_003.02;
    assert_eq!(rates(&course), [100, 100, 30]);
}

#[test]
fn a_run_of_so_many_seconds_has_one_whole_second_less_wherever_it_begins() {
    for hundredth in 1..100 {
        let mut course = Course::new(1_000.0 + f64::from(hundredth) / 100.0);
        let end = course.began + 5.0;
        // As soon as a second is over, and at the end.
        let looks = (1_001..).map(|at| f64::from(at) + 0.01).take_while(|&at| at < end).map(|at| (at, false));
        let mut whole = 0;
        for (now, is_end) in looks.chain([(end, true)]) {
            let when = When { now, users: 1, settled: None, is_end };
            let last = course.last(when);
            whole += (course.closed..=last).filter(|&number| course.is_whole(number, last, when)).count();
            course.closed = last + 1;
        }
        assert_eq!(whole, 4, "begins {hundredth}/100 after a second");
    }
}

#[test]
fn nothing_took_longer_than_the_longest() {
    let mut course = Course::new(1_000.0);
    course.total.push(record(0, 3.0, 10));
    course.until = 1_001.0;
    course.know_longest(&dto::Rows { max: vec![3.0], ..dto::Rows::default() });
    let window = course.window(None, Some(1_000.0), Some(1_001.0), &[0.5]).unwrap();
    assert_eq!((window.percentiles, window.max), (vec![Some(3.0)], Some(3.0)));
    assert_eq!(course.history(0, &[0.5], 1).percentiles, [[Some(3.0)]]);
    assert!(course.fan().percentiles.iter().all(|column| *column == [Some(3.0)]));
    course.know_longest(&dto::Rows::default());
    assert_eq!(course.history(0, &[0.5], 1).percentiles, [[Some(3.001)]]);
}

#[test]
fn bins_are_on_a_logarithmic_scale() {
    let mut exact = Histogram::default();
    for us in (1..100_000).step_by(7) {
        exact.record(us);
    }
    let bins = bins(&exact.slots());
    assert!(bins.len() <= 126 && bins.windows(2).all(|pair| pair[0].1 < pair[1].0), "{bins:?}");
}
