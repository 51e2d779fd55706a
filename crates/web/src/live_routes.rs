//! The live stream and what pages ask besides it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode};

use crate::answer::{compact, problem};
use crate::app::App;
use crate::query::{pairs, value};
use crate::routes::number;
use crate::{dto, live};

type Shared = State<Arc<App>>;

/// `GET live?last_event_id=`.
pub(crate) async fn stream(
    State(app): Shared,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = pairs(query.as_deref().unwrap_or_default());
    live::serve(&app.live, &headers, value(&query, "last_event_id"))
}

/// What is said of runs that are not the present one and not kept.
const NO_RUN: &str = "there is no such run";

/// `GET live/history?run=`.
pub(crate) async fn history(State(app): Shared, RawQuery(query): RawQuery) -> Response<Body> {
    let query = pairs(query.as_deref().unwrap_or_default());
    let run = match number::<u32>(&query, "run") {
        Ok(run) => run,
        Err(words) => return problem(StatusCode::BAD_REQUEST, &words),
    };
    let mark = {
        let state = app.live.lock();
        if run.is_none_or(|run| run == state.run) {
            let history = state.course.history(0, &state.chart_fractions, state.run);
            return compact(StatusCode::OK, &history);
        }
        state.runs.iter().find(|mark| Some(mark.run) == run).cloned()
    };
    let Some((id, store)) = mark.as_ref().and_then(|mark| mark.id.clone()).zip(app.store.clone()) else {
        return problem(StatusCode::NOT_FOUND, NO_RUN);
    };
    let number = mark.map_or(0, |mark| mark.run);
    let found = app.compute(move || store.open(&id).ok()).await;
    match found {
        Some(run) => compact(StatusCode::OK, &run.course.history(0, &run.chart_fractions, number)),
        None => problem(StatusCode::NOT_FOUND, NO_RUN),
    }
}

/// A name by `id`, or by `method` and `name`.
pub(crate) fn wanted_name(query: &[(String, String)], names: &[dto::Name]) -> Result<dto::Name, String> {
    let found = if let Some(id) = number::<i32>(query, "id")? {
        names.iter().find(|name| name.id == id)
    } else {
        let (method, name) = (value(query, "method").unwrap_or_default(), value(query, "name"));
        let name = name.ok_or("give id, or method and name")?;
        names.iter().find(|known| known.name == name && known.method == method)
    };
    found.cloned().ok_or_else(|| "there is no such name".to_owned())
}

/// `GET live/name?id=` or `?method=&name=`.
pub(crate) async fn name(State(app): Shared, RawQuery(query): RawQuery) -> Response<Body> {
    let query = pairs(query.as_deref().unwrap_or_default());
    let state = app.live.lock();
    match wanted_name(&query, &state.mirror.names_since(0)) {
        Ok(name) => compact(StatusCode::OK, &state.course.name_history(&name, &state.chart_fractions)),
        Err(words) => problem(StatusCode::NOT_FOUND, &words),
    }
}

/// `GET live/phases`.
pub(crate) async fn phases(State(app): Shared) -> Response<Body> {
    let phases = app.live.lock().mirror.phases();
    compact(StatusCode::OK, &phases)
}

/// `id`, `from` and `to` of a window.
type Bounds = (Option<i32>, Option<f64>, Option<f64>);

pub(crate) fn bounds(query: &[(String, String)]) -> Result<Bounds, String> {
    let (from, to) = (number::<f64>(query, "from")?, number::<f64>(query, "to")?);
    let finite = |value: Option<f64>| value.is_none_or(f64::is_finite);
    if !finite(from) || !finite(to) || from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err("from and to have to be unix times in seconds, from before to".to_owned());
    }
    Ok((number::<i32>(query, "id")?, from, to))
}

/// `GET live/window?from=&to=&id=`.
pub(crate) async fn window(State(app): Shared, RawQuery(query): RawQuery) -> Response<Body> {
    let query = pairs(query.as_deref().unwrap_or_default());
    let (id, from, to) = match bounds(&query) {
        Ok(bounds) => bounds,
        Err(words) => return problem(StatusCode::BAD_REQUEST, &words),
    };
    let state = app.live.lock();
    match state.course.window(id, from, to, &state.mirror.fractions) {
        Some(window) => compact(StatusCode::OK, &window),
        None => problem(StatusCode::NOT_FOUND, "there is no such name"),
    }
}
