//! Heads that come again: a server says the same to each request for the same page, but for the date.
//!
//! What was read of a head holds for every head with the same bytes, and for one that differs in the value of its `Date` only,
//! as long as that value is as long and could not end its line: no byte of it is looked at by whoever reads a head.

use std::ops::Range;

use crate::headers::Span;

use super::framing::FramingFields;
use super::head::{Parsed, ResponseHead, Version};
use super::limits::Limits;
use super::reason::Reason;
use crate::headers::Headers;

/// How many heads are remembered: those of a few pages.
const HEADS: usize = 4;
/// Longer ones are rare, and read each time.
const LONGEST: usize = 2048;
/// `Sun, 06 Nov 1994 08:49:37 GMT`.
const DATE: usize = 29;

/// The heads that came last.
#[derive(Debug, Default)]
pub struct Memo {
    known: Vec<Known>,
    /// The one that came last, and the one to be forgotten next.
    last: usize,
    next: usize,
}

#[derive(Debug)]
struct Known {
    head: Vec<u8>,
    /// Where the value of `Date` is; at the end, and empty, if there is none.
    date: Range<usize>,
    /// Where the fields begin.
    start: usize,
    status: u16,
    version: Version,
    reason: Reason,
    spans: Vec<Span>,
    framing: FramingFields,
}

impl Known {
    fn is(&self, input: &[u8]) -> bool {
        let Range { start, end } = self.date;
        input.len() >= self.head.len()
            && input[..start] == self.head[..start]
            && input[end..self.head.len()] == self.head[end..]
            && is_plain(&input[start..end])
    }
}

/// Whether a value cannot be anything but a value, to its first and last byte.
fn is_plain(value: &[u8]) -> bool {
    let edge = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_graphic);
    edge(value.first())
        && edge(value.last())
        && value.iter().all(|&byte| byte == b' ' || byte.is_ascii_graphic())
}

impl Memo {
    /// The head at the start of `input`, if it has been read before; in memory that `spare` lends.
    pub(super) fn recall(&mut self, input: &[u8], limits: &Limits, spare: &mut Headers) -> Option<Parsed> {
        let at = if self.known.get(self.last)?.is(input) {
            self.last
        } else {
            self.known.iter().position(|known| known.is(input))?
        };
        let known = &self.known[at];
        if known.head.len() > limits.max_head || known.spans.len() > limits.max_headers {
            return None;
        }
        self.last = at;
        let len = known.head.len();
        let mut headers = std::mem::take(spare);
        headers.start_block(&input[known.start..len], 0);
        headers.locate_all(&known.spans);
        let content_length = known.framing.content_length();
        let (status, version, reason) = (known.status, known.version, known.reason.clone());
        let head = ResponseHead { status, version, reason, headers, content_length };
        Some(Parsed { len, head, framing: known.framing.clone() })
    }

    /// Remembers a head at the start of `input` that was read by the book.
    pub(super) fn note(&mut self, input: &[u8], parsed: &Parsed) {
        if parsed.len > LONGEST {
            return;
        }
        if self.known.len() < HEADS {
            self.next = self.known.len();
            self.known.push(Known {
                head: Vec::new(),
                date: 0..0,
                start: 0,
                status: 0,
                version: Version::Http11,
                reason: Reason::new(200, b""),
                spans: Vec::new(),
                framing: FramingFields::default(),
            });
        }
        let headers = &parsed.head.headers;
        let known = &mut self.known[self.next];
        self.last = self.next;
        self.next = (self.next + 1) % HEADS;
        known.head.clear();
        known.head.extend_from_slice(&input[..parsed.len]);
        known.start = parsed.len - headers.block_len();
        let date = headers.spans().iter().find(|span| {
            span.value_len as usize == DATE && headers.name_bytes(span).eq_ignore_ascii_case(b"date")
        });
        known.date = match date {
            Some(span) => {
                let start = known.start + span.value as usize;
                start..start + DATE
            }
            None => parsed.len..parsed.len,
        };
        known.spans.clear();
        known.spans.extend_from_slice(headers.spans());
        known.status = parsed.head.status;
        known.version = parsed.head.version;
        known.reason = parsed.head.reason.clone();
        known.framing = parsed.framing.clone();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::super::decode::{Decoder, Piece};
    use super::*;
    use crate::method::Method;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/html\r\nContent-Length: 11\r\nConnection: keep-alive\r\n\r\n";

    /// All that comes of a response, the connection's fate included.
    fn read(input: &[u8], limits: Limits, memo: &mut Memo) -> impl PartialEq + std::fmt::Debug + use<> {
        let mut decoder = Decoder::new(limits);
        decoder.start(&Method::Get);
        let mut rest = input;
        let mut pieces = Vec::new();
        loop {
            match decoder.decode_with(rest, memo) {
                Ok((count, piece)) => {
                    rest = &rest[count..];
                    let over = piece.is_none();
                    pieces.push(piece.map(|piece| match piece {
                        Piece::Body(bytes) => format!("{bytes:?}"),
                        piece => format!("{piece:?}"),
                    }));
                    if over {
                        break;
                    }
                }
                Err(error) => {
                    pieces.push(Some(format!("{error:?}")));
                    break;
                }
            }
        }
        (pieces, decoder.keep_alive(), decoder.leniency(), rest.to_vec())
    }

    fn is_remembered(memo: &mut Memo, input: &[u8]) -> bool {
        memo.recall(input, &Limits::default(), &mut Headers::new()).is_some()
    }

    #[test]
    fn a_head_is_known_again_whatever_its_date() {
        let mut memo = Memo::default();
        let _ = read(HEAD, Limits::default(), &mut memo);
        let other =
            String::from_utf8_lossy(HEAD).replace("Sun, 06 Nov 1994 08:49:37", "Mon, 30 Nov 2026 23:59:59");
        assert!(is_remembered(&mut memo, HEAD) && is_remembered(&mut memo, other.as_bytes()));
        for (old, new) in [
            ("nginx", "ngjnx"),
            ("GMT", "GM\r"),
            ("GMT", "GM "),
            ("Sun", "\tun"),
            (" 11", " 12"),
            ("OK", "KO"),
        ] {
            let other = String::from_utf8_lossy(HEAD).replace(old, new);
            assert!(!is_remembered(&mut memo, other.as_bytes()), "{new:?}");
        }
        assert!(!is_remembered(&mut memo, &HEAD[..HEAD.len() - 1]));
        let small = Limits { max_headers: 3, ..Limits::default() };
        assert!(memo.recall(HEAD, &small, &mut Headers::new()).is_none());
    }

    #[test]
    fn heads_of_a_few_pages_are_known_at_a_time() {
        let mut memo = Memo::default();
        let page = |n: usize| String::from_utf8_lossy(HEAD).replace(" 11", &format!(" {n}")).into_bytes();
        for n in 10..14 {
            let _ = read(&page(n), Limits::default(), &mut memo);
        }
        assert!((10..14).all(|n| is_remembered(&mut memo, &page(n))));
        let _ = read(&page(14), Limits::default(), &mut memo);
        assert!((11..15).all(|n| is_remembered(&mut memo, &page(n))) && !is_remembered(&mut memo, &page(10)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        /// Whatever came before, and however little a head differs from it.
        #[test]
        fn what_is_recalled_is_what_is_read(
            changes in proptest::collection::vec(
                (any::<Index>(), prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n'), Just(b' ')], 0_u8..3), 0..4),
            more in proptest::collection::vec(any::<u8>(), 0..16),
            twice: bool,
        ) {
            let mut memo = Memo::default();
            let _ = read(HEAD, Limits::default(), &mut memo);
            let mut input = HEAD.to_vec();
            for (place, byte, how) in changes {
                let place = place.index(input.len());
                match how {
                    0 => input[place] = byte,
                    1 => input.insert(place, byte),
                    _ => drop(input.remove(place)),
                }
            }
            input.extend(more);
            let afresh = read(&input, Limits::default(), &mut Memo::default());
            if twice {
                prop_assert_eq!(&read(&input, Limits::default(), &mut memo), &afresh);
            }
            prop_assert_eq!(&read(&input, Limits::default(), &mut memo), &afresh);
        }
    }
}
