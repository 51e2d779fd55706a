//! Starting and stopping users: when, how many, and which.

use super::*;
use gregaria_engine::run::{Mark, Transition};

#[test]
fn users_are_started_one_by_one_at_the_asked_rate() {
    let mut stage = Stage::one_class();
    stage.start(5, 2.0);
    assert!(!stage.pass(seconds(1.9)));
    assert_eq!(stage.run.state(), &State::Spawning);
    assert!(stage.pass(seconds(0.1)));
    assert_eq!(stage.starts, [0.0, 0.5, 1.0, 1.5, 2.0]);
    assert_eq!(stage.run.state(), &State::Running);
}

#[test]
fn ten_thousand_a_second_come_in_a_hundred_even_batches() {
    let mut stage = Stage::one_class();
    // A ramp of more than a second: a shorter one of few users is a single step.
    stage.start(10_000, 10_000.0);
    stage.pass(seconds(0.499));
    assert_eq!(stage.run.population().total(), 5_000);
    stage.pass(seconds(0.5));
    assert_eq!(stage.run.population().total(), 10_000);
}

#[test]
fn the_way_of_locust_starts_the_users_of_each_second_together() {
    let mut stage = Stage::new(vec![UserClass::weighted("A", 1.0)], Pace::PER_SECOND);
    stage.start(5, 2.4);
    stage.finish();
    assert_eq!(stage.starts, [0.0, 0.0, 0.833, 0.833, 1.667]);
}

#[test]
fn a_ramp_down_stops_as_many_as_are_too_many() {
    let classes = vec![UserClass::weighted("A", 2.0), UserClass::weighted("B", 1.0)];
    let mut stage = Stage::new(classes, Pace::EVEN);
    stage.start(6, 100.0);
    stage.finish();
    stage.start(1, 100.0);
    stage.finish();
    assert_eq!(stage.stopped.len(), 5);
    assert_eq!(stage.run.population().total(), 1);
}

#[test]
fn users_that_ended_are_replaced_at_the_next_step_and_not_before() {
    let mut stage = Stage::one_class();
    stage.lives_for = Some(seconds(0.4));
    stage.start(2, 1.0);
    stage.finish();
    // The first is gone when the second is due, so both are started then.
    assert_eq!(stage.starts, [0.0, 1.0, 1.0]);
    stage.pass(seconds(10.0));
    assert_eq!(stage.run.population().total(), 0);
}

#[test]
fn users_that_end_at_once_are_replaced_once_a_second() {
    let mut stage = Stage::one_class();
    stage.lives_for = Some(seconds(0.001));
    stage.start(30, 20.0);
    stage.finish();
    // 20 in the first second; then those 20 again, and 10 more.
    assert_eq!(stage.starts.len(), 50);
}

#[test]
fn the_first_step_of_a_ramp_replaces_users_whenever_the_last_one_did() {
    let mut stage = Stage::one_class();
    stage.lives_for = Some(seconds(0.001));
    stage.start(2, 100.0);
    stage.finish();
    stage.lives_for = None;
    stage.now += seconds(0.1);
    stage.let_pass(stage.now);
    stage.start(2, 100.0);
    stage.finish();
    assert_eq!((stage.starts.len(), stage.run.population().total()), (4, 2));
}

#[test]
fn one_that_falls_behind_catches_up_without_exceeding_the_target() {
    let mut stage = Stage::one_class();
    stage.start(20, 10.0);
    stage.pass(Duration::ZERO);
    assert_eq!(stage.run.population().total(), 1);
    // Nobody could look for half a second.
    stage.now += seconds(0.45);
    stage.pass(Duration::ZERO);
    assert_eq!(stage.run.population().total(), 5);
    stage.finish();
    assert_eq!(stage.run.population().total(), 20);
}

#[test]
fn a_later_ramp_takes_the_place_of_an_earlier_one_and_keeps_the_test() {
    let mut run = Run::default();
    let (first, begins_test) = run.begin_ramp();
    assert!(begins_test && run.is_current(first));
    run.enter(State::Spawning, 0.0);
    let (second, begins_test) = run.begin_ramp();
    assert!(!begins_test && run.is_current(second) && !run.is_current(first));
    run.enter(State::Running, 0.0);
    assert!(!run.begin_ramp().1);
}

#[test]
fn a_stop_ends_the_ramp_and_the_next_one_begins_a_test() {
    let mut run = Run::default();
    let (ramp, _) = run.begin_ramp();
    run.enter(State::Spawning, 0.0);
    run.enter(State::Cleanup, 0.0);
    assert!(!run.is_current(ramp));
    run.enter(State::Stopped, 0.0);
    assert!(run.begin_ramp().1);
}

#[test]
fn an_end_that_nobody_knows_of_counts_nothing() {
    let mut run = Run::default();
    run.population_mut().add("A");
    run.population_mut().remove("B");
    run.population_mut().remove("A");
    run.population_mut().remove("A");
    assert_eq!((run.population().total(), run.population().count("A")), (0, 0));
}

#[test]
fn a_run_is_counted_from_rest_to_rest() {
    let mut run = Run::after(4);
    assert_eq!((run.mark(), run.number()), (None, 4));
    // A shape says that it is ready before it begins.
    assert_eq!(run.enter(State::Ready, 1.0), Transition::Within);
    let first = Mark { number: 5, began: 2.0, ended: None };
    assert_eq!(run.enter(State::Spawning, 2.0), Transition::Began(first));
    for (state, now) in [(State::Running, 3.0), (State::Spawning, 4.0), (State::Other("mine".into()), 5.0)] {
        assert_eq!(run.enter(state, now), Transition::Within);
    }
    assert_eq!(run.enter(State::Cleanup, 6.0), Transition::Within);
    assert_eq!(run.mark(), Some(first));
    let over = Mark { ended: Some(7.0), ..first };
    assert_eq!(run.enter(State::Stopped, 7.0), Transition::Ended(over));
    assert_eq!(run.enter(State::Stopped, 8.0), Transition::Within);
    assert_eq!((run.mark(), run.number()), (Some(over), 5));
    assert!(matches!(run.enter(State::Running, 9.0), Transition::Began(Mark { number: 6, .. })));
}

#[test]
fn a_masters_stop_ends_its_ramp() {
    let mut run = Run::default();
    let (ramp, _) = run.begin_ramp();
    run.enter(State::Spawning, 0.0);
    run.enter(State::Stopping, 1.0);
    assert!(!run.is_current(ramp));
    assert!(matches!(run.enter(State::Stopped, 2.0), Transition::Ended(_)));
}
