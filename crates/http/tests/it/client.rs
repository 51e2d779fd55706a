//! The client's own life: waking, cancelling, shutting down.

use std::time::{Duration, Instant};

use gregaria_http::{ClientOptions, ErrorKind, Event, Phase};

use crate::harness::{Harness, get, milliseconds, post};
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
    assert!(!t.connect.is_zero() && !t.wait.is_zero() && t.tls.is_zero());
    assert_eq!(t.blocked + t.dns + t.connect + t.tls + t.send + t.wait + t.receive, t.total);
}

#[test]
fn completions_come_in_the_order_in_which_they_happened() {
    let server = Server::start(|peer, _| {
        while let Some(asked) = peer.request() {
            let delay = asked.target().trim_start_matches('/').parse().unwrap();
            std::thread::sleep(milliseconds(delay));
            peer.respond("200 OK", "", "");
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    for delay in [150, 10, 80] {
        session.send(get(&server.url(&format!("/{delay}"))), delay);
    }
    let order: Vec<u64> = (0..3).map(|_| harness.next().token).collect();
    assert_eq!(order, [10, 80, 150]);
}

#[test]
fn the_caller_is_woken_once_until_it_has_drained() {
    let server = Server::start(|peer, _| peer.echo());
    let harness = Harness::new();
    let session = harness.session();
    for token in 0..5 {
        session.send(get(&server.url("/")), token);
    }
    let until = Instant::now() + Duration::from_secs(10);
    let (mut found, mut before) = (Vec::new(), 0);
    while found.len() < 5 && Instant::now() < until {
        assert!(harness.signal.wait(before, Duration::from_secs(10)));
        before = harness.signal.count();
        while harness.client.drain(&mut found, 2) > 0 {}
    }
    assert_eq!(found.len(), 5);
    assert!(harness.signal.count() <= 5);
}

#[test]
fn a_cancelled_request_closes_its_connection_and_is_never_heard_of_again() {
    let (tell, told) = std::sync::mpsc::channel();
    let server = Server::start(move |peer, number| {
        peer.request();
        if number == 0 {
            tell.send(peer.closed_by_client()).unwrap();
        } else {
            peer.respond("200 OK", "", "");
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    let id = session.send(get(&server.url("/")), 1);
    std::thread::sleep(milliseconds(50));
    session.cancel(id);
    assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(true));
    session.send(get(&server.url("/")), 2);
    assert_eq!(harness.next().token, 2);
    assert!(harness.poll(milliseconds(50)).is_none());
}

#[test]
fn a_dropped_session_takes_its_connections_and_requests_along() {
    let (tell, told) = std::sync::mpsc::channel();
    let server = Server::start(move |peer, _| {
        peer.request();
        tell.send(peer.closed_by_client()).unwrap();
    });
    let harness = Harness::new();
    let session = harness.session();
    session.send(get(&server.url("/")), 1);
    std::thread::sleep(milliseconds(50));
    drop(session);
    assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(true));
    assert!(harness.poll(milliseconds(50)).is_none());
}

#[test]
fn a_session_that_leaves_a_shared_pool_takes_only_its_own_requests_along() {
    let server = Server::start(move |peer, _| {
        while peer.request().is_some() {
            std::thread::sleep(milliseconds(100));
            peer.respond("200 OK", "", "");
        }
    });
    let harness = Harness::new();
    let pool = harness.client.pool(4);
    let options = || gregaria_http::SessionOptions { pool: Some(pool.clone()), ..Default::default() };
    let (first, second) = (harness.client.session(options()), harness.client.session(options()));
    first.send(get(&server.url("/")), 1);
    second.send(get(&server.url("/")), 2);
    std::thread::sleep(milliseconds(30));
    drop(first);
    assert_eq!(harness.next().token, 2);
    assert!(harness.poll(milliseconds(150)).is_none());
    // The connection of the one is there for the other.
    assert!(harness.fetch(&second, &server.url("/")).reused);
}

#[test]
fn the_client_wakes_its_caller_at_the_moment_asked_for() {
    let harness = Harness::new();
    let start = Instant::now();
    harness.client.wake_at(start + milliseconds(2000));
    harness.client.wake_at(start + milliseconds(60));
    assert!(harness.signal.wait(0, Duration::from_secs(10)));
    let elapsed = start.elapsed();
    assert!(elapsed >= milliseconds(60) && elapsed < milliseconds(1000), "{elapsed:?}");
    // The later moment was forgotten with the earlier one; a new one can be asked for.
    harness.client.wake_at(Instant::now() + milliseconds(20));
    assert!(harness.signal.wait(1, milliseconds(1000)));
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
    let start = Instant::now();
    harness.client.shutdown();
    assert!(start.elapsed() < Duration::from_secs(2));
    sessions[0].send(post(&server.url("/"), "late"), 7);
    let completion = harness.next();
    assert_eq!(completion.token, 7);
    let Event::Done(Err(error)) = completion.event else { panic!("not an error") };
    assert_eq!((error.kind, error.phase), (ErrorKind::Shutdown, Phase::Blocked));
}
