//! A clock that makes a descriptor readable at a moment.

use std::time::Duration;

use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// A descriptor that becomes readable at the moment asked for. Only one moment is asked for at a time.
#[derive(Debug)]
pub struct Alarm {
    descriptor: OwnedFd,
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    fn is_readable(alarm: &Alarm, within: Duration) -> bool {
        let within = Timespec { tv_sec: within.as_secs() as i64, tv_nsec: within.subsec_nanos().into() };
        let mut descriptors = [PollFd::new(&alarm.descriptor, PollFlags::IN)];
        poll(&mut descriptors, Some(&within)).unwrap() == 1
    }

    #[test]
    fn rings_at_the_last_moment_asked_for_until_another_is() {
        let alarm = Alarm::new().unwrap();
        assert!(!is_readable(&alarm, Duration::ZERO));
        let start = Instant::now();
        alarm.ring_after(Duration::MAX);
        alarm.ring_after(Duration::from_millis(30));
        assert!(is_readable(&alarm, Duration::from_secs(30)));
        assert!(start.elapsed() >= Duration::from_millis(30));
        assert!(is_readable(&alarm, Duration::ZERO), "it stays so");
        alarm.ring_after(Duration::from_secs(1_000));
        assert!(!is_readable(&alarm, Duration::ZERO));
        alarm.ring_after(Duration::ZERO);
        assert!(is_readable(&alarm, Duration::from_secs(30)));
        alarm.silence();
        assert!(!is_readable(&alarm, Duration::ZERO));
    }
}
