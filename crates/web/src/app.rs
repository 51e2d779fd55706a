//! The way of a request: limits, base path, the door, the script's own application or our routes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header, request};
use gregaria_record::{HostStatus, Question, Record};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tower::ServiceExt as _;

use crate::answer::{self, Form, from_host};
use crate::connection::LONGEST_HEAD;
use crate::host::{Ask, Host, Outcome, WebRequest, ask, ask_source};
use crate::kept::Kept;
use crate::live::Live;
use crate::patient::WatchedBody;
use crate::query;
use crate::routes;
use crate::security::{
    Door, Entry, Sender, guard_headers, is_of_same_origin, is_silent_browser, token_page, token_policy,
};

/// Bodies of our own routes.
const BODY: usize = 1 << 20;
/// Bodies for the script's application.
const WSGI_BODY: usize = 32 << 20;
/// A body has to be there within this time.
const BODY_TIME: Duration = Duration::from_secs(30);

/// What goes to the script's own application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Flask {
    /// Nothing.
    #[default]
    None,
    /// What our routes do not know.
    Unmatched,
    /// Everything but the live stream, the runs and the page's files.
    All,
}

/// All that requests share.
pub(crate) struct App {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) record: Arc<Record>,
    pub(crate) live: Arc<Live>,
    pub(crate) base_path: String,
    pub(crate) build_path: Option<PathBuf>,
    pub(crate) login: bool,
    pub(crate) scheme: &'static str,
    pub(crate) door: Door,
    pub(crate) report_policy: HeaderValue,
    pub(crate) flask: AtomicU8,
    pub(crate) kept: Kept,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("base_path", &self.base_path).finish_non_exhaustive()
    }
}

impl App {
    pub(crate) fn set_flask(&self, mode: Flask) {
        self.flask.store(mode as u8, Ordering::Relaxed);
    }

    /// Whether what we do not know goes to the script's application.
    pub(crate) fn unknown_goes_on(&self) -> bool {
        self.login || self.flask.load(Ordering::Relaxed) != Flask::None as u8
    }

    fn all_goes_on(&self) -> bool {
        self.login || self.flask.load(Ordering::Relaxed) == Flask::All as u8
    }

    /// The main thread's word on the run, asked now; the last one if it takes longer than `patience`.
    pub(crate) async fn fresh_status(&self, patience: Duration) -> HostStatus {
        if let Ok(told) = ask_source(&self.record, Question::Status, patience).await
            && let Ok(status) = HostStatus::parse(&told)
        {
            self.record.set_status(status.clone());
            return status;
        }
        self.record.status().0
    }

    /// Works something out where it holds up no other request.
    pub(crate) async fn compute<T>(&self, work: impl FnOnce() -> T + Send + 'static) -> T
    where
        T: Default + Send + 'static,
    {
        // It fails only when `work` panics, which has been printed then.
        tokio::task::spawn_blocking(work).await.unwrap_or_default()
    }

    /// Has the script's own application answer.
    pub(crate) async fn wsgi(&self, request: axum::extract::Request) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let Ok(body) = body.collect().await else { return answer::page(StatusCode::BAD_REQUEST) };
        let came = as_it_came(&parts, self.scheme, body.to_bytes());
        from_host(&*self.host, Ask::Wsgi(Box::new(came)), Form::Html).await
    }

    /// Answers one request.
    pub(crate) async fn answer(
        self: Arc<Self>,
        router: Router,
        request: Request<WatchedBody>,
        sender: Sender,
    ) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        let head: usize =
            parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if head + parts.uri.path().len() > LONGEST_HEAD {
            return answer::with_type(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                answer::HTML,
                "too many headers",
            );
        }
        let path = parts.uri.path().to_owned();
        parts.extensions.insert(Came { peer: sender.address, path });
        let mut response = match self.gate(&mut parts, sender).await {
            Ok(place) => {
                let cookies = parts.extensions.remove::<Cookies>();
                let mut response = self.pass(router, parts, body, place).await;
                for (_, value) in
                    cookies.into_iter().flat_map(|cookies| cookies.0).filter(|(name, _)| is_cookie(name))
                {
                    if let Ok(value) = HeaderValue::from_str(&value) {
                        response.headers_mut().append(header::SET_COOKIE, value);
                    }
                }
                response
            }
            Err(response) => *response,
        };
        guard_headers(response.headers_mut());
        response
    }

    /// Base path, door and origin. The request's path is below the base path afterwards, if it was.
    async fn gate(&self, parts: &mut request::Parts, sender: Sender) -> Result<Place, Box<Response<Body>>> {
        let full = parts.uri.path();
        if full == self.base_path {
            return Err(Box::new(self.to_slash(parts)));
        }
        let (place, path) = match (routes::meant(&self.base_path, full), below(&self.base_path, full)) {
            (Some(known), _) => (Place::Below, known.to_owned()),
            (None, Some(path)) => (Place::Below, path.to_owned()),
            (None, None) => (Place::Outside, full.to_owned()),
        };
        if place == Place::Below && path == "/token" {
            parts.uri = with_path(&parts.uri, &path, "");
            return Ok(place);
        }
        let asked = parts.uri.query().unwrap_or_default().to_owned();
        let (rest, token) = query::without(&asked, "token");
        // With a login there is no token of ours, and a script's own page may have a parameter of that name.
        let token = token.filter(|_| !self.login);
        let entry = self.door.entry(&parts.headers, sender, token.as_deref());
        if let Some(refusal) = self.refusal(entry, parts, &rest) {
            return Err(Box::new(refusal));
        }
        parts.uri = with_path(&parts.uri, &path, if entry == Entry::ByQuery { &rest } else { &asked });
        let known = place == Place::Below && routes::is_built_in(&path);
        let reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let by_get = known && parts.method != Method::OPTIONS && routes::changes_by_get(&path);
        // Answers of other sites' login pages come by POST; the script's application has to know them by itself.
        let login_answer = self.login && !known;
        let is_foreign = !is_of_same_origin(&parts.headers)
            || (by_get && is_silent_browser(&parts.headers) && !self.door.knows(&parts.headers));
        if (by_get || !(reads || login_answer)) && is_foreign {
            return Err(Box::new(answer::page(StatusCode::FORBIDDEN)));
        }
        if self.login && known && (path.starts_with("/live") || path.starts_with("/runs")) {
            let request = as_it_came(parts, self.scheme, Bytes::new());
            match ask(&*self.host, Ask::Auth(Box::new(request))).await {
                Ok(Outcome::Whole(answer)) if answer.status == 204 => {
                    // The application may want its session cookie renewed.
                    parts.extensions.insert(Cookies(answer.headers));
                }
                Ok(other) => return Err(Box::new(answer::outcome_in(other, Form::Html))),
                Err(error) => return Err(Box::new(answer::no_answer(&error))),
            }
        }
        Ok(place)
    }

    /// The redirect from the base path to its page.
    fn to_slash(&self, parts: &request::Parts) -> Response<Body> {
        let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let place = format!("{}/{query}", self.base_path);
        let mut response = answer::with_type(StatusCode::PERMANENT_REDIRECT, answer::HTML, Body::empty());
        if let Ok(place) = HeaderValue::from_str(&place) {
            response.headers_mut().insert(header::LOCATION, place);
        }
        response
    }

    fn refusal(&self, entry: Entry, parts: &request::Parts, query: &str) -> Option<Response<Body>> {
        let is_page = parts.method == Method::GET && prefers_html(parts);
        let path = parts.uri.path();
        let next = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        match entry {
            Entry::ByQuery if is_page => Some(self.welcome(&next, &parts.headers)),
            Entry::Admitted | Entry::ByQuery => None,
            Entry::NeedsToken if is_page => Some(self.ask_for_token(&next, None)),
            Entry::WrongToken if is_page => Some(self.ask_for_token(&next, Some(WRONG))),
            Entry::NeedsToken => Some(unauthorised(
                "this needs the access token: send it as 'Authorization: Bearer <token>' (the terminal shows it; \
                 LOCUST_WEB_TOKEN sets it, --web-open does without)",
            )),
            Entry::WrongToken => Some(unauthorised(WRONG)),
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

    /// Reads the body and goes to the script's application, or to our routes.
    async fn pass(
        self: &Arc<Self>,
        router: Router,
        parts: request::Parts,
        body: WatchedBody,
        place: Place,
    ) -> Response<Body> {
        let path = parts.uri.path();
        let below = place == Place::Below;
        let to_script = match place {
            Place::Outside => self.unknown_goes_on(),
            Place::Below => self.all_goes_on() && !routes::is_ours_alone(path),
        };
        let known = below && routes::is_built_in(path);
        let limit = if self.unknown_goes_on() && !known { WSGI_BODY } else { BODY };
        if body.size_hint().lower() > limit as u64 {
            // Said at once, a client that asked first (`Expect: 100-continue`) need not send it.
            return last(answer::page(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let body = match tokio::time::timeout(BODY_TIME, Limited::new(body, limit).collect()).await {
            Err(_) => {
                let words = "the body took too long to arrive";
                return last(answer::words(StatusCode::REQUEST_TIMEOUT, words));
            }
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return last(answer::page(StatusCode::PAYLOAD_TOO_LARGE));
            }
            Ok(Err(_)) => return answer::page(StatusCode::BAD_REQUEST),
            Ok(Ok(body)) => body.to_bytes(),
        };
        if below && path == "/token" {
            return self.token(&parts, &body);
        }
        let request = Request::from_parts(parts, Body::from(body));
        if to_script {
            return self.wsgi(request).await;
        }
        if !below {
            return answer::page(StatusCode::NOT_FOUND);
        }
        // A router is always ready and never fails.
        match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// `POST token`: the form of the page that asks for it.
    fn token(&self, parts: &request::Parts, body: &[u8]) -> Response<Body> {
        if parts.method != Method::POST {
            let mut response = answer::page(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let form = query::form(&parts.headers, body).unwrap_or_default();
        let next = query::value(&form, "next").unwrap_or_default();
        let address = Came::of(parts).0.ip();
        let given = query::value(&form, "token").unwrap_or_default().trim();
        match self.door.check(token_of(given), address) {
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
const UNKNOWN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

/// Who asks, and for which path before it was taken below the base path.
#[derive(Debug, Clone)]
struct Came {
    peer: SocketAddr,
    path: String,
}

impl Came {
    fn of(parts: &request::Parts) -> (SocketAddr, String) {
        match parts.extensions.get::<Self>() {
            Some(came) => (came.peer, came.path.clone()),
            None => (UNKNOWN, parts.uri.path().to_owned()),
        }
    }
}

/// Headers that came with the word that somebody is logged in.
#[derive(Debug, Clone)]
struct Cookies(Vec<(String, String)>);

fn is_cookie(name: &str) -> bool {
    name.eq_ignore_ascii_case("set-cookie")
}

/// Where a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Below,
    Outside,
}

fn as_it_came(parts: &request::Parts, scheme: &'static str, body: Bytes) -> WebRequest {
    let (peer, path) = Came::of(parts);
    let headers = parts.headers.iter();
    WebRequest {
        method: parts.method.as_str().to_owned(),
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        scheme,
        headers: headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect(),
        body,
        peer,
    }
}

/// The path below a base path; `None`: it is not below.
fn below<'a>(base: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(base).filter(|rest| rest.starts_with('/'))
}

/// Whether a redirect there stays here.
fn is_local_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte > b' ' && byte != b'\\' && byte < 0x7f)
}

fn with_path(uri: &Uri, path: &str, query: &str) -> Uri {
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    target.parse().unwrap_or_else(|_| uri.clone())
}

fn prefers_html(parts: &request::Parts) -> bool {
    let accept = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Says that the connection ends with this answer.
fn last(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
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
    fn paths_are_taken_below_the_base() {
        assert_eq!(below("", "/a"), Some("/a"));
        assert_eq!(below("/x", "/x/a"), Some("/a"));
        assert_eq!(below("/x", "/x/"), Some("/"));
        assert_eq!((below("/x", "/x"), below("/x", "/xa/b"), below("/x", "/")), (None, None, None));
    }

    #[test]
    fn the_way_on_stays_on_this_server() {
        assert!(is_local_path("/") && is_local_path("/stats/report?theme=dark"));
        for bad in ["", "x", "//evil.example", "/\\evil.example", "https://evil.example", "/\nx", "/\t/evil"]
        {
            assert!(!is_local_path(bad), "{bad:?}");
        }
    }
}
