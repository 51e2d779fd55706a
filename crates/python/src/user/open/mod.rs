//! Open runs: iterations arrive at a rate, and users of the pool wait for them.
//!
//! Where a user of a closed run waits for its `wait_time`, one of an open run waits for its next iteration: between its own tasks, and
//! between those of a TaskSet that it is in. When iterations are due and whose they are, `gregaria_engine::arrivals` says.

mod calls;
mod latency;

use std::cell::RefCell;
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gregaria_engine::arrivals::{Deed, Pool};
use gregaria_record::{Delays, unix_now};
use gregaria_wake::Awake;
use pyo3::prelude::*;

use super::control;
use super::core::{State, UserCore};
use super::lending::{self, Trace};
use super::slot::{self, Step};
use crate::gevent::{Bridge, Ready, Signal};
use latency::Book;

pub(super) use calls::register;
pub(crate) use latency::{latencies_now, latency_of};

/// An iteration that began later than this after the moment at which it was to begin is late.
const LATE: Duration = Duration::from_millis(8);

/// Whether there is an open run: all that a closed run asks.
static IS_ON: AtomicBool = AtomicBool::new(false);

thread_local! {
    // Never dropped: a thread's destructors run when the interpreter is gone.
    static RUN: ManuallyDrop<RefCell<Option<Box<Open>>>> = const { ManuallyDrop::new(RefCell::new(None)) };
    // Which user each greenlet runs, by its address; what is said of a greenlet that runs another one by now is not believed.
    static RUNNING: RefCell<HashMap<usize, u32>> = RefCell::new(HashMap::new());
}

/// The open run of this thread.
struct Open {
    /// Tells it from others.
    number: u64,
    pool: Pool,
    origin: Instant,
    /// What was to begin before does not count.
    counts_from: Instant,
    /// Names of the classes, by their numbers in the pool.
    classes: Vec<String>,
    /// Called with the names of classes, each as often as a user of it is to be started.
    start: Py<PyAny>,
    late: u64,
    /// How much later than they were to begin iterations began, what their first requests waited before they were sent included.
    delays: Delays,
    most_users: usize,
    /// The same since a master was last told of it.
    most_lately: usize,
    book: Arc<Book>,
    /// Processors are kept awake for it.
    _awake: Option<Awake>,
}

/// A user's place in the pool.
#[derive(Clone, Copy, Debug)]
pub(in crate::user) struct Member {
    /// Of which open run.
    run: u64,
    class: usize,
    /// Whether its `on_start` is over.
    ready: bool,
}

/// The iteration that a user is in, or is about to begin.
#[derive(Clone, Copy, Debug)]
pub(in crate::user) struct Iteration {
    /// When it was to begin.
    intended: Instant,
    /// The same, unix seconds.
    intended_unix: f64,
    /// How much later it began.
    delay: Duration,
    /// Whether a request has been made in it.
    has_asked: bool,
}

impl Iteration {
    fn intended_at(intended: Instant) -> Self {
        Self { intended, intended_unix: 0.0, delay: Duration::ZERO, has_asked: false }
    }
}

/// Whether users may be members of a pool.
#[inline]
pub(crate) fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

impl Open {
    /// An iteration began that much later than it was to.
    fn has_begun(&mut self, intended: Instant, delay: Duration) {
        if intended < self.counts_from {
            return;
        }
        self.late += u64::from(delay > LATE);
        self.delays.add(delay);
    }

    /// The first request of such an iteration waited for that long before it was sent.
    fn has_waited(&mut self, intended: Instant, delay: Duration, blocked: Duration) {
        if intended < self.counts_from {
            return;
        }
        let whole = delay + blocked;
        if self.delays.prolong(delay, whole) {
            self.late += u64::from(delay <= LATE && whole > LATE);
        }
    }
}

fn with<R>(work: impl FnOnce(&mut Open) -> R) -> Option<R> {
    RUN.with(|run| run.borrow_mut().as_deref_mut().map(work))
}

/// Whether this user waits for arrivals.
pub(in crate::user) fn is_member(index: u32) -> bool {
    is_on() && slot::with(index, |s| s.member.is_some()).unwrap_or(false)
}

/// A user has been started: a member, if its class is one of the pool's.
pub(in crate::user) fn joins(user: &Bound<'_, PyAny>, index: u32) -> PyResult<()> {
    if !is_on() {
        return Ok(());
    }
    let name: String = user.get_type().name()?.extract()?;
    let member = with(|open| {
        let class = open.classes.iter().position(|class| *class == name)?;
        open.pool.joins(class);
        open.most_users = open.most_users.max(open.pool.users());
        open.most_lately = open.most_lately.max(open.pool.users());
        Some(Member { run: open.number, class, ready: false })
    });
    if let Some(member) = member {
        slot::with(index, |s| s.member = member);
    }
    Ok(())
}

/// A user has ended; its number may be another one's soon.
pub(in crate::user) fn leaves(member: Member, index: u32) {
    with(|open| {
        if open.number == member.run {
            open.pool.leaves(index, member.class, !member.ready);
        }
    });
}

/// Waits for the user's next iteration. True: it does so without a greenlet; `before` is what its greenlet looked like, `None`: the
/// greenlet is in the middle of something, and stays.
///
/// Errors: StopUser, and whatever is thrown into the greenlet meanwhile.
pub(in crate::user) fn await_arrival(
    py: Python<'_>,
    bridge: &Bridge,
    index: u32,
    core: &UserCore,
    before: Option<&Trace>,
    turns: u64,
) -> PyResult<bool> {
    if core.state() == State::Stopping {
        return Err(control::stop_user(py));
    }
    core.set_state(State::Waiting);
    let next = slot::with(index, |s| {
        s.iteration = None;
        let member = s.member.as_mut()?;
        let before = *member;
        member.ready = true;
        Some(before)
    })
    .flatten()
    .and_then(|member| {
        with(|open| {
            if open.number != member.run {
                return None;
            }
            if !member.ready {
                open.pool.is_ready(member.class);
            }
            Some(open.pool.is_free(index, member.class))
        })
    })
    .flatten();
    let Some(next) = next else {
        // Its run is over.
        return Err(control::stop_user(py));
    };
    if let Some(intended) = next {
        slot::with(index, |s| s.iteration = Some(Iteration::intended_at(intended)));
        if turns == bridge.turns() {
            // A task that never yields would keep everybody else from the processor, as long as arrivals wait.
            let now = Instant::now();
            bridge.sleep_until(py, now, now)?;
        }
    } else if before.is_some_and(|before| lending::may_leave(py, index, before)) {
        park(py, bridge, index)?;
        return Ok(true);
    } else {
        wait_here(py, bridge, index)?;
    }
    begin(py, index, core)?;
    Ok(false)
}

/// A user that waited for its next iteration has been given a greenlet, or is to end.
pub(in crate::user) fn go_on(py: Python<'_>, bridge: &Bridge, index: u32, core: &UserCore) -> PyResult<()> {
    if slot::with(index, |s| s.iteration.is_none()).unwrap_or(false) {
        // Somebody has asked for its greenlet: it waits on in that.
        wait_here(py, bridge, index)?;
    }
    begin(py, index, core)
}

fn begin(py: Python<'_>, index: u32, core: &UserCore) -> PyResult<()> {
    if core.state() == State::Stopping {
        return Err(control::stop_user(py));
    }
    core.set_state(State::Running);
    if let Some(Some(iteration)) = slot::with(index, |s| s.iteration) {
        let delay = iteration.intended.elapsed();
        let begun = Iteration { intended_unix: unix_now() - delay.as_secs_f64(), delay, ..iteration };
        let here = slot::with(index, |s| {
            s.iteration = Some(begun);
            s.greenlet.as_ref().map(|greenlet| greenlet.as_ptr() as usize)
        });
        if let Some(Some(here)) = here {
            RUNNING.with(|running| running.borrow_mut().insert(here, index));
        }
        with(|open| open.has_begun(iteration.intended, delay));
    }
    Ok(())
}

fn park(py: Python<'_>, bridge: &Bridge, index: u32) -> PyResult<()> {
    bridge.begin_wait(py)?;
    let greenlet = slot::with(index, |s| {
        s.step = Step::Free;
        s.until = None;
        s.greenlet.take()
    });
    drop(greenlet);
    Ok(())
}

fn wait_here(py: Python<'_>, bridge: &Bridge, index: u32) -> PyResult<()> {
    let token = bridge.open();
    slot::with(index, |s| s.waits = Some(token));
    let result = loop {
        if slot::with(index, |s| s.iteration.is_some()).unwrap_or(true) {
            break Ok(());
        }
        match bridge.wait(py, token) {
            Ok(Signal::Broken) => {}
            Ok(_) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    slot::with(index, |s| s.waits = None);
    bridge.close(token);
    result
}

/// Arrivals are due: users begin them, and new ones are asked for. Runs in the hub.
pub(crate) fn arrive(py: Python<'_>, bridge: &Bridge, now: Instant) {
    let mut starts: Vec<String> = Vec::new();
    loop {
        match with(|open| open.pool.poll(now)).unwrap_or(Deed::Rest) {
            Deed::Run { user, intended } => {
                let waits = slot::with(user, |s| {
                    s.iteration = Some(Iteration::intended_at(intended));
                    s.waits
                });
                match waits {
                    Some(Some(token)) => bridge.is_due(Ready::Sleeper(token)),
                    Some(None) => bridge.is_due(Ready::User(user)),
                    None => {}
                }
            }
            Deed::Start { class } => starts.extend(with(|open| open.classes[class].clone())),
            Deed::Wait(at) => {
                bridge.arrival_at(Some(at));
                break;
            }
            Deed::Rest => {
                bridge.arrival_at(None);
                break;
            }
        }
    }
    if starts.is_empty() {
        return;
    }
    let Some(start) = with(|open| open.start.clone_ref(py)) else { return };
    if let Err(error) = start.call1(py, (starts,)) {
        bridge.report(py, start.bind(py), &error);
    }
}
