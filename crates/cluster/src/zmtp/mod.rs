//! ZMTP 3 (<https://rfc.zeromq.org/spec/37/>) with the NULL mechanism, as bytes in and bytes out: nothing here touches a socket.

mod command;
mod frame;
mod session;

pub use command::{Properties, error, pong, ready};
pub use frame::{MAX_MESSAGE, head};
pub use session::{Event, Session, Violation};

/// Bytes of a greeting.
pub(crate) const GREETING_LENGTH: usize = 64;
/// The longest identity of a peer, in bytes.
pub const MAX_IDENTITY: usize = 255;
/// The security mechanism: none.
pub(crate) const MECHANISM: &[u8] = b"NULL";

/// What comes first on a connection, from both ends: ZMTP 3.1, NULL.
pub const GREETING: [u8; GREETING_LENGTH] = {
    let mut bytes = [0; GREETING_LENGTH];
    bytes[0] = 0xff;
    // Where the first version had a length: what libzmq has there.
    bytes[8] = 1;
    bytes[9] = 0x7f;
    bytes[10] = 3;
    bytes[11] = 1;
    let mut at = 0;
    while at < MECHANISM.len() {
        bytes[12 + at] = MECHANISM[at];
        at += 1;
    }
    bytes
};
