use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn workers(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn classes(weights: &[(&str, f64)]) -> Vec<UserClass> {
    weights.iter().map(|(name, weight)| UserClass::weighted(*name, *weight)).collect()
}

/// `"worker class n"` for each count that is not zero, sorted.
fn flat(dispatcher: &Dispatcher) -> Vec<String> {
    let mut lines = Vec::new();
    for (worker, id) in dispatcher.workers().iter().enumerate() {
        for (class, count) in
            dispatcher.plan().row(worker).iter().enumerate().filter(|(_, count)| **count > 0)
        {
            lines.push(format!("{id} {} {count}", dispatcher.classes()[class].name));
        }
    }
    lines.sort();
    lines
}

/// Runs a dispatch to its end in virtual time; the plan after each step and how long it was waited for.
fn run(dispatcher: &mut Dispatcher, now: &mut Instant) -> Vec<(Duration, Vec<String>)> {
    let mut steps = Vec::new();
    let mut before = *now;
    loop {
        match dispatcher.poll(*now) {
            Step::Wait(until) => {
                assert!(until > *now);
                *now = until;
            }
            Step::Apply => {
                steps.push((*now - before, flat(dispatcher)));
                before = *now;
            }
            Step::Done => return steps,
            Step::Choose(_) => panic!("the dispatcher chooses itself"),
        }
    }
}

#[test]
fn agrees_with_locust_step_by_step() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../../../compat/golden/dispatch.json")).unwrap();
    let scenarios = golden["scenarios"].as_array().unwrap();
    assert!(scenarios.len() > 100);
    let mut compared = 0;
    for (number, scenario) in scenarios.iter().enumerate() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let known: BTreeMap<String, UserClass> = scenario["classes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|class| {
                let (name, weight) = (text(&class[0]), class[1].as_f64().unwrap());
                let fixed_count = class[2].as_u64().unwrap() as usize;
                (name.clone(), UserClass { name, weight, fixed_count })
            })
            .collect();
        let ids = scenario["workers"].as_array().unwrap().iter().map(text).collect();
        let mut dispatcher =
            Dispatcher::new(ids, known.values().cloned().collect(), Pace::PER_SECOND).unwrap();
        let mut now = Instant::now();
        for (line, entry) in scenario["log"].as_array().unwrap().iter().enumerate() {
            let place = format!("scenario {number}, entry {line}: {entry}");
            match entry[0].as_str().unwrap() {
                "dispatch" => {
                    let chosen = entry[3].as_array();
                    let chosen =
                        chosen.map(|names| names.iter().map(|name| known[&text(name)].clone()).collect());
                    let target = entry[1].as_u64().unwrap() as usize;
                    dispatcher.new_dispatch(target, entry[2].as_f64().unwrap(), chosen).unwrap();
                }
                "add" => dispatcher.add_worker(text(&entry[1])),
                "remove" => dispatcher.remove_worker(&text(&entry[1])),
                "end" => {
                    let mut last = dispatcher.poll(now);
                    if let Step::Wait(until) = last {
                        now = until;
                        last = dispatcher.poll(now);
                    }
                    assert_eq!(last, Step::Done, "{place}");
                    assert!(!dispatcher.in_progress());
                }
                "next" => {
                    let mut waited = Duration::ZERO;
                    let mut step = dispatcher.poll(now);
                    if let Step::Wait(until) = step {
                        waited = until - now;
                        now = until;
                        step = dispatcher.poll(now);
                    }
                    assert_eq!(step, Step::Apply, "{place}");
                    let expected: Vec<String> = entry[2].as_array().unwrap().iter().map(text).collect();
                    assert_eq!(flat(&dispatcher), expected, "{place}");
                    let difference = waited.as_secs_f64() - entry[1].as_f64().unwrap();
                    assert!(difference.abs() < 1e-6, "{place}: waited {waited:?}");
                    compared += 1;
                }
                other => panic!("unknown entry {other}"),
            }
        }
    }
    assert!(compared > 1000, "only {compared} steps compared");
}

#[test]
fn evenly_spaced_spawning_has_the_same_totals_at_the_end_of_each_second() {
    let mut now = Instant::now();
    let start = now;
    let users = classes(&[("A", 3.0), ("B", 1.0)]);
    let mut even = Dispatcher::new(workers(&["local"]), users.clone(), Pace::EVEN).unwrap();
    let mut burst = Dispatcher::new(workers(&["local"]), users, Pace::PER_SECOND).unwrap();
    even.new_dispatch(20, 4.0, None).unwrap();
    burst.new_dispatch(20, 4.0, None).unwrap();
    let bursts = run(&mut burst, &mut now);
    now = start;
    let steps = run(&mut even, &mut now);
    assert_eq!(steps.len(), 20);
    assert!(steps[1..].iter().all(|(waited, _)| *waited == Duration::from_millis(250)));
    assert_eq!(now - start, Duration::from_millis(19 * 250));
    for (second, (_, users)) in bursts.iter().enumerate() {
        assert_eq!(&steps[second * 4 + 3].1, users);
    }
}

#[test]
fn a_rate_of_all_missing_users_adds_them_at_once_if_they_are_few() {
    let mut now = Instant::now();
    let mut dispatcher = Dispatcher::new(workers(&["local"]), classes(&[("A", 1.0)]), Pace::EVEN).unwrap();
    dispatcher.new_dispatch(10, 10.0, None).unwrap();
    assert_eq!(run(&mut dispatcher, &mut now).len(), 1);
    dispatcher.new_dispatch(1010, 1000.0, None).unwrap();
    let steps = run(&mut dispatcher, &mut now);
    assert_eq!(steps.len(), 100);
    assert_eq!(steps[1].0, Duration::from_millis(10));
}

#[test]
fn users_leave_second_by_second() {
    let mut now = Instant::now();
    let mut dispatcher = Dispatcher::new(workers(&["local"]), classes(&[("A", 1.0)]), Pace::EVEN).unwrap();
    dispatcher.new_dispatch(10, 10.0, None).unwrap();
    run(&mut dispatcher, &mut now);
    dispatcher.new_dispatch(2, 4.0, None).unwrap();
    let steps = run(&mut dispatcher, &mut now);
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[1].0, Duration::from_secs(1));
}

#[test]
fn a_dispatch_to_the_present_number_hands_out_the_plan_once() {
    let mut now = Instant::now();
    let mut dispatcher = Dispatcher::new(workers(&["local"]), classes(&[("A", 1.0)]), Pace::EVEN).unwrap();
    dispatcher.new_dispatch(0, 1.0, None).unwrap();
    assert_eq!(run(&mut dispatcher, &mut now), vec![(Duration::ZERO, vec![])]);
    assert_eq!(dispatcher.poll(now), Step::Done);
}

#[test]
fn a_new_dispatch_replaces_the_one_in_progress() {
    let now = Instant::now();
    let mut dispatcher = Dispatcher::new(workers(&["local"]), classes(&[("A", 1.0)]), Pace::EVEN).unwrap();
    dispatcher.new_dispatch(100, 1.0, None).unwrap();
    assert_eq!(dispatcher.poll(now), Step::Apply);
    assert!(matches!(dispatcher.poll(now), Step::Wait(_)));
    assert!(dispatcher.in_progress());
    dispatcher.new_dispatch(2, 1.0, None).unwrap();
    assert_eq!(dispatcher.poll(now), Step::Apply, "the new ramp begins at once");
    assert_eq!(dispatcher.plan().total(), 2);
    assert_eq!(dispatcher.poll(now), Step::Done);
}

#[test]
fn users_chosen_from_outside_are_distributed_the_same_way() {
    let now = Instant::now();
    let mut dispatcher =
        Dispatcher::new(workers(&["w_1", "w_2"]), classes(&[("A", 1.0), ("B", 1.0)]), Pace::PER_SECOND)
            .unwrap();
    dispatcher.choose_externally(true);
    dispatcher.new_dispatch(5, 3.0, None).unwrap();
    assert_eq!(dispatcher.poll(now), Step::Choose(3));
    for class in [1, 1, 0] {
        assert!(dispatcher.add(Some(class)));
    }
    dispatcher.end_step();
    assert_eq!(flat(&dispatcher), ["w_1 A 1", "w_1 B 1", "w_2 B 1"]);
    let Step::Wait(until) = dispatcher.poll(now) else { panic!("the step is over") };
    assert_eq!(dispatcher.poll(until), Step::Choose(2));
    assert!(!dispatcher.add(None), "nobody left");
    dispatcher.end_step();
    assert_eq!(dispatcher.poll(until), Step::Done);
}

#[test]
fn refuses_rates_and_classes_that_mean_nothing() {
    let one = || classes(&[("A", 1.0)]);
    let mut dispatcher = Dispatcher::new(workers(&["local"]), one(), Pace::EVEN).unwrap();
    for (rate, message) in [
        (0.0, "spawn_rate must be > 0, got 0"),
        (-2.5, "spawn_rate must be > 0, got -2.5"),
        (f64::INFINITY, "spawn_rate must be a finite number, got inf"),
        (f64::NAN, "spawn_rate must be a finite number, got NaN"),
    ] {
        assert_eq!(dispatcher.new_dispatch(1, rate, None).unwrap_err().to_string(), message);
    }
    assert_eq!(Dispatcher::new(workers(&["x"]), vec![], Pace::EVEN).unwrap_err(), DispatchError::NoClasses);
    let twice = classes(&[("A", 1.0), ("A", 2.0)]);
    let refused = Dispatcher::new(workers(&["x"]), twice, Pace::EVEN).unwrap_err();
    assert_eq!(refused, DispatchError::DuplicateClass("A".into()));
}

#[test]
fn workers_come_and_go_until_none_is_left_and_come_again() {
    let mut now = Instant::now();
    let mut dispatcher =
        Dispatcher::new(workers(&["w_1"]), classes(&[("A", 1.0), ("B", 1.0)]), Pace::PER_SECOND).unwrap();
    dispatcher.new_dispatch(4, 4.0, None).unwrap();
    run(&mut dispatcher, &mut now);
    dispatcher.remove_worker("w_1");
    assert!(!dispatcher.is_rebalanced());
    dispatcher.add_worker("w_2");
    dispatcher.new_dispatch(4, 4.0, None).unwrap();
    assert_eq!(
        run(&mut dispatcher, &mut now),
        vec![(Duration::ZERO, vec!["w_2 A 2".into(), "w_2 B 2".into()])]
    );
}

#[test]
fn users_stay_where_they_run_when_workers_come_and_go() {
    let mut now = Instant::now();
    let three = workers(&["w_1", "w_2", "w_3"]);
    let mut dispatcher =
        Dispatcher::new(three, classes(&[("A", 1.0), ("B", 1.0)]), Pace::PER_SECOND).unwrap();
    dispatcher.keep_users(true);
    dispatcher.new_dispatch(6, 6.0, None).unwrap();
    run(&mut dispatcher, &mut now);
    assert_eq!(flat(&dispatcher), ["w_1 A 1", "w_1 B 1", "w_2 A 1", "w_2 B 1", "w_3 A 1", "w_3 B 1"]);
    // From now on only Bs are added; that a worker leaves turns no A into one.
    dispatcher.new_dispatch(8, 8.0, Some(classes(&[("B", 1.0)]))).unwrap();
    run(&mut dispatcher, &mut now);
    assert_eq!(flat(&dispatcher), ["w_1 A 1", "w_1 B 2", "w_2 A 1", "w_2 B 2", "w_3 A 1", "w_3 B 1"]);
    dispatcher.remove_worker("w_3");
    assert_eq!(flat(&dispatcher), ["w_1 A 2", "w_1 B 2", "w_2 A 1", "w_2 B 3"]);
    dispatcher.add_worker("w_4");
    assert_eq!(flat(&dispatcher), ["w_1 A 1", "w_1 B 2", "w_2 A 1", "w_2 B 2", "w_4 A 1", "w_4 B 1"]);
    // The next dispatch hands the new plan out and goes on from there, evenly.
    dispatcher.new_dispatch(9, 1.0, None).unwrap();
    let steps = run(&mut dispatcher, &mut now);
    assert_eq!(steps.last().unwrap().1, ["w_1 A 1", "w_1 B 2", "w_2 A 1", "w_2 B 2", "w_4 A 1", "w_4 B 2"]);
}

#[test]
fn a_worker_that_was_missed_for_a_moment_keeps_its_users() {
    let mut now = Instant::now();
    let mut dispatcher =
        Dispatcher::new(workers(&["w_1", "w_2"]), classes(&[("A", 1.0), ("B", 1.0)]), Pace::PER_SECOND)
            .unwrap();
    dispatcher.keep_users(true);
    dispatcher.new_dispatch(8, 8.0, None).unwrap();
    run(&mut dispatcher, &mut now);
    let before = ["w_1 A 4", "w_2 B 4"];
    assert_eq!(flat(&dispatcher), before);
    dispatcher.remove_worker("w_1");
    assert_eq!(flat(&dispatcher), ["w_2 A 4", "w_2 B 4"]);
    dispatcher.add_worker("w_1");
    assert_eq!(flat(&dispatcher), before);
    // When the others have its users already, it gets a fair share of them.
    dispatcher.remove_worker("w_1");
    dispatcher.new_dispatch(8, 8.0, None).unwrap();
    run(&mut dispatcher, &mut now);
    dispatcher.add_worker("w_1");
    assert_eq!(flat(&dispatcher), ["w_1 A 2", "w_1 B 2", "w_2 A 2", "w_2 B 2"]);
    // Nor are classes that came meanwhile.
    dispatcher.remove_worker("w_1");
    dispatcher.new_dispatch(8, 8.0, Some(classes(&[("C", 1.0)]))).unwrap();
    dispatcher.add_worker("w_1");
    run(&mut dispatcher, &mut now);
    assert_eq!(flat(&dispatcher), ["w_1 A 2", "w_1 B 2", "w_2 A 2", "w_2 B 2"]);
    // A step in between is not forgotten either.
    dispatcher.new_dispatch(10, 1.0, None).unwrap();
    dispatcher.remove_worker("w_1");
    dispatcher.add_worker("w_1");
    assert_eq!(dispatcher.poll(now), Step::Apply);
    assert_eq!(dispatcher.poll(now), Step::Apply);
    assert_eq!(dispatcher.plan().total(), 9);
    dispatcher.remove_worker("w_2");
    assert_eq!(dispatcher.plan().total(), 9);
}

#[test]
fn a_worker_that_comes_back_to_nobody_gets_all_users_that_there_were() {
    let mut now = Instant::now();
    let mut dispatcher =
        Dispatcher::new(workers(&["w_1"]), classes(&[("A", 2.0), ("B", 1.0)]), Pace::PER_SECOND).unwrap();
    dispatcher.keep_users(true);
    dispatcher.new_dispatch(6, 6.0, None).unwrap();
    run(&mut dispatcher, &mut now);
    dispatcher.remove_worker("w_1");
    dispatcher.add_worker("w_1");
    dispatcher.add_worker("w_2");
    assert_eq!(flat(&dispatcher), ["w_1 A 2", "w_1 B 1", "w_2 A 2", "w_2 B 1"]);
}

#[test]
fn distributes_a_million_users_over_ten_thousand_workers() {
    let ids = (0..10_000).map(|n| format!("worker{n}")).collect();
    let users = (0..50).map(|n| UserClass::weighted(format!("User{n:02}"), f64::from(n % 7 + 1))).collect();
    let dispatcher = Dispatcher::new(ids, users, Pace::PER_SECOND).unwrap();
    let distribution = dispatcher.distribute(1_000_000);
    assert_eq!(distribution.plan.total(), 1_000_000);
    assert!((0..10_000).all(|worker| distribution.plan.row(worker).iter().sum::<u32>() == 100));
}

#[derive(Clone, Debug)]
enum Ask {
    Dispatch(usize, f64),
    AddWorker(u8),
    RemoveWorker(u8),
    Steps(usize),
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let ask = prop_oneof![
        3 => (0..80_usize, 0.1_f64..300.0).prop_map(|(target, rate)| Ask::Dispatch(target, rate)),
        1 => (0..6_u8).prop_map(Ask::AddWorker),
        1 => (0..6_u8).prop_map(Ask::RemoveWorker),
        3 => (0..30_usize).prop_map(Ask::Steps),
    ];
    prop::collection::vec(ask, 1..20)
}

proptest! {
    #[test]
    fn keeps_between_the_old_number_and_the_new(
        asks in asks(),
        weights in prop::collection::vec((1_u8..20, 0..4_usize), 1..6),
        even in any::<bool>(),
        keep in any::<bool>(),
    ) {
        let pace = if even { Pace::EVEN } else { Pace::PER_SECOND };
        let users = weights.iter().enumerate().map(|(n, (weight, fixed_count))| UserClass {
            name: format!("C{n}"),
            weight: f64::from(*weight),
            fixed_count: *fixed_count,
        });
        let users: Vec<UserClass> = users.collect();
        let only_fixed = users.iter().all(|class| class.fixed_count > 0);
        let fixed: usize = users.iter().map(|class| class.fixed_count).sum();
        let mut dispatcher = Dispatcher::new(workers(&["w_0"]), users, pace).unwrap();
        dispatcher.keep_users(keep);
        let mut now = Instant::now();
        let mut target = 0;
        let mut present = 0_usize;
        for ask in asks {
            match ask {
                Ask::Dispatch(users, rate) => {
                    dispatcher.new_dispatch(users, rate, None).unwrap();
                    target = users;
                }
                Ask::AddWorker(n) => {
                    let id = format!("w_{n}");
                    if !dispatcher.workers().contains(&id) {
                        dispatcher.add_worker(id);
                    }
                }
                Ask::RemoveWorker(n) => dispatcher.remove_worker(&format!("w_{n}")),
                Ask::Steps(steps) => for _ in 0..steps {
                    match dispatcher.poll(now) {
                        Step::Wait(until) => now = until,
                        Step::Done => {
                            let expected = if only_fixed { target.min(fixed) } else { target };
                            prop_assert_eq!(dispatcher.plan().total(), expected);
                            break;
                        }
                        Step::Apply => {}
                        Step::Choose(_) => prop_assert!(false),
                    }
                    let total = dispatcher.plan().total();
                    prop_assert!(total >= present.min(target) && total <= present.max(target));
                    present = total;
                    let per_worker: Vec<u32> = (0..dispatcher.workers().len())
                        .map(|worker| dispatcher.plan().row(worker).iter().sum())
                        .collect();
                    let added_only = total == per_worker.iter().sum::<u32>() as usize;
                    prop_assert!(added_only);
                }
            }
        }
    }
}
