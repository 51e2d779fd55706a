//! The users that arrivals are given to.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Schedule;
use crate::dispatch::KlSequence;

/// Arrivals that are shared out among some classes by their weights.
#[derive(Debug)]
pub struct Lane {
    schedule: Schedule,
    /// Which class each is of, by the numbers of the pool.
    picks: KlSequence,
    /// For the arrival at this moment, in seconds, it has been looked whether its class has a user.
    prepared_for: Option<f64>,
}

impl Lane {
    /// `classes`: numbers and weights.
    pub fn new(schedule: Schedule, classes: &[(usize, f64)]) -> Self {
        Self { schedule, picks: KlSequence::new(classes.iter().copied()), prepared_for: None }
    }

    /// Its moments.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The same, to be changed.
    pub fn schedule_mut(&mut self) -> &mut Schedule {
        &mut self.schedule
    }
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// This user begins an iteration, which was to begin at that moment.
    Run {
        /// By the number that it was given.
        user: u32,
        /// When it was to begin.
        intended: Instant,
    },
    /// An arrival waits, or will wait, for a new user of this class, which is to be started. [`Pool::joins`] or [`Pool::failed_to_start`] says what
    /// has become of that.
    Start {
        /// By its number.
        class: usize,
    },
    /// Nothing until then; at once, if that is now.
    Wait(Instant),
    /// Nothing, as things are.
    Rest,
}

/// What has become of all arrivals until now. `due` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Came.
    pub due: u64,
    /// Were given to a user.
    pub begun: u64,
    /// No user was free, and there was no room for another one; or no user could be started, or the run was over before that.
    pub dropped: u64,
    /// Wait for a user that is being started.
    pub waiting: u64,
}

#[derive(Debug, Default)]
struct Class {
    /// Free users, those last that were busy last: they are taken first, so that a pool that has grown in a bad moment does not have
    /// all its connections run idle.
    free: Vec<u32>,
    /// Arrivals that no user could be given to yet, the oldest first.
    waiting: VecDeque<Instant>,
    /// Those of them for which a user is to be asked in the next turn, unless one is free by then.
    deferred: usize,
    /// How many of them, the oldest, came before all was counted from zero.
    uncounted: usize,
    /// Users that were asked for and have not joined yet.
    asked: usize,
    /// Users that have joined, and are not ready for their first iteration yet.
    starting: usize,
    /// Users that have joined.
    users: usize,
}

impl Class {
    fn size(&self) -> usize {
        self.users + self.asked
    }

    fn coming(&self) -> usize {
        self.asked + self.starting
    }

    /// Users that are there, or will be.
    fn planned(&self) -> usize {
        self.size() + self.deferred
    }

    /// Those that wait, and count.
    fn counted(&self) -> u64 {
        (self.waiting.len() - self.uncounted) as u64
    }

    /// So many of those that wait, the oldest, wait no longer; how many of these count.
    fn leave(&mut self, count: usize) -> u64 {
        let uncounted = count.min(self.uncounted);
        self.uncounted -= uncounted;
        self.waiting.drain(..count);
        (count - uncounted) as u64
    }
}

/// Gives arrivals to users, a free one of the arrival's class or, while there is room, a new one.
///
/// One new one in a turn. To start a user takes as long as ten iterations: a process that is behind, as it had no processor for some
/// milliseconds, falls behind for good if it starts one for each iteration that is overdue, while those that it has are about to be free
/// again. The next turn comes at once, but with what has been answered meanwhile.
#[derive(Debug)]
pub struct Pool {
    lanes: Vec<Lane>,
    classes: Vec<Class>,
    most: usize,
    origin: Instant,
    /// Whether a user may be asked for in this turn.
    may_start: bool,
    /// Arrivals that waited when the last turn ended.
    waited: usize,
    totals: Totals,
    is_over: bool,
}

impl Pool {
    /// For `classes` classes of users, `most` of them at a time; each class has room for one user at least, should `most` be less.
    /// `origin`: when the profiles begin.
    pub fn new(lanes: Vec<Lane>, classes: usize, most: usize, origin: Instant) -> Self {
        Self {
            lanes,
            classes: (0..classes).map(|_| Class::default()).collect(),
            most,
            origin,
            may_start: true,
            waited: 0,
            totals: Totals::default(),
            is_over: false,
        }
    }

    /// What has become of the arrivals.
    pub fn totals(&self) -> Totals {
        let waiting = self.classes.iter().map(Class::counted).sum();
        Totals { waiting, ..self.totals }
    }

    /// Counts from zero. What waits for a user is still to begin, but was due before.
    pub fn count_anew(&mut self) {
        self.totals = Totals::default();
        for class in &mut self.classes {
            class.uncounted = class.waiting.len();
        }
    }

    /// Users that are there or asked for.
    pub fn users(&self) -> usize {
        self.classes.iter().map(Class::size).sum()
    }

    /// Its lanes, to be changed; the next [`Self::poll`] goes by that.
    pub fn lanes_mut(&mut self) -> &mut [Lane] {
        &mut self.lanes
    }

    /// How many users there may be from now on. None is ended for it.
    pub fn set_most(&mut self, most: usize) {
        self.most = most;
    }

    /// The rate of all lanes at a moment, per second, of all processes.
    pub fn rate_at(&self, now: Instant) -> f64 {
        let seconds = now.saturating_duration_since(self.origin).as_secs_f64();
        self.lanes.iter().map(|lane| lane.schedule.profile().rate_at(seconds)).sum()
    }

    /// What is to be done at `now`; to be asked until it is to wait or to rest, with which a turn ends.
    pub fn poll(&mut self, now: Instant) -> Deed {
        if self.is_over {
            return Deed::Rest;
        }
        let deed = self.next(now);
        if !matches!(deed, Deed::Wait(_) | Deed::Rest) {
            return deed;
        }
        // As long as those that wait get fewer by themselves, they need no more users.
        let waiting = self.classes.iter().map(|class| class.waiting.len()).sum();
        self.may_start = waiting >= self.waited;
        self.waited = waiting;
        if self.classes.iter().any(|class| class.deferred > 0) { Deed::Wait(now) } else { deed }
    }

    fn next(&mut self, now: Instant) -> Deed {
        loop {
            if let Some(class) = self.prepare().or_else(|| self.undeferred()) {
                return Deed::Start { class };
            }
            let moments =
                self.lanes.iter_mut().enumerate().filter_map(|(i, lane)| Some((lane.schedule.peek()?, i)));
            let Some((seconds, lane)) = moments.min_by(|a, b| a.0.total_cmp(&b.0)) else { return Deed::Rest };
            let intended = self.origin + Duration::from_secs_f64(seconds);
            if intended > now {
                return Deed::Wait(intended);
            }
            let lane = &mut self.lanes[lane];
            lane.schedule.advance();
            self.totals.due += 1;
            let Some(class) = lane.picks.pick() else {
                self.totals.dropped += 1;
                continue;
            };
            if let Some(user) = self.classes[class].free.pop() {
                self.totals.begun += 1;
                return Deed::Run { user, intended };
            }
            if self.classes[class].coming() > self.classes[class].waiting.len() {
                self.classes[class].waiting.push_back(intended);
                continue;
            }
            if self.has_room(class) {
                self.classes[class].waiting.push_back(intended);
                self.classes[class].deferred += 1;
            } else {
                self.totals.dropped += 1;
            }
        }
    }

    /// A class of which a user is to be started now.
    fn undeferred(&mut self) -> Option<usize> {
        let class = self.classes.iter().position(|class| self.may_start && class.deferred > 0)?;
        self.may_start = false;
        self.classes[class].deferred -= 1;
        self.classes[class].asked += 1;
        Some(class)
    }

    /// The class of a lane's next arrival, if that has no user at all: one begins its `on_start` now, rather than when the iteration is to
    /// begin. It would be needed anyway, so no more users come of it.
    fn prepare(&mut self) -> Option<usize> {
        if self.classes.iter().all(|class| class.planned() > 0) {
            return None;
        }
        let class = self.lanes.iter_mut().find_map(|lane| {
            let next = lane.schedule.peek()?;
            if lane.prepared_for.replace(next) == Some(next) {
                return None;
            }
            lane.picks.clone().pick().filter(|&class| self.classes[class].planned() == 0)
        })?;
        self.classes[class].asked += 1;
        Some(class)
    }

    /// Each class that has no user yet keeps room for one, so that no class is starved by another one.
    fn has_room(&self, class: usize) -> bool {
        let reserved =
            self.classes.iter().enumerate().filter(|(i, c)| *i != class && c.planned() == 0).count();
        let planned: usize = self.classes.iter().map(Class::planned).sum();
        self.classes[class].planned() == 0 || planned + reserved < self.most
    }

    /// A user has been started, asked for or not. It is not ready yet.
    pub fn joins(&mut self, class: usize) {
        let class = &mut self.classes[class];
        class.asked = class.asked.saturating_sub(1);
        class.users += 1;
        class.starting += 1;
    }

    /// A user that was asked for could not be started.
    pub fn failed_to_start(&mut self, class: usize) {
        let class = &mut self.classes[class];
        class.asked = class.asked.saturating_sub(1);
        self.totals.dropped += class.drop_surplus();
    }

    /// A user that has joined is ready for its first iteration.
    pub fn is_ready(&mut self, class: usize) {
        let class = &mut self.classes[class];
        class.starting = class.starting.saturating_sub(1);
    }

    /// A user has nothing to do: the arrival that waits longest is its; else it is free.
    pub fn is_free(&mut self, user: u32, class: usize) -> Option<Instant> {
        let class = &mut self.classes[class];
        let waiting = class.waiting.front().copied();
        if waiting.is_some() {
            self.totals.begun += class.leave(1);
            class.deferred = class.deferred.min(class.waiting.len().saturating_sub(class.coming()));
        } else {
            class.free.push(user);
        }
        waiting
    }

    /// A user has ended. `was_starting`: it was never ready.
    pub fn leaves(&mut self, user: u32, class: usize, was_starting: bool) {
        let class = &mut self.classes[class];
        class.users = class.users.saturating_sub(1);
        class.free.retain(|&other| other != user);
        if was_starting {
            class.starting = class.starting.saturating_sub(1);
            self.totals.dropped += class.drop_surplus();
        }
    }

    /// Nothing arrives after `now`, and what waits is not begun.
    pub fn end(&mut self, now: Instant) {
        // What was due while nobody asked.
        for lane in &mut self.lanes {
            while lane
                .schedule
                .peek()
                .is_some_and(|seconds| self.origin + Duration::from_secs_f64(seconds) <= now)
            {
                lane.schedule.advance();
                self.totals.due += 1;
                self.totals.dropped += 1;
            }
        }
        self.is_over = true;
        for class in &mut self.classes {
            self.totals.dropped += class.leave(class.waiting.len());
            class.deferred = 0;
        }
    }

    /// Whether nothing is to begin any more, as things are: the last stages are over, and all that was due has begun or was dropped.
    pub fn is_through(&mut self) -> bool {
        self.is_over
            || (self.lanes.iter_mut().all(|lane| lane.schedule.peek().is_none())
                && self.classes.iter().all(|class| class.waiting.is_empty()))
    }

    /// Whether [`Self::end`] was called.
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}

impl Class {
    /// Arrivals for which a user was asked that does not come, the oldest first.
    fn drop_surplus(&mut self) -> u64 {
        let surplus = self.waiting.len().saturating_sub(self.coming() + self.deferred);
        self.leave(surplus)
    }
}
