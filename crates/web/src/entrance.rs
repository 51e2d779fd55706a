//! The entrance: what somebody sees who has no token yet, and how a token becomes a cookie.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request};

use crate::answer;
use crate::app::App;
use crate::came::Came;
use crate::paths::is_numbers;
use crate::query;
use crate::security::{Entry, Knock, token_page, token_policy};

/// The form of the page that asks for the token: anybody may send it.
pub(crate) const TOKEN_FORM: usize = 8 << 10;

impl App {
    /// What is said to somebody who does not get in. `is_home`: it is the page itself that is asked for, perhaps by a probe that
    /// wants to know whether anybody is there; that is so, and what is there is the page that asks for the token.
    pub(crate) fn refusal(
        &self,
        entry: Entry,
        parts: &request::Parts,
        query: &str,
        is_home: bool,
    ) -> Option<Response<Body>> {
        let is_page = parts.method == Method::GET && prefers_html(parts);
        let is_home = is_home && matches!(parts.method, Method::GET | Method::HEAD);
        let path = parts.uri.path();
        let next = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        match entry {
            Entry::ByQuery if is_page => Some(self.welcome(&next, &parts.headers)),
            Entry::Admitted | Entry::ByQuery => None,
            Entry::NeedsToken(_) if is_home => {
                let mut page = self.ask_for_token(&next, None);
                *page.status_mut() = StatusCode::OK;
                Some(page)
            }
            Entry::NeedsToken(_) if is_page => Some(self.ask_for_token(&next, None)),
            Entry::WrongToken if is_page => Some(self.ask_for_token(&next, Some(WRONG))),
            Entry::NeedsToken(_) => {
                let inside = path.strip_prefix(self.base_path.as_str()).unwrap_or(path);
                let words = if is_numbers(inside) {
                    "; --web-read-open lets exporters of private networks read numbers without"
                } else {
                    ""
                };
                Some(unauthorised(&format!(
                    "this needs the access token: send it as 'Authorization: Bearer <token>' (the terminal shows it; \
                     LOCUST_WEB_TOKEN sets it, --web-open does without{words})"
                )))
            }
            Entry::WrongToken => Some(unauthorised(&format!(
                "{WRONG} Each start makes another unless LOCUST_WEB_TOKEN sets it; the terminal shows it"
            ))),
            Entry::Barred(seconds) => Some(barred(seconds)),
        }
    }

    fn ask_for_token(&self, next: &str, problem: Option<&str>) -> Response<Body> {
        let page = token_page(&self.base_path, next, problem);
        let mut response = answer::with_type(StatusCode::UNAUTHORIZED, answer::HTML, page);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, token_policy());
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// Puts the token into a cookie and goes on to `next` without it.
    ///
    /// A browser leaves a strict cookie out of a redirect that began on another site (a link in a mail, say), but not out of
    /// what a page of ours leads to: for those this is a page that leads on.
    fn welcome(&self, next: &str, asked: &HeaderMap) -> Response<Body> {
        let home = format!("{}/", self.base_path);
        let next = if is_local_path(next) { next } else { &home };
        let site = asked.get("sec-fetch-site").map(HeaderValue::as_bytes);
        let redirects = matches!(site, None | Some(b"none" | b"same-origin"));
        let shown = crate::json::in_html(next);
        let page = format!(
            "<!doctype html>\n<html lang=en>\n<meta http-equiv=refresh content=\"0;url={shown}\">\n<title>Welcome</title>\n\
             <p><a href=\"{shown}\">Go on</a></p>\n"
        );
        let status = if redirects { StatusCode::SEE_OTHER } else { StatusCode::OK };
        let mut response = answer::with_type(status, answer::HTML, page);
        let headers = response.headers_mut();
        if let Some(place) = HeaderValue::from_str(next).ok().filter(|_| redirects) {
            headers.insert(header::LOCATION, place);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        let path = if self.base_path.is_empty() { "/" } else { &self.base_path };
        let cookie = self.door.cookie(path, self.scheme == "https");
        if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
            headers.insert(header::SET_COOKIE, cookie);
        }
        response
    }

    /// `POST token`: the form of the page that asks for it.
    pub(crate) async fn token(&self, parts: &request::Parts, body: &[u8]) -> Response<Body> {
        if parts.method != Method::POST {
            let mut response = answer::page(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let Some(form) = query::plain_form(&parts.headers, body) else {
            return answer::page(StatusCode::BAD_REQUEST);
        };
        let next = query::value(&form, "next").unwrap_or_default();
        let given = token_of(query::value(&form, "token").unwrap_or_default().trim());
        let (headers, version) = (&parts.headers, parts.version);
        let knock = Knock { headers, version, sender: Came::sender(parts), query: None };
        match self.door.typed(given, knock).await {
            Entry::Admitted => self.welcome(next, &parts.headers),
            Entry::Barred(seconds) => barred(seconds),
            _ => self.ask_for_token(next, Some(WRONG)),
        }
    }
}

/// The token itself, where the whole link was pasted.
fn token_of(given: &str) -> &str {
    match given.split_once("token=") {
        Some((before, rest)) if before.contains("://") => rest.split(['&', '#']).next().unwrap_or(rest),
        _ => given,
    }
}

const WRONG: &str = "That is not the access token of this start.";
/// Whether a redirect there stays here.
fn is_local_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte > b' ' && byte != b'\\' && byte < 0x7f)
}

fn prefers_html(parts: &request::Parts) -> bool {
    let accept = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn unauthorised(words: &str) -> Response<Body> {
    let mut response = answer::problem(StatusCode::UNAUTHORIZED, words);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn barred(seconds: u64) -> Response<Body> {
    let words = format!("too many wrong tokens: try again in {seconds} s");
    let mut response = answer::problem(StatusCode::TOO_MANY_REQUESTS, &words);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_on_stays_on_this_server() {
        assert!(is_local_path("/") && is_local_path("/stats/report?theme=dark"));
        for bad in ["", "x", "//evil.example", "/\\evil.example", "https://evil.example", "/\nx", "/\t/evil"]
        {
            assert!(!is_local_path(bad), "{bad:?}");
        }
    }
}
