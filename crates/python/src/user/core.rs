//! `_engine.UserCore`: the native base of every User.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// What a user is doing, in Locust's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not started.
    None,
    /// In `on_start` or in a task.
    Running,
    /// Between two tasks.
    Waiting,
    /// Asked to end after the present task.
    Stopping,
}

impl State {
    fn from_bits(bits: u8) -> Self {
        match bits {
            1 => Self::Running,
            2 => Self::Waiting,
            3 => Self::Stopping,
            _ => Self::None,
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Running => Some("running"),
            Self::Waiting => Some("waiting"),
            Self::Stopping => Some("stopping"),
        }
    }
}

/// No slot: the user is not running.
pub(super) const NO_SLOT: u32 = u32::MAX;

/// Native state of a user. Python's `User` derives from it and adds what scripts see.
#[pyclass(frozen, subclass, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct UserCore {
    state: AtomicU8,
    slot: AtomicU32,
}

#[pymethods]
impl UserCore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { state: AtomicU8::new(0), slot: AtomicU32::new(NO_SLOT) }
    }

    /// "running", "waiting", "stopping", or None before the start.
    #[getter(_state)]
    fn state_name(&self) -> Option<&'static str> {
        self.state().name()
    }

    #[setter(_state)]
    fn set_state_name(&self, name: Option<&str>) -> PyResult<()> {
        let state = match name {
            None => State::None,
            Some("running") => State::Running,
            Some("waiting") => State::Waiting,
            Some("stopping") => State::Stopping,
            Some(other) => return Err(PyValueError::new_err(format!("a user has no state '{other}'"))),
        };
        self.set_state(state);
        Ok(())
    }

    /// Whether the engine runs this user now.
    #[getter]
    fn _is_running(&self) -> bool {
        self.slot() != NO_SLOT
    }
}

impl UserCore {
    pub(crate) fn state(&self) -> State {
        State::from_bits(self.state.load(Ordering::Relaxed))
    }

    pub(crate) fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    pub(super) fn slot(&self) -> u32 {
        self.slot.load(Ordering::Relaxed)
    }

    pub(super) fn set_slot(&self, slot: u32) {
        self.slot.store(slot, Ordering::Relaxed);
    }
}
