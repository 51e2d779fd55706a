//! When a user may give its greenlet back to the pool, and when it has to keep it.
//!
//! A script sees its greenlet through `gevent.getcurrent()`, greenlet-local and context variables, links, weak
//! references and attributes set on it. Each leaves a trace on the greenlet object; if a task has left any, the user
//! keeps this greenlet, and so everything it stored there, until it ends.

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

fn references(index: u32) -> isize {
    slot::with(index, |s| s.greenlet.as_ref().map_or(0, reference_count)).unwrap_or(0)
}

/// Whether nothing that the user has done since `before` could notice that its next task runs on another greenlet.
/// If it could, the greenlet is the user's from now on.
pub(super) fn may_leave(py: Python<'_>, index: u32, before: &Trace) -> bool {
    let greenlet = slot::with(index, |s| (s.pinned, s.greenlet.as_ref().map(|g| g.clone_ref(py))));
    let Some((false, Some(greenlet))) = greenlet else { return false };
    // One more than before: the reference just taken.
    let clean = reference_count(&greenlet) == before.references + 1 && untouched(greenlet.bind(py)).unwrap_or(false);
    if !clean {
        slot::with(index, |s| s.pinned = true);
    }
    clean
}

fn untouched(greenlet: &Bound<'_, PyAny>) -> PyResult<bool> {
    static WEAK_REFERENCES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = greenlet.py();
    let count = WEAK_REFERENCES.get_or_try_init(py, || {
        PyResult::Ok(py.import("weakref")?.getattr("getweakrefcount")?.unbind())
    })?;
    Ok(greenlet.getattr(intern!(py, "gr_context"))?.is_none()
        && count.bind(py).call1((greenlet,))?.extract::<usize>()? == 0
        && greenlet.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?.is_empty()
        && !greenlet.call_method0(intern!(py, "has_links"))?.is_truthy()?)
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
        && root.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?.contains(intern!(py, "_task_queue"))?)
}
