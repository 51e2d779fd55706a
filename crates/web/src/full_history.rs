//! The file of the whole history, which is being written while it is read: conditional and partial requests.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::sync::mpsc;

use crate::answer;
use crate::assets::is_known;
use crate::body::ReceiverBody;

/// The file is read in pieces of this size.
const PIECE: usize = 64 << 10;

/// What part of `length` bytes a `Range` asks for: begin and end. `None`: all of it; an error: what is not there.
fn range(header: Option<&str>, length: u64) -> Result<Option<(u64, u64)>, ()> {
    let Some(set) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else { return Ok(None) };
    // Several ranges in one answer are nobody's wish.
    let Some((from, to)) = set.split_once('-').filter(|_| !set.contains(',')) else { return Ok(None) };
    let range = match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(from), Ok(to)) if from <= to => (from, to.saturating_add(1).min(length)),
        (Ok(from), Err(_)) if to.trim().is_empty() => (from, length),
        (Err(_), Ok(last)) if from.trim().is_empty() => (length.saturating_sub(last), length),
        _ => return Ok(None),
    };
    if range.0 < range.1 { Ok(Some(range)) } else { Err(()) }
}

/// Answers with the file.
pub(crate) async fn serve(place: &str, disposition: HeaderValue, headers: &HeaderMap) -> Response<Body> {
    let opened = async {
        let file = tokio::fs::File::open(place).await?;
        let data = file.metadata().await?;
        std::io::Result::Ok((file, data))
    };
    let (mut file, data) = match opened.await {
        Ok(opened) => opened,
        Err(error) => return answer::words(StatusCode::NOT_FOUND, &format!("{place}: {error}")),
    };
    let length = data.len();
    let changed = data.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let tag = format!("\"{:x}-{length:x}\"", changed.map_or(0, |at| at.as_nanos()));
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    // A part of a file that has changed since would not fit to the parts before it.
    let same = text(header::IF_RANGE).is_none_or(|given| given == tag);
    let asked = range(text(header::RANGE).filter(|_| same), length);
    let mut response = Response::new(Body::empty());
    let out = response.headers_mut();
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, max-age=0"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    if is_known(headers, &tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    let (from, to) = match asked {
        Err(()) => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            if let Ok(all) = HeaderValue::from_str(&format!("bytes */{length}")) {
                response.headers_mut().insert(header::CONTENT_RANGE, all);
            }
            return response;
        }
        Ok(Some((from, to))) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            if let Ok(part) = HeaderValue::from_str(&format!("bytes {from}-{}/{length}", to - 1)) {
                response.headers_mut().insert(header::CONTENT_RANGE, part);
            }
            (from, to)
        }
        Ok(None) => (0, length),
    };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    out.insert(header::CONTENT_DISPOSITION, disposition);
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(to - from));
    if file.seek(std::io::SeekFrom::Start(from)).await.is_err() {
        return answer::words(StatusCode::INTERNAL_SERVER_ERROR, &format!("{place} cannot be read"));
    }
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        let mut rest = file.take(to - from);
        loop {
            let mut piece = vec![0; PIECE];
            match rest.read(&mut piece).await {
                Ok(read) if read > 0 => piece.truncate(read),
                _ => return,
            }
            if sender.send(Bytes::from(piece)).await.is_err() {
                return;
            }
        }
    });
    *response.body_mut() = Body::new(ReceiverBody::new(receiver));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_says() {
        for (header, expected) in [
            (None, Ok(None)),
            (Some("bytes=0-9"), Ok(Some((0, 10)))),
            (Some("bytes=90-"), Ok(Some((90, 100)))),
            (Some("bytes=90-500"), Ok(Some((90, 100)))),
            (Some("bytes=-10"), Ok(Some((90, 100)))),
            (Some("bytes=-500"), Ok(Some((0, 100)))),
            (Some("bytes=100-"), Err(())),
            (Some("bytes=9-3"), Ok(None)),
            (Some("bytes=0-1,4-5"), Ok(None)),
            (Some("lines=1-2"), Ok(None)),
            (Some("bytes=x-y"), Ok(None)),
        ] {
            assert_eq!(range(header, 100), expected, "{header:?}");
        }
    }
}
