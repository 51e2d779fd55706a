//! Who may read the numbers without the token where `--web-read-open` says so: programs of private networks that ask for themselves.
//!
//! An address says little once something stands between: what shows a proxy is never private, and a browser, behind which a page of
//! anybody may be whose name was made to point here, has to have the token as ever.

use std::net::IpAddr;

use axum::http::{HeaderMap, Version, header};

use super::proxied;

/// Whether a request from this address, with these headers, is one.
pub(super) fn is_program_near(ip: IpAddr, headers: &HeaderMap, version: Version) -> bool {
    is_private(ip) && !is_browser(headers) && proxied::sign(headers, version, "", |_| false).is_none()
}

/// Addresses that no packet from outside bears: private networks, those that providers and clusters share, one link, this machine.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

fn is_browser(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes());
    agent.starts_with(b"Mozilla/")
        || headers.contains_key(header::ORIGIN)
        || headers.contains_key(header::REFERER)
        || headers.contains_key(header::ACCEPT_LANGUAGE)
        || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_those_that_nobody_has_alone() {
        for ip in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.9.9",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.1.1.1",
        ] {
            assert!(is_private(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "2001:db8::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(!is_private(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn browsers_and_proxies_are_no_programs_near() {
        let near = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            is_program_near("10.0.0.1".parse().unwrap(), &headers, Version::HTTP_11)
        };
        assert!(
            near(&[])
                && near(&[("user-agent", "Go-http-client/1.1")])
                && near(&[("user-agent", "Prometheus/3.5.0")])
        );
        for (name, value) in [
            ("user-agent", "Mozilla/5.0 (X11)"),
            ("origin", "http://a"),
            ("referer", "http://a/"),
            ("sec-fetch-site", "same-origin"),
            ("accept-language", "en"),
            ("x-forwarded-for", "10.0.0.2"),
            ("via", "1.1 a"),
            ("x-envoy-internal", "true"),
            ("cf-ray", "1"),
        ] {
            assert!(!near(&[(name, value)]), "{name}");
        }
    }
}
