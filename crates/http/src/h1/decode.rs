//! Reading responses, piece by piece.

use crate::headers::Headers;
use crate::method::Method;

use super::chunked::{Chunked, Step};
use super::error::DecodeError;
use super::framing::Framing;
use super::head::{self, Parsed, ResponseHead};
use super::lenient::Leniency;
use super::limits::Limits;
use super::memo::Memo;

/// A part of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// An interim response (1xx other than 101) with that status; its fields are dropped.
    Informational(u16),
    /// The head of the final response.
    Head(ResponseHead),
    /// Some bytes of the body, never none.
    Body(&'a [u8]),
    /// The response is complete.
    End,
}

/// Reads one response after the other from the bytes of a connection.
///
/// Call [`Decoder::start`] when a request goes out, then [`Decoder::decode`] with what has been received.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    method: Method,
    state: State,
    keep_alive: bool,
    leniency: Leniency,
    informational: u32,
    body_bytes: u64,
    /// Bytes at the front of the input in which no end of a head was found.
    scanned: usize,
    trailers: Headers,
    spare: Headers,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(Chunked),
    Close,
    /// The body is complete, which has still to be said.
    End,
    Done,
    Failed,
}

impl Decoder {
    /// A decoder with these limits, ready for the response to a `GET`.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            method: Method::Get,
            state: State::Head,
            keep_alive: false,
            leniency: Leniency::default(),
            informational: 0,
            body_bytes: 0,
            scanned: 0,
            trailers: Headers::new(),
            spare: Headers::new(),
        }
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Changes the limits, for the next head or the rest of the body.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Makes ready for the response to a request with that method, whatever came before.
    pub fn start(&mut self, method: &Method) {
        self.method.clone_from(method);
        self.state = State::Head;
        self.keep_alive = false;
        self.leniency = Leniency::default();
        self.informational = 0;
        self.body_bytes = 0;
        self.scanned = 0;
        self.trailers.clear();
    }

    /// Reads the next piece at the start of `input`, and says how many bytes it took.
    ///
    /// The caller drops these bytes and calls again, at once and even with nothing left, until there is no piece: then
    /// it appends what it receives to what is left and calls again. After [`Piece::End`] nothing more is consumed
    /// until [`Decoder::start`].
    ///
    /// # Errors
    /// If the bytes are no response or a limit is passed. The connection is then of no further use.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Piece<'a>>), DecodeError> {
        self.decode_by(input, None)
    }

    /// As [`Self::decode`], for a head that may have come before on any connection; `memo` makes no other difference than that
    /// it is read faster.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_with<'a>(
        &mut self,
        input: &'a [u8],
        memo: &mut Memo,
    ) -> Result<(usize, Option<Piece<'a>>), DecodeError> {
        self.decode_by(input, Some(memo))
    }

    fn decode_by<'a>(
        &mut self,
        input: &'a [u8],
        memo: Option<&mut Memo>,
    ) -> Result<(usize, Option<Piece<'a>>), DecodeError> {
        let result = match &mut self.state {
            State::Head => self.decode_head(input, memo),
            State::Length(left) => {
                let here = (*left).min(input.len() as u64);
                *left -= here;
                if *left == 0 {
                    self.state = State::End;
                }
                Ok(self.body(here as usize, &input[..here as usize]))
            }
            State::Close => self.count(input.len()).map(|()| self.body(input.len(), input)),
            State::Chunked(_) => self.decode_chunked(input),
            State::End => {
                self.state = State::Done;
                Ok((0, Some(Piece::End)))
            }
            State::Done | State::Failed => Ok((0, None)),
        };
        if result.is_err() {
            self.state = State::Failed;
            self.keep_alive = false;
        }
        result
    }

    /// To be called when the peer has closed its side: `Ok` says that this was the proper end of the response, in which
    /// case no [`Piece::End`] follows. `unread` is how many bytes of input are left that no piece came from.
    ///
    /// # Errors
    /// [`DecodeError::NoResponse`] if nothing of a response had come, else one of the truncations.
    pub fn end_of_input(&mut self, unread: usize) -> Result<(), DecodeError> {
        self.keep_alive = false;
        let missing = match &self.state {
            State::Close | State::End | State::Done => None,
            State::Head if unread == 0 && self.informational == 0 => Some(DecodeError::NoResponse),
            State::Head | State::Failed => Some(DecodeError::TruncatedHead),
            State::Length(left) => {
                Some(DecodeError::TruncatedBody { received: self.body_bytes, missing: Some(*left) })
            }
            // Some servers leave out the empty line after the last chunk; urllib3 takes that for the end.
            State::Chunked(chunked) if chunked.in_trailers() && unread == 0 => {
                self.leniency.insert(Leniency::NO_FINAL_LINE);
                None
            }
            State::Chunked(chunked) => {
                Some(DecodeError::TruncatedBody { received: self.body_bytes, missing: chunked.missing() })
            }
        };
        self.state = if missing.is_none() { State::Done } else { State::Failed };
        missing.map_or(Ok(()), Err)
    }

    /// Whether the connection may carry another request. Meaningful once the response is complete.
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Whether [`Piece::End`] has been given out, or the end of input was the end of the response.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether the final head has been given out.
    pub fn head_seen(&self) -> bool {
        !matches!(self.state, State::Head | State::Failed)
    }

    /// Fields that came after a chunked body.
    pub fn trailers(&self) -> &Headers {
        &self.trailers
    }

    /// Takes the fields that came after a chunked body.
    pub fn take_trailers(&mut self) -> Headers {
        std::mem::take(&mut self.trailers)
    }

    /// Bytes of the body given out so far.
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Bytes of the body still to come, when the response said how long it is.
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Length(left) => Some(left),
            State::End | State::Done => Some(0),
            _ => None,
        }
    }

    /// Bytes that are sure to be the body's and nothing else, if it is in the middle of one of known length: they may be put where
    /// the body goes without [`Self::decode`] seeing them, if it is told by [`Self::skip`].
    pub fn awaited(&self) -> Option<u64> {
        match self.state {
            State::Length(left) if left > 0 => Some(left),
            _ => None,
        }
    }

    /// So many of the bytes that were [awaited](Self::awaited) have come, and are where they go.
    pub fn skip(&mut self, count: u64) {
        if let State::Length(left) = &mut self.state {
            let count = count.min(*left);
            *left -= count;
            self.body_bytes += count;
            if *left == 0 {
                self.state = State::End;
            }
        }
    }

    /// Whether it is in the middle of a body in chunks.
    pub fn in_chunks(&self) -> bool {
        matches!(self.state, State::Chunked(_))
    }

    /// What had to be forgiven in this response.
    pub fn leniency(&self) -> Leniency {
        self.leniency
    }

    /// Gives back headers that are no longer needed, so that the next head can use their memory.
    pub fn recycle(&mut self, headers: Headers) {
        if headers.heap_size() > self.spare.heap_size() {
            self.spare = headers;
        }
    }

    fn body<'a>(&mut self, consumed: usize, data: &'a [u8]) -> (usize, Option<Piece<'a>>) {
        self.body_bytes += data.len() as u64;
        if !data.is_empty() {
            return (consumed, Some(Piece::Body(data)));
        }
        (consumed, None)
    }

    /// Refuses a body that `more` bytes would make too long.
    fn count(&self, more: usize) -> Result<(), DecodeError> {
        let limit = self.limits.max_body;
        if self.body_bytes.saturating_add(more as u64) > limit {
            return Err(DecodeError::BodyTooLarge { limit });
        }
        Ok(())
    }

    fn decode_head<'a>(
        &mut self,
        input: &'a [u8],
        mut memo: Option<&mut Memo>,
    ) -> Result<(usize, Option<Piece<'a>>), DecodeError> {
        // A head that trickles in is not read again from its start for every few bytes.
        if self.scanned > 0 && !has_head_end(&input[self.scanned.min(input.len()).saturating_sub(3)..]) {
            let limit = self.limits.max_head;
            if input.len() >= limit {
                return Err(DecodeError::HeadTooLarge { limit });
            }
            self.scanned = input.len();
            return Ok((0, None));
        }
        if input.is_empty() {
            return Ok((0, None));
        }
        let recalled = memo.as_mut().and_then(|memo| memo.recall(input, &self.limits, &mut self.spare));
        let parsed = if let Some(recalled) = recalled {
            recalled
        } else {
            let Some(parsed) = head::parse(input, &self.limits, &mut self.spare, &mut self.leniency)? else {
                self.scanned = input.len();
                return Ok((0, None));
            };
            if self.leniency.is_empty()
                && let Some(memo) = memo
            {
                memo.note(input, &parsed);
            }
            parsed
        };
        self.scanned = 0;
        let Parsed { len, head, framing } = parsed;
        if matches!(head.status, 100 | 102..=199) {
            self.informational += 1;
            let limit = self.limits.max_informational;
            if self.informational > limit {
                return Err(DecodeError::TooManyInformational { limit });
            }
            self.recycle(head.headers);
            return Ok((len, Some(Piece::Informational(head.status))));
        }
        let (framing, keep_alive) =
            framing.decide(&self.method, head.status, head.version, &self.limits, &mut self.leniency)?;
        self.keep_alive = keep_alive && !self.leniency.contains(Leniency::JUNK_LINE);
        self.state = match framing {
            Framing::Empty | Framing::Length(0) => State::End,
            Framing::Length(length) if length > self.limits.max_body => {
                return Err(DecodeError::BodyTooLarge { limit: self.limits.max_body });
            }
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunked::new()),
            Framing::Close => State::Close,
        };
        Ok((len, Some(Piece::Head(head))))
    }

    fn decode_chunked<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Piece<'a>>), DecodeError> {
        let State::Chunked(chunked) = &mut self.state else {
            return Ok((0, None));
        };
        let (consumed, step) = chunked.advance(input, &mut self.leniency)?;
        match step {
            Step::More => Ok((consumed, None)),
            Step::Data(place) => {
                self.count(place.len())?;
                Ok(self.body(consumed, &input[place]))
            }
            Step::Trailers => match self.decode_trailers(&input[consumed..])? {
                Some(len) => {
                    self.state = State::Done;
                    Ok((consumed + len, Some(Piece::End)))
                }
                None => Ok((consumed, None)),
            },
        }
    }

    /// Reads trailers and the empty line behind them; says how long they are, if they are all there.
    fn decode_trailers(&mut self, input: &[u8]) -> Result<Option<usize>, DecodeError> {
        let limit = self.limits.max_head;
        // Trailers that trickle in are not searched from their start for every few bytes: only from the line that has no end yet.
        let Some(len) = head::head_end(input, self.scanned.min(input.len())) else {
            if input.len() >= limit {
                return Err(DecodeError::HeadTooLarge { limit });
            }
            self.scanned = input.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            return Ok(None);
        };
        self.scanned = 0;
        if len > limit {
            return Err(DecodeError::HeadTooLarge { limit });
        }
        let block = &input[..len];
        // Two line ends differ in how hyper and the rest of the world count empty lines.
        let bare = |at: usize| block[at] == b'\n' && (at == 0 || block[at - 1] != b'\r');
        if (0..len).any(bare) {
            self.leniency.insert(Leniency::BARE_LINE_FEED);
        }
        if len > 2 {
            (self.trailers, _) = head::fields(block, &self.limits, &mut self.spare, &mut self.leniency)?;
        }
        Ok(Some(len))
    }
}

/// Whether an empty line may be in here; a false alarm only costs time.
fn has_head_end(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|triple| triple == b"\n\r\n")
}
