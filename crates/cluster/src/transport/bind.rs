//! Getting a socket to listen on, and the settings of connections.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpStream;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;
/// Bytes that the system keeps for each direction of a connection.
const ON_ITS_WAY: usize = 128 << 10;
/// Silence after which the system asks whether the other end is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Listens on all of these hosts, at one port. With several it is enough that this machine has the address of one.
pub(super) fn listen_on_all(hosts: &[String], mut port: u16) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::with_capacity(hosts.len());
    let mut problem = io::Error::new(io::ErrorKind::InvalidInput, "there is no host to listen on");
    for host in hosts {
        match listen(host, port) {
            Ok(listener) => {
                // Where any port would do, the others take the one of the first.
                port = listener.local_addr()?.port();
                listeners.push(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => problem = error,
            Err(error) => return Err(error),
        }
    }
    if listeners.is_empty() { Err(problem) } else { Ok(listeners) }
}

/// Listens on all addresses (`*`), or on the first address of a name that this machine has.
fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    if matches!(host, "" | "*") {
        // One socket for both families; where there is no IPv6, one for the other.
        return match listen_at(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)) {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                listen_at(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port))
            }
            other => other,
        };
    }
    let mut problem = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    for address in (host.trim_matches(['[', ']']), port).to_socket_addrs()? {
        match listen_at(address) {
            // A name may have an address of a family that this machine has not.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => problem = error,
            other => return other,
        }
    }
    Err(problem)
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Short messages leave at once, a peer that has vanished is noticed, and not much is on its way: whoever sends is to notice soon
/// that the other end does not keep up.
pub(super) fn settle(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_send_buffer_size(ON_ITS_WAY)?;
    socket.set_recv_buffer_size(ON_ITS_WAY)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))
}
