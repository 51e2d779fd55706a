//! One connection: what it leads to, what it is doing, and its bytes in and out.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use rustls::ClientConnection;

use super::arrival;
use super::connect::Dialer;
use super::proxy::Tunnel;
use super::slab::Key;
use super::tls;
use crate::error::{ErrorKind, Failure, TlsReason};
use crate::request::{Request, RequestOptions};
use crate::url::Url;

/// One connection, from the wish for it to its end. Small, since there may be one per user for 100,000 users: buffers
/// belong to the thread, or to the exchange under way.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) pool: u32,
    /// The first URL it was opened for, which gives the origin.
    pub(super) url: Arc<Url>,
    /// The options it was opened with, which give the proxy, the TLS options and the source address.
    pub(super) options: Arc<RequestOptions>,
    pub(super) state: State,
    /// The number of the attempt that won, part of the poll token.
    pub(super) attempt: u8,
    /// Whether it has carried a response before.
    pub(super) used: bool,
    /// Whether it is not to be kept after the response under way.
    pub(super) closing: bool,
    /// Whether the poller has told of the peer's end: it will not tell again, so it must be read for.
    pub(super) peer_closed: bool,
    /// Whether reading was stopped with bytes possibly left in the kernel.
    pub(super) readable: bool,
    pub(super) job: Option<Key>,
    pub(super) stream: Option<TcpStream>,
    pub(super) tls: Option<Box<ClientConnection>>,
    /// Whether the kernel tells when bytes arrived.
    pub(super) stamped: bool,
    pub(super) local: Option<SocketAddr>,
    pub(super) peer: Option<SocketAddr>,
    /// The earliest reminder that is under way.
    pub(super) armed: Option<Instant>,
    /// While connecting: when that must be over. While idle: since when.
    pub(super) since_or_until: Option<Instant>,
}

/// What a connection is doing.
#[derive(Debug)]
pub(super) enum State {
    Resolving,
    Connecting(Box<Dialer>),
    Tunnelling(Box<Tunnel>),
    Handshaking,
    Active,
    Idle,
}

impl Connection {
    pub(super) fn new(pool: u32, request: &Request, job: Key, until: Option<Instant>) -> Self {
        Self {
            pool,
            url: Arc::clone(&request.url),
            options: Arc::clone(&request.options),
            state: State::Resolving,
            attempt: 0,
            used: false,
            closing: false,
            peer_closed: false,
            readable: false,
            job: Some(job),
            stream: None,
            tls: None,
            stamped: false,
            local: None,
            peer: None,
            armed: None,
            since_or_until: until,
        }
    }

    /// Whether it leads where `request` wants to go, in the way it wants to.
    pub(super) fn serves(&self, request: &Request) -> bool {
        if !Arc::ptr_eq(&self.options, &request.options) && !self.same_way(&request.options) {
            return false;
        }
        if Arc::ptr_eq(&self.url, &request.url) || self.url.same_origin(&request.url) {
            return true;
        }
        // A proxy takes requests for any plain origin on one connection.
        self.options.proxy.is_some() && !is_tls(&self.url) && !is_tls(&request.url)
    }

    /// Whether it leads where `other` does, in the same way.
    pub(super) fn leads_as(&self, other: &Self) -> bool {
        (Arc::ptr_eq(&self.options, &other.options) || self.same_way(&other.options))
            && (Arc::ptr_eq(&self.url, &other.url) || self.url.same_origin(&other.url))
    }

    fn same_way(&self, options: &RequestOptions) -> bool {
        let ours = &self.options;
        ours.proxy == options.proxy
            && ours.source_address == options.source_address
            && (!is_tls(&self.url) || Arc::ptr_eq(&ours.tls, &options.tls) || ours.tls == options.tls)
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Reads what there is, decrypted, and, if that is asked for and known, the moment at which it arrived (since 1970,
    /// by the wall clock). Zero bytes mean that the peer is done.
    pub(super) fn read(&mut self, buffer: &mut [u8], stamped: bool) -> io::Result<(usize, Option<Duration>)> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        match &mut self.tls {
            None if stamped && self.stamped => retry_interrupted(|| arrival::read(stream, buffer)),
            None => retry_interrupted(|| stream.read(buffer)).map(|count| (count, None)),
            Some(_) => self.read_tls(buffer).map(|count| (count, None)),
        }
    }

    fn read_tls(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (Some(stream), Some(tls)) = (&mut self.stream, &mut self.tls) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        loop {
            match tls.reader().read(buffer) {
                // Not every server says goodbye properly; the length of the response tells if it was cut.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            retry_interrupted(|| tls.read_tls(stream))?;
            tls.process_new_packets().map_err(io::Error::other)?;
            if tls.wants_write() {
                flush(tls, stream)?;
            }
        }
    }

    /// Writes the beginning of `head` followed by `body`; how much of them together was taken.
    pub(super) fn write(&mut self, head: &[u8], body: &[u8]) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        if let Some(tls) = &mut self.tls {
            // rustls takes 64 KiB at a time and no more until that is gone.
            flush(tls, stream)?;
            let mut taken = tls.writer().write(head)?;
            if taken == head.len() && !body.is_empty() {
                taken += tls.writer().write(body)?;
            }
            match flush(tls, stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => Ok(taken),
                Err(error) => Err(error),
                Ok(()) => Ok(taken),
            }
        } else if body.is_empty() {
            retry_interrupted(|| stream.write(head))
        } else if head.is_empty() {
            retry_interrupted(|| stream.write(body))
        } else {
            retry_interrupted(|| stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]))
        }
    }

    /// Writes what TLS still holds; nothing to do on a plain connection.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match (&mut self.tls, &mut self.stream) {
            (Some(tls), Some(stream)) => flush(tls, stream),
            _ => Ok(()),
        }
    }

    /// Goes on with the handshake; true once it is done.
    pub(super) fn shake_hands(&mut self) -> Result<bool, Failure> {
        let (Some(tls), Some(stream)) = (&mut self.tls, &mut self.stream) else { return Ok(true) };
        loop {
            match flush(tls, stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                other => other.map_err(|error| failure(&error))?,
            }
            if !tls.is_handshaking() {
                return Ok(true);
            }
            match retry_interrupted(|| tls.read_tls(stream)) {
                Ok(0) => {
                    let text = "connection closed during the handshake";
                    return Err(Failure::with_message(ErrorKind::TlsHandshake(TlsReason::Closed), text));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(failure(&error)),
            }
            if let Err(error) = tls.process_new_packets() {
                // The alert that tells the server why; it makes no difference to us if that fails.
                let _ = flush(tls, stream);
                return Err(tls::failure(&error));
            }
        }
    }

    /// Says goodbye, if that is the custom.
    pub(super) fn close(mut self) {
        if let (Some(tls), Some(stream)) = (&mut self.tls, &mut self.stream)
            && !tls.is_handshaking()
        {
            tls.send_close_notify();
            let _ = flush(tls, stream);
        }
    }
}

/// Whether `url` is spoken to by TLS.
pub(super) fn is_tls(url: &Url) -> bool {
    url.is_https()
}

/// A failed read or write, by TLS or below it.
pub(super) fn failure(error: &io::Error) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => tls::failure(error),
        None => Failure::io(error),
    }
}

pub(super) fn flush(tls: &mut ClientConnection, stream: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        if retry_interrupted(|| tls.write_tls(stream))? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

pub(super) fn retry_interrupted<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
