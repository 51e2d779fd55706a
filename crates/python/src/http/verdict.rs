//! Counting a request: straight into the statistics if nobody else listens, through the event if somebody does.

use gregaria_stats::{Details, EntryId};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyMapping, PyString};

use super::response::{Meta, Parts, ResponseCore};
use super::session::SessionCore;
use super::settings::Style;
use super::{steps, told};
use crate::record::{OfRequest, RequestLines};
use crate::stats::{DurationsListener, RequestStats, StatsListener, counts_by_methods};
use crate::user::{is_open_run, latency_of};

/// Whether a status counts as a success: below 400, or for the fast client the ones geventhttpclient's users expect.
pub(super) fn is_good(style: Style, status: u16) -> bool {
    match style {
        Style::Requests => status < 400,
        Style::Fast => matches!(status, 200..=208 | 226 | 301..=304 | 307 | 308),
    }
}

/// Who is told of a request that no script listens to.
#[derive(Debug)]
pub(super) struct Own {
    stats: Py<RequestStats>,
    durations: Vec<Py<DurationsListener>>,
    lines: Vec<Py<RequestLines>>,
}

/// The statistics behind the request event, if its only listeners are the program's own and no script counts for itself.
pub(super) fn only_own(py: Python<'_>, session: &SessionCore) -> PyResult<Option<Own>> {
    if counts_by_methods() {
        return Ok(None);
    }
    let Some(event) = session.event(py) else { return Ok(None) };
    // Anything with a `fire` will do as an event.
    let Some(handlers) = event.bind(py).getattr_opt(intern!(py, "_handlers"))? else { return Ok(None) };
    let Ok(handlers) = handlers.cast_into::<PyList>() else { return Ok(None) };
    let (mut stats, mut durations, mut lines) = (None, Vec::new(), Vec::new());
    for index in 0..handlers.len() {
        let handler = handlers.get_item(index)?;
        if let (None, Ok(listener)) = (&stats, handler.cast::<StatsListener>()) {
            stats = Some(listener.get().stats(py));
        } else if let Ok(listener) = handler.cast::<DurationsListener>() {
            durations.push(listener.clone().unbind());
        } else if let Ok(listener) = handler.cast_into::<RequestLines>() {
            lines.push(listener.unbind());
        } else {
            return Ok(None);
        }
    }
    Ok(stats.map(|stats| Own { stats, durations, lines }))
}

/// Counts a request, with its failure if there is one, without an event. `status`: of the response; 0 without one.
pub(super) fn record(
    py: Python<'_>,
    own: &Own,
    session: &SessionCore,
    style: Style,
    meta: &Meta,
    status: u16,
    exception: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let now = meta.start_unix + meta.time_ms / 1000.0;
    let id = record_time(py, own.stats.get(), session, style, (meta, status), now)?;
    // Locust asks so, too: an exception can say of itself that it is nothing.
    if let Some(exception) = exception
        && exception.is_truthy()?
    {
        own.stats.get().record_error(py, id, exception, now)?;
    }
    for durations in &own.durations {
        durations.get().count(meta.label(style), Some(meta.time_ms), exception)?;
    }
    for lines in &own.lines {
        let of = OfRequest {
            time: meta.start_unix,
            method: meta.method.as_str(),
            name: meta.label(style),
            ms: Some(meta.time_ms),
            length: meta.length as i64,
            status,
        };
        lines.get().note(&of, exception)?;
    }
    Ok(())
}

/// Counts it in the table itself.
pub(super) fn record_time(
    py: Python<'_>,
    table: &RequestStats,
    session: &SessionCore,
    style: Style,
    (meta, status): (&Meta, u16),
    now: f64,
) -> PyResult<EntryId> {
    let details = Details { phases: &meta.phases, status: Some(status) };
    let own_name =
        meta.name.is_none() && (style == Style::Requests || &*meta.asked == meta.target.url.target());
    let known = if own_name { meta.target.entry(&meta.method) } else { None };
    let time_ms = if is_open_run() { counted_as(py, table, session, style, meta) } else { meta.time_ms };
    if let Some(id) = known
        && table.record(py, id, Some(time_ms), meta.length, now, details)?
    {
        return Ok(id);
    }
    let id = table.entry_id(py, meta.method.as_str(), meta.label(style));
    if own_name {
        meta.target.remember(&meta.method, id);
    }
    table.record(py, id, Some(time_ms), meta.length, now, details)?;
    Ok(id)
}

/// The time that statistics of an open run count.
#[cold]
fn counted_as(py: Python<'_>, table: &RequestStats, session: &SessionCore, style: Style, meta: &Meta) -> f64 {
    let user = session.user_object(py);
    let user = user.as_ref().map(|user| user.bind(py));
    latency_of(
        py,
        table,
        user,
        (meta.method.as_str(), meta.label(style)),
        (meta.start_unix, meta.time_ms),
        &meta.phases,
    )
}

/// Counts a request that a response was made for.
pub(super) fn report(
    response: &Bound<'_, PyAny>,
    parts: &Parts,
    exception: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let py = response.py();
    let session = parts.session.get();
    let own = response.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
    if steps::altered(parts.style) || is_reported_by_script(&own)? {
        response.getattr(intern!(py, "request_meta"))?.set_item(intern!(py, "exception"), exception)?;
        return response.call_method0(intern!(py, "_report_request")).map(drop);
    }
    let edited = own.get_item(intern!(py, "request_meta"))?;
    if edited.is_none()
        && let Some(own) = only_own(py, session)?
    {
        let status = parts.status();
        return record(py, &own, session, parts.style, &parts.meta, status, exception);
    }
    let Some(event) = session.event(py) else { return Ok(()) };
    if edited.is_none() && told::tell(event.bind(py), response, parts, exception)? {
        return Ok(());
    }
    let meta = match edited {
        Some(meta) => meta.cast_into::<PyDict>()?,
        None => meta(response, parts, None)?,
    };
    meta.set_item(intern!(py, "exception"), exception)?;
    event.bind(py).call_method(intern!(py, "fire"), (), Some(&meta)).map(drop)
}

/// Whether a script has replaced, on the response, what reports it.
fn is_reported_by_script(own: &Bound<'_, PyDict>) -> PyResult<bool> {
    let py = own.py();
    Ok(own.contains(intern!(py, "_report_request"))? || own.contains(intern!(py, "_request_event"))?)
}

/// Counts a request that has just been answered well, and calls the listeners.
pub(super) fn report_good(response: &Bound<'_, PyAny>) -> PyResult<()> {
    let core = response.cast::<ResponseCore>()?.get();
    core.parts().map_or(Ok(()), |parts| report(response, parts, None))
}

/// Counts a request whose with-block is over, if its answer was good, or a script has said so, and nothing has been changed. False:
/// that is for Python to look at.
#[pyfunction]
fn settle(response: &Bound<'_, PyAny>) -> PyResult<bool> {
    let core = response.cast::<ResponseCore>()?.get();
    let Some(decided) = core.is_success() else { return Ok(false) };
    let Some(parts) = core.parts() else { return Ok(false) };
    let py = response.py();
    let status = parts.status();
    if !parts.catch
        || !(decided || is_good(parts.style, status))
        || !super::send::is_caught_class(response, parts.style)?
    {
        return Ok(false);
    }
    let own = response.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
    if own.contains(intern!(py, "request_meta"))?
        || steps::altered(parts.style)
        || is_reported_by_script(&own)?
        || !(decided || is_good_untouched(&own, status)?)
    {
        return Ok(false);
    }
    let session = parts.session.get();
    let Some(own) = only_own(py, session)? else { return Ok(false) };
    record(py, &own, session, parts.style, &parts.meta, status, None)?;
    Ok(true)
}

/// Whether a script has set nothing by which a good answer would be judged otherwise.
fn is_good_untouched(own: &Bound<'_, PyDict>, status: u16) -> PyResult<bool> {
    let py = own.py();
    if own.contains(intern!(py, "raise_for_status"))? {
        return Ok(false);
    }
    if let Some(error) = own.get_item(intern!(py, "error"))?
        && !error.is_none()
    {
        return Ok(false);
    }
    if let Some(known) = own.get_item(intern!(py, "status_code"))?
        && !(known.is_exact_instance_of::<PyInt>()
            && known.extract::<u16>().is_ok_and(|known| known == status))
    {
        return Ok(false);
    }
    Ok(true)
}

/// The URL of the first request: as requests has prepared it, or for the fast client as it was given.
pub(super) fn asked_url(parts: &Parts) -> String {
    let asked = &parts.meta.asked;
    match parts.style {
        Style::Requests => parts.meta.target.url.to_string(),
        Style::Fast if super::target::is_absolute(asked) => asked.to_string(),
        Style::Fast => format!("{}{asked}", parts.meta.base.as_deref().unwrap_or_default()),
    }
}

/// The arguments of the request event, as `response.request_meta` shows them.
pub(super) fn meta<'py>(
    response: &Bound<'py, PyAny>,
    parts: &Parts,
    exception: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = response.py();
    let meta = &parts.meta;
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "request_type"), told::method_text(py, &meta.method))?;
    dict.set_item(intern!(py, "response_time"), meta.time_ms)?;
    dict.set_item(intern!(py, "name"), PyString::new(py, meta.label(parts.style)))?;
    dict.set_item(intern!(py, "context"), context(py, parts.session.get(), meta.context.as_ref())?)?;
    dict.set_item(intern!(py, "response"), response)?;
    dict.set_item(intern!(py, "exception"), exception)?;
    dict.set_item(intern!(py, "start_time"), meta.start_unix)?;
    dict.set_item(intern!(py, "url"), asked_url(parts))?;
    dict.set_item(intern!(py, "response_length"), meta.length)?;
    Ok(dict)
}

/// The user's context with the request's on top; where there is no user, what the request came with, whatever it is.
fn context<'py>(
    py: Python<'py>,
    session: &SessionCore,
    own: Option<&Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let own = own.map(|own| own.bind(py).clone());
    let Some(user) = session.user_object(py) else {
        return Ok(own.unwrap_or_else(|| PyDict::new(py).into_any()));
    };
    let merged = PyDict::new(py);
    merged.update(&mapping(user.bind(py).call_method0(intern!(py, "context"))?)?)?;
    if let Some(own) = own {
        merged.update(&mapping(own)?)?;
    }
    Ok(merged.into_any())
}

/// `value`, or Python's complaint about `{**value}`.
fn mapping(value: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyMapping>> {
    value.cast_into::<PyMapping>().map_err(|error| {
        let kind = error.into_inner().get_type();
        match kind.name() {
            Ok(name) => PyTypeError::new_err(format!("'{name}' object is not a mapping")),
            Err(error) => error,
        }
    })
}

/// The user whose session has made the request; None: there is none.
#[pyfunction]
fn user_of(response: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
    let core = response.cast::<ResponseCore>()?.get();
    Ok(core.parts().and_then(|parts| parts.session.get().user_object(response.py())))
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(settle, m)?)?;
    m.add_function(wrap_pyfunction!(user_of, m)?)
}
