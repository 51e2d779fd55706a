//! Which cookies a server may set, and which it gets: `http.cookiejar`'s default policy for Netscape cookies.

use crate::url::{Url, quote};

use super::Cookie;

/// What a host without a dot is given, so that it looks like one in a domain.
const LOCAL: &str = ".local";

/// The request that cookies are for, as the policy sees it.
#[derive(Debug)]
pub(super) struct Target {
    /// In lower case and without port. A user in the URL is part of it, by an oversight of the original.
    host: String,
    /// The host again, with `.local` behind it if it has no dot.
    effective_host: String,
    pub(super) path: String,
    secure: bool,
    /// `None` if the text after the first colon of the authority is no number.
    pub(super) port: Option<String>,
}

impl Target {
    pub(super) fn new(url: &Url, host_header: Option<&str>) -> Self {
        let authority = host_header.filter(|host| !host.is_empty()).unwrap_or_else(|| url.authority());
        let host = without_port(authority).to_lowercase();
        let effective_host = if host.contains('.') { host.clone() } else { format!("{host}{LOCAL}") };
        let mut path = escape_path(url.path());
        if !path.starts_with('/') {
            path.insert(0, '/');
        }
        // Ports are those of the URL, whatever the Host field says.
        let port = match url.authority().split_once(':') {
            Some((_, port)) => port.trim().parse::<u32>().is_ok().then(|| port.to_owned()),
            None => Some("80".to_owned()),
        };
        Self { host, effective_host, path, secure: url.is_https(), port }
    }

    /// The domain of a cookie that names none.
    pub(super) fn default_domain(&self) -> &str {
        &self.effective_host
    }

    /// Whether the server may set this cookie.
    pub(super) fn may_set(&self, cookie: &Cookie) -> bool {
        self.may_set_domain(cookie) && self.may_set_port(cookie)
    }

    fn may_set_domain(&self, cookie: &Cookie) -> bool {
        if !cookie.domain_specified {
            return true;
        }
        let (host, domain) = (&self.effective_host, &cookie.domain);
        let undotted = domain.strip_prefix('.').unwrap_or(domain);
        if !undotted.contains('.') && host.strip_suffix(LOCAL).is_none() {
            return false;
        }
        host.ends_with(domain.as_str())
            || host.strip_suffix(LOCAL).is_some_and(|host| host.ends_with(undotted))
            || host.starts_with('.')
            || format!(".{host}").ends_with(domain.as_str())
    }

    fn may_set_port(&self, cookie: &Cookie) -> bool {
        let Some(ports) = &cookie.port else {
            return true;
        };
        let own = self.port.as_deref().unwrap_or("80");
        for port in ports.split(',') {
            if port.parse::<i64>().is_err() {
                return false;
            }
            if port == own {
                return true;
            }
        }
        false
    }

    /// Whether cookies of that domain may go to this host.
    pub(super) fn matches_domain(&self, domain: &str) -> bool {
        let ends = |host: &str| {
            let dotted = if domain.is_empty() || domain.starts_with('.') { "" } else { "." };
            let host = if host.starts_with('.') { host.to_owned() } else { format!(".{host}") };
            host.strip_suffix(domain).is_some_and(|rest| rest.ends_with(dotted))
        };
        ends(&self.host) || ends(&self.effective_host)
    }

    /// Whether cookies of that path may go to this path.
    pub(super) fn matches_path(&self, path: &str) -> bool {
        self.path
            .strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || path.ends_with('/') || rest.starts_with('/'))
    }

    /// Whether this cookie, of a matching domain and path, goes out.
    pub(super) fn may_return(&self, cookie: &Cookie, now_unix: i64) -> bool {
        let dotted = format!(".{}", self.effective_host);
        let domain = &cookie.domain;
        let dot = if domain.is_empty() || domain.starts_with('.') { "" } else { "." };
        (!cookie.secure || self.secure)
            && !cookie.is_expired(now_unix)
            && cookie.port.as_deref().is_none_or(|ports| {
                let own = self.port.as_deref().unwrap_or("80");
                ports.is_empty() || ports.split(',').any(|port| port == own)
            })
            && dotted.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with(dot))
    }
}

/// Quotes a path as cookies are compared: escapes in upper case, everything odd escaped.
pub(super) fn escape_path(path: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-~%/;:@&=+$,!*'()".contains(&byte);
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        quote::push(&mut out, byte, safe);
    }
    let mut at = 0;
    while let Some(found) = out[at..].find('%') {
        at += found;
        if quote::escape(&out.as_bytes()[at..]).is_some() {
            out[at + 1..at + 3].make_ascii_uppercase();
        }
        at += 1;
    }
    out
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}
