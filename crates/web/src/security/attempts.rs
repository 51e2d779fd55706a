//! How often somebody may try a wrong token.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Different wrong tokens from one place within [`WINDOW`].
const EACH: u32 = 10;
/// … from all the places that may be one attacker's: behind one proxy, or in one site's IPv6 networks.
const WIDE: u32 = 100;
/// … from everywhere.
const ALL: u32 = 200;
const WINDOW: Duration = Duration::from_mins(1);
/// Places that are remembered one by one.
const MOST_PLACES: usize = 4_096;
/// Slow comparisons that may wait at a time.
const MOST_SLOW: usize = 16;

/// Whose attempts are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The other end of the connection.
    peer: IpAddr,
    /// For whom a proxy on this machine says that it asks.
    client: Option<IpAddr>,
}

impl Place {
    pub(crate) fn new(peer: IpAddr, client: Option<IpAddr>) -> Self {
        Self { peer: of_network(peer, 64), client: client.map(|client| of_network(client, 64)) }
    }

    /// What may all be in one hand: a client can invent what a careless proxy passes on, and has 65,536 networks of its own where
    /// providers give out /48s.
    fn wide(self) -> IpAddr {
        of_network(self.peer, 48)
    }

    /// Whether only the narrow place counts: an IPv4 address is somebody.
    fn is_plain(self) -> bool {
        self.client.is_none() && self.peer.is_ipv4()
    }
}

/// Counts wrong tokens.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    counts: Mutex<Counts>,
    slow: Mutex<HashSet<Place>>,
    hashing: RandomState,
}

#[derive(Debug, Default)]
struct Counts {
    since: Option<Instant>,
    /// The wrong tokens of each place, as hashes: one that is tried again tells nobody anything.
    by_place: HashMap<Place, HashSet<u64>>,
    by_wide: HashMap<IpAddr, u32>,
    all: u32,
}

impl Attempts {
    /// Seconds until that place may try again; `None`: now.
    pub(crate) fn barred(&self, place: Place, now: Instant) -> Option<u64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.renew(now);
        counts.is_barred(place).then(|| {
            let passed = counts.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            WINDOW.saturating_sub(passed).as_secs() + 1
        })
    }

    /// One more wrong token.
    pub(crate) fn failed(&self, place: Place, given: &str, now: Instant) {
        let hash = self.hashing.hash_one(given);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.renew(now);
        let room = counts.by_place.len() < MOST_PLACES;
        let known = match counts.by_place.get_mut(&place) {
            Some(own) => own.len() >= EACH as usize || !own.insert(hash),
            None if room => {
                counts.by_place.insert(place, HashSet::from([hash]));
                false
            }
            None => false,
        };
        if known {
            return;
        }
        counts.all = counts.all.saturating_add(1);
        if !place.is_plain()
            && (counts.by_wide.len() < MOST_PLACES || counts.by_wide.contains_key(&place.wide()))
        {
            *counts.by_wide.entry(place.wide()).or_default() += 1;
        }
    }

    /// The right to one slow comparison although the place is barred. One at a time for each place.
    pub(crate) fn slowly(&self, place: Place) -> Option<Slow<'_>> {
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        (slow.len() < MOST_SLOW && slow.insert(place)).then(|| Slow { attempts: self, place })
    }
}

/// A slow comparison that is under way.
#[derive(Debug)]
pub(crate) struct Slow<'a> {
    attempts: &'a Attempts,
    place: Place,
}

impl Drop for Slow<'_> {
    fn drop(&mut self) {
        self.attempts.slow.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.place);
    }
}

impl Counts {
    fn renew(&mut self, now: Instant) {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= WINDOW) {
            *self = Self { since: Some(now), ..Self::default() };
        }
    }

    fn is_barred(&self, place: Place) -> bool {
        let own = self.by_place.get(&place).map(HashSet::len);
        if own.is_some_and(|own| own >= EACH as usize) {
            return true;
        }
        if !place.is_plain() && self.by_wide.get(&place.wide()).is_some_and(|wide| *wide >= WIDE) {
            return true;
        }
        // Many places may be one attacker's; who has not failed yet may still try, as long as we could know.
        let unknown = own.is_none() && self.by_place.len() < MOST_PLACES;
        self.all >= ALL && !unknown
    }
}

/// An IPv6 host has a whole network of addresses.
fn of_network(address: IpAddr, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & (u128::MAX << (128 - bits))).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: &str) -> Place {
        Place::new(address.parse().unwrap(), None)
    }

    #[test]
    fn ten_wrong_tokens_a_minute() {
        let attempts = Attempts::default();
        let start = Instant::now();
        for i in 0..EACH {
            assert_eq!(attempts.barred(place("10.0.0.1"), start), None);
            attempts.failed(place("10.0.0.1"), &i.to_string(), start);
        }
        assert_eq!(attempts.barred(place("10.0.0.1"), start), Some(61));
        assert_eq!(attempts.barred(place("10.0.0.2"), start), None);
        assert_eq!(attempts.barred(place("10.0.0.1"), start + WINDOW), None);
    }

    #[test]
    fn one_wrong_token_counts_once_however_often_it_comes() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for _ in 0..1_000 {
            attempts.failed(place("10.0.0.1"), "stale", now);
        }
        assert_eq!(attempts.barred(place("10.0.0.1"), now), None);
    }

    #[test]
    fn one_network_is_one_place() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for i in 0..EACH {
            attempts.failed(place(&format!("2001:db8::{i}")), &i.to_string(), now);
        }
        assert!(attempts.barred(place("2001:db8::ffff"), now).is_some());
        assert!(attempts.barred(place("2001:db8:0:1::1"), now).is_none());
    }

    #[test]
    fn a_site_with_many_networks_is_barred_as_a_whole() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for i in 0..WIDE {
            attempts.failed(place(&format!("2001:db8:0:{i:x}::1")), "guess", now);
        }
        assert!(attempts.barred(place("2001:db8:0:ffff::1"), now).is_some());
        assert!(attempts.barred(place("2001:db8:1::1"), now).is_none());
    }

    #[test]
    fn who_is_behind_a_proxy_is_told_apart_and_inventing_clients_does_not_help() {
        let attempts = Attempts::default();
        let now = Instant::now();
        let behind = |client: u32| {
            let client = std::net::Ipv4Addr::from(client).into();
            Place::new("127.0.0.1".parse().unwrap(), Some(client))
        };
        for i in 0..EACH {
            attempts.failed(behind(1), &i.to_string(), now);
        }
        assert!(attempts.barred(behind(1), now).is_some());
        assert!(
            attempts.barred(behind(2), now).is_none() && attempts.barred(place("127.0.0.1"), now).is_none()
        );
        for i in 0..WIDE {
            attempts.failed(behind(100 + i), "guess", now);
        }
        assert!(attempts.barred(behind(99), now).is_some());
    }

    #[test]
    fn more_places_than_can_be_remembered_are_judged_together() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for i in 0..MOST_PLACES {
            attempts.failed(Place::new(std::net::Ipv4Addr::from(i as u32 + 1).into(), None), "guess", now);
        }
        assert!(attempts.barred(place("192.0.2.1"), now).is_some());
    }

    #[test]
    fn one_slow_comparison_at_a_time_for_each_place() {
        let attempts = Attempts::default();
        let first = attempts.slowly(place("10.0.0.1"));
        assert!(first.is_some() && attempts.slowly(place("10.0.0.1")).is_none());
        assert!(attempts.slowly(place("10.0.0.2")).is_some());
        drop(first);
        assert!(attempts.slowly(place("10.0.0.1")).is_some());
    }
}
