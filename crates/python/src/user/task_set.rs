//! The loop of a TaskSet: every step is the Python object's own method, called by name, so that whatever a subclass or a
//! plugin replaces is what runs.

use pyo3::exceptions::{PyBaseException, PyException};
use pyo3::intern;
use pyo3::prelude::*;

use super::control::{self, Control};
use super::core::UserCore;
use super::{open, slot};
use crate::gevent::Bridge;

/// Runs a TaskSet until it is interrupted or its user stops. Always ends with an error: what the enclosing loop acts on.
#[pyfunction]
fn run_task_set(py: Python<'_>, task_set: &Bound<'_, PyAny>) -> PyResult<()> {
    let user = task_set.getattr(intern!(py, "user"))?;
    if let Err(error) = task_set.call_method0(intern!(py, "on_start")) {
        return Err(match control::classify(py, &error)? {
            Control::Interrupt => control::from_interrupt(py, &error),
            _ => error,
        });
    }
    let bridge = Bridge::current(py)?;
    loop {
        let turns = bridge.turns();
        let Some((error, control)) = turn(py, task_set, &user)? else {
            continue;
        };
        match control {
            Control::RescheduleImmediately => {
                if turns == bridge.turns() {
                    // Nothing in this turn has let others run: a loop of such turns would freeze the process.
                    let now = std::time::Instant::now();
                    leave_on(py, task_set, bridge.sleep_until(py, now, now))?;
                }
            }
            Control::Interrupt => {
                on_stop(py, task_set, false)?;
                return Err(control::from_interrupt(py, &error));
            }
            Control::Stop | Control::StopTest => {
                on_stop(py, task_set, true)?;
                return Err(error);
            }
            Control::Fatal => return Err(error),
            // A task's wish to be rescheduled is fulfilled in `turn`.
            Control::Reschedule | Control::Error => {
                report(py, task_set, &user, &error)?;
                leave_on(py, task_set, wait(py, task_set, &user))?;
            }
        }
    }
}

/// One task and the wait after it; an error, and what it means where it came from.
fn turn(
    py: Python<'_>,
    task_set: &Bound<'_, PyAny>,
    user: &Bound<'_, PyAny>,
) -> PyResult<Option<(PyErr, Control)>> {
    let executed = match choose(py, task_set, user) {
        Ok(()) => task_set.call_method0(intern!(py, "execute_next_task")),
        Err(error) => return outside_a_task(py, error),
    };
    if let Err(error) = executed {
        let control = control::classify(py, &error)?;
        if control != Control::Reschedule {
            return Ok(Some((error, control)));
        }
    }
    match wait(py, task_set, user) {
        Ok(()) => Ok(None),
        Err(error) => outside_a_task(py, error),
    }
}

fn outside_a_task(py: Python<'_>, error: PyErr) -> PyResult<Option<(PyErr, Control)>> {
    let control = control::classify_outside_a_task(py, &error)?;
    Ok(Some((error, control)))
}

/// Sees to it that there is a next task; StopUser if the user is stopping.
fn choose(py: Python<'_>, task_set: &Bound<'_, PyAny>, user: &Bound<'_, PyAny>) -> PyResult<()> {
    if !task_set.getattr(intern!(py, "_task_queue"))?.is_truthy()? {
        let next = task_set.call_method0(intern!(py, "get_next_task"))?;
        task_set.call_method1(intern!(py, "schedule_task"), (next,))?;
    }
    if user.getattr(intern!(py, "_state"))?.eq(intern!(py, "stopping"))? {
        return Err(control::stop_user(py));
    }
    Ok(())
}

/// Between two tasks: a member of an open run's pool waits for its next iteration, unless the script has a `wait` of its own.
fn wait(py: Python<'_>, task_set: &Bound<'_, PyAny>, user: &Bound<'_, PyAny>) -> PyResult<()> {
    if open::is_on()
        && let Ok(core) = user.cast::<UserCore>()
        && let Some(index) = slot::of(core.get()).filter(|&index| open::is_member(index))
        && !waits_its_own_way(task_set)?
    {
        let bridge = Bridge::current(py)?;
        let turns = bridge.turns();
        return open::await_arrival(py, &bridge, index, core.get(), None, turns).map(drop);
    }
    task_set.call_method0(intern!(py, "wait")).map(drop)
}

/// Whether somebody has replaced how a TaskSet waits.
fn waits_its_own_way(task_set: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = task_set.py();
    let original = task_module(py)?.getattr(intern!(py, "TaskSet"))?;
    let of = |name: &Bound<'_, pyo3::types::PyString>| {
        PyResult::Ok(!task_set.get_type().getattr(name)?.is(original.getattr(name)?))
    };
    Ok(of(intern!(py, "wait"))? || of(intern!(py, "_sleep"))?)
}

/// Lets the user leave properly if it is stopped in a wait that stands outside the task's own.
fn leave_on(py: Python<'_>, task_set: &Bound<'_, PyAny>, result: PyResult<()>) -> PyResult<()> {
    let Err(error) = result else { return Ok(()) };
    if matches!(control::classify(py, &error)?, Control::Stop | Control::StopTest) {
        on_stop(py, task_set, true)?;
    }
    Err(error)
}

/// `on_stop` of a task set that is left; an ordinary error in it is logged and does not keep the user from leaving.
/// Nor do the control exceptions if the user is `stopping` already.
fn on_stop(py: Python<'_>, task_set: &Bound<'_, PyAny>, stopping: bool) -> PyResult<()> {
    let Err(error) = task_set.call_method0(intern!(py, "on_stop")) else { return Ok(()) };
    let passes = match control::classify(py, &error)? {
        Control::Stop | Control::StopTest => !(stopping && error.is_instance_of::<PyException>(py)),
        control => control == Control::Fatal,
    };
    if passes {
        return Err(error);
    }
    task_module(py)?.call_method1(intern!(py, "on_stop_failed"), (with_traceback(py, &error),)).map(drop)
}

/// An ordinary error in a task: listeners of `user_error` hear of it, then it is logged, or raised if the environment
/// says so.
pub(super) fn report(
    py: Python<'_>,
    task_set: &Bound<'_, PyAny>,
    user: &Bound<'_, PyAny>,
    error: &PyErr,
) -> PyResult<()> {
    let environment = user.getattr(intern!(py, "environment"))?;
    let arguments = (task_set, environment, with_traceback(py, error));
    if task_module(py)?.call_method1(intern!(py, "task_failed"), arguments)?.is_truthy()? {
        Ok(())
    } else {
        Err(error.clone_ref(py))
    }
}

/// The exception with its `__traceback__` set, which a `PyErr` keeps apart before Python 3.12.
pub(super) fn with_traceback(py: Python<'_>, error: &PyErr) -> Py<PyBaseException> {
    error.clone_ref(py).into_value(py)
}

/// `locust.user.task`: what is logged, where and how, is said there.
fn task_module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import(intern!(py, "locust.user.task"))
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(run_task_set, m)?)
}
