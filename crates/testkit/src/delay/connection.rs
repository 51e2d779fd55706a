//! One client's connection: bytes in, requests one at a time, bytes out.

use std::io::{self, Write};
use std::time::Duration;

use mio::net::TcpStream;

use super::stamp;

const MAX_HEAD: usize = 64 * 1024;

/// What is in a connection's buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A request for this target.
    Request(String),
    /// Not yet a whole one.
    Partial,
    /// Nothing this server understands.
    Broken,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// Tells answers to an earlier connection in the same slot from those to this one.
    pub(super) generation: u64,
    /// A request was taken and is not answered yet.
    pub(super) busy: bool,
    /// When the last bytes arrived, by the wall clock, if the kernel told.
    pub(super) stamp: Option<Duration>,
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
    close: bool,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, generation: u64) -> Self {
        Self {
            stream,
            generation,
            busy: false,
            stamp: None,
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
            close: false,
        }
    }

    /// Takes what the socket has; false when the peer has closed or failed.
    pub(super) fn fill(&mut self) -> bool {
        let mut chunk = [0; 16 * 1024];
        loop {
            match stamp::read(&self.stream, &mut chunk) {
                Ok((0, _)) => return false,
                Ok((count, stamp)) => {
                    self.stamp = stamp;
                    self.input.extend_from_slice(&chunk[..count]);
                    if count < chunk.len() {
                        // A short read empties the socket: the next bytes raise a new edge.
                        return true;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    /// Takes the next whole request out of the buffer.
    pub(super) fn next_request(&mut self) -> Next {
        let (next, length, close) = parse(&self.input);
        self.input.drain(..length);
        self.close |= close;
        next
    }

    /// Queues an answer and writes what the socket takes; false when the connection is over.
    pub(super) fn answer(&mut self, status: &str, content_type: &str, body: &[u8]) -> bool {
        let connection = if self.close { "close" } else { "keep-alive" };
        let length = body.len();
        let _ = write!(
            self.output,
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n"
        );
        self.output.extend_from_slice(body);
        self.busy = false;
        self.flush()
    }

    /// Writes what is queued; false when the connection is over.
    pub(super) fn flush(&mut self) -> bool {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        self.output.clear();
        self.written = 0;
        !self.close
    }
}

/// What `input` starts with, how many bytes of it that is, and whether the client wants to close afterwards.
fn parse(input: &[u8]) -> (Next, usize, bool) {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let head = match request.parse(input) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) if input.len() <= MAX_HEAD => return (Next::Partial, 0, false),
        _ => return (Next::Broken, 0, true),
    };
    let value =
        |name: &str| request.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value);
    let length = match value("content-length").map(|text| std::str::from_utf8(text).map(str::parse::<usize>))
    {
        None => 0,
        Some(Ok(Ok(length))) => length,
        Some(_) => return (Next::Broken, 0, true),
    };
    if value("transfer-encoding").is_some() {
        return (Next::Broken, 0, true);
    }
    if input.len() < head + length {
        return (Next::Partial, 0, false);
    }
    let close = value("connection").is_some_and(|text| text.eq_ignore_ascii_case(b"close"));
    (Next::Request(request.path.unwrap_or("/").to_owned()), head + length, close)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_bodies_into_account_and_sees_close() {
        let (next, length, close) =
            parse(b"POST /10ms HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nabGET");
        assert_eq!((next, close), (Next::Request("/10ms".into()), true));
        assert_eq!(length, 63);
        assert_eq!(parse(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab").0, Next::Partial);
        assert_eq!(parse(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").0, Next::Broken);
        assert_eq!(parse(b"\x16\x03\x01\r\n").0, Next::Broken);
    }
}
