//! The runs that are kept.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::{MethodRouter, get, post};
use gregaria_record::store::{Store, StoreError, StoredRun, compare};
use gregaria_record::{Showing, dto};

use crate::answer::{HTML, compact, problem, with_type};
use crate::app::App;
use crate::assets;
use crate::live_routes::{bounds, wanted_name};
use crate::query::{pairs, value};

type Shared = State<Arc<App>>;
type WithOptions<'a> = &'a dyn Fn(MethodRouter<Arc<App>>, &'static str) -> MethodRouter<Arc<App>>;

pub(crate) fn router(with_options: WithOptions<'_>) -> Router<Arc<App>> {
    const GET: &str = "GET, HEAD, OPTIONS";
    Router::new()
        .route("/runs", with_options(get(list), GET))
        .route("/runs/compare", with_options(get(comparison), GET))
        .route("/runs/{id}", with_options(get(detail).delete(delete), "DELETE, GET, HEAD, OPTIONS"))
        .route("/runs/{id}/delete", with_options(post(delete), "OPTIONS, POST"))
        .route("/runs/{id}/labels", with_options(post(label), "OPTIONS, POST"))
        .route("/runs/{id}/report", with_options(get(report), GET))
        .route("/runs/{id}/junit", with_options(get(junit), GET))
        .route("/runs/{id}/window", with_options(get(window), GET))
        .route("/runs/{id}/name", with_options(get(name), GET))
}

fn refuse(error: &StoreError) -> Response<Body> {
    let status = match error {
        StoreError::NoSuchRun(_) => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    problem(status, &error.to_string())
}

fn no_store() -> Response<Body> {
    problem(StatusCode::NOT_FOUND, "runs are not kept: the test was started with --no-store")
}

/// Does something with the store, where it holds up no other request.
async fn with_store<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Response<Body>> {
    let store = app.record.store().cloned().ok_or_else(no_store)?;
    let done = app.compute(move || Some(work(&store))).await;
    match done {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(refuse(&error)),
        None => Err(problem(StatusCode::INTERNAL_SERVER_ERROR, "the store has failed")),
    }
}

async fn list(State(app): Shared) -> Response<Body> {
    match with_store(&app, Store::list).await {
        Ok(list) => compact(StatusCode::OK, &list),
        Err(response) => response,
    }
}

async fn detail(State(app): Shared, Path(id): Path<String>) -> Response<Body> {
    match with_store(&app, move |store| Ok(store.open(&id)?.detail())).await {
        Ok(detail) => compact(StatusCode::OK, &detail),
        Err(response) => response,
    }
}

async fn delete(State(app): Shared, Path(id): Path<String>) -> Response<Body> {
    match with_store(&app, move |store| store.delete(&id)).await {
        Ok(()) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(response) => response,
    }
}

async fn comparison(State(app): Shared, RawQuery(query): RawQuery) -> Response<Body> {
    let query = pairs(query.as_deref().unwrap_or_default());
    let (Some(a), Some(b)) = (value(&query, "a"), value(&query, "b")) else {
        return problem(StatusCode::BAD_REQUEST, "give a and b, the ids of two runs");
    };
    let (a, b) = (a.to_owned(), b.to_owned());
    match with_store(&app, move |store| Ok(compare(&*store.open(&a)?, &*store.open(&b)?))).await {
        Ok(comparison) => compact(StatusCode::OK, &comparison),
        Err(response) => response,
    }
}

/// Longest name, and longest note, in bytes.
const LONGEST: usize = 2_000;

async fn label(State(app): Shared, Path(id): Path<String>, body: Bytes) -> Response<Body> {
    let Ok(labels) = serde_json::from_slice::<dto::Labels>(&body) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "the body has to be a JSON object with name, note and pinned",
        );
    };
    if labels.name.len().max(labels.note.len()) > LONGEST {
        return problem(StatusCode::BAD_REQUEST, "a name or a note has at most 2,000 bytes");
    }
    match with_store(&app, move |store| store.label(&id, &labels)).await {
        Ok(()) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(response) => response,
    }
}

/// A file to be saved under the id of the run.
fn saved(body: String, kind: &'static str, id: &str, ending: &str) -> Response<Body> {
    let mut response = with_type(StatusCode::OK, kind, body);
    // An id of the store has letters, digits and hyphens.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment;filename=gregaria-{id}.{ending}")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

async fn report(State(app): Shared, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response<Body> {
    let query = pairs(query.as_deref().unwrap_or_default());
    let theme = value(&query, "theme").filter(|theme| matches!(*theme, "dark" | "light")).map(str::to_owned);
    let wanted = id.clone();
    let made = move |store: &Store| {
        let data = store.open(&wanted)?.report(&Showing { theme, download: None });
        Ok(data.ok().and_then(|data| assets::report(&data)))
    };
    match with_store(&app, made).await {
        Ok(Some(page)) => {
            let mut response = saved(page, HTML, &id, "html");
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, app.report_policy.clone());
            response
        }
        Ok(None) => problem(StatusCode::NOT_FOUND, "this build has no report page"),
        Err(response) => response,
    }
}

async fn junit(State(app): Shared, Path(id): Path<String>) -> Response<Body> {
    let wanted = id.clone();
    match with_store(&app, move |store| Ok(store.open(&wanted)?.junit())).await {
        Ok(xml) => saved(xml, "application/xml", &id, "xml"),
        Err(response) => response,
    }
}

async fn window(State(app): Shared, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response<Body> {
    let query = pairs(query.as_deref().unwrap_or_default());
    let (name, from, to) = match bounds(&query) {
        Ok(bounds) => bounds,
        Err(words) => return problem(StatusCode::BAD_REQUEST, &words),
    };
    let find = move |run: Arc<StoredRun>| run.window(name, from, to);
    match with_store(&app, move |store| Ok(find(store.open(&id)?))).await {
        Ok(Some(window)) => compact(StatusCode::OK, &window),
        Ok(None) => problem(StatusCode::NOT_FOUND, "there is no such name"),
        Err(response) => response,
    }
}

async fn name(State(app): Shared, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response<Body> {
    let query = pairs(query.as_deref().unwrap_or_default());
    let find = move |run: Arc<StoredRun>| {
        let name = wanted_name(&query, &run.names)?;
        Ok::<_, String>(run.name_history(&name))
    };
    match with_store(&app, move |store| Ok(find(store.open(&id)?))).await {
        Ok(Ok(history)) => compact(StatusCode::OK, &history),
        Ok(Err(words)) => problem(StatusCode::NOT_FOUND, &words),
        Err(response) => response,
    }
}
