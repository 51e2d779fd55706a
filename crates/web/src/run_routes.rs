//! The runs that are kept.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{Response, StatusCode};
use axum::routing::{MethodRouter, get, post};
use gregaria_record::store::{Store, StoreError, StoredRun, compare};

use crate::answer::{compact, problem};
use crate::app::App;
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
