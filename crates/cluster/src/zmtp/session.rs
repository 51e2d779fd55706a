//! What one peer sends, taken apart.

use bytes::{Buf as _, Bytes, BytesMut};

use super::command::{Command, Properties};
use super::frame::{MAX_MESSAGE, awaited, split};
use super::{GREETING_LENGTH, MECHANISM};

/// The longest READY or ERROR, before it is known who sends it.
const MAX_HANDSHAKE: usize = 8 << 10;

/// What a peer wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// It has introduced itself: messages may follow.
    Ready(Properties),
    /// A message. Of several frames it is the first: Locust's nodes send one, and read one.
    Message(Bytes),
    /// It asks for a PONG with this context.
    Ping(Bytes),
    /// It refuses the connection, for this reason.
    Refused(String),
}

/// How a peer breaks the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Something else than ZeroMQ.
    #[error("it does not speak ZeroMQ's protocol")]
    NotZmtp,
    /// ZeroMQ before 4.0.
    #[error(
        "it speaks an old version of ZeroMQ's protocol (ZMTP {0}; 3.0 or later is needed, as of ZeroMQ 4.0)"
    )]
    Version(u8),
    /// CURVE, PLAIN, …
    #[error("it asks for the security mechanism {0:?}; only NULL is spoken here")]
    Mechanism(String),
    /// Something else than READY or ERROR comes first.
    #[error("it sends messages before it has introduced itself")]
    NotReady,
    /// A frame with flags that mean nothing.
    #[error("it sends a frame with the flags 0x{0:02x}, which mean nothing")]
    Flags(u8),
    /// A frame that is too long.
    #[error("it sends more than {most} bytes at once")]
    TooLong {
        /// What is allowed.
        most: usize,
    },
    /// A long message of which nothing more comes.
    #[error("it stops in the middle of a message")]
    Stalled,
    /// A command that cannot be taken apart.
    #[error("it sends a malformed command")]
    Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Greeting,
    Handshake,
    Open { more: bool },
}

/// One direction of a connection: bytes in, events out.
#[derive(Debug)]
pub struct Session {
    buffer: BytesMut,
    phase: Phase,
}

impl Default for Session {
    fn default() -> Self {
        Self { buffer: BytesMut::new(), phase: Phase::Greeting }
    }
}

impl Session {
    /// Where bytes of the peer are to be appended.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Bytes that the next event takes, if a part of it is there and it is known how many they are.
    pub fn awaited(&self) -> Option<usize> {
        if self.phase == Phase::Greeting { None } else { awaited(&self.buffer, self.most()) }
    }

    fn most(&self) -> usize {
        if self.phase == Phase::Handshake { MAX_HANDSHAKE } else { MAX_MESSAGE }
    }

    /// The next event; none before there are more bytes. After an error there is nothing more to be had.
    pub fn event(&mut self) -> Result<Option<Event>, Violation> {
        if self.phase == Phase::Greeting {
            check_greeting(&self.buffer)?;
            if self.buffer.len() < GREETING_LENGTH {
                return Ok(None);
            }
            self.buffer.advance(GREETING_LENGTH);
            self.phase = Phase::Handshake;
        }
        let most = self.most();
        while let Some(frame) = split(&mut self.buffer, most)? {
            let event = if frame.command {
                self.command(Command::parse(frame.body)?)
            } else {
                self.message(frame.more, frame.body)?
            };
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    fn command(&mut self, command: Command) -> Option<Event> {
        match command {
            Command::Ready(properties) if self.phase == Phase::Handshake => {
                self.phase = Phase::Open { more: false };
                Some(Event::Ready(properties))
            }
            Command::Error(reason) => Some(Event::Refused(reason)),
            Command::Ping(context) => Some(Event::Ping(context)),
            Command::Ready(_) | Command::Other => None,
        }
    }

    fn message(&mut self, more: bool, body: Bytes) -> Result<Option<Event>, Violation> {
        let Phase::Open { more: continues } = self.phase else { return Err(Violation::NotReady) };
        self.phase = Phase::Open { more };
        Ok((!continues).then_some(Event::Message(body)))
    }
}

/// Looks at as much of a greeting as there is, so that who speaks something else hears of it at once.
fn check_greeting(bytes: &[u8]) -> Result<(), Violation> {
    // The eight bytes between are padding; some write zeros, some a length.
    if bytes.first().is_some_and(|&first| first != 0xff) || bytes.get(9).is_some_and(|last| last & 1 == 0) {
        return Err(Violation::NotZmtp);
    }
    if let Some(&major) = bytes.get(10)
        && major < 3
    {
        // Revisions 0 and 1 on the wire are the versions 1.0 and 2.0.
        return Err(Violation::Version(major.max(1)));
    }
    let Some(mechanism) = bytes.get(12..32) else { return Ok(()) };
    let end = mechanism.iter().position(|&byte| byte == 0).unwrap_or(mechanism.len());
    if &mechanism[..end] == MECHANISM {
        Ok(())
    } else {
        Err(Violation::Mechanism(String::from_utf8_lossy(&mechanism[..end]).into_owned()))
    }
}
