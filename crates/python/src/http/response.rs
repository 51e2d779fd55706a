//! `_engine.ResponseCore`: the native base of every response.
//!
//! What a script reads of a response is made when it is first read, and then kept in the object's `__dict__`, so that
//! it can be overwritten like any attribute of the libraries' own responses.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gregaria_http::{Exchange, Method};
use gregaria_stats::Phases;
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyAttributeError, PyIndexError};
use pyo3::gc::PyVisit;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple, PyType};

use super::convert;
use super::decoded;
use super::hops;
use super::provided;
use super::session::SessionCore;
use super::settings::Style;
use super::spare;
use super::target::Target;
use super::transfer::BodyReader;
use super::verdict;

/// What is reported about a request.
#[derive(Debug)]
pub(super) struct Meta {
    pub(super) method: Method,
    /// The name given by the script, or None for the default of the style.
    pub(super) name: Option<Box<str>>,
    /// The URL as the script gave it.
    pub(super) asked: Box<str>,
    /// What it was appended to, unless it was whole.
    pub(super) base: Option<Arc<str>>,
    pub(super) target: Arc<Target>,
    pub(super) context: Option<Py<PyAny>>,
    pub(super) time_ms: f64,
    pub(super) start_unix: f64,
    pub(super) length: u64,
    /// Where the time went.
    pub(super) phases: Phases,
}

impl Meta {
    /// The name under which the request is counted.
    pub(super) fn label(&self, style: Style) -> &str {
        match (&self.name, style) {
            (Some(name), _) => name,
            (None, Style::Requests) => self.target.url.target(),
            (None, Style::Fast) => &self.asked,
        }
    }
}

/// Everything about a response.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) style: Style,
    pub(super) meta: Meta,
    pub(super) session: Py<SessionCore>,
    /// None: there was no answer.
    pub(super) exchange: Option<Box<Exchange>>,
    pub(super) body: Option<Py<BodyReader>>,
    pub(super) catch: bool,
    /// Whether the body that was sent is shown as text.
    pub(super) text_body: bool,
}

impl Parts {
    /// Of the answer; 0 without one.
    pub(super) fn status(&self) -> u16 {
        self.exchange.as_ref().map_or(0, |exchange| exchange.response.status)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            spare::give(exchange);
        }
    }
}

/// What a script has decided about a request.
#[derive(Debug, Default)]
enum Manual {
    #[default]
    Open,
    Success,
    Failure(Py<PyAny>),
}

/// A request that a library has made: what the engine knows of it.
#[derive(Debug)]
struct Foreign {
    catch: bool,
    method: Box<str>,
    name: Box<str>,
}

/// Native part of a response.
#[pyclass(frozen, subclass, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct ResponseCore {
    parts: Option<Box<Parts>>,
    /// Set where there are no parts: requests or geventhttpclient has made the request.
    foreign: OnceLock<Foreign>,
    manual: Mutex<Manual>,
    entered: AtomicBool,
    /// What a script has said about `_catch_response`: 0 nothing, else 1 + that.
    said_caught: AtomicU8,
}

impl Drop for ResponseCore {
    /// A verdict that nobody gave is worth a word: the request is missing in the statistics.
    fn drop(&mut self) {
        if !self.entered.load(Ordering::Relaxed) && self.is_caught() {
            self.warn_unjudged();
        }
    }
}

thread_local! {
    // What the next instance is made of: `__new__` takes it from here.
    // Never dropped: a thread's destructors run when the interpreter is gone.
    static NEXT: ManuallyDrop<RefCell<Option<Box<Parts>>>> = const { ManuallyDrop::new(RefCell::new(None)) };
}

/// Makes a response of a Python class that derives from [`ResponseCore`], without calling its `__init__`.
pub(super) fn create<'py>(class: &Bound<'py, PyType>, parts: Box<Parts>) -> PyResult<Bound<'py, PyAny>> {
    drop(NEXT.with(|next| next.replace(Some(parts))));
    let made = crate::gevent::allocate(class);
    drop(NEXT.with(|next| next.take()));
    made
}

/// Nobody is going to judge this one: it goes away without a word.
pub(super) fn forget_verdict(response: &Bound<'_, PyAny>) {
    if let Ok(core) = response.cast::<ResponseCore>() {
        core.get().entered.store(true, Ordering::Relaxed);
    }
}

#[pymethods]
impl ResponseCore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            parts: NEXT.with(|next| next.take()),
            foreign: OnceLock::new(),
            manual: Mutex::default(),
            entered: AtomicBool::new(false),
            said_caught: AtomicU8::new(0),
        }
    }

    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        provided::provide(slf, name)
    }

    /// What the script has decided: None, True, or the exception given to `failure`.
    #[getter]
    fn _manual_result(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match &*self.lock() {
            Manual::Open => None,
            Manual::Success => Some(pyo3::types::PyBool::new(py, true).to_owned().into_any().unbind()),
            Manual::Failure(error) => Some(error.clone_ref(py)),
        }
    }

    #[setter(_manual_result)]
    fn set_manual_result(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let manual = if value.is_none() {
            Manual::Open
        } else if value.is_instance_of::<pyo3::types::PyBool>() && value.is_truthy()? {
            Manual::Success
        } else {
            Manual::Failure(value.clone().unbind())
        };
        let old = std::mem::replace(&mut *self.lock(), manual);
        drop(old);
        Ok(())
    }

    /// Whether the response was asked for with `catch_response=True`.
    #[getter]
    fn _catch_response(&self) -> bool {
        self.is_caught()
    }

    #[setter(_catch_response)]
    fn set_catch_response(&self, caught: bool) {
        self.said_caught.store(1 + u8::from(caught), Ordering::Relaxed);
    }

    /// Says of a request that a library has made whether a with-block is to decide about it, and what it is called.
    fn _await_verdict(&self, catch: bool, method: &str, name: &str) {
        // Said once, when the response is made; there is nothing to replace.
        let _ = self.foreign.set(Foreign { catch, method: method.into(), name: name.into() });
    }

    /// Whether the with-block has begun.
    #[getter]
    fn _entered(&self) -> bool {
        self.entered.load(Ordering::Relaxed)
    }

    #[setter(_entered)]
    fn set_entered(&self, entered: bool) {
        self.entered.store(entered, Ordering::Relaxed);
    }

    /// Marks the with-block as begun; says whether there is to be one.
    fn _enter(&self) -> bool {
        self.entered.store(true, Ordering::Relaxed);
        self.is_caught()
    }

    /// Has the request counted as a success; says whether its with-block has begun, else nothing is decided.
    fn _succeed(&self) -> bool {
        let entered = self.entered.load(Ordering::Relaxed);
        if entered {
            let old = std::mem::replace(&mut *self.lock(), Manual::Success);
            drop(old);
        }
        entered
    }

    /// Counts the request: with the exception given, or as a success. Calls the listeners of the request event.
    #[pyo3(signature = (exception=None))]
    fn _report(slf: &Bound<'_, Self>, exception: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        match &slf.get().parts {
            Some(parts) => verdict::report(slf.as_any(), parts, exception),
            None => Ok(()),
        }
    }

    /// Whether the status is one that counts as a success without a verdict of the script.
    #[getter]
    fn _good_status(&self) -> bool {
        self.parts.as_ref().is_some_and(|parts| {
            parts
                .exchange
                .as_ref()
                .is_some_and(|exchange| verdict::is_good(parts.style, exchange.response.status))
        })
    }

    /// (method, url, [(name, value)], cookie, body) of the request of a hop; -1 is the last.
    fn _sent<'py>(&self, py: Python<'py>, hop: isize) -> PyResult<Bound<'py, PyTuple>> {
        let exchange = self.exchange()?;
        let sent = match usize::try_from(hop) {
            Err(_) => &exchange.request,
            Ok(hop) => {
                &exchange.history.get(hop).ok_or_else(|| PyIndexError::new_err("no such hop"))?.request
            }
        };
        let text = self.parts.as_ref().is_some_and(|parts| parts.text_body);
        hops::sent_tuple(py, sent, text)
    }

    /// The URL that was asked for, as it was given: appended to the base unless it was whole.
    #[getter]
    fn _asked_url(&self) -> Option<String> {
        self.parts.as_ref().map(|parts| verdict::asked_url(parts))
    }

    /// The session that the request was made with.
    #[getter]
    fn _made_by(&self, py: Python<'_>) -> Option<Py<SessionCore>> {
        self.parts.as_ref().map(|parts| parts.session.clone_ref(py))
    }

    /// (status, reason, version, url, [(name, value)], body as sent, seconds) of a hop that was redirected away from.
    fn _hop<'py>(&self, py: Python<'py>, hop: usize) -> PyResult<Bound<'py, PyTuple>> {
        hops::hop_tuple(
            py,
            self.exchange()?.history.get(hop).ok_or_else(|| PyIndexError::new_err("no such hop"))?,
        )
    }

    /// How many redirects were followed.
    #[getter]
    fn _hops(&self) -> usize {
        self.parts
            .as_ref()
            .and_then(|parts| parts.exchange.as_ref())
            .map_or(0, |exchange| exchange.history.len())
    }

    /// The fields of the head, as they came.
    #[getter]
    fn _header_pairs(&self) -> PyResult<Vec<(String, String)>> {
        Ok(convert::pairs(&self.exchange()?.response.headers))
    }

    /// The body as it came, before any decoding; empty for a streamed one.
    #[getter]
    fn _raw_body<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.exchange()?.response.body))
    }

    /// The reader of a streamed body, or None.
    #[getter]
    fn _body_reader(&self, py: Python<'_>) -> Option<Py<BodyReader>> {
        self.parts.as_ref()?.body.as_ref().map(|body| body.clone_ref(py))
    }

    /// 10 for HTTP/1.0, 11 for HTTP/1.1.
    #[getter]
    fn _version(&self) -> PyResult<u8> {
        Ok(convert::version(self.exchange()?.response.version))
    }

    /// Seconds spent in each phase: blocked, queue, dns, connect, tls, send, wait, receive, total.
    #[getter]
    fn phases<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let timings = &self.exchange()?.timings;
        let phases = PyDict::new(py);
        for (name, phase) in [
            ("blocked", timings.blocked),
            ("queue", timings.queue),
            ("dns", timings.dns),
            ("connect", timings.connect),
            ("tls", timings.tls),
            ("send", timings.send),
            ("wait", timings.wait),
            ("receive", timings.receive),
            ("total", timings.total),
        ] {
            phases.set_item(name, phase.as_secs_f64())?;
        }
        Ok(phases)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(parts) = &self.parts {
            visit.call(&parts.session)?;
            visit.call(&parts.meta.context)?;
            visit.call(&parts.body)?;
        }
        if let Ok(manual) = self.manual.try_lock()
            && let Manual::Failure(error) = &*manual
        {
            visit.call(error)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let old = std::mem::take(&mut *self.lock());
        drop(old);
    }
}

impl ResponseCore {
    fn is_caught(&self) -> bool {
        match (&self.parts, self.foreign.get()) {
            _ if self.said_caught.load(Ordering::Relaxed) > 0 => {
                self.said_caught.load(Ordering::Relaxed) == 2
            }
            (Some(parts), _) => parts.catch,
            (None, Some(foreign)) => foreign.catch,
            // Made by a script, to be used as it likes.
            (None, None) => true,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Manual> {
        self.manual.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has Python log it. An exception that is under way while the response goes away stays as it is.
    fn warn_unjudged(&self) {
        let (method, name) = match (&self.parts, self.foreign.get()) {
            (Some(parts), _) => (parts.meta.method.as_str(), parts.meta.label(parts.style)),
            (None, Some(foreign)) => (&*foreign.method, &*foreign.name),
            (None, None) => return,
        };
        // None at the end of the interpreter, when nobody listens any more.
        let _ = Python::try_attach(|py| {
            let under_way = PyErr::take(py);
            let warned = py
                .import(intern!(py, "locust._http.verdict"))
                .and_then(|module| module.call_method1(intern!(py, "warn_unjudged"), (method, name)));
            if let Err(error) = warned {
                error.write_unraisable(py, None);
            }
            if let Some(error) = under_way {
                error.restore(py);
            }
        });
    }

    /// What there is of it, unless a library has made the request.
    pub(super) fn parts(&self) -> Option<&Parts> {
        self.parts.as_deref()
    }

    /// Whether a script has said that it is a success; None: it has said that it is a failure.
    pub(super) fn is_success(&self) -> Option<bool> {
        match &*self.lock() {
            Manual::Open => Some(false),
            Manual::Success => Some(true),
            Manual::Failure(_) => None,
        }
    }

    fn exchange(&self) -> PyResult<&Exchange> {
        self.parts
            .as_ref()
            .and_then(|parts| parts.exchange.as_deref())
            .ok_or_else(|| PyAttributeError::new_err("there was no response"))
    }

    /// The value of an attribute that has not been read yet; None: no such attribute.
    pub(super) fn provide<'py>(slf: &Bound<'py, Self>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let Some(parts) = &slf.get().parts else {
            if name.starts_with("__") {
                return Ok(None);
            }
            let provided = slf.call_method1(intern!(py, "_provide"), (name,))?;
            return Ok((!provided.is(py.NotImplemented())).then_some(provided));
        };
        if name == "request_meta" {
            // For the fast client it says from the start how the request ended.
            let error = match parts.style {
                Style::Fast if parts.exchange.is_some() => Some(slf.getattr(intern!(py, "error"))?),
                _ => None,
            };
            return verdict::meta(slf.as_any(), parts, error.as_ref()).map(|meta| Some(meta.into_any()));
        }
        if name == "_request_event" {
            return Ok(parts.session.get().event(py).map(|event| event.into_bound(py)));
        }
        if let Some(exchange) = &parts.exchange {
            let response = &exchange.response;
            match name {
                "status_code" => return Ok(Some(response.status.into_pyobject(py)?.into_any())),
                "reason" => return Ok(Some(PyString::new(py, &response.reason.to_text()).into_any())),
                "_content" if parts.style == Style::Requests && parts.body.is_none() => {
                    return decoded::body(slf.as_any(), parts.style, response).map(Some);
                }
                "content" if parts.style == Style::Fast && parts.body.is_none() => {
                    return decoded::body(slf.as_any(), parts.style, response).map(Some);
                }
                "_content_consumed" if parts.style == Style::Requests => {
                    return Ok(Some(
                        pyo3::types::PyBool::new(py, parts.body.is_none()).to_owned().into_any(),
                    ));
                }
                _ => {}
            }
        }
        if name.starts_with("__") {
            return Ok(None);
        }
        let provided = slf.call_method1(intern!(py, "_provide"), (name,))?;
        Ok((!provided.is(py.NotImplemented())).then_some(provided))
    }
}

impl ResponseCore {
    /// Where the time of a request went, and the status of its answer (0: there was none), if it was sent from here.
    pub(crate) fn told(&self) -> Option<(Phases, u16)> {
        let parts = self.parts.as_ref()?;
        Some((parts.meta.phases, parts.status()))
    }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    provided::register(m)?;
    m.add_class::<ResponseCore>()
}
