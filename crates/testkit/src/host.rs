//! Users that do what a script says, in virtual time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use gregaria_engine::dispatch::UserClass;
use gregaria_engine::host::{SpawnError, StopMode, UserHost, UserId};
use gregaria_engine::wheel::{TimerKey, TimerWheel};

/// What the users of a class do: tasks and waits in turn, until they are stopped or have had enough.
#[derive(Clone, Debug)]
pub struct Script {
    /// How long a task takes.
    pub task: Duration,
    /// How long a user waits after each task.
    pub wait: Duration,
    /// How long a user takes to leave once it was killed or has finished its last task.
    pub on_stop: Duration,
    /// After this many tasks a user ends by itself.
    pub lives_for: Option<usize>,
    /// From the how manieth user of the class on the constructor fails.
    pub fails_from: Option<usize>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            task: Duration::from_millis(100),
            wait: Duration::from_secs(1),
            on_stop: Duration::ZERO,
            lives_for: None,
            fails_from: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Task { asked_to_stop: bool },
    Waiting,
    Leaving,
}

#[derive(Debug)]
struct User {
    script: Script,
    doing: Doing,
    timer: Option<TimerKey>,
    tasks: usize,
}

/// Something a user did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It was started; its class.
    Started(String),
    /// It finished a task.
    FinishedTask,
    /// It was killed in the middle of a task.
    TornFromTask,
    /// It is gone.
    Ended,
}

/// Runs scripted users on a timer wheel and writes down what they do.
#[derive(Debug)]
pub struct ScriptedHost {
    scripts: HashMap<String, Script>,
    started: HashMap<String, usize>,
    users: HashMap<UserId, User>,
    wheel: TimerWheel<UserId>,
    ended: Vec<UserId>,
    /// What happened, when, and to whom.
    pub log: Vec<(Instant, UserId, Deed)>,
}

impl ScriptedHost {
    /// A host whose time begins now. Classes without a script of their own do as the default one says.
    pub fn new(now: Instant) -> Self {
        Self {
            scripts: HashMap::new(),
            started: HashMap::new(),
            users: HashMap::new(),
            wheel: TimerWheel::new(now),
            ended: Vec::new(),
            log: Vec::new(),
        }
    }

    /// Says what the users of a class do.
    #[must_use]
    pub fn with(mut self, class: &str, script: Script) -> Self {
        self.scripts.insert(class.to_owned(), script);
        self
    }

    /// When users of a class were started.
    pub fn starts(&self, class: &str) -> Vec<Instant> {
        let starts =
            self.log.iter().filter(|(_, _, deed)| matches!(deed, Deed::Started(name) if name == class));
        starts.map(|(at, _, _)| *at).collect()
    }

    /// How often something was done.
    pub fn count(&self, deed: &Deed) -> usize {
        self.log.iter().filter(|(_, _, done)| done == deed).count()
    }

    fn begin(&mut self, id: UserId, doing: Doing, now: Instant) {
        let Some(user) = self.users.get_mut(&id) else { return };
        if let Some(timer) = user.timer.take() {
            self.wheel.cancel(timer);
        }
        user.doing = doing;
        let lasts = match doing {
            Doing::Task { .. } => user.script.task,
            Doing::Waiting => user.script.wait,
            Doing::Leaving => user.script.on_stop,
        };
        if doing == Doing::Leaving && lasts.is_zero() {
            self.end(id, now);
        } else {
            user.timer = Some(self.wheel.insert(now + lasts, id));
        }
    }

    fn end(&mut self, id: UserId, now: Instant) {
        self.users.remove(&id);
        self.ended.push(id);
        self.log.push((now, id, Deed::Ended));
    }

    fn proceed(&mut self, id: UserId, now: Instant) {
        let Some(user) = self.users.get_mut(&id) else { return };
        user.timer = None;
        match user.doing {
            Doing::Leaving => self.end(id, now),
            Doing::Waiting => self.begin(id, Doing::Task { asked_to_stop: false }, now),
            Doing::Task { asked_to_stop } => {
                user.tasks += 1;
                let enough = user.script.lives_for.is_some_and(|tasks| tasks <= user.tasks);
                self.log.push((now, id, Deed::FinishedTask));
                self.begin(id, if asked_to_stop || enough { Doing::Leaving } else { Doing::Waiting }, now);
            }
        }
    }
}

impl UserHost for ScriptedHost {
    fn spawn(&mut self, user: UserId, class: &UserClass, now: Instant) -> Result<(), SpawnError> {
        let script = self.scripts.get(&class.name).cloned().unwrap_or_default();
        let started = self.started.entry(class.name.clone()).or_default();
        if script.fails_from.is_some_and(|from| from <= *started) {
            return Err(SpawnError { class: class.name.clone(), reason: "as scripted".to_owned() });
        }
        *started += 1;
        let doing = Doing::Task { asked_to_stop: false };
        self.users.insert(user, User { script, doing, timer: None, tasks: 0 });
        self.log.push((now, user, Deed::Started(class.name.clone())));
        self.begin(user, doing, now);
        Ok(())
    }

    fn stop(&mut self, user: UserId, mode: StopMode, now: Instant) {
        let Some(doing) = self.users.get(&user).map(|user| user.doing) else { return };
        match (doing, mode) {
            (Doing::Task { .. }, StopMode::Graceful) => {
                if let Some(user) = self.users.get_mut(&user) {
                    user.doing = Doing::Task { asked_to_stop: true };
                }
            }
            (Doing::Task { .. }, StopMode::Kill) => {
                self.log.push((now, user, Deed::TornFromTask));
                self.begin(user, Doing::Leaving, now);
            }
            (Doing::Waiting, _) => self.begin(user, Doing::Leaving, now),
            (Doing::Leaving, _) => {}
        }
    }

    fn poll(&mut self, now: Instant, ended: &mut Vec<UserId>) -> Option<Instant> {
        let mut due = Vec::new();
        self.wheel.expire(now, &mut due);
        for user in due {
            self.proceed(user, now);
        }
        ended.append(&mut self.ended);
        self.wheel.next_deadline()
    }
}
