//! Each system keeps the same promises.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, AsRawFd};
use rustix::time::Timespec;

/// Whether it becomes readable in time.
fn is_readable(descriptor: &impl AsFd, within: Duration) -> bool {
    let within = Timespec { tv_sec: within.as_secs() as i64, tv_nsec: within.subsec_nanos().into() };
    let mut descriptors = [PollFd::new(descriptor, PollFlags::IN)];
    poll(&mut descriptors, Some(&within)).unwrap() == 1
}

macro_rules! promises {
    ($($system:ident)*) => { $(mod $system {
        use super::*;
        use crate::system::$system::{Alarm, Line};

        #[test]
        fn rings_at_the_last_moment_asked_for_until_another_is() {
            let alarm = Alarm::new().unwrap();
            assert_eq!(alarm.descriptor(), alarm.as_fd().as_raw_fd());
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

        #[test]
        fn a_line_is_readable_from_the_first_time_that_it_is_raised_until_it_is_lowered() {
            let line = Line::new().unwrap();
            assert_eq!(line.descriptor(), line.as_fd().as_raw_fd());
            assert!(!is_readable(&line, Duration::ZERO) && !line.lower());
            // More often than anything may hold.
            for _ in 0..100_000 {
                line.raise();
            }
            assert!(is_readable(&line, Duration::from_secs(30)));
            assert!(line.lower() && !line.lower() && !is_readable(&line, Duration::ZERO));
            std::thread::scope(|scope| {
                scope.spawn(|| line.raise());
                assert!(is_readable(&line, Duration::from_secs(30)));
            });
        }
    })* };
}

#[cfg(target_os = "linux")]
promises!(linux unix);
#[cfg(not(target_os = "linux"))]
promises!(unix);

#[cfg(target_os = "linux")]
#[test]
fn processors_are_asked_to_wake_at_once_and_where_that_is_not_to_be_had_it_is_said() {
    use super::linux::Awake;

    let folder = std::env::temp_dir().join(format!("gregaria-awake-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("latency");
    assert_eq!(Awake::by(&file).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    std::fs::write(&file, "").unwrap();
    let request = Awake::by(&file).unwrap();
    // As the kernel reads it: the four bytes of a number of microseconds.
    assert_eq!(std::fs::read(&file).unwrap(), [0; 4]);
    drop(request);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn another_system_says_that_it_cannot() {
    assert_eq!(super::unix::Awake::keep().unwrap_err().kind(), std::io::ErrorKind::Unsupported);
}
