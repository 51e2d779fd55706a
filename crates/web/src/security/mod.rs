//! Who may do what: the access token, the origin of state changes, attempts, and the headers of all answers.

mod attempts;
mod cookie;
mod door;
mod origin;
mod owner;
mod pages;
mod proxied;
mod reading;

pub(crate) use attempts::Attempts;
pub use cookie::cookie_value;
pub(crate) use door::{Door, Entry, Knock, Sender, Why, is_here};
pub(crate) use origin::{is_embedded_elsewhere, is_of_same_origin, is_silent_browser};
pub(crate) use owner::{Owner, owner};
pub(crate) use pages::{guard_headers, page_policy, report_policy, token_page, token_policy};

use subtle::ConstantTimeEq as _;

/// Compares in a time that tells nothing of where two texts differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// A token that cannot be guessed: 192 bits, URL-safe.
pub(crate) fn random_token() -> Result<String, getrandom::Error> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte & 63)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_different() {
        let (a, b) = (random_token().unwrap(), random_token().unwrap());
        assert!(a.len() == 32 && a != b && same(&a, &a.clone()) && !same(&a, &b) && !same(&a, &a[..31]));
    }
}
