//! Frames: flags, a length, a body.

use bytes::{Buf as _, Bytes, BytesMut};

use super::session::Violation;

/// The longest message that is taken or sent.
pub const MAX_MESSAGE: usize = 64 << 20;

/// Bodies beyond this have memory of their own.
const LARGE: usize = 64 << 10;

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) command: bool,
    /// Another frame of the same message follows.
    pub(super) more: bool,
    pub(super) body: Bytes,
}

/// What stands before a body of that length: a message of one frame.
pub fn head(length: usize) -> Vec<u8> {
    head_of(0, length)
}

/// As [`head`], of a command.
pub(super) fn command_head(length: usize) -> Vec<u8> {
    head_of(COMMAND, length)
}

fn head_of(flags: u8, length: usize) -> Vec<u8> {
    if let Ok(length) = u8::try_from(length) {
        return vec![flags, length];
    }
    let mut bytes = vec![flags | LONG];
    bytes.extend_from_slice(&(length as u64).to_be_bytes());
    bytes
}

/// What the first bytes of a frame say.
struct Head {
    flags: u8,
    /// Its own bytes.
    size: usize,
    /// The body's.
    length: usize,
}

/// The head of the first frame, if it is all there.
fn read_head(bytes: &[u8], most: usize) -> Result<Option<Head>, Violation> {
    let Some(&flags) = bytes.first() else { return Ok(None) };
    if flags & !(MORE | LONG | COMMAND) != 0 || flags & COMMAND != 0 && flags & MORE != 0 {
        return Err(Violation::Flags(flags));
    }
    let (size, length) = if flags & LONG == 0 {
        let Some(&length) = bytes.get(1) else { return Ok(None) };
        (2, u64::from(length))
    } else {
        let Some(length) = bytes.get(1..).and_then(|rest| rest.first_chunk()) else { return Ok(None) };
        (9, u64::from_be_bytes(*length))
    };
    let length = usize::try_from(length).ok().filter(|length| *length <= most);
    Ok(Some(Head { flags, size, length: length.ok_or(Violation::TooLong { most })? }))
}

/// Bytes of the first frame with its head, if they are not all there and it is known how many they are.
pub(super) fn awaited(bytes: &[u8], most: usize) -> Option<usize> {
    let head = read_head(bytes, most).ok()??;
    let all = head.size + head.length;
    (all > bytes.len()).then_some(all)
}

/// Takes the first frame off `buffer`; none if it is not all there. Errors: flags without meaning, a body longer than `most`.
pub(super) fn split(buffer: &mut BytesMut, most: usize) -> Result<Option<Frame>, Violation> {
    let Some(Head { flags, size, length }) = read_head(buffer, most)? else { return Ok(None) };
    if buffer.len() < size + length {
        return Ok(None);
    }
    buffer.advance(size);
    let body = buffer.split_to(length).freeze();
    if length > LARGE {
        // What comes next would keep all of its memory.
        *buffer = BytesMut::from(&buffer[..]);
    }
    Ok(Some(Frame { command: flags & COMMAND != 0, more: flags & MORE != 0, body }))
}
