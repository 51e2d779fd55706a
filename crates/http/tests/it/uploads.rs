//! Bodies given piece by piece while they are sent.

use gregaria_http::{ErrorKind, Event, Method, Request, RequestId, RequestOptions, Session, Upload};

use crate::harness::{Gate, Harness, Outcome, get, limited, milliseconds, request};
use crate::server::Server;

fn upload(url: &str, kind: Upload, headers: &[(&str, &str)], options: RequestOptions) -> Request {
    let headers = headers.iter().copied().collect();
    let options = RequestOptions { announce_empty: None, ..options };
    Request {
        upload: Some(kind),
        headers: std::sync::Arc::new(headers),
        ..request(Method::Post, url, options)
    }
}

/// Gives the pieces as they are asked for, and says what came of it and how many were asked for.
fn give(harness: &Harness, session: &Session, id: RequestId, pieces: &[&'static str]) -> (Outcome, usize) {
    let mut asked = 0;
    loop {
        match harness.next().event {
            Event::Feed => {
                session.feed(id, pieces.get(asked).map(|piece| (*piece).into()));
                asked += 1;
            }
            Event::Done(outcome) => return (outcome, asked),
            other => panic!("unexpected {other:?}"),
        }
    }
}

#[test]
fn pieces_go_out_as_they_are_given() {
    let server = Server::start(|peer, _| peer.echo_body());
    let harness = Harness::new();
    let session = harness.session();
    for (kind, header, wire) in [
        (Upload::Plain, ("Content-Length", "6"), "abcdef"),
        (Upload::Chunked, ("X", "y"), "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"),
        (Upload::Chunked, ("Transfer-Encoding", "chunked"), "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"),
    ] {
        let id = session.send(upload(&server.url("/"), kind, &[header], RequestOptions::default()), 0);
        let (outcome, asked) = give(&harness, &session, id, &["abc", "", "def"]);
        assert_eq!((outcome.unwrap().response.body, asked), (wire.into(), 4));
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn the_time_that_the_giver_takes_is_part_of_the_request_but_no_silence_of_the_server() {
    let server = Server::start(|peer, _| peer.echo_body());
    let harness = Harness::new();
    let session = harness.session();
    let options = RequestOptions { read_timeout: Some(milliseconds(60)), ..RequestOptions::default() };
    let id = session.send(upload(&server.url("/"), Upload::Plain, &[("Content-Length", "3")], options), 0);
    assert!(matches!(harness.next().event, Event::Feed));
    std::thread::sleep(milliseconds(150));
    session.feed(id, Some("abc".into()));
    let (outcome, _) = give(&harness, &session, id, &[]);
    assert!(outcome.unwrap().timings.send >= milliseconds(150));
}

#[test]
fn an_upload_that_has_begun_is_not_begun_again() {
    let server = Server::start(|peer, number| {
        if number == 0 {
            peer.request();
            peer.respond("200 OK", "", "");
            // The second one is met by silence and the end.
            peer.request();
        } else {
            peer.echo_body();
        }
    });
    let harness = Harness::new();
    let session = harness.client.session(limited(1));
    harness.fetch(&session, &server.url("/"));
    let id = session.send(upload(&server.url("/"), Upload::Chunked, &[], RequestOptions::default()), 0);
    let (outcome, asked) = give(&harness, &session, id, &["abc"]);
    let error = outcome.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::ClosedWithoutResponse | ErrorKind::Reset), "{error:?}");
    assert!(!error.retry && asked >= 1);
    assert_eq!(server.connections(), 1);
    harness.fetch(&session, &server.url("/"));
}

#[test]
fn an_answer_is_looked_for_when_all_has_been_given() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |peer, _| {
        peer.head();
        peer.respond("200 OK", "", "early");
        held.pass();
        peer.more();
    });
    let harness = Harness::new();
    let session = harness.session();
    let id = session.send(
        upload(&server.url("/"), Upload::Plain, &[("Content-Length", "2")], RequestOptions::default()),
        0,
    );
    assert!(matches!(harness.next().event, Event::Feed));
    assert!(harness.poll(milliseconds(60)).is_none());
    gate.open();
    session.feed(id, Some("ab".into()));
    let (outcome, _) = give(&harness, &session, id, &[]);
    assert_eq!(outcome.unwrap().response.body, "early");
}

#[test]
fn a_cancelled_upload_leaves_room_for_the_next_request() {
    let server = Server::start(|peer, _| peer.echo());
    let harness = Harness::new();
    let session = harness.client.session(limited(1));
    let id = session.send(upload(&server.url("/"), Upload::Chunked, &[], RequestOptions::default()), 0);
    assert!(matches!(harness.next().event, Event::Feed));
    session.send(get(&server.url("/")), 1);
    session.cancel(id);
    session.feed(id, Some("late".into()));
    assert_eq!(harness.next().token, 1);
}
