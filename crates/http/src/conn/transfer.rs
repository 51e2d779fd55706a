//! Writing requests and reading responses.

use std::io;
use std::time::Instant;

use bytes::Bytes;

use super::connection::{Connection, State, failure, is_tls};
use super::in_place::Placed;
use super::io_thread::IoThread;
use super::job::{Giving, Job, Route, WINDOW};
use super::slab::Key;
use crate::error::{ErrorKind, Failure};
use crate::h1::{BodyFraming, DecodeError, Piece, encode_chunk, encode_head, encode_last_chunk};
use crate::request::Upload;
use crate::response::Event;
use crate::timing::Phase;
use crate::url::Style;

/// Bodies up to this size are copied behind the head, so that both leave in one piece.
pub(super) const INLINE_BODY: usize = 16 * 1024;

/// A response read at once, and no larger than this, arrived when the poller said so. What is larger may have
/// arrived while it was read.
pub(super) const ONE_ARRIVAL: usize = 16 * 1024;

/// What TLS hands out at a time: a record.
const PLAIN: usize = 16 * 1024;

/// The first read of a turn, which nearly always brings all there is.
const FIRST_READ: usize = 16 * 1024;

/// How many reads a connection gets in one turn while others wait.
pub(super) const READS_PER_TURN: usize = 16;

/// After how long a kept connection is looked at before a request is risked that must not be sent twice.
const LOOK_AFTER: std::time::Duration = std::time::Duration::from_millis(500);

/// How much of the buffer of requests under way is kept when one has been sent.
const HEAD_KEPT: usize = 256 * 1024;

/// How much is reserved for an announced body before any of it has come.
const RESERVE: u64 = 1024 * 1024;

/// What came of handing received bytes to the decoder.
pub(super) enum Fed {
    /// Go on reading.
    More,
    /// The caller of a streamed body has enough for now.
    Paused,
    /// The response is over, well or badly; the connection has been dealt with.
    Over,
}

impl IoThread {
    /// Sends a job's request on a connection that is ready for it.
    pub(super) fn send(&mut self, key: Key, job_key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Some(job) = self.jobs.get_mut(job_key) else { return };
        if connection.used && is_stale(connection, job, self.now) {
            self.close(key);
            return self.begin(job_key, false);
        }
        connection.state = State::Active;
        connection.job = Some(job_key);
        job.connection = Some(key);
        let Connection { used, local, peer, .. } = *connection;
        job.route = Route { reused: used, local_addr: local, peer_addr: peer };
        job.quiet_since = self.now;
        job.enter(Phase::Send, self.now);
        job.decoder.start(&job.request.method);
        let request = &job.request;
        job.cookie =
            job.cookies.as_ref().and_then(|cookies| cookies.header_for(&request.url, &request.headers));
        std::mem::swap(&mut job.head_out, &mut self.head_out);
        encode(job, connection);
        self.write_on(key);
        self.arm(key);
    }

    /// Writes as much of the request as the kernel takes.
    pub(super) fn write_on(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Some(job) = connection.job.and_then(|job| self.jobs.get_mut(job)) else { return };
        if job.sent {
            // TLS may have something to say on its own account.
            if connection.tls.is_some() {
                let _ = connection.flush();
            }
            return;
        }
        let written = write(connection, job);
        self.now = Instant::now();
        match written {
            Ok(true) if job.is_uploading() => {
                job.quiet_since = self.now;
                if job.giving != Giving::Wanted {
                    job.giving = Giving::Wanted;
                    self.batch.push(job.completion(Event::Feed));
                }
            }
            Ok(true) => {
                job.sent = true;
                // A response that came before the request was out has begun its phase already.
                if !job.received_any {
                    job.enter(Phase::Wait, self.now);
                }
                job.quiet_since = self.now;
                std::mem::swap(&mut job.head_out, &mut self.head_out);
                self.head_out.clear();
                self.head_out.shrink_to(HEAD_KEPT);
                if job.request.upload.is_some() {
                    self.read_answer(key);
                }
            }
            Ok(false) => job.quiet_since = self.now,
            Err(error) => {
                // A server that refuses a body answers and closes: the answer counts more than the failed write.
                connection.closing = true;
                connection.peer_closed = true;
                job.sent = true;
                let failure = failure(&error);
                self.read(key);
                self.broken(key, failure);
            }
        }
    }

    /// The caller gives a piece of an upload; `None` ends it.
    pub(super) fn give(&mut self, key: Key, piece: Option<Bytes>) {
        let Some(job) = self.jobs.get_mut(key) else { return };
        let (Some(connection), Giving::Wanted) = (job.connection, job.giving) else { return };
        job.head_out.clear();
        job.head_sent = 0;
        job.quiet_since = self.now;
        job.giving = if piece.is_some() { Giving::Sending } else { Giving::Ended };
        let chunked = job.request.upload == Some(Upload::Chunked);
        match piece {
            Some(piece) if chunked => encode_chunk(&mut job.head_out, &piece),
            Some(piece) => job.head_out.extend_from_slice(&piece),
            None if chunked => encode_last_chunk(&mut job.head_out),
            None => {}
        }
        self.write_on(connection);
        self.arm(connection);
    }

    /// Reads an answer, unless the request is still to be given: as http.client, which looks for none before.
    pub(super) fn read_answer(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let job = connection.job.and_then(|job| self.jobs.get(job));
        if job.is_some_and(|job| job.request.upload.is_some() && !job.sent) {
            connection.readable = true;
        } else {
            self.read(key);
        }
    }

    /// Reads from connections that had more than their share.
    pub(super) fn read_on(&mut self) {
        if self.again.is_empty() {
            return;
        }
        self.now = Instant::now();
        self.arrival = self.now;
        for key in std::mem::take(&mut self.again) {
            self.read(key);
        }
    }

    /// Reads what a connection has.
    pub(super) fn read(&mut self, key: Key) {
        // Out of `self` and back, so that the rest of `self` can be used meanwhile.
        let mut buffer = std::mem::take(&mut self.buffer);
        if self.reads_records(key) {
            let mut plain = std::mem::take(&mut self.plain);
            plain.resize(PLAIN, 0);
            self.read_records(key, &mut buffer, &mut plain);
            self.plain = plain;
        } else {
            self.read_into(key, &mut buffer);
        }
        self.buffer = buffer;
    }

    fn read_into(&mut self, key: Key, buffer: &mut [u8]) {
        for turn in 0..READS_PER_TURN {
            match self.read_in_place(key) {
                Placed::Not => {}
                Placed::Some => continue,
                Placed::All => return,
            }
            let Some(connection) = self.connections.get_mut(key) else { return };
            // A large body is read to its place when its head has been seen.
            let most = if turn == 0 && connection.tls.is_none() { FIRST_READ } else { buffer.len() };
            let buffer = &mut buffer[..most];
            let (count, stamp) = match connection.read(buffer, self.late) {
                Ok((0, _)) => return self.end_of_input(key),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    connection.readable = false;
                    return;
                }
                Err(error) => return self.broken(key, failure(&error)),
            };
            // One byte that nobody asked for, and the next response could not be trusted.
            let Some(job) = connection.job else { return self.close(key) };
            // The poller is edge-triggered: it will tell of whatever comes after a read that did not fill the
            // buffer, but not again of an end. TLS may hold back more than the kernel does.
            let drained = count < buffer.len() && !connection.peer_closed && connection.tls.is_none();
            let latest = if turn == 0 && count <= ONE_ARRIVAL { self.arrival } else { Instant::now() };
            let at = self.clocks.arrival(stamp, latest);
            match self.feed(key, job, &buffer[..count], at) {
                Fed::More | Fed::Over if drained => return,
                Fed::More | Fed::Over => {}
                Fed::Paused => {
                    if let Some(connection) = self.connections.get_mut(key) {
                        connection.readable = true;
                    }
                    return;
                }
            }
        }
        self.again.push(key);
    }

    pub(super) fn feed(&mut self, key: Key, job_key: Key, input: &[u8], at: Instant) -> Fed {
        let Some(job) = self.jobs.get_mut(job_key) else { return Fed::Over };
        if !job.received_any {
            job.received_any = true;
            job.enter(Phase::Receive, at);
        }
        job.quiet_since = at;
        // What was left over goes first; usually nothing was.
        let mut joined = std::mem::take(&mut job.unread);
        let mut rest = if joined.is_empty() {
            input
        } else {
            joined.extend_from_slice(input);
            &joined
        };
        loop {
            let Some(job) = self.jobs.get_mut(job_key) else { return Fed::Over };
            let framed = job.hands_on_framing();
            match job.decoder.decode_with(rest, &mut self.memo) {
                Ok((count, piece)) => {
                    if framed {
                        job.body.extend_from_slice(&rest[..count]);
                    }
                    rest = &rest[count..];
                    match piece {
                        None => break,
                        Some(Piece::Informational(_)) => {}
                        Some(Piece::Head(head)) => {
                            let length = head.content_length.unwrap_or(0).min(reserve(job));
                            job.reserve_body(length as usize);
                            self.head_arrived(job_key, head, at);
                        }
                        Some(Piece::Body(_)) if framed => {}
                        Some(Piece::Body(bytes)) => {
                            job.body.extend_from_slice(bytes);
                            if !job.share.covers(job.body.len()) {
                                self.fail(job_key, self.too_much());
                                return Fed::Over;
                            }
                        }
                        Some(Piece::End) => {
                            let keep = job.decoder.keep_alive() && job.sent && rest.is_empty();
                            self.response_over(key, job_key, keep, at);
                            return Fed::Over;
                        }
                    }
                }
                Err(error) => {
                    if framed {
                        // Whoever reads the framing himself finds the fault himself.
                        job.body.extend_from_slice(rest);
                    }
                    self.fail(job_key, decode_failure(&error));
                    return Fed::Over;
                }
            }
        }
        let left = rest.len();
        let Some(job) = self.jobs.get_mut(job_key) else { return Fed::Over };
        if joined.is_empty() {
            job.unread.extend_from_slice(rest);
        } else {
            // A head that trickles in is not copied anew for each byte of it.
            joined.drain(..joined.len() - left);
            job.unread = joined;
        }
        if job.stream.is_some() {
            self.offer_chunk(job_key);
            if self.jobs.get(job_key).is_some_and(|job| job.body.len() >= WINDOW) {
                return Fed::Paused;
            }
        }
        Fed::More
    }

    /// Why a body is given up that would be small enough alone.
    pub(super) fn too_much(&self) -> Failure {
        let words = format!("all response bodies together would take more than {} bytes", self.budget.most());
        Failure::with_message(ErrorKind::BodyTooLarge, words)
    }

    /// The peer has closed its side.
    pub(super) fn end_of_input(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.closing = true;
        let Some(job_key) = connection.job else { return self.close(key) };
        let Some(job) = self.jobs.get_mut(job_key) else { return self.close(key) };
        match job.decoder.end_of_input(job.unread.len()) {
            Ok(()) => {
                let now = Instant::now();
                self.response_over(key, job_key, false, now);
            }
            Err(error) => self.broken(key, decode_failure(&error)),
        }
    }

    /// A connection has died under its job, which may be begun once more.
    pub(super) fn broken(&mut self, key: Key, failure: Failure) {
        let Some(connection) = self.connections.get(key) else { return };
        let used = connection.used;
        let Some(job_key) = connection.job else { return self.close(key) };
        let Some(job) = self.jobs.get_mut(job_key) else { return self.close(key) };
        if !used || !job.may_retry(&failure.kind) {
            return self.fail(job_key, failure);
        }
        job.connection = None;
        job.rewind();
        job.retried = true;
        job.enter(Phase::Blocked, Instant::now());
        self.close(key);
        // Its neighbours are likely to be dead as well.
        self.begin(job_key, true);
    }
}

/// Whether a kept connection was closed by its server, as far as one can tell without sending. Looked at only
/// where it matters: after a while, and before a request that must not be repeated.
fn is_stale(connection: &Connection, job: &Job, now: Instant) -> bool {
    if job.request.upload.is_none() {
        if job.request.method.is_idempotent() {
            return false;
        }
        let idle_for = connection.since_or_until.map(|since| now.saturating_duration_since(since));
        if idle_for.is_none_or(|idle| idle < LOOK_AFTER) {
            return false;
        }
    }
    let Some(stream) = &connection.stream else { return true };
    let mut byte = [0];
    match stream.peek(&mut byte) {
        Ok(0) => true,
        // TLS may speak without being asked (session tickets); plain HTTP may not.
        Ok(_) => connection.tls.is_none(),
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    }
}

/// Encodes the head, and a small body behind it, into the job's empty buffer.
fn encode(job: &mut Job, connection: &Connection) {
    let request = &job.request;
    let url = &request.url;
    let proxy = connection.options.proxy.as_ref().filter(|_| !is_tls(url));
    let absolute;
    let target = if proxy.is_some() {
        absolute = url.absolute_form();
        &*absolute
    } else {
        url.target()
    };
    // requests says nothing of the body after a redirect that dropped it, and leaves that to urllib3.
    let dropped = job.history.iter().any(|hop| matches!(hop.response.status, 301..=303));
    let announce = request.options.announce_empty.filter(|style| *style == Style::Fast || !dropped);
    let framing = match request.upload {
        None => BodyFraming::announced(&request.method, request.body.len() as u64, announce),
        Some(Upload::Plain) => BodyFraming::None,
        Some(Upload::Chunked) => BodyFraming::Chunked,
    };
    let out = &mut job.head_out;
    let cookie = job.cookie.as_deref();
    encode_head(out, &request.method, target, Some(url.host_header()), &request.headers, cookie, framing);
    if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization())
        && !request.headers.contains("proxy-authorization")
    {
        // Before the empty line.
        out.truncate(out.len() - 2);
        out.extend_from_slice(b"Proxy-Authorization: ");
        out.extend_from_slice(authorization.as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
    }
    job.body_inlined = request.body.len() <= INLINE_BODY;
    if job.body_inlined {
        out.extend_from_slice(&request.body);
    }
}

/// Writes on; true once the kernel has everything.
fn write(connection: &mut Connection, job: &mut Job) -> io::Result<bool> {
    loop {
        let head = &job.head_out[job.head_sent..];
        let body = if job.body_inlined { &[][..] } else { &job.request.body[job.body_sent..] };
        let result = if head.is_empty() && body.is_empty() {
            connection.flush().map(|()| 0)
        } else {
            connection.write(head, body)
        };
        match result {
            Ok(0) if head.is_empty() && body.is_empty() => return Ok(true),
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                let of_head = count.min(head.len());
                let all = count == head.len() + body.len();
                job.head_sent += of_head;
                job.body_sent += count - of_head;
                if all && connection.tls.is_none() {
                    return Ok(true);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// How much of an announced body to make room for at once.
fn reserve(job: &Job) -> u64 {
    // A streamed body is handed on in parts, and `HEAD` announces what never comes.
    if job.request.options.stream || job.request.method == crate::method::Method::Head { 0 } else { RESERVE }
}

fn decode_failure(error: &DecodeError) -> Failure {
    let kind = match error {
        DecodeError::NoResponse => ErrorKind::ClosedWithoutResponse,
        DecodeError::TruncatedHead => ErrorKind::Truncated { received: 0, missing: None },
        DecodeError::TruncatedBody { received, missing } => {
            ErrorKind::Truncated { received: *received, missing: *missing }
        }
        DecodeError::BodyTooLarge { .. } => ErrorKind::BodyTooLarge,
        error if error.is_too_large() => ErrorKind::HeadTooLarge,
        _ => ErrorKind::Malformed,
    };
    Failure::with_message(kind, error.to_string())
}
