//! Linux: a counter and a clock that are descriptors, and a file that says how long waking may take.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// A descriptor that any thread can make readable.
#[derive(Debug)]
pub struct Line {
    descriptor: OwnedFd,
}

#[cfg(test)]
impl rustix::fd::AsFd for Line {
    fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Line {
    /// Errors: the system has no descriptor left.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { descriptor: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)? })
    }

    /// Its number, for an event loop to watch.
    pub fn descriptor(&self) -> i32 {
        self.descriptor.as_raw_fd()
    }

    /// Makes it readable.
    pub fn raise(&self) {
        // Fails only where the counter is full, and then it is readable.
        let _ = rustix::io::write(&self.descriptor, &1_u64.to_ne_bytes());
    }

    /// Makes it unreadable; whether it was readable.
    pub fn lower(&self) -> bool {
        rustix::io::read(&self.descriptor, &mut [0_u8; 8]).is_ok()
    }
}

/// A descriptor that becomes readable at the moment asked for. Only one moment is asked for at a time.
#[derive(Debug)]
pub struct Alarm {
    descriptor: OwnedFd,
}

#[cfg(test)]
impl rustix::fd::AsFd for Alarm {
    fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Alarm {
    /// Errors: the system has no descriptor left.
    pub fn new() -> std::io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self { descriptor: timerfd_create(TimerfdClockId::Monotonic, flags)? })
    }

    /// Its number, for an event loop to watch.
    pub fn descriptor(&self) -> i32 {
        self.descriptor.as_raw_fd()
    }

    /// Makes it readable after `wait`, in place of any moment asked for before; until then it is not.
    pub fn ring_after(&self, wait: Duration) {
        // No time at all would mean never.
        self.set(wait.max(Duration::from_nanos(1)));
    }

    /// Forgets the moment asked for, whether it has come or not.
    pub fn silence(&self) {
        self.set(Duration::ZERO);
    }

    fn set(&self, wait: Duration) {
        let nothing = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        };
        // Fails for times that are none only.
        let _ = timerfd_settime(
            &self.descriptor,
            TimerfdTimerFlags::empty(),
            &Itimerspec { it_interval: nothing, it_value: value },
        );
    }
}

/// Keeps idle processors from sleeping, all of them, for as long as it is there; the system takes it back when the process ends, however
/// that ends. A processor that sleeps is woken tens of microseconds late on most machines, and milliseconds late on some virtual ones.
#[derive(Debug)]
pub struct Awake {
    _request: File,
}

impl Awake {
    /// Errors: the file is not there (in containers, as a rule), or is not for this user to write.
    pub fn keep() -> std::io::Result<Self> {
        Self::by(Path::new("/dev/cpu_dma_latency"))
    }

    pub(super) fn by(path: &Path) -> std::io::Result<Self> {
        let mut request = OpenOptions::new().write(true).open(path)?;
        // Microseconds that waking may take. The request holds while the file is open.
        request.write_all(&0_i32.to_ne_bytes())?;
        Ok(Self { _request: request })
    }
}
