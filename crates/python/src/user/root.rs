//! The loop of a user's own tasks: what Locust's `User.run` and its hidden root task set do, without a Python frame.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyTuple, PyType};

use super::control::{self, Control};
use super::core::{State, UserCore};
use super::slot::{self, Step};
use super::{after, lending, open, task_set, worker};
use crate::gevent::{Bridge, Ready, call_one, counts};

/// What has become of a user when its greenlet comes back from it.
pub(super) enum Outcome {
    /// It waits; its greenlet is free for others.
    Parked,
    /// It has ended, with an error that nobody handled.
    Finished(PyResult<()>),
}

/// Set while a method of `TaskSet` or `DefaultTaskSet` is replaced by somebody else's: root task sets run by name then.
static PATCHED: AtomicBool = AtomicBool::new(false);

/// As [`drive`], in a greenlet of the engine: a user that is new begins with its own `run`, if its class has one.
pub(super) fn begin_or_go_on(
    py: Python<'_>,
    bridge: &Bridge,
    index: u32,
    user: &Bound<'_, PyAny>,
) -> Outcome {
    static RUN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let begins = slot::with(index, |s| s.step == Step::Start).unwrap_or(false);
    let overridden = || {
        let original = RUN.get_or_try_init(py, || {
            PyResult::Ok(py.import("locust.user.users")?.getattr("User")?.getattr("run")?.unbind())
        })?;
        Ok(!user.get_type().getattr(intern!(py, "run"))?.is(original))
    };
    match if begins { overridden() } else { Ok(false) } {
        Ok(false) => drive(py, bridge, index, user),
        Ok(true) => {
            slot::with(index, |s| s.pinned = true);
            Outcome::Finished(user.call_method0(intern!(py, "run")).map(drop))
        }
        Err(error) => Outcome::Finished(Err(error)),
    }
}

/// Runs `user` from where its slot says until it waits without a greenlet, or ends.
pub(super) fn drive(py: Python<'_>, bridge: &Bridge, index: u32, user: &Bound<'_, PyAny>) -> Outcome {
    let Ok(core) = user.cast::<UserCore>() else { return Outcome::Finished(Ok(())) };
    let core = core.get();
    let Some((step, killed, until)) = slot::with(index, |s| (s.step, s.killed, s.until.filter(|_| s.pinned)))
    else {
        return Outcome::Finished(Ok(()));
    };
    let mut waits_first = false;
    let entered = match step {
        Step::Start if open::is_member(index) => match begin_in_pool(py, bridge, index, user, core) {
            Ok(true) => return Outcome::Parked,
            begun => begun.map(drop),
        },
        Step::Start => begin(py, user, core),
        Step::Waiting | Step::Free if killed => Err(control::greenlet_exit(py)),
        Step::Free => open::go_on(py, bridge, index, core),
        Step::Waiting => {
            // It was given a greenlet in the middle of its wait, and waits on in that.
            let now = Instant::now();
            let waited = match until {
                Some(until) if until > now => bridge.sleep_until(py, until, now),
                _ => Ok(()),
            };
            match waited {
                Ok(()) => after_wait(py, core),
                Err(error) => report_once(py, user, error, false).map(|()| waits_first = true),
            }
        }
    };
    let ended = match entered.and_then(|()| work(py, bridge, index, user, core, waits_first)) {
        Ok(()) => return Outcome::Parked,
        Err(error) => error,
    };
    Outcome::Finished(end(py, user, ended))
}

/// `on_start`, in state running.
fn begin(py: Python<'_>, user: &Bound<'_, PyAny>, core: &UserCore) -> PyResult<()> {
    core.set_state(State::Running);
    let Err(error) = user.call_method0(intern!(py, "on_start")) else { return Ok(()) };
    if error.is_instance_of::<pyo3::exceptions::PyException>(py) {
        // By hand and not through the loop's reporting: it is the user that failed, not a task set.
        user.call_method1(intern!(py, "_on_start_failed"), (task_set::with_traceback(py, &error),))?;
    }
    Err(error)
}

/// `on_start`, and the wait for the first iteration of an open run. True: it waits without a greenlet.
fn begin_in_pool(
    py: Python<'_>,
    bridge: &Bridge,
    index: u32,
    user: &Bound<'_, PyAny>,
    core: &UserCore,
) -> PyResult<bool> {
    let (turns, before) = (bridge.turns(), lending::Trace::take(index));
    begin(py, user, core)?;
    open::await_arrival(py, bridge, index, core, Some(&before), turns)
}

/// The last steps of a user: `on_stop` if it was stopped, or the error that ended it.
fn end(py: Python<'_>, user: &Bound<'_, PyAny>, error: PyErr) -> PyResult<()> {
    match control::classify(py, &error)? {
        Control::Stop => user.call_method0(intern!(py, "on_stop")).map(drop),
        Control::StopTest => {
            user.call_method0(intern!(py, "on_stop"))?;
            user.call_method1(intern!(py, "_stop_test"), (task_set::with_traceback(py, &error),)).map(drop)
        }
        _ => Err(error),
    }
}

/// Reports an error of a wait as a task's, so that the user waits anew; an error that follows one (`reported`) ends it.
fn report_once(py: Python<'_>, user: &Bound<'_, PyAny>, error: PyErr, reported: bool) -> PyResult<()> {
    if reported {
        return Err(error);
    }
    match control::classify_outside_a_task(py, &error)? {
        Control::Error => task_set::report(py, &lending::task_set(user)?, user, &error),
        Control::Interrupt => Err(control::from_interrupt(py, &error)),
        _ => Err(error),
    }
}

/// Tasks and waits, until the user is parked (Ok) or something ends it. `waits_first`: an error has been reported and
/// what comes next is a wait.
fn work(
    py: Python<'_>,
    bridge: &Bridge,
    index: u32,
    user: &Bound<'_, PyAny>,
    core: &UserCore,
    mut waits_first: bool,
) -> PyResult<()> {
    if lending::has_task_set(user)? {
        return run_task_set(py, user);
    }
    let class = user.get_type();
    let is_member = open::is_member(index);
    loop {
        if PATCHED.load(Ordering::Relaxed) {
            return run_task_set(py, user);
        }
        let turns = bridge.turns();
        let before = lending::Trace::take(index);
        let mut wait = true;
        let mut reported = std::mem::take(&mut waits_first);
        if core.state() == State::Stopping {
            return Err(control::stop_user(py));
        }
        if !reported && let Err(error) = one_task(py, user, &class) {
            match control::classify(py, &error)? {
                Control::RescheduleImmediately => wait = false,
                Control::Reschedule => {}
                Control::Interrupt => return Err(control::from_interrupt(py, &error)),
                Control::Stop | Control::StopTest | Control::Fatal => return Err(error),
                Control::Error => {
                    task_set::report(py, &lending::task_set(user)?, user, &error)?;
                    reported = true;
                }
            }
        }
        if !wait {
            if turns == bridge.turns() {
                // A user that never yields would freeze every other one, and the run's end with them.
                let now = Instant::now();
                bridge.sleep_until(py, now, now)?;
            }
            continue;
        }
        if is_member {
            if open::await_arrival(py, bridge, index, core, Some(&before), turns)? {
                return Ok(());
            }
            continue;
        }
        if core.state() == State::Stopping {
            return Err(control::stop_user(py));
        }
        core.set_state(State::Waiting);
        let waited = wait_time(py, user).and_then(|seconds| {
            if seconds > 0.0 {
                let now = Instant::now();
                if lending::may_leave(py, index, &before) {
                    park(py, bridge, index, after(now, seconds))?;
                    return Ok(true);
                }
                let due = after(now, seconds);
                bridge.sleep_until(py, due, now)?;
                counts::begins(due);
            } else if turns == bridge.turns() {
                let now = Instant::now();
                bridge.sleep_until(py, now, now)?;
            }
            Ok(false)
        });
        match waited {
            Ok(true) => return Ok(()),
            Ok(false) => after_wait(py, core)?,
            Err(error) => {
                report_once(py, user, error, reported)?;
                waits_first = true;
            }
        }
    }
}

/// The tasks of a user whose root task set somebody works with: it is run as the Python object it then is.
fn run_task_set(py: Python<'_>, user: &Bound<'_, PyAny>) -> PyResult<()> {
    lending::task_set(user)?.call_method0(intern!(py, "run")).map(drop)
}

/// Puts the user on the timer wheel without a greenlet.
fn park(py: Python<'_>, bridge: &Bridge, index: u32, deadline: Instant) -> PyResult<()> {
    bridge.begin_wait(py)?;
    let timer = bridge.schedule(deadline, Ready::User(index));
    let greenlet = slot::with(index, |s| {
        s.step = Step::Waiting;
        s.timer = Some(timer);
        s.until = Some(deadline);
        s.greenlet.take()
    });
    drop(greenlet);
    Ok(())
}

fn after_wait(py: Python<'_>, core: &UserCore) -> PyResult<()> {
    if core.state() == State::Stopping {
        return Err(control::stop_user(py));
    }
    core.set_state(State::Running);
    Ok(())
}

fn wait_time(py: Python<'_>, user: &Bound<'_, PyAny>) -> PyResult<f64> {
    let wait_time = user.getattr(intern!(py, "wait_time"))?;
    if !wait_time.is_truthy()? {
        return lending::task_set(user)?.call_method0(intern!(py, "wait_time"))?.extract();
    }
    wait_time.call0()?.extract()
}

/// Picks a task of the user and runs it.
fn one_task(py: Python<'_>, user: &Bound<'_, PyAny>, class: &Bound<'_, PyType>) -> PyResult<()> {
    let tasks = user.getattr(intern!(py, "tasks"))?;
    let task = match tasks.cast::<PyList>() {
        Ok(list) if !list.is_empty() => list.get_item(pick(py, list.len())?)?,
        _ => {
            let tasks: Vec<Bound<'_, PyAny>> = tasks.try_iter()?.collect::<PyResult<_>>()?;
            if tasks.is_empty() {
                return Err(no_tasks(py, user, class));
            }
            tasks[pick(py, tasks.len())?].clone()
        }
    };
    if task.is_instance_of::<PyType>() && task.hasattr(intern!(py, "tasks"))? {
        let nested = task.call1((user,))?;
        return nested.call_method0(intern!(py, "run")).map(drop);
    }
    call_one(&task, user).map(drop)
}

fn no_tasks(py: Python<'_>, user: &Bound<'_, PyAny>, _class: &Bound<'_, PyType>) -> PyErr {
    // The wording, with its hint on a stray `task` attribute, belongs to the Python class.
    match lending::task_set(user).and_then(|ts| ts.call_method0(intern!(py, "get_next_task"))) {
        Ok(_) => {
            pyo3::exceptions::PyRuntimeError::new_err("the user's tasks changed while one was being picked")
        }
        Err(error) => error,
    }
}

/// A uniform pick of `0..len`, drawn as `random.choice` draws: a script that calls `random.seed` gets the same tasks each time.
fn pick(py: Python<'_>, len: usize) -> PyResult<usize> {
    static BITS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if len == 1 {
        return Ok(0);
    }
    let bits =
        BITS.get_or_try_init(py, || PyResult::Ok(py.import("random")?.getattr("getrandbits")?.unbind()))?;
    let width = (usize::BITS - len.leading_zeros()).into_pyobject(py)?;
    loop {
        let drawn: usize = call_one(bits.bind(py), &width)?.extract()?;
        if drawn < len {
            return Ok(drawn);
        }
    }
}

/// Runs a user to its end in the calling greenlet: `User.run`.
#[pyfunction]
fn run_user(py: Python<'_>, user: &Bound<'_, UserCore>) -> PyResult<()> {
    worker::run_here(py, user)
}

/// Told by the metaclass of task sets whether any method of `TaskSet` or `DefaultTaskSet` is not the original.
#[pyfunction]
fn task_set_patched(patched: bool) {
    PATCHED.store(patched, Ordering::Relaxed);
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let _ = PyTuple::empty(m.py());
    m.add_function(wrap_pyfunction!(run_user, m)?)?;
    m.add_function(wrap_pyfunction!(task_set_patched, m)?)
}
