//! Content encodings: nothing panics, caps hold, and how the input is cut does not matter.
#![no_main]

use gregaria_http::decode::{StreamDecoder, decode_body, decode_body_strict};
use libfuzzer_sys::fuzz_target;

const CAP: usize = 1 << 16;

fuzz_target!(|data: &[u8]| {
    let [choice, size, body @ ..] = data else { return };
    let encodings = ["gzip", "deflate", "br", "zstd", "gzip, br", "deflate, gzip", "zstd, identity"];
    let encodings = encodings[usize::from(*choice) % encodings.len()];
    let whole = decode_body(encodings, body, CAP);
    assert!(whole.as_ref().map_or(0, Vec::len) <= CAP);
    if let Ok(strict) = decode_body_strict(encodings, body, CAP) {
        assert_eq!(whole.as_ref(), Ok(&strict));
    }
    let mut decoder = StreamDecoder::new(encodings, CAP as u64).expect("a known list");
    let mut out = Vec::new();
    for part in body.chunks(usize::from(*size) + 1) {
        if decoder.push(part, &mut out).is_err() {
            return;
        }
    }
    if let Ok(whole) = whole {
        assert_eq!(out, whole);
    }
});
