//! Large bodies, read to where they go: not to a buffer first, and from there.

use std::io;
use std::time::Instant;

use super::connection::failure;
use super::io_thread::IoThread;
use super::slab::Key;
use super::transfer::Fed;

/// What is less goes by the buffer, with what may come behind it.
const LARGE: u64 = 16 * 1024;

/// What came of the attempt to read a body to its place.
pub(super) enum Placed {
    /// That is not for here.
    Not,
    /// Something; there may be more.
    Some,
    /// There is no more, or the connection has been dealt with.
    All,
}

impl IoThread {
    /// Reads the rest of a large body of known length, if a connection is in the middle of one. Nothing behind it is read, and no
    /// moment of arrival asked for: where that counts, it is not for here.
    pub(super) fn read_in_place(&mut self, key: Key) -> Placed {
        let Some(connection) = self.connections.get_mut(key) else { return Placed::All };
        if connection.tls.is_some() || (self.late && connection.stamped) {
            return Placed::Not;
        }
        let Some(job_key) = connection.job else { return Placed::Not };
        let Some(job) = self.jobs.get_mut(job_key) else { return Placed::Not };
        let room = job.body.capacity() - job.body.len();
        match job.decoder.awaited() {
            // Room for no more than the body's own bytes: the kernel fills all of it.
            Some(left) if left >= LARGE && room as u64 <= left && room > 0 && job.unread.is_empty() => {}
            _ => return Placed::Not,
        }
        if job.stream.is_some() {
            return Placed::Not;
        }
        let Some(stream) = &connection.stream else { return Placed::Not };
        let count = match read(stream, &mut job.body) {
            Ok(0) => {
                self.end_of_input(key);
                return Placed::All;
            }
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                connection.readable = false;
                return Placed::All;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Placed::Some,
            Err(error) => {
                self.broken(key, failure(&error));
                return Placed::All;
            }
        };
        job.decoder.skip(count as u64);
        if !job.share.covers(job.body.len()) {
            self.fail(job_key, self.too_much());
            return Placed::All;
        }
        // As in any other read: the poller tells of what comes after one that did not fill its place, but not of an end.
        let drained = count < room && !connection.peer_closed;
        match self.feed(key, job_key, &[], Instant::now()) {
            _ if drained => Placed::All,
            Fed::More | Fed::Over => Placed::Some,
            Fed::Paused => Placed::All,
        }
    }
}

#[cfg(target_os = "linux")]
fn read(stream: &mio::net::TcpStream, body: &mut Vec<u8>) -> io::Result<usize> {
    Ok(rustix::io::read(stream, rustix::buffer::spare_capacity(body))?)
}

#[cfg(not(target_os = "linux"))]
fn read(mut stream: &mio::net::TcpStream, body: &mut Vec<u8>) -> io::Result<usize> {
    use std::io::Read as _;

    let before = body.len();
    body.resize(body.capacity(), 0);
    let read = stream.read(&mut body[before..]);
    body.truncate(before + read.as_ref().map_or(0, |count| *count));
    read
}
