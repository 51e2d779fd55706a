//! Whole clusters in virtual time: workers count, cut and report; a network delays, loses, repeats and reorders; a master places,
//! records and is compared with what was counted.

use std::sync::Arc;

use gregaria_stats::{Report, RequestStats, Slices};
use proptest::prelude::*;

use super::{Judgement, Reporters, Told};
use crate::course::When;
use crate::numbers::Numbers;
use crate::owner_first::OwnerFirst;
use crate::pace::Pace;
use crate::run::Run;
use crate::series::Series;
use crate::status::HostStatus;
use crate::thresholds::Threshold;

/// Unix time at which it all begins, by the master's clock.
const BEGAN: f64 = 1_000.0;
const STEP: f64 = 0.05;

struct Worker {
    stats: RequestStats,
    pace: Pace,
    /// By how much its clock on the wall is ahead.
    ahead: f64,
    reports: u64,
    due: f64,
    made: u64,
}

/// What is on its way: when it arrives, from whom, and what it is.
struct Sent {
    at: f64,
    from: usize,
    told: Told,
    report: Report,
    seconds: Slices,
}

/// How the network treats one report.
#[derive(Debug, Clone)]
enum Way {
    Direct,
    Slow(f64),
    Twice(f64),
    Lost,
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        6 => Just(Way::Direct),
        2 => (0.0..9.0_f64).prop_map(Way::Slow),
        1 => (0.0..9.0_f64).prop_map(Way::Twice),
        1 => Just(Way::Lost),
    ]
}

#[derive(Debug, Clone)]
struct Plan {
    /// For each worker: when in a second it begins, requests a second, what its clock does after half of the time, ways of reports.
    workers: Vec<(f64, u32, f64, Vec<Way>)>,
    seconds: u32,
}

fn plan() -> impl Strategy<Value = Plan> {
    let clock = prop_oneof![Just(0.0), Just(3_600.0), Just(-3_600.0), -2.0..2.0_f64];
    let worker = (0.0..1.0_f64, 1_u32..19, clock, prop::collection::vec(way(), 8));
    (prop::collection::vec(worker, 1..4), 6_u32..25).prop_map(|(workers, seconds)| Plan { workers, seconds })
}

/// What came of it.
struct Outcome {
    run: Run,
    /// Requests counted by workers, and those of them that were lost with their reports.
    counted: u64,
    lost: u64,
    /// The master's statistics.
    total: u64,
    failures: u64,
}

fn copy(report: &Report) -> Report {
    Report {
        entries: report.entries.clone(),
        total: report.total.clone(),
        errors: report.errors.clone(),
        measures: report.measures.clone(),
    }
}

fn play(plan: &Plan) -> Outcome {
    let stats = Arc::new(OwnerFirst::new(RequestStats::new(true, BEGAN)));
    let numbers = Numbers::new(Arc::clone(&stats));
    let mut status =
        HostStatus { state: "running".to_owned(), run: 1, user_count: 5, ..HostStatus::default() };
    let mut run = Run::new();
    run.set_thresholds(vec![Threshold::parse("rps >= 9 over 1s after 2s").unwrap()]);
    run.begin(1, BEGAN);
    run.take_in(&numbers, &status, BEGAN, true);
    drop(run.mirror.take_pieces());
    let mut all = Reporters::default();
    all.begin("r");
    let mut workers: Vec<Worker> = plan
        .workers
        .iter()
        .map(|&(phase, ..)| Worker {
            stats: RequestStats::new(false, BEGAN),
            pace: Pace::new(phase - 1.0),
            ahead: 0.0,
            reports: 0,
            due: phase,
            made: 0,
        })
        .collect();
    let (mut counted, mut lost) = (0, 0);
    for (index, worker) in workers.iter_mut().enumerate() {
        worker.stats.keep_seconds(true);
        all.joined(&index.to_string(), BEGAN);
    }
    let mut under_way: Vec<Sent> = Vec::new();
    let steps = (f64::from(plan.seconds) / STEP) as u32;
    let mut looked = 0;
    for step in 1..=steps {
        let time = f64::from(step) * STEP;
        for (index, (worker, (_, rate, clock, ways))) in workers.iter_mut().zip(&plan.workers).enumerate() {
            if step == steps / 2 {
                worker.ahead = *clock;
            }
            if let Some(number) = worker.pace.turn(time) {
                worker.stats.cut_total(number);
                worker.stats.cut_entries(number, 0, worker.stats.slots());
            }
            let wall = BEGAN + time + worker.ahead;
            while ((worker.made + 1) as f64) < time * f64::from(*rate) {
                worker.made += 1;
                let name = if counted % 3 == 0 { "/a" } else { "/b" };
                let id = worker.stats.entry_id("GET", name, wall);
                assert!(worker.stats.record(id, Some((counted % 50) as f64), 1, wall));
                if counted % 4 == 0 {
                    assert!(worker.stats.record_error(id, "no", wall).is_some());
                }
                counted += 1;
            }
            let is_last = step == steps;
            if time < worker.due && !is_last {
                continue;
            }
            worker.due = time + 3.0;
            let (open, since) = worker.pace.open(time);
            let report = worker.stats.take_report(wall);
            let seconds = worker.stats.take_seconds().unwrap();
            worker.reports += 1;
            let told = Told {
                run: Some("r".to_owned()),
                number: worker.reports,
                open,
                since,
                round_trip: 0.02,
                every: 3.0,
                clock: wall,
            };
            let requests = report.total.as_ref().unwrap().num_requests;
            let mut send = |after: f64| {
                let at = time + 0.01 + after;
                let report = copy(&report);
                under_way.push(Sent {
                    at,
                    from: index,
                    told: told.clone(),
                    report,
                    seconds: seconds.clone(),
                });
            };
            match &ways[worker.reports as usize % ways.len()] {
                Way::Direct => send(0.0),
                Way::Slow(more) => send(*more),
                Way::Twice(more) => {
                    send(0.0);
                    send(*more);
                }
                Way::Lost => lost += requests,
            }
        }
        under_way.sort_by(|a, b| a.at.total_cmp(&b.at));
        while under_way.first().is_some_and(|first| first.at <= time) {
            take(&mut all, &stats, under_way.remove(0));
        }
        if time.floor() as u32 > looked {
            looked = time.floor() as u32;
            for id in all.late(BEGAN + time) {
                all.give_up(&id);
            }
            status.settled = Some(all.settled(BEGAN + time) as f64 + 1.0);
            look(&mut run, &numbers, &status, BEGAN + time, false);
        }
    }
    // The master waits for what is on its way.
    let end = under_way.iter().fold(f64::from(plan.seconds), |end, sent| end.max(sent.at));
    for sent in under_way.drain(..) {
        take(&mut all, &stats, sent);
    }
    look(&mut run, &numbers, &status, BEGAN + end, true);
    let (total, failures) = {
        let stats = stats.own();
        (stats.total().num_requests, stats.total().num_failures)
    };
    Outcome { run, counted, lost, total, failures }
}

fn take(all: &mut Reporters, stats: &OwnerFirst<RequestStats>, mut sent: Sent) {
    let verdict = all.report(&sent.from.to_string(), &sent.told, BEGAN + sent.at);
    let Judgement::Counts { placing, .. } = verdict else {
        assert_eq!(verdict, Judgement::Again);
        return;
    };
    // As it comes over the wire.
    let seconds = Slices::from_bytes(&sent.seconds.to_bytes()).unwrap();
    let placed = sent.report.place(&placing, Some(&seconds));
    stats.own().merge_placed(&sent.report, placed);
}

fn look(run: &mut Run, numbers: &Numbers, status: &HostStatus, now: f64, is_end: bool) {
    run.take_in(numbers, status, now, false);
    let pieces = run.mirror.take_pieces();
    run.record(pieces, When::of(status, now, is_end));
}

fn rates(run: &Run) -> Vec<(i64, u64)> {
    run.course.total.iter().map(|record| (i64::from(record.offset), record.requests)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn seconds_add_up_to_the_totals_whatever_becomes_of_reports_and_clocks(plan in plan()) {
        let Outcome { run, counted, lost, total, failures } = play(&plan);
        prop_assert_eq!(total, counted - lost);
        let history = run.history(0);
        prop_assert_eq!(history.requests.last().copied().unwrap_or_default(), total);
        prop_assert_eq!(history.failures.last().copied().unwrap_or_default(), failures);
        let slots: u64 = run.course.total.iter().map(|record| record.timed()).sum();
        prop_assert_eq!(slots, total);
        let of_names: u64 = run.course.names.iter().flat_map(Series::iter).map(|record| record.requests).sum();
        prop_assert_eq!(of_names, total);
    }

    #[test]
    fn a_constant_rate_is_drawn_as_one_whatever_clocks_do(
        phases in prop::collection::vec((0.0..1.0_f64, 1_u32..30, prop_oneof![Just(0.0), Just(3_600.0), Just(-3_600.0)]), 1..4),
        slow in 0.0..0.4_f64,
    ) {
        let rate: u32 = phases.iter().map(|&(_, rate, _)| rate).sum();
        let ways = vec![Way::Direct, Way::Slow(slow), Way::Direct];
        let workers = phases.iter().map(|&(phase, rate, clock)| (phase, rate, clock, ways.clone())).collect();
        let Outcome { run, counted, total, .. } = play(&Plan { workers, seconds: 20 });
        prop_assert_eq!(total, counted);
        let rates = rates(&run);
        // Time goes in steps here: a second ends one too late, and a request is on either side of it.
        let jitter = (f64::from(rate) * STEP * 2.0) as u64 + phases.len() as u64;
        for (second, requests) in &rates[2..rates.len() - 2] {
            prop_assert!(requests.abs_diff(rate.into()) <= jitter, "{} in {}: {:?}", requests, second, rates);
        }
    }
}

#[test]
fn thresholds_judge_seconds_not_reports() {
    let of = |rate| {
        let plan = Plan { workers: vec![(0.0, rate, 0.0, vec![Way::Direct])], seconds: 12 };
        play(&plan).run.thresholds()[0].outcome.clone()
    };
    // Reports of three seconds in one would break it two times of three.
    assert_eq!((of(10).as_str(), of(5).as_str()), ("ok", "failed"));
}

#[test]
fn charts_end_where_the_slowest_worker_is_and_go_on_without_it_when_it_is_late() {
    // The second worker is silent after its report of 6 s.
    let mut silent = vec![Way::Lost; 12];
    silent[1..4].fill(Way::Direct);
    let worker = |ways: Vec<Way>| (0.0, 10, 0.0, ways);
    let both = |seconds| Plan { workers: vec![worker(vec![Way::Direct]), worker(silent.clone())], seconds };
    let end_of = |seconds: u32| {
        let outcome = play(&both(seconds));
        let all = rates(&outcome.run);
        (all.len(), outcome.total)
    };
    assert!(end_of(8).0 >= 7);
    let rates = rates(&play(&both(24)).run);
    assert!(rates[1..6].iter().all(|&(_, requests)| requests == 20), "{rates:?}");
    assert!(rates[8..22].iter().all(|&(_, requests)| requests == 10), "{rates:?}");
}
