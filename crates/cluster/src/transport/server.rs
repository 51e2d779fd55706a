//! The master's socket: listens, and sends to each worker by its identity.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use super::bind::listen_on_all;
use super::door::{Door, Refusal};
use super::inbox::{Inbox, Item, Level, Wake};
use super::link::{Link, Lost, Outgoing};
use super::room::{Room, Waiting};
use super::thread::{Ending, Thread, passed};
use super::{AFTER_DROP, HANDSHAKE, SendError};
use crate::zmtp::{MAX_MESSAGE, error, ready};

/// Connections that have not introduced themselves yet; others wait to be accepted.
const MOST_STRANGERS: usize = 256;
/// A pause after the system could not give us a connection (no descriptors left).
const BREATH: Duration = Duration::from_millis(100);

/// Where to listen, and for whom.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// Names, addresses, or `*` for all addresses.
    pub hosts: Vec<String>,
    /// 0: any that is free.
    pub port: u16,
    /// Who may come in.
    pub door: Door,
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
}

#[derive(Debug)]
struct Peer {
    number: u64,
    outgoing: mpsc::UnboundedSender<Waiting>,
    room: Room,
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
            inbox: Inbox::new(wake),
            peers: Mutex::default(),
            numbers: AtomicU64::new(0),
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
    let strangers = Arc::new(Semaphore::new(MOST_STRANGERS));
    let ending = loop {
        let accepted = async {
            let place = Arc::clone(&strangers).acquire_owned().await;
            (place, accept(&listeners).await)
        };
        tokio::select! {
            ending = &mut ending => break ending,
            (place, stream) = accepted => match (place, stream) {
                (Ok(place), Ok((stream, address))) => {
                    connections.spawn(connection(Arc::clone(&shared), stream, address.ip().to_canonical(), place));
                }
                _ => tokio::time::sleep(BREATH).await,
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

/// One peer from its first byte to its last.
async fn connection(shared: Arc<Shared>, stream: TcpStream, address: IpAddr, place: OwnedSemaphorePermit) {
    let (identity, link) = match tokio::time::timeout(HANDSHAKE, introduction(&shared, stream, address)).await
    {
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
        lost = link.carry(&identity, &shared.inbox, &mut place.outgoing) => lost,
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
    match shared.door.admit(address, &properties) {
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

/// What a connection holds while it is the one of its identity.
struct Place {
    number: u64,
    outgoing: Outgoing,
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
    let peer = Peer { number, outgoing: sender, room: Room::default(), replaced: tell };
    if let Some(older) = shared.peers().insert(identity.to_owned(), peer) {
        let _ = older.replaced.send(());
    }
    Some(Place { number, outgoing, replaced })
}
