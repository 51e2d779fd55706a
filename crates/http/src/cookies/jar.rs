//! The jar: which cookies there are, in which order they go out, and how many.

use crate::auth::latin1;
use crate::url::Url;

use super::Cookie;
use super::parse::{self, Parsed};
use super::policy::Target;

/// Cookies in a jar at most. Locust's jars have no bound; a server that sets a new name each time would fill memory.
const MAX_COOKIES: usize = 3000;
/// Bytes of cookies in a jar at most, about.
const MAX_BYTES: usize = 1 << 20;
/// Cookies of one domain at most, as browsers have it.
const MAX_OF_DOMAIN: usize = 180;
/// Bytes of cookies in one request at most: more than that servers refuse. The oldest stay behind.
const MAX_SENT: usize = 8 << 10;

/// The cookies of one user.
///
/// When there are more than 3000, or 180 of one domain, or they take more than a mebibyte, the oldest are forgotten, those that have
/// ended first. With one request go at most 8 KiB of them, the newest.
#[derive(Clone, Debug, Default)]
pub struct CookieJar {
    /// By domain, then by path, in the order in which these were first seen: that is the order of sending.
    domains: Vec<Domain>,
    count: usize,
    bytes: usize,
    /// The number of the next cookie, by which the oldest is found.
    serial: u64,
    version: u64,
}

#[derive(Clone, Debug)]
struct Domain {
    name: String,
    paths: Vec<Path>,
}

#[derive(Clone, Debug)]
struct Path {
    name: String,
    cookies: Vec<(u64, Cookie)>,
}

impl Domain {
    fn count(&self) -> usize {
        self.paths.iter().map(|path| path.cookies.len()).sum()
    }
}

/// Leaves out the oldest where all together are too large for one request; never the newest.
fn leave_oldest(chosen: &mut Vec<(u64, &Cookie)>) {
    let size =
        |cookie: &Cookie| cookie.name.len() + cookie.value.as_ref().map_or(0, |value| value.len() + 1) + 2;
    let mut all: usize = chosen.iter().map(|(_, cookie)| size(cookie)).sum();
    if all <= MAX_SENT {
        return;
    }
    let mut by_age: Vec<(u64, usize)> =
        chosen.iter().map(|(serial, cookie)| (*serial, size(cookie))).collect();
    by_age.sort_unstable();
    let mut first = 0;
    for (serial, size) in by_age.iter().take(by_age.len() - 1) {
        if all <= MAX_SENT {
            break;
        }
        all -= size;
        first = serial + 1;
    }
    chosen.retain(|(serial, _)| *serial >= first);
}

impl CookieJar {
    /// An empty jar; allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are no cookies, ended ones included.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of cookies, ended ones included.
    pub fn len(&self) -> usize {
        self.count
    }

    /// A number that grows with every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The value of the `Cookie` field for a request to `url`; `None` if no cookie goes there. `host_header` is the
    /// `Host` field if the caller set one: like requests, the jar then goes by that.
    pub fn header_for(&self, url: &Url, host_header: Option<&str>, now_unix: i64) -> Option<Vec<u8>> {
        if self.is_empty() {
            return None;
        }
        let target = Target::new(url, host_header);
        let mut chosen: Vec<(u64, &Cookie)> = self
            .domains
            .iter()
            .filter(|domain| target.matches_domain(&domain.name))
            .flat_map(|domain| &domain.paths)
            .filter(|path| target.matches_path(&path.name))
            .flat_map(|path| &path.cookies)
            .filter(|(_, cookie)| target.may_return(cookie, now_unix))
            .map(|(serial, cookie)| (*serial, cookie))
            .collect();
        if chosen.is_empty() {
            return None;
        }
        leave_oldest(&mut chosen);
        // The longest path first, counted in characters; otherwise the order stays.
        chosen.sort_by_key(|(_, cookie)| std::cmp::Reverse(cookie.path.chars().count()));
        let mut header = Vec::new();
        for (_, cookie) in chosen {
            if !header.is_empty() {
                header.extend_from_slice(b"; ");
            }
            header.extend(latin1(&cookie.name));
            if let Some(value) = &cookie.value {
                header.push(b'=');
                header.extend(latin1(value));
            }
        }
        Some(header)
    }

    /// Takes in one `Set-Cookie` field of a response from `url`; says whether the jar changed. `host_header` as in
    /// [`CookieJar::header_for`].
    pub fn store(&mut self, url: &Url, host_header: Option<&str>, set_cookie: &[u8], now_unix: i64) -> bool {
        let text: String = set_cookie.iter().map(|&byte| char::from(byte)).collect();
        let target = Target::new(url, host_header);
        match parse::cookie(&text, &target, now_unix) {
            Some(Parsed::Delete { domain, path, name }) => self.remove(&domain, &path, &name),
            Some(Parsed::Set(cookie)) if target.may_set(&cookie) => {
                if self.count >= MAX_COOKIES || self.bytes >= MAX_BYTES || self.is_full(&cookie.domain) {
                    self.purge_expired(now_unix);
                }
                self.set(cookie);
                true
            }
            _ => false,
        }
    }

    /// Puts a cookie in, in the place of one with the same domain, path and name.
    pub fn set(&mut self, mut cookie: Cookie) {
        // requests mends values that were quoted twice.
        if let Some(value) = &mut cookie.value
            && value.starts_with('"')
            && value.ends_with('"')
        {
            *value = value.replace("\\\"", "");
        }
        cookie.domain = cookie.domain.to_lowercase();
        self.version += 1;
        self.serial += 1;
        self.bytes += cookie.size();
        let known = self.domains.iter().position(|domain| domain.name == cookie.domain);
        let domain = known.unwrap_or_else(|| {
            self.domains.push(Domain { name: cookie.domain.clone(), paths: Vec::new() });
            self.domains.len() - 1
        });
        let paths = &mut self.domains[domain].paths;
        let known = paths.iter().position(|path| path.name == cookie.path);
        let path = known.unwrap_or_else(|| {
            paths.push(Path { name: cookie.path.clone(), cookies: Vec::new() });
            paths.len() - 1
        });
        let cookies = &mut paths[path].cookies;
        if let Some((serial, old)) = cookies.iter_mut().find(|(_, old)| old.name == cookie.name) {
            self.bytes -= old.size();
            (*serial, *old) = (self.serial, cookie);
        } else {
            cookies.push((self.serial, cookie));
            self.count += 1;
            self.keep_within(domain);
        }
        while self.count > MAX_COOKIES || (self.bytes > MAX_BYTES && self.count > 1) {
            self.forget_oldest();
        }
    }

    /// Puts in all cookies of another jar.
    pub fn update(&mut self, other: &Self) {
        for cookie in other.iter() {
            self.set(cookie.clone());
        }
    }

    /// Takes one cookie out; says whether it was there.
    pub fn remove(&mut self, domain: &str, path: &str, name: &str) -> bool {
        self.drop_where(|cookie| cookie.name == name && cookie.path == path && cookie.domain == domain) > 0
    }

    /// Takes out all cookies of a name, of that domain and path if given; says how many there were.
    pub fn remove_named(&mut self, name: &str, domain: Option<&str>, path: Option<&str>) -> usize {
        self.drop_where(|cookie| {
            cookie.name == name
                && domain.is_none_or(|domain| cookie.domain == domain)
                && path.is_none_or(|path| cookie.path == path)
        })
    }

    /// Takes out all cookies of a domain; says how many there were.
    pub fn clear_domain(&mut self, domain: &str) -> usize {
        let dropped = self.drop_where(|cookie| cookie.domain == domain);
        self.domains.retain(|other| other.name != domain);
        dropped
    }

    /// Takes out all cookies of a path of a domain; says how many there were.
    pub fn clear_path(&mut self, domain: &str, path: &str) -> usize {
        self.drop_where(|cookie| cookie.domain == domain && cookie.path == path)
    }

    /// Takes out all cookies.
    pub fn clear(&mut self) {
        self.version += 1;
        self.domains.clear();
        self.count = 0;
        self.bytes = 0;
    }

    /// Takes out those that are to be forgotten with the session; says how many there were.
    pub fn clear_session_cookies(&mut self) -> usize {
        self.drop_where(|cookie| cookie.discard)
    }

    /// Takes out those that have ended; says how many there were.
    pub fn purge_expired(&mut self, now_unix: i64) -> usize {
        self.drop_where(|cookie| cookie.is_expired(now_unix))
    }

    /// All cookies, by domain and path in the order in which these were first seen.
    pub fn iter(&self) -> impl Iterator<Item = &Cookie> {
        self.domains
            .iter()
            .flat_map(|domain| &domain.paths)
            .flat_map(|path| &path.cookies)
            .map(|(_, cookie)| cookie)
    }

    /// Whether a domain has as many cookies as it may.
    fn is_full(&self, domain: &str) -> bool {
        let found = self.domains.iter().find(|known| known.name.eq_ignore_ascii_case(domain));
        found.is_some_and(|found| found.count() >= MAX_OF_DOMAIN)
    }

    /// Forgets the oldest cookie of a domain that has too many.
    fn keep_within(&mut self, domain: usize) {
        let Some(found) = self.domains.get_mut(domain).filter(|found| found.count() > MAX_OF_DOMAIN) else {
            return;
        };
        let oldest = found.paths.iter().flat_map(|path| &path.cookies).map(|(serial, _)| *serial).min();
        for path in &mut found.paths {
            if let Some(at) = path.cookies.iter().position(|(serial, _)| Some(*serial) == oldest) {
                self.bytes -= path.cookies.remove(at).1.size();
                self.count -= 1;
                return;
            }
        }
    }

    fn forget_oldest(&mut self) {
        let all = self.domains.iter().flat_map(|domain| &domain.paths).flat_map(|path| &path.cookies);
        let Some(oldest) = all.map(|(serial, _)| *serial).min() else {
            return;
        };
        self.drop_numbered(|serial, _| serial == oldest);
    }

    fn drop_where(&mut self, unwanted: impl Fn(&Cookie) -> bool) -> usize {
        self.drop_numbered(|_, cookie| unwanted(cookie))
    }

    fn drop_numbered(&mut self, unwanted: impl Fn(u64, &Cookie) -> bool) -> usize {
        let (mut count, mut bytes) = (0, 0);
        for path in self.domains.iter_mut().flat_map(|domain| &mut domain.paths) {
            path.cookies.retain(|(serial, cookie)| {
                let drop = unwanted(*serial, cookie);
                if drop {
                    count += 1;
                    bytes += cookie.size();
                }
                !drop
            });
        }
        self.count -= count;
        self.bytes -= bytes;
        if count > 0 {
            self.version += 1;
            self.tidy();
        }
        count
    }

    /// Empty places keep their turn in the order, as in the original; but not without end.
    fn tidy(&mut self) {
        let places: usize = self.domains.iter().map(|domain| 1 + domain.paths.len()).sum();
        if places > 2 * self.count + 64 {
            for domain in &mut self.domains {
                domain.paths.retain(|path| !path.cookies.is_empty());
            }
            self.domains.retain(|domain| !domain.paths.is_empty());
        }
    }
}
