//! What a call of a verb asks for, and whether it is simple enough to be sent from here.

use std::sync::Arc;

use bytes::Bytes;
use gregaria_http::{Headers, Method, Request, RequestOptions, auth};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyString, PyTuple};

use super::by_python;
use super::convert;
use super::form;
use super::settings::{self, Settings, Style, Variant};
use super::target::{self, Target};

/// The arguments that a request was made with, as far as they are understood here.
#[derive(Default)]
pub(super) struct Call<'py> {
    pub(super) name: Option<Bound<'py, PyAny>>,
    pub(super) catch: bool,
    pub(super) context: Option<Bound<'py, PyAny>>,
    pub(super) stream: bool,
    data: Option<Bound<'py, PyAny>>,
    json: Option<Bound<'py, PyAny>>,
    params: Option<Bound<'py, PyAny>>,
    headers: Option<Bound<'py, PyAny>>,
    pub(super) timeout: Option<Bound<'py, PyAny>>,
    auth: Option<Bound<'py, PyAny>>,
    verify: Option<Bound<'py, PyAny>>,
    cert: Option<Bound<'py, PyAny>>,
    follow: Option<bool>,
}

impl<'py> Call<'py> {
    /// Takes keyword arguments in. False: one of them is beyond this path.
    pub(super) fn read(&mut self, style: Style, kwargs: &Bound<'py, PyDict>) -> PyResult<bool> {
        for (key, value) in kwargs {
            let Ok(key) = key.cast::<PyString>() else { return Ok(false) };
            let key = key.to_str()?;
            match key {
                "name" => self.name = some(value),
                "catch_response" => self.catch = value.is_truthy()?,
                "context" => self.context = some(value),
                "stream" => self.stream = value.is_truthy()?,
                "data" => self.data = some(value),
                "json" => self.json = some(value),
                "params" => self.params = some(value),
                "headers" => self.headers = some(value),
                "auth" => self.auth = some(value),
                "allow_redirects" => self.follow = Some(value.is_truthy()?),
                "timeout" if style == Style::Requests => self.timeout = some(value),
                "verify" if style == Style::Requests => self.verify = some(value),
                "cert" if style == Style::Requests => self.cert = some(value),
                // Given, but with what they are without being given.
                "files" | "cookies" | "proxies" if !value.is_truthy()? => {}
                "hooks" if value.is_none() || value.cast::<PyDict>().is_ok_and(PyDictMethods::is_empty) => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The body of a positional or keyword argument of the verb itself.
    pub(super) fn set_body(&mut self, data: Option<Bound<'py, PyAny>>, json: Option<Bound<'py, PyAny>>) {
        if let Some(data) = data {
            self.data = some(data);
        }
        if let Some(json) = json {
            self.json = some(json);
        }
    }

    /// The request, and the target that names it; None: beyond this path, let the library look at it.
    pub(super) fn prepare(
        &self,
        py: Python<'py>,
        method: &Method,
        settings: &Settings,
        base: (usize, &str),
        url: &str,
        follow: bool,
    ) -> PyResult<Option<(Request, Arc<Target>)>> {
        let found = match &self.params {
            None => target::find(settings.style, base.0, base.1, url),
            Some(params) => match query(py, settings.style, url, params)? {
                Some(url) => target::find(settings.style, base.0, base.1, &url),
                None => return Ok(None),
            },
        };
        // What cannot be parsed is refused by the library, in its own words.
        let Ok(target) = found else { return Ok(None) };
        if by_python::leads_to_library(&target.url) {
            return Ok(None);
        }
        // requests takes credentials out of the URL, unless there are others.
        if settings.style == Style::Requests
            && target.has_credentials
            && self.auth.is_none()
            && settings.authorization.is_none()
        {
            return Ok(None);
        }
        let Some((headers, body)) = self.payload(py, method, settings)? else { return Ok(None) };
        let Some(options) = self.options(settings, self.follow.unwrap_or(follow)) else { return Ok(None) };
        let request = Request {
            method: method.clone(),
            url: Arc::clone(&target.url),
            headers,
            body,
            upload: None,
            options,
        };
        Ok(Some((request, target)))
    }

    /// Whether the library would keep the body as text, which `response.request.body` shows.
    pub(super) fn has_text_body(&self, style: Style) -> bool {
        let data = self.data.as_ref().filter(|data| data.is_truthy().unwrap_or(false));
        match (style, data) {
            (Style::Requests, Some(data)) => !data.is_instance_of::<PyBytes>(),
            (Style::Requests, None) => false,
            (Style::Fast, None) => self.json.is_some(),
            (Style::Fast, Some(data)) => {
                data.is_instance_of::<PyString>()
                    && self.headers.as_ref().is_some_and(|own| {
                        own.cast::<PyDict>().is_ok_and(|own| {
                            own.keys().iter().any(|name| {
                                name.extract::<String>()
                                    .is_ok_and(|name| name.eq_ignore_ascii_case("content-type"))
                            })
                        })
                    })
            }
        }
    }

    /// Whom a request trusts and as whom it comes, in words that are the same for the same files.
    pub(super) fn trust(&self, settings: &Settings) -> Option<String> {
        Some(format!("{:?}", self.options(settings, false)?.tls))
    }

    fn options(&self, settings: &Settings, follow: bool) -> Option<Arc<RequestOptions>> {
        if self.timeout.is_none() && self.verify.is_none() && self.cert.is_none() && !self.stream {
            return Some(Arc::clone(settings.options(follow)));
        }
        let mut variant = Variant { follow, stream: self.stream, ..Variant::default() };
        if let Some(timeout) = &self.timeout {
            variant.timeouts = Some(settings::timeouts(timeout)?);
        }
        if self.verify.is_some() || self.cert.is_some() {
            let tls = settings::tls(self.verify.as_ref(), self.cert.as_ref()).ok()?;
            // A file that cannot be used is for requests to refuse, in its own words.
            tls.prepare().ok()?;
            variant.tls = Some(tls);
        }
        Some(settings.varied(variant))
    }

    /// Headers and body.
    fn payload(
        &self,
        py: Python<'py>,
        method: &Method,
        settings: &Settings,
    ) -> PyResult<Option<(Arc<Headers>, Bytes)>> {
        let data = match &self.data {
            Some(data) if data.is_truthy()? => Some(data),
            // Nothing, but of a kind that geventhttpclient takes for a body.
            Some(data)
                if settings.style == Style::Fast
                    && !(data.is_instance_of::<PyBytes>()
                        || data.is_instance_of::<PyString>()
                        || data.is_instance_of::<PyDict>()) =>
            {
                return Ok(None);
            }
            _ => None,
        };
        let bodyless = matches!(method, Method::Get | Method::Head | Method::Options | Method::Delete);
        let plain = self.headers.is_none() && self.auth.is_none() && settings.authorization.is_none();
        if plain && data.is_none() && self.json.is_none() && (bodyless || settings.style == Style::Fast) {
            return Ok(Some((Arc::clone(&settings.headers), Bytes::new())));
        }
        let mut headers = match &self.headers {
            None => Headers::clone(&settings.headers),
            Some(own) => {
                let Ok(own) = own.cast::<PyDict>() else { return Ok(None) };
                let Some(merged) = convert::merge(&settings.headers, own, settings.style) else {
                    return Ok(None);
                };
                merged
            }
        };
        if settings.style == Style::Requests && self.headers.is_some() {
            add_missing(py, &mut headers)?;
        }
        let Some((body, content_type)) = self.body(py, settings.style, data)? else { return Ok(None) };
        if let Some(content_type) = content_type {
            if settings.style == Style::Fast && content_type == JSON {
                // Whatever the session's headers say.
                for name in ["Content-Type", "Accept"] {
                    if !self.gives_header(name) {
                        headers.set(name, JSON);
                    }
                }
            } else if !headers.contains("content-type") {
                headers.push("Content-Type", content_type);
            }
        }
        match &self.auth {
            None => {
                if let Some(value) = &settings.authorization {
                    headers.set("Authorization", &**value);
                }
            }
            Some(pair) => {
                let Some((user, password)) = credentials(pair) else { return Ok(None) };
                headers.set("Authorization", auth::basic_bytes(&[&user[..], b":", &password].concat()));
            }
        }
        Ok(Some((Arc::new(headers), body)))
    }

    /// Whether the call's own headers have this one.
    fn gives_header(&self, name: &str) -> bool {
        self.headers.as_ref().and_then(|own| own.cast::<PyDict>().ok()).is_some_and(|own| {
            own.iter().any(|(key, _)| {
                key.cast::<PyString>()
                    .is_ok_and(|key| key.to_str().is_ok_and(|key| key.eq_ignore_ascii_case(name)))
            })
        })
    }

    /// The body's bytes and the content type it brings along.
    fn body(
        &self,
        py: Python<'py>,
        style: Style,
        data: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<(Bytes, Option<&'static str>)>> {
        let Some(data) = data else {
            let Some(json) = &self.json else { return Ok(Some((Bytes::new(), None))) };
            return Ok(super::json::encoded(style, json)?.map(|body| (body, Some(JSON))));
        };
        if let Ok(bytes) = data.cast::<PyBytes>() {
            let kind = (style == Style::Fast).then_some("application/octet-stream");
            return Ok(Some((Bytes::copy_from_slice(bytes.as_bytes()), kind)));
        }
        if data.is_instance_of::<PyString>() {
            let kind = (style == Style::Fast).then_some("text/plain; charset=utf-8");
            return Ok(Some((text_bytes(data)?, kind)));
        }
        let encoded = form::encoded(style, data)?;
        let (encoder, kind) = match style {
            Style::Requests => ("form", "application/x-www-form-urlencoded"),
            Style::Fast => ("fast_form", "application/x-www-form-urlencoded; charset=utf-8"),
        };
        if let Some(body) = encoded {
            return Ok(Some((body.into(), Some(kind))));
        }
        let form = py.import(intern!(py, "locust._http.arguments"))?.getattr(encoder)?.call1((data,))?;
        // An empty one that was asked for requests has a framing of its own for.
        if form.is_none() || (style == Style::Requests && !form.is_truthy()?) {
            return Ok(None);
        }
        Ok(Some((text_bytes(&form)?, Some(kind))))
    }
}

/// What urllib3 sends of its own accord where a script has removed requests' headers.
fn add_missing(py: Python<'_>, headers: &mut Headers) -> PyResult<()> {
    if !headers.contains("accept-encoding") {
        headers.push("Accept-Encoding", "identity");
    }
    if !headers.contains("user-agent") {
        let version: String =
            py.import(intern!(py, "urllib3"))?.getattr(intern!(py, "__version__"))?.extract()?;
        headers.push("User-Agent", format!("python-urllib3/{version}"));
    }
    Ok(())
}

const JSON: &str = "application/json";

fn some(value: Bound<'_, PyAny>) -> Option<Bound<'_, PyAny>> {
    (!value.is_none()).then_some(value)
}

fn text_bytes(text: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    Ok(Bytes::copy_from_slice(text.cast::<PyString>()?.to_str()?.as_bytes()))
}

/// User and password of an `auth` argument that is a pair of text or bytes.
fn credentials(pair: &Bound<'_, PyAny>) -> Option<(Vec<u8>, Vec<u8>)> {
    let pair = pair.cast::<PyTuple>().ok()?;
    if pair.len() != 2 {
        return None;
    }
    let part = |index| {
        let part = pair.get_item(index).ok()?;
        match part.cast::<PyBytes>() {
            Ok(bytes) => Some(bytes.as_bytes().to_vec()),
            Err(_) => convert::latin1_bytes(&part),
        }
    };
    Some((part(0)?, part(1)?))
}

/// The URL with `params` added; None: in a form that the library has to look at.
fn query(py: Python<'_>, style: Style, url: &str, params: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if params.is_instance_of::<PyBool>() {
        return Ok(None);
    }
    let encoder = match style {
        Style::Requests => "add_params",
        Style::Fast => "fast_add_params",
    };
    let added = py.import(intern!(py, "locust._http.arguments"))?.getattr(encoder)?.call1((url, params))?;
    // What is no text that can be sent is for the library to refuse.
    Ok(added.extract().ok())
}
