//! Opening connections: look-up, TCP, the proxy's tunnel, TLS.

use std::io::{self, Read as _, Write as _};
use std::time::Instant;

use mio::Interest;

use super::arrival;
use super::connect::{self, Attempt, Dialer};
use super::connection::{Connection, State, failure, is_tls};
use super::dns::Lookup;
use super::io_thread::{IoThread, token};
use super::proxy::Tunnel;
use super::refused::Refused;
use super::slab::Key;
use super::timers::Owner;
use crate::error::{ErrorKind, Failure};
use crate::timing::Phase;
use crate::url::Url;

impl IoThread {
    /// A job waits for a place: its time to connect runs already.
    pub(super) fn wait_for_place(&mut self, key: Key) {
        let Some(job) = self.jobs.get_mut(key) else { return };
        job.enter(Phase::Queue, self.now);
        if job.connect_until.is_none() {
            let timeout = job.request.options.connect_timeout;
            job.connect_until = timeout.and_then(|timeout| self.now.checked_add(timeout));
        }
        let due = job.connect_until.into_iter().chain(job.total_deadline).min();
        if let Some(due) = due {
            self.remind(due, Owner::Job(key));
        }
    }

    /// Opens a connection for a job.
    pub(super) fn open(&mut self, job: Key) {
        let Some(found) = self.jobs.get_mut(job) else { return };
        let timeout = found.request.options.connect_timeout;
        // Whoever has waited for a place has used some of it up.
        let until =
            found.connect_until.take().or_else(|| timeout.and_then(|timeout| self.now.checked_add(timeout)));
        let connection = Connection::new(found.pool, &found.request, job, until);
        let key = self.connections.insert(connection);
        self.counts.opened();
        found.connection = Some(key);
        found.enter(Phase::Dns, self.now);
        let proxy = found.request.options.proxy.as_ref();
        let host = proxy.map_or_else(|| found.request.url.host(), |proxy| proxy.host());
        let answer = self.resolver.resolve(host, self.now, &self.queue, key);
        if let Some(Some(pool)) = self.pools.get_mut(found.pool as usize) {
            pool.connections.push(key);
            if let Some(surplus) = pool.surplus() {
                self.close(surplus);
            }
        }
        match answer {
            Some(lookup) => self.resolved(key, lookup),
            None => self.arm(key),
        }
    }

    /// The addresses of a connection's host have come.
    pub(super) fn resolved(&mut self, key: Key, lookup: Lookup) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Some(job) = connection.job else { return };
        let addresses = match lookup {
            Ok(addresses) => addresses,
            Err(failure) => return self.fail(job, failure),
        };
        let Some(found) = self.jobs.get_mut(job) else { return };
        found.enter(Phase::Connect, self.now);
        let options = &connection.options;
        let port = options.proxy.as_ref().map_or_else(|| connection.url.port(), |proxy| proxy.port());
        let dialer = Dialer::new(&addresses, port, options.source_address);
        connection.state = State::Connecting(Box::new(dialer));
        self.attempt_next(key);
        self.arm(key);
    }

    /// Tries the next address; fails the connection if there is none and nothing is under way.
    pub(super) fn attempt_next(&mut self, key: Key) {
        let now = Instant::now();
        let Some(connection) = self.connections.get_mut(key) else { return };
        let State::Connecting(dialer) = &mut connection.state else { return };
        while let Some((peer, number)) = dialer.next(now) {
            if self.refused.covers(peer) {
                let failure = out_of_bounds(&peer.to_string());
                return self.fail_connection(key, failure);
            }
            let begun = connect::begin(peer, connection.options.source_address).and_then(|mut stream| {
                let interest = Interest::READABLE | Interest::WRITABLE;
                self.registry.register(&mut stream, token(key, number), interest)?;
                Ok(stream)
            });
            match begun {
                Ok(stream) => return dialer.push(Attempt { number, stream, peer }),
                Err(error) => dialer.last_error = Some(error),
            }
        }
        if dialer.exhausted() {
            let error = dialer.last_error.take();
            let error = error.unwrap_or_else(|| io::Error::other("no address of a family that can be used"));
            if let Some(job) = connection.job {
                self.fail(job, Failure::connect(&error));
            }
        }
    }

    /// An attempt has succeeded or failed.
    pub(super) fn attempt_ready(&mut self, key: Key, number: u8) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let State::Connecting(dialer) = &mut connection.state else { return };
        let Some(attempt) = dialer.attempt(number) else { return };
        match connect::outcome(&attempt.stream) {
            None => {}
            Some(Err(error)) => {
                dialer.take(number);
                dialer.last_error = Some(error);
                self.attempt_next(key);
                self.arm(key);
            }
            Some(Ok(())) => {
                let Some(attempt) = dialer.take(number) else { return };
                connection.attempt = number;
                connection.peer = Some(attempt.peer);
                connection.local = attempt.stream.local_addr().ok();
                connection.stamped = self.kernel_stamps && arrival::stamp(&attempt.stream);
                connection.stream = Some(attempt.stream);
                let tunnel = connection.options.proxy.as_ref().filter(|_| is_tls(&connection.url));
                if let Some(proxy) = tunnel {
                    let tunnel = Tunnel::new(proxy, &authority(&connection.url));
                    connection.state = State::Tunnelling(Box::new(tunnel));
                    self.enter(key, Phase::Tunnel);
                    self.set_up(key);
                } else {
                    self.secure(key);
                }
            }
        }
    }

    /// Begins TLS if the URL asks for it.
    fn secure(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.state = State::Handshaking;
        if is_tls(&connection.url) {
            match connection.options.tls.connect(connection.url.host()) {
                Ok(tls) => connection.tls = Some(Box::new(tls)),
                Err(failure) => return self.fail_connection(key, failure),
            }
            self.enter(key, Phase::Tls);
        }
        self.set_up(key);
    }

    /// Goes on with the tunnel or the handshake, and sends the request when all is done.
    pub(super) fn set_up(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        match &mut connection.state {
            State::Tunnelling(tunnel) => {
                let Some(stream) = &mut connection.stream else { return };
                match dig(tunnel, stream) {
                    Ok(true) => self.secure(key),
                    Ok(false) => {}
                    Err(failure) => self.fail_connection(key, failure),
                }
            }
            State::Handshaking => match connection.shake_hands() {
                Ok(true) => {
                    self.now = Instant::now();
                    if let Some(job) = connection.job {
                        self.send(key, job);
                    }
                }
                Ok(false) => {}
                Err(failure) => self.fail_connection(key, failure),
            },
            _ => {}
        }
    }

    fn enter(&mut self, key: Key, phase: Phase) {
        self.now = Instant::now();
        let job = self.connections.get(key).and_then(|connection| connection.job);
        if let Some(job) = job.and_then(|job| self.jobs.get_mut(job)) {
            job.enter(phase, self.now);
        }
    }

    /// Ends the job of a connection that went wrong.
    pub(super) fn fail_connection(&mut self, key: Key, failure: Failure) {
        match self.connections.get(key).and_then(|connection| connection.job) {
            Some(job) => self.fail(job, failure),
            None => self.close(key),
        }
    }
}

/// Why nothing is sent to an address of this program's own.
fn out_of_bounds(address: &str) -> Failure {
    let words = format!(
        "{address} is where this program itself listens, so no request goes there: was it a redirect, or the host of the test?"
    );
    Failure::with_message(ErrorKind::OwnAddress, words)
}

/// The same of what a proxy is asked for: it connects there itself, and does not ask.
pub(super) fn beyond_a_proxy(refused: &Refused, url: &Url) -> Option<Failure> {
    refused.covers_host(url.host(), url.port()).then(|| out_of_bounds(url.host_header()))
}

/// Asks for the tunnel and reads the answer; true once it is open.
fn dig(tunnel: &mut Tunnel, stream: &mut mio::net::TcpStream) -> Result<bool, Failure> {
    while !tunnel.unsent().is_empty() {
        match stream.write(tunnel.unsent()) {
            Ok(count) => tunnel.sent(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failure(&error)),
        }
    }
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => {
                let kind = ErrorKind::Proxy { status: None, reason: Box::default() };
                return Err(Failure::with_message(kind, "proxy closed the connection"));
            }
            Ok(count) => {
                if tunnel.receive(&buffer[..count])? {
                    return Ok(true);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failure(&error)),
        }
    }
}

/// `host:port`, as `CONNECT` wants it.
fn authority(url: &Url) -> String {
    let host = url.host();
    if host.contains(':') { format!("[{host}]:{}", url.port()) } else { format!("{host}:{}", url.port()) }
}
