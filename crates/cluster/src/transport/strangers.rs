//! Who has connected and has not introduced itself yet.
//!
//! Anybody who reaches the port may be one. There is a number of places; who comes when all are taken gets the one of whoever has
//! been silent longest. So nobody waits for a place, whatever others do: an introduction takes milliseconds. One network cannot
//! take the places of others, and this machine has places of its own.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Places for those near, and as many for all others together.
const PLACES: usize = 256;
/// Of the others' places, those for one network.
const PLACES_OF_ONE: usize = 64;
/// Between two lines about strangers who were sent away.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Where somebody comes from: an address, or of IPv6 the network that is usually one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(IpAddr);

impl Network {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The places.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    near: VecDeque<Stranger>,
    far: VecDeque<Stranger>,
    numbers: u64,
    told: Option<Instant>,
}

#[derive(Debug)]
struct Stranger {
    number: u64,
    from: Network,
    give_way: oneshot::Sender<()>,
}

/// A place that somebody has; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    strangers: Arc<Strangers>,
    number: u64,
    /// Told when it has to be left.
    pub(super) lost: oneshot::Receiver<()>,
}

impl Strangers {
    /// A place for somebody of that address. True with it if another had to give way and that is worth a line in the log.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, near: bool, now: Instant) -> (Place, bool) {
        let from = Network::of(address);
        let (give_way, lost) = oneshot::channel();
        let mut held = self.lock();
        let pool = if near { &mut held.near } else { &mut held.far };
        let of_one = pool.iter().filter(|other| other.from == from).count();
        let leaves = if !near && of_one >= PLACES_OF_ONE {
            pool.iter().position(|other| other.from == from)
        } else {
            (pool.len() >= PLACES).then_some(0)
        };
        let gone = leaves.and_then(|at| pool.remove(at));
        let is_news = gone.is_some() && held.told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY);
        if let Some(gone) = gone {
            // Fails if it has just introduced itself.
            let _ = gone.give_way.send(());
        }
        if is_news {
            held.told = Some(now);
        }
        let number = held.numbers;
        held.numbers += 1;
        let pool = if near { &mut held.near } else { &mut held.far };
        pool.push_back(Stranger { number, from, give_way });
        drop(held);
        (Place { strangers: Arc::clone(self), number, lost }, is_news)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.strangers.lock();
        held.near.retain(|stranger| stranger.number != self.number);
        held.far.retain(|stranger| stranger.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::from_bits(0xc000_0200 + number))
    }

    fn is_lost(place: &mut Place) -> bool {
        place.lost.try_recv().is_ok()
    }

    #[test]
    fn a_network_that_takes_its_places_loses_its_own_oldest() {
        let strangers = Arc::new(Strangers::default());
        let now = Instant::now();
        let (mut other, _) = strangers.enter(address(1), false, now);
        let mut places: Vec<_> =
            (0..PLACES_OF_ONE + 3).map(|_| strangers.enter(address(2), false, now).0).collect();
        assert!(!is_lost(&mut other));
        let lost: Vec<_> = places.iter_mut().map(is_lost).collect();
        assert_eq!(lost.iter().filter(|&&lost| lost).count(), 3);
        assert!(lost[..3].iter().all(|&lost| lost));
    }

    #[test]
    fn many_networks_take_each_others_places_and_never_those_of_this_machine() {
        let strangers = Arc::new(Strangers::default());
        let now = Instant::now();
        let (mut near, _) = strangers.enter("127.0.0.1".parse().unwrap(), true, now);
        let mut places: Vec<_> =
            (0..PLACES as u32 + 5).map(|number| strangers.enter(address(number), false, now).0).collect();
        assert!(!is_lost(&mut near));
        assert_eq!(places.iter_mut().filter_map(|place| place.lost.try_recv().ok()).count(), 5);
    }

    #[test]
    fn a_place_that_was_left_is_free_again() {
        let strangers = Arc::new(Strangers::default());
        let now = Instant::now();
        let (mut first, _) = strangers.enter(address(1), false, now);
        for _ in 0..10 * PLACES {
            drop(strangers.enter(address(1), false, now));
        }
        assert!(!is_lost(&mut first));
    }

    #[test]
    fn one_line_a_minute_tells_of_them() {
        let strangers = Arc::new(Strangers::default());
        let began = Instant::now();
        let mut news = 0;
        let mut places = Vec::new();
        for second in 0..400 {
            let (place, is_news) = strangers.enter(address(1), false, began + Duration::from_secs(second));
            places.push(place);
            news += usize::from(is_news);
        }
        // The first 64 sent nobody away.
        assert_eq!(news, 6);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        let network = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
