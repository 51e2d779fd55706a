//! Requests that their caller sends by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gregaria_http::{
    Client, ClientOptions, Counts, ErrorKind, Event, Method, Phase, Request, RequestOptions, Session,
    SessionOptions, Wake,
};

use crate::harness::{Gate, Harness, Outcome, PATIENCE, get, milliseconds, post, request};
use crate::server::Server;

/// A client, and what it counts.
fn counted() -> (Harness, Arc<Counts>) {
    let counts = Arc::<Counts>::default();
    (Harness::with(ClientOptions { counts: Arc::clone(&counts), ..ClientOptions::default() }), counts)
}

fn run_from_here(harness: &Harness, session: &Session, request: Request) -> Outcome {
    session.send_stamped(request, 0, None, true);
    harness.done()
}

/// As [`run_from_here`], until one of them was sent from here: the I/O thread may not be asleep yet.
fn until_from_here(harness: &Harness, counts: &Counts, session: &Session, request: &Request) -> Outcome {
    let (before, until) = (counts.look().sent_here, Instant::now() + PATIENCE);
    loop {
        let outcome = run_from_here(harness, session, request.clone());
        if counts.look().sent_here > before {
            return outcome;
        }
        assert!(Instant::now() < until, "the I/O thread never sleeps");
        std::thread::sleep(milliseconds(1));
    }
}

#[test]
fn a_kept_connection_is_written_to_by_the_caller_while_the_thread_sleeps() {
    let server = Server::start(|peer, _| peer.echo());
    let (harness, counts) = counted();
    let session = harness.session();
    let request = get(&server.url("/"));
    // There is no connection yet: to open one is for the I/O thread.
    assert!(run_from_here(&harness, &session, request.clone()).is_ok());
    assert_eq!(counts.look().sent_here, 0);
    let exchange = until_from_here(&harness, &counts, &session, &request).unwrap();
    assert!(exchange.reused);
    assert_eq!(exchange.response.body, "/");
    // Nobody was woken for it but by the answer.
    let (mut quiet, woken) = (0, counts.look().calls);
    for _ in 0..100 {
        let before = counts.look();
        assert!(run_from_here(&harness, &session, request.clone()).is_ok());
        let after = counts.look();
        let (sent, calls) = (after.sent_here - before.sent_here, after.calls - before.calls);
        assert!(sent + calls <= 1, "{sent} sent, {calls} calls");
        quiet += sent;
        std::thread::sleep(milliseconds(1));
    }
    assert!(quiet > 50, "{quiet} of 100 were sent from here");
    assert!(counts.look().calls - woken <= 100 - quiet, "{quiet} of 100 were sent from here");
}

#[test]
fn what_is_long_or_given_in_pieces_is_not_for_the_caller() {
    let server = Server::start(|peer, _| peer.echo_body());
    let (harness, counts) = counted();
    let session = harness.session();
    for _ in 0..20 {
        let body = vec![b'x'; 64 * 1024];
        let exchange = run_from_here(&harness, &session, post(&server.url("/"), body.clone())).unwrap();
        assert_eq!(exchange.response.body, body);
        std::thread::sleep(milliseconds(1));
    }
    assert_eq!(counts.look().sent_here, 0);
}

#[test]
fn a_thread_that_sleeps_for_longer_than_the_patience_of_a_request_is_woken() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |peer, _| {
        while let Some(asked) = peer.request() {
            if asked.target() == "/silent" {
                held.pass();
                return;
            }
            peer.respond("200 OK", "", "ok");
        }
    });
    let (harness, counts) = counted();
    // Which of the ways the last one took is chance: until it was the one that counts.
    let until = Instant::now() + PATIENCE;
    loop {
        let session = harness.session();
        let answered = run_from_here(&harness, &session, get(&server.url("/"))).unwrap();
        assert_eq!(answered.response.body, "ok");
        std::thread::sleep(milliseconds(5));
        let before = counts.look().sent_here;
        let options = RequestOptions { read_timeout: Some(milliseconds(50)), ..RequestOptions::default() };
        let silent = request(Method::Post, &server.url("/silent"), options);
        let error = run_from_here(&harness, &session, silent).unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::ReadTimeout, Phase::Wait));
        assert!(error.timings.total >= milliseconds(50), "{:?}", error.timings);
        if counts.look().sent_here > before {
            break;
        }
        assert!(Instant::now() < until, "the I/O thread never sleeps");
    }
    gate.open();
}

/// Calls the caller's loop with a panic, once it is told to.
#[derive(Default)]
struct Fault {
    is_due: AtomicBool,
}

impl Wake for Fault {
    fn wake(&self) {
        assert!(!self.is_due.swap(false, Ordering::SeqCst), "a fault in the caller's own code");
    }
}

/// The next completion of a client that is asked again and again.
fn next(client: &Client) -> Event {
    let (mut found, until) = (Vec::new(), Instant::now() + PATIENCE);
    while client.drain(&mut found, 1) == 0 {
        assert!(Instant::now() < until, "no completion");
        std::thread::sleep(Duration::from_millis(1));
    }
    found.pop().unwrap().event
}

#[test]
fn a_fault_in_what_the_caller_does_ends_the_thread_as_one_of_its_own_does() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |peer, _| {
        while let Some(asked) = peer.request() {
            if asked.target() == "/held" {
                held.pass();
            }
            peer.respond("200 OK", "", "ok");
        }
    });
    let counts = Arc::<Counts>::default();
    let fault = Arc::new(Fault::default());
    let options = ClientOptions { counts: Arc::clone(&counts), ..ClientOptions::default() };
    let client = Client::start(options, Arc::clone(&fault) as Arc<dyn Wake>).unwrap();
    let (waits, session) =
        (client.session(SessionOptions::default()), client.session(SessionOptions::default()));
    session.send(get(&server.url("/")), 0);
    assert!(matches!(next(&client), Event::Done(Ok(_))));
    waits.send(get(&server.url("/held")), 0);
    std::thread::sleep(milliseconds(20));
    // It cannot be sent, which is told at once: by a wake-up that panics.
    let spoiled = || Request { method: Method::Other("not a method".into()), ..get(&server.url("/")) };
    let until = Instant::now() + PATIENCE;
    while counts.look().sent_here == 0 {
        fault.is_due.store(true, Ordering::SeqCst);
        session.send_stamped(spoiled(), 0, None, true);
        if counts.look().sent_here == 0 {
            // The I/O thread was about: it would die of that by itself, as it should, but that is another test.
            fault.is_due.store(false, Ordering::SeqCst);
            assert!(matches!(next(&client), Event::Done(Err(_))));
        }
        assert!(Instant::now() < until, "the I/O thread never sleeps");
    }
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let Event::Done(Err(error)) = next(&client) else { panic!("an answer") };
        kinds.push(error.kind);
    }
    assert!(kinds.contains(&ErrorKind::Shutdown), "{kinds:?}");
    assert_eq!(client.fault(), Some("a fault in the caller's own code"));
    session.send_stamped(get(&server.url("/")), 0, None, true);
    let Event::Done(Err(error)) = next(&client) else { panic!("an answer") };
    assert_eq!(error.kind, ErrorKind::Shutdown);
    gate.open();
}
