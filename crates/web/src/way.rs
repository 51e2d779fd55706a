//! The way of a request: limits, base path, the door, the script's own application or our routes.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header, request};
use tower::ServiceExt as _;

use crate::answer::{self, Form};
use crate::app::App;
use crate::came::{Came, as_it_came};
use crate::entrance::TOKEN_FORM;
use crate::host::{Ask, Level, Outcome, ask};
use crate::intake::{Held, Intake, Read, too_large};
use crate::paths;
use crate::patient::WatchedBody;
use crate::query;
use crate::seats::Ticket;
use crate::security::{
    Entry, Knock, Sender, Why, guard_headers, is_embedded_elsewhere, is_of_same_origin, is_silent_browser,
};

/// Bytes of a request's headers together.
pub(crate) const LONGEST_HEAD: usize = 64 << 10;
/// Bodies of our own routes.
const BODY: usize = 1 << 20;
/// Bodies for the script's application.
const WSGI_BODY: usize = 32 << 20;

impl App {
    /// Answers one request.
    pub(crate) async fn answer(
        self: Arc<Self>,
        router: Router,
        request: Request<WatchedBody>,
        sender: Sender,
        ticket: &Ticket,
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
        parts.extensions.insert(Came { sender, path });
        let mut response = match self.gate(&mut parts, sender).await {
            Ok(place) => {
                if !is_token_form(place, parts.uri.path()) {
                    ticket.let_in();
                }
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
        let (place, path) = match (paths::meant(&self.base_path, full), below(&self.base_path, full)) {
            (Some(known), _) => (Place::Below, known.to_owned()),
            (None, Some(path)) => (Place::Below, path.to_owned()),
            (None, None) => (Place::Outside, full.to_owned()),
        };
        if is_token_form(place, &path) {
            parts.uri = with_path(&parts.uri, &path, "");
            return Ok(place);
        }
        if place == Place::Below && paths::is_health(&path) && !self.script_has(&path) {
            parts.uri = with_path(&parts.uri, &path, "");
            return Ok(place);
        }
        let asked = parts.uri.query().unwrap_or_default().to_owned();
        let (rest, token) = query::without(&asked, "token");
        // With a login there is no token of ours, and a script's own page may have a parameter of that name.
        let token = token.filter(|_| !self.login);
        let known = place == Place::Below && paths::is_built_in(&path);
        let foreign = self.is_refused_to_others(parts, known, &path);
        if foreign {
            return Err(Box::new(answer::page(StatusCode::FORBIDDEN)));
        }
        let knock =
            Knock { headers: &parts.headers, version: parts.version, sender, query: token.as_deref() };
        let entry = match self.door.entry(knock).await {
            Entry::NeedsToken(_)
                if may_be_read(place, &path, &parts.method) && self.door.lets_read(knock) =>
            {
                Entry::Admitted
            }
            entry => entry,
        };
        self.tell_why(entry);
        let is_home = place == Place::Below && path == "/";
        if let Some(refusal) = self.refusal(entry, parts, &rest, is_home) {
            return Err(Box::new(refusal));
        }
        parts.uri = with_path(&parts.uri, &path, if entry == Entry::ByQuery { &rest } else { &asked });
        // A script that hooks into requests may have said that other sites may read.
        let may_be_shared = self.all_goes_on() && !paths::is_ours_alone(&path);
        if known && !may_be_shared && parts.method != Method::OPTIONS && is_embedded_elsewhere(&parts.headers)
        {
            return Err(Box::new(answer::page(StatusCode::FORBIDDEN)));
        }
        if self.login && known && (path.starts_with("/live") || path.starts_with("/runs")) {
            let cookies = self.logged_in(parts).await?;
            // The application may want its session cookie renewed.
            parts.extensions.insert(Cookies(cookies));
        }
        Ok(place)
    }

    /// Whether this changes something, and a page of another site may be behind it.
    fn is_refused_to_others(&self, parts: &request::Parts, known: bool, path: &str) -> bool {
        let reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let by_get = known && parts.method != Method::OPTIONS && paths::changes_by_get(path);
        // Answers of other sites' login pages come by POST; the script's application has to know them by itself.
        let login_answer = self.login && !known && self.is_login(parts.uri.path());
        let is_foreign = !is_of_same_origin(&parts.headers)
            || (by_get && is_silent_browser(&parts.headers) && !self.door.knows(&parts.headers));
        (by_get || !(reads || login_answer)) && is_foreign
    }

    /// The headers to add to the answer if the sender is logged in; else what the application answers to that.
    async fn logged_in(&self, parts: &request::Parts) -> Result<Vec<(String, String)>, Box<Response<Body>>> {
        let request = as_it_came(parts, self.scheme, Bytes::new());
        match ask(&*self.host, Ask::Auth(Box::new(request))).await {
            Ok(Outcome::Whole(answer)) if answer.status == ADMITTED => Ok(answer.headers),
            Ok(other) => Err(Box::new(answer::outcome_in(other, Form::Html))),
            Err(error) => Err(Box::new(answer::no_answer(&error))),
        }
    }

    /// Tells the user, once, why somebody on this machine needs the token.
    fn tell_why(&self, entry: Entry) {
        let (kind, words) = match entry {
            Entry::NeedsToken(Why::Proxied(sign)) => (
                "proxied",
                format!(
                    "Requests come through a proxy on this machine (as '{sign}' shows): they need the access token, as those of other \
                     machines do. A proxy that asks for a login of its own can send it along, as 'Authorization: Bearer …'; \
                     --web-open does without"
                ),
            ),
            Entry::NeedsToken(Why::OtherUser) => (
                "other-user",
                "Another user of this machine asked for the web interface: that needs the access token \
                 (--web-local-open does without)"
                    .to_owned(),
            ),
            _ => return,
        };
        self.hints.once(&*self.host, kind, Level::Warning, words);
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
            Place::Below if path == paths::METRICS => self.all_goes_on() || self.script_has(path),
            Place::Below => self.all_goes_on() && !paths::is_ours_alone(path),
        };
        if below && paths::is_health(path) && !self.script_has(path) {
            return self.health(&parts.method, path);
        }
        if is_token_form(place, path) {
            return match Intake::new(body).read(TOKEN_FORM, &self.room, false).await {
                Read::Whole(held) => self.token(&parts, &held.bytes).await,
                Read::More(_) => too_large(),
                Read::Refused(response) => response,
            };
        }
        let is_ours = below && paths::is_built_in(path);
        let held = match self.body(&parts, body, is_ours).await {
            Ok(held) => held,
            Err(response) => return *response,
        };
        let request = Request::from_parts(parts, Body::from(held.bytes.clone()));
        let response = if to_script {
            self.wsgi(request).await
        } else if below {
            // A router is always ready and never fails.
            match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        } else {
            answer::page(StatusCode::NOT_FOUND)
        };
        drop(held);
        response
    }

    /// Reads the body of somebody who has been let in. With a login that says little, so large ones wait for the word of the script.
    async fn body(
        &self,
        parts: &request::Parts,
        body: WatchedBody,
        is_ours: bool,
    ) -> Result<Held, Box<Response<Body>>> {
        let read = Intake::new(body).read(BODY, &self.room, !self.login).await;
        let read = match read {
            Read::More(intake) if self.unknown_goes_on() && !is_ours => {
                if self.login {
                    self.logged_in(parts).await?;
                }
                intake.read(WSGI_BODY, &self.room, true).await
            }
            other => other,
        };
        match read {
            Read::Whole(held) => Ok(held),
            Read::More(_) => Err(Box::new(too_large())),
            Read::Refused(response) => Err(Box::new(response)),
        }
    }
}

/// Whether this asks for numbers, and for nothing else.
fn may_be_read(place: Place, path: &str, method: &Method) -> bool {
    place == Place::Below && matches!(*method, Method::GET | Method::HEAD) && paths::is_numbers(path)
}

/// Says of an answer to [`Ask::Auth`] that the sender is logged in: no status that a script could answer with.
const ADMITTED: u16 = 0;

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

fn is_token_form(place: Place, path: &str) -> bool {
    place == Place::Below && path == "/token"
}

/// The path below a base path; `None`: it is not below.
fn below<'a>(base: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(base).filter(|rest| rest.starts_with('/'))
}

fn with_path(uri: &Uri, path: &str, query: &str) -> Uri {
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    target.parse().unwrap_or_else(|_| uri.clone())
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
}
