//! JSON as Flask lays it out in debug mode: keys sorted, indented by two, ASCII only, a newline at the end; and JSON as it may
//! stand inside a page.

use gregaria_report::json::{number, quoted};
use gregaria_stats::Number;
use serde_json::Value;

/// Lays a value out.
pub(crate) fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out.push('\n');
    out
}

/// Lays the text of a JSON value out; text that is none stays as it is.
pub(crate) fn pretty_text(text: &[u8]) -> Vec<u8> {
    match serde_json::from_slice::<Value>(text) {
        Ok(value) => pretty(&value).into_bytes(),
        Err(_) => text.to_vec(),
    }
}

/// A number of the statistics; what JSON has no word for becomes null.
pub(crate) fn of(value: Number) -> Value {
    if value.is_float() { value.value().into() } else { Value::from(value.value() as i64) }
}

fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            block(out, '[', ']', depth, items.iter(), |out, item| write(out, item, depth + 1));
        }
        Value::Object(map) if !map.is_empty() => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_unstable_by_key(|&(key, _)| key);
            block(out, '{', '}', depth, pairs.into_iter(), |out, (key, value)| {
                out.push_str(&quoted(key));
                out.push_str(": ");
                write(out, value, depth + 1);
            });
        }
        Value::String(text) => out.push_str(&quoted(text)),
        Value::Number(n) if n.is_f64() => {
            out.push_str(&number(Number::float(n.as_f64().unwrap_or_default())));
        }
        other => out.push_str(&other.to_string()),
    }
}

fn block<T>(
    out: &mut String,
    open: char,
    close: char,
    depth: usize,
    items: impl Iterator<Item = T>,
    mut one: impl FnMut(&mut String, T),
) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        line(out, depth + 1);
        one(out, item);
    }
    line(out, depth);
    out.push(close);
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// The text of a JSON value so that it ends no `<script>` it stands in.
pub(crate) fn in_page(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for character in text.chars() {
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\'' => out.push_str("\\u0027"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

/// Text as it may stand in a page, in an attribute too.
pub(crate) fn in_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_laid_out_as_flask_does() {
        let text =
            br#"{"b": [], "a": {"z": 7.0, "y": 7, "x": [1, "\u00e9<"]}, "c": {}, "n": null, "big": 1e22}"#;
        let expected = "{\n  \"a\": {\n    \"x\": [\n      1,\n      \"\\u00e9<\"\n    ],\n    \"y\": 7,\n    \"z\": 7.0\n  },\n  \
                        \"b\": [],\n  \"big\": 1e+22,\n  \"c\": {},\n  \"n\": null\n}\n";
        assert_eq!(String::from_utf8(pretty_text(text)).unwrap(), expected);
        assert_eq!(pretty_text(b"no json"), b"no json");
    }

    #[test]
    fn numbers_keep_their_kind() {
        assert_eq!(of(Number::int(3)).to_string(), "3");
        assert_eq!(of(Number::float(3.0)).to_string(), "3.0");
        assert_eq!(of(Number::float(f64::NAN)), Value::Null);
    }

    #[test]
    fn a_page_cannot_be_left_by_its_data() {
        let text = in_page("\"</script><!-- & ' \u{2028}\"");
        assert!(!text.contains(['<', '>', '&', '\'', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), "</script><!-- & ' \u{2028}");
        assert_eq!(in_html("<a b=\"c\" d='&'>"), "&lt;a b=&quot;c&quot; d=&#39;&amp;&#39;&gt;");
    }
}
