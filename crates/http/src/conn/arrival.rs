//! When bytes arrived, by the kernel's account.
//!
//! On a machine with more to run than cores, an I/O thread may get one only milliseconds after its socket turned
//! readable, and the poller's return is that much late. The kernel notes when each packet came in and hands that
//! over with the bytes (`SO_TIMESTAMPNS`). It does so by the wall clock, so a moment of that clock is translated
//! here, and not trusted while the wall clock is being set.

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::TcpStream;

/// How far the two clocks, read one after the other, may seem to have moved against each other. More is a wall clock
/// that was set, or a thread that was interrupted between the two readings.
const AGREEMENT: Duration = Duration::from_micros(20);

/// How often the two clocks are read for an anchor, before it is left for the next turn.
const TRIES: usize = 4;

/// Translates the wall clock to the monotonic one.
#[derive(Debug)]
pub(super) struct Clocks {
    /// The same moment by both clocks.
    anchor: Option<(Instant, Duration)>,
    /// Whether the anchor held when last looked at.
    trusted: bool,
}

impl Clocks {
    pub(super) fn new() -> Self {
        Self { anchor: None, trusted: false }
    }

    /// To be called when the poller has returned, with that moment: looks whether the clocks still go together.
    pub(super) fn check(&mut self, now: Instant) {
        self.compare(now, wall());
        if !self.trusted {
            // For the next turn: what has arrived in this one may have been stamped before the wall clock was set.
            self.anchor = anchor();
        }
    }

    fn compare(&mut self, now: Instant, wall: Duration) {
        self.trusted = self.translate(wall).is_some_and(|same| {
            same.saturating_duration_since(now).max(now.saturating_duration_since(same)) <= AGREEMENT
        });
    }

    /// When bytes arrived that are stamped `stamp`, at `latest` if there is no stamp or none that can be true.
    pub(super) fn arrival(&self, stamp: Option<Duration>, latest: Instant) -> Instant {
        if !self.trusted {
            return latest;
        }
        let moment = stamp.and_then(|stamp| self.translate(stamp));
        moment.map_or(latest, |moment| moment.min(latest))
    }

    fn translate(&self, stamp: Duration) -> Option<Instant> {
        let (moment, wall) = self.anchor?;
        match stamp.checked_sub(wall) {
            Some(after) => moment.checked_add(after),
            None => moment.checked_sub(wall.saturating_sub(stamp)),
        }
    }
}

fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Both clocks at one moment, unless the thread was interrupted each time.
fn anchor() -> Option<(Instant, Duration)> {
    (0..TRIES).find_map(|_| {
        let before = Instant::now();
        let wall = wall();
        let between = before.elapsed();
        (between < AGREEMENT / 8).then(|| (before + between / 2, wall))
    })
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io::IoSliceMut;
    use std::os::fd::AsRawFd as _;

    use nix::sys::socket::sockopt::ReceiveTimestampns;
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};

    use super::{Duration, TcpStream, io};

    /// Room for one timestamp, aligned as the kernel's header wants it.
    #[repr(align(8))]
    struct Control([u8; 32]);

    /// Asks the kernel for the moments of arrival. True if it will tell.
    pub(crate) fn stamp(stream: &TcpStream) -> bool {
        setsockopt(stream, ReceiveTimestampns, &true).is_ok()
    }

    /// Reads, and says when the last of the bytes read arrived (since 1970, by the wall clock).
    pub(crate) fn read(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<(usize, Option<Duration>)> {
        let mut control = Control([0; 32]);
        let mut parts = [IoSliceMut::new(buffer)];
        let received =
            recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut control.0), MsgFlags::empty())?;
        let stamp = received.cmsgs().ok().and_then(|mut messages| {
            messages.find_map(|message| match message {
                ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
                _ => None,
            })
        });
        Ok((received.bytes, stamp))
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io::Read as _;

    use super::{Duration, TcpStream, io};

    /// Not asked for here.
    pub(crate) fn stamp(_: &TcpStream) -> bool {
        false
    }

    pub(crate) fn read(mut stream: &TcpStream, buffer: &mut [u8]) -> io::Result<(usize, Option<Duration>)> {
        stream.read(buffer).map(|count| (count, None))
    }
}

pub(super) use self::kernel::{read, stamp};

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Duration = Duration::from_hours(500_000);
    const MS: Duration = Duration::from_millis(1);

    /// Clocks that agreed at the moment returned.
    fn anchored() -> (Clocks, Instant) {
        let moment = Instant::now();
        (Clocks { anchor: Some((moment, WALL)), trusted: true }, moment)
    }

    #[test]
    fn a_stamp_is_moved_to_the_monotonic_clock() {
        let (clocks, moment) = anchored();
        assert_eq!(clocks.arrival(Some(WALL + 3 * MS), moment + 9 * MS), moment + 3 * MS);
        let before = WALL.saturating_sub(3 * MS);
        assert_eq!(clocks.arrival(Some(before), moment + 9 * MS) + 3 * MS, moment);
    }

    #[test]
    fn nothing_arrives_after_it_was_read() {
        let (clocks, moment) = anchored();
        assert_eq!(clocks.arrival(Some(WALL + 3 * MS), moment + 2 * MS), moment + 2 * MS);
        assert_eq!(clocks.arrival(None, moment + 2 * MS), moment + 2 * MS);
    }

    #[test]
    fn a_wall_clock_that_is_set_is_not_believed_until_both_were_read_anew() {
        for wall in
            [WALL.saturating_sub(Duration::from_hours(1)), WALL, WALL + 10 * MS + Duration::from_secs(2)]
        {
            let (mut clocks, moment) = anchored();
            clocks.compare(moment + 10 * MS, wall);
            assert_eq!(clocks.arrival(Some(WALL), moment + 10 * MS), moment + 10 * MS, "{wall:?}");
        }
        let (mut clocks, moment) = anchored();
        clocks.compare(moment + 10 * MS, WALL + 10 * MS + AGREEMENT / 2);
        assert_eq!(clocks.arrival(Some(WALL), moment + 10 * MS), moment);
    }

    #[test]
    fn the_first_look_finds_the_anchor_and_the_second_trusts_it() {
        let mut clocks = Clocks::new();
        clocks.check(Instant::now());
        assert!(!clocks.trusted);
        // A busy machine may interrupt any of them.
        let trusted = (0..1000).any(|_| {
            clocks.check(Instant::now());
            clocks.trusted
        });
        assert!(trusted);
        let stamp = wall();
        let late = Instant::now() + Duration::from_secs(1);
        let off = clocks.arrival(Some(stamp), late).saturating_duration_since(Instant::now());
        assert!(off < Duration::from_millis(1), "{off:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_tells_when_bytes_came_and_not_when_they_were_read() {
        use std::io::Write as _;

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let stream = TcpStream::from_std(stream);
        assert!(stamp(&stream));
        let mut buffer = [0; 64];
        assert_eq!(read(&stream, &mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        // The kernel begins to stamp packets a moment after the first socket on the machine asks for it.
        for round in 0.. {
            let before = wall();
            peer.write_all(b"hello").unwrap();
            let after = wall();
            std::thread::sleep(Duration::from_millis(30));
            let (count, at) = read(&stream, &mut buffer).unwrap();
            assert_eq!(&buffer[..count], b"hello");
            match at {
                Some(at) => return assert!(before <= at && at <= after, "{before:?} {at:?} {after:?}"),
                None => assert!(round < 100, "no stamp"),
            }
        }
    }
}
