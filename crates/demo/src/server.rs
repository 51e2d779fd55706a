//! A listening socket, a thread per connection, and a way to stop.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::wire::{ReadError, Request, Response, read_request};

/// More connections than this are answered with 503 and closed.
pub const MAX_CONNECTIONS: usize = 4096;
/// A connection that stays silent for so long is closed.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
// The threads keep no large values on their stacks; small ones allow thousands.
const STACK_BYTES: usize = 128 * 1024;

/// Turns a request into a response; may block (each connection has its own thread).
pub type Handler = dyn Fn(&Request) -> Response + Send + Sync;
/// Speaks a whole connection itself.
pub type ConnectionHandler = dyn Fn(TcpStream) + Send + Sync;

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    address: SocketAddr,
    stopping: AtomicBool,
    open: Mutex<BTreeMap<u64, TcpStream>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Serves `handler` on `address`, keeping connections alive between requests.
    ///
    /// # Errors
    /// The operating system's, when the address cannot be resolved or bound.
    pub fn start(address: impl ToSocketAddrs, handler: Arc<Handler>) -> io::Result<Self> {
        Self::start_raw(address, Arc::new(move |stream| converse(stream, &*handler)))
    }

    /// Hands each accepted connection to `handler` on a thread of its own.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_raw(address: impl ToSocketAddrs, handler: Arc<ConnectionHandler>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            stopping: AtomicBool::new(false),
            open: Mutex::new(BTreeMap::new()),
        });
        let for_thread = Arc::clone(&shared);
        let accepting = thread::Builder::new()
            .name("blog-accept".into())
            .spawn(move || accept(&listener, &for_thread, &handler))?;
        Ok(Self { shared, accepting: Mutex::new(Some(accepting)) })
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Stops listening and closes all connections. Does nothing the second time.
    pub fn stop(&self) {
        if self.shared.stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        // The accepting thread sleeps in accept(): one connection of our own wakes it.
        let _ = TcpStream::connect_timeout(&reachable(self.shared.address), Duration::from_secs(1));
        let handle = locked(&self.accepting).take();
        if let Some(handle) = handle {
            let _ = handle.join();
        }
        for stream in locked(&self.shared.open).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An address to connect to for a listener that may be bound to "any".
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, handler: &Arc<ConnectionHandler>) {
    let mut next_id = 0_u64;
    loop {
        let accepted = listener.accept();
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok((mut stream, _)) = accepted else {
            // Out of descriptors, or a peer that is gone already: neither is the listener's end.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let _ = stream.set_nodelay(true);
        next_id += 1;
        let id = next_id;
        {
            let mut open = locked(&shared.open);
            if open.len() >= MAX_CONNECTIONS {
                drop(open);
                let full = Response::new(503, "text/plain", "too many connections\n");
                let _ = full.write_to(&mut stream, false, false);
                continue;
            }
            if let Ok(twin) = stream.try_clone() {
                open.insert(id, twin);
            }
        }
        let (for_thread, handler) = (Arc::clone(shared), Arc::clone(handler));
        let spawned = thread::Builder::new().name("blog".into()).stack_size(STACK_BYTES).spawn(move || {
            handler(stream);
            locked(&for_thread.open).remove(&id);
        });
        if spawned.is_err() {
            locked(&shared.open).remove(&id);
        }
    }
}

fn converse(mut stream: TcpStream, handler: &Handler) {
    if stream.set_read_timeout(Some(IDLE_TIMEOUT)).is_err() {
        return;
    }
    let mut buffer = Vec::new();
    loop {
        match read_request(&mut stream, &mut buffer) {
            Ok(Some(request)) => {
                let response = handler(&request);
                let head_only = request.method == "HEAD";
                if response.write_to(&mut stream, head_only, request.keep_alive).is_err()
                    || !request.keep_alive
                {
                    return;
                }
            }
            Ok(None) | Err(ReadError::Io(_)) => return,
            Err(ReadError::Bad(why)) => {
                let refusal = Response::new(400, "text/plain; charset=utf-8", format!("{why}\n"));
                let _ = refusal.write_to(&mut stream, false, false);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn echo_path() -> Server {
        Server::start("127.0.0.1:0", Arc::new(|r: &Request| Response::new(200, "text/plain", r.path.clone())))
            .unwrap()
    }

    #[test]
    fn keeps_a_connection_for_the_next_request() {
        let server = echo_path();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(b"GET /one HTTP/1.1\r\n\r\nGET /two HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        assert!(all.contains("keep-alive\r\n\r\n/oneHTTP/1.1 200 OK"), "{all}");
        assert!(all.ends_with("Connection: close\r\n\r\n/two"), "{all}");
    }

    #[test]
    fn stops_while_a_connection_is_idle_and_refuses_afterwards() {
        let server = echo_path();
        let mut idle = TcpStream::connect(server.address()).unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut some = [0; 12];
        idle.read_exact(&mut some).unwrap();
        let address = server.address();
        server.stop();
        let mut rest = Vec::new();
        idle.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        idle.read_to_end(&mut rest).unwrap();
        drop(server);
        assert!(TcpStream::connect(address).is_err());
    }

    #[test]
    fn answers_garbage_with_400_and_closes() {
        let server = echo_path();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(b"\x16\x03\x01\x02\x00 nonsense\r\n\r\n").unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        assert!(all.starts_with("HTTP/1.1 400 "), "{all}");
    }
}
