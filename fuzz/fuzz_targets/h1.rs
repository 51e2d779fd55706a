//! The response decoder against hyper, and against itself: with the input cut in two, and with heads remembered, of this response and of
//! one with another byte in it.
//!
//! The first byte of the input says which method was asked with, the second where the response is cut.
#![no_main]

use std::sync::LazyLock;

use gregaria_http::Method;
use gregaria_http::h1::{DecodeError, Decoder, Leniency, Limits, Memo, Piece};
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/http/src/h1/oracle.rs"]
mod oracle;

use oracle::{Reading, by_hyper, sorted};

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));

fn by_us(method: &Method, parts: &[&[u8]]) -> Result<(Reading, Leniency), DecodeError> {
    with_memo(method, parts, &mut Memo::default())
}

fn with_memo(
    method: &Method,
    parts: &[&[u8]],
    memo: &mut Memo,
) -> Result<(Reading, Leniency), DecodeError> {
    let mut decoder = Decoder::new(Limits::default());
    decoder.start(method);
    let (mut unread, mut status, mut fields, mut body) = (Vec::new(), 0, Vec::new(), Vec::new());
    let lower = |headers: &gregaria_http::Headers| {
        sorted(headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect())
    };
    'parts: for part in parts {
        unread.extend_from_slice(part);
        loop {
            let (consumed, piece) = decoder.decode_with(&unread, memo)?;
            match piece {
                Some(Piece::Head(head)) => (status, fields) = (head.status, lower(&head.headers)),
                Some(Piece::Body(data)) => body.extend_from_slice(data),
                Some(Piece::Informational(_)) => {}
                Some(Piece::End) => break 'parts,
                None => {
                    unread.drain(..consumed);
                    break;
                }
            }
            unread.drain(..consumed);
        }
    }
    if !decoder.is_done() {
        decoder.end_of_input(unread.len())?;
    }
    Ok(((status, fields, body, lower(decoder.trailers())), decoder.leniency()))
}

fuzz_target!(|data: &[u8]| {
    let [choice, cut, response @ ..] = data else { return };
    let method = [Method::Get, Method::Head, Method::Post][usize::from(choice % 3)].clone();
    let whole = by_us(&method, &[response]);
    let (first, second) = response.split_at(response.len().min(usize::from(*cut)));
    let parts = by_us(&method, &[first, second]);
    assert_eq!(whole.as_ref().ok(), parts.as_ref().ok(), "cut in two");
    let mut memo = Memo::default();
    let mut other = response.to_vec();
    if let Some(byte) = other.get_mut(usize::from(*cut)) {
        *byte = choice.rotate_left(3);
    }
    for input in [response, &other[..], response, &other[..]] {
        let again = with_memo(&method, &[input], &mut memo);
        assert_eq!(again.ok(), by_us(&method, &[input]).ok(), "remembered");
    }
    match (by_hyper(&RUNTIME, method.as_str(), response), whole) {
        (Ok(hyper), Ok((ours, _))) => assert_eq!(ours, hyper),
        // hyper has no bound on interim responses, and none that matters on a line of a chunk.
        (Ok(_), Err(error)) => assert!(error.is_too_large(), "hyper reads what we refuse: {error}"),
        // hyper's own bounds are lower than ours for fields.
        (Err(error), Ok((_, leniency))) => {
            assert!(
                !leniency.is_empty() || error.to_string().contains("too large"),
                "hyper refuses what we read: {error}"
            );
        }
        (Err(_), Err(_)) => {}
    }
});
