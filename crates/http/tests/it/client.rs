//! The client's own life: waking, cancelling, shutting down.

use std::time::Instant;

use gregaria_http::{ClientOptions, ErrorKind, Event, Phase};

use crate::harness::{Gate, Harness, PATIENCE, get, milliseconds, post};
use crate::server::Server;

#[test]
fn a_request_comes_back_with_its_token_and_its_phases() {
    let server = Server::start(|peer, _| peer.echo());
    let harness = Harness::new();
    let session = harness.session();
    let before = Instant::now();
    let id = session.send(get(&server.url("/one")), 42);
    let completion = harness.next();
    assert_eq!((completion.token, completion.id), (42, id));
    let Event::Done(Ok(exchange)) = completion.event else { panic!("not a success") };
    assert_eq!(exchange.response.status, 200);
    assert_eq!(&exchange.response.body[..], b"/one");
    assert_eq!(exchange.peer_addr.map(|address| address.port()), Some(server.port()));
    assert!(!exchange.reused && exchange.local_addr.is_some());
    let t = exchange.timings;
    assert!(t.start >= before && t.total <= before.elapsed());
    assert!(t.start_unix > 1.6e9);
    assert!(!t.connect.is_zero() && !(t.send + t.wait).is_zero() && t.tls.is_zero());
    assert_eq!(t.blocked + t.dns + t.connect + t.tls + t.send + t.wait + t.receive, t.total);
}

#[test]
fn completions_come_in_the_order_in_which_they_happened() {
    let gates: [Gate; 3] = Default::default();
    let held = gates.clone();
    let server = Server::start(move |peer, _| {
        while let Some(asked) = peer.request() {
            held[asked.target().trim_start_matches('/').parse::<usize>().unwrap()].pass();
            peer.respond("200 OK", "", "");
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    for token in 0..3 {
        session.send(get(&server.url(&format!("/{token}"))), token);
    }
    for token in [1, 2, 0] {
        gates[token].open();
        assert_eq!(harness.next().token, token as u64);
    }
}

#[test]
fn the_caller_is_woken_once_until_it_has_drained() {
    let server = Server::start(|peer, _| peer.echo());
    let harness = Harness::new();
    let session = harness.session();
    for token in 0..5 {
        session.send(get(&server.url("/")), token);
    }
    let until = Instant::now() + PATIENCE;
    let (mut found, mut before) = (Vec::new(), 0);
    while found.len() < 5 && Instant::now() < until {
        assert!(harness.signal.wait(before, PATIENCE));
        before = harness.signal.count();
        while harness.client.drain(&mut found, 2) > 0 {}
    }
    assert_eq!(found.len(), 5);
    assert!(harness.signal.count() <= 5);
}

#[test]
fn a_cancelled_request_closes_its_connection_and_is_never_heard_of_again() {
    let (tell, told) = std::sync::mpsc::channel();
    let (hear, heard) = std::sync::mpsc::channel();
    let server = Server::start(move |peer, number| {
        peer.request();
        if number == 0 {
            hear.send(()).unwrap();
            tell.send(peer.closed_by_client()).unwrap();
        } else {
            peer.respond("200 OK", "", "");
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    let id = session.send(get(&server.url("/")), 1);
    heard.recv_timeout(PATIENCE).unwrap();
    session.cancel(id);
    assert_eq!(told.recv_timeout(PATIENCE), Ok(true));
    session.send(get(&server.url("/")), 2);
    assert_eq!(harness.next().token, 2);
    assert!(harness.poll(milliseconds(50)).is_none());
}

#[test]
fn a_dropped_session_takes_its_connections_and_requests_along() {
    let (tell, told) = std::sync::mpsc::channel();
    let (hear, heard) = std::sync::mpsc::channel();
    let server = Server::start(move |peer, _| {
        peer.request();
        hear.send(()).unwrap();
        tell.send(peer.closed_by_client()).unwrap();
    });
    let harness = Harness::new();
    let session = harness.session();
    session.send(get(&server.url("/")), 1);
    heard.recv_timeout(PATIENCE).unwrap();
    drop(session);
    assert_eq!(told.recv_timeout(PATIENCE), Ok(true));
    assert!(harness.poll(milliseconds(50)).is_none());
}

#[test]
fn a_session_that_leaves_a_shared_pool_takes_only_its_own_requests_along() {
    let gate = Gate::default();
    let held = gate.clone();
    let (hear, heard) = std::sync::mpsc::channel();
    let server = Server::start(move |peer, _| {
        while peer.request().is_some() {
            hear.send(()).unwrap();
            held.pass();
            peer.respond("200 OK", "", "");
        }
    });
    let harness = Harness::new();
    let pool = harness.client.pool(gregaria_http::PoolOptions::default());
    let options = || gregaria_http::SessionOptions { pool: Some(pool.clone()), ..Default::default() };
    let (first, second) = (harness.client.session(options()), harness.client.session(options()));
    first.send(get(&server.url("/")), 1);
    second.send(get(&server.url("/")), 2);
    for _ in 0..2 {
        heard.recv_timeout(PATIENCE).unwrap();
    }
    drop(first);
    // The I/O thread does what it is told in order: when this has come back, it knows that the first has gone.
    let aside = Server::start(|peer, _| peer.echo());
    harness.fetch(&second, &aside.url("/"));
    gate.open();
    assert_eq!(harness.next().token, 2);
    assert!(harness.poll(milliseconds(50)).is_none());
    // The connection of the one is there for the other.
    assert!(harness.fetch(&second, &server.url("/")).reused);
}

#[test]
fn shutting_down_ends_the_threads_and_refuses_what_comes_later() {
    let server = Server::start(|peer, _| {
        peer.request();
        peer.closed_by_client();
    });
    let harness = Harness::with(ClientOptions { threads: 3, ..ClientOptions::default() });
    let sessions: Vec<_> = (0..6).map(|_| harness.session()).collect();
    for session in &sessions {
        session.send(get(&server.url("/")), 1);
    }
    std::thread::sleep(milliseconds(50));
    // None of the requests is waited for: their server never answers.
    let start = Instant::now();
    harness.client.shutdown();
    assert!(start.elapsed() < PATIENCE / 2);
    sessions[0].send(post(&server.url("/"), "late"), 7);
    let completion = harness.next();
    assert_eq!(completion.token, 7);
    let Event::Done(Err(error)) = completion.event else { panic!("not an error") };
    assert_eq!((error.kind, error.phase), (ErrorKind::Shutdown, Phase::Blocked));
}
