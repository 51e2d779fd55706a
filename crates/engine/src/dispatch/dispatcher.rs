//! Leads from the present number of users to another, step by step, over any number of workers.

use std::collections::HashMap;
use std::time::Instant;

use super::moves::move_few;
use super::{Pace, Plan, Ramp, UserClass, UserSequence};

/// Why a dispatch was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DispatchError {
    /// The rate is zero or negative.
    #[error("spawn_rate must be > 0, got {0}")]
    RateNotPositive(f64),
    /// The rate is infinite or not a number.
    #[error("spawn_rate must be a finite number, got {0}")]
    RateNotFinite(f64),
    /// There is no class to run users of.
    #[error("at least one user class is needed")]
    NoClasses,
    /// Two classes share a name.
    #[error("two user classes are named {0}")]
    DuplicateClass(String),
}

/// What a dispatch wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this moment.
    Wait(Instant),
    /// This many users are due, and the caller chooses them: see [`Dispatcher::choose_externally`].
    Choose(usize),
    /// The plan changed (or is to be looked at again): make reality follow [`Dispatcher::plan`].
    Apply,
    /// The dispatch has ended.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No dispatch was asked for, or the last one has ended.
    Idle,
    /// Asked for, nothing done yet.
    Begin,
    /// A step is to be made when the ramp says so.
    Ramp,
    /// A step was made.
    Stepped,
    /// A step was made and, if workers came or went meanwhile, the new distribution handed out: once, as Locust does.
    Settled,
    /// Only the end is left to tell.
    End,
}

/// The planner of a run. Lives from the start of a test to its stop; each change of the number of users is a dispatch.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    /// All classes ever seen, the original ones in order of their names, and the numbers of the ones now in use.
    classes: Vec<UserClass>,
    selected: Vec<usize>,
    /// In the order in which they get users.
    workers: Vec<String>,
    /// The last worker left; its users stay in the plan until another comes.
    deserted: bool,
    plan: Plan,
    sequence: UserSequence,
    look_for_fixed: bool,
    /// The worker that gets the next user.
    next_worker: usize,
    pace: Pace,
    ramp: Ramp,
    target: usize,
    phase: Phase,
    in_progress: bool,
    rebalanced: bool,
    exhausted: bool,
    external: bool,
    keeps_users: bool,
    /// Who ran where before workers came and went, as long as nobody was told of it: one that comes back in time finds its users.
    told: Option<(Vec<String>, Plan)>,
}

/// So many users at once are no burst worth spreading.
const FEW: usize = 100;

impl Dispatcher {
    /// A planner with no users yet. Local runs have one worker.
    pub fn new(workers: Vec<String>, mut classes: Vec<UserClass>, pace: Pace) -> Result<Self, DispatchError> {
        classes.sort_by(|a, b| a.name.cmp(&b.name));
        if classes.is_empty() {
            return Err(DispatchError::NoClasses);
        }
        if let Some(pair) = classes.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(DispatchError::DuplicateClass(pair[0].name.clone()));
        }
        let selected: Vec<usize> = (0..classes.len()).collect();
        let workers = sort_workers(workers);
        Ok(Self {
            plan: Plan::new(workers.len(), classes.len()),
            sequence: UserSequence::new(&classes, &selected),
            classes,
            selected,
            workers,
            deserted: false,
            look_for_fixed: true,
            next_worker: 0,
            pace,
            ramp: Ramp::new(1.0, pace),
            target: 0,
            phase: Phase::Idle,
            in_progress: false,
            rebalanced: false,
            exhausted: false,
            external: false,
            keeps_users: false,
            told: None,
        })
    }

    /// Lets the caller pick the class of each user: [`Dispatcher::poll`] then answers [`Step::Choose`], to be followed by
    /// [`Dispatcher::add`] for each user and [`Dispatcher::end_step`].
    pub fn choose_externally(&mut self, external: bool) {
        self.external = external;
    }

    /// Lets users stay where they run when workers come and go, as far as an even load allows. Otherwise all are
    /// distributed anew, as if they were started from nothing, which is what Locust does.
    pub fn keep_users(&mut self, keep: bool) {
        self.keeps_users = keep;
    }

    /// Changes the grain of the ramps begun from now on.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Begins a dispatch to `target` users at `rate` users per second, ending the one in progress.
    ///
    /// Spreading users over each second is for ramps up: users that leave put no load on anybody, so they leave second by
    /// second. A few missing users, at a rate that asks for all of them within a second, are added at once.
    ///
    /// `classes` limits who may be added from now on; other users that are there stay. `None` keeps the previous choice.
    pub fn new_dispatch(
        &mut self,
        target: usize,
        rate: f64,
        classes: Option<Vec<UserClass>>,
    ) -> Result<(), DispatchError> {
        // Zero and below first: minus infinity is reported as a negative rate, as Locust does.
        if rate <= 0.0 {
            return Err(DispatchError::RateNotPositive(rate));
        }
        if !rate.is_finite() {
            return Err(DispatchError::RateNotFinite(rate));
        }
        if let Some(classes) = classes {
            self.select(classes)?;
        }
        self.target = target;
        let present = self.plan.total();
        self.ramp = if self.pace == Pace::PER_SECOND || target < present {
            Ramp::new(rate, Pace::PER_SECOND)
        } else if target - present <= FEW && rate >= (target - present) as f64 {
            Ramp::at_once(target - present)
        } else {
            Ramp::new(rate, self.pace)
        };
        self.phase = Phase::Begin;
        self.exhausted = false;
        Ok(())
    }

    /// What to do now. After [`Step::Apply`] poll again for what follows it.
    pub fn poll(&mut self, now: Instant) -> Step {
        match self.phase {
            Phase::Idle => return Step::Done,
            Phase::Begin => {
                self.in_progress = true;
                let rebalanced = std::mem::take(&mut self.rebalanced);
                let there = self.plan.total() == self.target;
                self.phase = if there { Phase::End } else { Phase::Ramp };
                if rebalanced || there {
                    return Step::Apply;
                }
            }
            Phase::Stepped | Phase::Settled => {
                if self.phase == Phase::Stepped && std::mem::take(&mut self.rebalanced) {
                    self.phase = Phase::Settled;
                    return Step::Apply;
                }
                let over = self.plan.total() == self.target || self.exhausted;
                self.phase = if over { Phase::End } else { Phase::Ramp };
            }
            Phase::Ramp | Phase::End => {}
        }
        if self.phase == Phase::End {
            self.phase = Phase::Idle;
            self.in_progress = false;
            return Step::Done;
        }
        if let Some(due) = self.ramp.due()
            && now < due
        {
            return Step::Wait(due);
        }
        let present = self.plan.total();
        if present > self.target {
            self.ramp.step(now);
            self.remove(self.ramp.per_step().min(present - self.target));
            self.phase = Phase::Stepped;
            return Step::Apply;
        }
        let missing = self.ramp.per_step().min(self.target - present);
        self.ramp.step(now);
        if self.external {
            return Step::Choose(missing);
        }
        for _ in 0..missing {
            let class = self.pick();
            if !self.add(class) {
                break;
            }
        }
        self.end_step();
        Step::Apply
    }

    /// The next class by fixed counts and weights, `None` if there is no more to pick. Picking is not adding, but it is
    /// remembered: the next pick is another one.
    pub fn pick(&mut self) -> Option<usize> {
        let Self { sequence, classes, selected, look_for_fixed, plan, .. } = self;
        sequence.pick(classes, selected, look_for_fixed, |class| plan.of_class(class))
    }

    /// Adds a user of this class on the next worker. `None` says that there is nobody to add, which ends the dispatch; the
    /// answer is whether a user was added.
    pub fn add(&mut self, class: Option<usize>) -> bool {
        let Some(class) = class.filter(|_| !self.workers.is_empty()) else {
            self.exhausted = true;
            return false;
        };
        self.told = None;
        self.plan.push(self.next_worker, class);
        self.next_worker = (self.next_worker + 1) % self.workers.len();
        true
    }

    /// Ends the step begun with [`Step::Choose`].
    pub fn end_step(&mut self) {
        self.phase = Phase::Stepped;
    }

    fn remove(&mut self, count: usize) {
        self.told = None;
        for _ in 0..count {
            if self.plan.pop().is_none() {
                break;
            }
            self.look_for_fixed = true;
        }
    }

    /// A worker joined, and gets its share of the users.
    pub fn add_worker(&mut self, id: impl Into<String>) {
        let mut before = self.workers.clone();
        if std::mem::take(&mut self.deserted) {
            self.workers.clear();
            // Nobody runs the users of the plan, whatever the newcomer is called.
            before.iter_mut().for_each(String::clear);
        }
        self.workers.push(id.into());
        self.workers = sort_workers(std::mem::take(&mut self.workers));
        self.rebalance(before);
    }

    /// A worker left: its users go to the others. When the last one leaves, the plan stays as it is.
    pub fn remove_worker(&mut self, id: &str) {
        if self.workers.iter().all(|worker| worker == id) {
            self.deserted = true;
            return;
        }
        let before = self.workers.clone();
        // The others keep their order, though ranks may have changed; the next arrival sorts again.
        self.workers.retain(|worker| worker != id);
        self.rebalance(before);
    }

    fn rebalance(&mut self, before: Vec<String>) {
        if self.keeps_users {
            let told = self.told.take().filter(|_| self.rebalanced);
            let (before, plan) = told.unwrap_or_else(|| (before, std::mem::take(&mut self.plan)));
            let now: HashMap<&str, usize> =
                self.workers.iter().enumerate().map(|(index, id)| (id.as_str(), index)).collect();
            let places: Vec<Option<usize>> = before.iter().map(|id| now.get(id.as_str()).copied()).collect();
            let is_fixed = |class: usize| self.classes[class].fixed_count > 0;
            self.plan = move_few(&plan, &places, self.workers.len(), is_fixed);
            self.told = Some((before, plan));
            self.next_worker = self.plan.total() % self.workers.len();
        } else {
            let Distribution { plan, sequence, next_worker, look_for_fixed } =
                self.distribute(self.plan.total());
            self.plan = plan;
            self.sequence = sequence;
            self.next_worker = next_worker;
            self.look_for_fixed = look_for_fixed;
        }
        self.rebalanced = true;
    }

    /// Where `count` users would be if they were all started now.
    pub fn distribute(&self, count: usize) -> Distribution {
        let mut plan = Plan::new(self.workers.len(), self.classes.len());
        let mut sequence = UserSequence::new(&self.classes, &self.selected);
        let mut look_for_fixed = true;
        let mut next_worker = 0;
        while plan.total() < count && !self.workers.is_empty() {
            // The missing fixed users are counted once, before the first user.
            let picked = sequence.pick(&self.classes, &self.selected, &mut look_for_fixed, |_| 0);
            let Some(class) = picked else { break };
            plan.push(next_worker, class);
            next_worker = (next_worker + 1) % self.workers.len();
        }
        Distribution { plan, sequence, next_worker, look_for_fixed }
    }

    fn select(&mut self, mut wanted: Vec<UserClass>) -> Result<(), DispatchError> {
        wanted.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = wanted.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(DispatchError::DuplicateClass(pair[0].name.clone()));
        }
        let known: HashMap<String, usize> =
            self.classes.iter().enumerate().map(|(index, class)| (class.name.clone(), index)).collect();
        let mut selected = Vec::with_capacity(wanted.len());
        for class in wanted {
            if let Some(index) = known.get(&class.name) {
                selected.push(*index);
            } else {
                selected.push(self.classes.len());
                self.classes.push(class);
            }
        }
        self.plan.widen(self.classes.len());
        if let Some((_, plan)) = &mut self.told {
            plan.widen(self.classes.len());
        }
        if selected != self.selected {
            self.selected = selected;
            self.sequence = UserSequence::new(&self.classes, &self.selected);
        }
        Ok(())
    }

    /// The plan as it stands.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// All classes, by the numbers that [`Plan`] uses.
    pub fn classes(&self) -> &[UserClass] {
        &self.classes
    }

    /// The numbers of the classes that new users are picked from, in order of their names.
    pub fn selected(&self) -> &[usize] {
        &self.selected
    }

    /// Updates weight and fixed count of a class, effective for sequences begun from now on.
    pub fn set_class(&mut self, index: usize, weight: f64, fixed_count: usize) {
        let class = &mut self.classes[index];
        class.weight = weight;
        class.fixed_count = fixed_count;
    }

    /// Begins the sequence of classes anew.
    pub fn restart_sequence(&mut self) {
        self.sequence = UserSequence::new(&self.classes, &self.selected);
    }

    /// The workers in the order in which they get users, by the numbers that [`Plan`] uses.
    pub fn workers(&self) -> &[String] {
        &self.workers
    }

    /// Whether a dispatch has begun and not ended.
    pub fn in_progress(&self) -> bool {
        self.in_progress
    }

    /// Whether the users were redistributed and the new plan was not handed out yet.
    pub fn is_rebalanced(&self) -> bool {
        self.rebalanced
    }

    /// The number of users the present dispatch leads to.
    pub fn target(&self) -> usize {
        self.target
    }

    /// The ramp of the present dispatch.
    pub fn ramp(&self) -> &Ramp {
        &self.ramp
    }

    /// The ramp of the present dispatch, to change its interval.
    pub fn ramp_mut(&mut self) -> &mut Ramp {
        &mut self.ramp
    }
}

/// The outcome of [`Dispatcher::distribute`].
#[derive(Clone, Debug)]
pub struct Distribution {
    /// Who runs where.
    pub plan: Plan,
    /// Picks the class of the user after the last.
    pub sequence: UserSequence,
    /// The worker of the user after the last.
    pub next_worker: usize,
    look_for_fixed: bool,
}

/// The order in which workers get users: by their rank within their host (what precedes the first `_` of the id), then by
/// id, so that users spread over hosts first.
fn sort_workers(mut workers: Vec<String>) -> Vec<String> {
    workers.sort();
    let mut ranks: HashMap<String, usize> = HashMap::new();
    let mut ranked: Vec<(usize, String)> = workers
        .into_iter()
        .map(|id| {
            let host = id.split('_').next().unwrap_or_default();
            let rank = ranks.entry(host.to_owned()).or_default();
            let own = *rank;
            *rank += 1;
            (own, id)
        })
        .collect();
    ranked.sort();
    ranked.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests;
