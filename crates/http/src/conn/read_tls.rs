//! Reading what comes by TLS: all that the kernel has in one call, then record by record from there.

use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use super::arrival;
use super::connection::{Connection, failure, flush, retry_interrupted};
use super::io_thread::IoThread;
use super::slab::Key;
use super::transfer::{Fed, ONE_ARRIVAL, READS_PER_TURN};

/// What came of handing bytes of the wire on.
enum Unwrapped {
    /// All of them are taken, and what was in them.
    All,
    /// The connection has been dealt with.
    Over,
}

impl IoThread {
    /// Whether what comes on a connection is read here: by TLS, and not for a caller who may ask us to stop at any byte, since what
    /// has been read from the kernel has to go somewhere.
    pub(super) fn reads_records(&self, key: Key) -> bool {
        let Some(connection) = self.connections.get(key) else { return false };
        let job = connection.job.and_then(|job| self.jobs.get(job));
        connection.tls.is_some() && !job.is_some_and(|job| job.request.options.stream)
    }

    /// Reads what a connection has; both buffers are the thread's.
    pub(super) fn read_records(&mut self, key: Key, wire: &mut [u8], plain: &mut [u8]) {
        for turn in 0..READS_PER_TURN {
            let Some(connection) = self.connections.get_mut(key) else { return };
            let (count, stamp) = match connection.read_wire(wire, self.late) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    connection.readable = false;
                    if turn == 0 {
                        // Nothing new, but perhaps something left over.
                        self.unwrap_records(key, Some(&[]), plain, self.arrival);
                    }
                    return;
                }
                Err(error) => return self.broken(key, failure(&error)),
            };
            // As for what is not encrypted.
            let drained = count < wire.len() && !connection.peer_closed;
            let latest = if turn == 0 && count <= ONE_ARRIVAL { self.arrival } else { Instant::now() };
            let at = self.clocks.arrival(stamp, latest);
            match self.unwrap_records(key, (count > 0).then_some(&wire[..count]), plain, at) {
                Unwrapped::All if drained => return,
                Unwrapped::All => {}
                Unwrapped::Over => return,
            }
        }
        self.again.push(key);
    }

    /// Takes records apart; `None` is the end of them.
    fn unwrap_records(&mut self, key: Key, wire: Option<&[u8]>, plain: &mut [u8], at: Instant) -> Unwrapped {
        let ended = wire.is_none();
        let mut wire = wire.unwrap_or_default();
        loop {
            // First what is there already, perhaps since the handshake: rustls takes no more until that is gone.
            loop {
                let Some(connection) = self.connections.get_mut(key) else { return Unwrapped::Over };
                let count = match connection.read_plain(plain) {
                    Ok(0) => {
                        self.end_of_input(key);
                        return Unwrapped::Over;
                    }
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => {
                        self.broken(key, failure(&error));
                        return Unwrapped::Over;
                    }
                };
                // One byte that nobody asked for, and the next response could not be trusted.
                let Some(job) = connection.job else {
                    self.close(key);
                    return Unwrapped::Over;
                };
                // Nobody asks us to pause who is read for here; and who is done leaves the connection to the next.
                let _: Fed = self.feed(key, job, &plain[..count], at);
            }
            if wire.is_empty() && !ended {
                return Unwrapped::All;
            }
            let Some(connection) = self.connections.get_mut(key) else { return Unwrapped::Over };
            if let Err(error) = connection.take_records(&mut wire) {
                self.broken(key, failure(&error));
                return Unwrapped::Over;
            }
        }
    }
}

impl Connection {
    /// Reads what the kernel has, as it is, and when it arrived, as [`Connection::read`] has it.
    fn read_wire(&mut self, wire: &mut [u8], stamped: bool) -> io::Result<(usize, Option<Duration>)> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        if stamped && self.stamped {
            retry_interrupted(|| arrival::read(stream, wire))
        } else {
            retry_interrupted(|| stream.read(wire)).map(|count| (count, None))
        }
    }

    /// Has TLS take in bytes of the wire, as many as it likes; none of them are the end.
    fn take_records(&mut self, wire: &mut &[u8]) -> io::Result<()> {
        let (Some(stream), Some(tls)) = (&mut self.stream, &mut self.tls) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        tls.read_tls(wire)?;
        tls.process_new_packets().map_err(io::Error::other)?;
        if tls.wants_write() {
            match flush(tls, stream) {
                // Goes out when there is room for it, or with the next request.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                flushed => flushed?,
            }
        }
        Ok(())
    }

    /// What TLS has ready, decrypted; no bytes are the end.
    fn read_plain(&mut self, plain: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return Err(io::ErrorKind::NotConnected.into()) };
        match tls.reader().read(plain) {
            // Not every server says goodbye properly; the length of the response tells if it was cut.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            done => done,
        }
    }
}
