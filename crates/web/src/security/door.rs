//! Who gets in: anybody on this machine, and whoever has the token.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::http::{HeaderMap, header};

use super::{Attempts, cookie_value, same};

/// Headers that proxies add: with any of them the peer's address is not the sender's.
const FORWARDED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// The rule.
#[derive(Debug)]
pub(crate) struct Door {
    /// `None`: everybody gets in.
    token: Option<String>,
    /// Names besides loopback's by which a local browser may call us, lower case.
    names: Vec<String>,
    cookie: String,
    attempts: Attempts,
}

/// Who sends a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender {
    pub(crate) address: SocketAddr,
    /// On this machine.
    pub(crate) is_here: bool,
}

impl Sender {
    /// `local`: our end of the connection. Both ends have one address only where both are on one machine.
    pub(crate) fn new(peer: SocketAddr, local: Option<IpAddr>) -> Self {
        let ip = peer.ip().to_canonical();
        let is_here = ip.is_loopback() || local.is_some_and(|local| local.to_canonical() == ip);
        Self { address: SocketAddr::new(ip, peer.port()), is_here }
    }
}

/// Whether somebody gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Yes.
    Admitted,
    /// Yes, by the token in the query, which should vanish from there.
    ByQuery,
    /// Not without a token.
    NeedsToken,
    /// The token is wrong.
    WrongToken,
    /// Too many wrong ones; again in so many seconds.
    Barred(u64),
}

impl Door {
    pub(crate) fn new(token: Option<String>, names: &[String], port: u16) -> Self {
        let names = names.iter().map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty());
        Self {
            token,
            names: names.collect(),
            cookie: format!("gregaria-token-{port}"),
            attempts: Attempts::default(),
        }
    }

    /// Decides. `query` is the token given in the query, if any.
    pub(crate) fn entry(&self, headers: &HeaderMap, sender: Sender, query: Option<&str>) -> Entry {
        if self.token.is_none() {
            return Entry::Admitted;
        }
        let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(header::AUTHORIZATION).and_then(|value| {
            let (scheme, given) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(given.trim())
        });
        if let Some(given) = bearer.or(query) {
            return match self.check(given, sender.address.ip()) {
                Entry::Admitted if bearer.is_none() => Entry::ByQuery,
                other => other,
            };
        }
        if self.knows(headers) {
            return Entry::Admitted;
        }
        if self.is_local(headers, sender) { Entry::Admitted } else { Entry::NeedsToken }
    }

    /// Whether the token comes as our cookie. It is a strict one: browsers leave it out of what other sites make them send.
    pub(crate) fn knows(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return false };
        let mut cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        cookies.any(|all| cookie_value(all, &self.cookie).is_some_and(|given| same(given, token)))
    }

    /// Checks a token that somebody gives.
    pub(crate) fn check(&self, given: &str, address: IpAddr) -> Entry {
        let Some(token) = &self.token else { return Entry::Admitted };
        let now = Instant::now();
        if let Some(seconds) = self.attempts.barred(address, now) {
            return Entry::Barred(seconds);
        }
        if same(given, token) {
            return Entry::Admitted;
        }
        self.attempts.failed(address, now);
        Entry::WrongToken
    }

    /// The cookie that stands for the token from now on.
    pub(crate) fn cookie(&self, path: &str, secure: bool) -> Option<String> {
        let token = self.token.as_ref()?;
        let secure = if secure { "; Secure" } else { "" };
        Some(format!("{}={token}; Path={path}; HttpOnly; SameSite=Strict{secure}", self.cookie))
    }

    /// Whether the sender is on this machine, and knows us by a name that nobody else can have. A page of another site whose name
    /// was made to point here comes with that name as `Host`.
    fn is_local(&self, headers: &HeaderMap, sender: Sender) -> bool {
        if !sender.is_here || FORWARDED.iter().any(|name| headers.contains_key(*name)) {
            return false;
        }
        let mut hosts = headers.get_all(header::HOST).iter();
        match (hosts.next().map(|value| value.to_str()), hosts.next()) {
            (Some(Ok(host)), None) => self.is_ours(host),
            _ => false,
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        // What is an address and no name cannot be made to point elsewhere.
        name == "localhost" || name.ends_with(".localhost") || address.is_ok() || self.names.contains(&name)
    }
}

/// A `Host` without its port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    fn entry(peer: &str, pairs: &[(&'static str, &str)], query: Option<&str>) -> Entry {
        let door = Door::new(Some("secret".into()), &["box.lan".into()], 8089);
        let ours = Some("192.168.1.1".parse().unwrap());
        door.entry(&headers(pairs), Sender::new(SocketAddr::new(peer.parse().unwrap(), 5), ours), query)
    }

    #[test]
    fn this_machine_needs_no_token() {
        for host in [
            "localhost:8089",
            "127.0.0.1",
            "127.9.9.9:1",
            "[::1]:8089",
            "[::1]",
            "x.localhost",
            "BOX.lan:8089",
        ] {
            assert_eq!(entry("127.0.0.1", &[("host", host)], None), Entry::Admitted, "{host}");
        }
        assert_eq!(entry("::1", &[("host", "localhost")], None), Entry::Admitted);
        assert_eq!(entry("127.0.0.1", &[("host", "0.0.0.0:8089")], None), Entry::Admitted);
        assert_eq!(entry("192.168.1.1", &[("host", "192.168.1.1:8089")], None), Entry::Admitted);
        assert_eq!(entry("::ffff:127.0.0.1", &[("host", "localhost")], None), Entry::Admitted);
    }

    #[test]
    fn other_machines_names_and_proxies_do() {
        let local = ("host", "localhost:8089");
        assert_eq!(entry("192.168.1.7", &[local], None), Entry::NeedsToken);
        assert_eq!(entry("127.0.0.1", &[("host", "rebound.example:8089")], None), Entry::NeedsToken);
        assert_eq!(entry("127.0.0.1", &[("host", "localhost.evil.example")], None), Entry::NeedsToken);
        assert_eq!(entry("127.0.0.1", &[("host", "127.0.0.1.evil.example")], None), Entry::NeedsToken);
        assert_eq!(entry("127.0.0.1", &[], None), Entry::NeedsToken);
        assert_eq!(entry("127.0.0.1", &[local, local], None), Entry::NeedsToken);
        for name in FORWARDED {
            assert_eq!(entry("127.0.0.1", &[local, (name, "1.2.3.4")], None), Entry::NeedsToken, "{name}");
        }
    }

    #[test]
    fn the_token_opens_in_three_ways() {
        let remote = "10.1.1.1";
        assert_eq!(entry(remote, &[("authorization", "Bearer secret")], None), Entry::Admitted);
        assert_eq!(entry(remote, &[("authorization", "bearer  secret")], None), Entry::Admitted);
        assert_eq!(entry(remote, &[("cookie", "x=1; gregaria-token-8089=secret")], None), Entry::Admitted);
        assert_eq!(entry(remote, &[], Some("secret")), Entry::ByQuery);
        assert_eq!(entry(remote, &[("authorization", "Bearer wrong")], None), Entry::WrongToken);
        assert_eq!(entry(remote, &[], Some("")), Entry::WrongToken);
        assert_eq!(entry(remote, &[("cookie", "gregaria-token-8089=wrong")], None), Entry::NeedsToken);
        assert_eq!(entry(remote, &[("authorization", "Basic c2VjcmV0")], None), Entry::NeedsToken);
    }

    #[test]
    fn an_open_door_asks_nobody() {
        let door = Door::new(None, &[], 1);
        assert_eq!(
            door.entry(&HeaderMap::new(), Sender::new("8.8.8.8:1".parse().unwrap(), None), None),
            Entry::Admitted
        );
        assert_eq!(door.cookie("/", false), None);
    }

    #[test]
    fn the_right_token_does_not_help_after_too_many_wrong_ones() {
        let door = Door::new(Some("secret".into()), &[], 1);
        let address = "10.0.0.9".parse().unwrap();
        while door.check("guess", address) == Entry::WrongToken {}
        assert!(matches!(door.check("secret", address), Entry::Barred(_)));
    }
}
