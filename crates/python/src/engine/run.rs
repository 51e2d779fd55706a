//! `_engine.RunCore`: the run of `gregaria-engine` with Python's names on it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gregaria_engine::run::{Population, RampId, Run, State};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What a run is doing and how many users of which class it has. One for each runner; `locust.runners` is its face.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug, Default)]
pub(crate) struct RunCore {
    // Held for single steps only, never while Python code runs.
    run: Mutex<Run>,
}

impl RunCore {
    fn lock(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl RunCore {
    /// `after`: the run of the runner before, whose runs count.
    #[new]
    #[pyo3(signature = (after = None))]
    fn new(after: Option<PyRef<'_, Self>>) -> Self {
        let runs = after.map_or(0, |before| before.lock().number());
        Self { run: Mutex::new(Run::after(runs)) }
    }

    /// Which run this is, or was; 0 before the first.
    #[getter]
    fn number(&self) -> u32 {
        self.lock().number()
    }

    /// When the present run or the last one began, unix seconds; None before the first.
    #[getter]
    fn began(&self) -> Option<f64> {
        self.lock().mark().map(|mark| mark.began)
    }

    /// When it was over; None while it goes on.
    #[getter]
    fn ended(&self) -> Option<f64> {
        self.lock().mark().and_then(|mark| mark.ended)
    }

    /// Locust's word for where the run is. A run begins when it is no longer one of "ready", "stopped" and "missing", and is over when it
    /// is one of them again; "cleanup" and "stopping" end the ramp that is under way.
    #[getter]
    fn state(&self) -> String {
        self.lock().state().as_str().to_owned()
    }

    #[setter]
    fn set_state(&self, word: &str) {
        self.lock().enter(State::from(word), gregaria_record::unix_now());
    }

    /// Begins a ramp: its number, and whether a test begins with it.
    fn begin_ramp(&self) -> (u64, bool) {
        let (ramp, begins_test) = self.lock().begin_ramp();
        (ramp.to_bits(), begins_test)
    }

    /// Whether the ramp of this number is still to be followed.
    fn is_current(&self, ramp: u64) -> bool {
        self.lock().is_current(RampId::from_bits(ramp))
    }

    /// A user of this class has been started.
    fn user_started(&self, class: &str) {
        self.lock().population_mut().add(class);
    }

    /// A user of this class has ended.
    fn user_ended(&self, class: &str) {
        self.lock().population_mut().remove(class);
    }

    /// The users are these, each given by its class: somebody else has started some.
    fn recount(&self, classes: Vec<String>) {
        *self.lock().population_mut() = Population::of(classes.iter().map(String::as_str));
    }

    /// How many users run, as far as the run was told.
    #[getter]
    fn user_count(&self) -> usize {
        self.lock().population().total()
    }

    /// `{class: users}` of the classes that have had users.
    fn user_classes_count<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let population = self.lock().population().clone();
        by_class(py, population.iter())
    }

    /// The users to start and those to stop, `{class: users}` each, so that as many run as planned. Users that ended by
    /// themselves are replaced once a second if the steps are finer than that (`gradual`), else at every step.
    fn follow<'py>(
        &self,
        py: Python<'py>,
        plan: &Bound<'py, PyDict>,
        gradual: bool,
    ) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
        let rows = plan.iter().map(|(class, count)| Ok((class.extract()?, count.extract()?)));
        let rows = rows.collect::<PyResult<Vec<(String, u32)>>>()?;
        let rows: Vec<(&str, u32)> = rows.iter().map(|(class, count)| (class.as_str(), *count)).collect();
        let changes = self.lock().follow(&rows, Instant::now(), gradual);
        Ok((by_class(py, changes.spawn.into_iter())?, by_class(py, changes.stop.into_iter())?))
    }
}

fn by_class<'py, 'a>(
    py: Python<'py>,
    counts: impl Iterator<Item = (&'a str, u32)>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (class, count) in counts {
        dict.set_item(class, count)?;
    }
    Ok(dict)
}
