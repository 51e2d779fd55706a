//! URLs and locations: nothing panics, what is parsed can be sent, and parsing its text again changes nothing.
#![no_main]

use gregaria_http::Url;
use gregaria_http::url::Style;
use libfuzzer_sys::fuzz_target;

fn check(url: &Url) {
    let sound = |text: &str| text.bytes().all(|byte| byte > b' ' && byte < 0x7f);
    assert!(url.target().starts_with('/') && sound(url.target()), "{url:?}");
    assert!(!url.host().is_empty() && sound(url.host_header()), "{url:?}");
    let _ = (url.userinfo(), url.query(), url.fragment(), url.absolute_form());
}

fuzz_target!(|data: &[u8]| {
    let (first, location) = match data.iter().position(|&byte| byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &b"../x?y#z"[..]),
    };
    let Ok(text) = std::str::from_utf8(first) else { return };
    for style in [Style::Requests, Style::Fast] {
        let Ok(url) = Url::parse_with(style, text) else { continue };
        check(&url);
        if let Ok(next) = url.join_with(style, location) {
            check(&next);
        }
        if style == Style::Requests
            && let Ok(again) = Url::parse(url.as_str())
        {
            assert_eq!(again.host(), url.host());
        }
    }
});
