//! A worker's socket: keeps up one connection to the master, for ever.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{mpsc, oneshot};

use super::inbox::{Inbox, Item, Level, Wake};
use super::link::{Link, Lost, Outgoing};
use super::room::{Room, Waiting};
use super::thread::{Ending, Thread, passed};
use super::{AFTER_DROP, HANDSHAKE, SendError, TOKEN_PROPERTY};
use crate::zmtp::{MAX_MESSAGE, ready};

/// Pause before the next attempt to connect.
const PAUSE: Duration = Duration::from_millis(150);
/// As [`PAUSE`], where somebody has to do something first.
const LONG_PAUSE: Duration = Duration::from_secs(2);
/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(5);

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
        let inbox = Arc::new(Inbox::new(wake));
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
    while !outgoing.is_over() {
        let lost = match tokio::time::timeout(HANDSHAKE, introduction(options)).await {
            Ok(Ok(link)) => {
                inbox.forget_told();
                link.carry("", inbox, &mut outgoing).await
            }
            Ok(Err(lost)) => Err(lost),
            Err(_) => Err(Lost::Gone(io::ErrorKind::TimedOut.into())),
        };
        let master = format!("{}:{}", options.host, options.port);
        let pause = match lost {
            Ok(()) => return,
            Err(Lost::Gone(_)) => PAUSE,
            Err(Lost::Unknown(error)) => {
                let words = format!("Cannot find the master {master}: {error}. Trying again.");
                inbox.tell_once("unknown", Level::Warning, words);
                LONG_PAUSE
            }
            Err(Lost::Violation(violation)) => {
                let words = format!("What listens at {master} is no master: {violation}. Trying again.");
                inbox.tell_once("violation", Level::Warning, words);
                LONG_PAUSE
            }
            Err(Lost::Refused(reason)) => {
                let reason: String = reason.chars().filter(|c| !c.is_control()).collect();
                let words = format!("The master at {master} refuses this worker: {reason}. Trying again.");
                inbox.tell_once("refused", Level::Error, words);
                LONG_PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = outgoing.over() => {}
        }
    }
}

async fn introduction(options: &ClientOptions) -> Result<Link, Lost> {
    let mut link = Link::greet(dial(options).await?).await?;
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
