//! Against the jar of requests, as recorded by `compat/golden/http_vectors.py`.

use serde_json::{Value, json};

use super::date::http_time;
use super::*;
use crate::url::Url;

const NOW: i64 = 1_795_400_000;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

#[test]
fn keeps_and_sends_what_the_jar_of_requests_does() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../tests/golden/cookies.json")).unwrap();
    assert!(cases.len() > 500);
    let mut differences = Vec::new();
    for case in &cases {
        let mut jar = CookieJar::new();
        for step in case["steps"].as_array().unwrap() {
            let field: Vec<u8> =
                step[1].as_str().unwrap().chars().map(|c| u8::try_from(c).unwrap()).collect();
            jar.store(&url(step[0].as_str().unwrap()), None, &field, NOW);
        }
        let kept: Vec<Value> = jar
            .iter()
            .map(|c| {
                let mut rest: Vec<&str> = c.rest.iter().map(|(name, _)| name.as_str()).collect();
                rest.sort_unstable();
                json!([c.name, c.value, c.domain, c.path, c.expires, c.secure, c.discard, c.port, rest])
            })
            .collect();
        if case["cookies"] != Value::Array(kept.clone()) {
            differences.push(format!(
                "{}\n  theirs {}\n  ours   {}",
                case["steps"],
                case["cookies"],
                json!(kept)
            ));
        }
        for (to, expected) in case["sent"].as_object().unwrap() {
            let sent = jar.header_for(&url(to), None, NOW).map(|header| latin1(&header));
            if expected.as_str() != sent.as_deref() {
                differences
                    .push(format!("{} to {to}\n  theirs {expected}\n  ours   {sent:?}", case["steps"]));
            }
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn reads_dates_as_loosely_as_http_cookiejar() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../tests/golden/dates.json")).unwrap();
    for case in &cases {
        assert_eq!(json!(http_time(case["text"].as_str().unwrap(), NOW)), case["time"], "{case}");
    }
}

#[test]
fn a_cookie_of_the_script_goes_everywhere() {
    let mut jar = CookieJar::new();
    jar.set(Cookie::new("a", "1"));
    for to in ["http://example.com/", "https://127.0.0.1/x", "http://localhost/"] {
        assert_eq!(jar.header_for(&url(to), None, NOW).as_deref(), Some(&b"a=1"[..]));
    }
    jar.set(Cookie { value: None, ..Cookie::new("b", "") });
    jar.set(Cookie::new("c", "\u{e9}"));
    jar.set(Cookie::new("d", "\u{20ac}"));
    let header = jar.header_for(&url("http://h/"), None, NOW).unwrap();
    assert_eq!(header, b"a=1; b; c=\xe9; d=\xe2\x82\xac");
}

#[test]
fn the_host_field_of_the_caller_counts_instead_of_the_url() {
    let mut jar = CookieJar::new();
    assert!(jar.store(&url("http://127.0.0.1/"), Some("Shop.example:80"), b"a=1", NOW));
    assert_eq!(jar.iter().next().unwrap().domain, "shop.example");
    assert_eq!(jar.header_for(&url("http://127.0.0.1/"), None, NOW), None);
    assert!(jar.header_for(&url("http://127.0.0.1/"), Some("shop.example"), NOW).is_some());
}

#[test]
fn cookies_end_when_they_said_and_in_the_same_second() {
    let mut jar = CookieJar::new();
    let at = url("http://h.example/");
    jar.store(&at, None, b"a=1; Max-Age=10", NOW);
    assert!(jar.header_for(&at, None, NOW + 9).is_some());
    assert_eq!(jar.header_for(&at, None, NOW + 10), None);
    assert_eq!((jar.len(), jar.purge_expired(NOW + 10), jar.len()), (1, 1, 0));
}

#[test]
fn the_version_grows_with_every_change_and_only_then() {
    let mut jar = CookieJar::new();
    let at = url("http://h.example/");
    let mut last = jar.version();
    let mut changed = |jar: &CookieJar| {
        let grew = jar.version() > last;
        last = jar.version();
        grew
    };
    assert!(jar.store(&at, None, b"a=1", NOW) && changed(&jar));
    assert!(!jar.store(&at, None, b"=x", NOW) && !changed(&jar));
    assert!(!jar.store(&at, None, b"b=1; Domain=other.org", NOW) && !changed(&jar));
    assert!(!jar.store(&at, None, b"b=1; Max-Age=0", NOW) && !changed(&jar));
    assert!(jar.store(&at, None, b"a=; Max-Age=0", NOW) && changed(&jar));
    assert!(jar.is_empty());
    jar.set(Cookie::new("a", "1"));
    assert!(changed(&jar));
    assert_eq!(jar.remove_named("a", Some("x"), None), 0);
    assert!(!changed(&jar));
    assert_eq!(jar.remove_named("a", None, Some("/")), 1);
    assert!(changed(&jar));
    jar.clear();
    assert!(changed(&jar));
}

#[test]
fn a_jar_is_bounded_and_forgets_the_oldest() {
    let mut jar = CookieJar::new();
    for number in 0..3100 {
        let at = url(&format!("http://h{}.example/", number / 100));
        jar.store(&at, None, format!("n{number}=x; Path=/p{number}").as_bytes(), NOW);
    }
    assert_eq!(jar.len(), 3000);
    assert_eq!(jar.iter().next().unwrap().name, "n100");
    let big = "x".repeat(100_000);
    let at = url("http://h.example/");
    for number in 0..20 {
        jar.store(&at, None, format!("b{number}={big}").as_bytes(), NOW);
    }
    let bytes: usize = jar.iter().filter_map(|cookie| cookie.value.as_ref()).map(String::len).sum();
    assert!((900_000..=1 << 20).contains(&bytes), "{bytes}");
    assert!(jar.iter().any(|cookie| cookie.name == "b19"));
    jar.clear();
    assert_eq!((jar.len(), jar.iter().count()), (0, 0));
}

#[test]
fn a_domain_has_180_cookies_and_a_request_8_kib_of_them() {
    let mut jar = CookieJar::new();
    let at = url("http://h.example/");
    let value = "v".repeat(300);
    for number in 0..240 {
        jar.store(
            &at,
            None,
            format!("n{number}={value}; Path=/{}", if number % 2 == 0 { "" } else { "a" }).as_bytes(),
            NOW,
        );
    }
    assert_eq!(jar.len(), 180);
    assert!(!jar.iter().any(|cookie| cookie.name == "n59") && jar.iter().any(|cookie| cookie.name == "n60"));
    let sent = latin1(&jar.header_for(&url("http://h.example/a"), None, NOW).unwrap());
    assert!(
        (7_000..=8 << 10).contains(&sent.len()) && sent.contains("n239=") && !sent.contains("n200="),
        "{}",
        sent.len()
    );
    // One alone goes out whatever its size.
    jar.clear();
    jar.store(&at, None, format!("big={}", "x".repeat(20_000)).as_bytes(), NOW);
    assert!(jar.header_for(&at, None, NOW).unwrap().len() > 20_000);
}

#[test]
fn jars_can_be_merged_and_cleared_in_parts() {
    let mut jar = CookieJar::new();
    jar.store(&url("http://h.example/a/b"), None, b"a=1", NOW);
    jar.store(&url("http://h.example/"), None, b"b=2; Max-Age=5", NOW);
    jar.store(&url("http://other.org/"), None, b"c=3", NOW);
    let mut own = CookieJar::new();
    own.set(Cookie::new("d", "4"));
    own.update(&jar);
    assert_eq!(own.iter().map(|cookie| cookie.name.as_str()).collect::<Vec<_>>(), ["d", "a", "b", "c"]);
    assert_eq!(
        own.header_for(&url("http://h.example/a/x"), None, NOW).as_deref(),
        Some(&b"a=1; d=4; b=2"[..])
    );
    assert_eq!((own.clear_path("h.example", "/a"), own.clear_domain("other.org"), own.len()), (1, 1, 2));
    assert_eq!((own.clear_session_cookies(), own.len()), (1, 1));
    assert!(own.remove("h.example", "/", "b") && !own.remove("h.example", "/", "b"));
}

/// CPU time of this thread, in seconds.
fn cpu_seconds() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    told.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

#[test]
fn a_flood_of_cookies_costs_little_cpu_and_goes_back_in_eight_kib() {
    let mut jar = CookieJar::new();
    let at = url("http://h.example/");
    let begun = cpu_seconds();
    for response in 0..40 {
        for cookie in 0..240 {
            let field = format!("c{response}_{cookie}=0123456789abcdefghij; Path=/");
            jar.store(&at, None, field.as_bytes(), NOW);
        }
        let header = jar.header_for(&at, None, NOW).unwrap();
        assert!(header.len() <= 8 << 10, "{}", header.len());
        // The newest go along.
        let newest = format!("c{response}_239=");
        assert!(header.windows(newest.len()).any(|part| part == newest.as_bytes()));
    }
    // A few milliseconds each without optimisation; all cookies looked through for each would be a hundred times that.
    let each = (cpu_seconds() - begun) / 40.0;
    assert!(each < 0.05, "{each} s for each response");
}
