//! Who gets in: whoever runs the program on this machine, and whoever has the token.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use aws_lc_rs::{hmac, pbkdf2};
use axum::http::{HeaderMap, HeaderValue, Version, header};

use super::attempts::Place;
use super::{Attempts, Owner, cookie_value, owner, proxied, reading, same};

/// Tokens of this length or more are not guessed, however often somebody tries.
const LONG: usize = 22;
/// How long a barred place waits for a comparison, if the token can be guessed.
const SLOW: Duration = Duration::from_secs(4);
/// Rounds that stand between the cookie, which other servers of the same host name are sent, and a token that can be guessed.
const ROUNDS: u32 = 60_000;

/// The rule.
pub(crate) struct Door {
    /// `None`: everybody gets in.
    token: Option<Token>,
    /// Names besides loopback's by which a local browser may call us, lower case.
    names: Vec<String>,
    /// Users whose connections from this machine count as local; `None`: all.
    users: Option<Vec<u32>>,
    cookie: String,
    attempts: Attempts,
    /// Programs of private networks may read the numbers without the token.
    read_open: bool,
}

struct Token {
    text: String,
    /// What stands for it in the cookie.
    cookie: String,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("has_token", &self.token.is_some()).finish_non_exhaustive()
    }
}

/// Who sends a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender {
    pub(crate) address: SocketAddr,
    /// On this machine.
    pub(crate) is_here: bool,
    /// … as another user than those who are let in.
    pub(crate) is_foreign: bool,
}

/// A request, as far as the door looks at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Knock<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) version: Version,
    pub(crate) sender: Sender,
    /// The token given in the query, if any.
    pub(crate) query: Option<&'a str>,
}

impl Knock<'_> {
    fn text(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn bearer(&self) -> Option<&str> {
        let (scheme, given) = self.text(header::AUTHORIZATION)?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(given.trim())
    }

    /// The query's token, unless what a page embeds carries it: such a page may be anybody's, and would guess in the name of the
    /// one who looks at it.
    fn query(&self) -> Option<&str> {
        let destination = self.headers.get("sec-fetch-dest").map(HeaderValue::as_bytes);
        self.query.filter(|_| matches!(destination, None | Some(b"document")))
    }

    fn place(&self) -> Place {
        let client = if self.sender.is_here { proxied::client(self.headers) } else { None };
        Place::new(self.sender.address.ip(), client)
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
    NeedsToken(Why),
    /// The token is wrong.
    WrongToken,
    /// Too many wrong ones; again in so many seconds.
    Barred(u64),
}

/// Why somebody is not taken for one who runs the program on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Another machine, or a name that is not ours.
    Elsewhere,
    /// A proxy on this machine asks for somebody else, as this says.
    Proxied(&'static str),
    /// Another user of this machine.
    OtherUser,
}

impl Door {
    pub(crate) fn new(token: Option<String>, names: &[String], users: Option<Vec<u32>>, port: u16) -> Self {
        let names = names.iter().map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty());
        Self {
            token: token.map(|text| Token { cookie: stand_in(&text), text }),
            names: names.collect(),
            users,
            cookie: format!("gregaria-token-{port}"),
            attempts: Attempts::default(),
            read_open: false,
        }
    }

    /// The same, open or not for what reads the numbers.
    pub(crate) fn with_reading(self, read_open: bool) -> Self {
        Self { read_open, ..self }
    }

    /// Whether somebody who has shown no token may read the numbers all the same.
    pub(crate) fn lets_read(&self, knock: Knock<'_>) -> bool {
        self.read_open && reading::is_program_near(knock.sender.address.ip(), knock.headers, knock.version)
    }

    /// Who is at the other end of a connection. `local`: our end.
    pub(crate) fn sender(&self, peer: SocketAddr, local: Option<SocketAddr>) -> Sender {
        let is_here = is_here(peer, local);
        let is_foreign = match (&self.users, local, &self.token) {
            (Some(users), Some(local), Some(_)) if is_here => match owner(peer, local) {
                Owner::User(user) => !users.contains(&user),
                Owner::Nobody => true,
                Owner::Unknown => false,
            },
            _ => false,
        };
        Sender { address: SocketAddr::new(peer.ip().to_canonical(), peer.port()), is_here, is_foreign }
    }

    /// Decides.
    pub(crate) async fn entry(&self, knock: Knock<'_>) -> Entry {
        let Some(token) = &self.token else { return Entry::Admitted };
        let why = match self.stranger(knock) {
            // Who needs no token may still come by a link with one in it, which should vanish.
            None if knock.query().is_some_and(|given| same(given, &token.text)) => return Entry::ByQuery,
            None => return Entry::Admitted,
            Some(why) => why,
        };
        let bearer = knock.bearer();
        if let Some(given) = bearer.or(knock.query()) {
            return match self.check(given, knock.place()).await {
                Entry::Admitted if bearer.is_none() => Entry::ByQuery,
                // The link of an earlier start, opened by somebody who is known.
                _ if bearer.is_none() && self.knows(knock.headers) => Entry::Admitted,
                other => other,
            };
        }
        match self.cookie_of(knock.headers) {
            None => Entry::NeedsToken(why),
            Some(given) if same(given, &token.cookie) => Entry::Admitted,
            Some(given) => {
                let (place, now) = (knock.place(), Instant::now());
                if let Some(seconds) = self.attempts.barred(place, now) {
                    return Entry::Barred(seconds);
                }
                self.attempts.failed(place, given, now);
                Entry::NeedsToken(why)
            }
        }
    }

    /// Whether the token comes as our cookie. It is a strict one: browsers leave it out of what other sites make them send.
    pub(crate) fn knows(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return false };
        self.cookie_of(headers).is_some_and(|given| same(given, &token.cookie))
    }

    fn cookie_of<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let mut cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        cookies.find_map(|all| cookie_value(all, &self.cookie))
    }

    /// Checks a token that somebody types.
    pub(crate) async fn typed(&self, given: &str, knock: Knock<'_>) -> Entry {
        self.check(given, knock.place()).await
    }

    /// Checks a token. The right one always gets in: slowly, where too many wrong ones have come from and it can be guessed.
    async fn check(&self, given: &str, place: Place) -> Entry {
        let Some(token) = &self.token else { return Entry::Admitted };
        let right = same(given, &token.text);
        if right && token.text.len() >= LONG {
            return Entry::Admitted;
        }
        if let Some(seconds) = self.attempts.barred(place, Instant::now()) {
            if token.text.len() >= LONG {
                return Entry::Barred(seconds);
            }
            let Some(_slow) = self.attempts.slowly(place) else { return Entry::Barred(seconds) };
            tokio::time::sleep(SLOW).await;
            return if right { Entry::Admitted } else { Entry::Barred(seconds) };
        }
        if right {
            return Entry::Admitted;
        }
        self.attempts.failed(place, given, Instant::now());
        Entry::WrongToken
    }

    /// The cookie that stands for the token from now on.
    pub(crate) fn cookie(&self, path: &str, secure: bool) -> Option<String> {
        let value = &self.token.as_ref()?.cookie;
        let secure = if secure { "; Secure" } else { "" };
        Some(format!("{}={value}; Path={path}; HttpOnly; SameSite=Strict{secure}", self.cookie))
    }

    /// Why the sender is not taken for one on this machine who knows us by a name that nobody else can have. A page of another site
    /// whose name was made to point here comes with that name as `Host`.
    fn stranger(&self, knock: Knock<'_>) -> Option<Why> {
        if !knock.sender.is_here {
            return Some(Why::Elsewhere);
        }
        let mut hosts = knock.headers.get_all(header::HOST).iter();
        let (Some(Ok(host)), None) = (hosts.next().map(|value| value.to_str()), hosts.next()) else {
            return Some(Why::Elsewhere);
        };
        if !self.is_ours(host) {
            return Some(Why::Elsewhere);
        }
        if let Some(sign) = proxied::sign(knock.headers, knock.version, host, |name| self.is_ours(name)) {
            return Some(Why::Proxied(sign));
        }
        knock.sender.is_foreign.then_some(Why::OtherUser)
    }

    fn is_ours(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        // What is an address and no name cannot be made to point elsewhere.
        name == "localhost" || name.ends_with(".localhost") || address.is_ok() || self.names.contains(&name)
    }
}

/// Whether a peer is on this machine. Both ends have one address only where both are on one machine.
pub(crate) fn is_here(peer: SocketAddr, local: Option<SocketAddr>) -> bool {
    let ip = peer.ip().to_canonical();
    ip.is_loopback() || local.is_some_and(|local| local.ip().to_canonical() == ip)
}

/// What stands for a token in the cookie. Cookies go to every port of a host name, so whoever gets it must not learn the token.
fn stand_in(token: &str) -> String {
    let mut key = [0; 32];
    if token.len() < LONG {
        let rounds = NonZeroU32::new(ROUNDS).unwrap_or(NonZeroU32::MIN);
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            rounds,
            b"gregaria web cookie",
            token.as_bytes(),
            &mut key,
        );
    }
    let key: &[u8] = if token.len() < LONG { &key } else { token.as_bytes() };
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"gregaria web cookie");
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value & 15)]);
    tag.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
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

    const REMOTE: &str = "10.1.1.1";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    fn door(token: &str) -> Door {
        Door::new(Some(token.into()), &["box.lan".into()], None, 8089)
    }

    fn ask(door: &Door, peer: &str, pairs: &[(&'static str, &str)], query: Option<&str>) -> Entry {
        let ours = Some("192.168.1.1:8089".parse().unwrap());
        let sender = door.sender(SocketAddr::new(peer.parse().unwrap(), 5), ours);
        let headers = headers(pairs);
        let knock = Knock { headers: &headers, version: Version::HTTP_11, sender, query };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(door.entry(knock))
    }

    fn entry(peer: &str, pairs: &[(&'static str, &str)], query: Option<&str>) -> Entry {
        ask(&door("secret"), peer, pairs, query)
    }

    const ELSEWHERE: Entry = Entry::NeedsToken(Why::Elsewhere);

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
        assert_eq!(entry("192.168.1.7", &[local], None), ELSEWHERE);
        assert_eq!(entry("127.0.0.1", &[("host", "rebound.example:8089")], None), ELSEWHERE);
        assert_eq!(entry("127.0.0.1", &[("host", "localhost.evil.example")], None), ELSEWHERE);
        assert_eq!(entry("127.0.0.1", &[("host", "127.0.0.1.evil.example")], None), ELSEWHERE);
        assert_eq!(entry("127.0.0.1", &[], None), ELSEWHERE);
        assert_eq!(entry("127.0.0.1", &[local, local], None), ELSEWHERE);
        let proxied = entry("127.0.0.1", &[local, ("x-forwarded-for", "1.2.3.4")], None);
        assert_eq!(proxied, Entry::NeedsToken(Why::Proxied("x-forwarded-for")));
    }

    #[test]
    fn the_token_opens_in_three_ways() {
        assert_eq!(entry(REMOTE, &[("authorization", "Bearer secret")], None), Entry::Admitted);
        assert_eq!(entry(REMOTE, &[("authorization", "bearer  secret")], None), Entry::Admitted);
        let cookie = format!("x=1; gregaria-token-8089={}", stand_in("secret"));
        assert_eq!(entry(REMOTE, &[("cookie", &cookie)], None), Entry::Admitted);
        assert_eq!(entry(REMOTE, &[], Some("secret")), Entry::ByQuery);
        assert_eq!(entry(REMOTE, &[("cookie", &cookie)], Some("secret")), Entry::ByQuery);
        assert_eq!(entry(REMOTE, &[("cookie", &cookie)], Some("an-earlier-one")), Entry::Admitted);
        assert_eq!(entry(REMOTE, &[("authorization", "Bearer wrong")], None), Entry::WrongToken);
        assert_eq!(entry(REMOTE, &[], Some("")), Entry::WrongToken);
        assert_eq!(entry(REMOTE, &[("authorization", "Basic c2VjcmV0")], None), ELSEWHERE);
        for bad in ["gregaria-token-8089=secret", "gregaria-token-8089=", "gregaria-token-8089=wrong"] {
            assert_eq!(entry(REMOTE, &[("cookie", bad)], None), ELSEWHERE, "{bad}");
        }
    }

    #[test]
    fn the_cookie_tells_nothing_of_the_token_and_has_no_characters_of_its_own() {
        for token in ["pass;word9", "quoted\"one", "a b c d e f", "0123456789012345678901234567"] {
            let door = door(token);
            let cookie = door.cookie("/", false).unwrap();
            let (pair, _) = cookie.split_once("; ").unwrap();
            assert!(!cookie.contains(token), "{cookie}");
            assert_eq!(ask(&door, REMOTE, &[("cookie", pair)], None), Entry::Admitted, "{token}");
        }
        assert_ne!(stand_in("password-1"), stand_in("password-2"));
    }

    #[test]
    fn an_open_door_asks_nobody() {
        let door = Door::new(None, &[], None, 1);
        assert_eq!(ask(&door, "8.8.8.8", &[], None), Entry::Admitted);
        assert_eq!(door.cookie("/", false), None);
    }

    #[test]
    fn guesses_count_in_whatever_they_come() {
        for carrier in ["bearer", "cookie", "query"] {
            let door = door("secret");
            let guess = |value: &str| match carrier {
                "bearer" => ask(&door, REMOTE, &[("authorization", &format!("Bearer {value}"))], None),
                "cookie" => ask(&door, REMOTE, &[("cookie", &format!("gregaria-token-8089={value}"))], None),
                _ => ask(&door, REMOTE, &[], Some(value)),
            };
            for i in 0..1_000 {
                assert!(!matches!(guess("stale"), Entry::Barred(_)), "{carrier} {i}");
            }
            for i in 0..9 {
                assert!(!matches!(guess(&i.to_string()), Entry::Barred(_)), "{carrier} {i}");
            }
            assert!(matches!(guess("eleventh"), Entry::Barred(_)), "{carrier}");
        }
    }

    #[test]
    fn the_right_token_gets_in_whatever_others_have_tried() {
        let long = "0123456789012345678901234567";
        for token in ["secret", long] {
            let door = door(token);
            for i in 0..20 {
                ask(&door, REMOTE, &[("authorization", &format!("Bearer {i}"))], None);
            }
            assert!(matches!(ask(&door, REMOTE, &[], Some("guess")), Entry::Barred(_)));
            let bearer = format!("Bearer {token}");
            assert_eq!(ask(&door, REMOTE, &[("authorization", &bearer)], None), Entry::Admitted);
            assert_eq!(ask(&door, REMOTE, &[], Some(token)), Entry::ByQuery);
            let cookie = format!("gregaria-token-8089={}", stand_in(token));
            assert_eq!(ask(&door, REMOTE, &[("cookie", &cookie)], None), Entry::Admitted);
        }
    }

    #[test]
    fn what_a_page_embeds_guesses_nothing() {
        let door = door("secret");
        for i in 0..20 {
            let image = [("sec-fetch-dest", "image")];
            assert_eq!(ask(&door, REMOTE, &image, Some(&i.to_string())), ELSEWHERE);
            assert_eq!(ask(&door, REMOTE, &image, Some("secret")), ELSEWHERE);
        }
        assert_eq!(ask(&door, REMOTE, &[("sec-fetch-dest", "document")], Some("secret")), Entry::ByQuery);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_user_of_this_machine_is_a_stranger() {
        use std::net::{TcpListener, TcpStream};
        use std::os::unix::fs::MetadataExt as _;

        let me = std::fs::metadata("/proc/self").unwrap().uid();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (peer, ours) = (client.local_addr().unwrap(), listener.local_addr().unwrap());
        for (users, foreign) in [(Some(vec![me]), false), (Some(vec![me + 1]), true), (None, false)] {
            let door = Door::new(Some("secret".into()), &[], users, 1);
            assert_eq!(door.sender(peer, Some(ours)).is_foreign, foreign);
        }
    }
}
