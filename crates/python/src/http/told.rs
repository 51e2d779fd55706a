//! The listeners of a request, called as `EventHook.fire` calls them, but from here: its frame, and two dicts of the arguments for each
//! listener, are most of what a listener costs.

use gregaria_http::Method;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyType};

use super::response::Parts;
use super::verdict::{meta, record_time};
use super::way::Way;
use crate::stats::{StatsListener, counts_by_methods};

static FIRE: PyOnceLock<(Way, Py<PyAny>)> = PyOnceLock::new();

/// Has listeners of hooks of exactly this class called from here as long as what is found under the (namespace, name) pairs in `steps`
/// is what it is now. `failed(error)` sees to an error of a listener; False: it is to be raised.
#[pyfunction]
fn tell_listeners_of(
    py: Python<'_>,
    hook: Py<PyType>,
    steps: Vec<(Bound<'_, PyAny>, Bound<'_, PyString>)>,
    failed: Py<PyAny>,
) -> PyResult<()> {
    // Said once, when the module of the class is imported.
    let _ = FIRE.set(py, (Way::new(vec![hook], steps)?, failed));
    Ok(())
}

/// Calls the listeners of a request. False: that is for the hook's own `fire`.
pub(super) fn tell(
    event: &Bound<'_, PyAny>,
    response: &Bound<'_, PyAny>,
    parts: &Parts,
    exception: Option<&Bound<'_, PyAny>>,
) -> PyResult<bool> {
    let py = event.py();
    let Some((way, failed)) = FIRE.get(py) else { return Ok(false) };
    let is_ours = way.classes.iter().any(|hook| hook.as_ptr() == event.get_type_ptr().cast());
    if !is_ours || !way.is_usual(py)? || counts_by_methods() {
        return Ok(false);
    }
    let own = event.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
    if own.contains(intern!(py, "fire"))? {
        return Ok(false);
    }
    let Some(Ok(handlers)) = own.get_item(intern!(py, "_handlers"))?.map(Bound::cast_into::<PyList>) else {
        return Ok(false);
    };
    let arguments = meta(response, parts, exception)?;
    // Listeners may come and go meanwhile; that counts from the next request.
    for handler in handlers.get_slice(0, handlers.len()) {
        let told = match handler.cast::<StatsListener>() {
            Ok(listener) => count(listener.get(), py, parts, exception),
            Err(_) => handler.call((), Some(&arguments)).map(drop),
        };
        if let Err(error) = told
            // With its traceback, unlike `value`.
            && !failed.bind(py).call1((error.clone_ref(py).into_value(py),))?.is_truthy()?
        {
            return Err(error);
        }
    }
    Ok(true)
}

/// What the listener that counts would do with the arguments.
fn count(
    listener: &StatsListener,
    py: Python<'_>,
    parts: &Parts,
    exception: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let table = listener.stats(py);
    let now = parts.meta.start_unix + parts.meta.time_ms / 1000.0;
    let id =
        record_time(py, table.get(), parts.session.get(), parts.style, (&parts.meta, parts.status()), now)?;
    match exception {
        Some(error) if error.is_truthy()? => table.get().record_error(py, id, error, now).map(drop),
        _ => Ok(()),
    }
}

/// A method's name, made once.
pub(super) fn method_text<'py>(py: Python<'py>, method: &Method) -> Bound<'py, PyString> {
    match method {
        Method::Get => intern!(py, "GET").clone(),
        Method::Post => intern!(py, "POST").clone(),
        Method::Put => intern!(py, "PUT").clone(),
        Method::Delete => intern!(py, "DELETE").clone(),
        other => PyString::new(py, other.as_str()),
    }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(tell_listeners_of, m)?)
}
