//! Ending users from outside: asking them to stop after their task, and killing them.

use std::time::Instant;

use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;

use super::after;
use super::control;
use super::core::{State, UserCore};
use super::slot::{self, Step};
use crate::gevent::{Bridge, Ready};

/// Asks `user` to stop: a running one ends after its present task (False), one that waits or has not begun is killed
/// (True, without waiting for its end). `force` kills in any state. Raises GreenletExit if that kills the caller itself.
/// Errors: RuntimeError if the user is not running.
#[pyfunction]
#[pyo3(signature = (user, force=false))]
fn stop_user_nowait(py: Python<'_>, user: &Bound<'_, UserCore>, force: bool) -> PyResult<bool> {
    let core = user.get();
    let Some(index) = slot::of(core) else {
        return Err(PyRuntimeError::new_err("this user is not running"));
    };
    match core.state() {
        State::Running if !force => {
            core.set_state(State::Stopping);
            Ok(false)
        }
        State::Stopping if !force => Ok(false),
        _ => {
            kill(py, index)?;
            Ok(true)
        }
    }
}

/// Ends the user of a slot as a kill of its greenlet would.
fn kill(py: Python<'_>, index: u32) -> PyResult<()> {
    let bridge = Bridge::current(py)?;
    let Some((greenlet, timer, step, killed, is_free)) = slot::with(index, |s| {
        // Waits in the pool of an open run, and nobody is about to wake it.
        let is_free = s.step == Step::Free && s.iteration.is_none() && s.own.is_none();
        let killed = std::mem::replace(&mut s.killed, true);
        // The greenlet is killed a turn later. It must not be somebody else's by then.
        s.pinned |= s.greenlet.is_some();
        (s.greenlet.as_ref().map(|g| g.clone_ref(py)), s.timer.take(), s.step, killed, is_free)
    }) else {
        return Ok(());
    };
    match greenlet {
        Some(greenlet) if greenlet.bind(py).is(bridge.current_greenlet(py)?) => {
            Err(control::greenlet_exit(py))
        }
        Some(greenlet) => {
            let arguments = pyo3::types::PyDict::new(py);
            arguments.set_item(intern!(py, "block"), false)?;
            greenlet.bind(py).call_method(intern!(py, "kill"), (), Some(&arguments)).map(drop)
        }
        None => {
            // On the wheel: due now. If it has not begun, is due anyway or was killed already, it lies in the queue.
            let waits = match timer {
                Some(timer) => bridge.cancel_timer(timer) && step == Step::Waiting,
                None => is_free,
            };
            if waits && !killed {
                bridge.make_ready(py, Ready::User(index));
            }
            Ok(())
        }
    }
}

/// Blocks the calling greenlet until each of `users` has ended, `timeout` seconds at most (None: without limit).
/// Returns whether all have.
#[pyfunction]
#[pyo3(signature = (users, timeout=None))]
fn join_users(py: Python<'_>, users: Vec<Bound<'_, UserCore>>, timeout: Option<f64>) -> PyResult<bool> {
    let bridge = Bridge::current(py)?;
    let token = bridge.open();
    let started = Instant::now();
    let deadline = timeout.map(|seconds| after(started, seconds));
    let timer = deadline.map(|deadline| bridge.schedule(deadline, Ready::Sleeper(token)));
    let mut result = Ok(true);
    for user in &users {
        let me = bridge.current_greenlet(py)?;
        while let Some(index) = slot::of(user.get()) {
            let own = slot::with(index, |s| s.greenlet.as_ref().is_some_and(|g| g.bind(py).is(&me)))
                .unwrap_or(false);
            if own {
                // Nobody can wait for its own end.
                break;
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                result = Ok(false);
                break;
            }
            slot::with(index, |s| {
                if !s.watchers.contains(&token) {
                    s.watchers.push(token);
                }
            });
            if let Err(error) = bridge.wait(py, token) {
                result = Err(error);
                break;
            }
        }
        if !matches!(result, Ok(true)) {
            break;
        }
    }
    if let Some(timer) = timer {
        bridge.cancel_timer(timer);
    }
    bridge.close(token);
    result
}

/// The greenlet that runs `user`, which keeps it from now on; None if it has none at the moment.
#[pyfunction]
fn pin_greenlet(py: Python<'_>, user: &Bound<'_, UserCore>) -> Option<Py<PyAny>> {
    let index = slot::of(user.get())?;
    slot::with(index, |s| {
        let greenlet = s.greenlet.as_ref().map(|g| g.clone_ref(py));
        s.pinned |= greenlet.is_some();
        greenlet
    })
    .flatten()
}

/// Binds `greenlet`, not started yet, to a user that has none: from the next turn of the hub it waits, and runs all tasks,
/// in it. False if the user has one already or is not running.
#[pyfunction]
fn give_greenlet(py: Python<'_>, user: &Bound<'_, UserCore>, greenlet: Py<PyAny>) -> PyResult<bool> {
    let Some(index) = slot::of(user.get()) else { return Ok(false) };
    let bridge = Bridge::current(py)?;
    let given = slot::with(index, |s| {
        if s.own.is_some() || s.greenlet.is_some() {
            return None;
        }
        s.own = Some(greenlet);
        s.pinned = true;
        Some((s.timer.take(), s.step == Step::Free && s.iteration.is_none()))
    });
    let Some(Some((timer, is_free))) = given else { return Ok(false) };
    if timer.map_or(is_free, |timer| bridge.cancel_timer(timer)) {
        bridge.make_ready(py, Ready::User(index));
    }
    Ok(true)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(stop_user_nowait, m)?)?;
    m.add_function(wrap_pyfunction!(join_users, m)?)?;
    m.add_function(wrap_pyfunction!(pin_greenlet, m)?)?;
    m.add_function(wrap_pyfunction!(give_greenlet, m)?)
}
