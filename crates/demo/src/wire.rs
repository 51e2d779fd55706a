//! Requests in, responses out: just enough HTTP/1.1 for a server that talks to load generators.

use std::fmt::Write as _;
use std::io::{self, Read, Write};

/// Largest request head in bytes.
pub const MAX_HEAD: usize = 64 * 1024;
/// Largest request body in bytes.
pub const MAX_BODY: usize = 4 * 1024 * 1024;
const MAX_HEADERS: usize = 128;

/// One request, read whole.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The method as sent.
    pub method: String,
    /// Path without the query, still percent-encoded.
    pub path: String,
    /// What follows the question mark; empty without one.
    pub query: String,
    /// Header names as sent, and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body; chunked bodies are joined.
    pub body: Vec<u8>,
    /// Whether the client asked to keep the connection.
    pub keep_alive: bool,
}

impl Request {
    /// The first header called `name` (any case), if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The cookie called `name`.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.header("cookie")?
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The value of `name` in the query.
    pub fn query_value(&self, name: &str) -> Option<String> {
        pairs(&self.query).find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The value of `name` in a body of type `application/x-www-form-urlencoded`.
    pub fn form_value(&self, name: &str) -> Option<String> {
        let body = String::from_utf8_lossy(&self.body);
        pairs(&body).find_map(|(key, value)| (key == name).then_some(value))
    }
}

fn pairs(encoded: &str) -> impl Iterator<Item = (String, String)> + '_ {
    encoded.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(key), decoded(value))
    })
}

/// Undoes percent-encoding and turns `+` into a space; broken escapes stay as they are.
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[at], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Why no request could be read.
#[derive(Debug)]
pub enum ReadError {
    /// The connection failed.
    Io(io::Error),
    /// The peer sent something that is not HTTP/1.x, or more than the limits allow.
    Bad(&'static str),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads the next request; `buffer` keeps what was read beyond it. `None` when the peer closed between requests.
///
/// # Errors
/// [`ReadError`]; the connection is of no further use then.
pub fn read_request(stream: &mut impl Read, buffer: &mut Vec<u8>) -> Result<Option<Request>, ReadError> {
    let (mut request, head_length, body) = loop {
        if let Some(parsed) = parse_head(buffer)? {
            break parsed;
        }
        if buffer.len() > MAX_HEAD {
            return Err(ReadError::Bad("request head too large"));
        }
        if !fill(stream, buffer)? {
            return if buffer.is_empty() { Ok(None) } else { Err(ReadError::Bad("request cut short")) };
        }
    };
    buffer.drain(..head_length);
    match body {
        Body::Length(length) => {
            while buffer.len() < length {
                if !fill(stream, buffer)? {
                    return Err(ReadError::Bad("body cut short"));
                }
            }
            request.body = buffer.drain(..length).collect();
        }
        Body::Chunked => request.body = read_chunks(stream, buffer)?,
    }
    Ok(Some(request))
}

enum Body {
    Length(usize),
    Chunked,
}

fn fill(stream: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 8192];
    let count = loop {
        match stream.read(&mut chunk) {
            // A program that was stopped and goes on finds its reads interrupted, where they have a timeout.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => break outcome?,
        }
    };
    buffer.extend_from_slice(&chunk[..count]);
    Ok(count > 0)
}

fn parse_head(buffer: &[u8]) -> Result<Option<(Request, usize, Body)>, ReadError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let head_length = match parsed.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(ReadError::Bad("not an HTTP request")),
    };
    let target = parsed.path.unwrap_or("/");
    // A proxy is asked with the whole URL; what it is asked for is the path in it.
    let target = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: parsed.method.unwrap_or("GET").to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: parsed.headers.iter().map(|h| (h.name.to_owned(), h.value.to_vec())).collect(),
        body: Vec::new(),
        keep_alive: parsed.version == Some(1),
    };
    let connection = request.header("connection").unwrap_or("").to_ascii_lowercase();
    if connection.contains("close") {
        request.keep_alive = false;
    } else if connection.contains("keep-alive") {
        request.keep_alive = true;
    }
    let chunked =
        request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let body = if chunked {
        Body::Chunked
    } else {
        let length = request.header("content-length").map_or(Ok(0), str::parse);
        Body::Length(length.map_err(|_| ReadError::Bad("bad content-length"))?)
    };
    if matches!(body, Body::Length(length) if length > MAX_BODY) {
        return Err(ReadError::Bad("request body too large"));
    }
    Ok(Some((request, head_length, body)))
}

fn read_chunks(stream: &mut impl Read, buffer: &mut Vec<u8>) -> Result<Vec<u8>, ReadError> {
    let mut body = Vec::new();
    loop {
        match httparse::parse_chunk_size(buffer) {
            Ok(httparse::Status::Complete((line, size))) => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                if size.saturating_add(body.len()) > MAX_BODY {
                    return Err(ReadError::Bad("request body too large"));
                }
                while buffer.len() < line + size + 2 {
                    if !fill(stream, buffer)? {
                        return Err(ReadError::Bad("body cut short"));
                    }
                }
                body.extend_from_slice(&buffer[line..line + size]);
                // Trailers are not expected from a load generator: the last chunk ends with an empty line.
                buffer.drain(..line + size + 2);
                if size == 0 {
                    return Ok(body);
                }
            }
            Ok(httparse::Status::Partial) => {
                if !fill(stream, buffer)? {
                    return Err(ReadError::Bad("body cut short"));
                }
            }
            Err(_) => return Err(ReadError::Bad("bad chunk")),
        }
    }
}

/// One response, to be written whole.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Further headers; `Content-Length` and `Connection` are added when it is written.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A response with `Content-Type: content_type`.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type", content_type.to_owned())], body: body.into() }
    }

    /// An HTML page.
    pub fn html(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "text/html; charset=utf-8", body)
    }

    /// A redirect by 302.
    pub fn redirect(location: &str) -> Self {
        Self::new(302, "text/plain; charset=utf-8", "").with_header("Location", location)
    }

    /// The same with one more header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Writes it in one system call if the socket takes it; without the body as an answer to HEAD.
    ///
    /// # Errors
    /// The connection's.
    pub fn write_to(&self, stream: &mut impl Write, head_only: bool, keep_alive: bool) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let _ = write!(head, "Content-Length: {}\r\nConnection: {connection}\r\n\r\n", self.body.len());
        let mut bytes = head.into_bytes();
        if !head_only {
            bytes.extend_from_slice(&self.body);
        }
        stream.write_all(&bytes)
    }
}

/// The usual phrase for a status code.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Request>, ReadError> {
        read_request(&mut &bytes[..], &mut Vec::new())
    }

    #[test]
    fn reads_one_request_and_leaves_the_next_in_the_buffer() {
        let mut stream = &b"POST /a?x=1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n"[..];
        let mut buffer = Vec::new();
        let first = read_request(&mut stream, &mut buffer).unwrap().unwrap();
        assert_eq!((first.path.as_str(), first.query.as_str(), &first.body[..]), ("/a", "x=1", &b"abc"[..]));
        assert!(first.keep_alive);
        let second = read_request(&mut stream, &mut buffer).unwrap().unwrap();
        assert_eq!(second.path, "/b");
        assert!(read_request(&mut stream, &mut buffer).unwrap().is_none());
    }

    /// Reads that come after an interruption each.
    struct Interrupted<'a>(&'a [u8], bool);

    impl Read for Interrupted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(buffer) }
        }
    }

    #[test]
    fn goes_on_after_an_interrupted_read() {
        let mut stream = Interrupted(b"GET /a HTTP/1.1\r\n\r\n", false);
        assert_eq!(read_request(&mut stream, &mut Vec::new()).unwrap().unwrap().path, "/a");
    }

    #[test]
    fn joins_a_chunked_body() {
        let request =
            read(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        assert_eq!(request.unwrap().unwrap().body, b"abcde");
    }

    #[test]
    fn refuses_what_is_no_request_and_what_is_cut_short() {
        assert!(matches!(read(b"\x16\x03\x01 hello\r\n\r\n"), Err(ReadError::Bad("not an HTTP request"))));
        assert!(matches!(read(b"GET / HT"), Err(ReadError::Bad("request cut short"))));
        assert!(matches!(
            read(b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"),
            Err(ReadError::Bad("request body too large"))
        ));
    }

    #[test]
    fn reads_forms_queries_and_cookies() {
        let request = Request {
            query: "q=a%20b&empty".into(),
            headers: vec![("Cookie".into(), b"a=1; session=xyz".to_vec())],
            body: b"name=J%C3%BCrgen+K&odd=%zz".to_vec(),
            ..Request::default()
        };
        assert_eq!(request.query_value("q").as_deref(), Some("a b"));
        assert_eq!(request.query_value("empty").as_deref(), Some(""));
        assert_eq!(request.form_value("name").as_deref(), Some("Jürgen K"));
        assert_eq!(request.form_value("odd").as_deref(), Some("%zz"));
        assert_eq!(request.cookie("session"), Some("xyz"));
        assert_eq!(request.cookie("none"), None);
    }

    #[test]
    fn an_answer_to_head_has_the_length_but_no_body() {
        let mut out = Vec::new();
        Response::html(200, "hello").write_to(&mut out, true, false).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(text.contains("Content-Length: 5\r\nConnection: close\r\n"));
        assert!(text.ends_with("\r\n\r\n"));
    }
}
