//! A session's cookies for Python: `locust/cookies.py` makes `http.cookiejar` objects of them.

use gregaria_http::CookieJar;
use gregaria_http::cookies::Cookie;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;

use super::session::SessionCore;
use crate::gevent::Bridge;

/// The fields of a cookie in the order of `http.cookiejar.Cookie`'s arguments, version and rfc2109 aside.
type Fields = (
    String,
    Option<String>,
    Option<String>,
    (String, bool),
    (String, bool),
    (bool, Option<i64>, bool),
    (Option<String>, Option<String>),
    Vec<(String, Option<String>)>,
);

fn with<R>(py: Python<'_>, session: &SessionCore, work: impl FnOnce(&mut CookieJar) -> R) -> PyResult<R> {
    let bridge = Bridge::current(py)?;
    Ok(session.session(&bridge).cookies().with(work))
}

/// A number that grows with each change of the session's cookies.
#[pyfunction]
fn cookies_version(py: Python<'_>, session: &Bound<'_, SessionCore>) -> PyResult<u64> {
    with(py, session.get(), |jar| jar.version())
}

/// All cookies: (name, value, port, (domain, given), (path, given), (secure, expires, discard), (comment, its URL), rest).
#[pyfunction]
fn cookies(py: Python<'_>, session: &Bound<'_, SessionCore>) -> PyResult<Vec<Fields>> {
    with(py, session.get(), |jar| {
        jar.iter()
            .map(|c| {
                (
                    c.name.clone(),
                    c.value.clone(),
                    c.port.clone(),
                    (c.domain.clone(), c.domain_specified),
                    (c.path.clone(), c.path_specified),
                    (c.secure, c.expires, c.discard),
                    (c.comment.clone(), c.comment_url.clone()),
                    c.rest.clone(),
                )
            })
            .collect()
    })
}

/// Adds or replaces a cookie, in the form of `cookies`.
#[pyfunction]
fn set_cookie(py: Python<'_>, session: &Bound<'_, SessionCore>, fields: Fields) -> PyResult<()> {
    let (name, value, port, domain, path, limits, comment, rest) = fields;
    let cookie = Cookie {
        name,
        value,
        port,
        domain: domain.0,
        domain_specified: domain.1,
        path: path.0,
        path_specified: path.1,
        secure: limits.0,
        expires: limits.1,
        discard: limits.2,
        comment: comment.0,
        comment_url: comment.1,
        rest,
    };
    with(py, session.get(), |jar| jar.set(cookie))
}

/// Removes cookies as `http.cookiejar.CookieJar.clear` does. Errors: KeyError if there are none of that kind.
#[pyfunction]
#[pyo3(signature = (session, domain=None, path=None, name=None))]
fn clear_cookies(
    py: Python<'_>,
    session: &Bound<'_, SessionCore>,
    domain: Option<&str>,
    path: Option<&str>,
    name: Option<&str>,
) -> PyResult<()> {
    let found = with(py, session.get(), |jar| match (domain, path, name) {
        (Some(domain), Some(path), Some(name)) => jar.remove(domain, path, name),
        (Some(domain), Some(path), None) => jar.clear_path(domain, path) > 0,
        (Some(domain), None, _) => jar.clear_domain(domain) > 0,
        (None, ..) => {
            jar.clear();
            true
        }
    })?;
    if found {
        Ok(())
    } else {
        Err(PyKeyError::new_err(name.or(path).or(domain).unwrap_or_default().to_owned()))
    }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(cookies_version, m)?)?;
    m.add_function(wrap_pyfunction!(cookies, m)?)?;
    m.add_function(wrap_pyfunction!(set_cookie, m)?)?;
    m.add_function(wrap_pyfunction!(clear_cookies, m)?)
}
