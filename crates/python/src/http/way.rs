//! What a library goes by in something that the engine does in its place: looked at each time, since a script may replace it.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

/// What a library goes by when it parses or encodes: as long as all of it is as it was, its way can be shortened.
#[derive(Debug)]
pub(super) struct Way {
    /// The classes whose instances have no methods of a script's.
    pub(super) classes: Vec<Py<PyType>>,
    steps: Vec<Step>,
}

/// What is to be found under a name in the namespace of a module, class or object; None: nothing.
#[derive(Debug)]
struct Step {
    space: Py<PyAny>,
    name: Py<PyString>,
    was: Option<Py<PyAny>>,
}

impl Step {
    fn is_kept(&self, py: Python<'_>) -> PyResult<bool> {
        let (space, name) = (self.space.bind(py), self.name.bind(py));
        let now = match (space.cast::<PyDict>(), &self.was) {
            (Ok(space), _) => space.get_item(name)?,
            // The view of a class on its names; to ask for one that is not there costs an exception.
            (Err(_), None) => return Ok(!space.contains(name)?),
            (Err(_), Some(_)) => space.get_item(name).ok(),
        };
        Ok(match (&now, &self.was) {
            (Some(now), Some(was)) => now.is(was),
            (now, was) => now.is_none() && was.is_none(),
        })
    }
}

impl Way {
    pub(super) fn new(
        classes: Vec<Py<PyType>>,
        steps: Vec<(Bound<'_, PyAny>, Bound<'_, PyString>)>,
    ) -> PyResult<Self> {
        let step = |(space, name): (Bound<'_, PyAny>, Bound<'_, PyString>)| -> PyResult<_> {
            let was = if space.contains(&name)? { Some(space.get_item(&name)?.unbind()) } else { None };
            Ok(Step { space: space.unbind(), name: name.unbind(), was })
        };
        Ok(Self { classes, steps: steps.into_iter().map(step).collect::<PyResult<_>>()? })
    }

    /// Whether the library would do what it always does.
    pub(super) fn is_usual(&self, py: Python<'_>) -> PyResult<bool> {
        for step in &self.steps {
            if !step.is_kept(py)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
