//! A mailbox that gevent's hub looks after: what other threads put in is dealt with on the hub's thread.

use std::sync::Arc;

use gregaria_wake::{Line, Mailbox};
use pyo3::intern;
use pyo3::prelude::*;

/// Things dealt with in one turn of the hub.
const BATCH: usize = 64;
/// More waiting things than this are refused: the main thread is stuck.
const MOST: usize = 1_000;

/// The mailbox and the hub's watcher of it.
#[derive(Debug)]
pub(crate) struct Attended<T> {
    mailbox: Arc<Mailbox<T>>,
    watcher: Py<PyAny>,
}

/// An empty mailbox, for [`Attended::begin`].
pub(crate) fn mailbox<T>() -> PyResult<Arc<Mailbox<T>>> {
    Ok(Arc::new(Mailbox::new(Line::new()?, MOST)))
}

impl<T> Attended<T> {
    /// Has the hub of the calling thread call `drain` whenever there is something.
    pub(crate) fn begin(mailbox: Arc<Mailbox<T>>, drain: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = drain.py();
        let hub = py.import(intern!(py, "gevent"))?.call_method0(intern!(py, "get_hub"))?;
        let watcher = hub
            .getattr(intern!(py, "loop"))?
            .call_method1(intern!(py, "io"), (mailbox.line().descriptor(), 1))?;
        watcher.call_method1(intern!(py, "start"), (drain,))?;
        Ok(Self { mailbox, watcher: watcher.unbind() })
    }

    /// The mailbox, to be emptied by [`in_greenlets`].
    pub(crate) fn mailbox(&self) -> Arc<Mailbox<T>> {
        Arc::clone(&self.mailbox)
    }

    /// Has the hub look after it no longer. Things may still be put in until it is closed.
    pub(crate) fn end(self, py: Python<'_>) -> PyResult<Arc<Mailbox<T>>> {
        self.watcher.bind(py).call_method0(intern!(py, "stop"))?;
        Ok(self.mailbox)
    }

    /// For the garbage collector.
    pub(crate) fn traverse(&self, visit: &pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.watcher)
    }
}

/// Whom to call, and with what.
pub(crate) type Call<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// Deals with what has arrived, as far as one turn of the hub goes: `read` does it at once, or says what is to be called in a greenlet
/// of its own.
pub(crate) fn in_greenlets<'py, T>(
    mailbox: &Mailbox<T>,
    handler: &Bound<'py, PyAny>,
    read: impl Fn(T) -> PyResult<Option<Call<'py>>>,
) -> PyResult<()> {
    let py = handler.py();
    let items = mailbox.take(BATCH);
    if items.is_empty() {
        return Ok(());
    }
    let spawn = py.import(intern!(py, "gevent"))?.getattr(intern!(py, "spawn"))?;
    each(items, handler, |item| match read(item)? {
        Some(call) => spawn.call1(call).map(drop),
        None => Ok(()),
    });
    Ok(())
}

/// The same without greenlets: what is to be called is called right here.
pub(crate) fn at_once<'py, T>(
    mailbox: &Mailbox<T>,
    handler: &Bound<'py, PyAny>,
    read: impl Fn(T) -> PyResult<Option<Call<'py>>>,
) {
    each(mailbox.take(BATCH), handler, |item| match read(item)? {
        Some((function, argument)) => function.call1((argument,)).map(drop),
        None => Ok(()),
    });
}

/// Those behind one that fails are owed an answer all the same.
fn each<T>(items: Vec<T>, handler: &Bound<'_, PyAny>, deal: impl Fn(T) -> PyResult<()>) {
    for item in items {
        if let Err(error) = deal(item) {
            error.write_unraisable(handler.py(), Some(handler));
        }
    }
}

/// Writes a line to Python's log, at a level by Python's number.
pub(crate) fn log(py: Python<'_>, logger: &str, level: i32, message: &str) -> PyResult<()> {
    let logger = py.import(intern!(py, "logging"))?.call_method1(intern!(py, "getLogger"), (logger,))?;
    logger.call_method1(intern!(py, "log"), (level, "%s", message)).map(drop)
}
