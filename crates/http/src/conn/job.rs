//! An exchange while it is under way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::budget::{Budget, Share};
use super::connection::{Connection, State};
use super::queue::Submission;
use super::slab::{Key, Slab};
use crate::error::{Error, ErrorKind, Failure};
use crate::h1::{Decoder, Limits, ResponseHead};
use crate::request::{Request, RequestId};
use crate::response::{Completion, Event, Exchange, Hop, Response, SentRequest};
use crate::session::Cookies;
use crate::timing::{Phase, Timings};

/// One exchange: the hop under way, and what came before it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: RequestId,
    pub(super) token: u64,
    pub(super) session: u64,
    pub(super) pool: u32,
    pub(super) cookies: Option<Arc<Cookies>>,
    /// What this hop asks for.
    pub(super) request: Request,
    /// The connection it has; none while it waits for one and after a streamed body has been read.
    pub(super) connection: Option<Key>,
    /// When `total_timeout` strikes.
    pub(super) total_deadline: Option<Instant>,
    /// By when it has to have a connection, if it had to wait for a place.
    pub(super) connect_until: Option<Instant>,
    /// This hop's phases so far, the current one excluded.
    timings: Timings,
    /// The phases of the hops before.
    past: Option<Box<Timings>>,
    phase: Phase,
    phase_since: Instant,
    /// The last moment at which bytes moved.
    pub(super) quiet_since: Instant,
    /// The encoded head (and a small body) on its way out, and how much of it and of the body is gone.
    pub(super) head_out: Vec<u8>,
    pub(super) head_sent: usize,
    pub(super) body_sent: usize,
    /// Whether `head_out` ends with the whole body.
    pub(super) body_inlined: bool,
    pub(super) sent: bool,
    /// The `Cookie` header added from the jar.
    pub(super) cookie: Option<Box<[u8]>>,
    pub(super) decoder: Decoder,
    pub(super) received_any: bool,
    pub(super) head: Option<ResponseHead>,
    pub(super) body: Vec<u8>,
    /// Its part of what all bodies may take.
    pub(super) share: Share,
    /// Received bytes that do not make a piece yet: part of a head, or of a chunk's size.
    pub(super) unread: Vec<u8>,
    pub(super) route: Route,
    /// Whether it was begun anew because a kept connection turned out to be closed.
    pub(super) retried: bool,
    pub(super) history: Vec<Hop>,
    pub(super) stream: Option<Stream>,
    /// How far an upload is that the caller gives piece by piece.
    pub(super) giving: Giving,
    /// Memory for what will be handed back.
    pub(super) spare: Option<Box<Exchange>>,
}

/// The largest body whose memory the next one takes; what is larger the allocator keeps well enough.
const BODY_KEPT: usize = 16 * 1024;

/// How far an upload is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Giving {
    /// No piece has been asked for, or there is no such upload.
    #[default]
    Not,
    /// A piece has been asked for.
    Wanted,
    /// A piece is on its way out.
    Sending,
    /// The last piece has been given.
    Ended,
}

/// Which way a hop went.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Route {
    pub(super) reused: bool,
    pub(super) local_addr: Option<SocketAddr>,
    pub(super) peer_addr: Option<SocketAddr>,
}

/// A streamed body whose head has been delivered. What has arrived waits in the job's `body`.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Whether the caller waits for the next chunk.
    pub(super) wanted: bool,
    /// How the body ended, once it has.
    pub(super) end: Option<Result<Timings, Failure>>,
}

/// How much of a streamed body is kept for a caller who does not come for it, before reading stops.
pub(super) const WINDOW: usize = 64 * 1024;

impl Job {
    pub(super) fn new(submission: Submission, start_unix: f64, budget: &Arc<Budget>) -> Box<Self> {
        let Submission { pool, session, id, token, at, cookies, request, spare } = submission;
        let limits = limits(&request);
        let mut new = Self {
            id,
            token,
            session,
            pool,
            cookies,
            connection: None,
            total_deadline: request.options.total_timeout.and_then(|total| at.checked_add(total)),
            connect_until: None,
            timings: Timings::starting(at, start_unix),
            past: None,
            phase: Phase::Blocked,
            phase_since: at,
            quiet_since: at,
            head_out: Vec::new(),
            head_sent: 0,
            body_sent: 0,
            body_inlined: false,
            sent: false,
            cookie: None,
            decoder: Decoder::new(limits),
            received_any: false,
            head: None,
            body: Vec::new(),
            share: Share::of(budget),
            unread: Vec::new(),
            route: Route::default(),
            retried: false,
            history: Vec::new(),
            stream: None,
            giving: Giving::Not,
            request,
            spare,
        };
        new.take_memory();
        Box::new(new)
    }

    /// Begins another exchange in the place of one that is over.
    pub(super) fn renew(&mut self, submission: Submission, start_unix: f64) {
        let Submission { pool, session, id, token, at, cookies, request, spare } = submission;
        let limits = limits(&request);
        // All of them, so that none is forgotten: what is not looked at here `retire` has left as it is in a new one.
        let Self {
            id: own_id,
            token: own_token,
            session: own_session,
            pool: own_pool,
            cookies: own_cookies,
            request: own_request,
            connection,
            total_deadline,
            connect_until,
            timings,
            past,
            phase,
            phase_since,
            quiet_since,
            head_out: _,
            head_sent,
            body_sent,
            body_inlined,
            sent,
            cookie,
            decoder,
            received_any,
            head,
            body: _,
            share: _,
            unread: _,
            route,
            retried,
            history: _,
            stream,
            giving,
            spare: own_spare,
        } = self;
        (*own_id, *own_token, *own_session, *own_pool) = (id, token, session, pool);
        *own_cookies = cookies;
        *connection = None;
        *total_deadline = request.options.total_timeout.and_then(|total| at.checked_add(total));
        *connect_until = None;
        *own_request = request;
        *timings = Timings::starting(at, start_unix);
        *past = None;
        (*phase, *phase_since, *quiet_since) = (Phase::Blocked, at, at);
        (*head_sent, *body_sent) = (0, 0);
        (*body_inlined, *sent, *received_any, *retried) = (false, false, false, false);
        *cookie = None;
        decoder.set_limits(limits);
        *head = None;
        *route = Route::default();
        *stream = None;
        *giving = Giving::Not;
        *own_spare = spare;
        self.take_memory();
    }

    /// Lets go of all that a job that is over may hold on to, so that another can take its place.
    pub(super) fn retire(&mut self) {
        self.cookies = None;
        self.request.body = Bytes::new();
        self.head_out.clear();
        self.body = Vec::new();
        self.share.reset();
        self.unread = Vec::new();
        self.history.clear();
        self.spare = None;
        // What came behind a chunked body.
        drop(self.decoder.take_trailers());
    }

    /// Whether it is worth to be kept for another, once it is over.
    pub(super) fn is_small(&self) -> bool {
        self.head_out.capacity() <= BODY_KEPT && self.history.capacity() == 0
    }

    /// Takes the memory of head and body of what nobody needs any more.
    fn take_memory(&mut self) {
        let Some(spare) = &mut self.spare else { return };
        self.decoder.recycle(std::mem::take(&mut spare.response.headers));
        let body = std::mem::take(&mut spare.response.body);
        if body.len() <= BODY_KEPT && body.is_unique() {
            self.body = body.into();
            self.body.clear();
        }
    }

    /// Makes room for a body of that announced length.
    pub(super) fn reserve_body(&mut self, length: usize) {
        // A large block for a small body would be held for as long as a script holds the response.
        if self.body.is_empty() && self.body.capacity() > 2 * length + 64 {
            self.body = Vec::new();
        }
        self.body.reserve_exact(length);
    }

    /// Ends the current phase at `now` and begins `phase`.
    pub(super) fn enter(&mut self, phase: Phase, now: Instant) {
        self.timings.add(self.phase, now.saturating_duration_since(self.phase_since));
        // An arrival is stamped with the moment the poller returned, which may be before the last write.
        self.phase_since = self.phase_since.max(now);
        self.phase = phase;
    }

    /// Prepares for sending (again): nothing sent, nothing received.
    pub(super) fn rewind(&mut self) {
        self.head_out.clear();
        self.head_sent = 0;
        self.body_sent = 0;
        self.body_inlined = false;
        self.sent = false;
        self.giving = Giving::Not;
        self.connect_until = None;
        self.received_any = false;
        self.head = None;
        self.body = Vec::new();
        self.share.reset();
        self.unread.clear();
        self.decoder.set_limits(limits(&self.request));
    }

    /// Begins the next hop with `request`; `done` is the one that led there.
    pub(super) fn follow(&mut self, request: Request, done: Hop) {
        let (start, start_unix) = (self.phase_since, self.timings.start_unix);
        match &mut self.past {
            Some(past) => past.merge(&done.timings),
            None => self.past = Some(Box::new(done.timings)),
        }
        let elapsed = start.saturating_duration_since(self.timings.start).as_secs_f64();
        self.timings = Timings::starting(start, start_unix + elapsed);
        self.phase = Phase::Blocked;
        self.history.push(done);
        self.request = request;
        self.cookie = None;
        self.retried = false;
        self.rewind();
    }

    /// This hop's phases up to `now`.
    pub(super) fn hop_timings(&mut self, now: Instant) -> Timings {
        self.enter(self.phase, now);
        self.timings.total = self.phase_since.saturating_duration_since(self.timings.start);
        self.timings
    }

    /// All hops' phases up to `now`.
    pub(super) fn timings(&mut self, now: Instant) -> Timings {
        let hop = self.hop_timings(now);
        match &self.past {
            None => hop,
            Some(past) => {
                let mut sum = **past;
                sum.merge(&hop);
                sum
            }
        }
    }

    /// What was sent in this hop, taken out of the job.
    pub(super) fn sent_request(&mut self) -> SentRequest {
        SentRequest {
            method: self.request.method.clone(),
            url: Arc::clone(&self.request.url),
            headers: Arc::clone(&self.request.headers),
            cookie: self.cookie.take(),
            body: self.request.body.clone(),
        }
    }

    /// This hop, taken out of the job.
    pub(super) fn hop(&mut self, head: ResponseHead, at: Instant) -> Hop {
        let timings = self.hop_timings(at);
        Hop { response: self.response(head), request: self.sent_request(), timings }
    }

    /// The response, taken out of the job; its body, too, if that is complete.
    pub(super) fn response(&mut self, head: ResponseHead) -> Response {
        let body = if self.stream.is_some() { Vec::new() } else { std::mem::take(&mut self.body) };
        let body = self.share.keep(body);
        Response {
            status: head.status,
            version: head.version,
            reason: head.reason,
            headers: head.headers,
            body,
            url: Arc::clone(&self.request.url),
        }
    }

    /// Whether the caller of a streamed body, or of an upload, leaves us waiting: then silence is not the server's fault.
    pub(super) fn is_paused(&self) -> bool {
        self.giving == Giving::Wanted || self.stream.as_ref().is_some_and(|stream| !stream.wanted)
    }

    /// Whether pieces of an upload are still to be asked for.
    pub(super) fn is_uploading(&self) -> bool {
        self.request.upload.is_some() && self.giving != Giving::Ended
    }

    /// Whether the server has been sent nothing of this hop.
    fn untouched(&self) -> bool {
        self.head_sent == 0 && self.body_sent == 0 && self.giving == Giving::Not
    }

    /// What comes is read as a whole after all, as the body of a redirect is.
    pub(super) fn limit_body(&mut self) {
        if self.request.options.stream {
            let max_body = self.request.options.max_body;
            self.decoder.set_limits(Limits { max_body, ..self.decoder.limits() });
        }
    }

    /// Whether what is received now belongs to a body that is handed on in its chunks, sizes and all.
    pub(super) fn hands_on_framing(&self) -> bool {
        self.stream.is_some() && self.request.options.framed && self.decoder.in_chunks()
    }

    /// Whether this hop may be sent a second time after its connection died without a byte of an answer.
    pub(super) fn may_retry(&self, kind: &ErrorKind) -> bool {
        let died = matches!(kind, ErrorKind::Reset | ErrorKind::ClosedWithoutResponse);
        // What has been taken of an upload is gone.
        let repeatable = self.request.upload.is_none() && self.request.method.is_idempotent();
        died && !self.retried && !self.received_any && (self.untouched() || repeatable)
    }

    pub(super) fn error(&mut self, failure: Failure, now: Instant) -> Box<Error> {
        let phase = self.phase;
        let timings = self.timings(now);
        let Failure { kind, os_error, message } = failure;
        let retry = self.untouched() && !matches!(kind, ErrorKind::InvalidRequest | ErrorKind::TlsConfig);
        let url = Arc::clone(&self.request.url);
        let history = std::mem::take(&mut self.history);
        Box::new(Error { kind, phase, retry, os_error, message, timings, history, url })
    }

    pub(super) fn completion(&self, event: Event) -> Completion {
        Completion { token: self.token, id: self.id, event }
    }
}

fn limits(request: &Request) -> Limits {
    Limits {
        // A streamed body is nowhere as a whole.
        max_body: if request.options.stream { u64::MAX } else { request.options.max_body },
        lengths_beside_codings: true,
        odd_lengths: request.options.odd_lengths,
        ..Limits::default()
    }
}

/// By when something has to happen on a connection, and what it is called if it does not.
pub(super) fn deadline(connection: &Connection, jobs: &Slab<Box<Job>>) -> Option<(Instant, ErrorKind)> {
    let job = jobs.get(connection.job?)?;
    let phase = match connection.state {
        State::Idle => None,
        State::Active if job.is_paused() => None,
        State::Active => {
            let silence = job.request.options.read_timeout;
            silence.and_then(|silence| Some((job.quiet_since.checked_add(silence)?, ErrorKind::ReadTimeout)))
        }
        _ => connection.since_or_until.map(|until| (until, ErrorKind::ConnectTimeout)),
    };
    let total = job.total_deadline.map(|at| (at, ErrorKind::TotalTimeout));
    phase.into_iter().chain(total).min_by_key(|(at, _)| *at)
}
