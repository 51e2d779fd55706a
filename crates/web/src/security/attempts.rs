//! How often somebody may try a wrong token.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens from one address within [`WINDOW`].
const EACH: u32 = 10;
/// Wrong tokens from all addresses together.
const ALL: u32 = 200;
const WINDOW: Duration = Duration::from_mins(1);

/// Counts wrong tokens.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    since: Option<Instant>,
    by_address: HashMap<IpAddr, u32>,
    all: u32,
}

impl Attempts {
    /// Seconds until that address may try again; `None`: now.
    pub(crate) fn barred(&self, address: IpAddr, now: Instant) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.renew(now);
        let own = counts.by_address.get(&of_network(address)).copied().unwrap_or(0);
        // Many addresses may be one attacker's; who has not failed yet may still try.
        if own < EACH && (counts.all < ALL || own == 0) {
            return None;
        }
        let passed = counts.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        Some(WINDOW.saturating_sub(passed).as_secs() + 1)
    }

    /// One more wrong token.
    pub(crate) fn failed(&self, address: IpAddr, now: Instant) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.renew(now);
        counts.all += 1;
        if counts.by_address.len() < 4_096 {
            *counts.by_address.entry(of_network(address)).or_default() += 1;
        }
    }
}

impl Counts {
    fn renew(&mut self, now: Instant) {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= WINDOW) {
            *self = Self { since: Some(now), ..Self::default() };
        }
    }
}

/// An IPv6 host has a whole network of addresses.
fn of_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_tokens_a_minute() {
        let attempts = Attempts::default();
        let (me, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let start = Instant::now();
        for _ in 0..EACH {
            assert_eq!(attempts.barred(me, start), None);
            attempts.failed(me, start);
        }
        assert_eq!(attempts.barred(me, start), Some(61));
        assert_eq!(attempts.barred(other, start), None);
        assert_eq!(attempts.barred(me, start + WINDOW), None);
    }

    #[test]
    fn one_network_is_one_address() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for i in 0..EACH {
            attempts.failed(format!("2001:db8::{i}").parse().unwrap(), now);
        }
        assert!(attempts.barred("2001:db8::ffff".parse().unwrap(), now).is_some());
        assert!(attempts.barred("2001:db8:0:1::1".parse().unwrap(), now).is_none());
    }
}
