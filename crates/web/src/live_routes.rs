//! The live stream and what pages ask besides it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode};
use gregaria_record::{Run, dto, values};

use crate::answer::{compact, problem};
use crate::app::App;
use crate::live;
use crate::query::{number, pairs, value};

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
        if run.is_none_or(|run| run == app.record.run().number()) {
            return off_the_run(&app, |run| compact(StatusCode::OK, &run.history(0))).await;
        }
        app.record.run().marks().iter().find(|mark| Some(mark.run) == run).cloned()
    };
    let Some((id, store)) = mark.as_ref().and_then(|mark| mark.id.clone()).zip(app.record.store().cloned())
    else {
        return problem(StatusCode::NOT_FOUND, NO_RUN);
    };
    let number = mark.map_or(0, |mark| mark.run);
    let found = app.compute(move || store.open(&id).ok()).await;
    match found {
        Some(run) => compact(StatusCode::OK, &run.history(number)),
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
    let answer = move |run: &Run| match wanted_name(&query, &run.dto_names()) {
        Ok(name) => compact(StatusCode::OK, &run.name_history(&name)),
        Err(words) => problem(StatusCode::NOT_FOUND, &words),
    };
    off_the_run(&app, answer).await
}

/// `GET live/phases`.
pub(crate) async fn phases(State(app): Shared) -> Response<Body> {
    let phases = app.record.run().phases();
    compact(StatusCode::OK, &phases)
}

/// `GET live/generator?since=`.
pub(crate) async fn generator(State(app): Shared, RawQuery(query): RawQuery) -> Response<Body> {
    let query = pairs(query.as_deref().unwrap_or_default());
    match number::<f64>(&query, "since") {
        Ok(since) => compact(StatusCode::OK, &app.record.run().generator(since.unwrap_or_default())),
        Err(words) => problem(StatusCode::BAD_REQUEST, &words),
    }
}

/// `GET live/values?user_count=&spawn_rate=&run_time=`: what the fields of the start form mean.
pub(crate) async fn field_values(RawQuery(query): RawQuery) -> Response<Body> {
    let query = pairs(query.as_deref().unwrap_or_default());
    let text = |name: &str| value(&query, name).unwrap_or_default();
    let told = |read: Result<Option<f64>, &'static str>| match read {
        Ok(value) => dto::FieldValue { value, problem: None },
        Err(words) => dto::FieldValue { value: None, problem: Some(words.to_owned()) },
    };
    let answer = dto::FieldValues {
        user_count: told(values::users(text("user_count")).map(|users| Some(users as f64))),
        spawn_rate: told(values::spawn_rate(text("spawn_rate")).map(Some)),
        run_time: told(values::run_time(text("run_time")).map(|time| time.map(|seconds| seconds as f64))),
    };
    compact(StatusCode::OK, &answer)
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
    let answer = move |run: &Run| match run.window(id, from, to) {
        Some(window) => compact(StatusCode::OK, &window),
        None => problem(StatusCode::NOT_FOUND, "there is no such name"),
    };
    off_the_run(&app, answer).await
}

/// Works an answer out from a copy of the run, where it holds up neither the run's own thread nor other requests. Few at a time:
/// the copy of a long run is large.
async fn off_the_run(
    app: &Arc<App>,
    answer: impl FnOnce(&Run) -> Response<Body> + Send + 'static,
) -> Response<Body> {
    let Ok(_turn) = app.turns.acquire().await else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "ending");
    };
    let record = Arc::clone(&app.record);
    let made = app.compute(move || Some(answer(&record.run().clone()))).await;
    made.unwrap_or_else(|| problem(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made"))
}
