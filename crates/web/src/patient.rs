//! A connection that waits for its peer, but not for ever.
//!
//! Two things would otherwise go wrong at the far end of an answer. A peer that stops reading would hold the connection, and what
//! waits to be sent, as long as it likes. And closing while the peer still sends (a body that is too large, say) makes the
//! system reset the connection, and the peer then never sees the answer that says so.

use std::future::Future as _;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long is waited for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a peer that reads nothing of what is sent to it.
    pub unread: Duration,
    /// After the last answer, for one that still sends what nobody wants.
    pub late: Duration,
    /// … and between two pieces of that.
    pub pause: Duration,
    /// Bytes that such a peer may send.
    pub late_bytes: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            unread: Duration::from_secs(45),
            late: Duration::from_secs(10),
            pause: Duration::from_secs(2),
            late_bytes: 64 << 20,
        }
    }
}

/// Whether a request's body was left unread when it was answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unread(Arc<AtomicBool>);

impl Unread {
    /// Wraps the body of the next request.
    pub(crate) fn watch(&self, body: Incoming) -> WatchedBody {
        self.0.store(false, Ordering::Relaxed);
        WatchedBody { ended: body.is_end_stream(), body, unread: self.clone() }
    }
}

/// A request's body, which tells whether it was read to its end.
#[derive(Debug)]
pub(crate) struct WatchedBody {
    body: Incoming,
    ended: bool,
    unread: Unread,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.ended |= frame.is_none() || self.body.is_end_stream();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        if !self.ended {
            self.unread.0.store(true, Ordering::Relaxed);
        }
    }
}

/// The connection.
#[derive(Debug)]
pub(crate) struct Patient<S> {
    stream: S,
    patience: Patience,
    unread: Unread,
    /// Runs while nothing can be written.
    stuck: Option<Pin<Box<Sleep>>>,
    end: Ending,
}

#[derive(Debug)]
enum Ending {
    /// Our side is open.
    None,
    /// Our side is closed; nothing has come since.
    Closed,
    /// What the peer still sends is thrown away.
    Late { pause: Pin<Box<Sleep>>, until: Instant, bytes: u64 },
}

impl<S> Patient<S> {
    pub(crate) fn new(stream: S, patience: Patience, unread: Unread) -> Self {
        Self { stream, patience, unread, stuck: None, end: Ending::None }
    }

    /// What became of an attempt to write, unless it has been going on for too long.
    fn written<T>(&mut self, context: &mut Context<'_>, done: Poll<Result<T>>) -> Poll<Result<T>> {
        if done.is_ready() {
            self.stuck = None;
            return done;
        }
        let patience = self.patience.unread;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stuck.as_mut().poll(context));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the peer does not read")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.written(context, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(context);
        self.written(context, done)
    }

    /// Closes our side, then lets the peer finish what it is sending.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let me = self.get_mut();
        if matches!(me.end, Ending::None) {
            let closed = Pin::new(&mut me.stream).poll_shutdown(context);
            ready!(me.written(context, closed))?;
            me.end = Ending::Closed;
        }
        let mut space = [0; 16 << 10];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            let read = Pin::new(&mut me.stream).poll_read(context, &mut buffer);
            let came = buffer.filled().len() as u64;
            match (&mut me.end, read) {
                // The peer is gone, or has closed its side too.
                (_, Poll::Ready(Err(_))) => return Poll::Ready(Ok(())),
                (_, Poll::Ready(Ok(()))) if came == 0 => return Poll::Ready(Ok(())),
                // Everything was read, so there is nothing to wait for.
                (Ending::Closed, Poll::Pending) if !me.unread.0.load(Ordering::Relaxed) => {
                    return Poll::Ready(Ok(()));
                }
                (Ending::Closed | Ending::None, _) => {
                    let until = Instant::now() + me.patience.late;
                    me.end = Ending::Late { pause: Box::pin(sleep(me.patience.pause)), until, bytes: came };
                }
                (Ending::Late { pause, until, bytes }, Poll::Ready(Ok(()))) => {
                    *bytes += came;
                    let now = Instant::now();
                    if now >= *until || *bytes > me.patience.late_bytes {
                        return Poll::Ready(Ok(()));
                    }
                    pause.as_mut().reset((now + me.patience.pause).min(*until));
                }
                (Ending::Late { pause, .. }, Poll::Pending) => {
                    ready!(pause.as_mut().poll(context));
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    fn unread(value: bool) -> Unread {
        Unread(Arc::new(AtomicBool::new(value)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (ours, mut theirs) = duplex(64);
        let mut patient = Patient::new(ours, Patience::default(), unread(false));
        let begin = Instant::now();
        let error = patient.write_all(&[0; 200]).await.unwrap_err();
        assert_eq!((error.kind(), begin.elapsed()), (ErrorKind::TimedOut, Patience::default().unread));
        let mut got = [0; 64];
        theirs.read_exact(&mut got).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_peer_gets_all() {
        let (ours, mut theirs) = duplex(64);
        let mut patient = Patient::new(ours, Patience::default(), unread(false));
        let reader = tokio::spawn(async move {
            let mut got = Vec::new();
            while got.len() < 640 {
                sleep(Patience::default().unread / 2).await;
                let mut piece = [0; 64];
                let read = theirs.read(&mut piece).await.unwrap();
                got.extend_from_slice(&piece[..read]);
            }
            got
        });
        patient.write_all(&[7; 640]).await.unwrap();
        assert_eq!(reader.await.unwrap(), [7; 640]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_still_sends_may_finish() {
        let (ours, mut theirs) = duplex(64);
        let mut patient = Patient::new(ours, Patience::default(), unread(true));
        let sender = tokio::spawn(async move {
            for _ in 0..50 {
                theirs.write_all(&[1; 100]).await.unwrap();
                sleep(Duration::from_millis(100)).await;
            }
        });
        patient.shutdown().await.unwrap();
        // All of it was taken; then the peer closed.
        sender.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn but_not_for_ever() {
        for (limits, expected) in [
            (Patience { late: Duration::from_secs(3), ..Patience::default() }, 3),
            (Patience { late_bytes: 150, ..Patience::default() }, 1),
        ] {
            let (ours, mut theirs) = duplex(64);
            let mut patient = Patient::new(ours, limits, unread(true));
            let sender = tokio::spawn(async move {
                while theirs.write_all(&[1; 50]).await.is_ok() {
                    sleep(Duration::from_millis(500)).await;
                }
            });
            let begin = Instant::now();
            patient.shutdown().await.unwrap();
            assert_eq!(begin.elapsed().as_secs(), expected, "{limits:?}");
            drop(patient);
            sender.await.unwrap();
        }
        // One that says nothing at all.
        let (ours, _theirs) = duplex(64);
        let begin = Instant::now();
        Patient::new(ours, Patience::default(), unread(true)).shutdown().await.unwrap();
        assert_eq!(begin.elapsed(), Patience::default().pause);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_waited_for_when_all_was_read() {
        let (ours, _theirs) = duplex(64);
        let begin = Instant::now();
        Patient::new(ours, Patience::default(), unread(false)).shutdown().await.unwrap();
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }
}
