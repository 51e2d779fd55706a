//! `GET live`: server-sent events.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use gregaria_record::unix_now;

use super::event::{Event, GZIP_HEADER};
use super::pages::{Live, Opening, Told};
use crate::body::ReceiverBody;

/// Streams at a time.
const MOST: usize = 1_000;
/// Events that wait for a slow page; when it falls further behind it starts over.
const AHEAD: usize = 2;

/// Answers with the stream. `since`: the `id` of the last event the page has, when it says so in the query.
pub(crate) fn serve(live: &Arc<Live>, headers: &HeaderMap, since: Option<&str>) -> Response<Body> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if live.streams() >= MOST {
        return refuse("too many open pages: close some and try again");
    }
    // A browser repeats the header by itself, after the query of the first time.
    let last = text(header::HeaderName::from_static("last-event-id")).or(since);
    let Some(opening) = live.open(last, unix_now()) else {
        return refuse("the server is shutting down");
    };
    let gzip = text(header::ACCEPT_ENCODING).is_some_and(|accepted| crate::assets::accepts(accepted, "gzip"));
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::spawn(feed(Arc::clone(live), opening, sender, gzip));
    let mut response = Response::new(Body::new(ReceiverBody::new(receiver)));
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    out.insert(header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    out.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if gzip {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn refuse(why: &str) -> Response<Body> {
    let mut response = crate::answer::problem(StatusCode::SERVICE_UNAVAILABLE, why);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// Sends until the page or the server goes.
async fn feed(live: Arc<Live>, mut opening: Opening, sender: mpsc::Sender<Bytes>, gzip: bool) {
    if gzip && sender.send(Bytes::from_static(&GZIP_HEADER)).await.is_err() {
        return;
    }
    let bytes = |event: Event| if gzip { event.deflated } else { event.plain };
    loop {
        for event in std::mem::take(&mut opening.events) {
            if sender.send(bytes(event)).await.is_err() {
                return;
            }
        }
        loop {
            let told = tokio::select! {
                biased;
                () = sender.closed() => return,
                told = opening.rest.recv() => told,
            };
            match told {
                Ok(Told::Event(seq, event)) => {
                    if seq > opening.seq && sender.send(bytes(event)).await.is_err() {
                        return;
                    }
                }
                Ok(Told::Last(event)) => {
                    drop(sender.send(bytes(event)).await);
                    return;
                }
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
        // Too slow: it gets everything anew, as if it had just been opened.
        match live.open(None, unix_now()) {
            Some(anew) => opening = anew,
            None => return,
        }
    }
}
