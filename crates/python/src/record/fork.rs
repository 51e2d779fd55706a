//! A fork takes the thread that forks with it and no other. What other threads hold at that moment would be held for ever in the
//! child, so the statistics are taken before a fork and given back after it. What the recorder holds to show that this process lives
//! is not for a child to hold on to.

use std::cell::RefCell;

use gregaria_record::{Held, hold, not_for_children};
use pyo3::prelude::*;

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Called before a fork: no other thread has the statistics' lock, or gets it, until the fork is over.
#[pyfunction]
fn before_fork() {
    HELD.with(|held| *held.borrow_mut() = Some(hold()));
}

/// Called after a fork, in the parent.
#[pyfunction]
fn after_any_fork() {
    HELD.with(|held| held.borrow_mut().take());
}

/// Called in the child after a fork. What is held there belongs to threads that the child does not have.
#[pyfunction]
fn after_fork_in_child(py: Python<'_>) -> PyResult<()> {
    after_any_fork();
    let os = py.import("os")?;
    not_for_children()
        .into_iter()
        .try_for_each(|descriptor| os.call_method1("close", (descriptor,)).map(drop))
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(before_fork, m)?)?;
    m.add_function(wrap_pyfunction!(after_any_fork, m)?)?;
    m.add_function(wrap_pyfunction!(after_fork_in_child, m)?)?;
    let hooks = pyo3::types::PyDict::new(m.py());
    hooks.set_item("before", m.getattr("before_fork")?)?;
    hooks.set_item("after_in_parent", m.getattr("after_any_fork")?)?;
    hooks.set_item("after_in_child", m.getattr("after_fork_in_child")?)?;
    m.py().import("os")?.call_method("register_at_fork", (), Some(&hooks)).map(drop)
}
