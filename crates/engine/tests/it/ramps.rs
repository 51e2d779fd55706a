//! Starting users: when, how many, and which.

use super::*;
use gregaria_engine::dispatch::Pace;
use gregaria_engine::run::{State, drive};
use gregaria_engine::shape::ShapeStep;
use gregaria_testkit::host::Deed;

#[test]
fn users_are_started_one_by_one_at_the_asked_rate() {
    let mut bench = Bench::one_class(Duration::ZERO);
    bench.start(5, 2.0);
    bench.pass(seconds(3.0));
    assert_eq!(bench.starts("A"), [0.0, 0.5, 1.0, 1.5, 2.0]);
    assert_eq!(
        bench.told(),
        [
            (0.0, "TestStarted".into()),
            (0.0, "RampStarted { user_count: 5, spawn_rate: 2.0 }".into()),
            (2.0, "SpawningComplete { user_count: 5 }".into()),
        ]
    );
    assert_eq!(bench.states(), ["spawning", "running"]);
}

#[test]
fn ten_thousand_a_second_come_in_a_hundred_even_batches() {
    let mut bench = Bench::one_class(Duration::ZERO);
    bench.start(10_000, 10_000.0);
    bench.pass(seconds(0.499));
    assert_eq!(bench.runner.user_count(), 5_000);
    bench.pass(seconds(0.5));
    assert_eq!(bench.runner.user_count(), 10_000);
    assert_eq!(bench.told()[2].1, "SpawningComplete { user_count: 10000 }");
}

#[test]
fn the_way_of_locust_starts_the_users_of_each_second_together() {
    let mut bench = Bench::one_class(Duration::ZERO);
    bench.runner = Runner::new(
        vec![UserClass::weighted("A", 1.0)],
        Settings { pace: Pace::PER_SECOND, ..Settings::default() },
    );
    bench.start(5, 2.4);
    bench.pass(seconds(3.0));
    assert_eq!(bench.starts("A"), [0.0, 0.0, 0.833, 0.833, 1.667]);
}

#[test]
fn a_second_start_changes_the_number_of_users_and_keeps_the_test() {
    let mut bench = Bench::one_class(Duration::ZERO);
    bench.start(2, 10.0);
    bench.pass(seconds(1.0));
    bench.start(4, 10.0);
    bench.pass(seconds(1.0));
    bench.start(1, 10.0);
    bench.pass(seconds(1.0));
    assert_eq!(bench.runner.user_count(), 1);
    let told: Vec<String> = bench.told().into_iter().map(|(_, event)| event).collect();
    assert_eq!(told.iter().filter(|event| *event == "TestStarted").count(), 1);
    let complete: Vec<&String> = told.iter().filter(|event| event.starts_with("SpawningComplete")).collect();
    assert_eq!(
        complete,
        [
            "SpawningComplete { user_count: 2 }",
            "SpawningComplete { user_count: 4 }",
            "SpawningComplete { user_count: 1 }"
        ]
    );
    assert_eq!(bench.states(), ["spawning", "running", "spawning", "running", "spawning", "running"]);
}

#[test]
fn a_ramp_down_stops_the_oldest_users_first() {
    let mut bench = Bench::one_class(Duration::ZERO);
    bench.start(3, 10.0);
    bench.pass(seconds(1.0));
    bench.start(1, 10.0);
    bench.pass(seconds(1.0));
    let ended = bench.host.log.iter().filter(|(_, _, deed)| *deed == Deed::Ended);
    assert_eq!(ended.map(|(_, user, _)| user.0).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn users_that_ended_are_replaced_at_the_next_step_and_not_before() {
    let script = Script { lives_for: Some(1), task: seconds(0.4), ..Script::default() };
    let mut bench = Bench::one_class(Duration::ZERO).script("A", script);
    bench.start(2, 1.0);
    bench.pass(seconds(10.0));
    // The first is gone when the second is due, so both are started then.
    assert_eq!(bench.starts("A"), [0.0, 1.0, 1.0]);
    assert_eq!(bench.runner.user_count(), 0);
    assert_eq!(bench.runner.state(), State::Running);
}

#[test]
fn users_that_end_at_once_are_replaced_once_a_second() {
    let script = Script { lives_for: Some(1), task: seconds(0.001), ..Script::default() };
    let mut bench = Bench::one_class(Duration::ZERO).script("A", script);
    bench.start(30, 20.0);
    bench.pass(seconds(10.0));
    // 20 in the first second; then those 20 again, and 10 more.
    assert_eq!(bench.starts("A").len(), 50);
}

#[test]
fn a_constructor_that_fails_ends_the_ramp_and_not_the_test() {
    let script = Script { fails_from: Some(2), ..Script::default() };
    let mut bench = Bench::one_class(Duration::ZERO).script("A", script);
    bench.start(5, 1.0);
    bench.pass(seconds(10.0));
    assert_eq!(bench.runner.user_count(), 2);
    assert_eq!(bench.runner.state(), State::Spawning);
    assert!(bench.told()[2].1.starts_with("SpawnFailed"));
    bench.start(2, 1.0);
    bench.pass(seconds(1.0));
    assert_eq!(bench.runner.state(), State::Running);
}

#[test]
fn a_host_that_falls_behind_catches_up_without_exceeding_the_target() {
    let mut bench = Bench::one_class(Duration::ZERO);
    // A ramp of more than a second: a shorter one is a single step.
    bench.start(20, 10.0);
    bench.pass(Duration::ZERO);
    assert_eq!(bench.runner.user_count(), 1);
    // Nobody could look for half a second.
    bench.clock.advance(seconds(0.45));
    bench.pass(Duration::ZERO);
    assert_eq!(bench.runner.user_count(), 5);
    bench.pass(seconds(1.45));
    assert_eq!(bench.runner.user_count(), 20);
}

#[test]
fn a_refused_start_changes_nothing() {
    let mut bench = Bench::one_class(Duration::ZERO);
    bench.start(1, 0.0);
    bench.pass(seconds(1.0));
    assert_eq!(bench.runner.state(), State::Ready);
    assert_eq!(bench.told(), [(0.0, "StartRefused(RateNotPositive(0.0))".into())]);
}

#[test]
fn a_shape_is_asked_every_second_and_followed_when_it_changes_its_mind() {
    let mut bench = Bench::one_class(Duration::ZERO);
    let shape = |run_time: Duration, _: usize| {
        let user_count = match run_time.as_secs() {
            0..3 => 4,
            3..5 => 1,
            _ => return None,
        };
        Some(ShapeStep { user_count, spawn_rate: 10.0, user_classes: None })
    };
    bench.runner.send(Command::StartShape(Box::new(shape)));
    bench.runner.send(Command::StartShape(Box::new(shape)));
    bench.pass(seconds(10.0));
    assert_eq!(
        bench.told(),
        [
            (0.0, "ShapeBusy".into()),
            (0.0, "TestStarted".into()),
            (0.0, "RampStarted { user_count: 4, spawn_rate: 10.0 }".into()),
            (0.0, "SpawningComplete { user_count: 4 }".into()),
            (3.0, "RampStarted { user_count: 1, spawn_rate: 10.0 }".into()),
            (3.0, "SpawningComplete { user_count: 1 }".into()),
            (5.0, "ShapeEnded".into()),
            (5.0, "TestStopping".into()),
            (5.0, "TestStopped".into()),
        ]
    );
}

#[test]
fn a_shape_may_change_its_mind_during_a_ramp() {
    let mut bench = Bench::one_class(Duration::ZERO);
    let shape = |run_time: Duration, _: usize| {
        let user_count = if run_time.as_secs() < 2 { 100 } else { 3 };
        Some(ShapeStep { user_count, spawn_rate: 1.0, user_classes: None })
    };
    bench.runner.send(Command::StartShape(Box::new(shape)));
    bench.pass(seconds(5.0));
    assert_eq!(bench.runner.user_count(), 3);
    assert_eq!(bench.runner.state(), State::Running);
}

#[test]
fn an_hour_with_a_thousand_users_is_driven_to_its_end() {
    let mut bench = Bench::one_class(seconds(2.0));
    let script = Script { task: seconds(30.0), wait: seconds(60.0), ..Script::default() };
    bench = bench.script("A", script);
    bench.start(1_000, 100.0);
    bench.runner.send(Command::LimitRunTime(Some(seconds(3600.0))));
    let mut told = 0;
    let mut observer = |_: Instant, _: &Event| told += 1;
    drive(&mut bench.runner, &mut bench.host, &mut bench.clock, &mut observer);
    assert_eq!(bench.runner.state(), State::Stopped);
    assert!(bench.now() >= seconds(3600.0) && bench.now() <= seconds(3602.001), "{:?}", bench.now());
    assert_eq!(bench.host.count(&Deed::Ended), 1_000);
    assert!(told > 5);
}
