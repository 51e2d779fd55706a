//! Many sessions, and the ways to an address.

use std::collections::HashSet;
use std::net::TcpListener;
use std::time::Duration;

use gregaria_http::{ClientOptions, ErrorKind, Event, Method, Phase, RequestOptions};
use socket2::{Domain, Socket, Type};

use crate::harness::{Harness, PATIENCE, get, request};
use crate::server::Server;

#[test]
fn a_thousand_sessions_keep_a_connection_each() {
    let server = Server::start(|peer, _| peer.echo());
    let harness = Harness::with(ClientOptions { threads: 2, ..ClientOptions::default() });
    let sessions: Vec<_> = (0..1000).map(|_| harness.session()).collect();
    for round in 0..3 {
        for (number, session) in sessions.iter().enumerate() {
            session.send(get(&server.url(&format!("/{number}"))), number as u64);
        }
        let mut seen = HashSet::new();
        for _ in 0..sessions.len() {
            let completion = harness.next();
            let Event::Done(Ok(exchange)) = completion.event else { panic!("{completion:?}") };
            assert_eq!(exchange.response.body, format!("/{}", completion.token));
            assert_eq!(exchange.reused, round > 0);
            assert!(seen.insert(completion.token));
        }
    }
    assert_eq!(server.connections(), 1000);
}

#[test]
fn ipv6_addresses_are_hosts_too() {
    if TcpListener::bind("[::1]:0").is_err() {
        // A machine without IPv6 has nothing to test here.
        return;
    }
    let server = Server::start_at("[::1]:0", None, |peer, _| {
        while let Some(asked) = peer.request() {
            let host = asked.header("host").unwrap().to_owned();
            peer.respond("200 OK", "", &host);
        }
    });
    let harness = Harness::new();
    let exchange = harness.fetch(&harness.session(), &server.url("/"));
    assert_eq!(exchange.response.body, format!("[::1]:{}", server.port()));
    assert!(exchange.peer_addr.unwrap().is_ipv6());
}

/// A client for which `both.test` is `::1`, and then `127.0.0.1`.
fn two_addresses() -> Harness {
    let addresses = vec!["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
    let hosts = [("both.test".into(), addresses)].into();
    Harness::with(ClientOptions { hosts, ..ClientOptions::default() })
}

#[test]
fn a_name_with_several_addresses_is_tried_until_one_answers() {
    // Nobody listens at ::1, or there is no such address at all.
    let server = Server::start(|peer, _| peer.echo());
    let harness = two_addresses();
    let session = harness.session();
    let url = format!("http://both.test:{}/", server.port());
    // Refusal needs no quarter second to be noticed. One of many, as the machine may be busy.
    let mut connects = (0..50).map(|_| {
        let exchange = harness.fetch(&session, &url);
        assert!(exchange.peer_addr.unwrap().is_ipv4() && !exchange.reused);
        session.close_connections();
        exchange.timings.connect
    });
    assert!(connects.any(|connect| connect < Duration::from_millis(240)));
    let url = format!("http://both.test:{}/", 1);
    let error = harness.run(&session, get(&url)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ConnectionRefused);
}

#[test]
fn refusal_is_told_with_its_number() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let harness = Harness::new();
    let error = harness.run(&harness.session(), get(&url)).unwrap_err();
    assert_eq!(
        (&error.kind, error.phase, error.os_error),
        (&ErrorKind::ConnectionRefused, Phase::Connect, Some(111))
    );
    assert!(error.retry);
}

#[test]
fn a_name_nobody_knows_is_told_as_getaddrinfo_does() {
    let harness = Harness::new();
    let session = harness.session();
    // Without a network the answer is "try again later" instead of "no"; both are numbers of getaddrinfo.
    for token in 0..3 {
        session.send(get("http://no-such-host.invalid/"), token);
    }
    for _ in 0..3 {
        let error = harness.done().unwrap_err();
        let ErrorKind::Resolve { code, text } = &error.kind else { panic!("{error:?}") };
        let known = [(-2, "Name or service not known"), (-3, "Temporary failure in name resolution")];
        assert!(known.contains(&(*code, &**text)), "{error:?}");
        assert_eq!(error.phase, Phase::Dns);
    }
}

#[test]
fn a_source_address_is_bound() {
    let server = Server::start(|peer, _| peer.echo());
    let harness = Harness::new();
    let session = harness.session();
    for source in ["127.0.0.2", "127.0.0.3"] {
        let source = source.parse().unwrap();
        let options = RequestOptions { source_address: Some(source), ..RequestOptions::default() };
        let exchange = harness.run(&session, request(Method::Get, &server.url("/"), options)).unwrap();
        assert_eq!(exchange.local_addr.map(|address| address.ip()), Some(source));
        assert!(!exchange.reused);
    }
    let options =
        RequestOptions { source_address: Some("::1".parse().unwrap()), ..RequestOptions::default() };
    let error = harness.run(&session, request(Method::Get, &server.url("/"), options)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Connect);
}

#[test]
fn many_failures_at_once_do_not_exhaust_the_stack() {
    let harness = Harness::new();
    let session = harness.client.session(crate::harness::limited(1));
    // A source of the wrong family fails before anything is asynchronous.
    let options = std::sync::Arc::new(RequestOptions {
        source_address: Some("::1".parse().unwrap()),
        ..RequestOptions::default()
    });
    for token in 0..20_000 {
        let mut ask = get("http://127.0.0.1:1/");
        ask.options = std::sync::Arc::clone(&options);
        session.send(ask, token);
    }
    for _ in 0..20_000 {
        assert!(harness.done().is_err());
    }
}

#[test]
fn an_address_that_does_not_answer_costs_a_quarter_second() {
    let silent = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    let v6 = std::net::SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 0));
    if silent.bind(&v6.into()).is_err() {
        // A machine without IPv6 has no race to watch.
        return;
    }
    // A full backlog: further connections are neither accepted nor refused.
    silent.listen(0).unwrap();
    let v6 = silent.local_addr().unwrap().as_socket().unwrap();
    let fillers: Vec<_> =
        (0..4).map(|_| std::net::TcpStream::connect_timeout(&v6, Duration::from_millis(100))).collect();
    assert!(fillers.last().unwrap().is_err());
    let server = Server::start_at(&format!("127.0.0.1:{}", v6.port()), None, |peer, _| peer.echo());
    let harness = two_addresses();
    let exchange = harness.fetch(&harness.session(), &format!("http://both.test:{}/", server.port()));
    assert!(exchange.peer_addr.unwrap().is_ipv4());
    let connect = exchange.timings.connect;
    // And no more than that: the kernel would go on trying for minutes.
    assert!(connect >= Duration::from_millis(250) && connect < PATIENCE, "{connect:?}");
}
