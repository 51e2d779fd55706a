//! HTTP/1.1 without sockets: bytes in, pieces out, and the other way round.
//!
//! [`encode_head`] writes a request's head, [`Decoder`] reads responses. Neither does I/O nor looks at a clock, so the
//! same code runs on an I/O thread, in a test that cuts the input anywhere, and under a fuzzer that compares it with
//! hyper. Where the codec accepts more than hyper, it says so in [`Leniency`].

mod chunked;
mod decode;
mod encode;
mod error;
mod framing;
mod head;
mod lenient;
mod limits;
mod memo;
mod reason;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

pub use decode::{Decoder, Piece};
pub use encode::{BodyFraming, encode_chunk, encode_head, encode_last_chunk};
pub use error::DecodeError;
pub use head::{ResponseHead, Version};
pub use lenient::Leniency;
pub use limits::Limits;
pub use memo::Memo;
pub use reason::Reason;
