//! The greenlets that run users: a pool of them, lent for one task at a time.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::core::{State, UserCore};
use super::lending;
use super::open;
use super::root::{self, Outcome};
use super::slot::{self, Step};
use crate::gevent::{Bridge, Ready, counts, reference_count};

/// Idle greenlets kept for the next user. A burst of users (a fast ramp) may need thousands at once; they must not stay.
const MAX_IDLE: usize = 256;

thread_local! {
    // Never dropped: a thread's destructors run when the interpreter is gone.
    static IDLE: ManuallyDrop<RefCell<Vec<Py<PyAny>>>> = const { ManuallyDrop::new(RefCell::new(Vec::new())) };
    static ASSIGNED: Cell<Option<u32>> = const { Cell::new(None) };
}

static GREENLET_CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Starts a user in the engine's pool: in the next turn of the hub its `on_start` runs. `group._finished(user)` is called
/// at its end. Errors: RuntimeError if it runs already.
#[pyfunction]
fn start_user(py: Python<'_>, user: &Bound<'_, UserCore>, group: Option<Py<PyAny>>) -> PyResult<()> {
    if slot::of(user.get()).is_some() {
        return Err(PyRuntimeError::new_err("this user has been started already"));
    }
    let bridge = Bridge::current(py)?;
    user.get().set_state(State::None);
    let index = slot::insert(user, group, None, lending::base_context(py)?);
    open::joins(user.as_any(), index)?;
    bridge.begin_wait(py)?;
    bridge.make_ready(py, Ready::User(index));
    Ok(())
}

/// Lends a greenlet to a user that is due. Runs in the hub. Errors: GreenletExit if the hub is killed meanwhile.
pub(crate) fn resume(py: Python<'_>, bridge: &Bridge, index: u32) -> PyResult<()> {
    let Some((step, killed, bound, due)) = slot::with(index, |s| {
        s.timer = None;
        (s.step, s.killed, s.greenlet.is_some(), s.until)
    }) else {
        return Ok(());
    };
    if bound {
        return Ok(());
    }
    bridge.end_wait();
    if let Some(due) = due.filter(|_| !killed) {
        counts::begins(due);
    }
    if killed && step == Step::Start {
        // Killed before its first turn: as an unstarted greenlet, it ends without having run anything.
        finish(py, bridge, index);
        return Ok(());
    }
    loop {
        let (greenlet, own) = match lend(py, index) {
            Ok(lent) => lent,
            Err(error) => {
                error.write_unraisable(py, None);
                finish(py, bridge, index);
                return Ok(());
            }
        };
        ASSIGNED.set(Some(index));
        let switched = bridge.run(&greenlet);
        let refused = ASSIGNED.take().is_some();
        switched?;
        if !refused {
            return Ok(());
        }
        // The greenlet was dead. If it was the user's own, somebody has killed it before it began, and so the user.
        if own {
            slot::with(index, |s| s.killed = true);
            if step == Step::Start {
                finish(py, bridge, index);
                return Ok(());
            }
        }
    }
}

/// The user's own greenlet (true) if it has been given one, else one of the pool.
fn lend(py: Python<'_>, index: u32) -> PyResult<(Bound<'_, PyAny>, bool)> {
    if let Some(own) = slot::with(index, |s| s.own.take()).flatten() {
        return Ok((own.into_bound(py), true));
    }
    let idle = IDLE.with(|idle| idle.borrow_mut().pop());
    Ok((idle.map_or_else(|| new_greenlet(py), |idle| Ok(idle.into_bound(py)))?, false))
}

fn new_greenlet(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let class = GREENLET_CLASS.get_or_try_init(py, || {
        let class = py.import("locust.user.group")?.getattr("UserGreenlet")?;
        PyResult::Ok(class.unbind())
    })?;
    class.bind(py).call1((wrap_pyfunction!(worker, py)?,))
}

/// The body of a pooled greenlet: runs the user it is lent to, then waits in the pool for the next.
#[pyfunction]
fn worker(py: Python<'_>) -> PyResult<()> {
    let bridge = Bridge::current(py)?;
    // The context variables that this greenlet has.
    let mut has: Option<Py<PyAny>> = None;
    loop {
        let me = bridge.current_greenlet(py)?;
        let Some(index) = ASSIGNED.take() else {
            // Somebody else's stray switch: no longer fit to be lent.
            IDLE.with(|idle| idle.borrow_mut().retain(|g| !g.is(&me)));
            return Ok(());
        };
        slot::with(index, |s| s.greenlet = Some(me.clone().unbind()));
        let references = reference_count(me.as_unbound());
        let Some((user, base)) = slot::with(index, |s| (s.user.clone_ref(py), s.base.clone_ref(py))) else {
            return Ok(());
        };
        if !has.as_ref().is_some_and(|has| has.is(&base)) {
            me.setattr(intern!(py, "gr_context"), base.call_method0(py, intern!(py, "copy"))?)?;
            has = Some(base.clone_ref(py));
        }
        match root::begin_or_go_on(py, &bridge, index, user.bind(py)) {
            Outcome::Parked => {}
            Outcome::Finished(result) => {
                let pinned = slot::with(index, |s| s.pinned).unwrap_or(true);
                finish(py, &bridge, index);
                // The greenlet ends with the user's error, so that gevent reports it and a handle on it tells.
                result?;
                // One less than before is as before: the slot's own is gone.
                let kept = reference_count(me.as_unbound()) >= references;
                if pinned || kept || !lending::is_clean(&me, base.bind(py)) {
                    return Ok(());
                }
            }
        }
        drop(user);
        let full = IDLE.with(|idle| {
            let mut idle = idle.borrow_mut();
            let full = idle.len() >= MAX_IDLE;
            if !full {
                idle.push(me.clone().unbind());
            }
            full
        });
        if full {
            return Ok(());
        }
        if let Err(error) = bridge.switch_to_hub(py) {
            IDLE.with(|idle| idle.borrow_mut().retain(|g| !g.is(&me)));
            return Err(error);
        }
    }
}

/// Ends a user: its slot is freed, its group told, whoever waits for it woken.
pub(super) fn finish(py: Python<'_>, bridge: &Bridge, index: u32) {
    let Some(slot) = slot::remove(py, index) else { return };
    if let Some(member) = slot.member {
        open::leaves(member, index);
    }
    for token in &slot.watchers {
        bridge.make_ready(py, Ready::Sleeper(*token));
    }
    if let Some(group) = &slot.group
        && let Err(error) = group.bind(py).call_method1(intern!(py, "_finished"), (&slot.user,))
    {
        error.write_unraisable(py, Some(group.bind(py)));
    }
}

/// Runs `user` to its end in the calling greenlet, which it owns. Errors: what ended the user, if not a stop.
pub(super) fn run_here(py: Python<'_>, user: &Bound<'_, UserCore>) -> PyResult<()> {
    let bridge: Rc<Bridge> = Bridge::current(py)?;
    let me = bridge.current_greenlet(py)?;
    if let Some(index) = slot::of(user.get()) {
        // An overridden `run` that the engine has started comes back to the original.
        let here =
            slot::with(index, |s| s.step == Step::Start && s.greenlet.as_ref().is_some_and(|g| g.is(&me)));
        if here != Some(true) {
            return Err(PyRuntimeError::new_err("this user is running already"));
        }
        return result(root::drive(py, &bridge, index, user.as_any()));
    }
    let index = slot::insert(user, None, Some(me.unbind()), lending::base_context(py)?);
    let outcome = root::drive(py, &bridge, index, user.as_any());
    finish(py, &bridge, index);
    result(outcome)
}

fn result(outcome: Outcome) -> PyResult<()> {
    match outcome {
        Outcome::Finished(result) => result,
        Outcome::Parked => Ok(()),
    }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(start_user, m)?)?;
    m.add_function(wrap_pyfunction!(worker, m)?)
}
