//! Queries, forms and cookies as a browser, or somebody worse, sends them.
#![no_main]

use gregaria_web::{cookie_value, form, pairs};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use libfuzzer_sys::fuzz_target;

fn of(kind: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())])
}

fuzz_target!(|data: &[u8]| {
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=X"] {
        let _ = form(&of(kind), data);
    }
    let framed = [b"--X\r\n", data, b"\r\n--X--\r\n"].concat();
    let _ = form(&of("multipart/form-data; boundary=X"), &framed);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = pairs(text);
        if let Some(value) = cookie_value(text, "gregaria-token-8089") {
            assert!(text.contains(value));
        }
    }
});
