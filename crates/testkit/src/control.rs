//! The control of a measurement: the plainest client there can be, in the place of the one that is measured.
//!
//! A thread per user, a blocking socket, one `write` and one `read`, a clock around them. What such a client measures
//! beyond the delay server's own log is the noise of the machine at that moment, and no client can be asked to do better
//! without leave of the kernel.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Users that ask until they are stopped.
#[derive(Debug)]
pub struct ControlLoad {
    stopping: Arc<AtomicBool>,
    users: Vec<JoinHandle<io::Result<Vec<Duration>>>>,
}

impl ControlLoad {
    /// Starts `users` threads that ask `target` of the server at `address`, each with a pause of `wait` after each answer.
    ///
    /// # Errors
    /// The operating system's, when there is no thread left.
    pub fn start(address: SocketAddr, target: &str, users: usize, wait: Duration) -> io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let request: Arc<str> = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n").into();
        let users = (0..users)
            .map(|number| {
                let (stopping, request) = (Arc::clone(&stopping), Arc::clone(&request));
                let name = format!("control-{number}");
                thread::Builder::new().name(name).spawn(move || ask(address, &request, wait, &stopping))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { stopping, users })
    }

    /// Ends it after the answers under way; the time of each request, in no order.
    ///
    /// # Errors
    /// The first error of a connection.
    pub fn stop(self) -> io::Result<Vec<Duration>> {
        self.stopping.store(true, Ordering::SeqCst);
        let mut times = Vec::new();
        for user in self.users {
            match user.join() {
                Ok(measured) => times.extend(measured?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(times)
    }
}

fn ask(
    address: SocketAddr,
    request: &str,
    wait: Duration,
    stopping: &AtomicBool,
) -> io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut times = Vec::new();
    let mut answer = [0; 1024];
    while !stopping.load(Ordering::SeqCst) {
        let start = Instant::now();
        stream.write_all(request.as_bytes())?;
        // The delay server's answers are small and leave in one write.
        if stream.read(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        times.push(start.elapsed());
        thread::sleep(wait);
    }
    Ok(times)
}
