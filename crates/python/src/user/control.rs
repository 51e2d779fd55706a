//! The exceptions by which scripts steer their users, and what the task loop makes of each.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// What an exception that leaves a task means to the loop that ran it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// Pick the next task without waiting.
    RescheduleImmediately,
    /// Wait, then pick the next task.
    Reschedule,
    /// Leave the task set.
    Interrupt,
    /// The user ends: StopUser, or its greenlet was killed.
    Stop,
    /// The whole test ends, this user first.
    StopTest,
    /// An ordinary error of the script: counted and logged, the user goes on.
    Error,
    /// Not an `Exception` (KeyboardInterrupt, SystemExit): not the loop's to handle.
    Fatal,
}

/// The classes, imported once.
#[derive(Debug)]
pub(crate) struct Classes {
    pub(crate) reschedule_now: Py<PyType>,
    pub(crate) reschedule: Py<PyType>,
    pub(crate) interrupt: Py<PyType>,
    pub(crate) stop_user: Py<PyType>,
    pub(crate) stop_test: Py<PyType>,
    pub(crate) greenlet_exit: Py<PyType>,
}

static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();

/// The control exceptions of `locust.exception`, and greenlet's.
pub(crate) fn classes(py: Python<'_>) -> PyResult<&'static Classes> {
    CLASSES.get_or_try_init(py, || {
        let module = py.import("locust.exception")?;
        let class = |name: &str| -> PyResult<Py<PyType>> {
            Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind())
        };
        Ok(Classes {
            reschedule_now: class("RescheduleTaskImmediately")?,
            reschedule: class("RescheduleTask")?,
            interrupt: class("InterruptTaskSet")?,
            stop_user: class("StopUser")?,
            stop_test: class("StopTest")?,
            greenlet_exit: py.import("greenlet")?.getattr("GreenletExit")?.cast_into::<PyType>()?.unbind(),
        })
    })
}

/// Sorts an exception that left a task.
pub(crate) fn classify(py: Python<'_>, error: &PyErr) -> PyResult<Control> {
    let classes = classes(py)?;
    let is = |class: &Py<PyType>| error.is_instance(py, class.bind(py));
    Ok(if is(&classes.reschedule_now) {
        Control::RescheduleImmediately
    } else if is(&classes.reschedule) {
        Control::Reschedule
    } else if is(&classes.interrupt) {
        Control::Interrupt
    } else if is(&classes.stop_user) || is(&classes.greenlet_exit) {
        Control::Stop
    } else if is(&classes.stop_test) {
        Control::StopTest
    } else if error.is_instance_of::<PyException>(py) {
        Control::Error
    } else {
        Control::Fatal
    })
}

/// Sorts an exception that left anything but a task, a wait above all: there is no task to reschedule there, so these two
/// are errors like any other.
pub(crate) fn classify_outside_a_task(py: Python<'_>, error: &PyErr) -> PyResult<Control> {
    Ok(match classify(py, error)? {
        Control::Reschedule | Control::RescheduleImmediately => Control::Error,
        control => control,
    })
}

/// Whether an error is what a killed greenlet sees.
pub(crate) fn is_greenlet_exit(py: Python<'_>, error: &PyErr) -> bool {
    classes(py).is_ok_and(|classes| error.is_instance(py, classes.greenlet_exit.bind(py)))
}

/// A fresh StopUser.
pub(crate) fn stop_user(py: Python<'_>) -> PyErr {
    raise(py, |c| &c.stop_user)
}

/// A fresh GreenletExit: what a killed user sees.
pub(crate) fn greenlet_exit(py: Python<'_>) -> PyErr {
    raise(py, |c| &c.greenlet_exit)
}

/// What an InterruptTaskSet turns into for the enclosing task set.
pub(crate) fn from_interrupt(py: Python<'_>, interrupt: &PyErr) -> PyErr {
    match interrupt.value(py).getattr("reschedule").and_then(|flag| flag.is_truthy()) {
        Ok(true) => raise_with(py, |c| &c.reschedule_now, (true,)),
        Ok(false) => raise_with(py, |c| &c.reschedule, (false,)),
        Err(error) => error,
    }
}

fn raise(py: Python<'_>, pick: impl Fn(&Classes) -> &Py<PyType>) -> PyErr {
    raise_with(py, pick, ())
}

fn raise_with<A>(py: Python<'_>, pick: impl Fn(&Classes) -> &Py<PyType>, arguments: A) -> PyErr
where
    A: pyo3::PyErrArguments + Send + Sync + 'static,
{
    match classes(py) {
        Ok(classes) => PyErr::from_type(pick(classes).bind(py).clone(), arguments),
        Err(error) => error,
    }
}
