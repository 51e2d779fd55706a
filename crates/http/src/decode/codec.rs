//! One content encoding.

use std::fmt;

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as ZstdContext, Operation};

use super::DecodeBodyError;

/// Output made room for at a time, in bytes.
const STEP: usize = 16 * 1024;
/// zstd's window may be 8 MiB (RFC 9659); more is refused before it is allocated.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Members of a gzip body that may be empty.
const MOST_EMPTY: u32 = 1_000;

type Brotli = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// The state of one decoder.
pub(super) struct Codec {
    kind: Kind,
    produced: u64,
    /// The stream has come to its end (for gzip and zstd: a member or frame has).
    complete: bool,
    /// The rest of the input means nothing.
    ignoring: bool,
    /// There was no more room for output.
    pending: bool,
    /// Input to be read once more, before any other.
    again: Vec<u8>,
}

enum Kind {
    Gzip { inflate: Box<Decompress>, members: u32 },
    Deflate { inflate: Box<Decompress>, tried: Option<Vec<u8>> },
    Brotli(Box<Brotli>),
    Zstd(ZstdContext<'static>),
}

impl Codec {
    /// The decoder for an encoding; `None` if it is not known.
    pub(super) fn named(name: &str) -> Option<Self> {
        let kind = match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Kind::Gzip { inflate: Box::new(Decompress::new_gzip(15)), members: 0 },
            "deflate" => Kind::Deflate { inflate: Box::new(Decompress::new(true)), tried: Some(Vec::new()) },
            "br" => Kind::Brotli(Box::new(Brotli::new(
                StandardAlloc::default(),
                StandardAlloc::default(),
                StandardAlloc::default(),
            ))),
            "zstd" => {
                let mut context = ZstdContext::new().ok()?;
                context.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG)).ok()?;
                Kind::Zstd(context)
            }
            _ => return None,
        };
        Some(Self { kind, produced: 0, complete: false, ignoring: false, pending: false, again: Vec::new() })
    }

    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Gzip { .. } => "gzip",
            Kind::Deflate { .. } => "deflate",
            Kind::Brotli(_) => "br",
            Kind::Zstd(_) => "zstd",
        }
    }

    /// Whether the stream could end here.
    pub(super) fn is_complete(&self) -> bool {
        self.complete || self.ignoring
    }

    /// Decodes `input` onto the end of `out`; stops with an error once more than `cap` bytes have been made.
    pub(super) fn push(
        &mut self,
        mut input: &[u8],
        out: &mut Vec<u8>,
        cap: u64,
    ) -> Result<(), DecodeBodyError> {
        loop {
            // Output may be left inside when all input has been taken.
            while (!input.is_empty() || self.pending) && !self.ignoring {
                let before = out.len();
                // One byte beyond the cap is enough to notice.
                let room = usize::try_from(cap.saturating_sub(self.produced))
                    .unwrap_or(usize::MAX)
                    .saturating_add(1);
                let result = self.step(&mut input, out, room);
                self.produced += (out.len() - before) as u64;
                result?;
                if self.produced > cap {
                    return Err(DecodeBodyError::TooLarge { limit: cap });
                }
            }
            if self.again.is_empty() {
                return Ok(());
            }
            let again = std::mem::take(&mut self.again);
            self.push(&again, out, cap)?;
        }
    }

    /// Decodes until input or room runs out, or a part of the stream ends. `out` is not made much larger than by `room`.
    fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>, room: usize) -> Result<(), DecodeBodyError> {
        let pending = std::mem::take(&mut self.pending);
        let corrupt = DecodeBodyError::Corrupt { encoding: self.name() };
        match &mut self.kind {
            Kind::Gzip { inflate, members } => {
                if self.complete {
                    **inflate = Decompress::new_gzip(15);
                    self.complete = false;
                }
                match inflated(inflate, input, out, room) {
                    Ok(true) => {
                        *members += 1;
                        self.complete = true;
                        // Members with nothing in them cost time and no memory: no limit of size ends them.
                        if *members > MOST_EMPTY && self.produced < u64::from(*members) {
                            return Err(corrupt);
                        }
                    }
                    Ok(false) => {}
                    // What follows a whole member is allowed to be anything.
                    Err(()) if *members > 0 => self.ignoring = true,
                    Err(()) => return Err(corrupt),
                }
                self.pending = !self.complete && out.len() == out.capacity();
            }
            Kind::Deflate { inflate, tried } => {
                if self.complete {
                    self.ignoring = true;
                    return Ok(());
                }
                let given = *input;
                let before = out.len();
                if let Ok(end) = inflated(inflate, input, out, room) {
                    self.complete = end;
                    if end || out.len() > before {
                        *tried = None;
                    } else if let Some(tried) = tried {
                        tried.extend_from_slice(&given[..given.len() - input.len()]);
                    }
                } else {
                    // Perhaps it never had a zlib wrapper: again from the start, without.
                    self.again = tried.take().ok_or(corrupt)?;
                    self.again.extend_from_slice(given);
                    *input = &[];
                    out.truncate(before);
                    **inflate = Decompress::new(false);
                    return Ok(());
                }
                self.pending = !self.complete && out.len() == out.capacity();
            }
            Kind::Brotli(state) => {
                if self.complete {
                    self.ignoring = true;
                    return Ok(());
                }
                let mut scratch = [0_u8; STEP];
                let (mut left, mut read) = (input.len(), 0);
                let (mut free, mut written, mut total) = (scratch.len(), 0, 0);
                let result = BrotliDecompressStream(
                    &mut left,
                    &mut read,
                    input,
                    &mut free,
                    &mut written,
                    &mut scratch,
                    &mut total,
                    state,
                );
                *input = &input[read..];
                out.extend_from_slice(&scratch[..written]);
                match result {
                    BrotliResult::ResultSuccess => self.complete = true,
                    BrotliResult::NeedsMoreOutput => self.pending = true,
                    // It may ask for input with the output full and more of it inside.
                    BrotliResult::NeedsMoreInput => self.pending = written == scratch.len(),
                    BrotliResult::ResultFailure => return Err(corrupt),
                }
            }
            Kind::Zstd(context) => {
                let mut scratch = [0_u8; STEP];
                if input.is_empty() && !pending {
                    return Ok(());
                }
                let status = context.run_on_buffers(input, &mut scratch).map_err(|_| corrupt)?;
                *input = &input[status.bytes_read..];
                out.extend_from_slice(&scratch[..status.bytes_written]);
                self.complete = status.remaining == 0;
                self.pending = !self.complete && status.bytes_written == scratch.len();
            }
        }
        Ok(())
    }
}

/// Inflates some input; says whether the stream ended.
fn inflated(inflate: &mut Decompress, input: &mut &[u8], out: &mut Vec<u8>, room: usize) -> Result<bool, ()> {
    if out.capacity() - out.len() < STEP / 4 {
        // All of the capacity gets filled: doubled, as vectors are, it could be twice the cap.
        out.reserve_exact(out.len().min(room).max(STEP));
    }
    let (read, written) = (inflate.total_in(), out.len());
    let status = inflate.decompress_vec(input, out, FlushDecompress::None).map_err(|_| ())?;
    let read = (inflate.total_in() - read) as usize;
    *input = &input[read..];
    match status {
        Status::StreamEnd => Ok(true),
        // Neither input nor output moved although there was room for both.
        Status::BufError if !input.is_empty() && read == 0 && out.len() == written => Err(()),
        Status::Ok | Status::BufError => Ok(false),
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec")
            .field("name", &self.name())
            .field("produced", &self.produced)
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}
