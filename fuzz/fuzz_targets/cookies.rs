//! `Set-Cookie` fields, one a line: nothing panics, jars stay bounded, and nothing goes out that could end a line.
#![no_main]

use gregaria_http::{CookieJar, Url};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let now = 1_795_400_000;
    let urls = ["http://localhost:80/a/b", "https://www.example.com/", "http://127.0.0.1/x"]
        .map(|text| Url::parse(text).expect("a sound URL"));
    let mut jar = CookieJar::new();
    for (number, line) in data.split(|&byte| matches!(byte, b'\n' | b'\r')).enumerate() {
        let before = jar.version();
        let changed = jar.store(&urls[number % urls.len()], None, line, now);
        assert_eq!(changed, jar.version() > before);
    }
    assert_eq!(jar.iter().count(), jar.len());
    assert!(jar.len() <= 3000);
    for url in &urls {
        if let Some(header) = jar.header_for(url, None, now) {
            assert!(!header.is_empty() && !header.contains(&b'\n') && !header.contains(&b'\r'));
        }
    }
    jar.purge_expired(i64::MAX);
    assert!(jar.iter().all(|cookie| cookie.expires.is_none()));
});
