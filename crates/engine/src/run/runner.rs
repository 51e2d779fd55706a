//! The run itself: takes commands, follows the dispatcher's plan, stops users.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::roster::Roster;
use super::{Command, Event, State};
use crate::dispatch::{DispatchError, Dispatcher, Pace, Step, UserClass};
use crate::host::{Observer, StopMode, UserHost, UserId};
use crate::shape::{ShapeDriver, ShapeVerdict};

/// How often users that ended by themselves are replaced during a ramp.
const REPLACING: Duration = Duration::from_secs(1);

/// What stays the same for a whole run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long users may go on with their task when they are stopped; all that are stopped together share one deadline.
    pub stop_timeout: Duration,
    /// The grain of ramps.
    pub pace: Pace,
}

impl Default for Settings {
    fn default() -> Self {
        Self { stop_timeout: Duration::ZERO, pace: Pace::EVEN }
    }
}

/// A local run. It does nothing by itself: send it commands, and [`Runner::poll`] it when it says so.
#[derive(Debug)]
pub struct Runner {
    classes: Vec<UserClass>,
    settings: Settings,
    state: State,
    commands: VecDeque<Command>,
    /// Lives from the start of a test to its stop, so that each test begins from zero.
    dispatcher: Option<Dispatcher>,
    /// The plan is on its way to its target.
    ramping: bool,
    /// The end of the ramp is still to be told. A ramp that failed is never complete.
    completing: bool,
    /// What the last step of this ramp planned, by class.
    planned: Vec<u32>,
    /// When users that ended by themselves are replaced next.
    replacing_at: Option<Instant>,
    shape: Option<ShapeDriver>,
    run_until: Option<Instant>,
    roster: Roster,
    next_user: u64,
    quitting: bool,
    over: bool,
}

impl Runner {
    /// A run of users of these classes.
    pub fn new(classes: Vec<UserClass>, settings: Settings) -> Self {
        Self {
            classes,
            settings,
            state: State::Ready,
            commands: VecDeque::new(),
            dispatcher: None,
            ramping: false,
            completing: false,
            planned: Vec::new(),
            replacing_at: None,
            shape: None,
            run_until: None,
            roster: Roster::default(),
            next_user: 0,
            quitting: false,
            over: false,
        }
    }

    /// Gives a command; it is carried out at the next [`Runner::poll`].
    pub fn send(&mut self, command: Command) {
        self.commands.push_back(command);
    }

    /// Where the run is.
    pub fn state(&self) -> State {
        self.state
    }

    /// How many users run.
    pub fn user_count(&self) -> usize {
        self.roster.len()
    }

    /// Whether the run has ended after [`Command::Quit`].
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Does what is due at `now`. Returns when to call again, at the latest; earlier is no harm. `None`: only after another
    /// command.
    pub fn poll(
        &mut self,
        now: Instant,
        host: &mut impl UserHost,
        observer: &mut impl Observer,
    ) -> Option<Instant> {
        let mut ended = Vec::new();
        host.poll(now, &mut ended);
        for user in ended {
            self.roster.remove(user);
        }
        // Not more than are there now: a start during a stop puts itself off.
        for _ in 0..self.commands.len() {
            let Some(command) = self.commands.pop_front() else { break };
            self.obey(command, now, host, observer);
        }
        if self.run_until.is_some_and(|limit| limit <= now) && self.state.is_testing() {
            // Never early: `now` is at the limit or past it.
            self.run_until = None;
            observer.on_event(now, &Event::RunTimeReached);
            self.begin_stop(now, host, observer);
        }
        self.follow_shape(now, host, observer);
        let ramp_due = self.follow_plan(now, host, observer);
        let overdue = self.roster.overdue(now);
        if !overdue.is_empty() {
            observer.on_event(now, &Event::StopTimedOut { users: overdue.len() });
            for user in overdue {
                host.stop(user, StopMode::Kill, now);
            }
        }
        // Stopping may have ended users at once.
        let mut ended = Vec::new();
        let host_due = host.poll(now, &mut ended);
        for user in ended {
            self.roster.remove(user);
        }
        self.finish(now, observer);
        if !self.commands.is_empty() && self.state == State::Stopped && !self.over {
            return Some(now);
        }
        let shape_due = self.shape.as_ref().map(ShapeDriver::due);
        let limit = self.run_until.filter(|_| self.state.is_testing());
        [host_due, ramp_due, shape_due, limit, self.roster.next_deadline()].into_iter().flatten().min()
    }

    fn obey(
        &mut self,
        command: Command,
        now: Instant,
        host: &mut impl UserHost,
        observer: &mut impl Observer,
    ) {
        match command {
            Command::Start { user_count, spawn_rate, user_classes } => {
                self.start(user_count, spawn_rate, user_classes, now, observer);
            }
            Command::StartShape(_) if self.shape.is_some() => observer.on_event(now, &Event::ShapeBusy),
            Command::StartShape(shape) => {
                self.enter(State::Ready, now, observer);
                self.shape = Some(ShapeDriver::new(shape, now));
            }
            Command::LimitRunTime(limit) => self.run_until = limit.and_then(|limit| now.checked_add(limit)),
            Command::Stop => self.begin_stop(now, host, observer),
            Command::Quit => {
                self.quitting = true;
                self.begin_stop(now, host, observer);
            }
        }
    }

    fn start(
        &mut self,
        user_count: usize,
        spawn_rate: f64,
        user_classes: Option<Vec<UserClass>>,
        now: Instant,
        observer: &mut impl Observer,
    ) {
        if self.state == State::Cleanup {
            // A new test begins when the old one has ended.
            self.commands.push_back(Command::Start { user_count, spawn_rate, user_classes });
            return;
        }
        if let Err(error) = self.dispatch(user_count, spawn_rate, user_classes) {
            observer.on_event(now, &Event::StartRefused(error));
            return;
        }
        if !self.state.is_testing() {
            observer.on_event(now, &Event::TestStarted);
        }
        self.enter(State::Spawning, now, observer);
        self.ramping = true;
        self.completing = true;
        self.replacing_at = None;
        observer.on_event(now, &Event::RampStarted { user_count, spawn_rate });
    }

    fn dispatch(
        &mut self,
        user_count: usize,
        spawn_rate: f64,
        user_classes: Option<Vec<UserClass>>,
    ) -> Result<(), DispatchError> {
        let dispatcher = match &mut self.dispatcher {
            Some(dispatcher) => dispatcher,
            None => self.dispatcher.insert(Dispatcher::new(
                vec!["local".to_owned()],
                self.classes.clone(),
                self.settings.pace,
            )?),
        };
        dispatcher.new_dispatch(user_count, spawn_rate, user_classes)
    }

    fn follow_shape(&mut self, now: Instant, host: &mut impl UserHost, observer: &mut impl Observer) {
        let Some(driver) = &mut self.shape else { return };
        match driver.poll(now, self.roster.len()) {
            None | Some(ShapeVerdict::Unchanged) => {}
            Some(ShapeVerdict::Follow(step)) => {
                self.start(step.user_count, step.spawn_rate, step.user_classes, now, observer);
            }
            Some(ShapeVerdict::End) => {
                observer.on_event(now, &Event::ShapeEnded);
                self.begin_stop(now, host, observer);
            }
        }
    }

    /// Makes the steps of the ramp that are due. Returns when the next one is.
    fn follow_plan(
        &mut self,
        now: Instant,
        host: &mut impl UserHost,
        observer: &mut impl Observer,
    ) -> Option<Instant> {
        while self.ramping {
            match self.dispatcher.as_mut()?.poll(now) {
                Step::Wait(until) => return Some(until),
                Step::Apply => self.apply_plan(now, host, observer),
                // Nobody else chooses here, so there is nothing to wait for.
                Step::Done | Step::Choose(_) => self.ramping = false,
            }
        }
        None
    }

    /// Starts and stops users until as many run as planned. Users that ended by themselves are replaced at the first step
    /// of each second only, however fine the steps are: a user that fails at its start would otherwise be started anew a
    /// hundred times a second.
    fn apply_plan(&mut self, now: Instant, host: &mut impl UserHost, observer: &mut impl Observer) {
        let Some(dispatcher) = &self.dispatcher else { return };
        let replacing = self.replacing_at.is_none_or(|at| at <= now);
        if replacing {
            self.replacing_at = now.checked_add(REPLACING);
        }
        let before = std::mem::replace(&mut self.planned, dispatcher.plan().row(0).to_vec());
        let mut surplus = Vec::new();
        for (class, planned) in self.planned.iter().enumerate() {
            let before = before.get(class).copied().unwrap_or(0);
            let (live, added) = (self.roster.of_class(class), planned.saturating_sub(before) as usize);
            let planned = *planned as usize;
            let missing = planned.saturating_sub(live);
            let missing = if replacing { missing } else { missing.min(added) };
            if live > planned {
                surplus.push((class, live - planned));
            }
            for _ in 0..missing {
                let user = UserId(self.next_user);
                self.next_user += 1;
                if let Err(error) = host.spawn(user, &dispatcher.classes()[class], now) {
                    observer.on_event(now, &Event::SpawnFailed(error));
                    self.ramping = false;
                    self.completing = false;
                    return;
                }
                self.roster.insert(user, class);
            }
        }
        for (class, count) in surplus {
            self.stop_users(Some(class), count, now, host);
        }
    }

    fn stop_users(&mut self, class: Option<usize>, count: usize, now: Instant, host: &mut impl UserHost) {
        let timeout = self.settings.stop_timeout;
        let deadline = if timeout.is_zero() { None } else { now.checked_add(timeout) };
        let mode = if deadline.is_some() { StopMode::Graceful } else { StopMode::Kill };
        for user in self.roster.ask(class, count, deadline) {
            host.stop(user, mode, now);
        }
    }

    fn begin_stop(&mut self, now: Instant, host: &mut impl UserHost, observer: &mut impl Observer) {
        if matches!(self.state, State::Cleanup | State::Stopped) {
            return;
        }
        observer.on_event(now, &Event::TestStopping);
        self.enter(State::Cleanup, now, observer);
        self.ramping = false;
        self.shape = None;
        self.run_until = None;
        self.stop_users(None, usize::MAX, now, host);
    }

    /// Tells what has come to its end.
    fn finish(&mut self, now: Instant, observer: &mut impl Observer) {
        match self.state {
            State::Spawning if self.completing && !self.ramping && self.roster.stopping() == 0 => {
                self.completing = false;
                self.enter(State::Running, now, observer);
                observer.on_event(now, &Event::SpawningComplete { user_count: self.roster.len() });
            }
            State::Cleanup if self.roster.len() == 0 => {
                self.dispatcher = None;
                self.enter(State::Stopped, now, observer);
                observer.on_event(now, &Event::TestStopped);
            }
            _ => {}
        }
        if self.quitting && self.state == State::Stopped && !self.over {
            self.over = true;
            observer.on_event(now, &Event::RunEnded);
        }
    }

    fn enter(&mut self, state: State, now: Instant, observer: &mut impl Observer) {
        if self.state != state {
            self.state = state;
            observer.on_event(now, &Event::StateChanged(state));
        }
    }
}
