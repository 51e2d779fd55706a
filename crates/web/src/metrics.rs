//! What a Prometheus server scrapes: `/metrics` of the web interface, and a port that has that and no page.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use axum::{body::Body, extract::Request};
use gregaria_report::prometheus::{CONTENT_TYPE, Own};

use crate::answer;
use crate::app::App;
use crate::paths;

/// All routes of a port for metrics: nothing of it changes anything.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(signpost))
        .route(paths::METRICS, get(scrape))
        .fallback(unknown)
        .with_state(app)
}

/// The present numbers. Whoever asks pays for the text, not the thread that runs the users.
pub(crate) async fn scrape(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    drop(request);
    let asked = Arc::clone(&app);
    let text = app.compute(move || {
        let versions = (env!("CARGO_PKG_VERSION"), asked.locust_version.as_str());
        gregaria_record::metrics(&asked.record, versions, own(&asked))
    });
    let mut response = answer::with_type(StatusCode::OK, CONTENT_TYPE, text.await);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What the server counts of itself.
fn own(app: &App) -> Vec<Own<'static>> {
    vec![Own {
        name: "gregaria_open_pages",
        help: "Pages that follow the run.",
        counter: false,
        label: None,
        value: app.live.streams() as f64,
    }]
}

async fn signpost() -> Response<Body> {
    answer::with_type(StatusCode::OK, "text/plain; charset=utf-8", "The numbers are at /metrics.\n")
}

async fn unknown() -> Response<Body> {
    answer::page(StatusCode::NOT_FOUND)
}
