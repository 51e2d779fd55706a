//! Commands: a name and what belongs to it.

use bytes::{Buf as _, Bytes};

use super::frame::command_head;
use super::session::Violation;

/// The longest reason of an ERROR.
const MAX_REASON: usize = 255;
/// The longest context of a PING.
const MAX_CONTEXT: usize = 16;

/// What a peer says of itself in its READY.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(Vec<(String, Bytes)>);

impl Properties {
    /// The value of a property; names differ in letter case from one implementation to the next.
    pub fn find(&self, name: &str) -> Option<&Bytes> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn parse(mut rest: Bytes) -> Result<Self, Violation> {
        let mut all = Vec::new();
        while !rest.is_empty() {
            let name = counted(&mut rest)?;
            let name = String::from_utf8(name.to_vec()).map_err(|_| Violation::Command)?;
            let length = rest.try_get_u32().map_err(|_| Violation::Command)? as usize;
            all.push((name, take(&mut rest, length)?));
        }
        Ok(Self(all))
    }
}

/// A command, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Ready(Properties),
    Error(String),
    Ping(Bytes),
    /// One that asks for nothing.
    Other,
}

impl Command {
    pub(super) fn parse(mut body: Bytes) -> Result<Self, Violation> {
        let name = counted(&mut body)?;
        match &*name {
            b"READY" => Properties::parse(body).map(Self::Ready),
            b"ERROR" => {
                let reason = counted(&mut body)?;
                Ok(Self::Error(String::from_utf8_lossy(&reason).into_owned()))
            }
            b"PING" => {
                body.try_get_u16().map_err(|_| Violation::Command)?;
                if body.len() > MAX_CONTEXT { Err(Violation::Command) } else { Ok(Self::Ping(body)) }
            }
            _ => Ok(Self::Other),
        }
    }
}

/// The bytes of a READY with these properties.
pub fn ready(properties: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = name("READY");
    for (name, value) in properties {
        body.push(name.len() as u8);
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&(value.len() as u32).to_be_bytes());
        body.extend_from_slice(value);
    }
    framed(body)
}

/// The bytes of an ERROR with this reason; what is too long of it is left out.
pub fn error(reason: &str) -> Vec<u8> {
    let reason = &reason[..reason.floor_char_boundary(MAX_REASON)];
    let mut body = name("ERROR");
    body.push(reason.len() as u8);
    body.extend_from_slice(reason.as_bytes());
    framed(body)
}

/// The bytes of the answer to a PING with this context.
pub fn pong(context: &[u8]) -> Vec<u8> {
    let mut body = name("PONG");
    body.extend_from_slice(context);
    framed(body)
}

fn name(name: &str) -> Vec<u8> {
    let mut body = vec![name.len() as u8];
    body.extend_from_slice(name.as_bytes());
    body
}

fn framed(body: Vec<u8>) -> Vec<u8> {
    let mut bytes = command_head(body.len());
    bytes.extend(body);
    bytes
}

/// A length of one byte and that much.
fn counted(rest: &mut Bytes) -> Result<Bytes, Violation> {
    let length = rest.try_get_u8().map_err(|_| Violation::Command)?;
    take(rest, usize::from(length))
}

fn take(rest: &mut Bytes, length: usize) -> Result<Bytes, Violation> {
    if length > rest.len() { Err(Violation::Command) } else { Ok(rest.split_to(length)) }
}
