//! Taking a request's body in: not for ever, not more than is meant, and not more of all together than there is room for.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::body::Bytes;
use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer;
use crate::patient::WatchedBody;

/// A body has to be there within this time.
const TIME: Duration = Duration::from_secs(30);
/// What each body may have without asking for room: the forms of people.
const FREE: usize = 16 << 10;
/// Room is given out in pieces of so many bytes.
const PIECE: usize = 4 << 10;
/// Room for the bodies of all who have been let in.
const ROOM: usize = 64 << 20;
/// Room for those of whom nobody knows yet.
const ROOM_FOR_STRANGERS: usize = 16 << 20;

/// Room for bodies.
#[derive(Debug)]
pub(crate) struct Room {
    known: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Self {
        let of = |bytes: usize| Arc::new(Semaphore::new(bytes / PIECE));
        Self { known: of(ROOM), strangers: of(ROOM_FOR_STRANGERS) }
    }
}

/// A body, and the room that it takes.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    #[expect(dead_code, reason = "given back when dropped")]
    room: [Option<OwnedSemaphorePermit>; 2],
}

/// A body on its way in.
#[derive(Debug)]
pub(crate) struct Intake {
    body: WatchedBody,
    got: BytesMut,
    /// Of strangers' room and of the others'.
    room: [Option<OwnedSemaphorePermit>; 2],
    until: tokio::time::Instant,
}

/// What came of reading.
#[derive(Debug)]
pub(crate) enum Read {
    /// All of it.
    Whole(Held),
    /// There is more than the limit.
    More(Intake),
    /// It is refused.
    Refused(Response<Body>),
}

impl Intake {
    pub(crate) fn new(body: WatchedBody) -> Self {
        Self { body, got: BytesMut::new(), room: [None, None], until: tokio::time::Instant::now() + TIME }
    }

    /// Reads up to `limit` bytes in all. What it cannot be is found out before anything is read, so that a client that asked first
    /// (`Expect: 100-continue`) need not send it.
    pub(crate) async fn read(mut self, limit: usize, room: &Room, is_known: bool) -> Read {
        use hyper::body::Body as _;
        loop {
            if self.body.size_hint().lower() + self.got.len() as u64 > limit as u64 {
                return Read::More(self);
            }
            let frame = match tokio::time::timeout_at(self.until, self.body.frame()).await {
                Err(_) => {
                    let words = "the body took too long to arrive";
                    return Read::Refused(last(answer::words(StatusCode::REQUEST_TIMEOUT, words)));
                }
                Ok(None) => return Read::Whole(Held { bytes: self.got.freeze(), room: self.room }),
                Ok(Some(Err(_))) => return Read::Refused(answer::page(StatusCode::BAD_REQUEST)),
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            let size = self.got.len() + data.len();
            if !self.has_room(size, room, is_known) {
                return Read::Refused(full());
            }
            self.got.extend_from_slice(&data);
            if size > limit {
                return Read::More(self);
            }
        }
    }

    /// Whether there is room for so many bytes; takes it.
    fn has_room(&mut self, size: usize, room: &Room, is_known: bool) -> bool {
        let has: usize = self.room.iter().flatten().map(OwnedSemaphorePermit::num_permits).sum();
        let wanted = size.saturating_sub(FREE).div_ceil(PIECE);
        let Some(more) = wanted.checked_sub(has).filter(|more| *more > 0) else { return true };
        let place = if is_known { &room.known } else { &room.strangers };
        let Ok(more) = Arc::clone(place).try_acquire_many_owned(more as u32) else { return false };
        match &mut self.room[usize::from(is_known)] {
            Some(own) => own.merge(more),
            none => *none = Some(more),
        }
        true
    }
}

/// Says that the connection ends with this answer.
pub(crate) fn last(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// It is larger than the limit.
pub(crate) fn too_large() -> Response<Body> {
    last(answer::page(StatusCode::PAYLOAD_TOO_LARGE))
}

fn full() -> Response<Body> {
    let words = "too many large bodies are on their way at this moment: try again";
    let mut response = last(answer::words(StatusCode::SERVICE_UNAVAILABLE, words));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
