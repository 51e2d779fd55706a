//! The descriptor itself.

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsRawFd as _, OwnedFd};

/// A descriptor that any thread can make readable.
#[derive(Debug)]
pub struct Line {
    descriptor: OwnedFd,
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
