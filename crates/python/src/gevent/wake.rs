//! How other threads wake the hub.

use std::io;

use gregaria_wake::{Bell, Line};

/// Makes the hub's descriptor readable, once per drain.
#[derive(Debug)]
pub(crate) struct WakeUp {
    bell: Bell,
}

impl WakeUp {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { bell: Bell::new(Line::new()?) })
    }

    /// The descriptor's number, for the hub to watch.
    pub(crate) fn descriptor(&self) -> i32 {
        self.bell.line().descriptor()
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Takes note; must come before the queues are read.
    pub(crate) fn acknowledge(&self) {
        self.bell.acknowledge();
    }
}

impl gregaria_http::Wake for WakeUp {
    fn wake(&self) {
        self.bell.ring();
    }
}
