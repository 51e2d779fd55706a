//! Frames: flags, a length, a body.

use bytes::{Buf as _, Bytes, BytesMut};

use super::session::Violation;

/// The longest message that is taken or sent.
pub const MAX_MESSAGE: usize = 64 << 20;

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

/// Takes the first frame off `buffer`; none if it is not all there. Errors: flags without meaning, a body longer than `most`.
pub(super) fn split(buffer: &mut BytesMut, most: usize) -> Result<Option<Frame>, Violation> {
    let Some(&flags) = buffer.first() else { return Ok(None) };
    if flags & !(MORE | LONG | COMMAND) != 0 || flags & COMMAND != 0 && flags & MORE != 0 {
        return Err(Violation::Flags(flags));
    }
    let (head, length) = if flags & LONG == 0 {
        let Some(&length) = buffer.get(1) else { return Ok(None) };
        (2, u64::from(length))
    } else {
        let Some(length) = buffer.get(1..).and_then(|rest| rest.first_chunk()) else { return Ok(None) };
        (9, u64::from_be_bytes(*length))
    };
    let length = usize::try_from(length).ok().filter(|length| *length <= most);
    let length = length.ok_or(Violation::TooLong { most })?;
    if buffer.len() < head + length {
        return Ok(None);
    }
    buffer.advance(head);
    let body = buffer.split_to(length).freeze();
    Ok(Some(Frame { command: flags & COMMAND != 0, more: flags & MORE != 0, body }))
}
