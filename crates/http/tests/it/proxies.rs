//! Through proxies, plain and by tunnel.

use std::sync::Arc;

use gregaria_http::{ErrorKind, Method, Phase, Proxy, RequestOptions, TlsOptions};

use crate::harness::{Harness, milliseconds, request};
use crate::server::{Peer, Server};
use crate::tls::Authority;

fn through(proxy: &Server, credentials: bool, tls: Arc<TlsOptions>) -> RequestOptions {
    let mut way = Proxy::new("127.0.0.1", proxy.port());
    if credentials {
        way = way.with_credentials("user", "pass word");
    }
    RequestOptions { proxy: Some(Arc::new(way)), tls, ..RequestOptions::default() }
}

#[test]
fn plain_requests_are_sent_in_absolute_form_on_one_connection_for_all_hosts() {
    let proxy = Server::start(|peer, _| {
        while let Some(asked) = peer.request() {
            let told = format!(
                "{} {} {}",
                asked.target(),
                asked.header("host").unwrap_or("-"),
                asked.header("proxy-authorization").unwrap_or("-")
            );
            peer.respond("200 OK", "", &told);
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    let options = Arc::new(through(&proxy, true, TlsOptions::verified()));
    for host in ["one.invalid", "two.invalid:8080"] {
        let mut ask = request(Method::Get, &format!("http://{host}/p?q"), RequestOptions::default());
        ask.options = Arc::clone(&options);
        let exchange = harness.run(&session, ask).unwrap();
        let expected = format!("http://{host}/p?q {host} Basic dXNlcjpwYXNzIHdvcmQ=");
        assert_eq!(exchange.response.body, expected);
    }
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn tls_goes_through_a_tunnel() {
    let authority = Authority::new("tunnel");
    let server = Server::start_tls(authority.server("localhost", false), |peer, _| peer.echo());
    let proxy = Server::start(|peer, _| {
        let asked = peer.request().unwrap();
        assert_eq!(asked.method(), "CONNECT");
        if asked.header("proxy-authorization") != Some("Basic dXNlcjpwYXNzIHdvcmQ=") {
            return peer.respond("407 Proxy Authentication Required", "", "who are you?");
        }
        peer.send("HTTP/1.1 200 Connection established\r\n\r\n");
        let port = asked.target().rsplit(':').next().unwrap().to_owned();
        peer.relay(&format!("127.0.0.1:{port}"));
    });
    let harness = Harness::new();
    let session = harness.session();
    let url = format!("https://localhost:{}/deep", server.port());
    let options = through(&proxy, true, authority.trust());
    for number in 0..2 {
        let exchange = harness.run(&session, request(Method::Get, &url, options.clone())).unwrap();
        assert_eq!((&exchange.response.body[..], exchange.reused), (&b"/deep"[..], number == 1));
    }
    let error = harness
        .run(&session, request(Method::Get, &url, through(&proxy, false, authority.trust())))
        .unwrap_err();
    let reason = "Proxy Authentication Required".into();
    assert_eq!((error.kind, error.phase), (ErrorKind::Proxy { status: Some(407), reason }, Phase::Tunnel));
    assert_eq!(&*error.message, "Tunnel connection failed: 407 Proxy Authentication Required");
}

#[test]
fn a_proxy_that_fails_is_told_from_a_server_that_fails() {
    let behaviours: [fn(&mut Peer); 2] = [
        |peer| {
            peer.request();
        },
        |peer| {
            peer.request();
            peer.send("gibberish\r\n\r\n");
        },
    ];
    let harness = Harness::new();
    for behaviour in behaviours {
        let proxy = Server::start(move |peer, _| behaviour(peer));
        let ask =
            request(Method::Get, "https://server.invalid/", through(&proxy, false, TlsOptions::verified()));
        let error = harness.run(&harness.session(), ask).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Proxy { status: None, .. }), "{error:?}");
    }
    let dead = Proxy::new("127.0.0.1", 1);
    let options = RequestOptions { proxy: Some(Arc::new(dead)), ..RequestOptions::default() };
    let error =
        harness.run(&harness.session(), request(Method::Get, "http://a.invalid/", options)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ConnectionRefused);
}

#[test]
fn a_silent_proxy_is_a_timeout_of_connecting() {
    let proxy = Server::start(|peer, _| {
        peer.closed_by_client();
    });
    let options = RequestOptions {
        connect_timeout: Some(milliseconds(100)),
        ..through(&proxy, false, TlsOptions::verified())
    };
    let harness = Harness::new();
    let error =
        harness.run(&harness.session(), request(Method::Get, "https://a.invalid/", options)).unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::ConnectTimeout, Phase::Tunnel));
}
