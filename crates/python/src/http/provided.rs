//! Attributes of responses that are made when a script first reads them.

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::response::ResponseCore;

/// The value of an attribute that is read for the first time, which the instance keeps. Errors: AttributeError.
pub(super) fn provide<'py>(
    response: &Bound<'py, ResponseCore>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    match ResponseCore::provide(response, name.to_str()?)? {
        Some(value) => {
            response.setattr(name, &value)?;
            Ok(value)
        }
        None => Err(PyAttributeError::new_err(format!(
            "'{}' object has no attribute '{}'",
            response.get_type().name()?,
            name.to_str()?
        ))),
    }
}

/// An attribute of a class of responses that is made when it is first read: there for whoever looks at the class.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct Provided {
    name: Py<PyString>,
}

#[pymethods]
impl Provided {
    #[new]
    fn new(name: Py<PyString>) -> Self {
        Self { name }
    }

    fn __get__<'py>(
        slf: &Bound<'py, Self>,
        instance: &Bound<'py, PyAny>,
        owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = owner;
        if instance.is_none() {
            return Ok(slf.clone().into_any());
        }
        provide(instance.cast::<ResponseCore>()?, slf.get().name.bind(slf.py()))
    }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Provided>()
}
