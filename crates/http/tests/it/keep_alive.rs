//! Connections kept, given up, waited for and found dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gregaria_http::{ErrorKind, Event, Method, Phase, RequestOptions};

use crate::harness::{Gate, Harness, PATIENCE, get, limited, milliseconds, post, request};
use crate::server::Server;

#[test]
fn one_connection_serves_request_after_request() {
    let server = Server::start(|peer, _| peer.echo());
    let harness = Harness::new();
    let session = harness.session();
    for number in 0..20 {
        let exchange = harness.fetch(&session, &server.url(&format!("/{number}")));
        assert_eq!(exchange.reused, number > 0);
        assert_eq!(exchange.response.body, format!("/{number}"));
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_server_that_says_close_is_believed() {
    let server = Server::start(|peer, _| {
        peer.request();
        peer.respond("200 OK", "Connection: close\r\n", "bye");
        // It keeps it open nevertheless.
        peer.closed_by_client();
    });
    let harness = Harness::new();
    let session = harness.session();
    for _ in 0..3 {
        assert!(!harness.fetch(&session, &server.url("/")).reused);
    }
    assert_eq!(server.connections(), 3);
}

#[test]
fn a_connection_closed_while_idle_is_not_used_again() {
    let server = Server::start(|peer, _| {
        peer.request();
        peer.respond("200 OK", "", "ok");
    });
    let harness = Harness::new();
    let session = harness.session();
    for number in 1..=3 {
        harness.fetch(&session, &server.url("/"));
        // What has arrived before a request is sent is looked at before it.
        server.wait_closed(number);
    }
    let exchange = harness.run(&session, post(&server.url("/"), "not to be repeated")).unwrap();
    assert!(!exchange.reused);
    assert_eq!(server.connections(), 4);
}

#[test]
fn bytes_nobody_asked_for_end_a_connection() {
    let gate = Gate::default();
    let held = gate.clone();
    let (tell, told) = std::sync::mpsc::channel();
    let server = Server::start(move |peer, number| {
        peer.request();
        peer.respond("200 OK", "", "ok");
        if number == 0 {
            held.pass();
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
            tell.send(()).unwrap();
        }
        peer.echo();
    });
    let harness = Harness::new();
    let session = harness.session();
    harness.fetch(&session, &server.url("/"));
    gate.open();
    told.recv_timeout(PATIENCE).unwrap();
    let exchange = harness.fetch(&session, &server.url("/next"));
    assert!(!exchange.reused);
    assert_eq!(&exchange.response.body[..], b"ok");
}

/// Closes each connection after the head of its second request was read, without an answer.
fn forgetful(how: fn(&mut crate::server::Peer)) -> (Server, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = Server::start(move |peer, _| {
        peer.request();
        count.fetch_add(1, Ordering::SeqCst);
        peer.respond("200 OK", "", "ok");
        if peer.request().is_some() {
            count.fetch_add(1, Ordering::SeqCst);
            how(peer);
        }
    });
    (server, asked)
}

#[test]
fn a_kept_connection_that_dies_without_an_answer_is_replaced_once() {
    let closings: [fn(&mut crate::server::Peer); 2] = [|_| {}, crate::server::Peer::reset];
    for how in closings {
        let (server, asked) = forgetful(how);
        let harness = Harness::new();
        let session = harness.session();
        harness.fetch(&session, &server.url("/"));
        let exchange = harness.fetch(&session, &server.url("/"));
        assert!(!exchange.reused);
        assert_eq!((server.connections(), asked.load(Ordering::SeqCst)), (2, 3));
    }
}

#[test]
fn a_request_that_must_not_be_repeated_is_not() {
    let (server, asked) = forgetful(|_| {});
    let harness = Harness::new();
    let session = harness.session();
    harness.fetch(&session, &server.url("/"));
    let error = harness.run(&session, post(&server.url("/"), "pay")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ClosedWithoutResponse);
    assert!(!error.retry);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_new_connection_that_dies_is_an_error_at_once() {
    let server = Server::start(|peer, _| {
        peer.request();
    });
    let harness = Harness::new();
    let error = harness.run(&harness.session(), get(&server.url("/"))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ClosedWithoutResponse);
    assert_eq!(server.connections(), 1);
    let server = Server::start(|peer, _| {
        peer.request();
        peer.reset();
    });
    let error = harness.run(&harness.session(), get(&server.url("/"))).unwrap_err();
    assert_eq!((error.kind, error.os_error), (ErrorKind::Reset, Some(104)));
}

#[test]
fn requests_beyond_the_limit_wait_their_turn() {
    let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (Arc::clone(&busy), Arc::clone(&most));
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |peer, _| {
        while peer.request().is_some() {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            held.pass();
            std::thread::sleep(milliseconds(5));
            now.fetch_sub(1, Ordering::SeqCst);
            peer.respond("200 OK", "", "");
        }
    });
    let harness = Harness::new();
    let session = harness.client.session(limited(2));
    for token in 0..8 {
        session.send(get(&server.url("/")), token);
    }
    std::thread::sleep(milliseconds(50));
    gate.open();
    let timings: Vec<_> = (0..8).map(|_| harness.done().unwrap().timings).collect();
    assert_eq!((server.connections(), most.load(Ordering::SeqCst)), (2, 2));
    assert_eq!(timings.iter().filter(|t| t.queue >= milliseconds(50)).count(), 6, "{timings:?}");
    let server_late = timings.iter().filter(|t| t.total >= t.blocked + milliseconds(50)).count();
    assert_eq!(server_late, 8, "the wait is part of the time: {timings:?}");
}

#[test]
fn whoever_waits_longest_is_served_first() {
    let server = Server::start(|peer, _| peer.echo());
    let harness = Harness::new();
    let session = harness.client.session(limited(1));
    for token in 0..50 {
        session.send(get(&server.url("/")), token);
    }
    let order: Vec<u64> = (0..50).map(|_| harness.next().token).collect();
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(server.connections(), 1);
}

#[test]
fn the_limit_counts_each_origin_by_itself() {
    let gate = Gate::default();
    let held = gate.clone();
    let slow = Server::start(move |peer, _| {
        peer.request();
        held.pass();
        peer.respond("200 OK", "", "slow");
    });
    let quick = Server::start(|peer, _| peer.echo());
    let harness = Harness::new();
    let session = harness.client.session(limited(1));
    session.send(get(&slow.url("/")), 1);
    session.send(get(&slow.url("/")), 2);
    session.send(get(&quick.url("/")), 3);
    assert_eq!(harness.next().token, 3);
    gate.open();
    assert_eq!(harness.next().token, 1);
    assert_eq!(harness.next().token, 2);
}

#[test]
fn waiting_requests_survive_the_failure_of_the_one_before() {
    let server = Server::start(|peer, number| {
        peer.request();
        if number > 0 {
            peer.echo_after_first();
        }
    });
    let harness = Harness::new();
    let session = harness.client.session(limited(1));
    for token in 0..3 {
        session.send(get(&server.url("/")), token);
    }
    assert!(harness.done().is_err());
    assert!(harness.done().is_ok());
    assert!(harness.done().is_ok());
}

#[test]
fn closing_connections_spares_the_request_under_way() {
    let gate = Gate::default();
    let held = gate.clone();
    let (hear, heard) = std::sync::mpsc::channel();
    let server = Server::start(move |peer, _| {
        while peer.request().is_some() {
            let _ = hear.send(());
            held.pass();
            peer.respond("200 OK", "", "");
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    session.send(get(&server.url("/")), 0);
    heard.recv_timeout(PATIENCE).unwrap();
    session.close_connections();
    std::thread::sleep(milliseconds(20));
    gate.open();
    assert!(harness.done().is_ok());
    assert!(!harness.fetch(&session, &server.url("/")).reused);
    session.close_connections();
    assert!(!harness.fetch(&session, &server.url("/")).reused);
}

#[test]
fn a_failed_wait_for_a_connection_is_timed_out() {
    let server = Server::start(|peer, _| {
        peer.request();
        peer.closed_by_client();
    });
    let harness = Harness::new();
    let session = harness.client.session(limited(1));
    let stuck = session.send(get(&server.url("/")), 1);
    let patience = Some(milliseconds(80));
    for (options, kind) in [
        (RequestOptions { total_timeout: patience, ..Default::default() }, ErrorKind::TotalTimeout),
        (RequestOptions { connect_timeout: patience, ..Default::default() }, ErrorKind::ConnectTimeout),
    ] {
        session.send(request(Method::Get, &server.url("/"), options), 2);
        let completion = harness.next();
        assert_eq!(completion.token, 2);
        let Event::Done(Err(error)) = completion.event else { panic!("not an error") };
        assert_eq!((&error.kind, error.phase), (&kind, Phase::Queue));
        assert!(error.timings.total >= milliseconds(80) && error.timings.total < PATIENCE);
        assert!(error.timings.queue + milliseconds(20) >= error.timings.total, "{:?}", error.timings);
    }
    session.cancel(stuck);
}

#[test]
fn without_a_limit_nobody_waits_and_only_some_connections_are_kept() {
    // The first hundred wait for one gate, the others for the second: nobody gets a connection that has just come free.
    let gates = [Gate::default(), Gate::default()];
    let held = gates.clone();
    let served = AtomicUsize::new(0);
    let server = Server::start(move |peer, _| {
        while peer.request().is_some() {
            held[usize::from(served.fetch_add(1, Ordering::SeqCst) >= 100)].pass();
            peer.respond("200 OK", "", "");
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    for token in 0..100 {
        session.send(get(&server.url("/")), token);
    }
    server.wait_for_connections(100);
    gates[0].open();
    for _ in 0..100 {
        assert_eq!(harness.done().unwrap().timings.queue, milliseconds(0));
    }
    for token in 0..100 {
        session.send(get(&server.url("/")), token);
    }
    server.wait_for_connections(190);
    gates[1].open();
    let reused = (0..100).filter(|_| harness.done().unwrap().reused).count();
    assert_eq!(reused, 10, "those kept serve again");
}
