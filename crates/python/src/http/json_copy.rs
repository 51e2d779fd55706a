//! Copies of a parsed document, for the next one with the same bytes: its dicts and lists are new, its texts and numbers, which
//! nobody can change, are shared.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

/// A document that is never given out, and where in it dicts and lists are.
#[derive(Debug)]
pub(super) enum Pattern {
    Dict(Py<PyDict>, Vec<(Py<PyString>, Self)>),
    List(Py<PyList>, Vec<(usize, Self)>),
}

impl Pattern {
    /// Of a document; None: of a text or a number there is nothing to copy.
    pub(super) fn of(document: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        if let Ok(dict) = document.cast_exact::<PyDict>() {
            let mut inner = Vec::new();
            for (key, value) in dict {
                if let Some(pattern) = Self::of(&value)? {
                    inner.push((key.cast_into::<PyString>()?.unbind(), pattern));
                }
            }
            return Ok(Some(Self::Dict(dict.clone().unbind(), inner)));
        }
        if let Ok(list) = document.cast_exact::<PyList>() {
            let mut inner = Vec::new();
            for (place, value) in list.iter().enumerate() {
                if let Some(pattern) = Self::of(&value)? {
                    inner.push((place, pattern));
                }
            }
            return Ok(Some(Self::List(list.clone().unbind(), inner)));
        }
        Ok(None)
    }

    /// The document anew.
    pub(super) fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Dict(dict, inner) => {
                let copy = dict.bind(py).copy()?;
                for (key, pattern) in inner {
                    copy.set_item(key, pattern.copy(py)?)?;
                }
                Ok(copy.into_any())
            }
            Self::List(list, inner) => {
                let list = list.bind(py);
                let copy = list.get_slice(0, list.len());
                for (place, pattern) in inner {
                    copy.set_item(*place, pattern.copy(py)?)?;
                }
                Ok(copy.into_any())
            }
        }
    }
}
