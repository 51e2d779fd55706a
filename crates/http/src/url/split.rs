//! Taking URLs apart and putting them together as Python's `urllib.parse` does: requests' redirects and both clients'
//! ideas of host and port rest on it.

use super::UrlError;
use super::requests::is_ipv6_with_zone;

/// The parts of a URL, all undecoded; absent parts are empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Split {
    pub(super) scheme: String,
    pub(super) netloc: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) fragment: String,
}

impl Split {
    /// Takes `text` apart. Leading blanks and control characters go, as do tabs and line ends anywhere.
    pub(super) fn of(text: &str) -> Result<Self, UrlError> {
        let cleaned: String = text
            .trim_start_matches(|c| c <= ' ')
            .chars()
            .filter(|c| !matches!(c, '\t' | '\r' | '\n'))
            .collect();
        let mut rest = cleaned.as_str();
        let mut split = Self::default();
        if let Some((scheme, tail)) = rest.split_once(':')
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        {
            split.scheme = scheme.to_ascii_lowercase();
            rest = tail;
        }
        if let Some(tail) = rest.strip_prefix("//") {
            let end = tail.find(['/', '?', '#']).unwrap_or(tail.len());
            let netloc = &tail[..end];
            if netloc.contains('[') != netloc.contains(']') {
                return Err(UrlError::InvalidHost(netloc.to_owned()));
            }
            if let Some((_, bracketed)) = netloc.split_once('[') {
                let address = bracketed.split(']').next().unwrap_or_default();
                if !is_ipv6_with_zone(address) {
                    return Err(UrlError::InvalidHost(netloc.to_owned()));
                }
            }
            netloc.clone_into(&mut split.netloc);
            rest = &tail[end..];
        }
        if let Some((before, fragment)) = rest.split_once('#') {
            fragment.clone_into(&mut split.fragment);
            rest = before;
        }
        if let Some((before, query)) = rest.split_once('?') {
            query.clone_into(&mut split.query);
            rest = before;
        }
        rest.clone_into(&mut split.path);
        Ok(split)
    }

    /// As [`Split::of`], with the empty parameters at the end of a path (`/a;`) dropped, as `urlparse` loses them.
    pub(super) fn parsed(text: &str) -> Result<Self, UrlError> {
        let mut split = Self::of(text)?;
        let (path, params) = split_params(&split.path);
        if params.is_empty() && path.len() < split.path.len() {
            split.path = path.to_owned();
        }
        Ok(split)
    }

    /// The URL again; the marks of empty queries and fragments are gone.
    pub(super) fn text(&self) -> String {
        let Self { scheme, netloc, path, query, fragment } = self;
        let mut out = String::with_capacity(scheme.len() + netloc.len() + path.len() + query.len() + 8);
        if !scheme.is_empty() {
            out.push_str(scheme);
            out.push(':');
        }
        let hierarchical = matches!(scheme.as_str(), "http" | "https") && !path.starts_with("//");
        if !netloc.is_empty() || hierarchical {
            out.push_str("//");
            out.push_str(netloc);
            if !path.is_empty() && !path.starts_with('/') {
                out.push('/');
            }
        }
        out.push_str(path);
        if !query.is_empty() {
            out.push('?');
            out.push_str(query);
        }
        if !fragment.is_empty() {
            out.push('#');
            out.push_str(fragment);
        }
        out
    }

    /// The host in lower case, without brackets and user.
    pub(super) fn host(&self) -> String {
        let host = host_and_port(&self.netloc).0;
        match host.split_once('%') {
            // A zone is told from its neighbours by case; the percent sign before it may be escaped (RFC 6874).
            Some((address, zone)) if host.contains(':') => {
                let zone = zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone);
                format!("{}%{zone}", address.to_lowercase())
            }
            Some((address, zone)) => format!("{}%{zone}", address.to_lowercase()),
            None => host.to_lowercase(),
        }
    }

    /// The port, if one is given.
    pub(super) fn port(&self) -> Result<Option<u16>, UrlError> {
        let port = host_and_port(&self.netloc).1;
        if port.is_empty() {
            return Ok(None);
        }
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| port.trim_start_matches('0')).map(|port| match port {
            "" => Ok(0),
            port => port.parse(),
        });
        match number {
            Some(Ok(number)) => Ok(Some(number)),
            _ => Err(UrlError::InvalidPort(port.to_owned())),
        }
    }
}

/// `urljoin`: resolves `text` against `base`.
pub(super) fn join(base: &str, text: &str) -> Result<String, UrlError> {
    let base = Split::of(base)?;
    let mut url = Split::of(text)?;
    if url.scheme.is_empty() {
        url.scheme.clone_from(&base.scheme);
    }
    if url.scheme != base.scheme {
        return Ok(text.to_owned());
    }
    let (path, params) = split_params(&url.path);
    if url.netloc.is_empty() {
        url.netloc.clone_from(&base.netloc);
        if path.is_empty() && params.is_empty() {
            url.path.clone_from(&Split::parsed(&base.text())?.path);
            if url.query.is_empty() {
                url.query.clone_from(&base.query);
            }
            return Ok(url.text());
        }
        let resolved = resolve(split_params(&base.path).0, path);
        url.path = with_params(&resolved, params);
    } else {
        url.path = with_params(path, params);
    }
    Ok(url.text())
}

/// Resolves a relative path against that of the base.
fn resolve(base: &str, path: &str) -> String {
    let segments: Vec<&str> = if path.starts_with('/') {
        path.split('/').collect()
    } else {
        let mut segments: Vec<&str> = base.split('/').collect();
        if segments.last().is_some_and(|last| !last.is_empty()) {
            segments.pop();
        }
        segments.extend(path.split('/'));
        // Slashes that joining would double.
        let last = segments.len() - 1;
        let mut at = 0..;
        segments.retain(|segment| {
            let at = at.next().unwrap_or_default();
            at == 0 || at == last || !segment.is_empty()
        });
        segments
    };
    let mut resolved: Vec<&str> = Vec::with_capacity(segments.len() + 1);
    for &segment in &segments {
        match segment {
            ".." => drop(resolved.pop()),
            "." => {}
            segment => resolved.push(segment),
        }
    }
    if matches!(segments.last(), Some(&("." | ".."))) {
        resolved.push("");
    }
    let path = resolved.join("/");
    if path.is_empty() { "/".to_owned() } else { path }
}

/// RFC 3986's removal of dot segments, as geventhttpclient does it.
pub(super) fn remove_dot_segments(path: &str) -> String {
    let mut rest = path;
    let mut out: Vec<&str> = Vec::new();
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix("../").or_else(|| rest.strip_prefix("./")) {
            rest = tail;
        } else if rest.starts_with("/./") {
            rest = &rest[2..];
        } else if rest == "/." {
            rest = "/";
        } else if rest.starts_with("/../") || rest == "/.." {
            rest = if rest.len() > 3 { &rest[3..] } else { "/" };
            out.pop();
        } else if rest == "." || rest == ".." {
            rest = "";
        } else {
            let from = usize::from(rest.starts_with('/'));
            let cut = rest[from..].find('/').map_or(rest.len(), |at| at + from);
            out.push(&rest[..cut]);
            rest = &rest[cut..];
        }
    }
    out.concat()
}

/// The path and the parameters of its last segment.
pub(super) fn split_params(path: &str) -> (&str, &str) {
    let last = path.rfind('/').unwrap_or_default();
    match path[last..].find(';') {
        Some(at) => (&path[..last + at], &path[last + at + 1..]),
        None => (path, ""),
    }
}

pub(super) fn with_params(path: &str, params: &str) -> String {
    if params.is_empty() { path.to_owned() } else { format!("{path};{params}") }
}

fn host_and_port(netloc: &str) -> (&str, &str) {
    let host = netloc.rsplit('@').next().unwrap_or_default();
    match host.split_once('[') {
        Some((_, bracketed)) => {
            let (host, tail) = bracketed.split_once(']').unwrap_or((bracketed, ""));
            (host, tail.split_once(':').map_or("", |(_, port)| port))
        }
        None => host.split_once(':').unwrap_or((host, "")),
    }
}
