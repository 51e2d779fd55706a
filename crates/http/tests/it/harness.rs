//! A client whose completions a test can wait for, but never for long.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gregaria_http::{
    Client, ClientOptions, Completion, Error, ErrorKind, Event, Exchange, Headers, Method, PoolOptions,
    Request, RequestId, RequestOptions, Session, SessionOptions, Url, Wake,
};

/// No test waits longer than this for one completion.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) type Outcome = Result<Box<Exchange>, Box<Error>>;

/// Holds a server's answers back until the test opens it; nobody waits at it for ever.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Returns when the gate is open.
    pub(crate) fn pass(&self) {
        let closed = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(closed, PATIENCE, |open| !*open).unwrap());
    }
}

/// Counts the calls of `wake`.
#[derive(Default)]
pub(crate) struct Signal {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Wake for Signal {
    fn wake(&self) {
        *self.count.lock().unwrap() += 1;
        self.changed.notify_all();
    }
}

impl Signal {
    pub(crate) fn count(&self) -> u64 {
        *self.count.lock().unwrap()
    }

    /// Waits until `wake` was called more than `seen` times; false if that takes longer than `patience`.
    pub(crate) fn wait(&self, seen: u64, patience: Duration) -> bool {
        let count = self.count.lock().unwrap();
        let (count, _) = self.changed.wait_timeout_while(count, patience, |count| *count <= seen).unwrap();
        *count > seen
    }
}

pub(crate) struct Harness {
    pub(crate) client: Client,
    pub(crate) signal: Arc<Signal>,
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(ClientOptions::default())
    }

    pub(crate) fn with(options: ClientOptions) -> Self {
        let signal = Arc::new(Signal::default());
        let client = Client::start(options, Arc::clone(&signal) as Arc<dyn Wake>).unwrap();
        Self { client, signal }
    }

    pub(crate) fn session(&self) -> Session {
        self.client.session(SessionOptions::default())
    }

    /// The next completion if it comes within `patience`.
    pub(crate) fn poll(&self, patience: Duration) -> Option<Completion> {
        let until = Instant::now() + patience;
        let mut found = Vec::new();
        loop {
            let seen = self.signal.count();
            if self.client.drain(&mut found, 1) == 1 {
                return found.pop();
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.signal.wait(seen, left) {
                // One last look: it may have come between the two.
                self.client.drain(&mut found, 1);
                return found.pop();
            }
        }
    }

    pub(crate) fn next(&self) -> Completion {
        self.poll(PATIENCE).expect("no completion within thirty seconds")
    }

    /// The end of the next exchange.
    pub(crate) fn done(&self) -> Outcome {
        match self.next().event {
            Event::Done(outcome) => outcome,
            other => panic!("unexpected {other:?}"),
        }
    }

    pub(crate) fn run(&self, session: &Session, request: Request) -> Outcome {
        session.send(request, 0);
        self.done()
    }

    pub(crate) fn fetch(&self, session: &Session, url: &str) -> Box<Exchange> {
        self.run(session, get(url)).unwrap()
    }

    /// Collects a streamed body: its chunks' lengths and bytes, and how it ended.
    pub(crate) fn collect(&self, session: &Session, id: RequestId) -> (Vec<u8>, Result<(), ErrorKind>) {
        let mut body = Vec::new();
        loop {
            session.read_body(id);
            match self.next().event {
                Event::Chunk(chunk) => body.extend_from_slice(&chunk),
                Event::End(end) => return (body, end.map(|_| ()).map_err(|error| error.kind)),
                other => panic!("unexpected {other:?}"),
            }
        }
    }
}

/// Options of a session with at most so many connections to each origin.
pub(crate) fn limited(limit: usize) -> SessionOptions {
    SessionOptions { connections: PoolOptions { keep: limit, limit: Some(limit) }, pool: None }
}

pub(crate) fn url(text: &str) -> Arc<Url> {
    Arc::new(Url::parse(text).unwrap())
}

pub(crate) fn get(text: &str) -> Request {
    request(Method::Get, text, RequestOptions::default())
}

pub(crate) fn request(method: Method, text: &str, options: RequestOptions) -> Request {
    Request {
        method,
        url: url(text),
        headers: Arc::new(Headers::new()),
        body: Bytes::new(),
        upload: None,
        options: Arc::new(options),
    }
}

pub(crate) fn post(text: &str, body: impl Into<Bytes>) -> Request {
    Request { body: body.into(), ..request(Method::Post, text, RequestOptions::default()) }
}

pub(crate) fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}
