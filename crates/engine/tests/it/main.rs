//! Ramps of users in virtual time: the dispatcher's plan, and what the run makes of each of its steps.
#![expect(clippy::disallowed_methods, reason = "tests have a clock")]

mod arrivals;
mod properties;
mod ramps;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gregaria_engine::dispatch::{Dispatcher, Pace, Step, UserClass};
use gregaria_engine::run::{Run, State};

fn seconds(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

/// A user that runs.
#[derive(Clone, Debug)]
struct User {
    class: String,
    ends: Option<Instant>,
}

/// A run with everything around it: its plan, its users, and time that passes when it is told to.
struct Stage {
    start: Instant,
    now: Instant,
    pace: Pace,
    classes: Vec<UserClass>,
    dispatcher: Dispatcher,
    run: Run,
    /// The oldest first.
    users: Vec<User>,
    /// How long users live, if they end by themselves.
    lives_for: Option<Duration>,
    /// Seconds from the start at which users were started.
    starts: Vec<f64>,
    /// The class of each user that was stopped.
    stopped: Vec<String>,
}

impl Stage {
    fn new(classes: Vec<UserClass>, pace: Pace) -> Self {
        let now = Instant::now();
        let dispatcher = Dispatcher::new(vec!["local".into()], classes.clone(), pace).expect("classes");
        Self {
            start: now,
            now,
            pace,
            classes,
            dispatcher,
            run: Run::default(),
            users: Vec::new(),
            lives_for: None,
            starts: Vec::new(),
            stopped: Vec::new(),
        }
    }

    fn one_class() -> Self {
        Self::new(vec![UserClass::weighted("A", 1.0)], Pace::EVEN)
    }

    /// Begins a way to another number of users.
    fn start(&mut self, target: usize, rate: f64) {
        self.run.begin_ramp();
        self.run.enter(State::Spawning, 0.0);
        self.dispatcher.new_dispatch(target, rate, None).expect("a rate");
    }

    /// Lets time pass up to `until`; the ramp is followed meanwhile. Whether the ramp is complete.
    fn pass_until(&mut self, until: Instant) -> bool {
        loop {
            match self.dispatcher.poll(self.now) {
                Step::Done => {
                    self.run.enter(State::Running, 0.0);
                    self.let_pass(until);
                    return true;
                }
                Step::Wait(due) if due > until => {
                    self.let_pass(until);
                    return false;
                }
                Step::Wait(due) => self.let_pass(due),
                Step::Apply => self.apply(),
                Step::Choose(_) => panic!("the dispatcher picks users itself"),
            }
        }
    }

    fn pass(&mut self, time: Duration) -> bool {
        self.pass_until(self.now + time)
    }

    /// Follows the ramp to its end.
    fn finish(&mut self) {
        while !self.pass(Duration::from_hours(1)) {}
    }

    fn let_pass(&mut self, until: Instant) {
        self.now = self.now.max(until);
        let now = self.now;
        let (left, ended): (Vec<User>, Vec<User>) =
            self.users.drain(..).partition(|user| user.ends.is_none_or(|end| end > now));
        self.users = left;
        for user in ended {
            self.run.population_mut().remove(&user.class);
        }
    }

    fn apply(&mut self) {
        let plan = self.plan();
        let plan: Vec<(&str, u32)> = plan.iter().map(|(class, count)| (class.as_str(), *count)).collect();
        let changes = self.run.follow(&plan, self.now, self.pace == Pace::EVEN);
        for (class, count) in changes.spawn {
            for _ in 0..count {
                let ends = self.lives_for.map(|time| self.now + time);
                self.users.push(User { class: class.into(), ends });
                self.run.population_mut().add(class);
                self.starts.push(((self.now - self.start).as_secs_f64() * 1e3).round() / 1e3);
            }
        }
        for (class, count) in changes.stop {
            for _ in 0..count {
                let oldest = self.users.iter().position(|user| user.class == class).expect("one that runs");
                self.users.remove(oldest);
                self.run.population_mut().remove(class);
                self.stopped.push(class.into());
            }
        }
    }

    /// How many users of each class there should be.
    fn plan(&self) -> Vec<(String, u32)> {
        let names = self.dispatcher.classes().iter().map(|class| class.name.clone());
        names.zip(self.dispatcher.plan().counts().iter().copied()).collect()
    }
}
