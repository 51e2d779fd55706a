//! `_engine.SessionCore`: the native base of `HttpSession` and `FastHttpSession`, and the way of a request through it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use gregaria_http::{ConnectionPool, Headers, Method, RequestId};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use super::call::Call;
use super::connections::{Connections, Live};
use super::exchange::{self, Answer};
use super::response::{self, Meta, Parts};
use super::settings::{self, Description, Settings, Style};
use super::target::{self, Target};
use super::transfer::BodyReader;
use super::verdict;
use crate::gevent::Bridge;

/// The Python classes of a style, found once.
#[derive(Debug)]
struct Classes {
    /// What `request` is as long as nobody has replaced it.
    request: Py<PyAny>,
    response: Py<PyType>,
    caught: Py<PyType>,
}

static REQUESTS: PyOnceLock<Classes> = PyOnceLock::new();
static FAST: PyOnceLock<Classes> = PyOnceLock::new();

fn classes(py: Python<'_>, style: Style) -> PyResult<&'static Classes> {
    let (cell, module, session, response) = match style {
        Style::Requests => (&REQUESTS, "locust.clients", "HttpSession", "ResponseContextManager"),
        Style::Fast => (&FAST, "locust.contrib.fasthttp", "FastHttpSession", "FastResponse"),
    };
    cell.get_or_try_init(py, || {
        let module = py.import(module)?;
        let class = |name: &str| -> PyResult<Py<PyType>> { Ok(module.getattr(name)?.cast_into()?.unbind()) };
        Ok(Classes {
            request: module.getattr(session)?.getattr("request")?.unbind(),
            response: class(response)?,
            caught: class("ResponseContextManager")?,
        })
    })
}

#[derive(Debug, Default)]
struct State {
    base: usize,
    base_url: Option<Arc<str>>,
    event: Option<Py<PyAny>>,
    user: Option<Py<PyAny>>,
    name: Option<Py<PyAny>>,
    /// None: to be made anew by `_configure` before the next request.
    settings: Option<Arc<Settings>>,
    /// Something about this session is beyond the native path: every request goes through the library.
    foreign: bool,
    /// Its containers (hooks, params, …) have been in a script's hands: `_still_usual` says whether they are empty.
    watched: bool,
    /// `request` has been replaced on the instance.
    replaced: bool,
    max_connections: usize,
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

    /// Sets the session up; `fast` chooses geventhttpclient's habits. `pool_of`: a session whose connections to use.
    #[pyo3(signature = (fast, base_url, request_event, user, max_connections=10, pool_of=None))]
    fn _open(
        &self,
        fast: bool,
        base_url: Option<&str>,
        request_event: Py<PyAny>,
        user: Option<Py<PyAny>>,
        max_connections: usize,
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
        state.max_connections = max_connections.max(1);
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
    fn set_base_url(&self, url: Option<&str>) {
        let mut state = self.lock();
        state.base_url = url.map(Arc::from);
        state.base = target::base(self.style(), url.unwrap_or_default());
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
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn style(&self) -> Style {
        self.style.get().copied().unwrap_or(Style::Requests)
    }

    pub(super) fn event(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.lock().event.as_ref().map(|event| event.clone_ref(py))
    }

    /// What relative URLs are appended to.
    pub(super) fn base(&self) -> Option<Arc<str>> {
        self.lock().base_url.clone()
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
            (state.max_connections, state.pool.clone())
        })
    }

    /// A verb: through `request` if somebody has put something else in its place.
    fn verb<'py>(
        slf: &Bound<'py, Self>,
        method: &Method,
        url: &Bound<'py, PyAny>,
        data: Option<Bound<'py, PyAny>>,
        json: Option<Bound<'py, PyAny>>,
        kwargs: Option<&Bound<'py, PyDict>>,
        follow: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        let style = this.style();
        let own = slf.get_type().getattr(intern!(py, "request"))?.is(&classes(py, style)?.request);
        if own && !this.lock().replaced {
            return Self::send(slf, method, url, data, json, kwargs, follow);
        }
        let arguments = kwargs.map_or_else(|| Ok(PyDict::new(py)), PyDictMethods::copy)?;
        if data.is_some() || style == Style::Requests {
            arguments.set_item(intern!(py, "data"), data)?;
        }
        if json.is_some() || style == Style::Requests {
            arguments.set_item(intern!(py, "json"), json)?;
        }
        let name = intern!(py, "allow_redirects");
        if style == Style::Requests
            && matches!(method, Method::Get | Method::Options | Method::Head)
            && !arguments.contains(name)?
        {
            arguments.set_item(name, follow)?;
        }
        slf.call_method(intern!(py, "request"), (method.as_str(), url), Some(&arguments))
    }

    /// Sends from here if the call is simple enough, else by the library.
    fn send<'py>(
        slf: &Bound<'py, Self>,
        method: &Method,
        url: &Bound<'py, PyAny>,
        data: Option<Bound<'py, PyAny>>,
        json: Option<Bound<'py, PyAny>>,
        kwargs: Option<&Bound<'py, PyDict>>,
        follow: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        let mut call = Call::default();
        call.set_body(data.clone(), json.clone());
        let simple = match kwargs {
            Some(kwargs) => call.read(this.style(), kwargs)?,
            None => true,
        };
        if simple
            && let Ok(text) = url.cast::<PyString>()
            && let Some(settings) = Self::ready(slf)?
        {
            let (base, base_url, name) = {
                let state = this.lock();
                (state.base, state.base_url.clone(), state.name.as_ref().map(|name| name.clone_ref(py)))
            };
            let asked = text.to_str()?;
            let base = (base, base_url.as_deref().unwrap_or_default());
            if let Some((request, target)) = call.prepare(py, method, &settings, base, asked, follow)? {
                let name = match &call.name {
                    Some(given) if given.is_truthy()? => Some(given.str()?.to_str()?.into()),
                    _ => match name {
                        Some(name) if name.bind(py).is_truthy()? => {
                            Some(name.bind(py).str()?.to_str()?.into())
                        }
                        _ => None,
                    },
                };
                let bridge = Bridge::current(py)?;
                let sent_body = request.options.stream;
                let sent = (Arc::clone(&request.headers), request.body.clone());
                let answer = exchange::exchange(py, &bridge, &this.session(&bridge), request)?;
                return Self::finish(slf, method, asked, target, name, &call, answer, sent_body, &sent);
            }
        }
        let arguments = kwargs.map_or_else(|| Ok(PyDict::new(py)), PyDictMethods::copy)?;
        if let Some(data) = data {
            arguments.set_item(intern!(py, "data"), data)?;
        }
        if let Some(json) = json {
            arguments.set_item(intern!(py, "json"), json)?;
        }
        if !arguments.contains(intern!(py, "allow_redirects"))? {
            arguments.set_item(intern!(py, "allow_redirects"), follow)?;
        }
        slf.call_method(intern!(py, "_request_by_library"), (method.as_str(), url), Some(&arguments))
    }

    /// The settings to send with; None: this session's requests go through the library.
    fn ready(slf: &Bound<'_, Self>) -> PyResult<Option<Arc<Settings>>> {
        let this = slf.get();
        let (known, watched) = {
            let state = this.lock();
            if state.foreign {
                return Ok(None);
            }
            (state.settings.clone(), state.watched)
        };
        if let Some(settings) = known {
            if watched && !slf.call_method0(intern!(slf.py(), "_still_usual"))?.is_truthy()? {
                return Ok(None);
            }
            return Ok(Some(settings));
        }
        // Python knows the attributes; it calls `_configure`, or `_touch` if they are beyond this path.
        slf.call_method0(intern!(slf.py(), "_settings"))?;
        let state = this.lock();
        Ok(if state.foreign { None } else { state.settings.clone() })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the end of one long function, cut where the answer is there"
    )]
    fn finish<'py>(
        slf: &Bound<'py, Self>,
        method: &Method,
        asked: &str,
        target: Arc<Target>,
        name: Option<Box<str>>,
        call: &Call<'py>,
        answer: Answer,
        streamed: bool,
        sent: &(Arc<Headers>, Bytes),
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        let style = this.style();
        let timings = match &answer.result {
            Ok(exchange) => exchange.timings,
            Err(error) => error.timings,
        };
        // requests knows of no request but the last where a chain of redirects ended in an error.
        let target = match &answer.result {
            Err(error) if style == Style::Requests && !error.history.is_empty() => {
                Arc::new(Target::new(Arc::clone(&error.url)))
            }
            _ => target,
        };
        let mut broken = false;
        let length = match &answer.result {
            Ok(exchange) if streamed => exchange
                .response
                .headers
                .get_str("content-length")
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0),
            Ok(exchange) => response::decoded_length(&exchange.response.headers, &exchange.response.body)
                .unwrap_or_else(|()| {
                    broken = true;
                    0
                }),
            Err(_) => 0,
        };
        let meta = Meta {
            method: method.clone(),
            name,
            asked: asked.into(),
            target,
            context: call.context.as_ref().map(|context| context.clone().unbind()),
            // What the generator itself was late is not the server's doing.
            time_ms: timings.total.saturating_sub(timings.blocked).as_secs_f64() * 1000.0,
            start_unix: timings.start_unix,
            length,
        };
        let classes = classes(py, style)?;
        let class = if call.catch { &classes.caught } else { &classes.response }.bind(py);
        let (exchange, error) = match answer.result {
            Ok(exchange) => (Some(exchange), None),
            Err(error) => (None, Some(error)),
        };
        let good =
            exchange.as_ref().is_some_and(|exchange| verdict::is_good(style, exchange.response.status));
        let body = match answer.rest {
            Some(rest) => Some(Py::new(py, BodyReader::new(slf.clone().unbind(), rest))?),
            None => None,
        };
        let text_body = !sent.1.is_empty() && call.has_text_body(style);
        if good
            && !broken
            && !call.catch
            && let Some(stats) = verdict::only_statistics(py, this)?
        {
            verdict::record(py, &stats, style, &meta)?;
            let parts =
                Parts { style, meta, session: slf.clone().unbind(), exchange, body, catch: false, text_body };
            return response::create(class, Box::new(parts));
        }
        let catch = call.catch;
        let parts = Parts { style, meta, session: slf.clone().unbind(), exchange, body, catch, text_body };
        let made = response::create(class, Box::new(parts))?;
        if let Some(error) = error {
            let described = super::transfer::describe(py, &error)?;
            described.set_item("sent_headers", super::convert::pairs(&sent.0))?;
            described.set_item("sent_body", response::sent_body(py, &sent.1, text_body))?;
            described.set_item("timeout", &call.timeout)?;
            made.call_method1(intern!(py, "_fail"), (described,))?;
        } else if broken {
            made.call_method0(intern!(py, "_fail_decoding"))?;
        }
        if !call.catch {
            made.call_method0(intern!(py, "_judge"))?;
        }
        Ok(made)
    }
}

/// Connections for several sessions to share: what a `pool_manager` or `client_pool` stands for.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct SharedPool {
    bridge: u64,
    pool: ConnectionPool,
}

#[pymethods]
impl SharedPool {
    #[new]
    fn new(py: Python<'_>, max_connections: usize) -> PyResult<Self> {
        let bridge = Bridge::current(py)?;
        Ok(Self { bridge: bridge.number(), pool: bridge.client().pool(max_connections) })
    }

    /// Closes the idle connections now and the busy ones after their response.
    fn close(&self) {
        self.pool.close_connections();
    }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<SessionCore>()?;
    m.add_class::<SharedPool>()
}
