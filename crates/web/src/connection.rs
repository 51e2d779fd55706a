//! One connection after the other.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::app::App;
use crate::patient::{Patience, Patient, Unread};
use crate::seats::{Seats, Ticket};
use crate::security::{Sender, is_here};
use crate::way::LONGEST_HEAD;

/// A request's head has to be there, and the next request on a kept connection to begin, within this time.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// Shaking hands by TLS, or the first byte of a plain connection, has to happen within this time.
const FIRST_TIME: Duration = Duration::from_secs(10);
/// First byte of what a TLS client says.
const TLS_HELLO: u8 = 0x16;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Connections {
    router: Router,
    app: Arc<App>,
    tls: Option<TlsHolder>,
    seats: Arc<Seats>,
    patience: Patience,
}

struct TlsHolder(TlsAcceptor);

impl std::fmt::Debug for TlsHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsAcceptor")
    }
}

impl Connections {
    pub(crate) fn new(router: Router, app: Arc<App>, tls: Option<TlsAcceptor>, patience: Patience) -> Self {
        Self { router, app, tls: tls.map(TlsHolder), seats: Arc::default(), patience }
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.seats.taken()
    }
}

/// A connection and its place.
struct Guest {
    all: Arc<Connections>,
    ticket: Arc<Ticket>,
}

/// Accepts until the end.
pub(crate) async fn accept(all: Arc<Connections>, listener: TcpListener, mut end: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            _ = end.changed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let local = stream.local_addr().ok();
                let Some(ticket) = all.seats.take(peer.ip(), is_here(peer, local)) else {
                    all.app.hints.give(
                        &*all.app.host,
                        "full",
                        format!(
                            "The web interface has {} connections open: further ones are refused",
                            all.open()
                        ),
                    );
                    continue;
                };
                let guest = Guest { all: Arc::clone(&all), ticket: Arc::new(ticket) };
                let (ticket, end) = (Arc::clone(&guest.ticket), end.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = ticket.is_needed() => {}
                        () = serve(guest, stream, peer, local, end) => {}
                    }
                });
            }
            // Out of descriptors, or the peer is gone already: the next one may do better.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(
    guest: Guest,
    stream: TcpStream,
    peer: SocketAddr,
    local: Option<SocketAddr>,
    end: watch::Receiver<bool>,
) {
    let Guest { all, .. } = &guest;
    let sender = all.app.door.sender(peer, local);
    // Without these it would still work, only slower to send and to notice that a page is gone.
    drop(stream.set_nodelay(true));
    let keep = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10));
    drop(socket2::SockRef::from(&stream).set_tcp_keepalive(&keep));
    let mut first = [0_u8; 1];
    match tokio::time::timeout(FIRST_TIME, stream.peek(&mut first)).await {
        Ok(Ok(1)) => {}
        _ => return,
    }
    match &all.tls {
        None if first[0] == TLS_HELLO => {
            all.app.hints.give(
                &*all.app.host,
                "https",
                "An https request was made against Locust's Web UI (which was expecting http). Use an http:// address, or start \
                 with --tls-cert and --tls-key."
                    .to_owned(),
            );
        }
        None => talk(&guest, stream, sender, end).await,
        Some(_) if first[0] != TLS_HELLO => say_https(all, stream).await,
        Some(TlsHolder(tls)) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(FIRST_TIME, tls.accept(stream)).await {
                talk(&guest, stream, sender, end).await;
            }
        }
    }
}

/// Plain HTTP spoken to an HTTPS port.
async fn say_https(all: &Connections, mut stream: TcpStream) {
    let words = "This is an HTTPS port: use an https:// address.\n";
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{words}",
        words.len()
    );
    // Whether it arrives is the peer's business.
    drop(stream.write_all(answer.as_bytes()).await);
    drop(stream.shutdown().await);
    all.app.hints.give(
        &*all.app.host,
        "http",
        "An http request was made against the Web UI, which expects https".to_owned(),
    );
}

async fn talk<S>(guest: &Guest, stream: S, sender: Sender, mut end: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (app, router) = (Arc::clone(&guest.all.app), guest.all.router.clone());
    let unread = Unread::default();
    let stream = Patient::new(stream, guest.all.patience, unread.clone());
    let ticket = Arc::clone(&guest.ticket);
    let service = service_fn(move |request: Request<Incoming>| {
        let (app, router, ticket) = (Arc::clone(&app), router.clone(), Arc::clone(&ticket));
        let request = request.map(|body| unread.watch(body));
        async move { Ok::<_, Infallible>(app.answer(router, request, sender, &ticket).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // What goes wrong on a connection is between the peer and the network.
    tokio::select! {
        ended = connection.as_mut() => drop(ended),
        _ = end.changed() => {
            connection.as_mut().graceful_shutdown();
            drop(connection.await);
        }
    }
}
