//! What a path asks for.

use std::time::Duration;

/// How long `/stall` takes.
pub const STALL: Duration = Duration::from_secs(5);
/// Each so-manieth answer of `/bimodal` takes 50 ms, the others 5 ms.
pub const BIMODAL_EVERY: u64 = 10;
const BIMODAL_FAST: Duration = Duration::from_millis(5);
const BIMODAL_SLOW: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_mins(2);

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Answer after this time, and write it into the log.
    After(Duration),
    /// Answer at once, and hold every other answer back until this time is over.
    Freeze(Duration),
    /// Send the log.
    Log,
    /// Empty the log.
    Clear,
    /// No such path.
    Unknown,
}

impl Plan {
    /// The plan for `target`; `count` is the number of `/bimodal` requests before this one and is increased by one.
    pub fn of(target: &str, bimodal_count: &mut u64) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match path {
            "/" => Self::After(Duration::ZERO),
            "/1ms" => Self::After(Duration::from_millis(1)),
            "/10ms" => Self::After(Duration::from_millis(10)),
            "/100ms" => Self::After(Duration::from_millis(100)),
            "/stall" => Self::After(STALL),
            "/bimodal" => {
                *bimodal_count += 1;
                let slow = bimodal_count.is_multiple_of(BIMODAL_EVERY);
                Self::After(if slow { BIMODAL_SLOW } else { BIMODAL_FAST })
            }
            "/freeze" => Self::Freeze(match query.strip_prefix("ms=").map(str::parse) {
                Some(Ok(ms)) => Duration::from_millis(ms).min(LONGEST),
                Some(Err(_)) => return Self::Unknown,
                None => STALL,
            }),
            "/log" => Self::Log,
            "/log/clear" => Self::Clear,
            _ => match path.strip_prefix("/us/").map(str::parse) {
                Some(Ok(us)) => Self::After(Duration::from_micros(us).min(LONGEST)),
                _ => Self::Unknown,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenth_bimodal_answer_is_the_slow_one() {
        let mut count = 0;
        let slow: Vec<u64> =
            (1..=30).filter(|_| Plan::of("/bimodal", &mut count) == Plan::After(BIMODAL_SLOW)).collect();
        assert_eq!(slow, [10, 20, 30]);
    }

    #[test]
    fn free_times_are_capped_and_nonsense_is_unknown() {
        let mut count = 0;
        let mut plan = |target| Plan::of(target, &mut count);
        assert_eq!(plan("/us/250?x=1"), Plan::After(Duration::from_micros(250)));
        assert_eq!(plan("/us/99999999999"), Plan::After(LONGEST));
        assert_eq!(plan("/us/-1"), Plan::Unknown);
        assert_eq!(plan("/freeze"), Plan::Freeze(STALL));
        assert_eq!(plan("/freeze?ms=20"), Plan::Freeze(Duration::from_millis(20)));
        assert_eq!(plan("/freeze?ms=x"), Plan::Unknown);
        assert_eq!(plan("/favicon.ico"), Plan::Unknown);
    }
}
