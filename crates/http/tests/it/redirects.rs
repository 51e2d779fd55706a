//! Redirects, followed on the I/O thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gregaria_http::redirect::Policy;
use gregaria_http::{
    ClientOptions, ErrorKind, Event, Headers, Method, Proxy, Refused, Request, RequestOptions,
};

use crate::harness::{Harness, get, milliseconds, request};
use crate::server::Server;

fn following() -> RequestOptions {
    RequestOptions { redirects: Some(Policy::requests()), ..RequestOptions::default() }
}

/// `/a` leads to `/b`, that to `/c`; `/loop` to itself.
fn maze() -> Server {
    Server::start(|peer, _| {
        while let Some(asked) = peer.request() {
            let (method, target) = (asked.method().to_owned(), asked.target().to_owned());
            match &*target {
                "/a" => peer.respond("302 Found", "Location: /b\r\nSet-Cookie: seen=a\r\n", "to b"),
                "/b" => peer.respond("301 Moved", "Location: c?x\r\n", "to c"),
                "/keep" => peer.respond("307 Temporary", "Location: /c\r\n", ""),
                "/loop" => peer.respond("302 Found", "Location: /loop\r\n", ""),
                "/nowhere" => peer.respond("302 Found", "Location: http://[\r\n", ""),
                _ => {
                    let cookie = asked.header("cookie").unwrap_or("none").to_owned();
                    let body = String::from_utf8(asked.body).unwrap();
                    peer.respond("200 OK", "", &format!("{method} {target} {cookie} {body}"));
                }
            }
        }
    })
}

#[test]
fn redirects_are_followed_on_the_same_connection_and_remembered() {
    let server = maze();
    let harness = Harness::new();
    let exchange =
        harness.run(&harness.session(), request(Method::Get, &server.url("/a"), following())).unwrap();
    assert_eq!(&exchange.response.body[..], b"GET /c?x seen=a ");
    assert_eq!(exchange.response.url.to_string(), server.url("/c?x"));
    let hops: Vec<_> =
        exchange.history.iter().map(|hop| (hop.response.status, &hop.response.body[..])).collect();
    assert_eq!(hops, [(302, &b"to b"[..]), (301, &b"to c"[..])]);
    assert_eq!(exchange.history[0].request.url.to_string(), server.url("/a"));
    assert_eq!(exchange.history[1].request.cookie.as_deref(), Some(&b"seen=a"[..]));
    assert_eq!(server.connections(), 1);
    let hops: Duration = exchange.history.iter().map(|hop| hop.timings.total).sum();
    // A thread that loses its processor while it sends finds the answer there when it is back: it has not waited then.
    assert!(exchange.history.iter().all(|hop| !(hop.timings.send + hop.timings.wait).is_zero()));
    assert!(exchange.timings.total > hops);
}

#[test]
fn without_a_policy_the_redirect_is_the_response() {
    let server = maze();
    let harness = Harness::new();
    let exchange = harness.run(&harness.session(), get(&server.url("/a"))).unwrap();
    assert_eq!((exchange.response.status, exchange.history.len()), (302, 0));
}

#[test]
fn a_post_becomes_a_get_or_stays_as_the_status_says() {
    let server = maze();
    let harness = Harness::new();
    let session = harness.session();
    for (path, expected) in [("/a", "GET /c?x seen=a "), ("/keep", "POST /c seen=a payload")] {
        let ask = Request { body: "payload".into(), ..request(Method::Post, &server.url(path), following()) };
        let exchange = harness.run(&session, ask).unwrap();
        assert_eq!(exchange.response.body, expected);
    }
}

#[test]
fn a_loop_ends_with_its_history() {
    let server = maze();
    let harness = Harness::new();
    let error =
        harness.run(&harness.session(), request(Method::Get, &server.url("/loop"), following())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooManyRedirects);
    assert_eq!(error.history.len(), 31);
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_location_that_is_none_is_an_error() {
    let server = maze();
    let harness = Harness::new();
    let error = harness
        .run(&harness.session(), request(Method::Get, &server.url("/nowhere"), following()))
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRedirect);
    assert_eq!(error.history.len(), 1);
}

#[test]
fn credentials_do_not_follow_to_another_host() {
    let target = Server::start(|peer, _| {
        while let Some(asked) = peer.request() {
            let told = asked.header("authorization").unwrap_or("none").to_owned();
            peer.respond("200 OK", "", &told);
        }
    });
    let elsewhere = format!("http://localhost:{}/", target.port());
    let server = Server::start(move |peer, _| {
        while peer.request().is_some() {
            peer.respond("302 Found", &format!("Location: {elsewhere}\r\n"), "");
        }
    });
    let harness = Harness::new();
    let mut headers = Headers::new();
    headers.push("Authorization", "Basic c2VjcmV0");
    let ask = Request { headers: Arc::new(headers), ..request(Method::Get, &server.url("/"), following()) };
    let exchange = harness.run(&harness.session(), ask).unwrap();
    assert_eq!(&exchange.response.body[..], b"none");
    assert!(!exchange.request.headers.contains("authorization"));
    assert!(exchange.history[0].request.headers.contains("authorization"));
}

#[test]
fn a_streamed_response_follows_redirects_before_its_head() {
    let server = maze();
    let harness = Harness::new();
    let session = harness.session();
    let options = RequestOptions { stream: true, ..following() };
    let id = session.send(request(Method::Get, &server.url("/a"), options), 0);
    let Event::Head(exchange) = harness.next().event else { panic!("no head") };
    assert_eq!((exchange.response.status, exchange.history.len()), (200, 2));
    let (body, end) = harness.collect(&session, id);
    assert_eq!((&body[..], end), (&b"GET /c?x seen=a "[..], Ok(())));
    let options = RequestOptions { stream: true, ..following() };
    let error = harness.run(&session, request(Method::Get, &server.url("/loop"), options)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooManyRedirects);
}

#[test]
fn a_redirect_to_a_dead_server_fails_there() {
    let server = Server::start(|peer, _| {
        peer.request();
        peer.respond("302 Found", "Location: http://127.0.0.1:1/\r\n", "");
        std::thread::sleep(milliseconds(50));
    });
    let harness = Harness::new();
    let error =
        harness.run(&harness.session(), request(Method::Get, &server.url("/"), following())).unwrap_err();
    assert_eq!((error.kind, error.os_error), (ErrorKind::ConnectionRefused, Some(111)));
    assert_eq!(error.url.to_string(), "http://127.0.0.1:1/");
    assert_eq!(error.history.len(), 1);
}

#[test]
fn nobody_is_sent_to_what_is_out_of_bounds() {
    let guarded = Server::start(|peer, _| peer.echo());
    let port = guarded.port();
    let refused = Arc::new(Refused::new());
    refused.add([SocketAddr::from(([0, 0, 0, 0], port))]);
    let harness = Harness::with(ClientOptions { refused: Arc::clone(&refused), ..ClientOptions::default() });
    let session = harness.session();
    for host in ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "127.0.0.1."] {
        let target = format!("http://{host}:{port}/stop");
        let under_test = Server::start(move |peer, _| {
            while peer.request().is_some() {
                peer.respond("307 Temporary", &format!("Location: {target}\r\n"), "");
            }
        });
        for method in [Method::Get, Method::Post] {
            let error =
                harness.run(&session, request(method, &under_test.url("/"), following())).unwrap_err();
            let known = matches!(error.kind, ErrorKind::OwnAddress | ErrorKind::Resolve { .. });
            assert!(known && error.history.len() == 1, "{host} {error:?}");
        }
    }
    let error = harness.run(&session, get(&guarded.url("/"))).unwrap_err();
    assert!(error.kind == ErrorKind::OwnAddress && error.message.contains(&port.to_string()), "{error:?}");
    assert_eq!(guarded.connections(), 0);
    // A proxy would connect there in our stead.
    let proxy = Server::start(|peer, _| peer.echo());
    let way = Some(Arc::new(Proxy::new("127.0.0.1", proxy.port())));
    let options = RequestOptions { proxy: way, ..RequestOptions::default() };
    for host in ["localhost", "127.0.0.1"] {
        let ask = request(Method::Get, &format!("http://{host}:{port}/stop"), options.clone());
        assert_eq!(harness.run(&session, ask).unwrap_err().kind, ErrorKind::OwnAddress);
    }
    assert_eq!(proxy.connections(), 0);
    refused.remove(&[SocketAddr::from(([0, 0, 0, 0], port))]);
    assert_eq!(harness.fetch(&session, &guarded.url("/")).response.status, 200);
}
