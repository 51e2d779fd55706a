//! What somebody who reaches a master's port may send: however it is split, the events are the same, and nothing is kept that
//! could not come to an event.
#![no_main]

use gregaria_cluster::zmtp::{Event, GREETING, Session, Violation, ready};
use libfuzzer_sys::fuzz_target;

fn events(bytes: &[u8], at_once: usize) -> (Vec<Event>, Option<Violation>) {
    let mut session = Session::default();
    let mut found = Vec::new();
    for piece in bytes.chunks(at_once.max(1)) {
        session.buffer().extend_from_slice(piece);
        loop {
            match session.event() {
                Ok(Some(event)) => found.push(event),
                Ok(None) => break,
                Err(violation) => return (found, Some(violation)),
            }
        }
    }
    (found, None)
}

fuzz_target!(|data: &[u8]| {
    let Some((&at_once, data)) = data.split_first() else { return };
    let open = [&GREETING[..], &ready(&[("Socket-Type", b"DEALER"), ("Identity", b"w")]), data].concat();
    for bytes in [data, &[&GREETING[..], data].concat(), &open] {
        assert_eq!(events(bytes, usize::from(at_once)), events(bytes, bytes.len()));
    }
});
