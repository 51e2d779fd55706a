//! Queries and forms.

use axum::http::{HeaderMap, header};

/// Pairs of a query, or of a form's body; more are ignored.
const MOST_PAIRS: usize = 10_000;

/// RFC 2046, 5.1.1.
const LONGEST_BOUNDARY: usize = 70;

/// The pairs of a query, decoded, in order.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    parse(query.as_bytes())
}

fn parse(bytes: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(bytes).into_owned().take(MOST_PAIRS).collect()
}

/// The last value of that name.
pub(crate) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The query without the pairs of that name, and the last of their values.
pub(crate) fn without(query: &str, name: &str) -> (String, Option<String>) {
    let mut found = None;
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let Some((_, given)) = parse(pair.as_bytes()).into_iter().next().filter(|(key, _)| key == name)
            else {
                return true;
            };
            found = Some(given);
            false
        })
        .collect();
    (kept.join("&"), found)
}

/// The pairs of a form's body that is no multipart one; `None` if it is, or something else.
pub(crate) fn plain_form(headers: &HeaderMap, body: &[u8]) -> Option<Vec<(String, String)>> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let name = kind.split(';').next().unwrap_or_default().trim();
    name.eq_ignore_ascii_case("application/x-www-form-urlencoded").then(|| parse(body))
}

/// The pairs of a form's body, decoded, in order. Bodies of other types are empty forms, as in Flask. Errors: broken multipart.
pub fn form(headers: &HeaderMap, body: &[u8]) -> Result<Vec<(String, String)>, String> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    if name.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(parse(body));
    }
    if name.eq_ignore_ascii_case("multipart/form-data") {
        let boundary = parts.find_map(|part| {
            let (key, value) = part.split_once('=')?;
            key.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"'))
        });
        let boundary = boundary.filter(|text| !text.is_empty());
        let boundary = boundary.ok_or("the form has no boundary in its Content-Type")?;
        if boundary.len() > LONGEST_BOUNDARY {
            return Err(format!("the form's boundary is longer than {LONGEST_BOUNDARY} characters"));
        }
        return multipart(body, boundary).ok_or_else(|| "the multipart form is broken".to_owned());
    }
    Ok(Vec::new())
}

/// Fields of a multipart form; files are left out. `None`: broken.
fn multipart(body: &[u8], boundary: &str) -> Option<Vec<(String, String)>> {
    let mark = format!("--{boundary}");
    let mut rest = after(body, mark.as_bytes())?;
    let next = format!("\r\n{mark}");
    let mut pairs = Vec::new();
    while !rest.starts_with(b"--") && pairs.len() < MOST_PAIRS {
        rest = rest.strip_prefix(b"\r\n")?;
        let end = position(rest, next.as_bytes())?;
        let part = &rest[..end];
        rest = &rest[end + next.len()..];
        let (head, content) = match position(part, b"\r\n\r\n") {
            Some(at) => (&part[..at], &part[at + 4..]),
            None => return None,
        };
        let head = String::from_utf8_lossy(head);
        let disposition = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        })?;
        let field = |name: &str| {
            disposition.split(';').find_map(|part| {
                let (key, value) = part.trim().split_once('=')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"').to_owned())
            })
        };
        if field("filename").is_none() {
            pairs.push((field("name")?, String::from_utf8_lossy(content).into_owned()));
        }
    }
    Some(pairs)
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

fn after<'a>(bytes: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    position(bytes, wanted).map(|at| &bytes[at + wanted.len()..])
}

/// Of a query: a number, if there is one.
pub(crate) fn number<T: std::str::FromStr>(
    query: &[(String, String)],
    name: &str,
) -> Result<Option<T>, String> {
    match value(query, name) {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| format!("{name}: {text:?} is not a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(kind: &str, body: &[u8]) -> Result<Vec<(String, String)>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        form(&headers, body)
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn forms_are_read_in_both_encodings_and_json_is_none() {
        let expected = vec![pair("a", "1 2"), pair("a", "é&"), pair("b", "")];
        let urlencoded = "application/x-www-form-urlencoded; charset=utf-8";
        assert_eq!(of(urlencoded, b"a=1+2&a=%C3%A9%26&b="), Ok(expected.clone()));
        let body = "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1 2\r\n--X\r\ncontent-disposition: form-data; \
                    name=\"a\"\r\nContent-Type: text/plain\r\n\r\né&\r\n--X\r\nContent-Disposition: form-data; name=\"f\"; \
                    filename=\"x\"\r\n\r\nfile\r\n--X\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n\r\n--X--\r\n";
        assert_eq!(of("multipart/form-data; boundary=X", body.as_bytes()), Ok(expected));
        assert_eq!(of("application/json", b"{\"a\": 1}"), Ok(vec![]));
        assert!(of("multipart/form-data", b"").is_err());
        assert!(of("multipart/form-data; boundary=X", b"--X\r\nname").is_err());
        let (fits, long) = ("x".repeat(LONGEST_BOUNDARY), "x".repeat(LONGEST_BOUNDARY + 1));
        let empty = format!("--{fits}--");
        assert_eq!(of(&format!("multipart/form-data; boundary={fits}"), empty.as_bytes()), Ok(vec![]));
        assert!(of(&format!("multipart/form-data; boundary={long}"), b"").is_err());
    }

    #[test]
    fn a_token_is_taken_out_of_a_query() {
        assert_eq!(without("a=1&token=x%20y&b=2", "token"), ("a=1&b=2".into(), Some("x y".into())));
        assert_eq!(without("token=&tokens=1", "token"), ("tokens=1".into(), Some(String::new())));
        assert_eq!(without("", "token"), (String::new(), None));
        assert_eq!(value(&pairs("a=1&a=2"), "a"), Some("2"));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_stumble(body in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,40}") {
            let _ = of("multipart/form-data; boundary=X", &body);
            let framed = [b"--X\r\n", &body[..], b"\r\n--X--"].concat();
            let _ = of("multipart/form-data; boundary=X", &framed);
            let (kept, _) = without(&text, "token");
            prop_assert!(without(&kept, "token").1.is_none());
        }
    }
}
