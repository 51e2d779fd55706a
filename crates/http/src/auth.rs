//! Basic authentication.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::url::Url;
use crate::url::quote::unquote;

/// The value of an `Authorization` field. Text goes as Latin-1 if it fits, which is what both of Locust's clients do;
/// otherwise as UTF-8, where they would raise `UnicodeEncodeError`.
pub fn basic(user: &str, password: &str) -> String {
    let mut credentials = latin1(user);
    credentials.push(b':');
    credentials.extend(latin1(password));
    basic_bytes(&credentials)
}

/// The value of an `Authorization` field for `user:password` in bytes.
pub fn basic_bytes(credentials: &[u8]) -> String {
    let mut value = String::with_capacity(6 + credentials.len().div_ceil(3) * 4);
    value.push_str("Basic ");
    BASE64_STANDARD.encode_string(credentials, &mut value);
    value
}

/// User and password in a URL, decoded. As in requests there must be both marks (`user:password@`), and one of the two
/// must not be empty.
pub fn from_url(url: &Url) -> Option<(String, String)> {
    let (user, password) = url.userinfo()?;
    let (user, password) = (unquote(user), unquote(password?));
    (!user.is_empty() || !password.is_empty()).then_some((user, password))
}

pub(crate) fn latin1(text: &str) -> Vec<u8> {
    let narrow: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
    narrow.unwrap_or_else(|_| text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_latin1_where_it_can() {
        assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(basic("é", ""), "Basic 6To=");
        assert_eq!(basic("€", "x"), "Basic 4oKsOng=");
    }

    #[test]
    fn takes_both_from_a_url_or_neither() {
        let from = |text: &str| from_url(&Url::parse(text).unwrap());
        assert_eq!(from("http://u:p%40ss@h/"), Some(("u".to_owned(), "p@ss".to_owned())));
        assert_eq!(from("http://u:@h/"), Some(("u".to_owned(), String::new())));
        assert_eq!(from("http://u@h/"), None);
        assert_eq!(from("http://h/"), None);
    }
}
