//! Bodies handed on while they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gregaria_http::{ErrorKind, Event, Exchange, Method, Request, RequestId, RequestOptions, Session};

use crate::harness::{Gate, Harness, PATIENCE, milliseconds, request};
use crate::server::Server;

fn streamed(url: &str) -> Request {
    request(Method::Get, url, RequestOptions { stream: true, ..RequestOptions::default() })
}

fn head(harness: &Harness, session: &Session, url: &str) -> (RequestId, Box<Exchange>) {
    let id = session.send(streamed(url), 5);
    match harness.next().event {
        Event::Head(exchange) => (id, exchange),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn the_head_comes_before_the_body_is_there() {
    let gates: [Gate; 2] = Default::default();
    let held = gates.clone();
    let server = Server::start(move |peer, _| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
        held[0].pass();
        peer.send("abc");
        held[1].pass();
        peer.send("def");
        peer.echo();
    });
    let harness = Harness::new();
    let session = harness.session();
    let (id, exchange) = head(&harness, &session, &server.url("/"));
    assert_eq!((exchange.response.status, exchange.response.body.len()), (200, 0));
    std::thread::sleep(milliseconds(60));
    gates[0].open();
    session.read_body(id);
    let Event::Chunk(chunk) = harness.next().event else { panic!("no chunk") };
    assert_eq!(&chunk[..], b"abc");
    std::thread::sleep(milliseconds(60));
    gates[1].open();
    session.read_body(id);
    let Event::Chunk(chunk) = harness.next().event else { panic!("no chunk") };
    assert_eq!(&chunk[..], b"def");
    session.read_body(id);
    let Event::End(Ok(timings)) = harness.next().event else { panic!("no end") };
    assert!(timings.total >= exchange.timings.total + milliseconds(120));
    assert!(harness.fetch(&session, &server.url("/")).reused);
}

#[test]
fn whatever_the_framing_the_body_arrives_whole() {
    let body: Arc<Vec<u8>> = Arc::new((0..700_000).map(|index| index as u8).collect());
    for framing in ["length", "chunked", "close"] {
        let sent = Arc::clone(&body);
        let server = Server::start(move |peer, _| {
            peer.request();
            match framing {
                "length" => peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", sent.len())),
                "chunked" => peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                _ => peer.send("HTTP/1.1 200 OK\r\n\r\n"),
            }
            if framing == "chunked" {
                for part in sent.chunks(10_007) {
                    peer.send(format!("{:x}\r\n", part.len()));
                    peer.send(part);
                    peer.send("\r\n");
                }
                peer.send("0\r\n\r\n");
            } else {
                peer.send(&sent[..]);
            }
        });
        let harness = Harness::new();
        let session = harness.session();
        let (id, _) = head(&harness, &session, &server.url("/"));
        let (received, end) = harness.collect(&session, id);
        assert_eq!(end, Ok(()), "{framing}");
        assert!(received == *body, "{framing}");
    }
}

#[test]
fn chunks_are_handed_on_as_they_came_if_that_is_asked_for() {
    for (rest, sound) in [("0\r\nX: y\r\n\r\n", true), ("zz\r\n", false), ("20\r\nonly", false)] {
        let server = Server::start(move |peer, _| {
            peer.request();
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n");
            peer.send(rest);
        });
        let harness = Harness::new();
        let session = harness.session();
        let options = RequestOptions { stream: true, framed: true, ..RequestOptions::default() };
        let id = session.send(request(Method::Get, &server.url("/"), options), 5);
        assert!(matches!(harness.next().event, Event::Head(_)));
        let (received, end) = harness.collect(&session, id);
        assert_eq!(end.is_ok(), sound, "{rest:?}");
        assert_eq!(String::from_utf8(received).unwrap(), format!("3;a=b\r\nabc\r\n{rest}"));
    }
}

#[test]
fn a_caller_who_does_not_come_holds_the_server_back() {
    let total = 64 * 1024 * 1024;
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let server = Server::start(move |peer, _| {
        peer.request();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n"));
        let part = vec![7; 65536];
        while count.load(Ordering::SeqCst) < total && peer.try_send(&part) {
            count.fetch_add(65536, Ordering::SeqCst);
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    let (id, _) = head(&harness, &session, &server.url("/"));
    std::thread::sleep(milliseconds(300));
    let before = sent.load(Ordering::SeqCst);
    assert!(before < total / 2, "the kernel's buffers cannot hold {before} bytes");
    let (body, end) = harness.collect(&session, id);
    assert_eq!((body.len(), end), (total, Ok(())));
}

#[test]
fn the_callers_pause_is_not_the_servers_silence() {
    let patience = milliseconds(2000);
    let gate = Gate::default();
    let held = gate.clone();
    let (tell, told) = std::sync::mpsc::channel();
    let server = Server::start(move |peer, _| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
        held.pass();
        peer.send("cd");
        tell.send(()).unwrap();
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
        peer.closed_by_client();
    });
    let harness = Harness::new();
    let session = harness.session();
    let options = RequestOptions { stream: true, read_timeout: Some(patience), ..RequestOptions::default() };
    let ask = request(Method::Get, &server.url("/"), options);
    let id = session.send(ask.clone(), 0);
    assert!(matches!(harness.next().event, Event::Head(_)));
    std::thread::sleep(patience + milliseconds(100));
    gate.open();
    told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(harness.collect(&session, id), (b"abcd".to_vec(), Ok(())));
    let id = session.send(ask, 0);
    assert!(matches!(harness.next().event, Event::Head(_)));
    assert_eq!(harness.collect(&session, id), (b"ab".to_vec(), Err(ErrorKind::ReadTimeout)));
}

#[test]
fn a_streamed_body_that_ends_early_ends_in_an_error_after_what_came() {
    let server = Server::start(|peer, _| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
    });
    let harness = Harness::new();
    let session = harness.session();
    let (id, _) = head(&harness, &session, &server.url("/"));
    std::thread::sleep(milliseconds(50));
    let (body, end) = harness.collect(&session, id);
    assert_eq!(body, b"12345");
    assert_eq!(end, Err(ErrorKind::Truncated { received: 5, missing: Some(5) }));
}

#[test]
fn a_stream_given_up_closes_its_connection() {
    let (tell, told) = std::sync::mpsc::channel();
    let server = Server::start(move |peer, _| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
        tell.send(peer.closed_by_client()).unwrap();
    });
    let harness = Harness::new();
    let session = harness.session();
    let (id, _) = head(&harness, &session, &server.url("/"));
    session.cancel(id);
    assert_eq!(told.recv_timeout(PATIENCE), Ok(true));
    session.read_body(id);
    assert!(harness.poll(milliseconds(50)).is_none());
}

#[test]
fn a_streamed_request_that_fails_before_its_head_ends_at_once() {
    let server = Server::start(|peer, _| {
        peer.request();
    });
    let harness = Harness::new();
    let error = harness.run(&harness.session(), streamed(&server.url("/"))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ClosedWithoutResponse);
}
