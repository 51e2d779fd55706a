//! Reading cookies.

/// The value of the first cookie of that name in the text of a `Cookie` header.
pub fn cookie_value<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = value.trim_matches([' ', '\t']);
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        (key.trim_matches([' ', '\t']) == name).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_its_cookie_among_others() {
        let header = "a=1; gregaria-token-8089=secret ; b=\"x\";=;c";
        assert_eq!(cookie_value(header, "gregaria-token-8089"), Some("secret"));
        assert_eq!(cookie_value(header, "b"), Some("x"));
        assert_eq!(cookie_value(header, "c"), None);
        assert_eq!(cookie_value(header, "token"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_stumble(header in ".{0,60}", name in "[a-z=;\"]{0,3}") {
            if let Some(value) = cookie_value(&header, &name) { prop_assert!(header.contains(value)); }
        }
    }
}
