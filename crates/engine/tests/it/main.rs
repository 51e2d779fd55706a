//! Runs of scripted users in virtual time.

mod ramps;
mod stops;

use std::time::{Duration, Instant};

use gregaria_engine::dispatch::UserClass;
use gregaria_engine::host::{Clock, UserHost};
use gregaria_engine::run::{Command, Event, Runner, Settings};
use gregaria_testkit::clock::VirtualClock;
use gregaria_testkit::host::{Script, ScriptedHost};

fn seconds(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

/// A run with everything around it.
struct Bench {
    clock: VirtualClock,
    host: ScriptedHost,
    runner: Runner,
    events: Vec<(Duration, Event)>,
}

impl Bench {
    fn new(classes: Vec<UserClass>, stop_timeout: Duration) -> Self {
        let clock = VirtualClock::new();
        let host = ScriptedHost::new(clock.start());
        let runner = Runner::new(classes, Settings { stop_timeout, ..Settings::default() });
        Self { clock, host, runner, events: Vec::new() }
    }

    fn one_class(stop_timeout: Duration) -> Self {
        Self::new(vec![UserClass::weighted("A", 1.0)], stop_timeout)
    }

    fn script(mut self, class: &str, script: Script) -> Self {
        self.host = self.host.with(class, script);
        self
    }

    fn start(&mut self, user_count: usize, spawn_rate: f64) {
        self.runner.send(Command::Start { user_count, spawn_rate, user_classes: None });
    }

    /// Lets so much time pass, polling exactly when the run asks for it.
    fn pass(&mut self, time: Duration) {
        let until = self.clock.now() + time;
        loop {
            let now = self.clock.now();
            let Self { runner, host, events, clock, .. } = self;
            let start = clock.start();
            let mut observer = |at: Instant, event: &Event| events.push((at - start, event.clone()));
            let due = runner.poll(now, host, &mut observer);
            if self.runner.is_over() || now >= until {
                return;
            }
            // A moment at least: a poll that asks to be repeated at once must not stop time.
            let next = due.unwrap_or(until).min(until);
            self.clock.sleep_until(next.max(now + Duration::from_micros(1)));
        }
    }

    fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// When something was told, and what, but for the changes of state.
    fn told(&self) -> Vec<(f64, String)> {
        let told = self.events.iter().filter(|(_, event)| !matches!(event, Event::StateChanged(_)));
        told.map(|(at, event)| ((at.as_secs_f64() * 1e3).round() / 1e3, format!("{event:?}"))).collect()
    }

    fn states(&self) -> Vec<&'static str> {
        let states = self.events.iter().filter_map(|(_, event)| match event {
            Event::StateChanged(state) => Some(state.as_str()),
            _ => None,
        });
        states.collect()
    }

    /// Seconds from the start of the run at which users of a class were started.
    fn starts(&self, class: &str) -> Vec<f64> {
        let start = self.clock.start();
        let starts = self.host.starts(class);
        starts.into_iter().map(|at| ((at - start).as_secs_f64() * 1e3).round() / 1e3).collect()
    }
}

#[test]
fn the_scripted_host_ends_users_that_have_had_enough() {
    let script = Script { lives_for: Some(2), on_stop: seconds(0.5), ..Script::default() };
    let mut bench = Bench::one_class(Duration::ZERO).script("A", script);
    bench.start(1, 1.0);
    bench.pass(seconds(1.5));
    assert_eq!(bench.runner.user_count(), 1);
    bench.pass(seconds(0.3));
    assert_eq!(bench.runner.user_count(), 0);
    let mut ended = Vec::new();
    assert_eq!(bench.host.poll(bench.clock.now(), &mut ended), None);
}
