//! A fork takes the thread that forks with it and no other. What other threads hold at that moment would be held for ever in the
//! child, so the statistics are taken before a fork and given back after it.

use std::cell::RefCell;

use gregaria_record::{Held, hold};
use pyo3::prelude::*;

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Called before a fork: no other thread has the statistics' lock, or gets it, until the fork is over.
#[pyfunction]
fn before_fork() {
    HELD.with(|held| *held.borrow_mut() = Some(hold()));
}

/// Called after a fork, in parent and child.
#[pyfunction]
fn after_any_fork() {
    HELD.with(|held| held.borrow_mut().take());
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(before_fork, m)?)?;
    m.add_function(wrap_pyfunction!(after_any_fork, m)?)?;
    let hooks = pyo3::types::PyDict::new(m.py());
    hooks.set_item("before", m.getattr("before_fork")?)?;
    for when in ["after_in_parent", "after_in_child"] {
        hooks.set_item(when, m.getattr("after_any_fork")?)?;
    }
    m.py().import("os")?.call_method("register_at_fork", (), Some(&hooks)).map(drop)
}
