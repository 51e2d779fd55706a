//! `_engine.DispatcherCore`: the planner of `gregaria-engine` with Python's names on it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gregaria_engine::dispatch::{DispatchError, Dispatcher, Pace, Step, UserClass};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

/// `(name, weight, fixed_count)`
type ClassRow = (String, f64, usize);

/// Plans which users run where, and when the next ones are due. One for each test; `locust.dispatch.UsersDispatcher` is
/// its face.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct DispatcherCore {
    // Held for single steps only, never while Python code runs.
    dispatcher: Mutex<Dispatcher>,
}

impl DispatcherCore {
    fn lock(&self) -> MutexGuard<'_, Dispatcher> {
        self.dispatcher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl DispatcherCore {
    /// A plan without users. Errors: ValueError without classes or with two of the same name.
    #[new]
    fn new(workers: Vec<String>, classes: Vec<ClassRow>) -> PyResult<Self> {
        let dispatcher =
            Dispatcher::new(workers, user_classes(classes), Pace::PER_SECOND).map_err(refused)?;
        Ok(Self { dispatcher: Mutex::new(dispatcher) })
    }

    /// Begins a dispatch to `target` users at `rate` users per second. `classes` limits who is added. Errors: ValueError.
    #[pyo3(signature = (target, rate, classes=None))]
    fn new_dispatch(&self, target: usize, rate: f64, classes: Option<Vec<ClassRow>>) -> PyResult<()> {
        self.lock().new_dispatch(target, rate, classes.map(user_classes)).map_err(refused)
    }

    /// Spreads the users of each second evenly over it (from the next dispatch on), or adds them at its start.
    fn spread_evenly(&self, evenly: bool) {
        self.lock().set_pace(if evenly { Pace::EVEN } else { Pace::PER_SECOND });
    }

    /// Says whether users stay where they run when workers come and go, as far as an even load allows.
    fn keep_users(&self, keep: bool) {
        self.lock().keep_users(keep);
    }

    /// Says whether the caller picks the classes of users.
    fn choose_externally(&self, external: bool) {
        self.lock().choose_externally(external);
    }

    /// What to do now: None, the dispatch has ended; a float, wait so many seconds; 0, the plan is to be applied; another
    /// int, pick so many users and `add` them.
    fn poll<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let now = Instant::now();
        let step = self.lock().poll(now);
        match step {
            Step::Done => None,
            Step::Wait(until) => Some(PyFloat::new(py, (until - now).as_secs_f64()).into_any()),
            Step::Apply => Some(PyInt::new(py, 0).into_any()),
            Step::Choose(count) => Some(PyInt::new(py, count).into_any()),
        }
    }

    /// Adds users of these classes, in order, to the workers in turn, and ends the step; None ends the dispatch.
    /// Errors: KeyError for a class that takes no part.
    fn add(&self, names: Vec<Option<String>>) -> PyResult<()> {
        let mut dispatcher = self.lock();
        let mut result = Ok(());
        for name in names {
            let class = match &name {
                None => None,
                Some(name) => {
                    let known = dispatcher.classes().iter().position(|class| class.name == *name);
                    if known.is_none() {
                        result = Err(PyKeyError::new_err(name.clone()));
                        break;
                    }
                    known
                }
            };
            if !dispatcher.add(class) {
                break;
            }
        }
        dispatcher.end_step();
        result
    }

    /// The name of the class whose turn it is, None if there is nobody left to add. Asking moves on to the next.
    fn pick(&self) -> Option<String> {
        let mut dispatcher = self.lock();
        let class = dispatcher.pick()?;
        Some(dispatcher.classes()[class].name.clone())
    }

    /// Updates weights and fixed counts and begins the sequence of picks anew.
    fn restart_sequence(&self, classes: Vec<ClassRow>) {
        let mut dispatcher = self.lock();
        for (name, weight, fixed_count) in classes {
            if let Some(index) = dispatcher.classes().iter().position(|class| class.name == name) {
                dispatcher.set_class(index, weight, fixed_count);
            }
        }
        dispatcher.restart_sequence();
    }

    /// A worker joined.
    fn add_worker(&self, id: String) {
        self.lock().add_worker(id);
    }

    /// A worker left.
    fn remove_worker(&self, id: &str) {
        self.lock().remove_worker(id);
    }

    /// `{worker: {class: users}}`, whole.
    fn plan<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let names = Names::of(&self.lock());
        let counts = self.lock().plan().counts().to_vec();
        names.plan(py, &counts)
    }

    /// `(worker, class)` of every user in the order they were added.
    fn users<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let names = Names::of(&self.lock());
        let users: Vec<(usize, usize)> = self.lock().plan().users().collect();
        names.users(py, &users)
    }

    /// Where `count` users would be if all were started now: the plan, the users in order, and the number of the worker
    /// that would get the next one.
    fn distribute<'py>(
        &self,
        py: Python<'py>,
        count: usize,
    ) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyList>, usize)> {
        let names = Names::of(&self.lock());
        let outcome = self.lock().distribute(count);
        let users: Vec<(usize, usize)> = outcome.plan.users().collect();
        Ok((names.plan(py, outcome.plan.counts())?, names.users(py, &users)?, outcome.next_worker))
    }

    /// The number of users of a class on all workers.
    fn count_of(&self, name: &str) -> usize {
        let dispatcher = self.lock();
        let class = dispatcher.classes().iter().position(|class| class.name == name);
        class.map_or(0, |class| dispatcher.plan().of_class(class))
    }

    /// The number of users in the plan.
    #[getter]
    fn user_count(&self) -> usize {
        self.lock().plan().total()
    }

    /// The number of users the dispatch leads to.
    #[getter]
    fn target(&self) -> usize {
        self.lock().target()
    }

    /// The ids of the workers in the order in which they get users.
    #[getter]
    fn workers(&self) -> Vec<String> {
        self.lock().workers().to_vec()
    }

    /// Whether a dispatch has begun and not ended.
    #[getter]
    fn in_progress(&self) -> bool {
        self.lock().in_progress()
    }

    /// Whether the users were redistributed and the plan was not handed out since.
    #[getter]
    fn rebalanced(&self) -> bool {
        self.lock().is_rebalanced()
    }

    /// Users added or removed at a time.
    #[getter]
    fn per_step(&self) -> usize {
        self.lock().ramp().per_step()
    }

    /// Seconds from one step to the next.
    #[getter]
    fn interval(&self) -> f64 {
        self.lock().ramp().interval().as_secs_f64()
    }

    #[setter]
    fn set_interval(&self, seconds: f64) -> PyResult<()> {
        let interval =
            Duration::try_from_secs_f64(seconds).map_err(|error| PyValueError::new_err(error.to_string()))?;
        self.lock().ramp_mut().set_interval(interval);
        Ok(())
    }
}

fn user_classes(rows: Vec<ClassRow>) -> Vec<UserClass> {
    rows.into_iter().map(|(name, weight, fixed_count)| UserClass { name, weight, fixed_count }).collect()
}

fn refused(error: DispatchError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Who the numbers of a plan stand for. A copy: making Python objects may run anything, so no lock is held meanwhile.
struct Names {
    workers: Vec<String>,
    classes: Vec<String>,
}

impl Names {
    fn of(dispatcher: &Dispatcher) -> Self {
        let classes = dispatcher.classes().iter().map(|class| class.name.clone()).collect();
        Self { workers: dispatcher.workers().to_vec(), classes }
    }

    fn plan<'py>(&self, py: Python<'py>, counts: &[u32]) -> PyResult<Bound<'py, PyDict>> {
        let classes = strings(py, &self.classes);
        let plan = PyDict::new(py);
        for (worker, row) in self.workers.iter().zip(counts.chunks(classes.len())) {
            let users = PyDict::new(py);
            for (class, count) in classes.iter().zip(row) {
                users.set_item(class, count)?;
            }
            plan.set_item(worker, users)?;
        }
        Ok(plan)
    }

    fn users<'py>(&self, py: Python<'py>, users: &[(usize, usize)]) -> PyResult<Bound<'py, PyList>> {
        let (workers, classes) = (strings(py, &self.workers), strings(py, &self.classes));
        let pairs =
            users.iter().map(|(worker, class)| PyTuple::new(py, [&workers[*worker], &classes[*class]]));
        PyList::new(py, pairs.collect::<PyResult<Vec<_>>>()?)
    }
}

fn strings<'py>(py: Python<'py>, names: &[String]) -> Vec<Bound<'py, PyString>> {
    names.iter().map(|name| PyString::new(py, name)).collect()
}
