//! Undoing content encodings, at once or as a body arrives, never beyond a cap.
//!
//! What is forgiven is what urllib3 forgives: `deflate` without its zlib wrapper, several gzip members and garbage after
//! them, a stream that is cut short (but not one of zstd).

mod codec;
#[cfg(test)]
mod tests;
mod whole;

use thiserror::Error;

use codec::Codec;
pub use whole::Whole;

/// Encodings in one list at most, as in urllib3.
const MAX_ENCODINGS: usize = 5;

/// Why a body cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeBodyError {
    /// The body is not in the encoding it is said to be in.
    #[error("body is not valid {encoding}")]
    Corrupt {
        /// The encoding.
        encoding: &'static str,
    },
    /// The body ends too early.
    #[error("{encoding} body is cut short")]
    Truncated {
        /// The encoding.
        encoding: &'static str,
    },
    /// The decoded body is longer than allowed.
    #[error("decoded body is larger than {limit} bytes")]
    TooLarge {
        /// The cap in bytes.
        limit: u64,
    },
    /// A list with an encoding that is not known here.
    #[error("unknown content encoding {0:?}")]
    Unknown(String),
    /// A list of more than five encodings.
    #[error("{0} content encodings on top of each other")]
    TooMany(usize),
}

/// Decodes a whole body; `encodings` is the value of `Content-Encoding` (fields joined by commas), `cap` the most bytes
/// that may come of it. A single unknown encoding leaves the body as it is, as does `identity`. A body cut short gives
/// what can be had of it, as in requests; see [`decode_body_strict`].
///
/// # Errors
/// If the body is corrupt or too large, or the list of encodings makes no sense.
pub fn decode_body(encodings: &str, raw: &[u8], cap: usize) -> Result<Vec<u8>, DecodeBodyError> {
    decode(encodings, raw, cap, false)
}

/// As [`decode_body`], but a body that is cut short is an error, an empty one included.
///
/// # Errors
/// As [`decode_body`], and [`DecodeBodyError::Truncated`].
pub fn decode_body_strict(encodings: &str, raw: &[u8], cap: usize) -> Result<Vec<u8>, DecodeBodyError> {
    decode(encodings, raw, cap, true)
}

fn decode(encodings: &str, raw: &[u8], cap: usize, strict: bool) -> Result<Vec<u8>, DecodeBodyError> {
    if let Some(whole) = Whole::find(encodings, raw, cap) {
        let mut out = vec![0; whole.len()];
        if whole.fill(&mut out) {
            return Ok(out);
        }
    }
    decode_in_steps(encodings, raw, cap, strict)
}

/// Whatever kind of body it is.
fn decode_in_steps(
    encodings: &str,
    raw: &[u8],
    cap: usize,
    strict: bool,
) -> Result<Vec<u8>, DecodeBodyError> {
    let mut decoder = StreamDecoder::new(encodings, cap as u64)?;
    let mut out = Vec::new();
    decoder.push(raw, &mut out)?;
    match decoder.finish() {
        Err(DecodeBodyError::Truncated { encoding }) if !strict && (encoding != "zstd" || raw.is_empty()) => {
        }
        finished => finished?,
    }
    Ok(out)
}

/// Decodes a body as it arrives.
#[derive(Debug)]
pub struct StreamDecoder {
    /// In the order in which they are undone.
    codecs: Vec<Codec>,
    /// What one codec hands to the next.
    between: [Vec<u8>; 2],
    cap: u64,
    produced: u64,
}

impl StreamDecoder {
    /// A decoder for a body with that `Content-Encoding`, for at most `cap` bytes of output.
    ///
    /// # Errors
    /// If the list of encodings makes no sense.
    pub fn new(encodings: &str, cap: u64) -> Result<Self, DecodeBodyError> {
        let names: Vec<&str> = encodings.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if names.len() > MAX_ENCODINGS {
            return Err(DecodeBodyError::TooMany(names.len()));
        }
        let mut codecs = Vec::new();
        for name in names.iter().rev() {
            match Codec::named(name) {
                Some(codec) => codecs.push(codec),
                None if name.eq_ignore_ascii_case("identity") || names.len() == 1 => {}
                None => return Err(DecodeBodyError::Unknown((*name).to_owned())),
            }
        }
        Ok(Self { codecs, between: Default::default(), cap, produced: 0 })
    }

    /// Whether there is nothing to undo.
    pub fn is_identity(&self) -> bool {
        self.codecs.is_empty()
    }

    /// Takes in some of the body and appends what comes of it to `out`.
    ///
    /// # Errors
    /// If the body is corrupt or its output too large. What was appended before stands.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeBodyError> {
        let before = out.len();
        let result = self.run(input, out);
        self.produced += (out.len() - before) as u64;
        result?;
        if self.produced > self.cap {
            return Err(DecodeBodyError::TooLarge { limit: self.cap });
        }
        Ok(())
    }

    fn run(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeBodyError> {
        let Some((last, first)) = self.codecs.split_last_mut() else {
            // One byte beyond the cap is enough to notice, and all that is kept.
            let room = self.cap.saturating_sub(self.produced).saturating_add(1);
            out.extend_from_slice(&input[..input.len().min(usize::try_from(room).unwrap_or(usize::MAX))]);
            return Ok(());
        };
        let [source, sink] = &mut self.between;
        source.clear();
        if first.is_empty() {
            return last.push(input, out, self.cap);
        }
        for (at, codec) in first.iter_mut().enumerate() {
            sink.clear();
            codec.push(if at == 0 { input } else { source }, sink, self.cap)?;
            std::mem::swap(source, sink);
        }
        last.push(source, out, self.cap)
    }

    /// To be called at the end of the body.
    ///
    /// # Errors
    /// [`DecodeBodyError::Truncated`] if more should have come.
    pub fn finish(&self) -> Result<(), DecodeBodyError> {
        match self.codecs.iter().find(|codec| !codec.is_complete()) {
            Some(codec) => Err(DecodeBodyError::Truncated { encoding: codec.name() }),
            None => Ok(()),
        }
    }
}
