//! Whether the program lives, for those who watch over it (`/healthz`, `/readyz`): nobody needs a token to ask.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};

use crate::answer;
use crate::app::App;

/// A program whose main thread has said nothing for longer than this is not ready: a task may be keeping it busy.
const SILENCE: Duration = Duration::from_secs(30);

impl App {
    /// `/healthz`: the server answers. `/readyz`: the program does, too, and has a runner. Neither asks the program.
    pub(crate) fn health(&self, method: &Method, path: &str) -> Response<Body> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut response = answer::page(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let (status, silence) = self.record.status();
        let ready = status.state != "missing" && silence.is_some_and(|silence| silence < SILENCE);
        let (status, words) = match (path, ready) {
            ("/readyz", false) => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            _ => (StatusCode::OK, "ok\n"),
        };
        let mut response = answer::with_type(status, "text/plain; charset=utf-8", words);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
