//! The two entries of greenlet's C interface that the hot path needs, one call of CPython's that the limited API
//! lacks before 3.12, and one of the allocator's.
#![expect(
    unsafe_code,
    reason = "greenlet offers its switch without a Python frame in between only through its C capsule"
)]

use std::ffi::c_void;

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

type Current = unsafe extern "C" fn() -> *mut ffi::PyObject;
type Switch =
    unsafe extern "C" fn(*mut ffi::PyObject, *mut ffi::PyObject, *mut ffi::PyObject) -> *mut ffi::PyObject;

// Positions in the capsule's table, fixed by greenlet.h since 0.4.
const CURRENT: usize = 4;
const SWITCH: usize = 6;

/// Whether the C interface of that version is one whose entries are where we look for them.
fn is_known(version: &str) -> bool {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| (1..=4).contains(&major))
}

/// greenlet's functions, looked up once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Greenlets {
    current: Current,
    switch: Switch,
}

impl Greenlets {
    /// Imports greenlet and takes its table. Errors: ImportError if greenlet is missing or too different.
    pub(super) fn import(py: Python<'_>) -> PyResult<Self> {
        let version = py.import("greenlet")?.getattr("__version__")?.extract::<String>()?;
        let too_different = || {
            let words = format!(
                "greenlet {version} has another C interface than this program knows: install greenlet 1 to 4"
            );
            PyImportError::new_err(words)
        };
        if !is_known(&version) {
            return Err(too_different());
        }
        // SAFETY: attached to the interpreter (`py`); the name is NUL-terminated; a null result leaves an exception.
        let table = unsafe { ffi::PyCapsule_Import(c"greenlet._C_API".as_ptr(), 0) }.cast::<*mut c_void>();
        if table.is_null() {
            return Err(PyErr::take(py)
                .unwrap_or_else(|| PyImportError::new_err("greenlet has no C interface (greenlet._C_API)")));
        }
        // SAFETY: the capsule of that name holds a table of at least 12 pointers that lives as long as the process.
        let (current, switch) = unsafe { (*table.add(CURRENT), *table.add(SWITCH)) };
        if current.is_null() || switch.is_null() {
            return Err(too_different());
        }
        // SAFETY: the entries at these positions have had these signatures in every release since the table exists, up to the
        // last that is known; the version was looked at, and they are there.
        unsafe {
            Ok(Self {
                current: std::mem::transmute::<*mut c_void, Current>(current),
                switch: std::mem::transmute::<*mut c_void, Switch>(switch),
            })
        }
    }

    /// The greenlet that runs now.
    pub(super) fn current(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        // SAFETY: attached; returns a new reference or null with an exception set.
        unsafe { Bound::from_owned_ptr_or_err(py, (self.current)()) }
    }

    /// Runs `target` until something switches back to the caller.
    ///
    /// While this call lasts, other greenlets run on this thread: the caller must hold no borrow, lock or reference
    /// into state that they may touch. Errors: whatever was thrown into the caller meanwhile, or escaped `target`.
    pub(super) fn switch(self, target: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = target.py();
        // SAFETY: attached, and `target` is a live object; greenlet checks its type itself and reports a wrong one as an
        // exception; null arguments mean "no arguments". The result is a new reference or null with an exception set.
        let result = unsafe {
            Bound::from_owned_ptr_or_err(
                py,
                (self.switch)(target.as_ptr(), std::ptr::null_mut(), std::ptr::null_mut()),
            )
        };
        result.map(drop)
    }
}

unsafe extern "C" {
    // Exported by CPython since 3.9 and part of the stable interface since 3.12; PyO3 hides it below that.
    fn PyObject_Vectorcall(
        callable: *mut ffi::PyObject,
        args: *const *mut ffi::PyObject,
        nargsf: usize,
        kwnames: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
}

/// Calls `callable(argument)` without building a tuple.
pub(crate) fn call_one<'py>(
    callable: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let args = [argument.as_ptr()];
    // SAFETY: attached; both objects are alive for the call (the references are held by the caller's frames); the array
    // holds one element and no keyword names are given. The result is a new reference or null with an exception set.
    unsafe {
        Bound::from_owned_ptr_or_err(
            callable.py(),
            PyObject_Vectorcall(callable.as_ptr(), args.as_ptr(), 1, std::ptr::null_mut()),
        )
    }
}

/// Makes an instance of `class` by its `__new__` alone, with no arguments: `__init__` is not called.
pub(crate) fn allocate<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    // SAFETY: attached; `class` is a live heap type (PyO3's and all of Python's are), so its slots may be read; `tp_new`
    // is called as `type.__call__` would, with the type itself and an empty tuple that outlives the call.
    unsafe {
        let slot = ffi::PyType_GetSlot(class.as_type_ptr(), ffi::Py_tp_new);
        if slot.is_null() {
            return Err(pyo3::exceptions::PyTypeError::new_err("the class cannot be instantiated"));
        }
        let new = std::mem::transmute::<*mut c_void, ffi::newfunc>(slot);
        let arguments = pyo3::types::PyTuple::empty(py);
        Bound::from_owned_ptr_or_err(py, new(class.as_type_ptr(), arguments.as_ptr(), std::ptr::null_mut()))
    }
}

/// How many references to an object there are.
pub(crate) fn reference_count(object: &Py<PyAny>) -> isize {
    // SAFETY: the object is alive while it is borrowed, and all of its references belong to threads that hold the GIL, as
    // the caller does (it got at the object in Python's own state).
    unsafe { ffi::Py_REFCNT(object.as_ptr()) }
}

/// Has the allocator keep what is freed of large blocks: a body of 100 kB that is freed would else be given back to the
/// system, and each of its pages be made anew for the next, which takes longer than all the rest of the request.
pub(super) fn keep_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::ffi::c_int;

        unsafe extern "C" {
            // glibc's, of malloc.h.
            fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }
        const TRIM_THRESHOLD: c_int = -1;
        const MMAP_THRESHOLD: c_int = -3;
        // SAFETY: plain numbers go in and out; glibc takes its allocator's lock. An answer of 0 means that all stays as it was.
        unsafe {
            mallopt(MMAP_THRESHOLD, 4 << 20);
            mallopt(TRIM_THRESHOLD, 16 << 20);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn only_known_versions_of_greenlet_are_called() {
        assert!(["1.0", "1.1.3", "2.0.2", "3.2.4", "3.5", "4.0a1"].into_iter().all(is_known));
        assert!(!["0.4.17", "5.0", "99", "", "x"].into_iter().any(is_known));
    }
}
