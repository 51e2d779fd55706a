//! `_engine.SessionCore`: the native base of `HttpSession` and `FastHttpSession`: what a session knows, and its verbs.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use gregaria_http::{ConnectionPool, Method, PoolOptions, RequestId};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::connections::{Connections, Live, SharedPool};
use super::send;
use super::settings::{self, Description, Settings, Style};
use super::steps;
use super::target;
use crate::gevent::Bridge;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) base: usize,
    pub(super) base_url: Option<Arc<str>>,
    event: Option<Py<PyAny>>,
    user: Option<Py<PyAny>>,
    pub(super) name: Option<Py<PyAny>>,
    /// None: to be made anew by `_configure` before the next request.
    pub(super) settings: Option<Arc<Settings>>,
    /// Something about this session is beyond the native path: every request goes through the library.
    pub(super) foreign: bool,
    /// Its containers (hooks, params, …) have been in a script's hands: `_still_usual` says whether they are empty.
    pub(super) watched: bool,
    /// `request` has been replaced on the instance.
    pub(super) replaced: bool,
    /// The class, or a subclass of it, has a `request` of its own.
    overridden: bool,
    /// Which generation of steps (`steps.rs`) this session has seen.
    generation: u64,
    kept: PoolOptions,
    /// Connections shared with other sessions, and the number of the bridge they belong to.
    pool: Option<(u64, ConnectionPool)>,
}

/// Native part of a session.
#[pyclass(frozen, subclass, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct SessionCore {
    style: OnceLock<Style>,
    state: Mutex<State>,
    connections: Connections,
}

#[pymethods]
impl SessionCore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { style: OnceLock::new(), state: Mutex::default(), connections: Connections::default() }
    }

    /// Sets the session up; `fast` chooses geventhttpclient's habits. `keep` and `limit` as of `SharedPool`; `pool_of`: one
    /// to use instead of connections of its own.
    #[expect(clippy::too_many_arguments, reason = "one call that hands over everything at once")]
    #[pyo3(signature = (fast, base_url, request_event, user, keep=10, limit=None, pool_of=None))]
    fn _open(
        &self,
        fast: bool,
        base_url: Option<&str>,
        request_event: Py<PyAny>,
        user: Option<Py<PyAny>>,
        keep: usize,
        limit: Option<usize>,
        pool_of: Option<PyRef<'_, SharedPool>>,
    ) -> PyResult<()> {
        let style = if fast { Style::Fast } else { Style::Requests };
        if self.style.set(style).is_err() {
            return Err(PyRuntimeError::new_err("the session is open already"));
        }
        let mut state = self.lock();
        state.base_url = base_url.map(Arc::from);
        state.base = target::base(style, base_url.unwrap_or_default());
        state.event = Some(request_event);
        state.user = user;
        state.kept = PoolOptions { keep, limit };
        state.pool = pool_of.map(|pool| (pool.bridge, pool.pool.clone()));
        Ok(())
    }

    /// Says how requests are sent from now on: called by `_settings`. `key` stands for all the other arguments.
    #[expect(clippy::too_many_arguments, reason = "one call that hands over everything at once, by keyword")]
    #[pyo3(signature = (key, headers, authorization, max_redirects, connect_timeout, read_timeout, verify, cert, proxy, watched))]
    fn _configure(
        &self,
        key: String,
        headers: Vec<(String, Bound<'_, PyAny>)>,
        authorization: Option<String>,
        max_redirects: u32,
        connect_timeout: Option<f64>,
        read_timeout: Option<f64>,
        verify: Option<&Bound<'_, PyAny>>,
        cert: Option<&Bound<'_, PyAny>>,
        proxy: Option<String>,
        watched: bool,
    ) -> PyResult<()> {
        let style = self.style();
        let settings = settings::shared(format!("{style:?} {key}"), || {
            let headers = headers
                .into_iter()
                .map(|(name, value)| {
                    super::convert::header_value(&value).map(|value| (name.clone(), value)).ok_or_else(|| {
                        PyValueError::new_err(format!("header {name:?} is neither text nor bytes"))
                    })
                })
                .collect::<PyResult<_>>()?;
            Ok(Description {
                style,
                headers,
                authorization,
                max_redirects,
                connect_timeout,
                read_timeout,
                tls: settings::tls(verify, cert)?,
                proxy,
            })
        })?;
        let mut state = self.lock();
        state.settings = Some(settings);
        state.watched = watched;
        Ok(())
    }

    /// Has the settings made anew before the next request; `foreign`: that one and all others go through the library.
    #[pyo3(signature = (foreign=None, replaced=None))]
    fn _touch(&self, foreign: Option<bool>, replaced: Option<bool>) {
        let mut state = self.lock();
        state.settings = None;
        if let Some(foreign) = foreign {
            state.foreign = foreign;
        }
        if let Some(replaced) = replaced {
            state.replaced = replaced;
        }
    }

    /// What relative URLs are appended to.
    #[getter]
    fn base_url(&self) -> Option<String> {
        self.lock().base_url.as_deref().map(str::to_owned)
    }

    #[setter]
    fn set_base_url(&self, url: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        // Whatever it is, URLs begin with its text.
        let url = url.map(Bound::str).transpose()?;
        let url = url.as_ref().map(|url| url.to_str()).transpose()?;
        let mut state = self.lock();
        state.base_url = url.map(Arc::from);
        state.base = target::base(self.style(), url.unwrap_or_default());
        Ok(())
    }

    /// The event that requests are reported to.
    #[getter]
    fn request_event(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.event(py)
    }

    #[setter]
    fn set_request_event(&self, event: Py<PyAny>) {
        let old = self.lock().event.replace(event);
        drop(old);
    }

    /// The user whose session it is, or None.
    #[getter]
    fn user(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.user_object(py)
    }

    #[setter]
    fn set_user(&self, user: Option<Py<PyAny>>) {
        let old = std::mem::replace(&mut self.lock().user, user);
        drop(old);
    }

    /// The name of requests that are given none; None: named after their URL.
    #[getter]
    fn request_name(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.lock().name.as_ref().map(|name| name.clone_ref(py))
    }

    #[setter]
    fn set_request_name(&self, name: Option<Py<PyAny>>) {
        let old = std::mem::replace(&mut self.lock().name, name);
        drop(old);
    }

    /// Sends a GET request.
    #[pyo3(signature = (url, **kwargs))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        url: &Bound<'py, PyAny>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::verb(slf, &Method::Get, url, None, None, kwargs, true)
    }

    /// Sends an OPTIONS request.
    #[pyo3(signature = (url, **kwargs))]
    fn options<'py>(
        slf: &Bound<'py, Self>,
        url: &Bound<'py, PyAny>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::verb(slf, &Method::Options, url, None, None, kwargs, true)
    }

    /// Sends a HEAD request; redirects are followed by a fast session only, unless `allow_redirects` says otherwise.
    #[pyo3(signature = (url, **kwargs))]
    fn head<'py>(
        slf: &Bound<'py, Self>,
        url: &Bound<'py, PyAny>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let follow = slf.get().style() == Style::Fast;
        Self::verb(slf, &Method::Head, url, None, None, kwargs, follow)
    }

    /// Sends a DELETE request.
    #[pyo3(signature = (url, **kwargs))]
    fn delete<'py>(
        slf: &Bound<'py, Self>,
        url: &Bound<'py, PyAny>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::verb(slf, &Method::Delete, url, None, None, kwargs, true)
    }

    /// Sends a POST request.
    #[pyo3(signature = (url, data=None, json=None, **kwargs))]
    fn post<'py>(
        slf: &Bound<'py, Self>,
        url: &Bound<'py, PyAny>,
        data: Option<Bound<'py, PyAny>>,
        json: Option<Bound<'py, PyAny>>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::verb(slf, &Method::Post, url, data, json, kwargs, true)
    }

    /// Sends a PUT request.
    #[pyo3(signature = (url, data=None, *, json=None, **kwargs))]
    fn put<'py>(
        slf: &Bound<'py, Self>,
        url: &Bound<'py, PyAny>,
        data: Option<Bound<'py, PyAny>>,
        json: Option<Bound<'py, PyAny>>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::verb(slf, &Method::Put, url, data, json, kwargs, true)
    }

    /// Sends a PATCH request.
    #[pyo3(signature = (url, data=None, *, json=None, **kwargs))]
    fn patch<'py>(
        slf: &Bound<'py, Self>,
        url: &Bound<'py, PyAny>,
        data: Option<Bound<'py, PyAny>>,
        json: Option<Bound<'py, PyAny>>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::verb(slf, &Method::Patch, url, data, json, kwargs, true)
    }

    /// Any request: what Python's `request` of both styles calls with its arguments in a dict.
    fn _request<'py>(
        slf: &Bound<'py, Self>,
        method: &Bound<'py, PyAny>,
        url: &Bound<'py, PyAny>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known =
            method.cast::<PyString>().ok().and_then(|m| m.to_str().ok()).and_then(|m| Method::new(m).ok());
        Self::refresh(slf)?;
        // A lower-case method is sent in upper case but reported as it was given: rare enough for the library.
        match known {
            Some(method) if !method.as_str().bytes().any(|b| b.is_ascii_lowercase()) => {
                Self::send(slf, &method, url, None, None, Some(kwargs), true)
            }
            _ => slf.call_method(intern!(slf.py(), "_request_by_library"), (method, url), Some(kwargs)),
        }
    }

    /// Closes the idle connections now and the busy ones after their response.
    fn _close_connections(&self) {
        self.connections.close();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(state) = self.state.try_lock() {
            visit.call(&state.event)?;
            visit.call(&state.user)?;
            visit.call(&state.name)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let mut state = self.lock();
        let old = (state.event.take(), state.user.take(), state.name.take());
        drop(state);
        drop(old);
    }
}

impl SessionCore {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn style(&self) -> Style {
        self.style.get().copied().unwrap_or(Style::Requests)
    }

    /// Whether verbs go through a `request` that is a script's. Looks again at the class if one has been changed.
    pub(super) fn refresh(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let this = slf.get();
        let now = steps::generation();
        {
            let state = this.lock();
            if state.generation == now {
                return Ok(state.replaced || state.overridden);
            }
        }
        let overridden = !send::is_own_request(slf)?;
        let mut state = this.lock();
        state.overridden = overridden;
        if state.generation != 0 {
            // What `_settings` says is to be asked anew.
            state.settings = None;
            state.foreign = false;
        }
        state.generation = now;
        Ok(state.replaced || state.overridden)
    }

    pub(super) fn event(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.lock().event.as_ref().map(|event| event.clone_ref(py))
    }

    pub(super) fn user_object(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.lock().user.as_ref().map(|user| user.clone_ref(py))
    }

    /// Gives up a request that was made at the bridge of this number.
    pub(super) fn cancel(&self, bridge: u64, id: RequestId) {
        self.connections.cancel(bridge, id);
    }

    /// The connections and cookies, opened at their first use.
    pub(super) fn session(&self, bridge: &Bridge) -> Live<'_> {
        self.connections.of(bridge, || {
            let state = self.lock();
            (state.kept, state.pool.clone())
        })
    }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<SessionCore>()
}
