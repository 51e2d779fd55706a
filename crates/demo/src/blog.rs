//! What the blog knows and how it answers.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::page;
use crate::wire::{Request, Response};

/// The oldest post goes when there are more.
const MAX_POSTS: usize = 500;
/// The oldest session is forgotten when there are more.
const MAX_SESSIONS: usize = 50_000;
const SLOW_DEFAULT: Duration = Duration::from_secs(1);
const SLOW_MOST: Duration = Duration::from_secs(10);
/// The one account; the login page says so.
const ACCOUNT: (&str, &str) = ("demo", "demo");

/// One article.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) text: String,
}

/// What a browser's cookie stands for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    pub(crate) csrf: String,
    pub(crate) user: Option<String>,
}

/// The blog's whole state.
#[derive(Debug)]
pub(crate) struct Blog {
    posts: Mutex<VecDeque<Post>>,
    sessions: Mutex<Sessions>,
}

#[derive(Debug, Default)]
struct Sessions {
    by_key: BTreeMap<String, Session>,
    oldest_first: VecDeque<String>,
}

impl Blog {
    pub(crate) fn new() -> Self {
        let posts = page::FIRST_POSTS
            .iter()
            .zip(1..)
            .map(|((title, text), id)| Post {
                id,
                title: (*title).to_owned(),
                author: ACCOUNT.0.to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        Self { posts: Mutex::new(posts), sessions: Mutex::default() }
    }

    pub(crate) fn answer(&self, request: &Request) -> Response {
        let (key, session) = self.session(request);
        let get = matches!(request.method.as_str(), "GET" | "HEAD");
        let post = request.method == "POST";
        match request.path.as_str() {
            "/" if get => Response::html(200, page::home(&locked(&self.posts), session.user.as_deref())),
            "/login" if get => self.login_form(key, session),
            "/login" if post => self.log_in(request, key, &session),
            "/logout" if get || post => self.log_out(key),
            "/post/new" if get => match session.user {
                Some(_) => Response::html(200, page::new_post(&session)),
                None => Response::redirect("/login"),
            },
            "/post/new" if post => self.add_post(request, &session),
            "/slow" if get => slow(request),
            "/error" if get => {
                Response::html(500, page::message("Something broke", "This page fails on purpose."))
            }
            "/style.css" if get => Response::new(200, "text/css; charset=utf-8", page::STYLE)
                .with_header("Cache-Control", "max-age=3600"),
            "/" | "/login" | "/logout" | "/post/new" | "/slow" | "/error" | "/style.css" => {
                Response::html(405, page::message("Not that way", "This page does not take that method."))
            }
            path => self.post_page(path, get, session.user.as_deref()),
        }
    }

    fn post_page(&self, path: &str, get: bool, user: Option<&str>) -> Response {
        let id = path.strip_prefix("/post/").and_then(|id| id.parse::<u64>().ok()).filter(|_| get);
        let posts = locked(&self.posts);
        match id.and_then(|id| posts.iter().find(|post| post.id == id)) {
            Some(post) => Response::html(200, page::post(post, user)),
            None => Response::html(404, page::message("Not found", "There is no such page.")),
        }
    }

    fn session(&self, request: &Request) -> (Option<String>, Session) {
        let Some(key) = request.cookie("session") else { return (None, Session::default()) };
        match locked(&self.sessions).by_key.get(key) {
            Some(session) => (Some(key.to_owned()), session.clone()),
            None => (None, Session::default()),
        }
    }

    fn login_form(&self, key: Option<String>, session: Session) -> Response {
        if key.is_some() {
            return Response::html(200, page::login(&session, None));
        }
        let session = Session { csrf: random_key(), user: None };
        let page = page::login(&session, None);
        let key = self.remember(session);
        Response::html(200, page).with_header("Set-Cookie", cookie(&key))
    }

    fn log_in(&self, request: &Request, key: Option<String>, session: &Session) -> Response {
        let field = |name| request.form_value(name).unwrap_or_default();
        let Some(key) = key.filter(|_| field("csrf_token") == session.csrf) else {
            return Response::html(403, page::message("Forbidden", "The form's token is missing or old."));
        };
        if (field("username").as_str(), field("password").as_str()) != ACCOUNT {
            return Response::html(401, page::login(session, Some("Wrong name or password.")));
        }
        // A fresh key at login, so that a cookie planted before it is worth nothing.
        locked(&self.sessions).by_key.remove(&key);
        let key = self.remember(Session { csrf: random_key(), user: Some(field("username")) });
        Response::redirect("/").with_header("Set-Cookie", cookie(&key))
    }

    fn log_out(&self, key: Option<String>) -> Response {
        if let Some(key) = key {
            locked(&self.sessions).by_key.remove(&key);
        }
        Response::redirect("/").with_header("Set-Cookie", "session=; Path=/; Max-Age=0")
    }

    fn add_post(&self, request: &Request, session: &Session) -> Response {
        let Some(author) = session.user.clone() else { return Response::redirect("/login") };
        let field = |name| request.form_value(name).unwrap_or_default();
        if field("csrf_token") != session.csrf {
            return Response::html(403, page::message("Forbidden", "The form's token is missing or old."));
        }
        let title = field("title");
        if title.trim().is_empty() {
            return Response::html(400, page::message("No title", "A post needs a title."));
        }
        let mut posts = locked(&self.posts);
        let id = posts.back().map_or(1, |last| last.id + 1);
        posts.push_back(Post { id, title, author, text: field("text") });
        if posts.len() > MAX_POSTS {
            posts.pop_front();
        }
        Response::redirect(&format!("/post/{id}"))
    }

    fn remember(&self, session: Session) -> String {
        let key = random_key();
        let mut sessions = locked(&self.sessions);
        sessions.by_key.insert(key.clone(), session);
        sessions.oldest_first.push_back(key.clone());
        if sessions.oldest_first.len() > MAX_SESSIONS
            && let Some(oldest) = sessions.oldest_first.pop_front()
        {
            sessions.by_key.remove(&oldest);
        }
        key
    }
}

fn cookie(key: &str) -> String {
    format!("session={key}; Path=/; HttpOnly; SameSite=Lax")
}

fn slow(request: &Request) -> Response {
    let wished = request.query_value("seconds").and_then(|text| text.parse::<f64>().ok());
    let pause = wished
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(SLOW_DEFAULT)
        .min(SLOW_MOST);
    thread::sleep(pause);
    Response::html(
        200,
        page::message("Slow", &format!("This page took {} s on purpose.", pause.as_secs_f64())),
    )
}

/// 128 random bits in hexadecimal; std seeds each `RandomState` from the operating system's generator.
fn random_key() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(blog: &Blog, method: &str, path: &str, cookie: Option<&str>, form: &str) -> Response {
        let headers = cookie.map(|c| ("Cookie".to_owned(), c.as_bytes().to_vec())).into_iter().collect();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        blog.answer(&Request {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers,
            body: form.as_bytes().to_vec(),
            keep_alive: true,
        })
    }

    fn text(response: &Response) -> String {
        String::from_utf8(response.body.clone()).unwrap()
    }

    fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
        response.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    fn session_of(response: &Response) -> String {
        header(response, "Set-Cookie").unwrap().split(';').next().unwrap().to_owned()
    }

    fn token_of(response: &Response) -> String {
        let page = text(response);
        let (_, rest) = page.split_once("name=\"csrf_token\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    fn logged_in(blog: &Blog) -> String {
        let form = ask(blog, "GET", "/login", None, "");
        let (cookie, token) = (session_of(&form), token_of(&form));
        let body = format!("csrf_token={token}&username=demo&password=demo");
        let done = ask(blog, "POST", "/login", Some(&cookie), &body);
        assert_eq!(done.status, 302, "{}", text(&done));
        session_of(&done)
    }

    #[test]
    fn the_home_page_links_every_post_as_the_guide_expects() {
        let blog = Blog::new();
        let home = text(&ask(&blog, "GET", "/", None, ""));
        for id in 1..=page::FIRST_POSTS.len() {
            assert!(home.contains(&format!("<a class=\"article-title\" href=\"/post/{id}\">")), "{home}");
            assert_eq!(ask(&blog, "GET", &format!("/post/{id}"), None, "").status, 200);
        }
    }

    #[test]
    fn unknown_pages_wrong_methods_and_the_error_page_say_so() {
        let blog = Blog::new();
        let status = |method, path| ask(&blog, method, path, None, "").status;
        assert_eq!(status("GET", "/post/99999"), 404);
        assert_eq!(status("GET", "/nothing"), 404);
        assert_eq!(status("DELETE", "/"), 405);
        assert_eq!(status("GET", "/error"), 500);
        assert_eq!(status("GET", "/slow?seconds=0"), 200);
    }

    #[test]
    fn logs_in_with_the_token_of_the_form_and_writes_a_post() {
        let blog = Blog::new();
        let cookie = logged_in(&blog);
        let form = ask(&blog, "GET", "/post/new", Some(&cookie), "");
        assert_eq!(form.status, 200);
        let body = format!("csrf_token={}&title=%3Cb%3EHi&text=all", token_of(&form));
        let made = ask(&blog, "POST", "/post/new", Some(&cookie), &body);
        assert_eq!(made.status, 302);
        let shown = text(&ask(&blog, "GET", header(&made, "Location").unwrap(), None, ""));
        assert!(shown.contains("&lt;b&gt;Hi"), "titles are escaped: {shown}");
    }

    #[test]
    fn refuses_a_login_without_token_and_one_with_a_wrong_password() {
        let blog = Blog::new();
        assert_eq!(ask(&blog, "POST", "/login", None, "username=demo&password=demo").status, 403);
        let form = ask(&blog, "GET", "/login", None, "");
        let body = format!("csrf_token={}&username=demo&password=x", token_of(&form));
        assert_eq!(ask(&blog, "POST", "/login", Some(&session_of(&form)), &body).status, 401);
        assert_eq!(ask(&blog, "POST", "/post/new", None, "title=x").status, 302);
    }

    #[test]
    fn logging_out_forgets_the_session() {
        let blog = Blog::new();
        let cookie = logged_in(&blog);
        ask(&blog, "GET", "/logout", Some(&cookie), "");
        assert_eq!(ask(&blog, "GET", "/post/new", Some(&cookie), "").status, 302);
    }

    #[test]
    fn keeps_a_bounded_number_of_posts() {
        let blog = Blog::new();
        let cookie = logged_in(&blog);
        let form = ask(&blog, "GET", "/post/new", Some(&cookie), "");
        let body = format!("csrf_token={}&title=t", token_of(&form));
        for _ in 0..MAX_POSTS {
            ask(&blog, "POST", "/post/new", Some(&cookie), &body);
        }
        assert_eq!(locked(&blog.posts).len(), MAX_POSTS);
    }
}
