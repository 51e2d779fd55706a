//! What requests makes of the URL that a script gives it (its own preparation on top of urllib3's parser).

use super::UrlError;
use super::quote::{encode_invalid, escape, in_path, in_query, in_userinfo, requote, unreserved};

/// The text of the prepared URL: quoted, normalised, its host in ASCII.
pub(super) fn prepare(text: &str) -> Result<String, UrlError> {
    let text = text.trim_start_matches(is_python_space);
    let http = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http"));
    if text.contains(':') && !http {
        return Err(UrlError::UnsupportedScheme(text.to_owned()));
    }
    let Parsed { scheme, auth, host, port, path, query, fragment } = parse(text)?;
    let Some(scheme) = scheme else {
        return Err(UrlError::MissingScheme(text.to_owned()));
    };
    if host.is_empty() {
        return Err(UrlError::NoHost(text.to_owned()));
    }
    if host.starts_with(['*', '.']) {
        return Err(UrlError::InvalidLabel(host));
    }
    let mut url = format!("{scheme}://");
    if let Some(auth) = auth {
        url.push_str(&auth);
        url.push('@');
    }
    url.push_str(&host);
    // A port of 0 is taken for none.
    if let Some(port) = port.filter(|&port| port > 0) {
        url.push(':');
        url.push_str(&port.to_string());
    }
    url.push_str(if path.is_empty() { "/" } else { &path });
    if !query.is_empty() {
        url.push('?');
        url.push_str(&query);
    }
    if !fragment.is_empty() {
        url.push('#');
        url.push_str(&fragment);
    }
    let url = requote(&url);
    if matches!(scheme.as_str(), "http" | "https") { Ok(url) } else { Err(UrlError::UnsupportedScheme(url)) }
}

/// What `str.strip` of Python takes for white space.
pub(crate) fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

struct Parsed {
    scheme: Option<String>,
    auth: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
    query: String,
    fragment: String,
}

fn parse(text: &str) -> Result<Parsed, UrlError> {
    let (scheme, rest) = split_scheme(text);
    // Without scheme or leading slash the text begins with a host.
    let bare = scheme.is_none() && !text.starts_with('/');
    let (before, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (before, query) = before.split_once('?').unwrap_or((before, ""));
    let hierarchical = if bare { Some(before) } else { before.strip_prefix("//") };
    let (authority, path) = match hierarchical {
        Some(rest) => rest.split_at(rest.find(['/', '\\']).unwrap_or(rest.len())),
        None => ("", before),
    };
    let (auth, host_port) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = split_port(host_port)?;
    let host = normalize_host(host)?;
    let auth = (!auth.is_empty()).then(|| encode_invalid(auth, in_userinfo));
    let mut path = encode_invalid(&remove_dot_segments(path), in_path);
    if !path.is_empty() && !path.starts_with('/') {
        path.insert(0, '/');
    }
    Ok(Parsed {
        scheme,
        auth,
        host,
        port,
        path,
        query: encode_invalid(query, in_query),
        fragment: encode_invalid(fragment, in_query),
    })
}

fn split_scheme(text: &str) -> (Option<String>, &str) {
    match text.split_once(':') {
        Some((scheme, rest))
            if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(&byte)) =>
        {
            (Some(scheme.to_ascii_lowercase()), rest)
        }
        _ => (None, text),
    }
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), UrlError> {
    let invalid = || UrlError::InvalidHost(text.to_owned());
    let (host, port) = if text.starts_with('[') {
        let end = text.find(']').ok_or_else(invalid)? + 1;
        let (host, tail) = text.split_at(end);
        if !is_ipv6_with_zone(&host[1..end - 1]) {
            return Err(invalid());
        }
        match tail.strip_prefix(':') {
            Some(port) => (host, port),
            None if tail.is_empty() => (host, ""),
            None => return Err(invalid()),
        }
    } else {
        text.split_once(':').unwrap_or((text, ""))
    };
    let digits = port.trim_start_matches('0');
    if !port.bytes().all(|byte| byte.is_ascii_digit()) || digits.len() > 5 {
        return Err(invalid());
    }
    if port.is_empty() {
        return Ok((host, None));
    }
    let number = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| invalid())? };
    Ok((host, Some(number)))
}

pub(super) fn is_ipv6_with_zone(text: &str) -> bool {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    address.parse::<std::net::Ipv6Addr>().is_ok() && zone.is_none_or(|zone| !zone.is_empty())
}

fn normalize_host(host: &str) -> Result<String, UrlError> {
    let invalid = || UrlError::InvalidHost(host.to_owned());
    if host.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(invalid());
    }
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let Some((address, zone)) = inner.split_once('%') else {
            return Ok(host.to_ascii_lowercase());
        };
        let zone = match zone.strip_prefix("25") {
            Some(rest) if !rest.is_empty() => rest,
            _ => zone,
        };
        return Ok(format!("[{}%{}]", address.to_ascii_lowercase(), encode_invalid(zone, unreserved)));
    }
    if host.contains(['[', ']']) {
        return Err(invalid());
    }
    let mut decoded = String::with_capacity(host.len());
    let mut rest = host;
    while let Some(at) = rest.find('%') {
        let byte = escape(&rest.as_bytes()[at..])
            .filter(|&byte| byte >= b' ' && byte != 0x7f)
            .ok_or_else(invalid)?;
        decoded.push_str(&rest[..at]);
        if unreserved(byte) {
            decoded.push(char::from(byte));
        } else {
            decoded.push_str(&rest[at..at + 3].to_ascii_uppercase());
        }
        rest = &rest[at + 3..];
    }
    decoded.push_str(rest);
    let labels: Result<Vec<_>, _> = decoded.split('.').map(label).collect();
    Ok(labels?.join("."))
}

/// One label of a host name in ASCII.
fn label(label: &str) -> Result<String, UrlError> {
    let invalid = || UrlError::InvalidLabel(label.to_owned());
    if label.is_ascii() {
        let mut lower = label.to_ascii_lowercase();
        let mut at = 0;
        while let Some(found) = lower[at..].find('%') {
            at += found;
            let end = (at + 3).min(lower.len());
            lower[at..end].make_ascii_uppercase();
            at = end;
        }
        return Ok(lower);
    }
    let lower = label.to_lowercase();
    // Symbols are not letters of any script: IDNA 2008, which urllib3 follows, has none of them.
    let symbol = |c: char| {
        matches!(c, '\u{80}'..='\u{b6}' | '\u{b8}'..='\u{bf}' | '\u{d7}' | '\u{f7}')
            || matches!(c, '\u{2000}'..='\u{200b}' | '\u{200e}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
    };
    if lower.chars().any(symbol) {
        return Err(invalid());
    }
    let ascii = idna::domain_to_ascii_strict(&lower).map_err(|_| invalid())?;
    // urllib3 maps nothing but case: a label that reads differently when decoded was not one to begin with.
    if ascii.contains('.') || idna::domain_to_unicode(&ascii).0 != lower {
        return Err(invalid());
    }
    Ok(ascii)
}

/// urllib3's removal of dot segments, which treats empty segments in its own way.
fn remove_dot_segments(path: &str) -> String {
    if path.is_empty() {
        return String::new();
    }
    let mut out: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." => drop(out.pop()),
            segment => out.push(segment),
        }
    }
    if path.starts_with('/') && out.first().is_none_or(|first| !first.is_empty()) {
        out.insert(0, "");
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        out.push("");
    }
    out.join("/")
}
