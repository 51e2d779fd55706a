//! Sessions whose containers (hooks, params, proxies) are in a script's hands: whether they are as they were.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::session::SessionCore;

/// Whether nothing that a request goes by has been changed: looked at here for sessions of the usual class, as far as that is plain,
/// else by `_still_usual`.
pub(super) fn is_still_usual(session: &Bound<'_, SessionCore>) -> PyResult<bool> {
    if is_plainly_usual(session)?.is_some() {
        return Ok(true);
    }
    session.call_method0(intern!(session.py(), "_still_usual"))?.is_truthy()
}

/// `HttpSession._still_usual` where that says yes at first sight. None: it has to be asked.
fn is_plainly_usual(session: &Bound<'_, SessionCore>) -> PyResult<Option<()>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = session.py();
    let class = CLASS.get_or_try_init(py, || {
        PyResult::Ok(py.import("locust.clients")?.getattr("HttpSession")?.unbind())
    })?;
    if class.as_ptr() != session.get_type_ptr().cast() {
        return Ok(None);
    }
    let own = session.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
    let (Some(auth), Some(hooks)) = (own.get_item(intern!(py, "auth"))?, own.get_item(intern!(py, "hooks"))?)
    else {
        return Ok(None);
    };
    if !(auth.is_none() || auth.is_exact_instance_of::<PyTuple>()) {
        return Ok(None);
    }
    for name in [intern!(py, "params"), intern!(py, "proxies")] {
        if !own
            .get_item(name)?
            .is_some_and(|value| value.cast_exact::<PyDict>().is_ok_and(PyDictMethods::is_empty))
        {
            return Ok(None);
        }
    }
    let Ok(hooks) = hooks.cast_into_exact::<PyDict>() else { return Ok(None) };
    for (_, listeners) in &hooks {
        if !listeners.cast_exact::<PyList>().is_ok_and(PyListMethods::is_empty) {
            return Ok(None);
        }
    }
    let (Some(adapters), Some(usual)) =
        (own.get_item(intern!(py, "adapters"))?, own.get_item(intern!(py, "_usual_adapters"))?)
    else {
        return Ok(None);
    };
    let (Ok(adapters), Ok(usual)) = (adapters.cast_into::<PyDict>(), usual.cast_into_exact::<PyList>())
    else {
        return Ok(None);
    };
    let same = adapters.len() == usual.len()
        && adapters.iter().zip(usual.iter()).all(|((_, adapter), usual)| adapter.is(&usual));
    Ok(same.then_some(()))
}
