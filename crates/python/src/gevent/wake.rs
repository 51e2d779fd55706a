//! How I/O threads wake the hub.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsRawFd, OwnedFd};

/// Makes the hub's descriptor readable, once per drain.
#[derive(Debug)]
pub(crate) struct WakeUp {
    descriptor: OwnedFd,
    pending: AtomicBool,
}

impl WakeUp {
    pub(crate) fn new() -> std::io::Result<Self> {
        let descriptor = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { descriptor, pending: AtomicBool::new(false) })
    }

    /// The descriptor's number, for the hub to watch.
    pub(crate) fn descriptor(&self) -> i32 {
        self.descriptor.as_raw_fd()
    }

    /// Takes note: the descriptor is readable no longer. Must come before the queues are read: whoever pushes after that sees `pending` unset and writes again.
    pub(crate) fn acknowledge(&self) {
        if !self.pending.load(Ordering::SeqCst) {
            return;
        }
        let mut counter = [0_u8; 8];
        // An empty counter (EAGAIN) only means that somebody else was faster.
        let _ = rustix::io::read(&self.descriptor, &mut counter);
        self.pending.store(false, Ordering::SeqCst);
    }
}

impl gregaria_http::Wake for WakeUp {
    fn wake(&self) {
        if !self.pending.swap(true, Ordering::SeqCst) {
            // The counter cannot overflow: at most one write stands between two reads.
            let _ = rustix::io::write(&self.descriptor, &1_u64.to_ne_bytes());
        }
    }
}
