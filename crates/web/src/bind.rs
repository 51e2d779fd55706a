//! Getting the sockets to listen on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _};

use socket2::{Domain, Protocol, Socket, Type};

use crate::start_error::StartError;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;

/// Sockets that listen on a name's addresses, or on all; on one and the same port. `option` is the one that has named the port.
pub(crate) fn bind(host: &str, port: u16, option: &'static str) -> Result<Vec<TcpListener>, StartError> {
    let failed = |host, source| StartError::Bind { address: format!("{host}:{port}"), source, option };
    if host.is_empty() || host == "*" {
        // One socket for both families; where there is no IPv6, one for the other.
        let both = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
        let first = listen(both, false);
        let listener = match first {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                listen(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port), false)
            }
            other => other,
        };
        return listener.map(|listener| vec![listener]).map_err(|source| failed("*", source));
    }
    let found = (host.trim_matches(['[', ']']), port).to_socket_addrs();
    let addresses: Vec<SocketAddr> = found.map_err(|source| failed(host, source))?.collect();
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut problem = None;
    for mut address in addresses {
        // With any port asked for, the first address decides for all.
        if let Some(Ok(taken)) = listeners.first().map(TcpListener::local_addr) {
            address.set_port(taken.port());
        }
        if listeners.iter().any(|other| other.local_addr().is_ok_and(|known| known == address)) {
            continue;
        }
        match listen(address, true) {
            Ok(listener) => listeners.push(listener),
            // A name may have an address of a family that this machine has not.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => problem = Some(error),
            Err(error) => return Err(failed(host, error)),
        }
    }
    if listeners.is_empty() {
        let none = || io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
        return Err(failed(host, problem.unwrap_or_else(none)));
    }
    Ok(listeners)
}

fn listen(address: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// How a link names what is listened on.
pub(crate) fn shown_address(host: &str) -> String {
    match host {
        "" | "*" | "0.0.0.0" | "::" | "[::]" => "localhost".to_owned(),
        v6 if v6.contains(':') && !v6.starts_with('[') => format!("[{v6}]"),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_what_a_browser_can_open() {
        for (host, shown) in [
            ("", "localhost"),
            ("*", "localhost"),
            ("0.0.0.0", "localhost"),
            ("::1", "[::1]"),
            ("box", "box"),
        ] {
            assert_eq!(shown_address(host), shown);
        }
    }

    #[test]
    fn a_taken_port_is_said_to_be() {
        let taken = bind("127.0.0.1", 0, "--web-port").unwrap();
        let port = taken[0].local_addr().unwrap().port();
        let error = bind("127.0.0.1", port, "--web-port").unwrap_err().to_string();
        assert!(error.contains(&format!("127.0.0.1:{port}")) && error.contains("--web-port"), "{error}");
        let error = bind("203.0.113.7", 0, "--web-port").unwrap_err().to_string();
        assert!(error.contains("--web-host"), "{error}");
    }

    #[test]
    fn all_addresses_of_a_name_share_one_port() {
        let listeners = bind("localhost", 0, "--web-port").unwrap();
        let ports: Vec<u16> = listeners.iter().map(|l| l.local_addr().unwrap().port()).collect();
        assert!(!ports.is_empty() && ports.iter().all(|&port| port == ports[0] && port != 0));
    }
}
