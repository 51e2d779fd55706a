//! Cookies, kept and sent as the jar of requests does it.
//!
//! That jar is Python's `http.cookiejar` with its default policy, which follows Netscape's draft more than RFC 6265: a
//! cookie without `Domain` also goes to subdomains, a host without a dot counts as `host.local`, and there is no list
//! of public suffixes. Servers under test see what they see from Locust, so all that is kept.
//!
//! Text in here is the Latin-1 view of what is on the wire, as in requests' jar: each byte is one character.

mod date;
mod jar;
mod parse;
mod policy;

#[cfg(test)]
mod tests;

pub use jar::CookieJar;

/// One cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value; `None` for a cookie that is a name alone.
    pub value: Option<String>,
    /// The host it belongs to, in lower case; with a leading dot if the server named a domain. Empty for a cookie that
    /// goes to every host, as those are that a script puts into a session.
    pub domain: String,
    /// Whether the server named the domain.
    pub domain_specified: bool,
    /// The path it belongs to.
    pub path: String,
    /// Whether the server named the path.
    pub path_specified: bool,
    /// Ports it goes to, comma-separated; hardly ever there.
    pub port: Option<String>,
    /// Whether it goes over `https` only.
    pub secure: bool,
    /// When it ends, in seconds since the Unix epoch; `None` for one that lasts as long as the jar.
    pub expires: Option<i64>,
    /// Whether it is to be forgotten with the session.
    pub discard: bool,
    /// Its comment.
    pub comment: Option<String>,
    /// The address of its comment.
    pub comment_url: Option<String>,
    /// Attributes beyond the standard ones, `HttpOnly` and `SameSite` among them, as they were spelled.
    pub rest: Vec<(String, Option<String>)>,
}

impl Cookie {
    /// A cookie as requests makes it of a name and a value: for every host and path, with no end.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: Some(value.into()),
            domain: String::new(),
            domain_specified: false,
            path: "/".to_owned(),
            path_specified: true,
            port: None,
            secure: false,
            expires: None,
            discard: true,
            comment: None,
            comment_url: None,
            rest: vec![("HttpOnly".to_owned(), None)],
        }
    }

    /// Whether it has ended.
    pub fn is_expired(&self, now_unix: i64) -> bool {
        self.expires.is_some_and(|expires| expires <= now_unix)
    }

    /// Whether it has an attribute of that name beyond the standard ones, in exactly this spelling.
    pub fn has_nonstandard_attr(&self, name: &str) -> bool {
        self.rest.iter().any(|(other, _)| other == name)
    }

    /// About the bytes it takes in memory.
    fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        size_of::<Self>()
            + self.name.len()
            + text(&self.value)
            + self.domain.len()
            + self.path.len()
            + text(&self.comment)
            + text(&self.comment_url)
            + self
                .rest
                .iter()
                .map(|(name, value)| size_of::<Self>() / 4 + name.len() + text(value))
                .sum::<usize>()
    }
}
