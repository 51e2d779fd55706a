//! The blog's HTML: small, valid, escaped.

use std::collections::VecDeque;
use std::fmt::Write as _;

use crate::blog::{Post, Session};

/// Title and text of the posts that are there at the start.
pub(crate) const FIRST_POSTS: &[(&str, &str)] = &[
    ("Why measure at all", "A service that was never loaded has no known limit, only a hoped-for one."),
    (
        "Ten users, two seconds",
        "Ten visitors who pause for two seconds between clicks ask for five pages a second.",
    ),
    ("The slowest hundredth", "An average hides the visitor who waits. Percentiles do not."),
];

/// The one style sheet.
pub(crate) const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}\
nav a{margin-right:1rem}article{margin:1.5rem 0}label{display:block;margin:.5rem 0}.error{color:#b00}\n";

/// The list of posts, newest first.
pub(crate) fn home(posts: &VecDeque<Post>, user: Option<&str>) -> String {
    let mut body = String::from("<h1>A sample blog</h1>\n");
    for post in posts.iter().rev() {
        let _ = writeln!(
            body,
            "<article><h2><a class=\"article-title\" href=\"/post/{}\">{}</a></h2><p>by {}</p></article>",
            post.id,
            escaped(&post.title),
            escaped(&post.author),
        );
    }
    page("A sample blog", user, &body)
}

/// One post.
pub(crate) fn post(post: &Post, user: Option<&str>) -> String {
    let title = escaped(&post.title);
    let body = format!(
        "<article><h1>{title}</h1><p>by {}</p><p>{}</p></article>\n",
        escaped(&post.author),
        escaped(&post.text)
    );
    page(&title, user, &body)
}

/// The login form, with what went wrong the last time.
pub(crate) fn login(session: &Session, problem: Option<&str>) -> String {
    let problem = problem.map_or(String::new(), |text| format!("<p class=\"error\">{}</p>\n", escaped(text)));
    let body = format!(
        "<h1>Log in</h1>\n{problem}<form method=\"post\" action=\"/login\">\
         <input type=\"hidden\" name=\"csrf_token\" value=\"{}\">\
         <label>Name <input name=\"username\"></label><label>Password <input type=\"password\" name=\"password\"></label>\
         <button>Log in</button></form>\n<p>The account is <code>demo</code> with the password <code>demo</code>.</p>\n",
        session.csrf
    );
    page("Log in", session.user.as_deref(), &body)
}

/// The form for a new post.
pub(crate) fn new_post(session: &Session) -> String {
    let body = format!(
        "<h1>New post</h1>\n<form method=\"post\" action=\"/post/new\">\
         <input type=\"hidden\" name=\"csrf_token\" value=\"{}\">\
         <label>Title <input name=\"title\"></label><label>Text <textarea name=\"text\"></textarea></label>\
         <button>Publish</button></form>\n",
        session.csrf
    );
    page("New post", session.user.as_deref(), &body)
}

/// A page with one sentence.
pub(crate) fn message(title: &str, text: &str) -> String {
    page(title, None, &format!("<h1>{}</h1>\n<p>{}</p>\n", escaped(title), escaped(text)))
}

fn page(title: &str, user: Option<&str>, body: &str) -> String {
    let account = match user {
        Some(user) => {
            format!("<a href=\"/post/new\">New post</a><a href=\"/logout\">Log out {}</a>", escaped(user))
        }
        None => "<a href=\"/login\">Log in</a>".to_owned(),
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/style.css\"></head>\n<body><nav><a href=\"/\">Home</a>{account}</nav>\n{body}</body></html>\n"
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
