//! Server and client over the loopback.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gregaria_cluster::transport::{
    Client, ClientOptions, Door, Item, Level, SendError, Server, ServerOptions, Wake,
};
use gregaria_cluster::zmtp::{Event, GREETING, MAX_MESSAGE, Session, head, ready};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Receives from a socket of either kind, waiting for its wake-ups.
struct Arrivals(mpsc::Receiver<()>);

fn arrivals() -> (Wake, Arrivals) {
    let (sender, receiver) = mpsc::channel();
    let wake = move || {
        // After a test nobody listens.
        let _ = sender.send(());
    };
    (Box::new(wake), Arrivals(receiver))
}

impl Arrivals {
    fn next(&self, take: impl Fn() -> Option<Item>) -> Item {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(item) = take() {
                return item;
            }
            self.0
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
                .expect("something arrives");
        }
    }
}

fn server_at(port: u16, door: Door) -> (Server, Arrivals) {
    let (wake, arrivals) = arrivals();
    (Server::bind(ServerOptions { hosts: vec!["127.0.0.1".into()], port, door }, wake).unwrap(), arrivals)
}

fn server() -> (Server, Arrivals) {
    server_at(0, Door::default())
}

fn client_with(port: u16, identity: &str, token: Option<&str>) -> (Client, Arrivals) {
    let (wake, arrivals) = arrivals();
    let options = ClientOptions {
        host: "127.0.0.1".into(),
        port,
        identity: identity.into(),
        token: token.map(str::to_owned),
    };
    (Client::connect(options, wake).unwrap(), arrivals)
}

fn client(port: u16, identity: &str) -> (Client, Arrivals) {
    client_with(port, identity, None)
}

fn message(from: &str, body: &str) -> Item {
    Item::Message { from: from.into(), body: body.to_owned().into() }
}

/// A peer written by hand, up to its READY.
fn by_hand(port: u16, identity: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&GREETING).unwrap();
    stream.write_all(&ready(&[("Socket-Type", b"DEALER"), ("Identity", identity.as_bytes())])).unwrap();
    stream
}

/// The next event that a peer written by hand gets; None at the end of the connection.
fn event(stream: &mut TcpStream, session: &mut Session) -> Option<Event> {
    loop {
        if let Some(event) = session.event().unwrap() {
            return Some(event);
        }
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes) {
            Ok(0) => return None,
            Ok(count) => session.buffer().extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("{error}"),
        }
    }
}

fn send_by_hand(stream: &mut TcpStream, body: &[u8]) {
    stream.write_all(&head(body.len())).unwrap();
    stream.write_all(body).unwrap();
}

#[test]
fn messages_go_both_ways_in_order() {
    let (server, at_server) = server();
    let (client, at_client) = client(server.address().port(), "w1");
    for number in 0..500 {
        client.send(number.to_string().into()).unwrap();
    }
    for number in 0..500 {
        assert_eq!(at_server.next(|| server.receive()), message("w1", &number.to_string()));
    }
    let long = "x".repeat(1 << 20);
    server.send("w1", long.clone().into()).unwrap();
    server.send("w1", "short".into()).unwrap();
    assert_eq!(at_client.next(|| client.receive()), message("", &long));
    assert_eq!(at_client.next(|| client.receive()), message("", "short"));
}

#[test]
fn to_an_unknown_identity_nothing_is_sent() {
    let (server, _arrivals) = server();
    assert_eq!(server.send("nobody", "x".into()), Ok(()));
}

#[test]
fn a_client_keeps_its_messages_until_there_is_a_server_and_comes_back_to_the_next() {
    let (first, at_first) = server();
    let port = first.address().port();
    first.close(Some(Duration::ZERO));
    drop((first, at_first));
    let (client, at_client) = client(port, "w1");
    client.send("early".into()).unwrap();
    for round in 0..3 {
        let (server, at_server) = server_at(port, Door::default());
        if round == 0 {
            assert_eq!(at_server.next(|| server.receive()), message("w1", "early"));
        }
        // What is sent into a connection that is just being lost is lost with it; so until one arrives.
        let deadline = Instant::now() + PATIENCE;
        while server.receive().is_none() {
            assert!(Instant::now() < deadline);
            client.send("again".into()).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        server.send("w1", "back".into()).unwrap();
        assert_eq!(at_client.next(|| client.receive()), message("", "back"));
        server.close(Some(Duration::ZERO));
    }
}

#[test]
fn a_client_takes_a_bounded_number_of_messages_while_nobody_listens() {
    let (server, _arrivals) = server();
    let port = server.address().port();
    drop(server);
    let (client, _arrivals) = client(port, "w1");
    let taken = (0..2_000).take_while(|_| client.send("x".into()).is_ok()).count();
    assert_eq!(taken, 1_000);
    assert_eq!(client.send("x".into()), Err(SendError::Full));
    assert_eq!(client.send(vec![0; MAX_MESSAGE + 1].into()), Err(SendError::TooLong(MAX_MESSAGE + 1)));
}

#[test]
fn a_peer_that_is_not_listened_to_is_not_read_from_without_end() {
    let (server, at_server) = server();
    let mut peer = by_hand(server.address().port(), "flood");
    peer.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    // More than the queue, the buffers of both sockets and a frame hold.
    let body = vec![7; 1 << 20];
    let mut sent = 0_u32;
    while sent < 400 && peer.write_all(&[&head(body.len())[..], &body].concat()).is_ok() {
        sent += 1;
    }
    assert!(sent < 400, "all of 400 MiB was taken");
    assert!(
        matches!(at_server.next(|| server.receive()), Item::Message { body, .. } if body.len() == 1 << 20)
    );
}

#[test]
fn a_new_connection_takes_the_place_of_the_old_one() {
    let (server, at_server) = server();
    let mut old = by_hand(server.address().port(), "w1");
    send_by_hand(&mut old, b"old");
    assert_eq!(at_server.next(|| server.receive()), message("w1", "old"));
    let mut new = by_hand(server.address().port(), "w1");
    send_by_hand(&mut new, b"new");
    assert_eq!(at_server.next(|| server.receive()), message("w1", "new"));
    server.send("w1", "hello".into()).unwrap();
    let mut session = Session::default();
    assert!(matches!(event(&mut new, &mut session), Some(Event::Ready(_))));
    assert_eq!(event(&mut new, &mut session), Some(Event::Message("hello".into())));
    let mut session = Session::default();
    assert!(matches!(event(&mut old, &mut session), Some(Event::Ready(_))));
    assert_eq!(event(&mut old, &mut session), None);
}

#[test]
fn pings_are_answered() {
    let (server, _arrivals) = server();
    let mut peer = by_hand(server.address().port(), "w1");
    peer.write_all(b"\x04\x0b\x04PING\0\x1ectxt").unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\x04\x09\x04PONGctxt") {
        let mut more = [0; 256];
        let count = peer.read(&mut more).unwrap();
        assert_ne!(count, 0);
        bytes.extend_from_slice(&more[..count]);
    }
}

fn asks_everybody(token: Option<&str>) -> Door {
    Door { token: token.map(str::to_owned), trusts: |_| false, ..Door::default() }
}

#[test]
fn who_shows_the_token_is_let_in_and_who_does_not_is_told() {
    let (server, at_server) = server_at(0, asks_everybody(Some("secret")));
    let port = server.address().port();
    let (wrong, at_wrong) = client_with(port, "wrong", Some("guess"));
    wrong.send("let me in".into()).unwrap();
    let Item::Notice(Level::Error, words) = at_wrong.next(|| wrong.receive()) else { panic!("no notice") };
    assert!(words.contains("refuses this worker") && words.contains("LOCUST_CLUSTER_TOKEN"), "{words}");
    let Item::Notice(Level::Warning, words) = at_server.next(|| server.receive()) else {
        panic!("no notice")
    };
    for part in ["127.0.0.1", "LOCUST_CLUSTER_TOKEN", "--cluster-open"] {
        assert!(words.contains(part), "{words}");
    }
    assert!(!words.contains("secret") && !words.contains("guess"));
    let (right, at_right) = client_with(port, "right", Some("secret"));
    right.send("hello".into()).unwrap();
    // Nothing of the other came in between, and there is no second notice.
    assert_eq!(at_server.next(|| server.receive()), message("right", "hello"));
    server.send("right", "welcome".into()).unwrap();
    assert_eq!(at_right.next(|| right.receive()), message("", "welcome"));
}

#[test]
fn without_a_token_nobody_from_elsewhere_comes_in_unless_the_door_is_open() {
    let (shut, at_shut) = server_at(0, asks_everybody(None));
    let (refused, at_refused) = client(shut.address().port(), "w1");
    assert!(matches!(at_refused.next(|| refused.receive()), Item::Notice(Level::Error, _)));
    assert!(matches!(at_shut.next(|| shut.receive()), Item::Notice(Level::Warning, _)));
    let (open, at_open) = server_at(0, Door { open: true, ..asks_everybody(None) });
    let (welcome, _arrivals) = client(open.address().port(), "w1");
    welcome.send("hello".into()).unwrap();
    assert_eq!(at_open.next(|| open.receive()), message("w1", "hello"));
}

#[test]
fn who_speaks_something_else_is_told_of_once_and_others_go_on() {
    let (server, at_server) = server();
    let port = server.address().port();
    for _ in 0..3 {
        let mut stranger = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stranger.set_read_timeout(Some(PATIENCE)).unwrap();
        stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut session = Session::default();
        assert_eq!(event(&mut stranger, &mut session), None);
    }
    let Item::Notice(Level::Warning, words) = at_server.next(|| server.receive()) else {
        panic!("no notice")
    };
    assert!(words.contains("127.0.0.1") && words.contains("does not speak ZeroMQ"), "{words}");
    let (client, _arrivals) = client(port, "w1");
    client.send("hello".into()).unwrap();
    assert_eq!(at_server.next(|| server.receive()), message("w1", "hello"));
}

#[test]
fn a_client_says_when_what_listens_is_no_master_or_has_no_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (client, at_client) = client(listener.local_addr().unwrap().port(), "w1");
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"220 mail.example.org ESMTP\r\n").unwrap();
    let Item::Notice(Level::Warning, words) = at_client.next(|| client.receive()) else {
        panic!("no notice")
    };
    assert!(words.contains("is no master"), "{words}");

    let (wake, at_lost) = arrivals();
    let options = ClientOptions { host: "no.such.host.invalid".into(), port: 1, ..ClientOptions::default() };
    let lost = Client::connect(options, wake).unwrap();
    let Item::Notice(Level::Warning, words) = at_lost.next(|| lost.receive()) else { panic!("no notice") };
    assert!(words.contains("Cannot find the master no.such.host.invalid:1"), "{words}");
}

#[test]
fn closing_sends_what_waits() {
    let (server, at_server) = server();
    let (client, at_client) = client(server.address().port(), "w1");
    client.send("hello".into()).unwrap();
    assert_eq!(at_server.next(|| server.receive()), message("w1", "hello"));
    for number in 0..100 {
        client.send(format!("{number}{}", " ".repeat(10_000)).into()).unwrap();
        server.send("w1", number.to_string().into()).unwrap();
    }
    client.close(None);
    assert_eq!(client.send("late".into()), Err(SendError::Closed));
    for number in 0..100 {
        let Item::Message { body, .. } = at_server.next(|| server.receive()) else { panic!("a notice") };
        assert!(body.starts_with(number.to_string().as_bytes()));
    }
    assert!(client.is_finished(PATIENCE));
    assert!(client.is_closed() && client.receive().is_none());
    drop(at_client);
}

#[test]
fn a_closed_server_frees_its_port_and_its_last_words_arrive() {
    let (server, at_server) = server();
    let address = server.address();
    let (client, at_client) = client(address.port(), "w1");
    client.send("hello".into()).unwrap();
    assert_eq!(at_server.next(|| server.receive()), message("w1", "hello"));
    server.send("w1", "quit".into()).unwrap();
    server.close(None);
    assert_eq!(server.send("w1", "late".into()), Err(SendError::Closed));
    let (next, _arrivals) = server_at(address.port(), Door::default());
    assert_eq!(next.address(), address);
    assert_eq!(at_client.next(|| client.receive()), message("", "quit"));
    assert!(server.is_finished(PATIENCE));
}

#[test]
fn a_server_listens_at_all_the_addresses_it_is_given() {
    let (wake, at_server) = arrivals();
    // The third is none of this machine's.
    let hosts = ["127.0.0.1", "127.0.0.2", "203.0.113.254"].map(str::to_owned).to_vec();
    let server = Server::bind(ServerOptions { hosts, port: 0, door: Door::default() }, wake).unwrap();
    for host in ["127.0.0.1", "127.0.0.2"] {
        let (wake, _arrivals) = arrivals();
        let options = ClientOptions {
            host: host.into(),
            port: server.address().port(),
            identity: host.into(),
            ..ClientOptions::default()
        };
        let client = Client::connect(options, wake).unwrap();
        client.send("hello".into()).unwrap();
        assert_eq!(at_server.next(|| server.receive()), message(host, "hello"));
    }
    let (wake, _more) = arrivals();
    let nowhere = ServerOptions { hosts: vec!["203.0.113.254".into()], ..ServerOptions::default() };
    assert_eq!(Server::bind(nowhere, wake).unwrap_err().kind(), std::io::ErrorKind::AddrNotAvailable);
}

#[test]
fn a_port_in_use_is_an_error() {
    let (server, _arrivals) = server();
    let (wake, _more) = arrivals();
    let options = ServerOptions {
        hosts: vec!["127.0.0.1".into()],
        port: server.address().port(),
        door: Door::default(),
    };
    let error = Server::bind(options, wake).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}
