//! Who may hold how many connections.
//!
//! A connection of which nobody knows yet whose it is costs little to open and a descriptor to keep: so strangers get few, and those
//! that have been silent for longest make room for new ones. Whoever has been let in is never sent away for others.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Connections at a time, and those besides that only this machine may have.
const MOST: usize = 4_096;
const MOST_HERE: usize = MOST + 256;
/// Connections of one address that have not been let in.
const STRANGERS: usize = 64;
/// Connections of one address, let in or not.
const EACH: usize = 1_024;

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    taken: BTreeMap<u64, Seat>,
    /// The seats of each other machine, oldest first.
    by_place: HashMap<IpAddr, Vec<u64>>,
}

#[derive(Debug)]
struct Seat {
    /// `None`: this machine.
    place: Option<IpAddr>,
    let_in: Arc<AtomicBool>,
    leave: Arc<Notify>,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    seats: Arc<Seats>,
    number: u64,
    let_in: Arc<AtomicBool>,
    leave: Arc<Notify>,
}

impl Ticket {
    /// Says that whoever sits here has been let in.
    pub(crate) fn let_in(&self) {
        self.let_in.store(true, Ordering::Relaxed);
    }

    /// Returns when the place is needed for somebody else.
    pub(crate) async fn is_needed(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.seats.lock().free(self.number);
    }
}

impl Seats {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.lock().taken.len()
    }

    /// A place for somebody at that address; `None`: there is none.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr, is_here: bool) -> Option<Ticket> {
        let mut inner = self.lock();
        let place = (!is_here).then(|| of_host(address));
        if let Some(place) = place {
            let own = inner.by_place.get(&place).map_or(&[][..], Vec::as_slice);
            if own.len() >= EACH {
                return None;
            }
            let strangers: Vec<u64> =
                own.iter().copied().filter(|number| inner.is_stranger(*number)).collect();
            if strangers.len() >= STRANGERS {
                inner.send_away(strangers[0]);
            }
        }
        if inner.taken.len() >= if is_here { MOST_HERE } else { MOST } {
            let stranger = |(number, seat): (&u64, &Seat)| {
                (!seat.is_let_in() && seat.place.is_some()).then_some(*number)
            };
            let longest = inner.taken.iter().find_map(stranger)?;
            inner.send_away(longest);
        }
        let number = inner.next;
        inner.next += 1;
        let (let_in, leave) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        inner.taken.insert(number, Seat { place, let_in: Arc::clone(&let_in), leave: Arc::clone(&leave) });
        if let Some(place) = place {
            inner.by_place.entry(place).or_default().push(number);
        }
        drop(inner);
        Some(Ticket { seats: Arc::clone(self), number, let_in, leave })
    }
}

impl Seat {
    fn is_let_in(&self) -> bool {
        self.let_in.load(Ordering::Relaxed)
    }
}

impl Inner {
    fn is_stranger(&self, number: u64) -> bool {
        self.taken.get(&number).is_some_and(|seat| !seat.is_let_in())
    }

    fn free(&mut self, number: u64) -> Option<Seat> {
        let seat = self.taken.remove(&number)?;
        if let Some(place) = seat.place
            && let Some(own) = self.by_place.get_mut(&place)
        {
            own.retain(|other| *other != number);
            if own.is_empty() {
                self.by_place.remove(&place);
            }
        }
        Some(seat)
    }

    fn send_away(&mut self, number: u64) {
        if let Some(seat) = self.free(number) {
            seat.leave.notify_one();
        }
    }
}

/// An IPv6 host has a whole network of addresses.
fn of_host(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & (u128::MAX << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from(0x0A00_0000 + number).into()
    }

    /// Whether the ticket's holder has been sent away.
    fn is_gone(ticket: &Ticket) -> bool {
        !ticket.seats.lock().taken.contains_key(&ticket.number)
    }

    #[test]
    fn a_stranger_has_few_places_and_the_oldest_gives_way() {
        let seats = Arc::new(Seats::default());
        let mut own: Vec<Ticket> = (0..STRANGERS).map(|_| seats.take(address(1), false).unwrap()).collect();
        own[0].let_in();
        let known: Vec<Ticket> = (0..3).map(|_| seats.take(address(1), false).unwrap()).collect();
        assert!(!is_gone(&own[0]) && is_gone(&own[1]) && is_gone(&own[2]) && !is_gone(&own[3]));
        own.clear();
        assert_eq!(seats.taken(), known.len());
        // Whoever was let in has many.
        let many: Vec<Ticket> = (3..EACH).filter_map(|_| seats.take(address(1), false)).collect();
        for ticket in &many {
            ticket.let_in();
        }
    }

    #[test]
    fn no_crowd_keeps_another_address_or_this_machine_out() {
        let seats = Arc::new(Seats::default());
        let crowd: Vec<Ticket> =
            (0..MOST as u32).map(|i| seats.take(address(i / 60), false).unwrap()).collect();
        assert!(seats.take(address(9_999), false).is_some());
        for ticket in &crowd {
            ticket.let_in();
        }
        assert!(!crowd.is_empty() && seats.taken() >= MOST - 1);
        let last: Vec<Ticket> = std::iter::from_fn(|| {
            let ticket = seats.take(address(8_888), false)?;
            ticket.let_in();
            Some(ticket)
        })
        .collect();
        assert!(last.len() <= 2, "{}", last.len());
        let here: Vec<Ticket> =
            (0..200).map(|_| seats.take(Ipv4Addr::LOCALHOST.into(), true).unwrap()).collect();
        assert_eq!(here.len(), 200);
    }
}
