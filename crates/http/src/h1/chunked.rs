//! The chunked transfer coding (RFC 9112, 7.1).

use std::ops::Range;

use super::error::DecodeError;
use super::lenient::Leniency;

/// Bytes of chunk extensions accepted in one response; hyper's number, so that both agree.
const MAX_EXTENSION: u32 = 16 * 1024;

/// The place in a chunked body.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// Of the current chunk, what is still to come.
    size: u64,
    extension: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    Start,
    Size,
    /// White space after the size.
    Blank,
    Extension,
    /// Before the line feed of the size line.
    SizeEnd,
    Data,
    /// Before the line end after the data.
    DataEnd,
    DataLineFeed,
    /// Behind the last chunk: trailers, then an empty line.
    Trailers,
}

/// What the next bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing yet: more input is needed.
    More,
    /// Data, at that place of the input.
    Data(Range<usize>),
    /// Trailers begin behind what was consumed.
    Trailers,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self { state: State::Start, size: 0, extension: 0 }
    }

    /// What is missing of a chunk that has begun.
    pub(super) fn missing(&self) -> Option<u64> {
        (self.state == State::Data).then_some(self.size)
    }

    /// Whether the last chunk has come.
    pub(super) fn in_trailers(&self) -> bool {
        self.state == State::Trailers
    }

    /// Reads up to the next data; says how many bytes that took, the data included.
    pub(super) fn advance(
        &mut self,
        input: &[u8],
        leniency: &mut Leniency,
    ) -> Result<(usize, Step), DecodeError> {
        let mut at = 0;
        loop {
            if self.state == State::Trailers {
                return Ok((at, Step::Trailers));
            }
            let Some(&byte) = input.get(at) else {
                return Ok((at, Step::More));
            };
            if self.state == State::Data {
                let here = self.size.min((input.len() - at) as u64);
                self.size -= here;
                if self.size == 0 {
                    self.state = State::DataEnd;
                }
                let end = at + here as usize;
                return Ok((end, Step::Data(at..end)));
            }
            self.state = self.step(byte, leniency)?;
            at += 1;
        }
    }

    fn step(&mut self, byte: u8, leniency: &mut Leniency) -> Result<State, DecodeError> {
        Ok(match (self.state, byte) {
            (State::Start | State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                let shifted = self.size.checked_mul(16).ok_or(DecodeError::ChunkSize)?;
                self.size = shifted + u64::from(digit);
                State::Size
            }
            (State::Size | State::Blank, b' ' | b'\t') => State::Blank,
            (State::Size | State::Blank, b';') => State::Extension,
            (State::Size | State::Blank | State::Extension, b'\r') => State::SizeEnd,
            (State::Size | State::Blank, b'\n') => {
                leniency.insert(Leniency::BARE_LINE_FEED);
                self.sized()
            }
            // A line feed within an extension is where readers have been made to disagree: hyper refuses it, as here.
            (State::Extension, b'\n') => return Err(DecodeError::ChunkSize),
            (State::Extension, _) => {
                self.extension += 1;
                if self.extension > MAX_EXTENSION {
                    return Err(DecodeError::ChunkExtension);
                }
                State::Extension
            }
            (State::SizeEnd, b'\n') => self.sized(),
            (State::DataEnd, b'\r') => State::DataLineFeed,
            (State::DataEnd, b'\n') => {
                leniency.insert(Leniency::BARE_LINE_FEED);
                State::Start
            }
            (State::DataLineFeed, b'\n') => State::Start,
            (State::DataEnd | State::DataLineFeed, _) => return Err(DecodeError::ChunkEnd),
            _ => return Err(DecodeError::ChunkSize),
        })
    }

    fn sized(&self) -> State {
        if self.size == 0 { State::Trailers } else { State::Data }
    }
}
