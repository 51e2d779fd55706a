//! Which address to try when (RFC 8305), and how a socket begins to connect.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

/// How long an attempt may go unanswered before the next address is tried beside it.
pub(super) const STAGGER: Duration = Duration::from_millis(250);

/// One connection in the making: the addresses, and the attempts under way.
#[derive(Debug)]
pub(super) struct Dialer {
    addresses: Vec<SocketAddr>,
    next: usize,
    attempts: Vec<Attempt>,
    /// When the next address is tried though no attempt has failed; `None` when none is left.
    pub(super) next_at: Option<Instant>,
    /// Why the last attempt failed.
    pub(super) last_error: Option<io::Error>,
}

/// One socket that may or may not become the connection.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Its number in poll tokens; zero is not used.
    pub(super) number: u8,
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
}

impl Dialer {
    /// Plans for `addresses`, which come in the resolver's order of preference.
    pub(super) fn new(addresses: &[IpAddr], port: u16, source: Option<IpAddr>) -> Self {
        let addresses =
            interleave(addresses, source).into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
        Self { addresses, next: 0, attempts: Vec::new(), next_at: None, last_error: None }
    }

    /// The next address to try with the number its attempt is to have.
    pub(super) fn next(&mut self, now: Instant) -> Option<(SocketAddr, u8)> {
        let address = *self.addresses.get(self.next)?;
        self.next += 1;
        self.next_at = (self.next < self.addresses.len()).then_some(now + STAGGER);
        // Past 255 addresses numbers repeat, long after the first attempts have failed or won.
        Some((address, ((self.next - 1) % 255) as u8 + 1))
    }

    /// Whether anything is left to wait for or to try.
    pub(super) fn exhausted(&self) -> bool {
        self.attempts.is_empty() && self.next >= self.addresses.len()
    }

    pub(super) fn push(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
    }

    pub(super) fn attempt(&self, number: u8) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    pub(super) fn take(&mut self, number: u8) -> Option<Attempt> {
        let index = self.attempts.iter().position(|attempt| attempt.number == number)?;
        Some(self.attempts.swap_remove(index))
    }
}

/// Alternates the families, beginning with the preferred one; only the source's family, if there is a source.
fn interleave(addresses: &[IpAddr], source: Option<IpAddr>) -> Vec<IpAddr> {
    let usable = |address: &&IpAddr| source.is_none_or(|source| source.is_ipv6() == address.is_ipv6());
    let usable: Vec<IpAddr> = addresses.iter().filter(usable).copied().collect();
    let Some(first) = usable.first() else { return usable };
    let (preferred, other): (Vec<_>, Vec<_>) =
        usable.iter().copied().partition(|address| address.is_ipv6() == first.is_ipv6());
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut mixed = Vec::with_capacity(usable.len());
    while mixed.len() < usable.len() {
        mixed.extend(preferred.next());
        mixed.extend(other.next());
    }
    mixed
}

/// A socket that keeps nobody waiting, and that programs started from here do not inherit: on Linux by one call.
#[cfg(target_os = "linux")]
fn patient_socket(domain: Domain) -> io::Result<Socket> {
    Socket::new(domain, Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))
}

#[cfg(not(target_os = "linux"))]
fn patient_socket(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Begins to connect. The stream is writable, or in error, when the attempt is over.
pub(super) fn begin(peer: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = patient_socket(Domain::for_address(peer))?;
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = source {
        // So that ports in TIME_WAIT towards other servers can be used again.
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    match socket.connect(&peer.into()) {
        Ok(()) => {}
        Err(error) if in_progress(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// Whether a writable stream is connected: `None` means not yet.
pub(super) fn outcome(stream: &TcpStream) -> Option<io::Result<()>> {
    match stream.take_error() {
        Ok(None) => {}
        Ok(Some(error)) | Err(error) => return Some(Err(error)),
    }
    match stream.peer_addr() {
        Ok(_) => Some(Ok(())),
        Err(error) if error.kind() == io::ErrorKind::NotConnected || in_progress(&error) => None,
        Err(error) => Some(Err(error)),
    }
}

fn in_progress(error: &io::Error) -> bool {
    // EINPROGRESS has a kind only on nightly; a non-blocking connect reports nothing else that is not an error.
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(EINPROGRESS)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const EINPROGRESS: i32 = 115;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const EINPROGRESS: i32 = 36;

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(text: &[&str]) -> Vec<IpAddr> {
        text.iter().map(|ip| ip.parse().unwrap()).collect()
    }

    #[test]
    fn families_alternate_and_the_preferred_one_comes_first() {
        let found = ips(&["2::1", "2::2", "2::3", "1.0.0.1"]);
        assert_eq!(interleave(&found, None), ips(&["2::1", "1.0.0.1", "2::2", "2::3"]));
        let found = ips(&["1.0.0.1", "2::1", "2::2"]);
        assert_eq!(interleave(&found, None), ips(&["1.0.0.1", "2::1", "2::2"]));
    }

    #[test]
    fn a_source_address_decides_the_family() {
        let found = ips(&["2::1", "1.0.0.1", "2::2"]);
        let source = Some("::1".parse().unwrap());
        assert_eq!(interleave(&found, source), ips(&["2::1", "2::2"]));
    }

    #[test]
    fn the_next_address_is_due_a_quarter_second_later_while_there_is_one() {
        let now = Instant::now();
        let mut dialer = Dialer::new(&ips(&["1.0.0.1", "1.0.0.2"]), 80, None);
        assert_eq!(dialer.next(now).unwrap().1, 1);
        assert_eq!(dialer.next_at, Some(now + STAGGER));
        assert_eq!(dialer.next(now).unwrap().1, 2);
        assert_eq!(dialer.next_at, None);
        assert!(dialer.next(now).is_none() && dialer.exhausted());
    }
}
