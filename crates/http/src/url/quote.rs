//! Percent-encoding, as urllib3, requests and Python's `urllib.parse.quote` do it.

/// Bytes that may stand unencoded in some part of a URL.
pub(crate) type Safe = fn(u8) -> bool;

/// RFC 3986's unreserved characters.
pub(super) fn unreserved(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'~')
}

/// What urllib3 leaves alone in user and password.
pub(super) fn in_userinfo(byte: u8) -> bool {
    unreserved(byte) || matches!(byte, b'!' | b'$' | b'&'..=b',' | b';' | b'=' | b':')
}

/// What urllib3 leaves alone in a path.
pub(super) fn in_path(byte: u8) -> bool {
    in_userinfo(byte) || matches!(byte, b'@' | b'/')
}

/// What urllib3 leaves alone in a query or fragment.
pub(super) fn in_query(byte: u8) -> bool {
    in_path(byte) || byte == b'?'
}

/// Encodes what `safe` does not allow. Text in which every `%` begins an escape is taken to be encoded already: its
/// escapes stay, in upper case. Otherwise each `%` is encoded too.
pub(super) fn encode_invalid(text: &str, safe: Safe) -> String {
    let bytes = text.as_bytes();
    if bytes.iter().all(|&byte| safe(byte)) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    let encoded = (0..bytes.len()).all(|at| bytes[at] != b'%' || escape(&bytes[at..]).is_some());
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'%' && escape(&bytes[at..]).is_some() {
            out.push_str(if encoded { "%" } else { "%25" });
            out.push_str(&text[at + 1..at + 3].to_ascii_uppercase());
            at += 3;
            continue;
        }
        push(&mut out, byte, safe);
        at += 1;
    }
    out
}

/// requests' last touch on a whole URL: escapes of unreserved characters are undone, then everything that could not
/// stand in a URL is encoded. With a broken escape in it, nothing is undone and `%` is encoded as well.
pub(super) fn requote(text: &str) -> String {
    fn safe(byte: u8) -> bool {
        unreserved(byte) || b"!#$&'()*+,/:;=?@[]".contains(&byte)
    }
    fn safe_with_percent(byte: u8) -> bool {
        byte == b'%' || safe(byte)
    }
    let quote = |text: &str, safe: Safe| {
        let mut out = String::with_capacity(text.len() + 16);
        for byte in text.bytes() {
            push(&mut out, byte, safe);
        }
        out
    };
    match unquote_unreserved(text) {
        Some(unquoted) => quote(&unquoted, safe_with_percent),
        None => quote(text, safe),
    }
}

/// Escapes of unreserved characters undone; `None` if two alphanumeric characters that are no number follow a `%`.
fn unquote_unreserved(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut out = String::with_capacity(text.len());
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let mut chars = part.chars();
        let (first, second) = (chars.next(), chars.next());
        let alphanumeric = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        if alphanumeric(first) && alphanumeric(second) {
            let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok())?;
            if unreserved(byte) {
                out.push(char::from(byte));
                out.push_str(&part[2..]);
                continue;
            }
        }
        out.push('%');
        out.push_str(part);
    }
    Some(out)
}

/// Percent-decodes to text, bytes that are not UTF-8 replaced (Python's `unquote`).
pub(crate) fn unquote(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if let Some(byte) = escape(&bytes[at..]) {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The byte that an escape at the start of `bytes` stands for.
pub(crate) fn escape(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [b'%', a, b, ..] => {
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            Some((digit(a)? * 16 + digit(b)?) as u8)
        }
        _ => None,
    }
}

/// Appends a byte, encoded unless it is safe.
pub(crate) fn push(out: &mut String, byte: u8, safe: Safe) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii() && safe(byte) {
        out.push(char::from(byte));
    } else {
        out.push('%');
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}
