//! Answers in the forms that several routes share.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use gregaria_record::dto;
use serde::Serialize;

use crate::body::QueuedBody;
use crate::host::{Answer, Host, Outcome, Streamed, ask};
use crate::host::{Ask, NoAnswer};
use crate::json;

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json";

/// An answer of a kind.
pub(crate) fn with_type(status: StatusCode, kind: &str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    if let Ok(kind) = HeaderValue::from_str(kind) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

/// Locust's way to say what went wrong: the words alone, called HTML. They are escaped here.
pub(crate) fn words(status: StatusCode, words: &str) -> Response<Body> {
    with_type(status, HTML, json::in_html(words))
}

/// What went wrong, for the endpoints that are ours alone.
pub(crate) fn problem(status: StatusCode, words: &str) -> Response<Body> {
    let problem = dto::Problem { error: words.to_owned() };
    compact(status, &problem)
}

/// JSON for the page.
pub(crate) fn compact(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let mut response = with_type(status, JSON, serde_json::to_vec(value).unwrap_or_default());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Werkzeug's page for a status.
pub(crate) fn page(status: StatusCode) -> Response<Body> {
    let (title, text) = match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            ("Method Not Allowed", "The method is not allowed for the requested URL.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("Request Entity Too Large", "The data value transmitted exceeds the capacity limit.")
        }
        StatusCode::BAD_REQUEST => {
            ("Bad Request", "The browser (or proxy) sent a request that this server could not understand.")
        }
        StatusCode::FORBIDDEN => ("Forbidden", "This is not allowed from another web site."),
        _ => (
            "Not Found",
            "The requested URL was not found on the server. If you entered the URL manually please check your spelling and \
             try again.",
        ),
    };
    let code = status.as_u16();
    let body = format!(
        "<!doctype html>\n<html lang=en>\n<title>{code} {title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n"
    );
    with_type(status, HTML, body)
}

/// How the host's answer is to be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// JSON, laid out as Flask does.
    Json,
    /// As it is; HTML unless it says otherwise.
    Html,
}

/// Asks the host and passes its answer on.
pub(crate) async fn from_host(host: &dyn Host, question: Ask, form: Form) -> Response<Body> {
    match ask(host, question).await {
        Ok(outcome) => outcome_in(outcome, form),
        Err(error) => no_answer(&error),
    }
}

pub(crate) fn no_answer(error: &NoAnswer) -> Response<Body> {
    let status = match error {
        NoAnswer::Late { .. } => StatusCode::GATEWAY_TIMEOUT,
        NoAnswer::None(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    words(status, &error.to_string())
}

pub(crate) fn outcome_in(outcome: Outcome, form: Form) -> Response<Body> {
    match outcome {
        Outcome::Failed { status, message } => {
            words(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &message)
        }
        Outcome::Whole(Answer { status, headers, body }) => {
            let (kind, body) = match form {
                Form::Json => (JSON, Bytes::from(json::pretty_text(&body))),
                Form::Html => (HTML, body),
            };
            with_headers(status, headers, Some(kind), Body::from(body))
        }
        Outcome::Streamed(Streamed { status, headers, body, queued }) => {
            with_headers(status, headers, None, Body::new(QueuedBody { pieces: body, queued }))
        }
    }
}

fn with_headers(
    status: u16,
    headers: Vec<(String, String)>,
    kind: Option<&'static str>,
    body: Body,
) -> Response<Body> {
    let mut response = Response::new(body);
    let status = if status == 0 { 200 } else { status };
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    append(response.headers_mut(), headers);
    if let Some(kind) = kind.filter(|_| !response.headers().contains_key(header::CONTENT_TYPE)) {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}

/// Adds headers, but for those that are the connection's and those that are none.
fn append(out: &mut HeaderMap, headers: Vec<(String, String)>) {
    for (name, value) in headers {
        let connection = ["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"];
        if connection.iter().any(|other| name.eq_ignore_ascii_case(other)) {
            continue;
        }
        // Header values are bytes, and WSGI gives each as the character of that number.
        let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        let bytes = bytes.unwrap_or_else(|| value.into_bytes());
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&bytes))
        {
            out.append(name, value);
        }
    }
}

/// The header that names a file as Locust does. What a header cannot hold becomes an underscore.
pub(crate) fn attachment(stem: &str, kind: &str) -> HeaderValue {
    let plain = |c: char| if (' '..='~').contains(&c) && c != '"' && c != ';' { c } else { '_' };
    let stem: String = stem.chars().map(plain).collect();
    HeaderValue::from_str(&format!("attachment;filename={stem}_{kind}.csv"))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}
