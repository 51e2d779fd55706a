//! Whether a request that comes from this machine is somebody else's, whom a proxy on this machine lets through.
//!
//! A proxy that says so is easy. nginx, as its manual begins, says nothing: it sends its own name for us as `Host`, HTTP/1.0 and
//! `Connection: close`. What it passes on then still shows that the sender is a browser that knows us by another name.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, Version, header};

/// Headers that only proxies add.
const NAMES: [&str; 21] = [
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-proxyuser-ip",
    "x-remote-ip",
    "x-remote-addr",
    "true-client-ip",
    "client-ip",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-azure-ref",
    "x-arr-ssl",
    "x-arr-log-id",
    "fastly-client-ip",
    "cdn-loop",
    "x-appengine-user-ip",
];
/// What the names of such headers begin with.
const FAMILIES: [&str; 8] =
    ["x-forwarded", "x-original-", "cf-", "x-envoy-", "fly-", "x-azure-", "x-vercel-", "x-appengine-"];

/// What shows that a proxy sends this, if anything does. `host` is the one `Host`, and a name of ours.
pub(super) fn sign(
    headers: &HeaderMap,
    version: Version,
    host: &str,
    is_ours: impl Fn(&str) -> bool,
) -> Option<&'static str> {
    if let Some(name) = NAMES.into_iter().find(|name| headers.contains_key(*name)) {
        return Some(name);
    }
    let mut names = headers.keys();
    if let Some(family) =
        names.find_map(|name| FAMILIES.into_iter().find(|family| name.as_str().starts_with(family)))
    {
        return Some(family);
    }
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let is_browser =
        site.is_some() || text(header::USER_AGENT).is_some_and(|agent| agent.starts_with("Mozilla/"));
    let closes = text(header::CONNECTION).is_some_and(|value| value.eq_ignore_ascii_case("close"));
    if version <= Version::HTTP_10 && (is_browser || closes) {
        return Some("HTTP/1.0");
    }
    if site.is_some() && closes {
        return Some("Connection: close");
    }
    let said =
        [header::ORIGIN, header::REFERER].into_iter().find_map(|name| super::origin::authority(text(name)?));
    let elsewhere = said.filter(|said| !said.eq_ignore_ascii_case(host))?;
    // For the browser both are one site, so it knows us by that other name; or, not saying, it does not take us for this machine.
    match site {
        Some(b"same-origin") => Some("Origin"),
        None if !is_ours(elsewhere) => Some("Referer"),
        _ => None,
    }
}

/// For whom the nearest proxy says that it asks: it puts the address at the end.
pub(super) fn client(headers: &HeaderMap) -> Option<IpAddr> {
    let last = |name: &str| headers.get_all(name).iter().next_back().and_then(|value| value.to_str().ok());
    let named = last("x-forwarded-for")
        .or_else(|| last("x-real-ip"))
        .map(|all| all.rsplit(',').next().unwrap_or(all));
    let named = named.or_else(|| {
        let element = last("forwarded")?.rsplit(',').next()?;
        element.split(';').find_map(|pair| pair.trim().strip_prefix("for="))
    })?;
    let named = named.trim().trim_matches('"');
    let bare = named.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inside, _)| inside);
    let bare = bare.unwrap_or(named);
    let bare = bare.parse().ok().or_else(|| bare.rsplit_once(':')?.0.parse().ok());
    bare.map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROWSER: (&str, &str) = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0");

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let parse = |&(name, value): &(&str, &str)| {
            (name.parse::<header::HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
        };
        pairs.iter().map(parse).collect()
    }

    fn of(version: Version, pairs: &[(&str, &str)]) -> Option<&'static str> {
        sign(&headers(pairs), version, "127.0.0.1:8089", |name| {
            name.starts_with("localhost") || name.starts_with("127.")
        })
    }

    #[test]
    fn every_proxys_header_is_a_sign() {
        for name in NAMES.into_iter().chain([
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-port",
            "x-forwarded-server",
            "x-original-host",
            "cf-connecting-ip",
            "x-envoy-external-address",
            "fly-client-ip",
        ]) {
            assert!(of(Version::HTTP_11, &[(name, "192.0.2.1")]).is_some(), "{name}");
        }
    }

    #[test]
    fn nginx_without_a_further_line_shows_by_what_it_passes_on() {
        let close = ("connection", "close");
        assert!(of(Version::HTTP_10, &[BROWSER, close]).is_some());
        assert!(of(Version::HTTP_10, &[("user-agent", "curl/8.14"), close]).is_some());
        assert!(of(Version::HTTP_11, &[BROWSER, close, ("sec-fetch-site", "none")]).is_some());
        let origin = ("origin", "https://load.example");
        assert!(of(Version::HTTP_11, &[BROWSER, origin, ("sec-fetch-site", "same-origin")]).is_some());
        assert!(of(Version::HTTP_11, &[BROWSER, ("referer", "http://load.lan/?tab=stats")]).is_some());
    }

    #[test]
    fn browsers_and_programs_of_this_machine_show_nothing() {
        let own = ("origin", "http://127.0.0.1:8089");
        assert_eq!(of(Version::HTTP_11, &[BROWSER, own, ("sec-fetch-site", "same-origin")]), None);
        // A link on another site, and on another port of this machine.
        let link = ("referer", "https://wiki.example/");
        assert_eq!(of(Version::HTTP_11, &[BROWSER, link, ("sec-fetch-site", "cross-site")]), None);
        let dashboard = ("referer", "http://localhost:3000/");
        assert_eq!(of(Version::HTTP_11, &[BROWSER, dashboard, ("sec-fetch-site", "same-site")]), None);
        assert_eq!(of(Version::HTTP_11, &[dashboard]), None);
        // curl -0, ab, urllib with a browser's name, busybox' wget.
        assert_eq!(of(Version::HTTP_10, &[("user-agent", "curl/8.14")]), None);
        assert_eq!(of(Version::HTTP_10, &[("user-agent", "ApacheBench/2.3")]), None);
        assert_eq!(of(Version::HTTP_11, &[BROWSER, ("connection", "close")]), None);
        assert_eq!(of(Version::HTTP_11, &[("user-agent", "Wget"), ("connection", "close")]), None);
    }

    #[test]
    fn the_nearest_proxy_names_its_client_last() {
        for (name, value, expected) in [
            ("x-forwarded-for", "198.51.100.1, 192.0.2.7", Some("192.0.2.7")),
            ("x-real-ip", "2001:db8::1", Some("2001:db8::1")),
            ("forwarded", "for=198.51.100.1, for=\"[2001:db8::2]:4711\";proto=https", Some("2001:db8::2")),
            ("x-forwarded-for", "192.0.2.7:4711", Some("192.0.2.7")),
            ("x-forwarded-for", "unknown", None),
        ] {
            assert_eq!(client(&headers(&[(name, value)])), expected.map(|ip| ip.parse().unwrap()), "{value}");
        }
    }
}
