//! Wrong tokens, counted by where they come from.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::strangers::Network;

/// Wrong tokens of a network after which its tokens are judged slowly.
const MOST: u32 = 10;
/// How long a wrong token is remembered after the first of its network.
const WINDOW: Duration = Duration::from_mins(1);
/// Networks that are counted; while they are so many, all others are slow, too.
const NETWORKS: usize = 4_096;

/// The wrong tokens of the last minute.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    by_network: HashMap<Network, Tries>,
}

#[derive(Clone, Copy, Debug)]
struct Tries {
    first: Instant,
    wrong: u32,
}

impl Tries {
    fn is_over(self, now: Instant) -> bool {
        now.duration_since(self.first) >= WINDOW
    }
}

impl Attempts {
    /// Counts a wrong token. True: from now on the network is slow.
    pub(super) fn wrong(&mut self, from: Network, now: Instant) -> bool {
        if self.by_network.len() >= NETWORKS {
            self.by_network.retain(|_, tries| !tries.is_over(now));
        }
        if self.by_network.len() >= NETWORKS && !self.by_network.contains_key(&from) {
            return false;
        }
        let tries = self.by_network.entry(from).or_insert(Tries { first: now, wrong: 0 });
        if tries.is_over(now) {
            *tries = Tries { first: now, wrong: 0 };
        }
        tries.wrong = tries.wrong.saturating_add(1);
        tries.wrong == MOST
    }

    /// Whether tokens of that network are judged slowly.
    pub(super) fn are_slow(&self, from: Network, now: Instant) -> bool {
        match self.by_network.get(&from) {
            Some(tries) => tries.wrong >= MOST && !tries.is_over(now),
            None => self.by_network.len() >= NETWORKS,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn network(number: u32) -> Network {
        Network::of(IpAddr::V4(Ipv4Addr::from_bits(number)))
    }

    #[test]
    fn ten_wrong_tokens_make_a_network_slow_for_the_rest_of_the_minute() {
        let mut attempts = Attempts::default();
        let now = Instant::now();
        let became_slow: Vec<_> = (0..12).map(|_| attempts.wrong(network(1), now)).collect();
        assert_eq!(became_slow.iter().position(|&slow| slow), Some(9));
        assert!(attempts.are_slow(network(1), now) && !attempts.are_slow(network(2), now));
        assert!(!attempts.are_slow(network(1), now + WINDOW));
        attempts.wrong(network(1), now + WINDOW);
        assert!(!attempts.are_slow(network(1), now + WINDOW));
    }

    #[test]
    fn more_networks_than_are_counted_are_slow_all_together() {
        let mut attempts = Attempts::default();
        let now = Instant::now();
        for number in 0..2 * NETWORKS as u32 {
            attempts.wrong(network(number), now);
        }
        assert_eq!(attempts.by_network.len(), NETWORKS);
        assert!(attempts.are_slow(network(u32::MAX), now));
        attempts.wrong(network(u32::MAX), now + WINDOW);
        assert_eq!(attempts.by_network.len(), 1);
    }
}
