//! Patience, and its end.

use std::net::TcpListener;
use std::time::Instant;

use gregaria_http::{ErrorKind, Method, Phase, RequestOptions};

use crate::harness::{Gate, Harness, PATIENCE, milliseconds, post, request};
use crate::server::Server;

#[test]
fn silence_is_timed_out_but_slowness_is_not() {
    let server = Server::start(|peer, _| {
        while let Some(asked) = peer.request() {
            if asked.target() == "/silent" {
                peer.closed_by_client();
                return;
            }
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" {
                std::thread::sleep(milliseconds(60));
                peer.send([*byte]);
            }
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    let patience = milliseconds(2000);
    let options = RequestOptions { read_timeout: Some(patience), ..RequestOptions::default() };
    let slow = request(Method::Get, &server.url("/slow"), options.clone());
    assert!(harness.run(&session, slow).unwrap().timings.total > patience);
    let start = Instant::now();
    let error = harness.run(&session, request(Method::Get, &server.url("/silent"), options)).unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::ReadTimeout, Phase::Wait));
    assert!(error.timings.total >= patience && start.elapsed() < PATIENCE);
}

#[test]
fn a_total_timeout_ends_what_is_merely_slow() {
    let server = Server::start(|peer, _| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while peer.try_send(b"x") {
            std::thread::sleep(milliseconds(10));
        }
    });
    let harness = Harness::new();
    let options = RequestOptions {
        read_timeout: Some(PATIENCE),
        total_timeout: Some(milliseconds(1000)),
        ..RequestOptions::default()
    };
    let error = harness.run(&harness.session(), request(Method::Get, &server.url("/"), options)).unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::TotalTimeout, Phase::Receive));
    assert!(error.timings.total >= milliseconds(1000) && error.timings.total < PATIENCE);
}

#[test]
fn a_handshake_that_never_ends_counts_as_connecting() {
    // Accepts by its backlog, and never says anything.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let harness = Harness::new();
    let options = RequestOptions { connect_timeout: Some(milliseconds(100)), ..RequestOptions::default() };
    let error = harness.run(&harness.session(), request(Method::Get, &url, options)).unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::ConnectTimeout, Phase::Tls));
    assert!(error.retry);
}

#[test]
fn a_server_that_takes_nothing_is_timed_out() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |peer, _| {
        peer.more();
        held.pass();
    });
    let harness = Harness::new();
    let mut ask = post(&server.url("/"), vec![0; 50_000_000]);
    ask.options =
        RequestOptions { read_timeout: Some(milliseconds(200)), ..RequestOptions::default() }.into();
    let error = harness.run(&harness.session(), ask).unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::ReadTimeout, Phase::Send));
    gate.open();
}

#[test]
fn a_timeout_of_one_request_does_not_hit_the_next_on_its_connection() {
    let server = Server::start(|peer, _| {
        while let Some(asked) = peer.request() {
            let Ok(delay) = asked.target().trim_start_matches('/').parse() else {
                peer.closed_by_client();
                return;
            };
            std::thread::sleep(milliseconds(delay));
            peer.respond("200 OK", "", "");
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    let with = |timeout: Option<u64>, path: &str| {
        let options = RequestOptions { read_timeout: timeout.map(milliseconds), ..RequestOptions::default() };
        request(Method::Get, &server.url(path), options)
    };
    // Each answer but the first comes when the timeout of the request before would be over.
    for (timeout, path) in [(Some(1000), "/0"), (None, "/1200"), (Some(1000), "/0"), (Some(10_000), "/1200")]
    {
        harness.run(&session, with(timeout, path)).unwrap();
    }
    assert_eq!(server.connections(), 1);
    let error = harness.run(&session, with(Some(100), "/silent")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ReadTimeout);
}
