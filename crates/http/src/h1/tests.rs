//! What the decoder makes of single responses.

use std::fmt::Write;

use super::*;
use crate::headers::Headers;
use crate::method::Method;

/// All that a decoder says of a response.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) informational: Vec<u16>,
    pub(super) head: Option<ResponseHead>,
    pub(super) body: Vec<u8>,
    pub(super) trailers: Headers,
    pub(super) keep_alive: bool,
    pub(super) leniency: Leniency,
    /// Bytes behind the response.
    pub(super) rest: usize,
    pub(super) error: Option<DecodeError>,
}

/// Feeds the parts of a response one after the other, then the end of input.
pub(super) fn read(method: &Method, parts: &[&[u8]], limits: Limits) -> Outcome {
    let mut decoder = Decoder::new(limits);
    decoder.start(method);
    let mut outcome = Outcome::default();
    let mut unread = Vec::new();
    let mut done = false;
    for part in parts {
        unread.extend_from_slice(part);
        while !done {
            let (consumed, piece) = match decoder.decode(&unread) {
                Ok(decoded) => decoded,
                Err(error) => {
                    outcome.error = Some(error);
                    return outcome;
                }
            };
            match piece {
                Some(Piece::Informational(status)) => outcome.informational.push(status),
                Some(Piece::Head(head)) => outcome.head = Some(head),
                Some(Piece::Body(data)) => {
                    assert!(!data.is_empty(), "empty piece of a body");
                    outcome.body.extend_from_slice(data);
                }
                Some(Piece::End) => done = true,
                None => {
                    unread.drain(..consumed);
                    break;
                }
            }
            unread.drain(..consumed);
        }
    }
    if !done && let Err(error) = decoder.end_of_input(unread.len()) {
        outcome.error = Some(error);
    }
    assert_eq!(decoder.body_bytes(), outcome.body.len() as u64);
    outcome.keep_alive = decoder.keep_alive();
    outcome.trailers = decoder.take_trailers();
    outcome.leniency = decoder.leniency();
    outcome.rest = unread.len();
    outcome
}

fn get(response: &str) -> Outcome {
    read(&Method::Get, &[response.as_bytes()], Limits::default())
}

/// Status, body and whether the connection can be used again.
fn summary(outcome: &Outcome) -> (u16, &str, bool) {
    assert_eq!(outcome.error, None);
    let body = std::str::from_utf8(&outcome.body).unwrap();
    (outcome.head.as_ref().unwrap().status, body, outcome.keep_alive)
}

#[test]
fn a_small_response_is_read_whole() {
    let outcome = get("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\nX-Empty:\r\n\r\nhelloHTTP/1.1");
    assert_eq!(summary(&outcome), (200, "hello", true));
    let head = outcome.head.unwrap();
    assert_eq!((head.version, head.content_length), (Version::Http11, Some(5)));
    assert_eq!(head.reason.to_text(), "OK");
    assert_eq!(
        head.headers.iter().collect::<Vec<_>>(),
        [("Server", &b"x"[..]), ("Content-Length", b"5"), ("X-Empty", b"")]
    );
    assert_eq!(outcome.rest, 8);
    assert!(outcome.leniency.is_empty());
}

#[test]
fn a_response_cut_anywhere_reads_the_same() {
    let responses = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
         5;a=b\r\nhello\r\n1 \r\n!\r\n0\r\nX: y\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nto the end",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nFoo : bar\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nhi\n0\nX: y\n\n",
    ];
    for response in responses {
        let whole = get(response);
        assert_eq!(whole.error, None, "{response}");
        let bytes = response.as_bytes();
        for first in 0..bytes.len() {
            for second in [first, first + 1, first + 7, bytes.len()] {
                let second = second.min(bytes.len());
                let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(
                    read(&Method::Get, &parts, Limits::default()),
                    whole,
                    "{response:?} at {first} {second}"
                );
            }
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&Method::Get, &single, Limits::default()), whole, "{response:?} byte by byte");
    }
}

#[test]
fn some_responses_have_no_body_whatever_their_fields_say() {
    let head = Method::Head;
    let connect = Method::new("CONNECT").unwrap();
    for (method, status, keep_alive) in [
        (&head, 200, true),
        (&Method::Get, 204, true),
        (&Method::Get, 304, true),
        (&Method::Get, 101, false),
        (&connect, 200, false),
    ] {
        for field in ["Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: x"] {
            let response = format!("HTTP/1.1 {status} X\r\n{field}\r\n\r\nrest");
            let outcome = read(method, &[response.as_bytes()], Limits::default());
            assert_eq!(summary(&outcome), (status, "", keep_alive), "{method} {status} {field}");
            assert_eq!(outcome.rest, 4);
        }
    }
    let refused = read(&connect, &[b"HTTP/1.1 407 X\r\nContent-Length: 1\r\n\r\nx"], Limits::default());
    assert_eq!(summary(&refused), (407, "x", true));
}

#[test]
fn the_connection_is_kept_as_version_and_fields_say() {
    for (head, keep_alive) in [
        ("HTTP/1.1 200 OK", true),
        ("HTTP/1.1 200 OK\r\nConnection: close", false),
        ("HTTP/1.1 200 OK\r\nConnection: x, Close", false),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive", true),
        ("HTTP/1.0 200 OK", false),
        ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive", true),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive, close", false),
        ("HTTP/1.1 200 OK\r\nno colon", false),
    ] {
        assert_eq!(get(&format!("{head}\r\nContent-Length: 0\r\n\r\n")).keep_alive, keep_alive, "{head}");
    }
    assert!(!get("HTTP/1.1 200 OK\r\n\r\n").keep_alive, "ends with the connection");
}

#[test]
fn what_could_be_smuggled_ends_the_connection_or_the_response() {
    let both =
        get("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
    assert_eq!(summary(&both), (200, "hi", false));
    let old = get("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(summary(&old), (200, "", false));
    assert!(old.leniency.contains(Leniency::TRANSFER_ENCODING_IN_HTTP10));
    let not_last = get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nraw");
    assert_eq!(summary(&not_last), (200, "raw", false));
    let last =
        get("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: x, Chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(summary(&last), (200, "", true));
    for lengths in
        ["3, 4", "", "+3", "-3", "0x3", "3 3", "3,", "18446744073709551615", "99999999999999999999"]
    {
        let outcome = get(&format!("HTTP/1.1 200 OK\r\nContent-Length: {lengths}\r\n\r\nabc"));
        assert!(matches!(outcome.error, Some(DecodeError::ContentLength(_))), "{lengths}: {outcome:?}");
        assert_eq!(outcome.error.map(|error| error.is_malformed()), Some(true));
    }
    let same = get("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\nContent-Length:3\r\n\r\nabc");
    assert_eq!(summary(&same), (200, "abc", true));
    let differing = get("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc");
    assert!(matches!(differing.error, Some(DecodeError::ContentLength(_))));
}

#[test]
fn interim_responses_are_told_and_bounded() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let outcome = get(&(interim.repeat(32) + last));
    assert_eq!(outcome.informational, [103; 32]);
    assert_eq!(summary(&outcome), (200, "", true));
    let outcome = get(&(interim.repeat(33) + last));
    assert_eq!(outcome.error, Some(DecodeError::TooManyInformational { limit: 32 }));
    assert!(outcome.error.unwrap().is_too_large());
}

#[test]
fn heads_that_browsers_read_are_read() {
    for (head, name, value, leniency) in [
        ("HTTP/1.1 200 OK\r\nA: b\r\n\t c", "a", "b  \t c", Leniency::FOLDED_FIELD),
        ("HTTP/1.1 200 OK\r\nA : b", "a", "b", Leniency::SPACE_BEFORE_COLON),
        ("HTTP/1.1 200 OK\r\nA@(x): b", "a@(x)", "b", Leniency::ODD_FIELD),
        ("HTTP/1.1 200 OK\r\nA: b\u{1}c", "a", "b\u{1}c", Leniency::ODD_FIELD),
        ("HTTP/1.1 200 OK\r\njunk\r\nA: b", "a", "b", Leniency::JUNK_LINE),
        ("HTTP/1.1 200 OK\r\n leading\r\nA: b", "a", "b", Leniency::JUNK_LINE),
        ("HTTP/1.1 200 OK\r\nB C: d\r\nA: b", "a", "b", Leniency::JUNK_LINE),
        ("HTTP/1.1   200   OK\r\nA: b", "a", "b", Leniency::ODD_STATUS_LINE),
    ] {
        let outcome = get(&format!("{head}\r\nContent-Length: 2\r\n\r\nhi"));
        assert_eq!(summary(&outcome).1, "hi", "{head}");
        let head = outcome.head.unwrap();
        assert_eq!(head.headers.get_str(name), Some(value), "{head:?}");
        assert_eq!(head.reason.to_text(), "OK");
        assert!(outcome.leniency.contains(leniency), "{head:?}: {:?}", outcome.leniency);
    }
}

#[test]
fn reasons_may_be_absent_or_odd() {
    for (line, reason) in [
        ("HTTP/1.1 200", ""),
        ("HTTP/1.1 200 ", ""),
        ("HTTP/1.1 200 All Right", "All Right"),
        // Latin-1, as in Python, whatever it was meant to be.
        ("HTTP/1.1 200 Größe", "GrÃ¶Ã\u{9f}e"),
        ("\r\nHTTP/1.1 299 x", "x"),
    ] {
        let outcome = get(&format!("{line}\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(outcome.error, None, "{line}");
        assert_eq!(outcome.head.unwrap().reason.to_text(), reason, "{line}");
    }
}

#[test]
fn what_is_not_http_is_told_at_once() {
    for (bytes, version) in [
        ("SSH-2.0-OpenSSH_9\r\n", false),
        ("<html>", false),
        ("HTTP/1.1 OK\r\n", false),
        ("HTTP/1.1 20x OK\r\n", false),
        ("HTTP/1.1 099 OK\r\n\r\n", false),
        ("HTTP/1.1 2000 OK\r\n\r\n", false),
        ("HTTP/2.0 200 OK\r\n", true),
        ("HTTP/1.2 200 OK\r\n", true),
    ] {
        let mut decoder = Decoder::new(Limits::default());
        match decoder.decode(bytes.as_bytes()) {
            Err(DecodeError::Version(_)) => assert!(version, "{bytes:?}"),
            Err(DecodeError::StatusLine(line)) => {
                assert!(!version && bytes.starts_with(&*line), "{bytes:?}");
            }
            other => panic!("{bytes:?}: {other:?}"),
        }
        assert!(!decoder.keep_alive());
    }
    for bytes in ["HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"] {
        assert!(matches!(get(bytes).error, Some(DecodeError::Header(_))), "{bytes:?}");
    }
}

#[test]
fn endings_too_early_are_told_apart() {
    use DecodeError::{NoResponse, TruncatedBody, TruncatedHead};
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let short = |received, missing| TruncatedBody { received, missing };
    for (response, error) in [
        (String::new(), NoResponse),
        ("HTTP/1.1 200 OK\r\nA".to_owned(), TruncatedHead),
        ("HTTP/1.1 100 Continue\r\n\r\n".to_owned(), TruncatedHead),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_owned(), short(3, Some(6))),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n".to_owned(), short(0, Some(9))),
        (format!("{chunked}5\r\nab"), short(2, Some(3))),
        (format!("{chunked}2\r\nab\r\n"), short(2, None)),
        (format!("{chunked}0\r\nA: b\r\n"), short(0, None)),
    ] {
        assert_eq!(get(&response).error, Some(error), "{response}");
    }
    let forgiven = get(&format!("{chunked}2\r\nab\r\n0\r\n"));
    assert_eq!(summary(&forgiven), (200, "ab", false));
    assert!(forgiven.leniency.contains(Leniency::NO_FINAL_LINE));
}

#[test]
fn chunked_bodies_have_trailers_extensions_and_errors() {
    let start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let outcome = get(&format!("{start}00a;x=\"y\"\r\n0123456789\r\n0\r\nX: 1\r\nY : 2\r\n\r\n"));
    assert_eq!(summary(&outcome), (200, "0123456789", true));
    assert_eq!(outcome.trailers.get_str("x"), Some("1"));
    assert_eq!(outcome.trailers.get_str("y"), Some("2"));
    for (body, error) in [
        ("\r\n", DecodeError::ChunkSize),
        ("x\r\n", DecodeError::ChunkSize),
        (" 1\r\na", DecodeError::ChunkSize),
        ("+1\r\na", DecodeError::ChunkSize),
        ("0x1\r\na", DecodeError::ChunkSize),
        ("1 1\r\na", DecodeError::ChunkSize),
        ("1;a\nb\r\n", DecodeError::ChunkSize),
        ("10000000000000000\r\n", DecodeError::ChunkSize),
        ("1\r\nab", DecodeError::ChunkEnd),
        ("1\r\na\rb", DecodeError::ChunkEnd),
    ] {
        assert_eq!(get(&format!("{start}{body}")).error, Some(error), "{body:?}");
    }
    let long = "1;".to_owned() + &"x".repeat(16 * 1024 + 1);
    assert_eq!(get(&format!("{start}{long}\r\n")).error, Some(DecodeError::ChunkExtension));
}

#[test]
fn limits_hold() {
    let limits =
        Limits { max_head: 100, max_headers: 3, max_body: 10, max_informational: 1, ..Limits::default() };
    let read = |response: &str| read(&Method::Get, &[response.as_bytes()], limits).error;
    let long = "x".repeat(100);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = Some(DecodeError::BodyTooLarge { limit: 10 });
    let head = Some(DecodeError::HeadTooLarge { limit: 100 });
    let fields = Some(DecodeError::TooManyHeaders { limit: 3 });
    assert_eq!(read(&format!("HTTP/1.1 200 OK\r\nA: {long}\r\n\r\n")), head);
    assert_eq!(read(&format!("HTTP/1.1 200 OK\r\nA : {long}\r\n\r\n")), head);
    assert_eq!(read(&format!("{chunked}0\r\nA: {long}\r\n\r\n")), head);
    assert_eq!(read("HTTP/1.1 200 OK\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\n\r\n"), fields);
    assert_eq!(read("HTTP/1.1 200 OK\r\nA : 1\r\nA: 1\r\nA: 1\r\nA: 1\r\n\r\n"), fields);
    assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"), body);
    assert_eq!(read(&format!("HTTP/1.1 200 OK\r\n\r\n{long}")), body);
    assert_eq!(read(&format!("{chunked}6\r\n123456\r\n5\r\n12345\r\n0\r\n\r\n")), body);
    assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"), None);
}

#[test]
fn many_fields_take_the_slower_way_to_the_same_result() {
    let mut response = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n".to_owned();
    for number in 0..200 {
        write!(response, "X-{number}: {number}\r\n").unwrap();
    }
    let head = get(&(response + "\r\n")).head.unwrap();
    assert_eq!(head.headers.len(), 201);
    assert_eq!(head.headers.get_str("x-199"), Some("199"));
}

#[test]
fn a_decoder_reads_one_response_after_the_other() {
    let mut decoder = Decoder::new(Limits::default());
    let input =
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let mut at = 0;
    let mut statuses = Vec::new();
    for _ in 0..2 {
        decoder.start(&Method::Get);
        loop {
            let (consumed, piece) = decoder.decode(&input[at..]).unwrap();
            at += consumed;
            match piece.unwrap() {
                Piece::Head(head) => {
                    statuses.push(head.status);
                    decoder.recycle(head.headers);
                }
                Piece::End => break,
                Piece::Body(data) => assert_eq!(data, b"hi"),
                Piece::Informational(_) => panic!(),
            }
        }
        assert!(decoder.is_done() && decoder.keep_alive());
        assert_eq!(decoder.decode(&input[at..]), Ok((0, None)), "nothing is read without being asked");
    }
    assert_eq!((statuses, at), (vec![200, 404], input.len()));
}

#[test]
fn bytes_that_are_put_in_their_place_count_as_read() {
    let mut decoder = Decoder::new(Limits::default());
    decoder.start(&Method::Get);
    assert_eq!(decoder.awaited(), None);
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab";
    let (consumed, _) = decoder.decode(head).unwrap();
    let _ = decoder.decode(&head[consumed..]).unwrap();
    assert_eq!(decoder.awaited(), Some(8));
    decoder.skip(5);
    assert_eq!((decoder.awaited(), decoder.body_bytes()), (Some(3), 7));
    assert_eq!(decoder.decode(b""), Ok((0, None)));
    decoder.skip(3);
    assert_eq!((decoder.awaited(), decoder.body_bytes()), (None, 10));
    assert_eq!(decoder.decode(b"GET"), Ok((0, Some(Piece::End))));
    assert!(decoder.is_done() && decoder.keep_alive());
    decoder.skip(7);
    assert_eq!(decoder.body_bytes(), 10, "nothing is awaited any more");
}
