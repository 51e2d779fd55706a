//! One connection to the misbehaving server.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use gregaria_demo::wire::{ReadError, Request, Response, read_request, reason};
use socket2::SockRef;

use super::{Hits, payload};

const MIB: usize = 1024 * 1024;
/// "Never", for a test: nobody waits longer.
const HANG: Duration = Duration::from_mins(10);
const TEXT: &str = "text/plain; charset=utf-8";

/// What happens to the connection after an answer.
enum After {
    Keep,
    Close,
    Reset,
}

/// Talks until either side has had enough. `raw` is the socket beneath `stream`.
pub(super) fn hold(mut stream: impl Read + Write, raw: &TcpStream, hits: &Hits) {
    if raw.set_read_timeout(Some(HANG)).is_err() {
        return;
    }
    let mut buffer = Vec::new();
    loop {
        let request = match read_request(&mut stream, &mut buffer) {
            Ok(Some(request)) => request,
            Ok(None) | Err(ReadError::Io(_)) => return,
            Err(ReadError::Bad(why)) => {
                let _ = Response::new(400, TEXT, why).write_to(&mut stream, false, false);
                return;
            }
        };
        hits.count(&request.path);
        match answer(&request, &mut stream, hits) {
            Ok(After::Keep) if request.keep_alive => {}
            Ok(After::Reset) => {
                // Closing with a linger time of zero sends RST instead of FIN.
                let _ = SockRef::from(raw).set_linger(Some(Duration::ZERO));
                return;
            }
            Ok(After::Keep | After::Close) => {
                let _ = stream.flush();
                let _ = raw.shutdown(Shutdown::Both);
                return;
            }
            // The client went away, which most clients of this server do.
            Err(_) => return,
        }
    }
}

fn answer(request: &Request, out: &mut (impl Read + Write), hits: &Hits) -> io::Result<After> {
    let path = request.path.as_str();
    let number = |name: &str, default: u64| {
        request.query_value(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    match path {
        "/echo" => return plain(request, out, &Response::new(200, "application/json", echo(request))),
        "/hits" => return plain(request, out, &Response::new(200, "application/json", hits.json())),
        "/ok" => return plain(request, out, &Response::new(200, TEXT, "ok")),
        "/gzip" => return plain(request, out, &encoded("gzip", payload::gzip(b"compressed text"))),
        "/deflate" => return plain(request, out, &encoded("deflate", payload::deflate(b"compressed text"))),
        "/gzip-bomb" => {
            return plain(request, out, &encoded("gzip", payload::gzip_bomb(number("mb", 256) as usize)));
        }
        "/bad-gzip" => return plain(request, out, &encoded("gzip", b"this is not gzip".to_vec())),
        "/unknown-encoding" => return plain(request, out, &encoded("rot13", b"grkg".to_vec())),
        "/latin1" => {
            let response = Response::new(200, "text/plain; charset=iso-8859-1", b"caf\xe9".to_vec());
            return plain(request, out, &response);
        }
        "/redirect-loop" => return plain(request, out, &Response::redirect("/redirect-loop")),
        "/redirect-nowhere" => return plain(request, out, &Response::new(302, TEXT, "")),
        "/redirect-to" => {
            let status = number("status", 302) as u16;
            let url = request.query_value("url").unwrap_or_default();
            return plain(request, out, &Response::new(status, TEXT, "").with_header("Location", url));
        }
        "/cookies/set" => return plain(request, out, &set_cookies(request)),
        _ => {}
    }
    if let Some(response) = by_prefix(request, path) {
        return plain(request, out, &response);
    }
    faulty(path, out, number)
}

fn plain(request: &Request, out: &mut impl Write, response: &Response) -> io::Result<After> {
    let head_only = request.method == "HEAD" || matches!(response.status, 100..=199 | 204 | 304);
    response.write_to(out, head_only, request.keep_alive)?;
    Ok(After::Keep)
}

fn by_prefix(request: &Request, path: &str) -> Option<Response> {
    if let Some(status) = path.strip_prefix("/status/").and_then(|n| n.parse().ok()) {
        return Some(Response::new(status, TEXT, reason(status)));
    }
    if let Some(count) = path.strip_prefix("/bytes/").and_then(|n| n.parse::<usize>().ok()) {
        return Some(Response::new(200, "application/octet-stream", vec![b'x'; count.min(256 * MIB)]));
    }
    if let Some(left) = path.strip_prefix("/redirect/").and_then(|n| n.parse::<u32>().ok()) {
        let next = if left <= 1 { "/ok".to_owned() } else { format!("/redirect/{}", left - 1) };
        return Some(Response::redirect(&next));
    }
    let credentials = path.strip_prefix("/basic-auth/")?.replacen('/', ":", 1);
    let expected = format!("Basic {}", base64(credentials.as_bytes()));
    Some(if request.header("authorization") == Some(&expected) {
        Response::new(200, TEXT, "welcome")
    } else {
        Response::new(401, TEXT, "who are you").with_header("WWW-Authenticate", "Basic realm=\"testkit\"")
    })
}

fn encoded(encoding: &str, body: Vec<u8>) -> Response {
    Response::new(200, TEXT, body).with_header("Content-Encoding", encoding)
}

fn set_cookies(request: &Request) -> Response {
    let mut response = Response::redirect("/echo");
    for pair in request.query.split('&').filter(|pair| !pair.is_empty()) {
        response = response.with_header("Set-Cookie", format!("{pair}; Path=/"));
    }
    response
}

fn echo(request: &Request) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name, text(value))).collect();
    serde_json::json!({
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": headers,
        "body": text(&request.body),
    })
    .to_string()
}

/// What cannot be said with a well-formed [`Response`].
fn faulty(path: &str, out: &mut impl Write, number: impl Fn(&str, u64) -> u64) -> io::Result<After> {
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
    let kept = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let mut send = |text: &str| -> io::Result<()> {
        out.write_all(text.as_bytes())?;
        out.flush()
    };
    match path {
        "/close" => {}
        "/reset" => return Ok(After::Reset),
        "/reset-body" => {
            send(&format!("{ok}Content-Length: 1000\r\n\r\n0123456789"))?;
            // Time for the client to take the bytes: RST discards what it has not read.
            thread::sleep(Duration::from_millis(50));
            return Ok(After::Reset);
        }
        "/truncate" => send(&format!("{ok}Content-Length: 1000\r\n\r\n0123456789"))?,
        "/truncate-head" => send("HTTP/1.1 200 OK\r\nContent-Le")?,
        "/truncate-chunked" => send(&format!("{ok}Transfer-Encoding: chunked\r\n\r\n64\r\nabc"))?,
        "/malformed" => send("PTTH/9 zweihundert fein\r\n\r\n")?,
        "/malformed-header" => {
            send("HTTP/1.1 200 OK\r\nthis line has no colon\r\nContent-Length: 0\r\n\r\n")?;
        }
        "/malformed-chunk" => {
            send(&format!("{ok}Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n"))?;
        }
        "/malformed-length" => send(&format!("{ok}Content-Length: abc\r\n\r\nok"))?,
        "/two-lengths" => send(&format!("{ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!"))?,
        "/huge-header" => {
            let value = "h".repeat(number("kb", 1024) as usize * 1024);
            send(&format!("{ok}X-Huge: {value}\r\nContent-Length: 2\r\n\r\nok"))?;
            return Ok(After::Keep);
        }
        "/many-headers" => {
            let mut head = ok.to_owned();
            for n in 0..number("n", 5000) {
                let _ = write!(head, "X-{n}: {n}\r\n");
            }
            send(&format!("{head}Content-Length: 2\r\n\r\nok"))?;
            return Ok(After::Keep);
        }
        "/endless-head" => {
            send(ok)?;
            forever(|n| send(&format!("X-{n}: and so on\r\n")))?;
        }
        "/endless-informational" => forever(|_| send("HTTP/1.1 102 Processing\r\n\r\n"))?,
        "/informational" => {
            send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")?;
            send(kept)?;
            return Ok(After::Keep);
        }
        "/chunked" => {
            send(&format!("{ok}Transfer-Encoding: chunked\r\n\r\n"))?;
            for _ in 0..number("n", 3) {
                send("a\r\n0123456789\r\n")?;
            }
            send("0\r\nX-Trailer: end\r\n\r\n")?;
            return Ok(After::Keep);
        }
        "/no-length" => send(&format!("{ok}Connection: close\r\n\r\nuntil the end"))?,
        "/huge-body" => {
            let length = number("mb", 64) as usize * MIB;
            send(&format!("{ok}Content-Length: {length}\r\n\r\n"))?;
            let block = "b".repeat(64 * 1024);
            for _ in 0..length / block.len() {
                send(&block)?;
            }
            return Ok(After::Keep);
        }
        "/endless-body" => {
            send(&format!("{ok}Transfer-Encoding: chunked\r\n\r\n"))?;
            let chunk = format!("10000\r\n{}\r\n", "e".repeat(0x10000));
            forever(|_| send(&chunk))?;
        }
        "/slow-head" => {
            thread::sleep(Duration::from_millis(number("ms", 1000)));
            send(kept)?;
            return Ok(After::Keep);
        }
        "/slow-body" => {
            send(&format!("{ok}Content-Length: 10\r\n\r\n"))?;
            for _ in 0..10 {
                thread::sleep(Duration::from_millis(number("ms", 200)));
                send("s")?;
            }
            return Ok(After::Keep);
        }
        "/hang" => thread::sleep(HANG),
        "/stale" => send(kept)?,
        "/stale-reset" => {
            send(kept)?;
            thread::sleep(Duration::from_millis(50));
            return Ok(After::Reset);
        }
        "/extra" => {
            send(&format!("{kept}HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsurplus"))?;
            return Ok(After::Keep);
        }
        "/head-with-body" => {
            send(&format!("{ok}Content-Length: 4\r\n\r\nbody"))?;
            return Ok(After::Keep);
        }
        _ => {
            Response::new(404, TEXT, "no such path\n").write_to(out, false, true)?;
            return Ok(After::Keep);
        }
    }
    Ok(After::Close)
}

/// Until the client closes, which makes `send` fail.
fn forever(mut send: impl FnMut(u64) -> io::Result<()>) -> io::Result<()> {
    for n in 0.. {
        send(n)?;
    }
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let value = (0..3).fold(0_u32, |all, at| all << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let sextet = (value >> (18 - 6 * at)) & 63;
            out.push(if at > group.len() { '=' } else { char::from(ALPHABET[sextet as usize]) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_pads() {
        assert_eq!(
            ["", "a", "ab", "abc", "user:pass"].map(|t| base64(t.as_bytes())),
            ["", "YQ==", "YWI=", "YWJj", "dXNlcjpwYXNz"]
        );
    }
}
