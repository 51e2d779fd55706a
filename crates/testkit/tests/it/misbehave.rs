use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use gregaria_testkit::misbehave::MisbehavingServer;

fn start() -> MisbehavingServer {
    MisbehavingServer::start("127.0.0.1:0", None).unwrap()
}

fn ask(server: &MisbehavingServer, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// All the server sends on a connection that it is to close.
fn get(server: &MisbehavingServer, target: &str) -> Vec<u8> {
    let mut all = Vec::new();
    ask(server, &format!("GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n"))
        .read_to_end(&mut all)
        .unwrap();
    all
}

fn text(server: &MisbehavingServer, target: &str) -> String {
    String::from_utf8(get(server, target)).unwrap()
}

#[test]
fn well_formed_paths_are_well_formed() {
    let server = start();
    assert!(text(&server, "/ok").ends_with("\r\n\r\nok"));
    assert!(text(&server, "/status/503").starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    assert!(text(&server, "/redirect/2").contains("Location: /redirect/1\r\n"));
    assert!(text(&server, "/redirect/1").contains("Location: /ok\r\n"));
    assert!(text(&server, "/echo?a=1").contains("\"query\":\"a=1\""));
    assert!(text(&server, "/cookies/set?a=b&c=d").contains("Set-Cookie: c=d; Path=/\r\n"));
    assert!(text(&server, "/basic-auth/user/pass").starts_with("HTTP/1.1 401 "));
    assert!(text(&server, "/nowhere").starts_with("HTTP/1.1 404 "));
    assert!(text(&server, "/hits").contains("\"/status/503\":1"));
}

#[test]
fn right_credentials_are_let_in() {
    let server = start();
    let request = "GET /basic-auth/user/pass HTTP/1.1\r\nAuthorization: Basic dXNlcjpwYXNz\r\nConnection: close\r\n\r\n";
    let mut all = String::new();
    ask(&server, request).read_to_string(&mut all).unwrap();
    assert!(all.ends_with("welcome"), "{all}");
}

#[test]
fn faults_are_as_announced() {
    let server = start();
    assert_eq!(get(&server, "/close"), b"");
    assert!(text(&server, "/truncate").ends_with("Content-Length: 1000\r\n\r\n0123456789"));
    assert!(text(&server, "/truncate-chunked").ends_with("64\r\nabc"));
    assert!(text(&server, "/malformed").starts_with("PTTH/9"));
    assert!(get(&server, "/huge-header?kb=2048").len() > 2048 * 1024);
    assert_eq!(text(&server, "/many-headers?n=300").matches("\r\nX-").count(), 300);
    assert!(get(&server, "/gzip-bomb?mb=16").len() < 64 * 1024);
    assert!(get(&server, "/huge-body?mb=2").len() > 2 * 1024 * 1024);
}

#[test]
fn reset_resets() {
    let server = start();
    let mut all = Vec::new();
    let error = ask(&server, "GET /reset HTTP/1.1\r\n\r\n").read_to_end(&mut all).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_stale_connection_is_closed_although_it_was_to_be_kept() {
    let server = start();
    let mut all = String::new();
    ask(&server, "GET /stale HTTP/1.1\r\n\r\n").read_to_string(&mut all).unwrap();
    assert!(all.ends_with("ok") && !all.contains("close"), "{all}");
}

#[test]
fn an_endless_body_ends_when_the_client_has_enough() {
    let server = start();
    let mut stream = ask(&server, "GET /endless-body HTTP/1.1\r\n\r\n");
    let mut some = vec![0; 1024 * 1024];
    stream.read_exact(&mut some).unwrap();
    drop(stream);
    assert!(text(&server, "/ok").ends_with("ok"));
}
