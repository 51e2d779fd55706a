//! The page's files: those built in, those of `--build-path`, and what is shown without either.

use std::path::{Component, Path, PathBuf};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;

use crate::answer;

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// A file that is built in.
#[derive(Debug)]
pub(crate) struct File {
    /// Path below the root, with slashes.
    pub(crate) path: &'static str,
    /// As it is.
    pub(crate) plain: &'static [u8],
    /// Compressed, where that pays.
    pub(crate) gzip: Option<&'static [u8]>,
    /// Compressed better.
    pub(crate) brotli: Option<&'static [u8]>,
}

/// What stands in the pages where their data goes, as in a Jinja template.
const TEMPLATE_ARGS: &str = "{{ template_args|tojson }}";

const REPORT_ARGS: &str = "{{ report_args|tojson }}";

/// A built-in file.
pub(crate) fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

/// A built-in file for others who want it: `index.html`, `report.html`, `auth.html`.
pub fn built_in(path: &str) -> Option<&'static [u8]> {
    file(path).map(|file| file.plain)
}

/// All built-in files: path and content.
pub fn all_built_in() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().map(|file| (file.path, file.plain))
}

/// Why the page is not built in, if it is not.
pub fn missing() -> Option<&'static str> {
    MISSING
}

/// The page with its data. `None`: it is not built in.
pub(crate) fn index(data: &str) -> Option<String> {
    let page = std::str::from_utf8(file("index.html")?.plain).ok()?;
    Some(page.replacen(TEMPLATE_ARGS, &crate::json::in_page(data), 1))
}

/// The report with its data. `None`: it is not built in.
pub(crate) fn report(data: &str) -> Option<String> {
    let page = std::str::from_utf8(file("report.html")?.plain).ok()?;
    Some(page.replacen(REPORT_ARGS, &crate::json::in_page(data), 1))
}

/// What is shown instead of a page that is not built in.
pub(crate) fn instead_of_index() -> String {
    let why = crate::json::in_html(MISSING.unwrap_or("it could not be read"));
    format!(
        "<!doctype html>\n<html lang=en>\n<title>gregaria: no web page</title>\n<h1>The web page is not part of this build</h1>\n\
         <p>Reason: {why}.</p>\n<p>To get it: install Node 20 or newer and build again (<code>make build</code>), or install a \
         wheel, which has the page in it.</p>\n<p>Everything else works: the <a href=\"stats/requests\">statistics</a>, the \
         <a href=\"stats/report\">report</a>, and <code>curl -X POST -d \"user_count=1&amp;spawn_rate=1\" …/swarm</code> and \
         <code>…/stop</code>.</p>\n"
    )
}

/// Whether an `Accept-Encoding` accepts a coding.
pub(crate) fn accepts(header: &str, coding: &str) -> bool {
    let mut any = false;
    for item in header.split(',') {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|part| {
            part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|weight| weight <= 0.0))
        });
        if name.eq_ignore_ascii_case(coding) {
            return !refused;
        }
        any |= name == "*" && !refused;
    }
    any
}

/// The type of a file by its name's ending.
fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("ico") => "image/x-icon",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        Some("woff") => "font/woff",
        Some("ttf") => "font/ttf",
        Some("txt") => "text/plain; charset=utf-8",
        Some("webmanifest") => "application/manifest+json",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

fn is_page(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "html")
}

/// Whether a name has a hash of the content in it, as `index-B3d9_fQk.js`.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit_once('-').is_some_and(|(_, hash)| {
        hash.len() >= 8 && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// A weak name for some content.
pub(crate) fn etag(content: &[u8]) -> String {
    format!("\"{:08x}-{:x}\"", crc32fast::hash(content), content.len())
}

/// Whether the sender has this content already.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.is_some_and(|known| {
        known.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
    })
}

/// Answers with a file of `build_path`, or else a built-in one. `path` is below the page's folder and decoded.
pub(crate) async fn serve(build_path: Option<&Path>, path: &str, headers: &HeaderMap) -> Response<Body> {
    if let Some(folder) = build_path
        && let Some(place) = inside(folder, path).await
        && let Ok(content) = tokio::fs::read(&place).await
    {
        return respond(path, Bytes::from(content), None, false, headers);
    }
    let Some(file) = file(&format!("assets/{path}")).filter(|file| !is_page(file.path)) else {
        let words = "404 Not Found: The requested URL was not found on the server. If you entered the URL manually please check \
                     your spelling and try again.";
        return answer::words(StatusCode::NOT_FOUND, words);
    };
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (content, coding) = match (file.brotli, file.gzip) {
        (Some(packed), _) if accepts(accepted, "br") => (packed, Some("br")),
        (_, Some(packed)) if accepts(accepted, "gzip") => (packed, Some("gzip")),
        _ => (file.plain, None),
    };
    respond(path, Bytes::from_static(content), coding, is_hashed(path), headers)
}

fn respond(
    path: &str,
    content: Bytes,
    coding: Option<&'static str>,
    lasting: bool,
    headers: &HeaderMap,
) -> Response<Body> {
    let tag = etag(&content);
    let mut response = if is_known(headers, &tag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        answer::with_type(StatusCode::OK, kind(path), content)
    };
    let out = response.headers_mut();
    let caching = if lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    out.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    if let Some(coding) = coding.filter(|_| response.status() == StatusCode::OK) {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// The place of a path below a folder; `None` if it is not there, or would lead out of it (links included).
async fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    if !is_plain(path) {
        return None;
    }
    let root = tokio::fs::canonicalize(folder).await.ok()?;
    let place = tokio::fs::canonicalize(root.join(path)).await.ok()?;
    let is_file = tokio::fs::metadata(&place).await.is_ok_and(|data| data.is_file());
    (place.starts_with(&root) && is_file).then_some(place)
}

/// Whether a path has only names in it.
pub(crate) fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\0', '\\'])
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_lead_to_files() {
        for path in ["", "/etc/passwd", "../x", "a/../../x", "./a", "a\\..\\b", "a\0b", ".."] {
            assert!(!is_plain(path), "{path:?}");
        }
        assert!(is_plain("assets/index-abc.js") && is_plain("a..b/c"));
    }

    #[test]
    fn codings_are_accepted_by_name_star_and_weight() {
        assert!(accepts("gzip, deflate, br", "br") && accepts("*", "gzip") && accepts("br;q=0.5", "br"));
        assert!(!accepts("gzip;q=0, *;q=0", "gzip") && !accepts("", "gzip") && !accepts("br", "gzip"));
        assert!(!accepts("gzip;q=0, *", "gzip"));
    }

    #[test]
    fn hashed_names_are_told_from_others() {
        assert!(is_hashed("assets/index-B3d9_fQk.js") && is_hashed("x-a1b2c3d4e5.css"));
        assert!(!is_hashed("index.html") && !is_hashed("a-b.js") && !is_hashed("favicon.ico"));
    }
}
