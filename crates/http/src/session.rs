//! Sessions: one per user, cheap to keep by the hundred thousand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;

use crate::client::Shared;
use crate::conn::here::Lane;
use crate::conn::queue::{Command, Submission, lock};
use crate::cookies::CookieJar;
use crate::error::{Error, ErrorKind};
use crate::headers::Headers;
use crate::request::{Request, RequestId};
use crate::response::{Completion, Event, Exchange};
use crate::timing::{Phase, Timings};
use crate::url::Url;

/// How a [`Session`] is set up.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    /// How connections of its own are kept. Ignored when `pool` is given.
    pub connections: PoolOptions,
    /// Use these connections instead of connections of its own.
    pub pool: Option<ConnectionPool>,
}

/// How many connections there are, to each origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolOptions {
    /// How many are kept when they have nothing to do; at least one.
    pub keep: usize,
    /// How many there are at a time. Further requests wait for a place, which is timed as `queue` and is part of their
    /// `connect_timeout`. `None`: as many as are asked for.
    pub limit: Option<usize>,
}

impl Default for PoolOptions {
    /// Ten are kept, any number may be open.
    fn default() -> Self {
        Self { keep: 10, limit: None }
    }
}

/// Connections that several sessions share. Clones are handles of the same pool; the last one (sessions count)
/// closes it.
#[derive(Debug, Clone)]
pub struct ConnectionPool {
    inner: Arc<PoolHandle>,
}

#[derive(Debug)]
struct PoolHandle {
    lane: Lane,
    number: u32,
}

impl ConnectionPool {
    pub(crate) fn open(lane: Lane, options: PoolOptions) -> Self {
        let number = lane.queue.claim_pool();
        // After a shutdown there is nobody to open a pool, and `send` says so.
        let _ = lane.queue.push(Command::OpenPool { pool: number, options });
        Self { inner: Arc::new(PoolHandle { lane, number }) }
    }

    /// Closes idle connections now and busy ones after their response.
    pub fn close_connections(&self) {
        let _ = self.inner.lane.queue.push(Command::CloseConnections { pool: self.inner.number });
    }
}

impl Drop for PoolHandle {
    fn drop(&mut self) {
        let _ = self.lane.queue.push(Command::ClosePool { pool: self.number });
    }
}

/// A session's cookies, shared between the caller and the I/O thread.
#[derive(Debug, Default)]
pub struct Cookies {
    jar: Mutex<CookieJar>,
    /// Whether the jar holds anything: most sessions never lock it.
    occupied: AtomicBool,
}

impl Cookies {
    /// Whether there are none. Does not lock.
    pub fn is_empty(&self) -> bool {
        !self.occupied.load(Ordering::Acquire)
    }

    /// Runs `f` on the jar while holding its lock; keep it short, the I/O thread may be waiting.
    pub fn with<R>(&self, f: impl FnOnce(&mut CookieJar) -> R) -> R {
        let mut jar = lock(&self.jar);
        let result = f(&mut jar);
        self.occupied.store(!jar.is_empty(), Ordering::Release);
        result
    }

    /// The `Cookie` header for a request with these headers to `url`.
    pub(crate) fn header_for(&self, url: &Url, headers: &Headers) -> Option<Box<[u8]>> {
        if self.is_empty() {
            return None;
        }
        let header = lock(&self.jar).header_for(url, headers.get_str("host"), unix_now() as i64);
        header.map(Into::into)
    }

    /// Keeps what a response from `url` sets; `sent` are the headers of the request.
    pub(crate) fn store(&self, url: &Url, sent: &Headers, received: &Headers) {
        let (host, now) = (sent.get_str("host"), unix_now() as i64);
        self.with(|jar| {
            for cookie in received.get_all("set-cookie") {
                jar.store(url, host, cookie, now);
            }
        });
    }
}

/// One user's view of the client: cookies and connections. Dropping it closes what it had open and forgets its
/// requests.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    pool: ConnectionPool,
    number: u64,
    cookies: Arc<Cookies>,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, pool: ConnectionPool) -> Self {
        let number = shared.next_id();
        Self { shared, pool, number, cookies: Arc::default() }
    }

    /// Hands a request to the I/O thread and returns at once. `token` comes back in each of its completions.
    pub fn send(&self, request: Request, token: u64) -> RequestId {
        self.send_stamped(request, token, None, false).0
    }

    /// As [`Self::send`]; also says when the request's time began. `spare` is an exchange that nobody needs any more: the next one
    /// takes its memory, which would else be given back by one thread and asked for by another for each request. `from_here`: the caller
    /// has nothing else to do and sends it by itself, where that takes one short system call and the I/O thread sleeps.
    pub fn send_stamped(
        &self,
        request: Request,
        token: u64,
        spare: Option<Box<Exchange>>,
        from_here: bool,
    ) -> (RequestId, Instant) {
        let id = RequestId(self.shared.next_id());
        let at = Instant::now();
        let cookies = request.options.use_cookies.then(|| Arc::clone(&self.cookies));
        let submission = Submission {
            pool: self.pool.inner.number,
            session: self.number,
            id,
            token,
            at,
            cookies,
            request,
            spare,
        };
        let left = if from_here { self.pool.inner.lane.send(submission).err() } else { Some(submission) };
        if let Some(submission) = left
            && let Err(Command::Submit(refused)) = self.push(Command::Submit(submission))
        {
            let mut batch = vec![refusal(&refused)];
            self.shared.completions.push_all(&mut batch, at);
        }
        (id, at)
    }

    /// Gives up a request: its connection is closed and nothing is delivered for it any more, except what is
    /// in the queue already. Unknown and finished requests are ignored.
    pub fn cancel(&self, id: RequestId) {
        let _ = self.push(Command::Cancel { pool: self.pool.inner.number, id });
    }

    /// Asks for the next part of a streamed body: completes once with [`Event::Chunk`] or [`Event::End`].
    pub fn read_body(&self, id: RequestId) {
        let _ = self.push(Command::ReadBody { pool: self.pool.inner.number, id });
    }

    /// Gives the next piece of an upload, which [`Event::Feed`] has asked for; `None` ends it.
    pub fn feed(&self, id: RequestId, piece: Option<Bytes>) {
        let _ = self.push(Command::Feed { pool: self.pool.inner.number, id, piece });
    }

    /// Closes idle connections now and busy ones after their response.
    pub fn close_connections(&self) {
        self.pool.close_connections();
    }

    /// The same session with the cookies of another one, which may belong to another client.
    #[must_use]
    pub fn with_cookies(mut self, cookies: Arc<Cookies>) -> Self {
        self.cookies = cookies;
        self
    }

    /// The cookies.
    pub fn cookies(&self) -> &Arc<Cookies> {
        &self.cookies
    }

    #[expect(clippy::result_large_err, reason = "the command is handed back, not reported")]
    fn push(&self, command: Command) -> Result<(), Command> {
        self.pool.inner.lane.queue.push(command)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The pool's last handle closes everything at once; only a shared pool has to be told whose requests to
        // forget.
        if Arc::strong_count(&self.pool.inner) > 1 {
            let _ = self.push(Command::EndSession { pool: self.pool.inner.number, session: self.number });
        }
    }
}

fn refusal(refused: &Submission) -> Completion {
    let error = Error {
        kind: ErrorKind::Shutdown,
        phase: Phase::Blocked,
        retry: false,
        os_error: None,
        message: Box::default(),
        timings: Timings::starting(refused.at, unix_now()),
        history: Vec::new(),
        url: Arc::clone(&refused.request.url),
    };
    Completion { token: refused.token, id: refused.id, event: Event::Done(Err(Box::new(error))) }
}

/// The wall clock, in seconds since 1970.
pub(crate) fn unix_now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}
