//! `ui/src/api/schema.ts` is made from the types here.

use super::*;
use std::fmt::Write as _;

/// All types, in the order of the file.
fn types() -> impl Iterator<Item = &'static Type> {
    [STREAM, FIGURES, GENERATOR, ARRIVALS, RUNS, VERDICT].into_iter().flatten()
}

pub(super) struct Type {
    pub(super) name: &'static str,
    pub(super) docs: &'static [&'static str],
    pub(super) fields: &'static [Field],
}

pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) docs: &'static [&'static str],
    pub(super) kind: &'static str,
}

/// TypeScript's word for a Rust type of the wire.
fn typescript(kind: &str) -> String {
    let kind = kind.trim();
    let within = |outer: &str| kind.strip_prefix(outer)?.trim().strip_prefix('<')?.strip_suffix('>');
    if let Some(inner) = within("Option") {
        return format!("{} | null", typescript(inner));
    }
    if let Some(inner) = within("Vec") {
        let inner = typescript(inner);
        return if inner.ends_with("| null") { format!("({inner})[]") } else { format!("{inner}[]") };
    }
    match kind {
        "u64" | "u32" | "i64" | "i32" | "f64" | "AnyNumber" => "number".to_owned(),
        "bool" => "boolean".to_owned(),
        "String" => "string".to_owned(),
        "Info" => "Record<string, unknown>".to_owned(),
        "Counts" | "Shares" => "Record<string, number>".to_owned(),
        "Bin" => "[number, number, number]".to_owned(),
        "RunState" | "Outcome" | "VerdictLevel" => kind.to_owned(),
        ours => {
            assert!(types().any(|known| known.name == ours), "no word for {ours:?}");
            ours.to_owned()
        }
    }
}

/// The lines of a documentation comment, without links.
fn comment(docs: &[&str], indent: &str) -> String {
    let lines: Vec<String> = docs
        .iter()
        .map(|line| line.trim().replace("[`", "`").replace("`]", "`").replace("::", "."))
        .collect();
    match lines.len() {
        0 => String::new(),
        1 => format!("{indent}/** {} */\n", lines[0]),
        _ => format!("{indent}/**\n{indent} * {}\n{indent} */\n", lines.join(&format!("\n{indent} * "))),
    }
}

fn schema() -> String {
    let mut out = String::from(
        "// Made from crates/record/src/dto.rs by `SCHEMA=write cargo test -p gregaria-record schema`. Not to be edited.\n\n\
         export type RunState = \"ready\" | \"spawning\" | \"running\" | \"cleanup\" | \"stopping\" | \"stopped\" | \"missing\";\n\
         export type Outcome = \"ok\" | \"failed\" | \"no data\" | \"waiting\";\n\
         export type VerdictLevel = \"green\" | \"amber\" | \"red\" | \"none\";\n",
    );
    for Type { name, docs, fields } in types() {
        let _ = write!(out, "\n{}export interface {name} {{\n", comment(docs, ""));
        for Field { name, docs, kind } in *fields {
            let _ = writeln!(out, "{}  {name}: {};", comment(docs, "  "), typescript(kind));
        }
        out.push_str("}\n");
    }
    out
}

#[test]
fn the_pages_schema_is_up_to_date() {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/api/schema.ts");
    let schema = schema();
    if std::env::var("SCHEMA").is_ok_and(|wish| wish == "write") {
        std::fs::write(place, &schema).unwrap();
    }
    let written = std::fs::read_to_string(place).unwrap();
    assert!(
        written == schema,
        "ui/src/api/schema.ts is out of date: run `SCHEMA=write cargo test -p gregaria-record schema`"
    );
}

#[test]
fn types_have_words_in_both_languages() {
    assert_eq!(typescript("Vec<Vec<Option<f64>>>"), "(number | null)[][]");
    assert_eq!(typescript("Option<String>"), "string | null");
    assert_eq!(typescript("Vec<Name>"), "Name[]");
    let line: LogLine = serde_json::from_str("{\"line\": \"x\", \"unknown\": 1}").unwrap();
    assert_eq!((line.line.as_str(), line.at), ("x", None));
}
