//! Who may come in.

use std::fmt;
use std::net::IpAddr;

use subtle::ConstantTimeEq as _;

use super::TOKEN_PROPERTY;
use crate::zmtp::{MAX_IDENTITY, Properties};

/// What a server asks of who connects to it.
#[derive(Clone)]
pub struct Door {
    /// What others have to show; nobody can if there is none.
    pub token: Option<String>,
    /// Ask for nothing.
    pub open: bool,
    /// Addresses that need no token.
    pub trusts: fn(IpAddr) -> bool,
}

impl Default for Door {
    fn default() -> Self {
        Self { token: None, open: false, trusts: |address| address.to_canonical().is_loopback() }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("open", &self.open).finish_non_exhaustive()
    }
}

/// Why somebody is not let in; the words go to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the cluster's token is missing or wrong: set LOCUST_CLUSTER_TOKEN to the master's")]
    Token,
    #[error("a worker's socket is a DEALER")]
    SocketType,
    #[error("an identity is needed: 1 to 255 bytes of UTF-8 without control characters")]
    Identity,
}

impl Door {
    /// The identity of who may come in.
    pub(super) fn admit(&self, address: IpAddr, properties: &Properties) -> Result<String, Refusal> {
        if !self.open && !(self.trusts)(address) && !self.shows_token(properties) {
            return Err(Refusal::Token);
        }
        match properties.find("Socket-Type").map(|kind| &**kind) {
            Some(b"DEALER" | b"REQ" | b"ROUTER") => {}
            _ => return Err(Refusal::SocketType),
        }
        let identity = properties.find("Identity").map(|identity| &**identity).unwrap_or_default();
        match std::str::from_utf8(identity) {
            // It stands in logs and tables.
            Ok(words) if (1..=MAX_IDENTITY).contains(&words.len()) && !words.contains(is_obeyed) => {
                Ok(words.to_owned())
            }
            _ => Err(Refusal::Identity),
        }
    }

    fn shows_token(&self, properties: &Properties) -> bool {
        // In constant time: how long it takes says nothing of how much was right.
        match (&self.token, properties.find(TOKEN_PROPERTY)) {
            (Some(token), Some(shown)) => !token.is_empty() && bool::from(token.as_bytes().ct_eq(shown)),
            _ => false,
        }
    }
}

/// Characters that a terminal or a browser obeys instead of showing them.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::{Event, GREETING, Session, ready};

    const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn properties(all: &[(&str, &[u8])]) -> Properties {
        let mut session = Session::default();
        session.buffer().extend_from_slice(&GREETING);
        session.buffer().extend_from_slice(&ready(all));
        match session.event() {
            Ok(Some(Event::Ready(properties))) => properties,
            other => panic!("{other:?}"),
        }
    }

    fn worker(token: Option<&str>) -> Properties {
        let mut all: Vec<(&str, &[u8])> = vec![("Socket-Type", b"DEALER"), ("Identity", b"w1")];
        if let Some(token) = token {
            all.push(("x-gregaria-token", token.as_bytes()));
        }
        properties(&all)
    }

    #[test]
    fn this_machine_needs_no_token_and_others_do() {
        let door = Door { token: Some("secret".into()), ..Door::default() };
        for near in ["127.0.0.1", "127.8.0.2", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(door.admit(near.parse().unwrap(), &worker(None)), Ok("w1".into()), "{near}");
        }
        for far in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "0.0.0.0"] {
            let far = far.parse().unwrap();
            assert_eq!(door.admit(far, &worker(Some("secret"))), Ok("w1".into()));
            for wrong in [None, Some(""), Some("Secret"), Some("secret2"), Some("secre")] {
                assert_eq!(door.admit(far, &worker(wrong)), Err(Refusal::Token), "{far} {wrong:?}");
            }
        }
    }

    #[test]
    fn without_a_token_nobody_can_show_it() {
        for token in [None, Some(String::new())] {
            let door = Door { token, ..Door::default() };
            for shown in [None, Some(""), Some("secret")] {
                assert_eq!(door.admit(FAR, &worker(shown)), Err(Refusal::Token));
            }
        }
    }

    #[test]
    fn an_open_door_asks_for_nothing() {
        let door = Door { open: true, ..Door::default() };
        assert_eq!(door.admit(FAR, &worker(None)), Ok("w1".into()));
    }

    #[test]
    fn an_identity_and_the_right_kind_of_socket_are_needed() {
        let door = Door { open: true, ..Door::default() };
        let admit = |all: &[(&str, &[u8])]| door.admit(FAR, &properties(all));
        let (long, longer) = ([b'x'; 255], [b'x'; 256]);
        assert!(admit(&[("socket-type", b"DEALER"), ("IDENTITY", &long)]).is_ok());
        for identity in
            [b"".as_slice(), b"\0x", b"w\n", b"w\x1b[31m", "w\u{202e}".as_bytes(), &longer, b"\xff"]
        {
            let refused = admit(&[("Socket-Type", b"DEALER"), ("Identity", identity)]);
            assert_eq!(refused, Err(Refusal::Identity), "{identity:?}");
        }
        assert_eq!(admit(&[("Socket-Type", b"DEALER")]), Err(Refusal::Identity));
        assert_eq!(admit(&[("Socket-Type", b"SUB"), ("Identity", b"w")]), Err(Refusal::SocketType));
        assert_eq!(admit(&[("Identity", b"w")]), Err(Refusal::SocketType));
    }
}
