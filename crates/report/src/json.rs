//! The entries as JSON, laid out as Python's `json.dumps(…, indent=4)` does.

use gregaria_stats::{EntryWire, Number};
use std::fmt::Write as _;

/// All entries, with 4 blanks of indentation and every character outside ASCII escaped. No newline at the end.
pub fn entries_json(entries: &[EntryWire]) -> String {
    if entries.is_empty() {
        return "[]".to_owned();
    }
    let mut out = String::from("[");
    for (index, entry) in entries.iter().enumerate() {
        out.push_str(if index == 0 { "\n    {" } else { ",\n    {" });
        write_entry(&mut out, entry);
        out.push_str("\n    }");
    }
    out.push_str("\n]");
    out
}

fn write_entry(out: &mut String, entry: &EntryWire) {
    field(out, true, "name", &quoted(&entry.name));
    field(out, false, "method", &quoted(&entry.method));
    let float = |value: f64| number(Number::float(value));
    field(
        out,
        false,
        "last_request_timestamp",
        &entry.last_request_timestamp.map_or("null".to_owned(), float),
    );
    field(out, false, "start_time", &float(entry.start_time));
    field(out, false, "num_requests", &entry.num_requests.to_string());
    field(out, false, "num_none_requests", &entry.num_none_requests.to_string());
    field(out, false, "num_failures", &entry.num_failures.to_string());
    field(out, false, "total_response_time", &number(entry.total_response_time));
    field(out, false, "max_response_time", &number(entry.max_response_time));
    field(out, false, "min_response_time", &entry.min_response_time.map_or("null".to_owned(), number));
    field(out, false, "total_content_length", &number(entry.total_content_length));
    field(out, false, "response_times", &counts(&entry.response_times));
    field(out, false, "num_reqs_per_sec", &counts(&entry.num_reqs_per_sec));
    field(out, false, "num_fail_per_sec", &counts(&entry.num_fail_per_sec));
}

fn field(out: &mut String, first: bool, name: &str, value: &str) {
    if !first {
        out.push(',');
    }
    // Writing to a string cannot fail.
    let _ = write!(out, "\n        \"{name}\": {value}");
}

fn counts(items: &[(i64, u64)]) -> String {
    if items.is_empty() {
        return "{}".to_owned();
    }
    let lines: Vec<String> =
        items.iter().map(|(key, count)| format!("            \"{key}\": {count}")).collect();
    format!("{{\n{}\n        }}", lines.join(",\n"))
}

/// A number as Python's `json` writes it.
pub fn number(value: Number) -> String {
    match value.to_string().as_str() {
        "nan" => "NaN".to_owned(),
        "inf" => "Infinity".to_owned(),
        "-inf" => "-Infinity".to_owned(),
        text => text.to_owned(),
    }
}

/// Text as Python's `json` writes it: in quotes, every character outside ASCII escaped.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_python_does() {
        assert_eq!(
            quoted("a\"b\\c\n\t\r\u{8}\u{c}\u{1}\u{7f}é😀"),
            r#""a\"b\\c\n\t\r\b\f\u0001\u007f\u00e9\ud83d\ude00""#
        );
    }

    #[test]
    fn nothing_is_an_empty_list() {
        assert_eq!(entries_json(&[]), "[]");
    }
}
