//! Against what the original clients sent, as recorded by `compat/golden/http_vectors.py`.

use serde_json::Value;

use super::*;

/// Checks every case of a file and reports all that differ at once. What is `known` has to differ: a host with a space
/// in it goes as far as the resolver in geventhttpclient.
fn check(json: &str, known: &[&str], outcome: impl Fn(&Value) -> Result<Url, UrlError>) {
    let cases: Vec<Value> = serde_json::from_str(json).unwrap();
    assert!(cases.len() > 100);
    let mut differences = Vec::new();
    for case in &cases {
        let label = case["url"].as_str().or(case["location"].as_str()).unwrap();
        let agreed = match (outcome(case), case["error"].as_str()) {
            (Ok(url), None) => {
                let text = case["prepared"].as_str().or(case["text"].as_str()).unwrap();
                url.as_str() == text && case["target"] == url.target() && same_host(case, &url)
            }
            (Err(_), Some(_)) => true,
            _ => false,
        };
        if agreed == known.contains(&label) {
            differences.push(format!(
                "{case}\n    agreed: {agreed}, ours: {:?}",
                outcome(case)
                    .map(|url| { (url.to_string(), url.target().to_owned(), url.host_header().to_owned()) })
            ));
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

/// requests was watched on the wire; geventhttpclient tells the host that it resolves, IDNA being left to the system.
fn same_host(case: &Value, url: &Url) -> bool {
    // The percent sign before a zone counts as itself, escaped or not.
    let plain = |host: &str| if host.contains(':') { host.replace("%25", "%") } else { host.to_owned() };
    let host = text(case, "host");
    if case.get("prepared").is_some() {
        let hostname = case.get("hostname").and_then(Value::as_str);
        return host == url.host_header() && hostname.is_none_or(|name| plain(name) == url.host());
    }
    case["port"] == url.port() && (plain(host) == url.host() || !host.is_ascii())
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap()
}

#[test]
fn urls_are_those_that_requests_sends() {
    check(include_str!("../../tests/golden/urls.json"), &[], |case| Url::parse(text(case, "url")));
}

#[test]
fn redirects_lead_where_requests_goes() {
    check(include_str!("../../tests/golden/joins.json"), &[], |case| {
        Url::parse(text(case, "base"))?.join(text(case, "location").as_bytes())
    });
}

#[test]
fn urls_are_those_that_geventhttpclient_sends() {
    check(include_str!("../../tests/golden/fast_urls.json"), &["http://a b/"], |case| {
        Url::parse_fast(text(case, "url"))
    });
}

#[test]
fn redirects_lead_where_geventhttpclient_goes() {
    check(include_str!("../../tests/golden/fast_joins.json"), &["http://exa mple/"], |case| {
        Url::parse_fast(text(case, "base"))?.join_with(Style::Fast, text(case, "location").as_bytes())
    });
}

#[test]
fn a_path_may_begin_with_any_character() {
    let url = Url::parse_fast("http://h/").unwrap().join_with(Style::Fast, "È/x".as_bytes()).unwrap();
    assert_eq!(url.target(), "/%C3%88/x");
    let url = Url::parse_fast("http:È/x");
    assert!(matches!(url, Err(UrlError::NoHost(_))), "{url:?}");
    assert_eq!(split::remove_dot_segments("È/x/../y"), "È/y");
}

#[test]
fn locations_beyond_utf8_are_escaped() {
    let url = Url::parse("http://h/a").unwrap();
    assert_eq!(url.join(b"/\xe4?\xff").unwrap().target(), "/%E4?%FF");
    assert_eq!(url.join_with(Style::Fast, b"/\xe4").unwrap().target(), "/%C3%A4");
}

#[test]
fn a_url_tells_its_parts() {
    let url = Url::parse("https://u:p@Host.example:8443/a/b?c#d").unwrap();
    assert_eq!(
        (url.scheme(), url.host(), url.port(), url.explicit_port()),
        ("https", "host.example", 8443, Some(8443))
    );
    assert_eq!(
        (url.target(), url.path(), url.query(), url.fragment()),
        ("/a/b?c", "/a/b", Some("c"), Some("d"))
    );
    assert_eq!((url.userinfo(), url.authority()), (Some(("u", Some("p"))), "u:p@host.example:8443"));
    assert_eq!(url.absolute_form(), "https://host.example:8443/a/b?c");
    assert!(url.same_origin(&Url::parse("https://host.example:8443").unwrap()));
    assert!(!url.same_origin(&Url::parse("https://host.example/").unwrap()));
    assert!(Url::parse("http://h:80/").unwrap().same_origin(&Url::parse("http://H/").unwrap()));
}

#[test]
fn the_short_way_leads_to_the_same_place() {
    let mut plain = 0;
    for host in ["h", "a.b-c", "127.0.0.1", "h:80", "h:8080", "h:443", "h:0", "h:", "a.", "-a", "A"] {
        for path in [
            "/",
            "/a/b",
            "/a?b=c/d?e",
            "/?",
            "/a?",
            "//a",
            "/.a",
            "/a/./b",
            "/a..b",
            "/a;p",
            "/a;?q",
            "/%41",
            "",
        ] {
            for scheme in ["http", "https", "HTTP"] {
                let text = format!("{scheme}://{host}{path}");
                let Some(short) = Url::plain(&text) else { continue };
                plain += 1;
                let long = Url::prepared(requests::prepare(&text).unwrap()).unwrap();
                let parts = |url: &Url| {
                    let (port, query) = (url.explicit_port(), url.query().map(str::to_owned));
                    let texts = [
                        url.as_str(),
                        url.host(),
                        url.host_header(),
                        url.target(),
                        url.path(),
                        url.authority(),
                    ];
                    (url.is_https(), port, query, texts.map(str::to_owned))
                };
                assert_eq!(parts(&short), parts(&long), "{text}");
            }
        }
    }
    assert_eq!(plain, 72);
}
