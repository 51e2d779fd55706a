//! A server that does exactly what a test says, byte by byte, on threads and blocking sockets.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// No wait of a server is longer than this, whatever the client does.
const PATIENCE: Duration = Duration::from_secs(30);

/// A listening server; stops listening when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
}

impl Server {
    /// Serves each connection on a thread of its own by `script`, which is told the connection's number from 0.
    pub(crate) fn start(script: impl Fn(&mut Peer, usize) + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", None, script)
    }

    pub(crate) fn start_tls(
        config: Arc<rustls::ServerConfig>,
        script: impl Fn(&mut Peer, usize) + Send + Sync + 'static,
    ) -> Self {
        Self::start_at("127.0.0.1:0", Some(config), script)
    }

    pub(crate) fn start_at(
        address: &str,
        tls: Option<Arc<rustls::ServerConfig>>,
        script: impl Fn(&mut Peer, usize) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let closed = Arc::new(AtomicUsize::new(0));
        let stopped = Arc::new(AtomicBool::new(false));
        let script = Arc::new(script);
        let (counter, gone, stop) = (Arc::clone(&connections), Arc::clone(&closed), Arc::clone(&stopped));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { return };
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let script = Arc::clone(&script);
                let tls = tls.clone();
                let gone = Arc::clone(&gone);
                let serve = move || {
                    let mut peer = Peer::new(stream, tls);
                    script(&mut peer, number);
                    drop(peer);
                    gone.fetch_add(1, Ordering::SeqCst);
                };
                std::thread::Builder::new().stack_size(256 * 1024).spawn(serve).unwrap();
            }
        });
        Self { address, connections, closed, stopped }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections were accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until so many connections were accepted; panics if they never are.
    pub(crate) fn wait_for_connections(&self, count: usize) {
        let until = Instant::now() + PATIENCE;
        while self.connections() < count {
            assert!(Instant::now() < until, "there are not {count} connections");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the server has closed `count` connections; panics if it never does.
    pub(crate) fn wait_closed(&self, count: usize) {
        let until = Instant::now() + PATIENCE;
        while self.closed.load(Ordering::SeqCst) < count {
            assert!(Instant::now() < until, "{count} connections are not closed");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// One request as it came.
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap()
    }

    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// The server's end of one connection.
pub(crate) struct Peer {
    stream: TcpStream,
    tls: Option<rustls::ServerConnection>,
    unread: Vec<u8>,
}

impl Peer {
    fn new(stream: TcpStream, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let tls = tls.map(|config| rustls::ServerConnection::new(config).unwrap());
        Self { stream, tls, unread: Vec::new() }
    }

    fn io<T>(&mut self, operation: impl FnOnce(&mut dyn ReadWrite) -> io::Result<T>) -> io::Result<T> {
        match &mut self.tls {
            Some(tls) => operation(&mut rustls::Stream::new(tls, &mut self.stream)),
            None => operation(&mut self.stream),
        }
    }

    /// A process that was stopped and goes on finds its reads interrupted, where they have a timeout.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.io(|stream| stream.read(buffer)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }

    /// The next request with its body; `None` when the client has closed, or said nothing for too long.
    pub(crate) fn request(&mut self) -> Option<Asked> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let mut asked = Asked { head, body: Vec::new() };
        let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < length {
            self.more()?;
        }
        asked.body = self.unread.drain(..length).collect();
        Some(asked)
    }

    /// Reads the head of a request, and nothing of its body.
    pub(crate) fn head(&mut self) -> Option<()> {
        while !self.unread.windows(4).any(|window| window == b"\r\n\r\n") {
            self.more()?;
        }
        Some(())
    }

    /// Answers each request with its body as it came, in chunks or not.
    pub(crate) fn echo_body(&mut self) {
        while let Some(asked) = self.request() {
            let mut body = asked.body.clone();
            if asked.header("transfer-encoding") == Some("chunked") {
                while !body.ends_with(b"0\r\n\r\n") {
                    if self.unread.is_empty() && self.more().is_none() {
                        return;
                    }
                    body.append(&mut self.unread);
                }
            }
            self.respond("200 OK", "", &String::from_utf8(body).unwrap());
        }
    }

    /// Reads something more; `None` at the end.
    pub(crate) fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 16 * 1024];
        let count = self.read(&mut buffer).ok().filter(|count| *count > 0)?;
        self.unread.extend_from_slice(&buffer[..count]);
        Some(())
    }

    /// Sends bytes; a client that has gone is none of our business.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.io(|stream| {
            stream.write_all(bytes.as_ref())?;
            stream.flush()
        });
    }

    /// Sends bytes; false if the client has gone or takes nothing for too long.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.io(|stream| stream.write_all(bytes)).is_ok()
    }

    /// Sends a response with a length.
    pub(crate) fn respond(&mut self, status: &str, headers: &str, body: &str) {
        self.send(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len()));
    }

    /// Answers every request with `200` and its target as the body.
    pub(crate) fn echo(&mut self) {
        while let Some(asked) = self.request() {
            let target = asked.target().to_owned();
            self.respond("200 OK", "", &target);
        }
    }

    /// How the TLS handshake went.
    pub(crate) fn handshake(&self) -> Option<rustls::HandshakeKind> {
        self.tls.as_ref()?.handshake_kind()
    }

    /// Answers a request that was read already, and then like [`Self::echo`].
    pub(crate) fn echo_after_first(&mut self) {
        self.respond("200 OK", "", "");
        self.echo();
    }

    /// Closes with a reset instead of a proper end.
    pub(crate) fn reset(&mut self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Waits until the client has closed its end; false if it never does.
    pub(crate) fn closed_by_client(&mut self) -> bool {
        let mut buffer = [0; 1024];
        loop {
            match self.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == io::ErrorKind::ConnectionReset,
            }
        }
    }

    /// Passes bytes both ways between the client and `address` until one side ends.
    pub(crate) fn relay(&mut self, address: &str) {
        let server = TcpStream::connect(address).unwrap();
        let (mut from_server, mut to_client) =
            (server.try_clone().unwrap(), self.stream.try_clone().unwrap());
        let back = std::thread::spawn(move || {
            let _ = io::copy(&mut from_server, &mut to_client);
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let _ = io::copy(&mut self.stream, &mut &server);
        let _ = server.shutdown(Shutdown::Both);
        back.join().unwrap();
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}
