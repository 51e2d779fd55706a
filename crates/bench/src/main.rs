//! `gregaria-bench PIECE COUNT`: does one piece of the hot path COUNT times and prints nothing.
//!
//! `bench/run.py` runs it twice under callgrind with two counts; the difference, divided, is the number of
//! instructions that the piece takes, whatever else the machine is doing.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a command's messages")]

use std::hint::black_box;
use std::process::ExitCode;

use gregaria_http::h1::{BodyFraming, Decoder, Limits, Piece, encode_head};
use gregaria_http::{Headers, Method};
use gregaria_stats::{RequestStats, SnapshotOptions};

const NOW: f64 = 1_700_000_000.0;
const NAMES: usize = 100;
/// What nginx answers for a small page.
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 04:00:00 GMT\r\n\
Content-Type: text/html\r\nContent-Length: 38\r\nConnection: keep-alive\r\n\r\n<html><body>hello world</body></html>\n";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Type: text/html\r\n\
Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\na\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n";

type Piecework = fn(u64);
const PIECES: &[(&str, Piecework)] = &[
    ("encode", encode),
    ("decode", |count| decode(RESPONSE, count)),
    ("decode-chunked", |count| decode(CHUNKED, count)),
    ("record", record),
    ("snapshot", snapshot),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let piece = arguments.next().and_then(|name| PIECES.iter().find(|(piece, _)| *piece == name));
    let count = arguments.next().and_then(|text| text.parse().ok());
    let (Some((_, work)), Some(count)) = (piece, count) else {
        let names: Vec<&str> = PIECES.iter().map(|(name, _)| *name).collect();
        eprintln!("Usage: gregaria-bench {} COUNT", names.join("|"));
        return ExitCode::from(2);
    };
    work(count);
    ExitCode::SUCCESS
}

/// The head of a GET with the headers that a requests session sends.
fn encode(count: u64) {
    let mut headers = Headers::default();
    for (name, value) in [
        ("User-Agent", "python-requests/2.34.2"),
        ("Accept-Encoding", "gzip, deflate"),
        ("Accept", "*/*"),
        ("Connection", "keep-alive"),
    ] {
        headers.push(name, value);
    }
    let mut out = Vec::with_capacity(512);
    for _ in 0..count {
        out.clear();
        let headers = black_box(&headers);
        encode_head(
            &mut out,
            &Method::Get,
            "/item?page=1",
            Some("127.0.0.1"),
            headers,
            None,
            BodyFraming::None,
        );
        black_box(&out);
    }
}

/// One response on a kept connection: head, body, end.
fn decode(response: &[u8], count: u64) {
    let mut decoder = Decoder::new(Limits::default());
    for _ in 0..count {
        decoder.start(&Method::Get);
        let mut rest = black_box(response);
        loop {
            let (used, done, headers) = match decoder.decode(rest) {
                Ok((used, Some(Piece::Head(head)))) => (used, false, Some(head.headers)),
                Ok((used, piece)) => (used, matches!(piece, Some(Piece::End)), None),
                Err(error) => {
                    eprintln!("the sample response was refused: {error}");
                    return;
                }
            };
            if let Some(headers) = headers {
                decoder.recycle(headers);
            }
            rest = &rest[used..];
            if done {
                break;
            }
        }
    }
}

fn filled() -> (RequestStats, Vec<gregaria_stats::EntryId>) {
    let mut stats = RequestStats::new(true, NOW);
    let ids = (0..NAMES).map(|n| stats.entry_id("GET", &format!("/page/{n}"), NOW)).collect();
    (stats, ids)
}

/// One successful request into its entry and the total, a hundred names in turn.
fn record(count: u64) {
    let (mut stats, ids) = filled();
    for n in 0..count {
        let time = 1.0 + (n % 97) as f64 * 1.37;
        let counted =
            stats.record(black_box(ids[n as usize % NAMES]), Some(time), 1234, NOW + (n / 5000) as f64);
        black_box(counted);
    }
}

/// All numbers of a hundred names with a thousand samples each.
fn snapshot(count: u64) {
    let (mut stats, ids) = filled();
    for n in 0..100_000_u32 {
        let time = f64::from(n % 997) * 0.61;
        let counted = stats.record(ids[n as usize % NAMES], Some(time), 99, NOW + f64::from(n / 5000));
        black_box(counted);
    }
    for _ in 0..count {
        black_box(black_box(&stats).snapshot(NOW + 21.0, &SnapshotOptions::tables()));
    }
}
