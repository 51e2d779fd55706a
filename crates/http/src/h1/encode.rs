//! Writing requests.

use crate::headers::{Headers, is_valid_value};
use crate::method::Method;
use crate::url::Style;

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// No body, and no field that speaks of one.
    None,
    /// A body of that many bytes.
    Length(u64),
    /// A body in chunks, see [`encode_chunk`].
    Chunked,
}

impl BodyFraming {
    /// The framing of a body of known length: an empty one is announced as `Content-Length: 0` by the methods that the
    /// library in whose style the request is made does that for; without a style as urllib3 does of its own accord.
    pub fn announced(method: &Method, length: u64, style: Option<Style>) -> Self {
        match style {
            _ if length > 0 => Self::Length(length),
            Some(Style::Requests) => Self::for_body(method, None),
            Some(Style::Fast) if matches!(method, Method::Post | Method::Put | Method::Patch) => {
                Self::Length(0)
            }
            Some(Style::Fast) => Self::None,
            None => match method {
                Method::Get | Method::Head | Method::Delete | Method::Options => Self::None,
                Method::Other(name) if matches!(&**name, "TRACE" | "CONNECT") => Self::None,
                _ => Self::Length(0),
            },
        }
    }

    /// The framing of a body of known length, as requests has it: an absent body is announced as `Content-Length: 0`
    /// unless the method is `GET` or `HEAD`.
    pub fn for_body(method: &Method, length: Option<u64>) -> Self {
        match length {
            Some(0) | None if matches!(method, Method::Get | Method::Head) => Self::None,
            Some(length) => Self::Length(length),
            None => Self::Length(0),
        }
    }
}

/// Appends a request's head to `out`, the empty line included.
///
/// `Host` comes first, unless `headers` has one of its own; then `headers` in order and spelling; then `cookie` unless
/// `headers` has a `Cookie`; then what `body` says unless `headers` has `Content-Length` or `Transfer-Encoding`.
/// Nothing given here can begin a second line: line ends and NUL in values become spaces, and white space and control
/// characters in `target` are percent-encoded.
pub fn encode_head(
    out: &mut Vec<u8>,
    method: &Method,
    target: &str,
    host: Option<&str>,
    headers: &Headers,
    cookie: Option<&[u8]>,
    body: BodyFraming,
) {
    let given = Given::of(headers);
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    push_target(out, target);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    if let Some(host) = host
        && !given.host
    {
        push_field(out, b"Host: ", host.as_bytes());
    }
    if let Some(wire) = headers.wire() {
        out.extend_from_slice(wire);
    } else {
        for (name, value) in headers {
            out.extend_from_slice(name.as_bytes());
            push_field(out, b": ", value);
        }
    }
    if let Some(cookie) = cookie
        && !given.cookie
    {
        push_field(out, b"Cookie: ", cookie);
    }
    if !given.framing {
        match body {
            BodyFraming::None => {}
            BodyFraming::Length(length) => {
                out.extend_from_slice(b"Content-Length: ");
                push_decimal(out, length);
                out.extend_from_slice(b"\r\n");
            }
            BodyFraming::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends one chunk of a chunked body; nothing for no data, as an empty chunk would end the body.
pub fn encode_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let digits = (usize::BITS - data.len().leading_zeros()).div_ceil(4);
    for position in (0..digits).rev() {
        let digit = (data.len() >> (position * 4)) & 0xf;
        out.push(b"0123456789abcdef"[digit]);
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Appends the end of a chunked body.
pub fn encode_last_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}

/// Which of the fields that the encoder adds are in the caller's headers already.
struct Given {
    host: bool,
    cookie: bool,
    framing: bool,
}

impl Given {
    fn of(headers: &Headers) -> Self {
        let mut given = Self { host: false, cookie: false, framing: false };
        for span in headers.spans() {
            // Lengths first: most fields are told apart without looking at a byte of them.
            match span.name_len {
                4 => given.host |= headers.name_bytes(span).eq_ignore_ascii_case(b"host"),
                6 => given.cookie |= headers.name_bytes(span).eq_ignore_ascii_case(b"cookie"),
                14 => given.framing |= headers.name_bytes(span).eq_ignore_ascii_case(b"content-length"),
                17 => given.framing |= headers.name_bytes(span).eq_ignore_ascii_case(b"transfer-encoding"),
                _ => {}
            }
        }
        given
    }
}

fn push_target(out: &mut Vec<u8>, target: &str) {
    if !target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return out.extend_from_slice(target.as_bytes());
    }
    for byte in target.bytes() {
        if byte <= b' ' || byte == 0x7f {
            out.push(b'%');
            out.push(b"0123456789ABCDEF"[usize::from(byte >> 4)]);
            out.push(b"0123456789ABCDEF"[usize::from(byte & 0xf)]);
        } else {
            out.push(byte);
        }
    }
}

fn push_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    if is_valid_value(value) {
        out.extend_from_slice(value);
    } else {
        out.extend(value.iter().map(|&byte| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { byte }));
    }
    out.extend_from_slice(b"\r\n");
}

fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(headers: &Headers, host: Option<&str>, cookie: Option<&[u8]>, body: BodyFraming) -> String {
        let mut out = Vec::new();
        encode_head(&mut out, &Method::Post, "/a?b", host, headers, cookie, body);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn writes_host_headers_cookie_and_length_in_that_order() {
        let headers = [("Accept", "*/*"), ("X", "y")].into_iter().collect();
        assert_eq!(
            encoded(&headers, Some("h:1"), Some(b"a=b"), BodyFraming::Length(1_234_567_890)),
            "POST /a?b HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\nX: y\r\nCookie: a=b\r\n\
             Content-Length: 1234567890\r\n\r\n"
        );
    }

    #[test]
    fn what_the_caller_set_is_not_sent_twice() {
        let headers = [("content-length", "3"), ("HOST", "other"), ("cookie", "mine")].into_iter().collect();
        assert_eq!(
            encoded(&headers, Some("h"), Some(b"a=b"), BodyFraming::Length(5)),
            "POST /a?b HTTP/1.1\r\ncontent-length: 3\r\nHOST: other\r\ncookie: mine\r\n\r\n"
        );
        let headers = [("Transfer-Encoding", "chunked")].into_iter().collect();
        assert_eq!(
            encoded(&headers, None, None, BodyFraming::Length(0)),
            "POST /a?b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
    }

    #[test]
    fn no_value_can_begin_a_line() {
        let mut out = Vec::new();
        encode_head(
            &mut out,
            &Method::Get,
            "/a b\r\nX: y\u{7f}",
            Some("h\r\nA: b"),
            &Headers::new(),
            Some(b"a=b\r\nC: d\0"),
            BodyFraming::None,
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "GET /a%20b%0D%0AX:%20y%7F HTTP/1.1\r\nHost: h  A: b\r\nCookie: a=b  C: d \r\n\r\n"
        );
    }

    #[test]
    fn received_headers_can_be_sent_on() {
        let mut headers = Headers::new();
        headers.start_block(b"A:b\r\nCookie:c\r\n", 2);
        headers.locate(0..1, 2..3);
        headers.locate(5..11, 12..13);
        assert_eq!(
            encoded(&headers, None, Some(b"x"), BodyFraming::Chunked),
            "POST /a?b HTTP/1.1\r\nA: b\r\nCookie: c\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
    }

    #[test]
    fn an_absent_body_is_announced_as_requests_does() {
        let announced = BodyFraming::announced;
        assert_eq!(announced(&Method::Delete, 0, Some(Style::Requests)), BodyFraming::Length(0));
        assert_eq!(announced(&Method::Delete, 0, Some(Style::Fast)), BodyFraming::None);
        assert_eq!(announced(&Method::Patch, 0, Some(Style::Fast)), BodyFraming::Length(0));
        assert_eq!(announced(&Method::Post, 0, None), BodyFraming::Length(0));
        assert_eq!(announced(&Method::Delete, 0, None), BodyFraming::None);
        assert_eq!(announced(&Method::Get, 2, None), BodyFraming::Length(2));
        assert_eq!(BodyFraming::for_body(&Method::Get, None), BodyFraming::None);
        assert_eq!(BodyFraming::for_body(&Method::Head, Some(0)), BodyFraming::None);
        assert_eq!(BodyFraming::for_body(&Method::Get, Some(2)), BodyFraming::Length(2));
        assert_eq!(BodyFraming::for_body(&Method::Delete, None), BodyFraming::Length(0));
        assert_eq!(BodyFraming::for_body(&Method::Post, Some(7)), BodyFraming::Length(7));
    }

    #[test]
    fn chunks_have_hexadecimal_sizes_and_are_never_empty() {
        let mut out = Vec::new();
        encode_chunk(&mut out, b"");
        encode_chunk(&mut out, b"hello");
        encode_chunk(&mut out, &[b'x'; 256]);
        encode_last_chunk(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("5\r\nhello\r\n100\r\nxxx"), "{text}");
        assert!(text.ends_with("xxx\r\n0\r\n\r\n"));
    }

    #[test]
    fn zero_is_written() {
        let mut out = Vec::new();
        push_decimal(&mut out, 0);
        push_decimal(&mut out, u64::MAX);
        assert_eq!(out, b"018446744073709551615");
    }
}
