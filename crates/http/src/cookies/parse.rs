//! Reading `Set-Cookie` as `http.cookiejar` does.

use crate::url::is_python_space;

use super::Cookie;
use super::date::http_time;
use super::policy::{Target, escape_path};

/// What a `Set-Cookie` field asks for.
#[derive(Debug)]
pub(super) enum Parsed {
    Set(Cookie),
    /// It ended in the past: that is how servers delete cookies. No policy is asked.
    Delete {
        domain: String,
        path: String,
        name: String,
    },
}

/// The standard attributes of a cookie; of each the first one counts, except that `Max-Age` beats `Expires` and the
/// last `Max-Age` counts.
#[derive(Default)]
struct Attributes {
    version: Option<String>,
    expires: Option<i64>,
    max_age: bool,
    domain: Option<String>,
    path: Option<String>,
    port: Port,
    comment: Option<String>,
    comment_url: Option<String>,
    secure: Option<bool>,
    discard: Option<bool>,
    rest: Vec<(String, Option<String>)>,
}

/// To which ports a cookie goes.
#[derive(Default)]
enum Port {
    #[default]
    Any,
    /// To that of the request.
    Own,
    Listed(String),
}

/// Reads a `Set-Cookie` field; `None` if nothing is to be done about it.
pub(super) fn cookie(text: &str, target: &Target, now_unix: i64) -> Option<Parsed> {
    let mut parts = text.split(';').map(|part| {
        let part = part.trim_matches(is_python_space);
        match part.split_once('=') {
            Some((key, value)) => {
                (key.trim_matches(is_python_space), Some(value.trim_matches(is_python_space)))
            }
            None => (part, None),
        }
    });
    let (name, value) = parts.next().filter(|(name, _)| !name.is_empty())?;
    let mut attributes = Attributes::default();
    for (key, value) in parts.filter(|(key, _)| !key.is_empty()) {
        attributes.take(key, value, now_unix)?;
    }
    let version = match attributes.version.as_deref() {
        None => 0,
        Some(text) => python_int(text)?,
    };
    let (path, path_specified) = match attributes.path.filter(|path| !path.is_empty()) {
        Some(path) => (escape_path(&path), true),
        None => (default_path(&target.path, version), false),
    };
    let domain_specified = attributes.domain.is_some();
    let domain = match attributes.domain {
        None => target.default_domain().to_owned(),
        Some(domain) if domain.starts_with('.') => domain,
        Some(domain) => format!(".{domain}"),
    };
    if attributes.expires.is_some_and(|expires| expires <= now_unix) {
        return Some(Parsed::Delete { domain, path, name: name.to_owned() });
    }
    // Version 1 is RFC 2109, which is treated like 0; what lies beyond is switched off.
    if !(0..=1).contains(&version) {
        return None;
    }
    let port = match attributes.port {
        Port::Any => None,
        Port::Listed(ports) => Some(ports.chars().filter(|&c| !is_python_space(c)).collect()),
        Port::Own => target.port.clone(),
    };
    Some(Parsed::Set(Cookie {
        name: name.to_owned(),
        value: value.map(str::to_owned),
        domain,
        domain_specified,
        path,
        path_specified,
        port,
        secure: attributes.secure.unwrap_or_default(),
        expires: attributes.expires,
        discard: attributes.discard.unwrap_or_default() || attributes.expires.is_none(),
        comment: attributes.comment,
        comment_url: attributes.comment_url,
        rest: attributes.rest,
    }))
}

impl Attributes {
    /// Takes one attribute in; `None` if it spoils the cookie.
    fn take(&mut self, key: &str, value: Option<&str>, now_unix: i64) -> Option<()> {
        let own = || value.map(str::to_owned);
        match key.to_lowercase().as_str() {
            "version" if self.version.is_none() => self.version = Some(without_quotes(value?).to_owned()),
            "domain" if self.domain.is_none() => self.domain = Some(value?.to_lowercase()),
            "path" if self.path.is_none() => self.path = Some(value?.to_owned()),
            "port" if matches!(self.port, Port::Any) => {
                self.port = value.map_or(Port::Own, |ports| Port::Listed(ports.to_owned()));
            }
            "comment" if self.comment.is_none() => self.comment = own(),
            "commenturl" if self.comment_url.is_none() => self.comment_url = own(),
            // A mark counts with or without a value, but not with an empty one.
            "secure" if self.secure.is_none() => self.secure = Some(value != Some("")),
            "discard" if self.discard.is_none() => self.discard = Some(value != Some("")),
            // A date that cannot be read makes a cookie of the session.
            "expires" if self.expires.is_none() && !self.max_age => {
                self.expires = value.and_then(|value| http_time(without_quotes(value), now_unix));
            }
            "max-age" => {
                self.max_age = true;
                self.expires = Some(now_unix.saturating_add(python_int(value?)?));
            }
            "version" | "domain" | "path" | "port" | "comment" | "commenturl" | "secure" | "discard"
            | "expires" => {}
            _ => match self.rest.iter_mut().find(|(other, _)| other == key) {
                Some((_, old)) => *old = own(),
                None => self.rest.push((key.to_owned(), own())),
            },
        }
        Some(())
    }
}

fn default_path(request_path: &str, version: i64) -> String {
    let end = request_path.rfind('/').unwrap_or_default() + usize::from(version != 0);
    let path = &request_path[..end];
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}

fn without_quotes(text: &str) -> &str {
    let text = text.strip_prefix('"').unwrap_or(text);
    text.strip_suffix('"').unwrap_or(text)
}

/// Python's `int()`: a sign, digits, single underscores between them; numbers beyond the range saturate.
fn python_int(text: &str) -> Option<i64> {
    let text = text.trim_matches(is_python_space);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || digits.split('_').any(|group| group.is_empty() || !is_digits(group)) {
        return None;
    }
    let number = digits
        .bytes()
        .filter(u8::is_ascii_digit)
        .fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Some(if negative { -number } else { number })
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
