//! The way of a request through a session: sent from here if the call is simple enough, else by the library.

use std::sync::Arc;

use bytes::Bytes;
use gregaria_http::{ErrorKind, Headers, Method};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};

use super::by_python;
use super::call::Call;
use super::decoded;
use super::exchange::{self, Answer};
use super::hops;
use super::response::{self, Meta, Parts};
use super::session::SessionCore;
use super::settings::{Settings, Style};
use super::steps;
use super::target::Target;
use super::transfer::BodyReader;
use super::verdict;
use super::watched;
use crate::gevent::Bridge;
use crate::stats::without_passwords;

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
    let (cell, module, response) = match style {
        Style::Requests => (&REQUESTS, "locust.clients", "ResponseContextManager"),
        Style::Fast => (&FAST, "locust.contrib.fasthttp", "FastResponse"),
    };
    cell.get_or_try_init(py, || {
        let module = py.import(module)?;
        let class = |name: &str| -> PyResult<Py<PyType>> { Ok(module.getattr(name)?.cast_into()?.unbind()) };
        Ok(Classes {
            request: module.getattr("_REQUEST")?.unbind(),
            response: class(response)?,
            caught: class("ResponseContextManager")?,
        })
    })
}

/// Whether a response is of the very class that `catch_response=True` gives.
pub(super) fn is_caught_class(response: &Bound<'_, PyAny>, style: Style) -> PyResult<bool> {
    Ok(classes(response.py(), style)?.caught.as_ptr() == response.get_type_ptr().cast())
}

/// Whether the class of a session has the `request` that we defined.
pub(super) fn is_own_request(session: &Bound<'_, SessionCore>) -> PyResult<bool> {
    let py = session.py();
    Ok(session.get_type().getattr(intern!(py, "request"))?.is(&classes(py, session.get().style())?.request))
}

/// Whether the verb of this method takes a body by position.
fn has_body(method: &Method) -> bool {
    matches!(method, Method::Post | Method::Put | Method::Patch)
}

impl SessionCore {
    /// A verb: through `request` if somebody has put something else in its place.
    pub(super) fn verb<'py>(
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
        if !Self::refresh(slf)? {
            return Self::send(slf, method, url, data, json, kwargs, follow);
        }
        let arguments = kwargs.map_or_else(|| Ok(PyDict::new(py)), PyDictMethods::copy)?;
        // As Locust's verbs hand them on: a script's own step sees the arguments.
        if data.is_some() || style == Style::Requests || has_body(method) {
            arguments.set_item(intern!(py, "data"), data)?;
        }
        if json.is_some() || style == Style::Requests || *method == Method::Post {
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
    pub(super) fn send<'py>(
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
            && let Ok(asked) = text.to_str()
            && let Some(settings) = Self::ready(slf)?
        {
            let (base, base_url, name) = {
                let state = this.lock();
                (state.base, state.base_url.clone(), state.name.as_ref().map(|name| name.clone_ref(py)))
            };
            let start = base_url.as_deref().unwrap_or_default();
            if let Some((request, target)) =
                call.prepare(py, method, &settings, (base, start), asked, follow)?
            {
                let name = match &call.name {
                    Some(given) if given.is_truthy()? => Some(given.str()?.to_str()?.into()),
                    _ => match name {
                        Some(name) if name.bind(py).is_truthy()? => {
                            Some(name.bind(py).str()?.to_str()?.into())
                        }
                        // It would be the whole URL.
                        _ if target.has_credentials && settings.style == Style::Fast => {
                            Some(without_passwords(py, asked.to_owned())?.into())
                        }
                        _ => None,
                    },
                };
                let bridge = Bridge::current(py)?;
                let sent_body = request.options.stream;
                let sent = (Arc::clone(&request.headers), request.body.clone());
                let answer = match exchange::exchange(py, &bridge, &this.session(&bridge), request, None) {
                    Ok(answer) => answer,
                    Err(interrupted) => interrupted.into_failure(py, this.style(), &target.url)?,
                };
                let trust = || call.trust(&settings);
                if !by_python::is_worth_asking(py, &answer, trust, &target.url, method)? {
                    let asked = (asked, base_url);
                    return Self::finish(slf, method, asked, target, name, &call, answer, sent_body, &sent);
                }
            }
        }
        let arguments = kwargs.map_or_else(|| Ok(PyDict::new(py)), PyDictMethods::copy)?;
        if let Some(data) = data {
            arguments.set_item(intern!(py, "data"), data)?;
        }
        if let Some(json) = json {
            arguments.set_item(intern!(py, "json"), json)?;
        }
        // As Locust's verbs do it: a script's own step sees the arguments.
        let name = intern!(py, "allow_redirects");
        if this.style() == Style::Requests
            && matches!(method, Method::Get | Method::Options | Method::Head)
            && !arguments.contains(name)?
        {
            arguments.set_item(name, follow)?;
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
            if !watched {
                return Ok(Some(settings));
            }
            if !watched::is_still_usual(slf)? {
                return Ok(None);
            }
            // It may have made them anew.
            let state = this.lock();
            return Ok(if state.foreign { None } else { state.settings.clone() });
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
        (asked, base): (&str, Option<Arc<str>>),
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
            Ok(exchange) => {
                decoded::decoded_length(style, &exchange.response.headers, &exchange.response.body)
                    .unwrap_or_else(|()| {
                        broken = true;
                        0
                    })
            }
            Err(_) => 0,
        };
        let meta = Meta {
            method: method.clone(),
            name,
            asked: asked.into(),
            base,
            target,
            context: call.context.as_ref().map(|context| context.clone().unbind()),
            // What the generator itself was late is not the server's doing.
            time_ms: timings.total.saturating_sub(timings.blocked).as_secs_f64() * 1000.0,
            start_unix: timings.start_unix,
            length,
            phases: decoded::phases(&timings),
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
        let altered = steps::altered(style);
        if good
            && !broken
            && !call.catch
            && !altered
            && let Some(own) = verdict::only_own(py, this)?
        {
            let status = exchange.as_ref().map_or(0, |exchange| exchange.response.status);
            verdict::record(py, &own, this, style, &meta, status, None)?;
            let parts =
                Parts { style, meta, session: slf.clone().unbind(), exchange, body, catch: false, text_body };
            return response::create(class, Box::new(parts));
        }
        let catch = call.catch;
        let parts = Parts { style, meta, session: slf.clone().unbind(), exchange, body, catch, text_body };
        let made = response::create(class, Box::new(parts))?;
        if let Some(error) = error {
            let described = super::transfer::describe(py, &error)?;
            let settings = this.lock().settings.clone();
            described.set_item("trust", settings.and_then(|settings| call.trust(&settings)))?;
            described.set_item("sent_headers", super::convert::pairs(&sent.0))?;
            described.set_item("sent_body", hops::sent_body(py, &sent.1, text_body))?;
            described.set_item("timeout", &call.timeout)?;
            described.set_item("thrown", &answer.thrown)?;
            if matches!(error.kind, ErrorKind::TooManyRedirects) {
                let hops = error
                    .history
                    .iter()
                    .map(|hop| {
                        let sent = hops::sent_tuple(py, &hop.request, text_body)?;
                        Ok((hops::hop_tuple(py, hop)?, sent))
                    })
                    .collect::<PyResult<Vec<_>>>()?;
                described.set_item("history", hops)?;
            }
            if let Err(not_a_request) = made.call_method1(intern!(py, "_fail"), (described,)) {
                response::forget_verdict(&made);
                return Err(not_a_request);
            }
        } else if broken {
            made.call_method0(intern!(py, "_fail_decoding"))?;
        }
        if call.catch {
            // The with-block decides.
        } else if altered && style == Style::Requests {
            // As Locust does it, so that a step of a script is called.
            made.call_method1(intern!(py, "__exit__"), (py.None(), py.None(), py.None()))?;
        } else if good && !broken && !altered {
            verdict::report_good(&made)?;
        } else {
            made.call_method0(intern!(py, "_judge"))?;
        }
        Ok(made)
    }
}
