//! Stopping users and ending tests.

use super::*;
use gregaria_engine::run::State;
use gregaria_testkit::host::Deed;

fn long_tasks(task: f64, wait: f64) -> Script {
    Script { task: seconds(task), wait: seconds(wait), ..Script::default() }
}

#[test]
fn without_a_timeout_every_user_is_killed_at_once() {
    let mut bench = Bench::one_class(Duration::ZERO).script("A", long_tasks(60.0, 1.0));
    bench.start(3, 100.0);
    bench.pass(seconds(1.0));
    bench.runner.send(Command::Stop);
    bench.pass(seconds(1.0));
    assert_eq!(bench.runner.state(), State::Stopped);
    assert_eq!(bench.host.count(&Deed::TornFromTask), 3);
    let told = bench.told();
    assert_eq!(told[3..], [(1.0, "TestStopping".into()), (1.0, "TestStopped".into())]);
    assert_eq!(bench.states(), ["spawning", "running", "cleanup", "stopped"]);
}

#[test]
fn running_tasks_may_finish_until_one_shared_deadline() {
    let classes =
        vec![UserClass::fixed("Brief", 1), UserClass::fixed("Long", 2), UserClass::fixed("Waiting", 1)];
    let mut bench = Bench::new(classes, seconds(2.0))
        .script("Brief", long_tasks(2.0, 60.0))
        .script("Long", long_tasks(60.0, 60.0))
        .script("Waiting", long_tasks(0.1, 60.0));
    bench.start(4, 100.0);
    bench.pass(seconds(1.0));
    bench.runner.send(Command::Stop);
    bench.pass(seconds(0.1));
    assert_eq!(bench.runner.user_count(), 3, "the waiting one is gone");
    bench.pass(seconds(1.5));
    assert_eq!(bench.runner.user_count(), 2, "the brief task is done");
    bench.pass(seconds(5.0));
    let told = bench.told();
    let stopping = &told[told.len() - 3..];
    assert_eq!(
        stopping,
        [
            (1.0, "TestStopping".into()),
            (3.0, "StopTimedOut { users: 2 }".into()),
            (3.0, "TestStopped".into())
        ]
    );
    assert_eq!(bench.host.count(&Deed::TornFromTask), 2);
}

#[test]
fn the_time_a_killed_user_takes_to_leave_is_granted() {
    let script = Script { on_stop: seconds(30.0), ..long_tasks(60.0, 1.0) };
    let mut bench = Bench::one_class(seconds(1.0)).script("A", script);
    bench.start(1, 1.0);
    bench.pass(seconds(1.0));
    bench.runner.send(Command::Stop);
    bench.pass(seconds(60.0));
    assert_eq!(bench.told().last(), Some(&(32.0, "TestStopped".into())));
}

#[test]
fn a_ramp_down_with_a_timeout_keeps_its_pace() {
    let mut bench = Bench::one_class(seconds(10.0)).script("A", long_tasks(60.0, 1.0));
    bench.start(5, 100.0);
    bench.pass(seconds(1.0));
    bench.start(0, 1.0);
    bench.pass(seconds(30.0));
    let torn = bench.host.log.iter().filter(|(_, _, deed)| *deed == Deed::TornFromTask);
    let start = bench.clock.start();
    let torn: Vec<f64> = torn.map(|(at, _, _)| (*at - start).as_secs_f64().round()).collect();
    assert_eq!(torn, [11.0, 12.0, 13.0, 14.0, 15.0], "each ten seconds after it was asked");
    assert_eq!(bench.told().last(), Some(&(15.0, "SpawningComplete { user_count: 0 }".into())));
}

#[test]
fn the_run_time_is_never_cut_short() {
    let mut bench = Bench::one_class(Duration::ZERO);
    bench.runner.send(Command::LimitRunTime(Some(seconds(5.0))));
    bench.start(100, 1.0);
    bench.pass(seconds(5.0).saturating_sub(Duration::from_nanos(1)));
    assert!(bench.runner.state().is_testing());
    bench.pass(Duration::from_nanos(1));
    assert_eq!(bench.runner.state(), State::Stopped);
    let told = bench.told();
    let end: Vec<&str> = told[told.len() - 3..].iter().map(|(_, event)| event.as_str()).collect();
    assert_eq!(end, ["RunTimeReached", "TestStopping", "TestStopped"]);
}

#[test]
fn quit_ends_the_run_even_if_it_never_started() {
    let mut bench = Bench::one_class(Duration::ZERO);
    bench.runner.send(Command::Quit);
    bench.pass(seconds(1.0));
    assert!(bench.runner.is_over());
    let told: Vec<String> = bench.told().into_iter().map(|(_, event)| event).collect();
    assert_eq!(told, ["TestStopping", "TestStopped", "RunEnded"]);
}

#[test]
fn a_start_during_the_stop_begins_a_new_test_after_it() {
    let script = Script { on_stop: seconds(1.0), ..Script::default() };
    let mut bench = Bench::one_class(Duration::ZERO).script("A", script);
    bench.start(2, 100.0);
    bench.pass(seconds(1.0));
    bench.runner.send(Command::Stop);
    bench.pass(seconds(0.5));
    bench.start(1, 1.0);
    bench.pass(seconds(5.0));
    assert_eq!(bench.states(), ["spawning", "running", "cleanup", "stopped", "spawning", "running"]);
    assert_eq!(bench.runner.user_count(), 1);
    assert_eq!(bench.starts("A").last(), Some(&2.0));
}

#[test]
fn stopping_twice_is_stopping_once() {
    let mut bench = Bench::one_class(Duration::ZERO);
    bench.start(1, 1.0);
    bench.pass(seconds(1.0));
    bench.runner.send(Command::Stop);
    bench.runner.send(Command::Stop);
    bench.pass(seconds(1.0));
    bench.runner.send(Command::Stop);
    bench.pass(seconds(1.0));
    assert_eq!(bench.told().iter().filter(|(_, event)| event == "TestStopping").count(), 1);
}
