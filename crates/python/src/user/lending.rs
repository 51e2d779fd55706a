//! When a user may give its greenlet back to the pool, and when it has to keep it.
//!
//! A script sees its greenlet through `gevent.getcurrent()`, greenlet-local and context variables, links, weak
//! references and attributes set on it. Each leaves a trace on the greenlet object; if a task has left any, the user
//! keeps this greenlet, and so everything it stored there, until it ends.

use std::cell::RefCell;
use std::mem::ManuallyDrop;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::slot;
use crate::gevent::reference_count;

/// How many references to its greenlet there were before a task.
pub(super) struct Trace {
    references: isize,
}

impl Trace {
    /// To be taken at the same depth of native frames as [`may_leave`] is called.
    pub(super) fn take(index: u32) -> Self {
        Self { references: references(index) }
    }
}

/// The context variables of the running greenlet, as new users begin with; the same object as last time if they are the same.
pub(super) fn base_context(py: Python<'_>) -> PyResult<Py<PyAny>> {
    thread_local! {
        // Never dropped: a thread's destructors run when the interpreter is gone.
        static LAST: ManuallyDrop<RefCell<Option<Py<PyAny>>>> = const { ManuallyDrop::new(RefCell::new(None)) };
    }
    let now = py.import(intern!(py, "contextvars"))?.call_method0(intern!(py, "copy_context"))?;
    let last = LAST.with(|last| last.borrow().as_ref().map(|last| last.clone_ref(py)));
    if let Some(last) = last
        && now.eq(&last)?
    {
        return Ok(last);
    }
    drop(LAST.with(|last| last.replace(Some(now.clone().unbind()))));
    Ok(now.unbind())
}

fn references(index: u32) -> isize {
    slot::with(index, |s| s.greenlet.as_ref().map_or(0, reference_count)).unwrap_or(0)
}

/// Whether nothing that the user has done since `before` could notice that its next task runs on another greenlet.
/// If it could, the greenlet is the user's from now on.
pub(super) fn may_leave(py: Python<'_>, index: u32, before: &Trace) -> bool {
    let lent = slot::with(index, |s| {
        let greenlet = s.greenlet.as_ref().map(|g| g.clone_ref(py));
        greenlet.filter(|_| !s.pinned).map(|greenlet| (greenlet, s.base.clone_ref(py)))
    });
    let Some(Some((greenlet, base))) = lent else { return false };
    // One more than before: the reference just taken.
    let clean = reference_count(&greenlet) == before.references + 1
        && untouched(greenlet.bind(py), base.bind(py)).unwrap_or(false);
    if !clean {
        slot::with(index, |s| s.pinned = true);
    }
    clean
}

/// Whether a greenlet whose user has ended can be lent to another.
pub(super) fn is_clean(greenlet: &Bound<'_, PyAny>, base: &Bound<'_, PyAny>) -> bool {
    untouched(greenlet, base).unwrap_or(false)
}

fn untouched(greenlet: &Bound<'_, PyAny>, base: &Bound<'_, PyAny>) -> PyResult<bool> {
    static WEAK_REFERENCES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = greenlet.py();
    let count = WEAK_REFERENCES
        .get_or_try_init(py, || PyResult::Ok(py.import("weakref")?.getattr("getweakrefcount")?.unbind()))?;
    // Contexts that have the same variables share one table, so that equality is the comparison of two pointers.
    Ok(greenlet.getattr(intern!(py, "gr_context"))?.eq(base)?
        && count.bind(py).call1((greenlet,))?.extract::<usize>()? == 0
        && attributes(greenlet)? == 0
        && !greenlet.call_method0(intern!(py, "has_links"))?.is_truthy()?)
}

/// How many attributes have been set on a greenlet; gevent's own, its function, is not counted.
fn attributes(greenlet: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = greenlet.py();
    let dict = greenlet.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
    let own = usize::from(!dict.is_empty() && dict.contains(intern!(py, "_run"))?);
    Ok(dict.len() - own)
}

/// The user's root task set, made at its first use.
pub(super) fn task_set<'py>(user: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    user.getattr(intern!(user.py(), "_taskset_instance"))
}

/// Whether somebody has queued tasks on the user's root task set.
pub(super) fn has_task_set(user: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = user.py();
    let root = user.getattr(intern!(py, "_root_task_set"))?;
    Ok(!root.is_none()
        && root
            .getattr(intern!(py, "__dict__"))?
            .cast_into::<PyDict>()?
            .contains(intern!(py, "_task_queue"))?)
}
