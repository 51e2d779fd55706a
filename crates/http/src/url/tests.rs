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
