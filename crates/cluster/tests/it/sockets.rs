//! Server and client over the loopback.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gregaria_cluster::transport::{
    Client, ClientOptions, Door, Item, Kind, Level, SendError, Server, ServerOptions, Wake,
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
    (
        Server::bind(
            ServerOptions { hosts: vec!["127.0.0.1".into()], port, door, ..ServerOptions::default() },
            wake,
        )
        .unwrap(),
        arrivals,
    )
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
    Item::Message { from: from.into(), body: body.to_owned().into(), overtook: false, waited: Duration::ZERO }
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
    let server = Server::bind(ServerOptions { hosts, ..ServerOptions::default() }, wake).unwrap();
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
        ..ServerOptions::default()
    };
    let error = Server::bind(options, wake).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn who_never_says_who_they_are_keeps_nobody_out() {
    let (server, at_server) = server();
    let port = server.address().port();
    // More than there are places for, and each goes on as far as its greeting.
    let mut silent: Vec<_> = (0..400)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(&GREETING).unwrap();
            stream
        })
        .collect();
    let began = Instant::now();
    let (client, _) = client(port, "w1");
    client.send("hello".into()).unwrap();
    let mut notices = 0;
    loop {
        match at_server.next(|| server.receive()) {
            Item::Notice(Level::Warning, words) => {
                assert!(words.contains("nobody introduces itself") && words.contains("127.0.0.1"), "{words}");
                notices += 1;
            }
            other => {
                assert_eq!(other, message("w1", "hello"));
                break;
            }
        }
    }
    assert_eq!(notices, 1);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // The others are closed soon, too.
    for stream in &mut silent {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        assert!(matches!(stream.read_to_end(&mut rest), Ok(64)) || rest.len() <= 64);
    }
}

/// Answers of a door that trusts nobody: how long each token took, and whether it was let in.
fn tries(port: u16, tokens: &[&str]) -> Vec<(Duration, bool)> {
    tokens
        .iter()
        .map(|token| {
            let began = Instant::now();
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(&GREETING).unwrap();
            let properties: [(&str, &[u8]); 3] =
                [("Socket-Type", b"DEALER"), ("Identity", b"w1"), ("X-Gregaria-Token", token.as_bytes())];
            stream.write_all(&ready(&properties)).unwrap();
            let answer = event(&mut stream, &mut Session::default());
            (began.elapsed(), matches!(answer, Some(Event::Ready(_))))
        })
        .collect()
}

#[test]
fn who_guesses_tokens_waits_for_the_answers_and_the_right_one_gets_in() {
    let door = Door { token: Some("the right one".into()), open: false, trusts: |_| false };
    let (server, at_server) = server_at(0, door);
    let port = server.address().port();
    let quick = tries(port, &["wrong"; 10]);
    assert!(quick.iter().all(|(_, admitted)| !admitted));
    let slow = tries(port, &["wrong", "the right one"]);
    assert!(slow.iter().all(|(took, _)| *took >= Duration::from_millis(900)), "{slow:?}");
    assert_eq!(slow.iter().map(|(_, admitted)| *admitted).collect::<Vec<_>>(), [false, true]);
    let told: Vec<_> = (0..2).map(|_| at_server.next(|| server.receive())).collect();
    assert!(told.iter().any(
        |item| matches!(item, Item::Notice(Level::Warning, words) if words.starts_with("Many wrong tokens"))
    ));
}

/// The first notice of a worker that looks for a master at that port, and how long it took.
fn first_words(port: u16) -> (String, Duration) {
    let began = Instant::now();
    let (client, at_client) = client(port, "w1");
    match at_client.next(|| client.receive()) {
        Item::Notice(Level::Warning, words) => (words, began.elapsed()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_worker_without_a_master_says_so_soon() {
    // Nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (words, took) = first_words(free);
    assert!(words.starts_with(&format!("No master answers at 127.0.0.1:{free}: ")), "{words}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    // One that takes connections and says nothing, as a web server that waits for a request.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (words, took) = first_words(silent.local_addr().unwrap().port());
    assert!(words.contains("does not answer as a master does"), "{words}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    // One that closes them, as a proxy with nothing behind it.
    let closing = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closing.local_addr().unwrap().port();
    std::thread::spawn(move || closing.incoming().for_each(drop));
    let (words, took) = first_words(port);
    assert!(words.contains("closes the connection before it has said what it is"), "{words}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    // One that speaks something else.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in other.incoming() {
            let _ = stream.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let (words, _) = first_words(port);
    assert!(words.contains("is no master: it does not speak ZeroMQ's protocol"), "{words}");
}

fn classifying(bytes: &[u8]) -> Kind {
    match bytes.first() {
        Some(b'p') => Kind::Pulse,
        Some(b'r') => Kind::Report,
        _ => Kind::Ordinary,
    }
}

fn classifying_server() -> (Server, Arrivals) {
    let (wake, arrivals) = arrivals();
    let options =
        ServerOptions { hosts: vec!["127.0.0.1".into()], classify: classifying, ..ServerOptions::default() };
    (Server::bind(options, wake).unwrap(), arrivals)
}

fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn signs_of_life_overtake_and_all_else_keeps_its_order() {
    let (server, _arrivals) = classifying_server();
    let mut peers: Vec<_> = ["w1", "w2"].iter().map(|name| by_hand(server.address().port(), name)).collect();
    for peer in &mut peers {
        for body in ["r1", "x1", "p1", "r2", "p2", "x2"] {
            send_by_hand(peer, body.as_bytes());
        }
    }
    wait_until(|| server.backlog().messages == 8);
    let backlog = server.backlog();
    assert_eq!((backlog.reports, backlog.oldest > Duration::ZERO), (4, true));
    assert!(server.is_pending("w1") && !server.is_pending("w3"));
    let mut taken = Vec::new();
    while let Some(Item::Message { from, body, overtook, .. }) = server.receive() {
        taken.push((from, String::from_utf8(body.to_vec()).unwrap(), overtook));
    }
    // Of each peer the latest sign of life, before everything else.
    for (from, body, overtook) in &taken[..2] {
        assert_eq!((body.as_str(), *overtook), ("p2", true), "{from}");
    }
    for name in ["w1", "w2"] {
        let of_one: Vec<_> = taken[2..].iter().filter(|item| item.0 == name).collect();
        assert_eq!(of_one.iter().map(|item| item.1.as_str()).collect::<Vec<_>>(), ["r1", "x1", "r2", "x2"]);
        assert!(of_one.iter().all(|item| !item.2));
        assert!(!server.is_pending(name));
    }
    assert_eq!(server.backlog(), gregaria_cluster::transport::Backlog::default());
}

#[test]
fn signs_of_life_without_end_hold_nothing_up() {
    let (server, _arrivals) = classifying_server();
    let mut peers: Vec<_> =
        (0..50).map(|number| by_hand(server.address().port(), &format!("w{number}"))).collect();
    for body in ["x", "p"] {
        for peer in &mut peers {
            send_by_hand(peer, body.as_bytes());
        }
    }
    wait_until(|| server.backlog().messages == 50);
    let mut since_last = 0;
    while server.backlog().messages > 0 {
        // There is always another one.
        let is_pulse = matches!(server.receive(), Some(Item::Message { body, .. }) if body == "p");
        since_last = if is_pulse { since_last + 1 } else { 0 };
        assert!(since_last <= 32);
        for peer in &mut peers {
            send_by_hand(peer, b"p");
        }
    }
}

fn memory() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn what_all_connections_hold_together_is_bounded_and_short_messages_get_through() {
    let (server, at_server) = server();
    let port = server.address().port();
    let before = memory();
    // Each goes on sending until nobody reads any more, and none comes to the end of its message.
    let halves: Vec<_> = (0..12)
        .map(|number| {
            let mut peer = by_hand(port, &format!("half{number}"));
            peer.set_nonblocking(true).unwrap();
            peer.write_all(&head(62 << 20)).unwrap();
            peer
        })
        .collect();
    let chunk = vec![0; 1 << 20];
    let mut sent = vec![0; halves.len()];
    let mut quiet_since = Instant::now();
    while quiet_since.elapsed() < Duration::from_secs(1) {
        for (mut peer, sent) in halves.iter().zip(&mut sent) {
            // Not to the last byte.
            let most = chunk.len().min((61 << 20) - *sent);
            if let Ok(count @ 1..) = peer.write(&chunk[..most]) {
                *sent += count;
                quiet_since = Instant::now();
            }
        }
    }
    let sent: usize = sent.iter().sum();
    assert!(sent < 200 << 20, "{sent}");
    let taken = memory().saturating_sub(before);
    assert!(taken < 250 << 20, "{taken}");
    let (client, _at_client) = client(port, "w1");
    client.send("short".into()).unwrap();
    assert_eq!(at_server.next(|| server.receive()), message("w1", "short"));
    // Who is not read from is known.
    assert!((0..12).any(|number| server.is_pending(&format!("half{number}"))));
}

#[test]
fn a_worker_knows_how_much_has_not_left_yet() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (client, _arrivals) = client(unused, "w1");
    assert_eq!(client.waiting(), 0);
    for number in 1..4 {
        client.send("x".into()).unwrap();
        assert_eq!(client.waiting(), number);
    }
}
