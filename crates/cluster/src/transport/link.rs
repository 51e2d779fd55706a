//! One connection: bytes of a stream to events and back.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use super::bind::settle;
use super::inbox::Inbox;
use super::room::{Budget, Room, Share, Waiting};
use crate::zmtp::{Event, GREETING, Properties, Session, Violation, head, pong};

/// How long the other end may take to close its side after we have closed ours.
const FAREWELL: Duration = Duration::from_millis(500);
/// Bytes for which there is room at each read; what takes more is read when the budget has a share for it.
const AT_ONCE: usize = 16 << 10;
/// How long such a message may stand still, and how long it may take.
const STANDSTILL: Duration = Duration::from_secs(10);
const ALL_OF_IT: Duration = Duration::from_mins(2);
/// PINGs that wait for their answer; more are not answered.
const PINGS: usize = 16;

/// Why a connection came to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("the connection is gone")]
    Gone(#[from] io::Error),
    #[error("{0}")]
    Violation(#[from] Violation),
    #[error("{0}")]
    Refused(String),
    #[error("the name has no address")]
    Unknown(#[source] io::Error),
}

/// A connection whose peer may not have introduced itself yet.
pub(super) struct Link {
    reader: Reader,
    writer: OwnedWriteHalf,
}

struct Reader {
    stream: OwnedReadHalf,
    session: Session,
}

impl Reader {
    async fn event(&mut self) -> Result<Event, Lost> {
        loop {
            if let Some(event) = self.session.event()? {
                return Ok(event);
            }
            self.read(AT_ONCE).await?;
        }
    }

    /// As [`Reader::event`], within a budget: the share that the event has of it. `pausing` is told whether it is waited for.
    async fn event_within(
        &mut self,
        budget: &Budget,
        pausing: &AtomicBool,
    ) -> Result<(Event, Option<Share>), Lost> {
        loop {
            if let Some(event) = self.session.event()? {
                let share = match &event {
                    Event::Message(body) => paused(pausing, budget.share(body.len())).await,
                    _ => None,
                };
                return Ok((event, share));
            }
            match self.session.awaited() {
                Some(length) if length > AT_ONCE => {
                    let share = paused(pausing, budget.share(length)).await;
                    let rest = tokio::time::timeout(ALL_OF_IT, self.rest_of(length)).await;
                    rest.map_err(|_| Violation::Stalled)??;
                    if let Some(event) = self.session.event()? {
                        return Ok((event, share));
                    }
                }
                _ => self.read(AT_ONCE).await?,
            }
        }
    }

    /// Reads until so many bytes are there.
    async fn rest_of(&mut self, length: usize) -> Result<(), Lost> {
        while let Some(missing) =
            length.checked_sub(self.session.buffer().len()).filter(|missing| *missing > 0)
        {
            let read = tokio::time::timeout(STANDSTILL, self.read(missing)).await;
            read.map_err(|_| Violation::Stalled)??;
        }
        Ok(())
    }

    async fn read(&mut self, room: usize) -> Result<(), Lost> {
        let buffer = self.session.buffer();
        buffer.reserve(room);
        if self.stream.read_buf(buffer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(())
    }
}

/// Waits, and says so meanwhile if it takes time.
async fn paused<T>(pausing: &AtomicBool, waiting: impl Future<Output = T>) -> T {
    pausing.store(true, Ordering::SeqCst);
    let done = waiting.await;
    pausing.store(false, Ordering::SeqCst);
    done
}

impl Link {
    /// Greets, and takes note of nothing yet.
    pub(super) async fn greet(stream: TcpStream) -> Result<Self, Lost> {
        settle(&stream)?;
        let (stream, mut writer) = stream.into_split();
        writer.write_all(&GREETING).await?;
        Ok(Self { reader: Reader { stream, session: Session::default() }, writer })
    }

    /// Waits until the peer has introduced itself.
    pub(super) async fn introduced(&mut self) -> Result<Properties, Lost> {
        loop {
            match self.reader.event().await? {
                Event::Ready(properties) => return Ok(properties),
                Event::Refused(reason) => return Err(Lost::Refused(reason)),
                Event::Message(_) | Event::Ping(_) => {}
            }
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes).await
    }

    /// Closes our side and lets the other end close its own, so that what was sent last is not lost with unread input.
    pub(super) async fn farewell(mut self) {
        let _ = self.writer.shutdown().await;
        let _ = tokio::time::timeout(FAREWELL, async {
            let mut scrap = [0; 4096];
            while matches!(self.reader.stream.read(&mut scrap).await, Ok(1..)) {}
        })
        .await;
    }

    /// Carries messages both ways until the connection is lost, or `outgoing` has ended and is sent. `pausing`: whether it is
    /// not read from because too much waits.
    pub(super) async fn carry(
        mut self,
        from: &str,
        inbox: &Inbox,
        outgoing: &mut Outgoing,
        pausing: &AtomicBool,
    ) -> Result<(), Lost> {
        let (pings, mut to_answer) = mpsc::channel(PINGS);
        let Self { reader, writer } = &mut self;
        let room = Room::default();
        let reading = async {
            loop {
                let (event, share) = reader.event_within(inbox.budget(), pausing).await?;
                match event {
                    Event::Message(body) if inbox.is_pulse(&body) => inbox.pulse(from, body),
                    Event::Message(body) => {
                        if let Some(message) = paused(pausing, room.take(body, share)).await {
                            inbox.message(from, message);
                        }
                    }
                    Event::Ping(context) => drop(pings.try_send(context)),
                    Event::Refused(reason) => return Err(Lost::Refused(reason)),
                    Event::Ready(_) => {}
                }
            }
        };
        let writing = async {
            loop {
                tokio::select! {
                    biased;
                    Some(context) = to_answer.recv() => writer.write_all(&pong(&context)).await?,
                    next = outgoing.next() => match next {
                        Some(message) => {
                            writer.write_all(&head(message.body.len())).await?;
                            writer.write_all(&message.body).await?;
                            outgoing.sent();
                        }
                        None => return Ok(()),
                    },
                }
            }
        };
        tokio::select! {
            lost = reading => lost,
            done = writing => match done {
                Ok(()) => {
                    self.farewell().await;
                    Ok(())
                }
                Err(error) => Err(Lost::Gone(error)),
            },
        }
    }
}

/// What waits to be sent; what a lost connection has not taken whole is sent on the next one.
pub(super) struct Outgoing {
    queue: mpsc::UnboundedReceiver<Waiting>,
    current: Option<Waiting>,
}

impl Outgoing {
    /// The queue, and the end that fills it.
    pub(super) fn new() -> (mpsc::UnboundedSender<Waiting>, Self) {
        let (sender, queue) = mpsc::unbounded_channel();
        (sender, Self { queue, current: None })
    }

    async fn next(&mut self) -> Option<&Waiting> {
        if self.current.is_none() {
            self.current = self.queue.recv().await;
        }
        self.current.as_ref()
    }

    fn sent(&mut self) {
        self.current = None;
    }

    /// True if there is nothing to send and never will be.
    pub(super) fn is_over(&self) -> bool {
        self.current.is_none() && self.queue.is_closed() && self.queue.is_empty()
    }

    /// Waits until [`Outgoing::is_over`]; for ever if something waits to be sent.
    pub(super) async fn over(&mut self) {
        if self.next().await.is_some() {
            std::future::pending::<()>().await;
        }
    }
}
