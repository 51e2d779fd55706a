//! Whether a request that changes something comes from our own page, or from no page at all.

use axum::http::{HeaderMap, HeaderName, header};

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// The host and port of a URL.
pub(super) fn authority(url: &str) -> Option<&str> {
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

/// Whether this is a browser that does not say where a request comes from. Over plain HTTP to an address that is not loopback's it sends
/// no `Sec-Fetch-Site`, and a page can keep it from sending a `Referer`: an image of another site may be behind a GET.
pub(crate) fn is_silent_browser(headers: &HeaderMap) -> bool {
    let says = ["sec-fetch-site", "origin", "referer"].iter().any(|name| headers.contains_key(*name));
    !says && text(headers, &header::USER_AGENT).is_some_and(|agent| agent.starts_with("Mozilla/"))
}

/// Whether a page of another site embeds this, as an image or a script is embedded, or fetches it. What it would get it may not
/// read; but making it costs the one who makes it. A link that somebody follows is something else.
pub(crate) fn is_embedded_elsewhere(headers: &HeaderMap) -> bool {
    let said = |name: &'static str| text(headers, &HeaderName::from_static(name));
    let elsewhere = matches!(said("sec-fetch-site"), Some("cross-site" | "same-site"));
    elsewhere
        && !(said("sec-fetch-mode") == Some("navigate")
            && said("sec-fetch-dest").is_none_or(|to| to == "document"))
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

    #[test]
    fn what_another_site_embeds_is_told_from_what_somebody_opens() {
        let of = |site: &'static str, mode: &'static str, to: &'static str| {
            let said = [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", to)];
            is_embedded_elsewhere(
                &said.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
            )
        };
        for (mode, to) in
            [("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe"), ("navigate", "object")]
        {
            assert!(of("cross-site", mode, to) && of("same-site", mode, to), "{mode} {to}");
            assert!(!of("same-origin", mode, to), "{mode} {to}");
        }
        assert!(!of("cross-site", "navigate", "document") && !of("none", "navigate", "document"));
        assert!(!is_embedded_elsewhere(&HeaderMap::new()));
    }

    #[test]
    fn a_browser_that_says_nothing_is_told_from_programs() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            is_silent_browser(
                &pairs.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
            )
        };
        let browser =
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        assert!(of(&[browser]));
        assert!(
            !of(&[browser, ("sec-fetch-site", "none")])
                && !of(&[browser, ("referer", "http://10.0.0.7:8089/")])
        );
        assert!(!of(&[("user-agent", "curl/8.14")]) && !of(&[]));
    }
}
