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
    let scripts = template.map(inline_scripts).unwrap_or_default();
    for script in &scripts {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, script.as_bytes());
        let _ = write!(policy, " 'sha256-{}'", base64(digest.as_ref()));
    }
    if scripts.is_empty() {
        policy.push_str(" 'none'");
    }
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

/// The contents of scripts that stand in a page, but for data.
fn inline_scripts(page: &str) -> Vec<&str> {
    let mut scripts = Vec::new();
    let mut rest = page;
    while let Some(begin) = rest.find("<script") {
        rest = &rest[begin..];
        let Some(open) = rest.find('>') else { break };
        let Some(close) = rest[open..].find("</script").map(|at| at + open) else { break };
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

/// The page that asks for the token. `next`: where to go then, a path with its query.
pub(crate) fn token_page(base: &str, next: &str, words: &str) -> String {
    let (base, next, words) = (in_html(base), in_html(next), in_html(words));
    format!(
        "<!doctype html>\n<html lang=en>\n<meta name=viewport content=\"width=device-width\">\n<meta name=robots \
         content=noindex>\n<title>Access token</title>\n<body style=\"font:1rem/1.5 system-ui,sans-serif;max-width:34rem;\
         margin:15vh auto;padding:0 1rem\">\n<h1 style=\"font-size:1.4rem\">This page needs the access token</h1>\n<p>{words}</p>\n\
         <p>The terminal in which the test was started shows a link with the token in it. Open that link, or put the token \
         here.</p>\n<form method=post action=\"{base}/token\">\n<input type=hidden name=next value=\"{next}\">\n<label>Token \
         <input type=password name=token autofocus required autocomplete=current-password style=\"font:inherit;width:100%;\
         padding:.4rem;margin:.3rem 0 1rem;box-sizing:border-box\"></label>\n<button style=\"font:inherit;padding:.4rem 1.2rem\">\
         Open</button>\n</form>\n<p><small>Scripts send it as <code>Authorization: Bearer …</code>. It can be fixed with \
         <code>LOCUST_WEB_TOKEN</code>; <code>--web-open</code> lets everybody in.</small></p>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_reports_scripts_by_their_hashes() {
        let page = "<script type=\"application/json\" id=x>{}</script><script type=module>alert(1)</script><script src=y></script>";
        assert_eq!(inline_scripts(page), ["alert(1)"]);
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
        let page = token_page("/x", "/\"><script>", "<b>");
        assert!(!page.contains("<script>") && !page.contains("<b>"));
    }
}
