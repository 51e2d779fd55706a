//! Every address that is answered here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::routing::{MethodRouter, get, post};
use gregaria_record::{Question, dto, unix_now};

use crate::answer::{self, Form, attachment, from_host};
use crate::app::App;
use crate::host::{Ask, Outcome, ask, ask_source};
use crate::query::pairs;
use crate::{assets, full_history, legacy, live_routes, metrics, paths, run_routes, security};

/// How long a request for numbers waits for the main thread's word on the state.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where to find what a reset has cleared: the id of a run.
const KEPT_RUN: HeaderName = HeaderName::from_static("x-kept-run");

type Shared = State<Arc<App>>;

pub(crate) fn router(app: Arc<App>) -> Router {
    const GET: &str = "GET, HEAD, OPTIONS";
    const POST: &str = "OPTIONS, POST";
    const BOTH: &str = "GET, HEAD, OPTIONS, POST";
    Router::new()
        .route("/", with_options(get(index), GET))
        .route("/assets/{*path}", with_options(get(asset), GET))
        .route("/swarm", with_options(post(swarm), POST))
        .route("/stop", with_options(get(stop).post(stop), BOTH))
        .route("/user", with_options(post(update_user), POST))
        .route("/stats/reset", with_options(get(reset).post(reset), BOTH))
        .route("/stats/requests", with_options(get(stats_requests), GET))
        .route("/stats/requests/csv", with_options(get(requests_csv), GET))
        .route("/stats/requests_full_history/csv", with_options(get(full_history_csv), GET))
        .route("/stats/failures/csv", with_options(get(failures_csv), GET))
        .route("/stats/report", with_options(get(report), GET))
        .route("/exceptions", with_options(get(exceptions), GET))
        .route("/exceptions/csv", with_options(get(exceptions_csv), GET))
        .route("/tasks", with_options(get(tasks), GET))
        .route("/logs", with_options(get(logs), GET))
        .route("/worker-count", with_options(get(worker_count), GET))
        .route("/login", with_options(get(login), GET))
        .route(paths::METRICS, with_options(get(metrics::scrape), GET))
        .route("/live", with_options(get(live_routes::stream), GET))
        .route("/live/history", with_options(get(live_routes::history), GET))
        .route("/live/name", with_options(get(live_routes::name), GET))
        .route("/live/generator", with_options(get(live_routes::generator), GET))
        .route("/live/phases", with_options(get(live_routes::phases), GET))
        .route("/live/values", with_options(get(live_routes::field_values), GET))
        .route("/live/window", with_options(get(live_routes::window), GET))
        .merge(run_routes::router(&with_options))
        .fallback(unknown)
        .with_state(app)
}

/// What Flask adds to each route: OPTIONS, and a page for other methods.
fn with_options(route: MethodRouter<Arc<App>>, allow: &'static str) -> MethodRouter<Arc<App>> {
    let named = move |mut response: Response<Body>| {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        response
    };
    route
        .options(move || async move { named(answer::with_type(StatusCode::OK, answer::HTML, Body::empty())) })
        .fallback(move || async move { named(answer::page(StatusCode::METHOD_NOT_ALLOWED)) })
}

async fn unknown(State(app): Shared, request: Request) -> Response<Body> {
    if app.unknown_goes_on() { app.wsgi(request).await } else { answer::page(StatusCode::NOT_FOUND) }
}

async fn index(State(app): Shared, request: Request) -> Response<Body> {
    if app.build_path.is_some() {
        return app.wsgi(request).await;
    }
    let headers = request.headers().clone();
    drop(request);
    let data = match ask(&*app.host, Ask::Index).await {
        Ok(Outcome::Whole(answer)) if matches!(answer.status, 0 | 200) => answer.body,
        Ok(other) => return answer::outcome_in(other, Form::Html),
        Err(error) => return answer::no_answer(&error),
    };
    let page = std::str::from_utf8(&data).ok().and_then(assets::index);
    let page = page.unwrap_or_else(assets::instead_of_index);
    let tag = assets::etag(page.as_bytes());
    let mut response = if assets::is_known(&headers, &tag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        answer::with_type(StatusCode::OK, answer::HTML, page)
    };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    out.insert(header::CONTENT_SECURITY_POLICY, security::page_policy());
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    response
}

async fn asset(State(app): Shared, Path(path): Path<String>, headers: HeaderMap) -> Response<Body> {
    let folder = app.build_path.as_ref().map(|folder| folder.join("assets"));
    assets::serve(folder.as_deref(), &path, &headers).await
}

async fn swarm(State(app): Shared, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let form = match crate::query::form(&headers, &body) {
        Ok(form) => form,
        Err(words) => return answer::words(StatusCode::BAD_REQUEST, &words),
    };
    keep_what_has_ended(&app).await;
    changed(&app, Ask::Swarm(form), Form::Json).await
}

async fn stop(State(app): Shared) -> Response<Body> {
    let stop_timeout = app.record.status().0.stop_timeout;
    changed(&app, Ask::Stop { stop_timeout }, Form::Json).await
}

async fn reset(State(app): Shared) -> Response<Body> {
    keep_what_has_ended(&app).await;
    // What goes on is kept, too: whoever regrets the reset finds it among the past runs.
    let record = Arc::clone(&app.record);
    let kept = app.compute(move || record.keep_so_far()).await;
    let mut response = changed(&app, Ask::Reset, Form::Html).await;
    // One that was over before is kept under its own name.
    let is_over = !app.record.status().0.is_running();
    let kept = kept.or_else(|| app.record.last_run().filter(|_| is_over));
    if let Some(id) = kept.and_then(|id| HeaderValue::try_from(id).ok()) {
        response.headers_mut().insert(KEPT_RUN, id);
    }
    response
}

/// What comes next clears the statistics, and a run may have ended since they were looked at last.
async fn keep_what_has_ended(app: &App) {
    let (told, looked) = tokio::sync::oneshot::channel();
    app.record.after_next_look(move || {
        // Nobody waits any longer: fine.
        let _ = told.send(());
    });
    // Too late is late: whoever waits goes on without it.
    drop(tokio::time::timeout(PATIENCE, looked).await);
}

/// Has the host change something; whoever asks for the numbers after that sees it.
async fn changed(app: &App, ask: Ask, form: Form) -> Response<Body> {
    let response = from_host(&*app.host, ask, form).await;
    app.kept.forget();
    app.record.poke();
    response
}

async fn update_user(State(app): Shared, body: Bytes) -> Response<Body> {
    if !serde_json::from_slice::<serde_json::Value>(&body).is_ok_and(|value| value.is_object()) {
        return answer::words(
            StatusCode::BAD_REQUEST,
            "the body has to be a JSON object with \"user_class_name\"",
        );
    }
    let mut response = from_host(&*app.host, Ask::UpdateUser(body), Form::Json).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::CREATED;
    }
    response
}

async fn tasks(State(app): Shared) -> Response<Body> {
    from_host(&*app.host, Ask::Tasks, Form::Json).await
}

async fn logs(State(app): Shared) -> Response<Body> {
    from_host(&*app.host, Ask::Logs, Form::Json).await
}

async fn login(State(app): Shared, request: Request) -> Response<Body> {
    if app.login {
        return app.wsgi(request).await;
    }
    let mut response = answer::with_type(StatusCode::FOUND, answer::HTML, Body::empty());
    if let Ok(place) = HeaderValue::from_str(&format!("{}/", app.base_path)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

async fn report(State(app): Shared, request: Request) -> Response<Body> {
    let query = pairs(request.uri().query().unwrap_or_default());
    drop(request);
    let mut response = from_host(&*app.host, Ask::Report(query), Form::Html).await;
    let headers = response.headers_mut();
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, app.report_policy.clone());
    }
    response
}

async fn stats_requests(State(app): Shared) -> Response<Body> {
    let body = match app.kept.get(Instant::now()) {
        Ok(kept) => kept.to_string(),
        Err(round) => {
            let status = app.fresh_status(PATIENCE).await;
            let numbers = app.record.numbers().clone();
            let body = app.compute(move || legacy::stats_requests(&numbers, &status, unix_now())).await;
            app.kept.keep(round, &body, Instant::now());
            body
        }
    };
    answer::with_type(StatusCode::OK, answer::JSON, body)
}

async fn worker_count(State(app): Shared) -> Response<Body> {
    let status = app.fresh_status(PATIENCE).await;
    let body = serde_json::json!({ "worker_count": status.worker_count });
    answer::with_type(StatusCode::OK, answer::JSON, crate::json::pretty(&body))
}

/// A CSV file to be saved.
fn csv(body: String, stem: &str, kind: &str) -> Response<Body> {
    let mut response = answer::with_type(StatusCode::OK, "text/csv", body);
    response.headers_mut().insert(header::CONTENT_DISPOSITION, attachment(stem, kind));
    response
}

async fn requests_csv(State(app): Shared) -> Response<Body> {
    let status = app.fresh_status(PATIENCE).await;
    let numbers = app.record.numbers().clone();
    let stem = status.file_stem.clone();
    let body = app.compute(move || legacy::requests_csv(&numbers, &status, unix_now())).await;
    csv(body, &stem, "requests")
}

async fn failures_csv(State(app): Shared) -> Response<Body> {
    let status = app.fresh_status(PATIENCE).await;
    let numbers = app.record.numbers().clone();
    let body = app.compute(move || legacy::failures_csv(&numbers, unix_now())).await;
    csv(body, &status.file_stem, "failures")
}

async fn full_history_csv(State(app): Shared, headers: HeaderMap) -> Response<Body> {
    let status = app.fresh_status(PATIENCE).await;
    let Some(place) = &status.full_history_csv else {
        let words = "Error: Server was not started with option to generate full history.";
        return answer::words(StatusCode::NOT_FOUND, words);
    };
    full_history::serve(place, attachment(&status.file_stem, "requests_full_history"), &headers).await
}

/// How long the list of exceptions is waited for.
const EXCEPTIONS: Duration = Duration::from_secs(30);

async fn asked_exceptions(app: &App) -> Result<Vec<dto::Exception>, Response<Body>> {
    match ask_source(&app.record, Question::Exceptions, EXCEPTIONS).await {
        Ok(told) => serde_json::from_slice(&told).map_err(|error| {
            answer::words(StatusCode::INTERNAL_SERVER_ERROR, &format!("exceptions: {error}"))
        }),
        Err(error) => Err(answer::no_answer(&error)),
    }
}

async fn exceptions(State(app): Shared) -> Response<Body> {
    match asked_exceptions(&app).await {
        Ok(list) => answer::with_type(StatusCode::OK, answer::JSON, legacy::exceptions(&list)),
        Err(response) => response,
    }
}

async fn exceptions_csv(State(app): Shared) -> Response<Body> {
    let status = app.fresh_status(PATIENCE).await;
    match asked_exceptions(&app).await {
        Ok(list) => csv(legacy::exceptions_csv(&list), &status.file_stem, "exceptions"),
        Err(response) => response,
    }
}
