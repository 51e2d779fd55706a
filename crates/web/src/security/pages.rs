//! The headers that keep pages from doing what they are not meant to, and the page that asks for the token.

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::json::in_html;

/// Of our own page: nothing from elsewhere, no script that is not a file of ours.
const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
                    img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; \
                    form-action 'self'; base-uri 'none'; frame-ancestors 'self'";

/// The policy of our own page.
pub(crate) fn page_policy() -> HeaderValue {
    HeaderValue::from_static(PAGE)
}

/// The policy of the report, whose only scripts are those of its template.
pub(crate) fn report_policy(template: Option<&str>) -> HeaderValue {
    let mut policy =
        String::from("default-src 'none'; img-src data: blob:; font-src data:; style-src 'unsafe-inline'; ");
    policy.push_str("base-uri 'none'; form-action 'none'; frame-ancestors 'self'; script-src");
    let scripts = template.map(|page| inline(page, "script")).unwrap_or_default();
    for script in &scripts {
        let _ = write!(policy, " {}", source(script));
    }
    if scripts.is_empty() {
        policy.push_str(" 'none'");
    }
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

/// A script or style as a policy names it: by its hash.
fn source(content: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content.as_bytes());
    format!("'sha256-{}'", base64(digest.as_ref()))
}

/// The contents of scripts, or styles, that stand in a page, but for data.
fn inline<'a>(page: &'a str, tag: &str) -> Vec<&'a str> {
    let (begins, ends) = (format!("<{tag}"), format!("</{tag}"));
    let mut scripts = Vec::new();
    let mut rest = page;
    while let Some(begin) = rest.find(&begins) {
        rest = &rest[begin..];
        let Some(open) = rest.find('>') else { break };
        let Some(close) = rest[open..].find(&ends).map(|at| at + open) else { break };
        let tag = &rest[..open];
        if !tag.contains(" src=") && !tag.contains("application/json") {
            scripts.push(&rest[open + 1..close]);
        }
        rest = &rest[close..];
    }
    scripts
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * index)) as usize & 63];
            out.push(if index > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    out
}

/// Adds to any answer what it does not say itself.
pub(crate) fn guard_headers(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// The page that asks for the token: a file of its own, for what it would load needs the token as well.
const TOKEN: &str = include_str!("token.html");

/// The policy of the page that asks for the token: its own style and script, and no others.
pub(crate) fn token_policy() -> HeaderValue {
    let mut policy =
        String::from("default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'");
    for (directive, tag) in [("script-src", "script"), ("style-src", "style")] {
        let _ = write!(policy, "; {directive}");
        for content in inline(TOKEN, tag) {
            let _ = write!(policy, " {}", source(content));
        }
    }
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

/// The page that asks for the token. `next`: where to go then, a path with its query. `problem`: what was wrong with the
/// last one.
pub(crate) fn token_page(base: &str, next: &str, problem: Option<&str>) -> String {
    let words =
        problem.map(|words| format!("<p class=problem id=problem role=alert>{}</p>\n", in_html(words)));
    let invalid = problem.map_or("", |_| " aria-invalid=true aria-describedby=problem");
    // What comes from the request is put in last, and once: a place-holder in it stays as it is.
    let (before, rest) = TOKEN.split_once("{{ next }}").unwrap_or((TOKEN, ""));
    let before =
        before.replace("{{ problem }}", &words.unwrap_or_default()).replace("{{ base }}", &in_html(base));
    format!("{before}{}{}", in_html(next), rest.replace("{{ invalid }}", invalid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_reports_scripts_by_their_hashes() {
        let page = "<script type=\"application/json\" id=x>{}</script><script type=module>alert(1)</script><script src=y></script>";
        assert_eq!(inline(page, "script"), ["alert(1)"]);
        let policy = report_policy(Some(page));
        // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
        let hash = "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='";
        assert!(policy.to_str().unwrap().ends_with(&format!("script-src {hash}")), "{policy:?}");
        assert!(report_policy(None).to_str().unwrap().ends_with("script-src 'none'"));
    }

    #[test]
    fn base64_is_padded() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
    }

    #[test]
    fn the_token_page_escapes_what_it_is_given() {
        let page = token_page("/x", "/\"><img>{{ invalid }}", Some("<b>"));
        assert!(!page.contains("<img>") && !page.contains("<b>"));
        assert!(page.contains("action=\"/x/token\"") && page.contains("{{ invalid }}\">"), "{page}");
        assert_eq!(page.matches("{{").count(), 1);
        assert!(!token_page("", "/", None).contains("role=alert"));
    }

    #[test]
    fn the_token_page_needs_nothing_but_itself() {
        assert!(!TOKEN.contains(" src=") && !TOKEN.contains("href=") && !TOKEN.contains("style="));
        let policy = token_policy();
        let policy = policy.to_str().unwrap();
        assert_eq!(policy.matches("'sha256-").count(), 2, "{policy}");
        assert!(!policy.contains("unsafe-inline"));
    }
}
