//! The loop of a TaskSet: every step is the Python object's own method, called by name, so that whatever a subclass or a
//! plugin replaces is what runs.

use pyo3::intern;
use pyo3::prelude::*;

use super::control::{self, Control};
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
        let Err(error) = turn(py, task_set, &user) else {
            continue;
        };
        match control::classify(py, &error)? {
            Control::RescheduleImmediately => {
                if turns == bridge.turns() {
                    // Nothing in this turn has let others run: a loop of such turns would freeze the process.
                    let now = std::time::Instant::now();
                    leave_on(py, task_set, bridge.sleep_until(py, now, now))?;
                }
            }
            Control::Interrupt => {
                on_stop(py, task_set)?;
                return Err(control::from_interrupt(py, &error));
            }
            Control::Stop | Control::StopTest => {
                on_stop(py, task_set)?;
                return Err(error);
            }
            Control::Reschedule | Control::Fatal => return Err(error),
            Control::Error => {
                report(py, task_set, &user, &error)?;
                leave_on(py, task_set, wait(py, task_set))?;
            }
        }
    }
}

/// One task and the wait after it.
fn turn(py: Python<'_>, task_set: &Bound<'_, PyAny>, user: &Bound<'_, PyAny>) -> PyResult<()> {
    if !task_set.getattr(intern!(py, "_task_queue"))?.is_truthy()? {
        let next = task_set.call_method0(intern!(py, "get_next_task"))?;
        task_set.call_method1(intern!(py, "schedule_task"), (next,))?;
    }
    if user.getattr(intern!(py, "_state"))?.eq(intern!(py, "stopping"))? {
        return Err(control::stop_user(py));
    }
    match task_set.call_method0(intern!(py, "execute_next_task")) {
        Ok(_) => wait(py, task_set),
        Err(error) if control::classify(py, &error)? == Control::Reschedule => wait(py, task_set),
        Err(error) => Err(error),
    }
}

fn wait(py: Python<'_>, task_set: &Bound<'_, PyAny>) -> PyResult<()> {
    task_set.call_method0(intern!(py, "wait")).map(drop)
}

/// Lets the user leave properly if it is stopped in a wait that stands outside the task's own.
fn leave_on(py: Python<'_>, task_set: &Bound<'_, PyAny>, result: PyResult<()>) -> PyResult<()> {
    let Err(error) = result else { return Ok(()) };
    if matches!(control::classify(py, &error)?, Control::Stop | Control::StopTest) {
        on_stop(py, task_set)?;
    }
    Err(error)
}

/// `on_stop` of a task set that is left; an ordinary error in it is logged and does not keep the user from leaving.
fn on_stop(py: Python<'_>, task_set: &Bound<'_, PyAny>) -> PyResult<()> {
    let Err(error) = task_set.call_method0(intern!(py, "on_stop")) else { return Ok(()) };
    match control::classify(py, &error)? {
        Control::Stop | Control::StopTest | Control::Fatal => Err(error),
        _ => log(py, "Uncaught exception in on_stop", &error),
    }
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
    let event = environment.getattr(intern!(py, "events"))?.getattr(intern!(py, "user_error"))?;
    let arguments = pyo3::types::PyDict::new(py);
    arguments.set_item(intern!(py, "user_instance"), task_set)?;
    arguments.set_item(intern!(py, "exception"), error.value(py))?;
    arguments.set_item(intern!(py, "tb"), error.traceback(py))?;
    event.call_method(intern!(py, "fire"), (), Some(&arguments))?;
    if environment.getattr(intern!(py, "catch_exceptions"))?.is_truthy()? {
        log(py, &error.value(py).str()?.to_string_lossy(), error)
    } else {
        Err(error.clone_ref(py))
    }
}

/// To the logger of `locust.user.task`, with the traceback.
fn log(py: Python<'_>, message: &str, error: &PyErr) -> PyResult<()> {
    let logger = py.import(intern!(py, "locust.user.task"))?.getattr(intern!(py, "logger"))?;
    let info = (error.get_type(py), error.value(py), error.traceback(py));
    let arguments = pyo3::types::PyDict::new(py);
    arguments.set_item(intern!(py, "exc_info"), info)?;
    logger.call_method(intern!(py, "error"), ("%s", message), Some(&arguments)).map(drop)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(run_task_set, m)?)
}
