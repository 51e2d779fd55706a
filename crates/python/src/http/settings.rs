//! How a session sends: made from its Python attributes when one of them has changed, shared between equal sessions.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gregaria_http::redirect::Policy;
use gregaria_http::{ClientCertificate, Headers, Proxy, RequestOptions, Roots, TlsOptions};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString, PyTuple};

use super::{convert, limits};

/// Whose habits a session has: `HttpUser`'s client is as requests, `FastHttpUser`'s as geventhttpclient.
pub(super) use gregaria_http::url::Style;

/// Everything a request takes over from its session.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) style: Style,
    pub(super) headers: Arc<Headers>,
    /// With redirects followed, and without: the two that requests ask for.
    pub(super) following: Arc<RequestOptions>,
    pub(super) staying: Arc<RequestOptions>,
    /// A value for `Authorization`, set after a request's own headers.
    pub(super) authorization: Option<Box<str>>,
    /// The options of requests that asked for something else, the last asked for at the end.
    variants: Mutex<Vec<(Variant, Arc<RequestOptions>)>>,
}

/// How the options of a request differ from its session's.
#[derive(Debug, Clone, Default)]
pub(super) struct Variant {
    pub(super) follow: bool,
    pub(super) stream: bool,
    /// Connect and read timeout, if the request has its own.
    pub(super) timeouts: Option<(Option<Duration>, Option<Duration>)>,
    pub(super) tls: Option<Arc<TlsOptions>>,
}

impl PartialEq for Variant {
    fn eq(&self, other: &Self) -> bool {
        let tls = match (&self.tls, &other.tls) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        tls && (self.follow, self.stream, self.timeouts) == (other.follow, other.stream, other.timeouts)
    }
}

/// Variants of options that are kept: scripts have a few, and some make their timeouts up.
const VARIANTS: usize = 8;

impl Settings {
    /// The options of a request that asks for something special: shared between those that ask for the same, so that a look tells
    /// that a connection serves them.
    pub(super) fn varied(&self, variant: Variant) -> Arc<RequestOptions> {
        let mut known = self.variants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, options)) = known.iter().rev().find(|(of, _)| *of == variant) {
            return Arc::clone(options);
        }
        let mut options = RequestOptions::clone(self.options(variant.follow));
        options.stream = variant.stream;
        options.framed = variant.stream;
        if let Some(timeouts) = variant.timeouts {
            (options.connect_timeout, options.read_timeout) = timeouts;
        }
        if let Some(tls) = &variant.tls {
            options.tls = Arc::clone(tls);
        }
        let options = Arc::new(options);
        if known.len() == VARIANTS {
            known.remove(0);
        }
        known.push((variant, Arc::clone(&options)));
        options
    }

    /// The options of a request that asks for nothing special.
    pub(super) fn options(&self, follow: bool) -> &Arc<RequestOptions> {
        if follow { &self.following } else { &self.staying }
    }
}

/// What Python's side of a session says: the fields of `_engine.SessionCore._configure`.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) style: Style,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) authorization: Option<String>,
    pub(super) max_redirects: u32,
    pub(super) connect_timeout: Option<f64>,
    pub(super) read_timeout: Option<f64>,
    pub(super) tls: Arc<TlsOptions>,
    pub(super) proxy: Option<String>,
}

impl Description {
    /// The settings it describes. Errors: ValueError for a header or proxy that cannot be used.
    pub(super) fn build(self) -> PyResult<Settings> {
        let headers = convert::headers(&self.headers)?;
        // Files that cannot be used here may do for Python's TLS, which has its own words if not.
        self.tls.prepare().map_err(|error| PyValueError::new_err(error.to_string()))?;
        let proxy = self
            .proxy
            .map(|text| Proxy::parse(&text))
            .transpose()
            .map_err(|error| PyValueError::new_err(format!("{error}")))?;
        let staying = RequestOptions {
            connect_timeout: self.connect_timeout.and_then(convert::duration),
            read_timeout: self.read_timeout.and_then(convert::duration),
            redirects: None,
            proxy: proxy.map(Arc::new),
            tls: self.tls,
            announce_empty: Some(self.style),
            // geventhttpclient refuses them.
            odd_lengths: self.style == Style::Requests,
            max_body: limits::max_body(),
            ..RequestOptions::default()
        };
        let following = RequestOptions {
            redirects: Some(Policy { style: self.style, max: self.max_redirects }),
            ..staying.clone()
        };
        Ok(Settings {
            style: self.style,
            headers: Arc::new(headers),
            following: Arc::new(following),
            staying: Arc::new(staying),
            authorization: self.authorization.map(String::into_boxed_str),
            variants: Mutex::default(),
        })
    }
}

thread_local! {
    // Nearly all sessions of a run are configured alike; they share one.
    static LAST: RefCell<Option<(String, Arc<Settings>)>> = const { RefCell::new(None) };
}

/// The settings of a description, shared with the session made before if `key` (its text) is the same.
pub(super) fn shared(
    key: String,
    describe: impl FnOnce() -> PyResult<Description>,
) -> PyResult<Arc<Settings>> {
    let known =
        LAST.with_borrow(|last| last.as_ref().filter(|(of, _)| *of == key).map(|(_, s)| Arc::clone(s)));
    if let Some(settings) = known {
        return Ok(settings);
    }
    let settings = Arc::new(describe()?.build()?);
    LAST.set(Some((key, Arc::clone(&settings))));
    Ok(settings)
}

/// TLS options from requests' `verify` (True, False or a path) and `cert` (None, a path or two).
/// Errors: TypeError for anything else.
pub(super) fn tls(
    verify: Option<&Bound<'_, PyAny>>,
    cert: Option<&Bound<'_, PyAny>>,
) -> PyResult<Arc<TlsOptions>> {
    type Key = (bool, Option<PathBuf>, Option<(PathBuf, Option<PathBuf>)>);
    thread_local! {
        // Sessions are resumed within one value, and files read once for it.
        static KNOWN: RefCell<Vec<(Key, Arc<TlsOptions>)>> = const { RefCell::new(Vec::new()) };
    }
    let (verify, roots) = match verify {
        None => (true, None),
        Some(flag) if flag.is_none() => (true, None),
        Some(flag) if flag.is_instance_of::<PyBool>() => (flag.is_truthy()?, None),
        Some(path) => (
            true,
            Some(path.extract::<PathBuf>().map_err(|_| {
                PyTypeError::new_err("verify must be True, False or the path of a CA bundle")
            })?),
        ),
    };
    let client = match cert {
        None => None,
        Some(cert) if cert.is_none() => None,
        Some(cert) if cert.is_instance_of::<PyString>() => Some((cert.extract()?, None)),
        Some(cert) => {
            let pair = cert.cast::<PyTuple>().map_err(|_| {
                PyTypeError::new_err("cert must be a path, or a tuple of certificate and key")
            })?;
            let (certificate, key): (PathBuf, PathBuf) = pair.extract()?;
            Some((certificate, Some(key)))
        }
    };
    if roots.is_none() && client.is_none() {
        return Ok(if verify { TlsOptions::verified() } else { TlsOptions::unverified() });
    }
    let key = (verify, roots, client);
    let known =
        KNOWN.with_borrow(|known| known.iter().find(|(of, _)| *of == key).map(|(_, tls)| Arc::clone(tls)));
    if let Some(tls) = known {
        return Ok(tls);
    }
    let certificate = key.2.clone().map(|(certificate, key)| ClientCertificate { certificate, key });
    let tls = TlsOptions::new(key.0, key.1.clone().map_or(Roots::Mozilla, Roots::Path), certificate);
    KNOWN.with_borrow_mut(|known| known.push((key, Arc::clone(&tls))));
    Ok(tls)
}

/// A request's own timeout: a number for both phases, or (connect, read). `None` in the outer option: not one of these
/// forms, so requests has to look at it itself.
pub(super) fn timeouts(value: &Bound<'_, PyAny>) -> Option<(Option<Duration>, Option<Duration>)> {
    let one = |value: &Bound<'_, PyAny>| -> Option<Option<Duration>> {
        if value.is_none() {
            return Some(None);
        }
        let seconds: f64 = value.extract().ok()?;
        // Zero and less are errors with a text of their own, and so are True and False.
        if value.is_instance_of::<PyBool>() {
            return None;
        }
        if seconds > 0.0 { Some(convert::duration(seconds)) } else { None }
    };
    if let Ok(pair) = value.cast::<PyTuple>() {
        if pair.len() != 2 {
            return None;
        }
        return Some((one(&pair.get_item(0).ok()?)?, one(&pair.get_item(1).ok()?)?));
    }
    let both = one(value)?;
    Some((both, both))
}
