//! What happens with a response: cookies, redirects, streaming, and the way back to the caller.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::connection::State;
use super::io_thread::IoThread;
use super::job::{Job, Route, Stream};
use super::slab::Key;
use crate::error::{ErrorKind, Failure};
use crate::h1::ResponseHead;
use crate::redirect::{self, Decision};
use crate::request::Request;
use crate::response::{Event, Exchange};
use crate::timing::Timings;

/// Jobs that are kept for others: as many as come back in a turn of a busy thread.
const RETIRED: usize = 64;

impl IoThread {
    /// A final head has come: keeps its cookies, and hands it on if its body is to be streamed.
    pub(super) fn head_arrived(&mut self, key: Key, head: ResponseHead, at: Instant) {
        let Some(job) = self.jobs.get_mut(key) else { return };
        if let Some(cookies) = &job.cookies
            && head.headers.contains("set-cookie")
        {
            cookies.store(&job.request.url, &job.request.headers, &head.headers);
        }
        // A redirect's own body is never streamed: it is read and put into the history.
        if !job.request.options.stream || !matches!(decide(job, &head), Decision::Stop) {
            job.limit_body();
            job.head = Some(head);
            return;
        }
        job.stream = Some(Stream::default());
        let exchange = self.exchange(key, head, at);
        if let (Some(exchange), Some(job)) = (exchange, self.jobs.get(key)) {
            self.batch.push(job.completion(Event::Head(exchange)));
        }
    }

    /// The last byte of a response has come, or the connection's end was its end. `keep` says whether the connection
    /// may be used again.
    pub(super) fn response_over(&mut self, connection: Key, key: Key, keep: bool, at: Instant) {
        self.release(connection, keep);
        let Some(job) = self.jobs.get_mut(key) else { return };
        job.connection = None;
        if job.stream.is_some() {
            let pool = job.pool;
            let timings = job.timings(at);
            self.end_stream(key, Ok(timings));
            return self.free(pool);
        }
        let Some(head) = job.head.take() else { return };
        let pool = job.pool;
        match decide(job, &head) {
            Decision::Stop => {
                if let Some(exchange) = self.exchange(key, head, at)
                    && let Some(job) = self.jobs.remove(key)
                {
                    self.batch.push(job.completion(Event::Done(Ok(exchange))));
                    self.retire(job);
                }
            }
            Decision::Follow(follow) if job.request.upload.is_some() && !follow.drop_body => {
                let text = "the body cannot be sent a second time";
                self.refuse_redirect(key, head, at, ErrorKind::InvalidRedirect, text);
            }
            Decision::Follow(follow) => {
                let done = job.hop(head, at);
                let headers = follow.headers(&done.request.headers).map(Arc::new);
                let request = Request {
                    headers: headers.unwrap_or_else(|| Arc::clone(&done.request.headers)),
                    body: if follow.drop_body { Bytes::new() } else { done.request.body.clone() },
                    upload: None,
                    options: Arc::clone(&job.request.options),
                    method: follow.method,
                    url: Arc::new(follow.url),
                };
                job.follow(request, done);
                // Ahead of those who wait: the connection it has just left is the one it needs.
                self.begin(key, false);
            }
            Decision::TooMany => self.refuse_redirect(key, head, at, ErrorKind::TooManyRedirects, ""),
            Decision::Invalid(error) => {
                self.refuse_redirect(key, head, at, ErrorKind::InvalidRedirect, &error.to_string());
            }
        }
        self.free(pool);
    }

    /// Ends a job with a redirect that is not followed.
    fn refuse_redirect(&mut self, key: Key, head: ResponseHead, at: Instant, kind: ErrorKind, message: &str) {
        let Some(job) = self.jobs.get_mut(key) else { return };
        let refused = job.hop(head, at);
        job.history.push(refused);
        self.fail(key, Failure::with_message(kind, message));
    }

    /// Puts a connection back, or closes it.
    fn release(&mut self, key: Key, keep: bool) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.job = None;
        if keep && !connection.closing {
            connection.used = true;
            connection.state = State::Idle;
            connection.since_or_until = Some(self.now);
            let pool = self.pools.get_mut(connection.pool as usize).and_then(Option::as_mut);
            if pool.is_some_and(|pool| !pool.put_back(&self.connections, key)) {
                self.close(key);
            }
        } else {
            self.close(key);
        }
    }

    /// The exchange as it is to be told, taken out of the job.
    fn exchange(&mut self, key: Key, head: ResponseHead, at: Instant) -> Option<Box<Exchange>> {
        let job = self.jobs.get_mut(key)?;
        let Route { reused, local_addr, peer_addr } = job.route;
        let timings = job.timings(at);
        let response = job.response(head);
        let request = job.sent_request();
        let history = std::mem::take(&mut job.history);
        let exchange = Exchange { response, request, history, timings, reused, local_addr, peer_addr };
        Some(match job.spare.take() {
            Some(mut place) => {
                *place = exchange;
                place
            }
            None => Box::new(exchange),
        })
    }

    /// Keeps a job that is over for one to come.
    fn retire(&mut self, mut job: Box<Job>) {
        if self.retired.len() < RETIRED && job.is_small() {
            job.retire();
            self.retired.push(job);
        }
    }

    /// A streamed body has ended; the caller learns of it once what has arrived is collected.
    pub(super) fn end_stream(&mut self, key: Key, end: Result<Timings, Failure>) {
        let Some(job) = self.jobs.get_mut(key) else { return };
        if let Some(stream) = &mut job.stream {
            stream.end.get_or_insert(end);
        }
        if let Some(Some(pool)) = self.pools.get_mut(job.pool as usize) {
            pool.detached.push(key);
        }
        self.offer_chunk(key);
    }

    /// The caller asks for the next part of a streamed body.
    pub(super) fn read_body(&mut self, key: Key) {
        let Some(job) = self.jobs.get_mut(key) else { return };
        let Some(stream) = &mut job.stream else { return };
        stream.wanted = true;
        // The silence so far was the caller's.
        job.quiet_since = self.now;
        let connection = job.connection;
        self.offer_chunk(key);
        let Some(connection) = connection else { return };
        if let Some(found) = self.connections.get_mut(connection)
            && std::mem::take(&mut found.readable)
        {
            self.arrival = self.now;
            self.read(connection);
        }
        self.arm(connection);
    }

    /// Hands on what has arrived of a streamed body, or how it ended, if the caller waits for it.
    pub(super) fn offer_chunk(&mut self, key: Key) {
        let Some(job) = self.jobs.get_mut(key) else { return };
        let Some(stream) = job.stream.as_mut().filter(|stream| stream.wanted) else { return };
        if !job.body.is_empty() {
            stream.wanted = false;
            let chunk = std::mem::take(&mut job.body).into();
            self.batch.push(job.completion(Event::Chunk(chunk)));
        } else if let Some(end) = stream.end.take()
            && let Some(mut job) = self.remove_job(key)
        {
            let now = Instant::now();
            let end = match end {
                Ok(timings) => Ok(Box::new(timings)),
                Err(failure) => Err(job.error(failure, now)),
            };
            self.batch.push(job.completion(Event::End(end)));
        }
    }
}

/// What the policy says to a response; without one, and to anything but a redirect, it is the answer.
fn decide(job: &Job, head: &ResponseHead) -> Decision {
    let Some(policy) = &job.request.options.redirects else { return Decision::Stop };
    if !(300..400).contains(&head.status) {
        return Decision::Stop;
    }
    let hop = redirect::Hop {
        method: &job.request.method,
        url: &job.request.url,
        first_url: job.history.first().map_or(&job.request.url, |first| &first.request.url),
        followed: job.history.len() as u32,
    };
    redirect::next(policy, &hop, head.status, head.headers.get("location"))
}
