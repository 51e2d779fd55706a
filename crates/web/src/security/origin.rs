//! Whether a request that changes something comes from our own page, or from no page at all.

use axum::http::{HeaderMap, HeaderName, header};

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// The host and port of a URL.
fn authority(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")).then_some(&rest[..end])
}

/// Whether a page of another site may be behind this request. Browsers say where a request comes from in `Sec-Fetch-Site`, older
/// ones in `Origin` or `Referer`; programs say nothing and are not meant.
pub(crate) fn is_of_same_origin(headers: &HeaderMap) -> bool {
    if let Some(site) = text(headers, &HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    let said = text(headers, &header::ORIGIN).or_else(|| text(headers, &header::REFERER));
    let Some(said) = said else { return true };
    let Some(theirs) = authority(said) else { return false };
    // A proxy may have put its own name in place of the one the browser knows; no page can make a browser send that header.
    let ours = [header::HOST, HeaderName::from_static("x-forwarded-host")];
    ours.iter().filter_map(|name| text(headers, name)).any(|ours| ours.trim().eq_ignore_ascii_case(theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        is_of_same_origin(&headers)
    }

    #[test]
    fn our_page_and_programs_may_others_may_not() {
        let host = ("host", "localhost:8089");
        assert!(check(&[host]));
        assert!(check(&[host, ("origin", "http://localhost:8089")]));
        assert!(check(&[host, ("referer", "http://LOCALHOST:8089/x?y")]));
        assert!(check(&[host, ("sec-fetch-site", "same-origin"), ("origin", "https://load.example")]));
        assert!(check(&[host, ("sec-fetch-site", "none")]));
        assert!(check(&[host, ("x-forwarded-host", "load.example"), ("origin", "https://load.example")]));
        for bad in [
            &[host, ("origin", "http://localhost:8090")][..],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://evil.example")],
            &[host, ("origin", "http://evil.example/localhost:8089")],
            &[host, ("origin", "http://localhost:8089@evil.example")],
            &[host, ("origin", "file://localhost:8089")],
            &[host, ("referer", "http://evil.example/http://localhost:8089")],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "same-site"), ("origin", "http://localhost:8089")],
        ] {
            assert!(!check(bad), "{bad:?}");
        }
    }
}
