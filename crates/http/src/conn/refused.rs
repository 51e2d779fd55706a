//! Addresses to which nobody may connect.
//!
//! A server under test can send its clients anywhere by a redirect. What listens for the program that runs them (its own web
//! interface, say) takes whoever comes from this machine for a friend, so they must not come.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{PoisonError, RwLock};

/// Addresses of listeners that are out of bounds; they may change while the client runs. An unspecified address is every one of
/// this machine (`::` with those of IPv4).
#[derive(Debug, Default)]
pub struct Refused(RwLock<Vec<SocketAddr>>);

impl Refused {
    /// None yet.
    pub const fn new() -> Self {
        Self(RwLock::new(Vec::new()))
    }

    /// Adds listeners.
    pub fn add(&self, listeners: impl IntoIterator<Item = SocketAddr>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for listener in listeners {
            if !all.contains(&listener) {
                all.push(listener);
            }
        }
    }

    /// All of them.
    pub fn all(&self) -> Vec<SocketAddr> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes listeners out.
    pub fn remove(&self, listeners: &[SocketAddr]) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|known| !listeners.contains(known));
    }

    /// Whether a connection to `peer` reaches one of them. Looked at when a connection is made, not for each request.
    pub(crate) fn covers(&self, peer: SocketAddr) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().any(|listener| listener.port() == peer.port() && reaches(listener.ip(), peer.ip()))
    }

    /// The same for a host whose address is in its name: a proxy will connect there.
    pub(crate) fn covers_host(&self, host: &str, port: u16) -> bool {
        let name = host.trim_matches(['[', ']']);
        if name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost") {
            let both: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            return both.into_iter().any(|ip| self.covers(SocketAddr::new(ip, port)));
        }
        name.parse().is_ok_and(|ip| self.covers(SocketAddr::new(ip, port)))
    }
}

fn reaches(listener: IpAddr, peer: IpAddr) -> bool {
    // Connecting to no address is connecting to this machine.
    let peer = match peer.to_canonical() {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    match listener.to_canonical() {
        IpAddr::V4(v4) if v4.is_unspecified() => peer.is_ipv4() && is_of_this_machine(peer),
        IpAddr::V6(v6) if v6.is_unspecified() => is_of_this_machine(peer),
        own => own == peer,
    }
}

/// Whether an address is one of this machine's: then it is also where packets to it come from.
fn is_of_this_machine(ip: IpAddr) -> bool {
    if ip.is_loopback() {
        return true;
    }
    let any: SocketAddr =
        if ip.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    // Nothing is sent.
    let source =
        UdpSocket::bind(any).and_then(|socket| socket.connect((ip, 9)).and_then(|()| socket.local_addr()));
    source.is_ok_and(|source| source.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(listeners: &[&str]) -> Refused {
        let refused = Refused::new();
        refused.add(listeners.iter().map(|text| text.parse().unwrap()));
        refused
    }

    #[test]
    fn a_listener_is_reached_by_every_spelling_of_its_address() {
        for (listener, peers) in [
            ("127.0.0.1:80", &["127.0.0.1:80", "[::ffff:127.0.0.1]:80", "0.0.0.0:80"][..]),
            ("[::1]:80", &["[::1]:80", "[::]:80"]),
            ("0.0.0.0:80", &["127.0.0.1:80", "127.9.9.9:80", "0.0.0.0:80", "[::ffff:127.0.0.1]:80"]),
            ("[::]:80", &["127.0.0.1:80", "[::1]:80", "0.0.0.0:80", "[::]:80", "[::ffff:127.1.1.1]:80"]),
        ] {
            for peer in peers {
                assert!(refused(&[listener]).covers(peer.parse().unwrap()), "{listener} {peer}");
            }
        }
    }

    #[test]
    fn its_neighbours_are_not() {
        for (listener, peers) in [
            ("127.0.0.1:80", &["127.0.0.2:80", "127.0.0.1:81", "[::1]:80"][..]),
            ("0.0.0.0:80", &["192.0.2.1:80", "127.0.0.1:8080", "[::1]:80"]),
            ("[::]:80", &["192.0.2.1:80", "[2001:db8::1]:80", "127.0.0.1:8080"]),
        ] {
            for peer in peers {
                assert!(!refused(&[listener]).covers(peer.parse().unwrap()), "{listener} {peer}");
            }
        }
        let gone = refused(&["127.0.0.1:80"]);
        gone.remove(&["127.0.0.1:80".parse().unwrap()]);
        assert!(!gone.covers("127.0.0.1:80".parse().unwrap()));
    }

    #[test]
    fn a_name_that_is_an_address_is_known_before_a_proxy_looks_it_up() {
        let all = refused(&["[::]:80"]);
        for host in ["localhost", "LOCALHOST", "x.localhost", "127.0.0.1", "[::1]", "::ffff:127.0.0.1"] {
            assert!(all.covers_host(host, 80) && !all.covers_host(host, 81), "{host}");
        }
        assert!(!all.covers_host("target.example", 80));
    }

    #[test]
    fn the_machines_own_address_is_its_own() {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        // Without a network there is no other address.
        if socket.connect("192.0.2.1:9").is_ok() {
            let own = socket.local_addr().unwrap().ip();
            assert!(refused(&["[::]:80"]).covers(SocketAddr::new(own, 80)), "{own}");
        }
    }
}
