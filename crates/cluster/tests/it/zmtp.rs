//! The protocol without sockets: bytes that real peers sent, any split of them, and what is no ZMTP.

use gregaria_cluster::zmtp::{Event, GREETING, MAX_MESSAGE, Session, Violation, error, head, pong, ready};
use proptest::prelude::*;

/// What libzmq 4.3.5, jeromq and boomer's gomq open with; the padding differs.
const GREETINGS: [&[u8; 12]; 3] = [
    b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01",
    b"\xff\0\0\0\0\0\0\0\x24\x7f\x03\x00",
    b"\xff\0\0\0\0\0\0\0\0\x7f\x03\x01",
];

fn greeting(head: &[u8]) -> Vec<u8> {
    let mut bytes = head.to_vec();
    bytes.extend_from_slice(b"NULL");
    bytes.resize(64, 0);
    bytes
}

/// A READY as it was captured from a worker (libzmq), with names as boomer writes them.
fn captured_ready(socket_type: &str) -> Vec<u8> {
    let mut body = b"\x05READY\x0b".to_vec();
    body.extend_from_slice(socket_type.as_bytes());
    body.extend_from_slice(b"\0\0\0\x06DEALER\x08Identity\0\0\0\x04vm_d");
    let mut bytes = vec![4, body.len() as u8];
    bytes.extend(body);
    bytes
}

fn message(body: &[u8]) -> Vec<u8> {
    let mut bytes = head(body.len());
    bytes.extend_from_slice(body);
    bytes
}

/// All events of these pieces of a stream.
fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Event>, Violation> {
    let mut session = Session::default();
    let mut found = Vec::new();
    for piece in pieces {
        session.buffer().extend_from_slice(piece);
        while let Some(event) = session.event()? {
            found.push(event);
        }
    }
    Ok(found)
}

fn after_ready(bytes: &[u8]) -> Result<Vec<Event>, Violation> {
    let open = [greeting(GREETINGS[0]), captured_ready("Socket-Type")].concat();
    events([open.as_slice(), bytes]).map(|mut all| all.split_off(1))
}

#[test]
fn peers_of_all_makes_are_understood() {
    for head in GREETINGS {
        for name in ["Socket-Type", "socket-type"] {
            let bytes = [greeting(head), captured_ready(name)].concat();
            let events = events([bytes.as_slice()]).unwrap();
            let [Event::Ready(properties)] = &events[..] else { panic!("{events:?}") };
            assert_eq!(properties.find("Socket-Type").unwrap(), "DEALER");
            assert_eq!(properties.find("identity").unwrap(), "vm_d");
            assert_eq!(properties.find("X-Gregaria-Token"), None);
        }
    }
}

#[test]
fn what_we_send_first_is_what_locust_nodes_send() {
    assert_eq!(&GREETING[9..16], b"\x7f\x03\x01NULL");
    assert!(GREETING[16..].iter().all(|&byte| byte == 0));
    assert_eq!(ready(&[("Socket-Type", b"DEALER"), ("Identity", b"vm_d")]), captured_ready("Socket-Type"));
}

#[test]
fn short_and_long_bodies_have_the_head_that_fits() {
    assert_eq!(head(0), [0, 0]);
    assert_eq!(head(255), [0, 255]);
    assert_eq!(head(256), [2, 0, 0, 0, 0, 0, 0, 1, 0]);
}

#[test]
fn other_protocols_and_old_versions_are_told_apart() {
    let refused = |bytes: &[u8]| events([bytes]).unwrap_err();
    assert_eq!(refused(b"GET / HTTP/1.1\r\n"), Violation::NotZmtp);
    assert_eq!(refused(b"\x01\x00"), Violation::NotZmtp);
    assert_eq!(refused(b"\xff\0\0\0\0\0\0\0\x01\x7e"), Violation::NotZmtp);
    assert_eq!(refused(b"\xff\0\0\0\0\0\0\0\x01\x7f\x01"), Violation::Version(1));
    let mut curve = greeting(GREETINGS[0]);
    curve[12..17].copy_from_slice(b"CURVE");
    assert_eq!(refused(&curve), Violation::Mechanism("CURVE".into()));
    assert_eq!(refused(&[greeting(GREETINGS[0]), message(b"early")].concat()), Violation::NotReady);
}

#[test]
fn later_versions_are_spoken_with_in_ours() {
    assert_eq!(events([greeting(b"\xff\0\0\0\0\0\0\0\x01\x7f\x04\x02").as_slice()]), Ok(vec![]));
}

#[test]
fn lengths_are_limited_before_anything_is_kept() {
    let long = |flags: u8, length: u64| [&[flags][..], &length.to_be_bytes()].concat();
    assert_eq!(after_ready(&long(2, u64::MAX)), Err(Violation::TooLong { most: MAX_MESSAGE }));
    assert_eq!(after_ready(&long(2, MAX_MESSAGE as u64 + 1)), Err(Violation::TooLong { most: MAX_MESSAGE }));
    assert_eq!(after_ready(&long(2, MAX_MESSAGE as u64)), Ok(vec![]));
    // Who has not introduced himself may say little.
    let stranger = [greeting(GREETINGS[0]), long(6, 8193)].concat();
    assert!(matches!(events([stranger.as_slice()]), Err(Violation::TooLong { most: 8192 })));
}

#[test]
fn flags_and_commands_without_meaning_are_refused() {
    for flags in [8, 16, 128, 5] {
        assert_eq!(after_ready(&[flags, 0]), Err(Violation::Flags(flags)));
    }
    for command in
        [&b"\x04\x00"[..], b"\x04\x02\x09P", b"\x04\x05\x04PING", b"\x04\x18\x04PING\0\0aaaaaaaaaaaaaaaaa"]
    {
        assert_eq!(after_ready(command), Err(Violation::Command), "{command:?}");
    }
    let bad = [greeting(GREETINGS[0]), b"\x04\x09\x05READY\x01a\0".to_vec()].concat();
    assert_eq!(events([bad.as_slice()]), Err(Violation::Command));
}

#[test]
fn commands_are_events_or_nothing() {
    let bytes = [
        b"\x04\x0b\x04PING\0\x1ectxt".to_vec(),
        b"\x04\x05\x04PONG".to_vec(),
        b"\x04\x08\x05NOVEL12".to_vec(),
        error("go away"),
    ]
    .concat();
    assert_eq!(after_ready(&bytes), Ok(vec![Event::Ping("ctxt".into()), Event::Refused("go away".into())]));
    assert_eq!(pong(b"ctxt"), b"\x04\x09\x04PONGctxt");
}

#[test]
fn of_many_frames_the_first_is_the_message() {
    let bytes = b"\x01\x01a\x03\0\0\0\0\0\0\0\x01b\x00\x01c\x00\x01d";
    assert_eq!(after_ready(bytes), Ok(vec![Event::Message("a".into()), Event::Message("d".into())]));
}

#[test]
fn a_reason_is_cut_between_characters() {
    let events = after_ready(&error(&"é".repeat(200))).unwrap();
    assert_eq!(events, [Event::Refused("é".repeat(127))]);
}

proptest! {
    #[test]
    fn messages_arrive_as_they_were_sent_however_they_are_split(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..6),
        cuts in prop::collection::vec(1_usize..90, 1..40),
    ) {
        let mut bytes = [GREETING.to_vec(), ready(&[("Identity", b"w")])].concat();
        for body in &bodies {
            bytes.extend(message(body));
        }
        let mut pieces = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, left) = rest.split_at(rest.len().min(*cut));
            pieces.push(piece);
            rest = left;
        }
        let found = events(pieces).unwrap();
        prop_assert!(matches!(found[0], Event::Ready(_)));
        let expected: Vec<Event> = bodies.into_iter().map(|body| Event::Message(body.into())).collect();
        prop_assert_eq!(&found[1..], &expected[..]);
    }

    #[test]
    fn properties_are_read_as_they_were_written(
        all in prop::collection::hash_map("[a-z]{1,20}", prop::collection::vec(any::<u8>(), 0..300), 0..5),
    ) {
        let list: Vec<(&str, &[u8])> = all.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let bytes = [GREETING.to_vec(), ready(&list)].concat();
        let found = events([bytes.as_slice()]).unwrap();
        let Event::Ready(properties) = &found[0] else { panic!("{found:?}") };
        for (name, value) in &list {
            prop_assert_eq!(properties.find(&name.to_uppercase()).map(|found| &found[..]), Some(*value));
        }
        prop_assert!(properties.find("A0").is_none());
    }

    #[test]
    fn garbage_is_an_error_or_nothing_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = events([bytes.as_slice()]);
        let _ = after_ready(&bytes);
    }
}
