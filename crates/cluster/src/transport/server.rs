//! The master's socket: listens, and sends to each worker by its identity.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::attempts::Attempts;
use super::bind::listen_on_all;
use super::door::{Door, Refusal};
use super::inbox::{Backlog, Classify, Inbox, Item, Kind, Level, Wake};
use super::link::{Link, Lost, Outgoing};
use super::room::{Room, Waiting};
use super::strangers::{self, Network, Strangers};
use super::thread::{Ending, Thread, passed};
use super::{AFTER_DROP, SendError, TOKEN_PROPERTY};
use crate::zmtp::{MAX_MESSAGE, error, ready};

/// How long a peer may take to introduce itself.
const INTRODUCTION: Duration = Duration::from_secs(2);
/// How long those wait for an answer who have shown too many wrong tokens, whatever they show now.
const SLOW_ANSWER: Duration = Duration::from_secs(1);
/// A pause after the system could not give us a connection (no descriptors left).
const BREATH: Duration = Duration::from_millis(100);

/// Where to listen, and for whom.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Names, addresses, or `*` for all addresses.
    pub hosts: Vec<String>,
    /// 0: any that is free.
    pub port: u16,
    /// Who may come in.
    pub door: Door,
    /// Which messages may overtake.
    pub classify: Classify,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { hosts: Vec::new(), port: 0, door: Door::default(), classify: |_| Kind::Ordinary }
    }
}

/// ZeroMQ's ROUTER, bound to one or several addresses.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Thread,
}

#[derive(Debug)]
struct Shared {
    door: Door,
    inbox: Inbox,
    peers: Mutex<HashMap<String, Peer>>,
    numbers: AtomicU64,
    strangers: Arc<Strangers>,
    attempts: Mutex<Attempts>,
}

#[derive(Debug)]
struct Peer {
    number: u64,
    outgoing: mpsc::UnboundedSender<Waiting>,
    room: Room,
    /// Whether it is not read from, because too much waits already.
    pausing: Arc<AtomicBool>,
    /// Told when another connection takes its place.
    replaced: oneshot::Sender<()>,
}

impl Server {
    /// Listens. `wake` is called whenever [`Server::receive`] has something new, and at the end.
    pub fn bind(options: ServerOptions, wake: Wake) -> io::Result<Self> {
        let listeners = listen_on_all(&options.hosts, options.port)?;
        let address = match listeners.first() {
            Some(first) => first.local_addr()?,
            None => return Err(io::ErrorKind::AddrNotAvailable.into()),
        };
        let shared = Arc::new(Shared {
            door: options.door,
            inbox: Inbox::new(options.classify, wake),
            peers: Mutex::default(),
            numbers: AtomicU64::new(0),
            strangers: Arc::default(),
            attempts: Mutex::default(),
        });
        let theirs = Arc::clone(&shared);
        let thread = Thread::start("cluster-master", |ending| serve(theirs, listeners, ending))?;
        Ok(Self { shared, address, thread })
    }

    /// Where it listens; the first place, if there are several. The port is the same everywhere.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends to the peer of that identity. What cannot be sent, because there is no such peer or it does not read, is dropped.
    pub fn send(&self, identity: &str, body: Bytes) -> Result<(), SendError> {
        if self.shared.inbox.is_closed() {
            return Err(SendError::Closed);
        }
        if body.len() > MAX_MESSAGE {
            return Err(SendError::TooLong(body.len()));
        }
        if let Some(peer) = self.shared.peers().get(identity)
            && let Some(message) = peer.room.try_take(body)
        {
            // Fails if the connection has just come to its end.
            let _ = peer.outgoing.send(message);
        }
        Ok(())
    }

    /// What has arrived.
    pub fn receive(&self) -> Option<Item> {
        self.shared.inbox.take()
    }

    /// What has arrived and was not received yet.
    pub fn backlog(&self) -> Backlog {
        self.shared.inbox.backlog()
    }

    /// Whether something that this peer sent was not received yet, as far as is known here.
    pub fn is_pending(&self, identity: &str) -> bool {
        self.shared.inbox.holds(identity)
            || self.shared.peers().get(identity).is_some_and(|peer| peer.pausing.load(Ordering::SeqCst))
    }

    /// True after [`Server::close`].
    pub fn is_closed(&self) -> bool {
        self.shared.inbox.is_closed()
    }

    /// Listens no longer; the port is free when this returns. What waits to be sent is sent within `linger`, or with as much
    /// time as it takes. In a child process it is the parent's, and nothing happens.
    pub fn close(&self, linger: Option<Duration>) {
        if self.thread.is_elsewhere() {
            return;
        }
        self.shared.inbox.close();
        self.thread.end(linger);
    }

    /// Waits for all to be sent, after [`Server::close`]. False: it takes longer than that.
    pub fn is_finished(&self, within: Duration) -> bool {
        self.thread.has_ended(within)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close(Some(AFTER_DROP));
    }
}

impl Shared {
    fn peers(&self) -> MutexGuard<'_, HashMap<String, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(
    shared: Arc<Shared>,
    listeners: Vec<std::net::TcpListener>,
    mut ending: oneshot::Receiver<Ending>,
) {
    let Ok(listeners) = listeners.into_iter().map(TcpListener::from_std).collect::<io::Result<Vec<_>>>()
    else {
        return;
    };
    let mut connections = JoinSet::new();
    let ending = loop {
        tokio::select! {
            ending = &mut ending => break ending,
            accepted = accept(&listeners) => match accepted {
                Ok((stream, address)) => {
                    let address = address.ip().to_canonical();
                    let place = enter(&shared, address);
                    connections.spawn(connection(Arc::clone(&shared), stream, address, place));
                }
                Err(_) => tokio::time::sleep(BREATH).await,
            },
            Some(_) = connections.join_next() => {}
        }
    };
    drop(listeners);
    // Without their senders the connections end as soon as they have sent all.
    let peers = std::mem::take(&mut *shared.peers());
    drop(peers);
    let Ok(Ending { linger, closed }) = ending else { return };
    drop(closed);
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = passed(linger) => {}
    }
}

/// The next connection to any of them.
async fn accept(listeners: &[TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|context| {
        let ready = listeners.iter().map(|listener| listener.poll_accept(context)).find(Poll::is_ready);
        ready.unwrap_or(Poll::Pending)
    })
    .await
}

/// A place for somebody who has just connected.
fn enter(shared: &Shared, address: IpAddr) -> strangers::Place {
    let (place, is_news) = shared.strangers.enter(address, (shared.door.trusts)(address), Instant::now());
    if is_news {
        let words = format!(
            "Many connections are opened to this master on which nobody introduces itself, some from {address}. The oldest of \
             them are closed; workers get in."
        );
        shared.inbox.tell(Level::Warning, words);
    }
    place
}

/// One peer from its first byte to its last.
async fn connection(shared: Arc<Shared>, stream: TcpStream, address: IpAddr, mut place: strangers::Place) {
    let introduced = tokio::select! {
        introduced = tokio::time::timeout(INTRODUCTION, introduction(&shared, stream, address)) => introduced,
        Ok(()) = &mut place.lost => return,
    };
    let (identity, link) = match introduced {
        Ok(Ok(Some(introduced))) => introduced,
        Ok(Err(Lost::Violation(violation))) => {
            let words = format!("Closed a connection from {address}: {violation}.");
            shared.inbox.tell_once(&format!("{address} {violation}"), Level::Warning, words);
            return;
        }
        // A port scanner, a health check, somebody who gave up.
        Ok(Ok(None) | Err(_)) | Err(_) => return,
    };
    drop(place);
    let Some(mut place) = register(&shared, &identity) else { return };
    let lost = tokio::select! {
        lost = link.carry(&identity, &shared.inbox, &mut place.outgoing, &place.pausing) => lost,
        Ok(()) = place.replaced => return,
    };
    let mut peers = shared.peers();
    if peers.get(&identity).is_some_and(|peer| peer.number == place.number) {
        peers.remove(&identity);
    }
    drop(peers);
    if let Err(Lost::Violation(violation)) = lost {
        let words = format!("Closed the connection of worker {identity:?} at {address}: {violation}.");
        shared.inbox.tell_once(&format!("{address} {violation}"), Level::Warning, words);
    }
}

/// Lets the peer in, or tells it why not.
async fn introduction(
    shared: &Shared,
    stream: TcpStream,
    address: IpAddr,
) -> Result<Option<(String, Link)>, Lost> {
    let mut link = Link::greet(stream).await?;
    let properties = link.introduced().await?;
    let from = Network::of(address);
    let is_slow = shared.attempts().are_slow(from, Instant::now());
    let verdict = shared.door.admit(address, &properties);
    if verdict == Err(Refusal::Token) && properties.find(TOKEN_PROPERTY).is_some() {
        count_wrong_token(shared, from, address);
    }
    if is_slow && !(shared.door.trusts)(address) {
        // Also with the right one: it gets in, and who guesses cannot tell before.
        tokio::time::sleep(SLOW_ANSWER).await;
    }
    match verdict {
        Ok(identity) => {
            link.send(&ready(&[("Socket-Type", b"ROUTER"), ("Identity", b"")])).await?;
            Ok(Some((identity, link)))
        }
        Err(refusal) => {
            shared.inbox.tell_once(
                &format!("{address} {refusal}"),
                Level::Warning,
                match refusal {
                    Refusal::Token => format!(
                        "Refused a worker at {address}: it did not show this cluster's token. Set LOCUST_CLUSTER_TOKEN to the \
                         same value for the master and its workers, or start the master with --cluster-open to accept every \
                         worker."
                    ),
                    Refusal::SocketType | Refusal::Identity => {
                        format!("Refused a connection from {address}: {refusal}.")
                    }
                },
            );
            link.send(&error(&refusal.to_string())).await?;
            link.farewell().await;
            Ok(None)
        }
    }
}

fn count_wrong_token(shared: &Shared, from: Network, address: IpAddr) {
    let became_slow = shared.attempts().wrong(from, Instant::now());
    if became_slow {
        let words = format!(
            "Many wrong tokens were shown from {address}; whoever is there waits for each answer now."
        );
        shared.inbox.tell_once(&format!("{address} guesses"), Level::Warning, words);
    }
}

/// What a connection holds while it is the one of its identity.
struct Place {
    number: u64,
    outgoing: Outgoing,
    pausing: Arc<AtomicBool>,
    replaced: oneshot::Receiver<()>,
}

/// Makes this connection the one of that identity; an older one is closed: its peer has come back before we saw it go.
/// None if the server is closed.
fn register(shared: &Shared, identity: &str) -> Option<Place> {
    if shared.inbox.is_closed() {
        return None;
    }
    let number = shared.numbers.fetch_add(1, Ordering::Relaxed);
    let (sender, outgoing) = Outgoing::new();
    let (tell, replaced) = oneshot::channel();
    let pausing = Arc::<AtomicBool>::default();
    let room = Room::default();
    let peer = Peer { number, outgoing: sender, room, pausing: Arc::clone(&pausing), replaced: tell };
    if let Some(older) = shared.peers().insert(identity.to_owned(), peer) {
        let _ = older.replaced.send(());
    }
    Some(Place { number, outgoing, pausing, replaced })
}
