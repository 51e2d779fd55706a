//! Following redirects, by the rules of requests or of geventhttpclient.

use crate::headers::Headers;
use crate::method::Method;
use crate::url::{Style, Url, UrlError};

/// Whether and how far to follow redirects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whose rules for methods, headers and relative locations.
    pub style: Style,
    /// How many redirects are followed; the next one is an error. With `Style::Fast`, 0 means that the redirecting
    /// response is the answer.
    pub max: u32,
}

impl Policy {
    /// requests' policy: at most 30.
    pub fn requests() -> Self {
        Self { style: Style::Requests, max: 30 }
    }

    /// geventhttpclient's policy.
    pub fn fast(max: u32) -> Self {
        Self { style: Style::Fast, max }
    }
}

/// The request whose response may be a redirect.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its URL.
    pub url: &'a Url,
    /// The URL of the first request of the chain.
    pub first_url: &'a Url,
    /// How many redirects have been followed so far.
    pub followed: u32,
}

/// What to do with a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is the answer.
    Stop,
    /// Send this next.
    Follow(Follow),
    /// It is a redirect, and one too many.
    TooMany,
    /// It is a redirect to nowhere.
    Invalid(UrlError),
}

/// The request that a redirect asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Its method.
    pub method: Method,
    /// Its URL.
    pub url: Url,
    /// Whether it goes without the body.
    pub drop_body: bool,
    /// Whether credentials stay behind because another server is meant.
    pub strip_auth: bool,
    style: Style,
}

/// Decides what a response with that status and `Location` asks for.
pub fn next(policy: &Policy, hop: &Hop<'_>, status: u16, location: Option<&[u8]>) -> Decision {
    let Some(location) = location.filter(|location| !location.is_empty()) else {
        return Decision::Stop;
    };
    if !matches!(status, 301 | 302 | 303 | 307 | 308) || (policy.style == Style::Fast && policy.max == 0) {
        return Decision::Stop;
    }
    if policy.style == Style::Requests && hop.followed >= policy.max {
        return Decision::TooMany;
    }
    let url = match hop.url.join_with(policy.style, location) {
        Ok(url) => url,
        Err(error) => return Decision::Invalid(error),
    };
    // geventhttpclient looks at the location before it counts.
    if hop.followed >= policy.max {
        return Decision::TooMany;
    }
    let drop_body = matches!(status, 301..=303);
    let method = match policy.style {
        Style::Requests => method_of_requests(hop.method, status),
        Style::Fast if drop_body && *hop.method != Method::Head => Method::Get,
        Style::Fast => hop.method.clone(),
    };
    let strip_auth = match policy.style {
        Style::Requests => strips_auth(hop.url, &url),
        // Measured against where the chain began: credentials come back with a detour.
        Style::Fast => !url.same_origin(hop.first_url),
    };
    Decision::Follow(Follow { method, url, drop_body, strip_auth, style: policy.style })
}

impl Follow {
    /// Whether a header field of the redirected request is not sent again.
    pub fn drops(&self, name: &str) -> bool {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("cookie") || (self.strip_auth && is("authorization")) {
            return true;
        }
        let of_body = self.drop_body && (is("content-length") || is("content-type"));
        of_body
            || match self.style {
                Style::Requests => (self.drop_body && is("transfer-encoding")) || is("proxy-authorization"),
                Style::Fast => (self.drop_body && is("content-encoding")) || is("cookie2"),
            }
    }

    /// The header fields of the redirected request that are sent again; `None` if that is all of them.
    pub fn headers(&self, headers: &Headers) -> Option<Headers> {
        if !headers.iter().any(|(name, _)| self.drops(name)) {
            return None;
        }
        let mut kept = headers.clone();
        kept.retain(|name, _| !self.drops(name));
        Some(kept)
    }
}

fn method_of_requests(method: &Method, status: u16) -> Method {
    match (status, method) {
        (302 | 303, Method::Head) => Method::Head,
        (302 | 303, _) | (301, Method::Post) => Method::Get,
        _ => method.clone(),
    }
}

/// Whether `Authorization` stays behind: it goes along to the same host only, and there from `http` to `https` on the
/// usual ports, or to the same scheme and port.
fn strips_auth(from: &Url, to: &Url) -> bool {
    if from.host() != to.host() {
        return true;
    }
    let upgrade = !from.is_https() && from.port() == 80 && to.is_https() && to.port() == 443;
    !upgrade && (from.is_https() != to.is_https() || from.port() != to.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn follow(policy: Policy, method: &Method, from: &str, status: u16, location: &str) -> Follow {
        let from = url(from);
        let hop = Hop { method, url: &from, first_url: &from, followed: 0 };
        match next(&policy, &hop, status, Some(location.as_bytes())) {
            Decision::Follow(follow) => follow,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn methods_change_as_requests_changes_them() {
        let other = Method::Other("PURGE".into());
        for (status, method, expected, drop_body) in [
            (301, Method::Post, Method::Get, true),
            (301, Method::Put, Method::Put, true),
            (301, Method::Head, Method::Head, true),
            (302, Method::Put, Method::Get, true),
            (302, Method::Head, Method::Head, true),
            (303, Method::Delete, Method::Get, true),
            (303, other.clone(), Method::Get, true),
            (307, Method::Post, Method::Post, false),
            (308, other.clone(), other, false),
        ] {
            let follow = follow(Policy::requests(), &method, "http://h/", status, "/x");
            assert_eq!((follow.method, follow.drop_body), (expected, drop_body), "{status} {method}");
        }
    }

    #[test]
    fn methods_change_as_geventhttpclient_changes_them() {
        for (status, method, expected, drop_body) in [
            (301, Method::Put, Method::Get, true),
            (302, Method::Head, Method::Head, true),
            (303, Method::Post, Method::Get, true),
            (307, Method::Post, Method::Post, false),
        ] {
            let follow = follow(Policy::fast(5), &method, "http://h/", status, "/x");
            assert_eq!((follow.method, follow.drop_body), (expected, drop_body), "{status} {method}");
        }
    }

    #[test]
    fn other_statuses_and_empty_locations_are_answers() {
        let (method, from) = (Method::Get, url("http://h/"));
        let hop = Hop { method: &method, url: &from, first_url: &from, followed: 0 };
        for (status, location) in
            [(200, Some("/x")), (300, Some("/x")), (304, Some("/x")), (302, None), (302, Some(""))]
        {
            let location = location.map(str::as_bytes);
            assert_eq!(next(&Policy::requests(), &hop, status, location), Decision::Stop);
            assert_eq!(next(&Policy::fast(5), &hop, status, location), Decision::Stop);
        }
        assert_eq!(next(&Policy::fast(0), &hop, 302, Some(b"/x")), Decision::Stop);
        assert_eq!(next(&Policy { max: 0, ..Policy::requests() }, &hop, 302, Some(b"/x")), Decision::TooMany);
    }

    #[test]
    fn the_limit_is_the_number_followed() {
        let (method, from) = (Method::Get, url("http://h/"));
        for policy in [Policy::requests(), Policy::fast(30)] {
            let hop = |followed| Hop { method: &method, url: &from, first_url: &from, followed };
            assert!(matches!(next(&policy, &hop(29), 302, Some(b"/x")), Decision::Follow(_)));
            assert_eq!(next(&policy, &hop(30), 302, Some(b"/x")), Decision::TooMany);
        }
    }

    #[test]
    fn credentials_stay_with_their_server() {
        for (from, to, strip) in [
            ("http://h/", "/x", false),
            ("http://h/", "http://H:80/", false),
            ("http://h/", "https://h/", false),
            ("http://h:80/", "https://h:443/", false),
            ("https://h/", "http://h/", true),
            ("http://h:8080/", "https://h/", true),
            ("http://h/", "http://h:8080/", true),
            ("http://h/", "http://other/", true),
        ] {
            let follow = follow(Policy::requests(), &Method::Get, from, 302, to);
            assert_eq!(follow.strip_auth, strip, "{from} -> {to}");
            assert_eq!(follow.drops("AUTHORIZATION"), strip);
        }
    }

    #[test]
    fn geventhttpclient_measures_credentials_against_the_first_url() {
        let (method, first, detour) = (Method::Get, url("http://h/"), url("http://other/"));
        let hop = Hop { method: &method, url: &detour, first_url: &first, followed: 1 };
        let Decision::Follow(back) = next(&Policy::fast(5), &hop, 302, Some(b"http://h/b")) else { panic!() };
        assert!(!back.strip_auth);
        assert!(follow(Policy::fast(5), &Method::Get, "http://h/", 302, "https://h/").strip_auth);
    }

    #[test]
    fn headers_of_the_body_go_with_it() {
        let headers: Headers = [
            ("Accept", "*/*"),
            ("Content-Type", "a/b"),
            ("content-length", "1"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Encoding", "gzip"),
            ("Cookie", "a=b"),
            ("Authorization", "Basic x"),
            ("Proxy-Authorization", "Basic y"),
        ]
        .into_iter()
        .collect();
        let names = |follow: Follow| {
            let kept = follow.headers(&headers).unwrap();
            kept.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
        };
        let to = |policy, status| follow(policy, &Method::Post, "http://h/", status, "/x");
        assert_eq!(names(to(Policy::requests(), 302)), ["Accept", "Content-Encoding", "Authorization"]);
        assert_eq!(
            names(to(Policy::fast(5), 302)),
            ["Accept", "Transfer-Encoding", "Authorization", "Proxy-Authorization"]
        );
        assert_eq!(
            names(to(Policy::requests(), 307)),
            [
                "Accept",
                "Content-Type",
                "content-length",
                "Transfer-Encoding",
                "Content-Encoding",
                "Authorization"
            ]
        );
        let plain: Headers = [("Accept", "*/*")].into_iter().collect();
        assert_eq!(to(Policy::requests(), 302).headers(&plain), None);
    }

    #[test]
    fn other_schemes_are_not_followed() {
        let (method, from) = (Method::Get, url("http://h/"));
        let hop = Hop { method: &method, url: &from, first_url: &from, followed: 0 };
        for policy in [Policy::requests(), Policy::fast(5)] {
            let decision = next(&policy, &hop, 302, Some(b"ftp://h/x"));
            assert!(matches!(decision, Decision::Invalid(UrlError::UnsupportedScheme(_))), "{decision:?}");
        }
    }
}
