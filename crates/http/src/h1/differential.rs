//! The decoder against hyper, on responses put together at random: a fuzzer for machines that have none.
//!
//! Whatever hyper reads, we read to the same result; what only we read, we admit to in [`Leniency`]. And however a
//! response is cut into parts, the result is the same. `fuzz/fuzz_targets/h1.rs` does so with better luck.

use super::oracle::{Reading, by_hyper, sorted};
use super::tests::{Outcome, read};
use super::*;
use crate::method::Method;

fn by_us(outcome: &Outcome) -> Option<Reading> {
    let lower = |headers: &crate::headers::Headers| {
        sorted(headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect())
    };
    let head = outcome.head.as_ref().filter(|_| outcome.error.is_none())?;
    Some((head.status, lower(&head.headers), outcome.body.clone(), lower(&outcome.trailers)))
}

/// Marsaglia's xorshift: the same responses on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const LINES: &[&str] = &[
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 OK",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 404 Not Found",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 304 Not Modified",
    "HTTP/1.1 301",
    "HTTP/1.1 200 ",
    "HTTP/1.1  200 OK",
    "HTTP/1.1 999 \u{e9}",
    "HTTP/1.1 99 OK",
    "HTTP/2.0 200 OK",
    "\r\nHTTP/1.1 200 OK",
];

const FIELDS: &[&str] = &[
    "Content-Length: 5",
    "Content-Length: 5",
    "content-length:0",
    "Content-Length: 5, 5",
    "Content-Length: 6",
    "Content-Length: +5",
    "Content-Length: ",
    "Content-Length : 5",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding : chunked",
    "transfer-encoding:\tCHUNKED ",
    "Connection: close",
    "Connection: keep-alive",
    "X: y",
    "x:  z  ",
    "Empty:",
    "A: b\r\n folded",
    "Odd(name): x",
    "Ctl: \u{1}",
    "no colon",
    " leading",
    ": no name",
    "Nul: \0",
    "Utf: \u{e9}",
];

const CHUNKS: &[&str] = &[
    "5\r\nhello\r\n",
    "5\r\nhello\r\n",
    "005;a=b\r\nhello\r\n",
    "1 \r\nx\r\n",
    "A\r\n0123456789\r\n",
    "1\t;x\r\ny\r\n",
    "5\nhello\r\n",
    "1\r\nx\n",
    "1;a\nb\r\nx\r\n",
    "1\r\nxy\r\n",
    "g\r\n",
    "\r\n",
    "fffffffffffffffff\r\n",
];

const ENDS: &[&str] = &[
    "0\r\n\r\n",
    "0\r\n\r\n",
    "0;x\r\nT: 1\r\n\r\n",
    "0\r\nT: 1\r\nU: 2\r\n\r\n",
    "0\r\nT : 1\r\n\r\n",
    "0\r\nT\r\n\r\n",
    "0\n\n",
    "0\r\n",
    "0\r\nT: 1\n\r\n",
    "",
];

fn response(random: &mut Random) -> Vec<u8> {
    let mut text = String::new();
    let end = |random: &mut Random| if random.below(12) == 0 { "\n" } else { "\r\n" };
    if random.below(8) == 0 {
        text.push_str(
            random.pick(&["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"]),
        );
    }
    text.push_str(random.pick(LINES));
    text.push_str(end(random));
    for _ in 0..random.below(4) {
        text.push_str(random.pick(FIELDS));
        text.push_str(end(random));
    }
    text.push_str(end(random));
    match random.below(4) {
        0 => text.push_str("hello"),
        1 => text.push_str("hello and more"),
        _ => {
            for _ in 0..random.below(4) {
                text.push_str(random.pick(CHUNKS));
            }
            text.push_str(random.pick(ENDS));
        }
    }
    let mut bytes = text.into_bytes();
    for _ in 0..random.below(16).saturating_sub(13) {
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes.truncate(at),
            1 => bytes[at] = b"\0\r\n :;,0aZ\x7f\xff"[random.below(12)],
            2 => bytes.insert(at, b"\r\n :5"[random.below(5)]),
            _ => drop(bytes.remove(at)),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

/// The parts that come of cutting at up to four random places.
fn cut<'a>(random: &mut Random, bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = (0..random.below(4)).map(|_| random.below(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

#[test]
fn agrees_with_hyper_on_random_responses() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let methods = [Method::Get, Method::Get, Method::Get, Method::Head, Method::Post];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut both, mut only_we, mut none) = (0, 0, 0);
    for _ in 0..6000 {
        let method = &methods[random.below(methods.len())];
        let bytes = response(&mut random);
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let outcome = read(method, &[&bytes], Limits::default());
        let ours = by_us(&outcome);
        match (by_hyper(&runtime, method.as_str(), &bytes), &ours) {
            (Ok(hyper), Some(ours)) => {
                assert_eq!(ours, &hyper, "{method} {shown:?}");
                both += 1;
            }
            (Ok(hyper), None) => panic!("hyper reads {hyper:?}, we {outcome:?}: {method} {shown:?}"),
            (Err(error), Some(_)) => {
                assert!(!outcome.leniency.is_empty(), "hyper: {error:?}, we {outcome:?}: {method} {shown:?}");
                only_we += 1;
            }
            (Err(_), None) => none += 1,
        }
        for _ in 0..2 {
            let parts = cut(&mut random, &bytes);
            let again = read(method, &parts, Limits::default());
            assert_eq!(by_us(&again), ours, "{method} {shown:?} as {parts:?}");
            if ours.is_some() {
                assert_eq!(again, outcome, "{method} {shown:?} as {parts:?}");
            }
        }
    }
    // The generator must reach all three, or the test tests nothing.
    assert!(both > 1000 && only_we > 300 && none > 1000, "{both} {only_we} {none}");
}

#[test]
fn never_panics_on_noise() {
    const BYTES: &[u8] = b"\0\r\n\r\n :;,09afT\x7f\xffHTP/1.2";
    let mut random = Random(42);
    for _ in 0..20_000 {
        let mut bytes = if random.below(2) == 0 { b"HTTP/1.1 200 OK\r\n".to_vec() } else { Vec::new() };
        bytes.extend((0..random.below(60)).map(|_| BYTES[random.below(BYTES.len())]));
        let outcome = read(&Method::Get, &[&bytes], Limits::default());
        assert!(outcome.error.is_some() || outcome.head.is_some());
    }
}
