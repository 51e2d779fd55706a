//! What the system has for waking an event loop. This is the one place that knows which system it is: a [`Line`] that any thread can
//! make readable, an [`Alarm`] that becomes readable at a moment, and [`Awake`], by which processors are at hand at that moment. Another system needs another file here, and nothing else.

#[cfg(target_os = "linux")]
mod linux;
// On Linux for the tests: it is to stay right where nobody looks.
#[cfg(all(unix, any(test, not(target_os = "linux"))))]
#[cfg_attr(target_os = "linux", expect(unreachable_pub, reason = "there only the tests use it"))]
mod unix;

#[cfg(target_os = "linux")]
pub use linux::{Alarm, Awake, Line};
#[cfg(all(unix, not(target_os = "linux")))]
pub use unix::{Alarm, Awake, Line};

#[cfg(not(unix))]
compile_error!(
    "gregaria wakes gevent's loop by a descriptor that becomes readable, which this system does not have: on Windows use WSL or a container, \
     or write crates/wake/src/system for it"
);

#[cfg(test)]
mod tests;
