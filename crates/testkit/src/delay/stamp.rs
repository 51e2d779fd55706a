//! When bytes arrived, by the kernel's account rather than by the moment at which this thread got a processor.

use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::TcpStream;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};

/// Room for one timestamp, aligned as the kernel's header wants it.
#[repr(align(8))]
struct Control([u8; 32]);

/// Asks for stamps; a kernel that has none lets the server use its own clock.
pub(super) fn ask(stream: &TcpStream) {
    let _ = setsockopt(stream, ReceiveTimestampns, &true);
}

/// Reads, and says when the last byte of it arrived by the wall clock, if the kernel told.
pub(super) fn read(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<(usize, Option<Duration>)> {
    let mut control = Control([0; 32]);
    let mut parts = [IoSliceMut::new(buffer)];
    let received = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut control.0), MsgFlags::empty())?;
    let stamp = received.cmsgs().ok().and_then(|mut messages| {
        messages.find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
            _ => None,
        })
    });
    Ok((received.bytes, stamp))
}

/// The moment at which something stamped `stamp` arrived; `latest`, a moment after it, without a stamp that makes sense.
pub(super) fn moment(stamp: Option<Duration>, latest: Instant) -> Instant {
    let Some(stamp) = stamp else { return latest };
    // An interruption between the two readings would falsify their difference: the quickest of three counts.
    let Some((_, now, wall)) = (0..3)
        .filter_map(|_| {
            let now = Instant::now();
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
            Some((now.elapsed(), now, wall))
        })
        .min()
    else {
        return latest;
    };
    let age = wall.saturating_sub(stamp);
    // A wall clock that has been set in between must not make a request hours old.
    if age > Duration::from_secs(1) {
        latest
    } else {
        now.checked_sub(age).map_or(latest, |at| at.min(latest))
    }
}
