//! Large bodies, which are read to their place: whole whatever the pieces are that they come in, and never with what stands behind them.

use gregaria_http::ErrorKind;

use crate::harness::Harness;
use crate::server::Server;

/// Not the same at any two places that could be mistaken for each other.
fn body(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(31) ^ (at >> 8)) as u8).collect()
}

fn response(length: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    [head.into_bytes(), body(length)].concat()
}

const LENGTHS: [usize; 7] = [16_000, 17_000, 40_000, 100_000, 300_000, 1_500_000, 3_000_000];

#[test]
fn a_large_body_is_whole_in_whatever_pieces_it_comes() {
    let server = Server::start(|peer, _| {
        while let Some(asked) = peer.request() {
            let (length, piece) = asked.target()[1..].split_once('-').unwrap();
            for piece in response(length.parse().unwrap()).chunks(piece.parse().unwrap()) {
                peer.send(piece);
            }
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    for length in LENGTHS {
        for piece in [usize::MAX, 1 << 20, 65_536, 16_384, 5_000] {
            let exchange = harness.fetch(&session, &server.url(&format!("/{length}-{piece}")));
            assert!(exchange.response.body == body(length), "{length} bytes in pieces of {piece}");
        }
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn what_follows_a_large_body_is_none_of_it_and_ends_the_connection() {
    let server = Server::start(|peer, _| {
        while peer.request().is_some() {
            peer.send([response(100_000), b"surplus".to_vec()].concat());
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    for connections in 1..4 {
        let exchange = harness.fetch(&session, &server.url("/"));
        assert!(exchange.response.body == body(100_000) && !exchange.reused);
        assert_eq!(server.connections(), connections);
    }
}

#[test]
fn a_large_body_that_is_cut_is_told_as_such() {
    let server = Server::start(|peer, _| {
        peer.request();
        peer.send(&response(200_000)[..150_000]);
    });
    let harness = Harness::new();
    let error = harness.run(&harness.session(), crate::harness::get(&server.url("/"))).unwrap_err();
    let ErrorKind::Truncated { received, missing: Some(missing) } = error.kind else { panic!("{error:?}") };
    assert_eq!(received + missing, 200_000);
}
