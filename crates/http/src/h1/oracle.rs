//! hyper as the judge of a response; shared by the tests here and the fuzz target.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http_body_util::{BodyExt, Empty};
use hyper::rt::{Read, ReadBufCursor, Write};

/// A connection whose other end says this once a request has come, and closes.
struct Canned {
    response: Vec<u8>,
    asked: bool,
    reader: Option<Waker>,
}

impl Read for Canned {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.asked {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let taken = self.response.len().min(buf.remaining());
        buf.put_slice(&self.response[..taken]);
        self.response.drain(..taken);
        Poll::Ready(Ok(()))
    }
}

impl Write for Canned {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.asked = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// Status, fields, body, trailers.
pub(crate) type Reading = (u16, Fields, Vec<u8>, Fields);

/// What hyper's client makes of a response to a request with that method.
pub(crate) fn by_hyper(
    runtime: &tokio::runtime::Runtime,
    method: &str,
    response: &[u8],
) -> Result<Reading, hyper::Error> {
    let canned = Canned { response: response.to_vec(), asked: false, reader: None };
    runtime.block_on(async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(canned).await?;
        let connection = tokio::spawn(connection);
        let request = hyper::Request::builder()
            .method(method)
            .uri("/")
            .body(Empty::<&[u8]>::new())
            .expect("a sound request");
        let result = async {
            let response = sender.send_request(request).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await?;
            let trailers = body.trailers().map(fields).unwrap_or_default();
            Ok((head.status.as_u16(), fields(&head.headers), body.to_bytes().to_vec(), trailers))
        }
        .await;
        connection.abort();
        result
    })
}

fn fields(headers: &hyper::HeaderMap) -> Fields {
    sorted(
        headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect(),
    )
}

/// By name, as hyper groups the fields of one name.
pub(crate) fn sorted(mut fields: Fields) -> Fields {
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    fields
}
