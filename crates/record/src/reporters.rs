//! Whose reports a master has, where their seconds lie by its clock, and up to which second everything is known.
//!
//! Reports come late, twice, in another order or not at all; clocks of workers are wrong, and jump. A report of ours says how long ago
//! its seconds ended, by a clock that does not jump: it is placed by when it arrived. Of others it is known when their last request
//! was, by a clock on a wall; it is assumed to be right as long as that can be.
//!
//! Time is an argument: unix seconds of the master's clock, which may jump too.

use std::collections::HashMap;
use std::collections::VecDeque;

use gregaria_stats::Placing;

/// A worker that is late by so many seconds is waited for no longer.
const PATIENCE: f64 = 5.0;
/// Reports are expected at least so often, in seconds, whatever a worker says.
const RAREST: f64 = 60.0;
/// Arrivals that are remembered: the one that took least time on its way tells most.
const ARRIVALS: usize = 16;
/// Nothing is on its way for longer than this, in seconds: if it seems so, a clock has jumped.
const LONGEST: f64 = 30.0;
/// Where a worker's seconds lie is decided anew when it is further off than this.
const OFF: f64 = 0.75;
/// Clocks on walls that differ by less say the same.
const SAME: f64 = 1.0;
/// Times of others that lie further before the report that came before are not believed.
const OLDEST: i64 = 60;
/// Workers remembered beyond those that are there.
const MOST: usize = 10_000;

/// What a report of ours says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// The run that it is of; `None`: the worker has seen none.
    pub run: Option<String>,
    /// Reports of this worker, this one included.
    pub number: u64,
    /// Number of the second that was not over.
    pub open: u64,
    /// How long it had been then, in seconds.
    pub since: f64,
    /// A round trip between master and worker, in seconds.
    pub round_trip: f64,
    /// Seconds between two reports.
    pub every: f64,
    /// Unix time by the worker's clock.
    pub clock: f64,
}

impl Told {
    /// Whether it can be so.
    pub fn is_sound(&self) -> bool {
        let within = |value: f64, most: f64| value.is_finite() && (0.0..=most).contains(&value);
        self.run.as_ref().is_none_or(|run| run.len() <= 64)
            && (1..=1 << 53).contains(&self.number)
            && self.open < 1 << 40
            && within(self.since, 86_400.0)
            && within(self.round_trip, 3_600.0)
            && within(self.every, 86_400.0)
            && self.clock.is_finite()
    }
}

/// What to do with a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// It counts. So many reports before it have not arrived; or it is one of those.
    Counts {
        /// Where it lies.
        placing: Placing,
        /// Reports that are missing before it.
        missing: u64,
        /// It was missing.
        overdue: bool,
    },
    /// It was counted before.
    Again,
    /// So many have come since that it is not known whether it was counted before.
    TooOld,
    /// It is of another run.
    OtherRun,
}

/// The reports of all workers.
#[derive(Debug, Default)]
pub struct Reporters {
    run: Option<String>,
    all: HashMap<String, Reporter>,
    settled: Option<i64>,
}

#[derive(Debug, Default)]
struct Reporter {
    /// It is among the workers.
    is_there: bool,
    /// It is late, and no longer waited for.
    given_up: bool,
    seen: Seen,
    /// How much its time differs from ours, of the last arrivals: too large by how long each was on its way.
    arrivals: VecDeque<f64>,
    shift: Option<i64>,
    /// The newest of its seconds that is over and told of, by our clock.
    newest: i64,
    every: f64,
    /// When it was last heard of.
    heard: f64,
}

/// Which reports of a worker have come: the highest number, and the 64 before it.
#[derive(Debug, Default)]
struct Seen {
    highest: u64,
    before: u64,
}

enum Number {
    Next { missing: u64 },
    Overdue,
    Again,
    TooOld,
}

impl Seen {
    fn look(&self, number: u64) -> Number {
        match number.checked_sub(self.highest) {
            Some(0) => Number::Again,
            // A worker that was another master's begins anywhere.
            Some(step) => Number::Next { missing: if self.highest == 0 { 0 } else { step - 1 } },
            None => match self.highest - number {
                65.. => Number::TooOld,
                ago if self.before & (1 << (ago - 1)) != 0 => Number::Again,
                _ => Number::Overdue,
            },
        }
    }

    fn note(&mut self, number: u64) {
        if number > self.highest {
            let step = number - self.highest;
            // With the highest so far as the nearest of those before.
            let before = if self.highest == 0 { 0 } else { (self.before << 1) | 1 };
            self.before = if step > 64 { 0 } else { before << (step - 1) };
            self.highest = number;
        } else if number < self.highest {
            self.before |= 1 << (self.highest - number - 1).min(63);
        }
    }
}

impl Reporter {
    /// By how much our time is ahead of the worker's: what was on its way for the shortest time says it best.
    fn ahead(&mut self, this: f64) -> f64 {
        let least = self.arrivals.iter().copied().fold(f64::INFINITY, f64::min);
        if this - least > LONGEST {
            self.arrivals.clear();
        }
        if self.arrivals.len() == ARRIVALS {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(this);
        self.arrivals.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn from(&self, at: f64) -> i64 {
        self.heard.min(at) as i64 - OLDEST
    }

    fn heard_of(&mut self, newest: i64, every: f64, at: f64) {
        // A clock of ours that was set back takes everything along.
        self.newest = if self.newest > at as i64 { newest } else { self.newest.max(newest) };
        self.every = every.clamp(0.0, RAREST);
        self.heard = at;
    }

    /// When it is late, if it is not heard of.
    fn deadline(&self) -> f64 {
        // The second after the newest was under way when it was told; it is over, and told of, with the next report.
        (self.newest + 2) as f64 + self.every + PATIENCE
    }
}

impl Reporters {
    /// A test begins; reports of others count no longer.
    pub fn begin(&mut self, run: &str) {
        self.run = Some(run.to_owned());
    }

    /// A worker is there. What happened before is none of its business.
    pub fn joined(&mut self, id: &str, at: f64) {
        self.forget_some();
        let reporter = self.all.entry(id.to_owned()).or_default();
        if !reporter.is_there {
            reporter.is_there = true;
            reporter.given_up = false;
            reporter.heard = at;
            reporter.newest = at as i64 - 1;
            reporter.every = reporter.every.max(3.0);
        }
    }

    /// A worker has gone: it is waited for no longer. What it has sent counts.
    pub fn left(&mut self, id: &str) {
        if let Some(reporter) = self.all.get_mut(id) {
            reporter.is_there = false;
        }
    }

    fn forget_some(&mut self) {
        if self.all.len() >= MOST {
            self.all.retain(|_, reporter| reporter.is_there);
        }
    }

    /// A report of one of our workers has arrived at that time.
    pub fn report(&mut self, id: &str, told: &Told, at: f64) -> Judgement {
        let other_run = told.run.is_some() && told.run != self.run;
        let reporter = self.all.entry(id.to_owned()).or_default();
        let number = reporter.seen.look(told.number);
        reporter.seen.note(told.number);
        let (missing, overdue) = match number {
            Number::Again => return Judgement::Again,
            Number::TooOld => return Judgement::TooOld,
            Number::Overdue => (0, true),
            Number::Next { missing } => (missing, false),
        };
        // When the second that was open began, by our clock.
        let began = at - told.round_trip / 2.0 - told.since;
        let ahead = reporter.ahead(began - told.open as f64);
        let shift = match reporter.shift {
            Some(shift) if (ahead - shift as f64).abs() <= OFF => shift,
            _ => ahead.round() as i64,
        };
        reporter.shift = Some(shift);
        // The second that was open in the report before, if that has come: nothing in this one is older.
        let from = match reporter.newest + 1 {
            begun if !overdue && begun <= at as i64 => begun,
            _ => reporter.from(at),
        };
        reporter.heard_of(told.open as i64 - 1 + shift, told.every, at);
        reporter.given_up &= reporter.deadline() < at;
        if other_run {
            return Judgement::OtherRun;
        }
        let clock = at - told.round_trip / 2.0 - told.clock;
        let clock = if clock.abs() < SAME { 0.0 } else { clock };
        Judgement::Counts { placing: Placing { shift, clock, from, at }, missing, overdue }
    }

    /// A report of somebody else's worker has arrived, whose last request was at that time by its clock.
    pub fn report_of_another(&mut self, id: &str, last: Option<f64>, every: f64, at: f64) -> Placing {
        let reporter = self.all.entry(id.to_owned()).or_default();
        let mut clock = reporter.shift.unwrap_or_default();
        if let Some(last) = last.filter(|last| last.is_finite() && last.abs() < 1e12) {
            let ahead = reporter.ahead(at - last);
            let is_known = reporter.arrivals.len() >= 3;
            // The last request may have been a while ago, and the report on its way: only much is a sign of another clock, and
            // little again and again.
            clock = if (-SAME..=SAME / 2.0 + SAME).contains(&ahead)
                || (ahead > 0.0 && ahead <= every + PATIENCE && !is_known)
            {
                0
            } else if (ahead - clock as f64).abs() <= OFF {
                clock
            } else {
                ahead.round() as i64
            };
            reporter.shift = Some(clock);
        }
        let from = reporter.from(at);
        reporter.heard_of(at as i64 - 1, every, at);
        reporter.given_up = false;
        Placing { shift: 0, clock: clock as f64, from, at }
    }

    /// Those that are late, and that are waited for.
    pub fn late(&self, now: f64) -> Vec<String> {
        let late = self.all.iter().filter(|(_, one)| one.is_there && !one.given_up && one.deadline() < now);
        let mut late: Vec<String> = late.map(|(id, _)| id.clone()).collect();
        late.sort_unstable();
        late
    }

    /// This one is waited for no longer, until it is heard of.
    pub fn give_up(&mut self, id: &str) {
        if let Some(reporter) = self.all.get_mut(id) {
            reporter.given_up = true;
        }
    }

    /// The newest unix second that all have reported that are waited for. It never goes back, unless the clock does.
    pub fn settled(&mut self, now: f64) -> i64 {
        let over = now as i64 - 1;
        let waited_for = self.all.values().filter(|one| one.is_there && !one.given_up);
        let settled = waited_for.map(|one| one.newest).min().unwrap_or(over).min(over);
        let settled =
            self.settled.filter(|&before| before <= over).map_or(settled, |before| before.max(settled));
        self.settled = Some(settled);
        settled
    }
}

#[cfg(test)]
mod clusters;
#[cfg(test)]
mod tests;
