//! A response body whose pieces come from elsewhere.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::mpsc;

/// Pieces from a channel with bounds.
#[derive(Debug)]
pub(crate) struct ReceiverBody(mpsc::Receiver<Bytes>);

impl ReceiverBody {
    pub(crate) fn new(receiver: mpsc::Receiver<Bytes>) -> Self {
        Self(receiver)
    }
}

impl HttpBody for ReceiverBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Pieces from a channel without bounds, whose other end looks at how much waits.
#[derive(Debug)]
pub(crate) struct QueuedBody {
    pub(crate) pieces: mpsc::UnboundedReceiver<Bytes>,
    pub(crate) queued: Arc<AtomicUsize>,
}

impl HttpBody for QueuedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.poll_recv(context);
        if let Poll::Ready(Some(bytes)) = &piece {
            self.queued.fetch_sub(bytes.len(), Ordering::Relaxed);
        }
        piece.map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}
