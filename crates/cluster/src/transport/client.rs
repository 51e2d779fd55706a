//! A worker's socket: keeps up one connection to the master, for ever.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{mpsc, oneshot};

use super::inbox::{Inbox, Item, Kind, Level, Wake};
use super::link::{Link, Lost, Outgoing};
use super::room::{Room, Waiting};
use super::thread::{Ending, Thread, passed};
use super::{AFTER_DROP, SendError, TOKEN_PROPERTY};
use crate::zmtp::{MAX_MESSAGE, ready};

/// Pause before the next attempt to connect.
const PAUSE: Duration = Duration::from_millis(150);
/// As [`PAUSE`], where somebody has to do something first.
const LONG_PAUSE: Duration = Duration::from_secs(2);
/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the master may take to introduce itself.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Characters of a refusal that are told.
const MOST_REASON: usize = 300;
/// How long there may be no master before that is told.
const SILENCE: Duration = Duration::from_millis(1_500);

/// Whom to connect to, and as whom.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// The master's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Our identity; the master sends to it.
    pub identity: String,
    /// The cluster's token, if there is one.
    pub token: Option<String>,
}

/// ZeroMQ's DEALER, connected to one address.
#[derive(Debug)]
pub struct Client {
    inbox: Arc<Inbox>,
    room: Room,
    // None after `close`: the queue ends.
    outgoing: Mutex<Option<mpsc::UnboundedSender<Waiting>>>,
    thread: Thread,
}

impl Client {
    /// Begins to connect, and goes on until it is closed. `wake` is called whenever [`Client::receive`] has something new, and
    /// at the end. Errors: the system has no thread for it.
    pub fn connect(options: ClientOptions, wake: Wake) -> io::Result<Self> {
        let inbox = Arc::new(Inbox::new(|_| Kind::Ordinary, wake));
        let theirs = Arc::clone(&inbox);
        let (sender, outgoing) = Outgoing::new();
        let thread = Thread::start("cluster-worker", |ending| run(options, theirs, outgoing, ending))?;
        Ok(Self { inbox, room: Room::default(), outgoing: Mutex::new(Some(sender)), thread })
    }

    /// Sends to the master, now or as soon as there is a connection.
    pub fn send(&self, body: Bytes) -> Result<(), SendError> {
        if body.len() > MAX_MESSAGE {
            return Err(SendError::TooLong(body.len()));
        }
        let outgoing = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        let outgoing = outgoing.as_ref().ok_or(SendError::Closed)?;
        let message = self.room.try_take(body).ok_or(SendError::Full)?;
        outgoing.send(message).map_err(|_| SendError::Closed)
    }

    /// How many messages wait to be sent; a long one counts for several.
    pub fn waiting(&self) -> usize {
        self.room.taken()
    }

    /// What has arrived.
    pub fn receive(&self) -> Option<Item> {
        self.inbox.take()
    }

    /// True after [`Client::close`].
    pub fn is_closed(&self) -> bool {
        self.inbox.is_closed()
    }

    /// Takes nothing more. What waits to be sent is sent within `linger`, or with as much time as it takes.
    /// In a child process it is the parent's, and nothing happens.
    pub fn close(&self, linger: Option<Duration>) {
        if self.thread.is_elsewhere() {
            return;
        }
        self.inbox.close();
        let outgoing = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(outgoing);
        self.thread.end(linger);
    }

    /// Waits for all to be sent, after [`Client::close`]. False: it takes longer than that.
    pub fn is_finished(&self, within: Duration) -> bool {
        self.thread.has_ended(within)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close(Some(AFTER_DROP));
    }
}

async fn run(
    options: ClientOptions,
    inbox: Arc<Inbox>,
    outgoing: Outgoing,
    ending: oneshot::Receiver<Ending>,
) {
    let linger = async {
        match ending.await {
            Ok(Ending { linger, closed }) => {
                drop(closed);
                passed(linger).await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        // First, so that what needs no waiting is sent even if there is no time to linger.
        biased;
        () = keep_up(&options, &inbox, outgoing) => {}
        () = linger => {}
    }
}

/// Connects again and again, until all is sent and nothing more will be.
async fn keep_up(options: &ClientOptions, inbox: &Inbox, mut outgoing: Outgoing) {
    let mut search = Search::new(options);
    while !outgoing.is_over() {
        let lost = match search.for_master(inbox).await {
            Ok(link) => {
                inbox.forget_told();
                let lost = link.carry("", inbox, &mut outgoing, &AtomicBool::default()).await;
                search = Search::new(options);
                lost
            }
            Err(lost) => Err(lost),
        };
        let Err(lost) = lost else { return };
        let pause = search.note(lost, inbox);
        tokio::select! {
            () = search.told_while(inbox, tokio::time::sleep(pause)) => {}
            () = outgoing.over() => {}
        }
    }
}

/// The attempts to find a master, from the first to the one that succeeds.
struct Search<'a> {
    options: &'a ClientOptions,
    master: String,
    began: Instant,
    /// Something has answered, in the present attempt or the last one.
    answered: AtomicBool,
    /// What has become of the last attempt, until the next one.
    problem: Option<io::Error>,
}

impl<'a> Search<'a> {
    fn new(options: &'a ClientOptions) -> Self {
        let master = format!("{}:{}", options.host, options.port);
        Self { options, master, began: Instant::now(), answered: AtomicBool::new(false), problem: None }
    }

    async fn for_master(&mut self, inbox: &Inbox) -> Result<Link, Lost> {
        self.answered.store(false, Ordering::Relaxed);
        self.problem = None;
        let attempt = tokio::time::timeout(HANDSHAKE, introduction(self.options, &self.answered));
        self.told_while(inbox, attempt)
            .await
            .unwrap_or_else(|_| Err(Lost::Gone(io::ErrorKind::TimedOut.into())))
    }

    /// Waits for that, and says meanwhile that there is no master if there has been none for long.
    async fn told_while<T>(&self, inbox: &Inbox, waiting: impl Future<Output = T>) -> T {
        tokio::pin!(waiting);
        tokio::select! {
            done = &mut waiting => return done,
            () = tokio::time::sleep_until((self.began + SILENCE).into()) => {}
        }
        inbox.tell_once("absent", Level::Warning, self.words());
        waiting.await
    }

    fn words(&self) -> String {
        let master = &self.master;
        match (&self.problem, self.answered.load(Ordering::Relaxed)) {
            (Some(error), true) if error.kind() != io::ErrorKind::TimedOut => format!(
                "What listens at {master} closes the connection before it has said what it is: it is no master, or not ready. \
                 Trying again."
            ),
            (_, true) => format!(
                "What listens at {master} does not answer as a master does: it is none, or it is busy. Still waiting."
            ),
            (Some(error), false) => format!("No master answers at {master}: {error}. Trying again."),
            (None, false) => format!("No master answers at {master} yet. Still waiting."),
        }
    }

    /// Takes note of why there is no connection, and says what the owner can do about; the pause before the next attempt.
    fn note(&mut self, lost: Lost, inbox: &Inbox) -> Duration {
        let master = &self.master;
        let (whom, level, words) = match lost {
            Lost::Gone(error) => {
                self.problem = Some(error);
                return PAUSE;
            }
            Lost::Unknown(error) => (
                "unknown",
                Level::Warning,
                format!("Cannot find the master {master}: {error}. Trying again."),
            ),
            Lost::Violation(violation) => {
                let words = format!("What listens at {master} is no master: {violation}. Trying again.");
                ("violation", Level::Warning, words)
            }
            Lost::Refused(reason) => {
                let reason: String = reason.chars().filter(|c| !c.is_control()).take(MOST_REASON).collect();
                let words = format!("The master at {master} refuses this worker: {reason}. Trying again.");
                ("refused", Level::Error, words)
            }
        };
        inbox.tell_once(whom, level, words);
        // It has been told what the matter is.
        inbox.keep_quiet_about("absent");
        LONG_PAUSE
    }
}

async fn introduction(options: &ClientOptions, answered: &AtomicBool) -> Result<Link, Lost> {
    let stream = dial(options).await?;
    answered.store(true, Ordering::Relaxed);
    let mut link = Link::greet(stream).await?;
    let mut properties: Vec<(&str, &[u8])> =
        vec![("Socket-Type", b"DEALER"), ("Identity", options.identity.as_bytes())];
    if let Some(token) = &options.token {
        properties.push((TOKEN_PROPERTY, token.as_bytes()));
    }
    link.send(&ready(&properties)).await?;
    link.introduced().await?;
    Ok(link)
}

/// A connection to the first of the host's addresses that answers.
async fn dial(options: &ClientOptions) -> Result<TcpStream, Lost> {
    let host = options.host.trim_matches(['[', ']']);
    let mut problem = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in lookup_host((host, options.port)).await.map_err(Lost::Unknown)? {
        match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => problem = error,
            Err(_) => problem = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(problem.into())
}
