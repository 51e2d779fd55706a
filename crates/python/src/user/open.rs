//! Open runs: iterations arrive at a rate, and users of the pool wait for them.
//!
//! Where a user of a closed run waits for its `wait_time`, one of an open run waits for its next iteration: between its own tasks, and
//! between those of a TaskSet that it is in. When iterations are due and whose they are, `gregaria_engine::arrivals` says.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gregaria_engine::arrivals::{Deed, Lane, Pattern, Pool, Profile, Schedule, Share};
use gregaria_record::Delays;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::after;
use super::control;
use super::core::{State, UserCore};
use super::lending::{self, Trace};
use super::slot::{self, Step};
use crate::gevent::{Bridge, Ready, Signal};

/// An iteration that began later than this after the moment at which it was to begin is late.
const LATE: Duration = Duration::from_millis(8);

/// Whether there is an open run: all that a closed run asks.
static IS_ON: AtomicBool = AtomicBool::new(false);
/// Open runs of this process.
static RUNS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    // Never dropped: a thread's destructors run when the interpreter is gone.
    static RUN: ManuallyDrop<RefCell<Option<Box<Open>>>> = const { ManuallyDrop::new(RefCell::new(None)) };
}

/// The open run of this thread.
struct Open {
    /// Tells it from others.
    number: u64,
    pool: Pool,
    origin: Instant,
    /// Names of the classes, by their numbers in the pool.
    classes: Vec<String>,
    /// Called with the names of classes, each as often as a user of it is to be started.
    start: Py<PyAny>,
    late: u64,
    /// How much later than they were to begin iterations began.
    delays: Delays,
    most_users: usize,
}

/// A user's place in the pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// Of which open run.
    run: u64,
    class: usize,
    /// Whether its `on_start` is over.
    ready: bool,
}

/// The iteration that a user is in, or is about to begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Iteration {
    /// When it was to begin.
    intended: Instant,
}

/// Whether users may be members of a pool.
#[inline]
pub(super) fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

fn with<R>(work: impl FnOnce(&mut Open) -> R) -> Option<R> {
    RUN.with(|run| run.borrow_mut().as_deref_mut().map(work))
}

/// Whether this user waits for arrivals.
pub(super) fn is_member(index: u32) -> bool {
    is_on() && slot::with(index, |s| s.member.is_some()).unwrap_or(false)
}

/// A user has been started: a member, if its class is one of the pool's.
pub(super) fn joins(user: &Bound<'_, PyAny>, index: u32) -> PyResult<()> {
    if !is_on() {
        return Ok(());
    }
    let name: String = user.get_type().name()?.extract()?;
    let member = with(|open| {
        let class = open.classes.iter().position(|class| *class == name)?;
        open.pool.joins(class);
        open.most_users = open.most_users.max(open.pool.users());
        Some(Member { run: open.number, class, ready: false })
    });
    if let Some(member) = member {
        slot::with(index, |s| s.member = member);
    }
    Ok(())
}

/// A user has ended; its number may be another one's soon.
pub(super) fn leaves(member: Member, index: u32) {
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
pub(super) fn await_arrival(
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
        slot::with(index, |s| s.iteration = Some(Iteration { intended }));
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
pub(super) fn go_on(py: Python<'_>, bridge: &Bridge, index: u32, core: &UserCore) -> PyResult<()> {
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
        with(|open| {
            open.late += u64::from(delay > LATE);
            open.delays.add(delay);
        });
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
                    s.iteration = Some(Iteration { intended });
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

/// Looks at the arrivals anew, in the next turn of the hub.
fn look_again(py: Python<'_>) -> PyResult<()> {
    Bridge::current(py)?.arrive_soon();
    Ok(())
}

fn read(text: &str) -> PyResult<Profile> {
    Profile::parse(text).map_err(|wrong| PyValueError::new_err(wrong.to_string()))
}

/// The highest rate that a text asks for, and after how many seconds it is over (None: never). Errors: ValueError, with the place marked,
/// if it is no rate.
#[pyfunction]
fn check_arrival_rate(text: &str) -> PyResult<(f64, Option<f64>)> {
    let profile = read(text)?;
    Ok((profile.highest(), profile.ends_at()))
}

/// Begins an open run. `lanes`: each a rate, and the names and weights of the classes that share it. `most`: users at a time. `seed`: of a
/// Poisson process; None: at even distances. `start`: called with the classes of which users are to be started. `elapsed`: since the
/// begin, when it began elsewhere. `share`: from how many seconds after the begin on arrivals are this process's, its number,
/// and the count of processes. Errors: ValueError if a rate is none.
#[pyfunction]
#[pyo3(signature = (lanes, most, seed, start, elapsed=0.0, share=None))]
fn begin_open_run(
    py: Python<'_>,
    lanes: Vec<(String, Vec<(String, f64)>)>,
    most: usize,
    seed: Option<u64>,
    start: Py<PyAny>,
    elapsed: f64,
    share: Option<(f64, u64, u64)>,
) -> PyResult<()> {
    let pattern = seed.map_or(Pattern::Constant, |seed| Pattern::Poisson { seed });
    let mut classes: Vec<String> = Vec::new();
    let mut made = Vec::with_capacity(lanes.len());
    for (rate, members) in lanes {
        let mut numbers = Vec::with_capacity(members.len());
        for (name, weight) in members {
            numbers.push((classes.len(), weight));
            classes.push(name);
        }
        // Nothing yet: the rate is to change.
        let profile = if rate.is_empty() { Profile::constant(0.0) } else { read(&rate)? };
        let mut schedule = Schedule::new(profile, pattern);
        if let Some((from, index, of)) = share {
            // What was due before is others' to have begun.
            let block = schedule.block_at(from);
            schedule.share_from(0, Share::NONE);
            schedule.share_from(block, Share { index, of });
        }
        made.push(Lane::new(schedule, &numbers));
    }
    let now = Instant::now();
    let origin = now.checked_sub(after(now, elapsed) - now).unwrap_or(now);
    let pool = Pool::new(made, classes.len(), most, origin);
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    let run =
        Open { number, pool, origin, classes, start, late: 0, delays: Delays::default(), most_users: 0 };
    drop(RUN.with(|place| place.borrow_mut().replace(Box::new(run))));
    IS_ON.store(true, Ordering::Relaxed);
    look_again(py)
}

/// From that many seconds after the begin on, arrivals are those of process number `index` of so many.
#[pyfunction]
fn share_open_run(py: Python<'_>, seconds: f64, index: u64, of: u64) -> PyResult<()> {
    with(|open| {
        for lane in open.pool.lanes_mut() {
            let block = lane.schedule().block_at(seconds);
            lane.schedule_mut().share_from(block, Share { index, of });
        }
    });
    look_again(py)
}

/// From that many seconds after the begin on, the rate is so many per second: of the first lane.
#[pyfunction]
fn change_arrival_rate(py: Python<'_>, seconds: f64, per_second: f64) -> PyResult<()> {
    with(|open| {
        if let Some(lane) = open.pool.lanes_mut().first_mut() {
            lane.schedule_mut().change_rate(seconds, per_second);
        }
    });
    look_again(py)
}

/// So many users at a time, from now on. None is ended for it.
#[pyfunction]
fn limit_open_run(most: usize) {
    with(|open| open.pool.set_most(most));
}

/// A user of this class was to be started, and could not.
#[pyfunction]
fn could_not_start(class: &str) {
    with(|open| {
        if let Some(class) = open.classes.iter().position(|name| name == class) {
            open.pool.failed_to_start(class);
        }
    });
}

/// Seconds since the begin; None: there is no open run.
#[pyfunction]
fn open_run_elapsed() -> Option<f64> {
    with(|open| open.origin.elapsed().as_secs_f64())
}

/// What has become of the arrivals until now; None: there is no open run.
#[pyfunction]
fn open_run_totals(py: Python<'_>) -> PyResult<Option<Bound<'_, PyDict>>> {
    let known = with(|open| {
        let rate = if open.pool.is_over() { 0.0 } else { open.pool.rate_at(Instant::now()) };
        (open.pool.totals(), open.late, open.delays, rate, open.most_users)
    });
    let Some((totals, late, delays, rate, most_users)) = known else { return Ok(None) };
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "due"), totals.due)?;
    dict.set_item(intern!(py, "begun"), totals.begun)?;
    dict.set_item(intern!(py, "late"), late)?;
    dict.set_item(intern!(py, "dropped"), totals.dropped)?;
    dict.set_item(intern!(py, "waiting"), totals.waiting)?;
    dict.set_item(intern!(py, "rate"), rate)?;
    dict.set_item(intern!(py, "most_users"), most_users)?;
    dict.set_item(intern!(py, "delays"), delays.counts.to_vec())?;
    dict.set_item(intern!(py, "delay_sum"), delays.nanos as f64 / 1e6)?;
    dict.set_item(intern!(py, "delay_max"), delays.most_nanos as f64 / 1e6)?;
    Ok(Some(dict))
}

/// Whether all stages of the rate are over, and all that was to begin has begun or was dropped.
#[pyfunction]
fn open_run_is_through() -> bool {
    with(|open| open.pool.is_through()).unwrap_or(true)
}

/// No more iterations begin; what waits for a user is dropped. What has begun goes on.
#[pyfunction]
fn end_open_run(py: Python<'_>) -> PyResult<()> {
    with(|open| open.pool.end(Instant::now()));
    look_again(py)
}

/// The open run is over, and its users have ended: others are users of closed runs.
#[pyfunction]
fn forget_open_run(py: Python<'_>) -> PyResult<()> {
    IS_ON.store(false, Ordering::Relaxed);
    let run = RUN.with(|place| place.borrow_mut().take());
    drop(run);
    look_again(py)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(check_arrival_rate, m)?)?;
    m.add_function(wrap_pyfunction!(begin_open_run, m)?)?;
    m.add_function(wrap_pyfunction!(share_open_run, m)?)?;
    m.add_function(wrap_pyfunction!(change_arrival_rate, m)?)?;
    m.add_function(wrap_pyfunction!(limit_open_run, m)?)?;
    m.add_function(wrap_pyfunction!(could_not_start, m)?)?;
    m.add_function(wrap_pyfunction!(open_run_elapsed, m)?)?;
    m.add_function(wrap_pyfunction!(open_run_totals, m)?)?;
    m.add_function(wrap_pyfunction!(open_run_is_through, m)?)?;
    m.add_function(wrap_pyfunction!(end_open_run, m)?)?;
    m.add_function(wrap_pyfunction!(forget_open_run, m)?)
}
