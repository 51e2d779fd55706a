//! Every order in which threads can meet at a bell, tried by loom on the crate's own files.
//!
//! An event loop is told that a line is readable for as long as it is. So two things must never be: that something waits while
//! the line is not readable (nobody would come), and that the line is readable although nobody rings and everything has been
//! taken, more than once (the loop would turn without end).

#![expect(unreachable_pub, reason = "the files are those of the library")]

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;

    /// What an eventfd does.
    #[derive(Debug)]
    pub(crate) struct Line(loom::sync::atomic::AtomicUsize);

    impl Line {
        pub(crate) fn new() -> Self {
            Self(loom::sync::atomic::AtomicUsize::new(0))
        }

        pub(crate) fn raise(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        pub(crate) fn lower(&self) -> bool {
            self.0.swap(0, Ordering::SeqCst) > 0
        }

        pub(crate) fn is_readable(&self) -> bool {
            self.0.load(Ordering::SeqCst) > 0
        }
    }
}

#[path = "../src/bell.rs"]
mod bell;
#[path = "../src/mailbox.rs"]
mod mailbox;
#[path = "../src/source.rs"]
mod source;

use bell::Bell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use mailbox::Mailbox;
use source::Closed;
use sync::{Line, Mutex, PoisonError};

/// One look more than a line may stay readable after everything has been taken.
const TOO_OFTEN: usize = 4;

/// Looks as an event loop does, while the line is readable; fails if that does not end.
fn settle(line: &Line, mut look: impl FnMut()) {
    for _ in 0..TOO_OFTEN {
        if !line.is_readable() {
            return;
        }
        look();
    }
    assert!(!line.is_readable(), "the line stays readable, and the loop turns for ever");
}

/// The bridge's queue of completions: who pushes rings only if the queue was empty; who looks may do so unasked.
#[derive(Debug)]
struct Completions {
    items: Mutex<Vec<u32>>,
    bell: Bell,
}

impl Completions {
    fn push(&self, item: u32) {
        let was_empty = {
            let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
            items.push(item);
            items.len() == 1
        };
        if was_empty {
            self.bell.ring();
        }
    }

    fn drain(&self, into: &mut Vec<u32>) {
        self.bell.acknowledge();
        into.append(&mut self.items.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[test]
fn completions_are_all_seen_and_the_loop_comes_to_rest_also_if_it_looked_unasked() {
    loom::model(|| {
        let shared = Arc::new(Completions { items: Mutex::new(Vec::new()), bell: Bell::new(Line::new()) });
        let threads: Vec<_> = [1, 2]
            .into_iter()
            .map(|item| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.push(item))
            })
            .collect();
        let mut seen = Vec::new();
        // Among the loop's own callbacks, whatever the line says; then because of the line.
        shared.drain(&mut seen);
        if shared.bell.line().is_readable() {
            shared.drain(&mut seen);
        }
        for thread in threads {
            thread.join().unwrap();
        }
        settle(shared.bell.line(), || shared.drain(&mut seen));
        seen.sort_unstable();
        assert_eq!(seen, [1, 2], "something waits and the line is not readable");
    });
}

#[test]
fn a_mailbox_emptied_piece_by_piece_loses_nothing_and_comes_to_rest() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::new(Line::new(), 10));
        let threads: Vec<_> = [1, 2]
            .into_iter()
            .map(|item| {
                let mailbox = Arc::clone(&mailbox);
                thread::spawn(move || mailbox.put(item).unwrap())
            })
            .collect();
        let mut seen = mailbox.take(1);
        for thread in threads {
            thread.join().unwrap();
        }
        settle(mailbox.line(), || seen.append(&mut mailbox.take(1)));
        seen.sort_unstable();
        assert_eq!(seen, [1, 2], "something waits and the line is not readable");
    });
}

#[test]
fn a_closed_mailbox_keeps_nothing_and_comes_to_rest() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::new(Line::new(), 10));
        let theirs = Arc::clone(&mailbox);
        let thread = thread::spawn(move || usize::from(theirs.put(1).is_err()));
        let left = mailbox.close();
        let refused = thread.join().unwrap();
        assert_eq!(left.len() + refused, 1, "neither handed out nor given back");
        settle(mailbox.line(), || assert!(mailbox.take(1).is_empty()));
    });
}

/// A socket's queue, which belongs to another crate.
#[derive(Debug)]
struct Socket {
    items: Mutex<Vec<u32>>,
    closed: AtomicBool,
    bell: Bell,
}

impl Socket {
    fn new() -> Self {
        Self { items: Mutex::new(Vec::new()), closed: AtomicBool::new(false), bell: Bell::new(Line::new()) }
    }

    fn put(&self, item: u32) {
        self.items.lock().unwrap_or_else(PoisonError::into_inner).push(item);
        self.bell.ring();
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.bell.ring();
    }

    fn next(&self) -> Result<Option<u32>, Closed> {
        source::next(
            &self.bell,
            || self.items.lock().unwrap_or_else(PoisonError::into_inner).pop(),
            || self.closed.load(Ordering::SeqCst),
        )
    }
}

#[test]
fn messages_taken_one_by_one_are_all_seen_and_the_loop_comes_to_rest() {
    loom::model(|| {
        let socket = Arc::new(Socket::new());
        let threads: Vec<_> = [1, 2]
            .into_iter()
            .map(|item| {
                let socket = Arc::clone(&socket);
                thread::spawn(move || socket.put(item))
            })
            .collect();
        let mut seen: Vec<u32> = socket.next().unwrap().into_iter().collect();
        for thread in threads {
            thread.join().unwrap();
        }
        settle(socket.bell.line(), || seen.extend(socket.next().unwrap()));
        seen.sort_unstable();
        assert_eq!(seen, [1, 2], "something waits and the line is not readable");
    });
}

#[test]
fn all_who_wait_hear_that_a_socket_is_closed() {
    loom::model(|| {
        let socket = Arc::new(Socket::new());
        let theirs = Arc::clone(&socket);
        let thread = thread::spawn(move || theirs.close());
        let early = socket.next();
        thread.join().unwrap();
        assert!(matches!(early, Ok(None) | Err(Closed)));
        for _ in 0..2 {
            assert!(socket.bell.line().is_readable(), "one who waits is not told");
            assert_eq!(socket.next(), Err(Closed));
        }
    });
}
