//! Which user of this machine has the other end of a connection.
//!
//! Loopback is everybody's on a machine that several people share. Linux says whose a socket is: `sock_diag(7)` looks one up by its
//! four numbers, `/proc/net/tcp` lists them all.

use std::net::SocketAddr;

/// Whose a socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux says whose a socket is"))]
pub(crate) enum Owner {
    /// That user's.
    User(u32),
    /// It has been closed, or never was on this machine.
    Nobody,
    /// This system does not say.
    Unknown,
}

/// Whose the far end of a connection is: `peer` and `ours` are both on this machine.
pub(crate) fn owner(peer: SocketAddr, ours: SocketAddr) -> Owner {
    let (peer, ours) = (plain(peer), plain(ours));
    system::owner(peer, ours)
}

/// IPv4 as IPv4, also where one socket serves both families.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Owner, SocketAddr};

    pub(super) fn owner(_peer: SocketAddr, _ours: SocketAddr) -> Owner {
        Owner::Unknown
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io::{self, ErrorKind, Read as _};
    use std::net::IpAddr;
    use std::time::Duration;

    use socket2::{Domain, Protocol, Socket, Type};

    use super::{Owner, SocketAddr};

    const AF_NETLINK: i32 = 16;
    const NETLINK_SOCK_DIAG: i32 = 4;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST: u16 = 1;
    const NLMSG_ERROR: u16 = 2;
    const IPPROTO_TCP: u8 = 6;

    pub(super) fn owner(peer: SocketAddr, ours: SocketAddr) -> Owner {
        asked(peer, ours).or_else(|_| listed(peer, ours)).unwrap_or(Owner::Unknown)
    }

    /// By `sock_diag`.
    pub(super) fn asked(peer: SocketAddr, ours: SocketAddr) -> io::Result<Owner> {
        let mut socket =
            Socket::new(Domain::from(AF_NETLINK), Type::DGRAM, Some(Protocol::from(NETLINK_SOCK_DIAG)))?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        socket.send(&question(peer, ours))?;
        let mut answer = [0; 1_024];
        let count = socket.read(&mut answer)?;
        said(&answer[..count])
    }

    /// The message that asks for one socket: a `nlmsghdr` with a `inet_diag_req_v2`.
    fn question(peer: SocketAddr, ours: SocketAddr) -> Vec<u8> {
        let mut out = Vec::with_capacity(72);
        out.extend_from_slice(&72_u32.to_ne_bytes());
        out.extend_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        out.extend_from_slice(&NLM_F_REQUEST.to_ne_bytes());
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&[if peer.is_ipv4() { 2 } else { 10 }, IPPROTO_TCP, 0, 0]);
        out.extend_from_slice(&u32::MAX.to_ne_bytes());
        out.extend_from_slice(&peer.port().to_be_bytes());
        out.extend_from_slice(&ours.port().to_be_bytes());
        for address in [peer, ours] {
            match address.ip() {
                IpAddr::V4(v4) => {
                    out.extend_from_slice(&v4.octets());
                    out.extend_from_slice(&[0; 12]);
                }
                IpAddr::V6(v6) => out.extend_from_slice(&v6.octets()),
            }
        }
        // Any interface, any cookie.
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&[0xff; 8]);
        out
    }

    /// Reads the answer: a `nlmsghdr` with a `inet_diag_msg`, or an error. That there is no such socket is an error, too: without
    /// its module the kernel says the same of all sockets, and the lists tell.
    fn said(answer: &[u8]) -> io::Result<Owner> {
        let word =
            |at: usize| answer.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_ne_bytes);
        let kind = answer.get(4..6).and_then(|two| two.try_into().ok()).map(u16::from_ne_bytes);
        match kind {
            Some(SOCK_DIAG_BY_FAMILY) => {
                let (user, inode) = (word(80), word(84));
                // One that nobody holds any more has no inode, and would pass for root's.
                let user = user
                    .zip(inode)
                    .map(|(user, inode)| if inode == 0 { Owner::Nobody } else { Owner::User(user) });
                user.ok_or_else(|| ErrorKind::InvalidData.into())
            }
            Some(NLMSG_ERROR) => match word(16).map(|code| -(code as i32)) {
                Some(code) => Err(io::Error::from_raw_os_error(code)),
                None => Err(ErrorKind::InvalidData.into()),
            },
            _ => Err(ErrorKind::InvalidData.into()),
        }
    }

    /// By the lists of all sockets.
    pub(super) fn listed(peer: SocketAddr, ours: SocketAddr) -> io::Result<Owner> {
        let mut last = Err(ErrorKind::NotFound.into());
        for name in ["/proc/net/tcp", "/proc/net/tcp6"] {
            match std::fs::read_to_string(name) {
                Ok(list) => match list.lines().find_map(|line| of_line(line, peer, ours)) {
                    Some(owner) => return Ok(owner),
                    None => last = Ok(Owner::Nobody),
                },
                Err(error) if last.is_err() => last = Err(error),
                Err(_) => {}
            }
        }
        last
    }

    fn of_line(line: &str, peer: SocketAddr, ours: SocketAddr) -> Option<Owner> {
        let mut words = line.split_ascii_whitespace().skip(1);
        let is_it = address(words.next()?)? == peer && address(words.next()?)? == ours;
        if !is_it {
            return None;
        }
        // State, queues, timer and retransmissions come first, and a count of time-outs before the inode.
        let (user, inode): (u32, u64) = (words.nth(4)?.parse().ok()?, words.nth(1)?.parse().ok()?);
        Some(if inode == 0 { Owner::Nobody } else { Owner::User(user) })
    }

    /// `0100007F:1F99`: words of an address as the machine has them in memory.
    fn address(text: &str) -> Option<SocketAddr> {
        let (ip, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let mut bytes = Vec::with_capacity(16);
        for word in ip.as_bytes().chunks(8) {
            let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        let ip: IpAddr = match bytes.len() {
            4 => <[u8; 4]>::try_from(bytes).ok()?.into(),
            16 => <[u8; 16]>::try_from(bytes).ok()?.into(),
            _ => return None,
        };
        Some(SocketAddr::new(ip.to_canonical(), port))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_socket_is_its_users_until_it_is_closed() {
        let me = Owner::User(std::fs::metadata("/proc/self").unwrap().uid());
        for (address, dialled) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1"), ("[::]:0", "127.0.0.1")]
        {
            let listener = TcpListener::bind(address).unwrap();
            let port = listener.local_addr().unwrap().port();
            let client = TcpStream::connect((dialled, port)).unwrap();
            let (server, peer) = listener.accept().unwrap();
            let ours = server.local_addr().unwrap();
            assert_eq!(owner(peer, ours), me, "{address}");
            assert_eq!(system::listed(plain(peer), plain(ours)).unwrap(), me, "{address}");
            if let Ok(asked) = system::asked(plain(peer), plain(ours)) {
                assert_eq!(asked, me, "{address}");
            }
            drop(client);
            assert_eq!(owner(peer, ours), Owner::Nobody, "{address}");
        }
        assert_eq!(owner("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap()), Owner::Nobody);
    }
}
