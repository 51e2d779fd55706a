//! Where the time of requests went: summed up, and as histograms.

use crate::histogram::{Histogram, slot_of};

/// The phases of a request, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for the I/O thread.
    Blocked,
    /// Waiting for a place among the connections, where a script has limited them.
    Queue,
    /// Looking up the host.
    Dns,
    /// Establishing the connection.
    Connect,
    /// TLS handshake.
    Tls,
    /// Sending the request.
    Send,
    /// Waiting for the first byte of the response.
    Wait,
    /// Reading the response.
    Receive,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Blocked,
        Self::Queue,
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Send,
        Self::Wait,
        Self::Receive,
    ];

    /// How many there are.
    pub const COUNT: usize = 8;

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Queue => "queue",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Send => "send",
            Self::Wait => "wait",
            Self::Receive => "receive",
        }
    }
}

/// Sums of phases in nanoseconds, and of how many requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// Requests whose phases are known.
    pub count: u64,
    /// Sums in the order of [`Phase::ALL`].
    pub nanos: [u64; Phase::COUNT],
}

impl Phases {
    /// The phases of one request.
    pub fn of(nanos: [u64; Phase::COUNT]) -> Self {
        Self { count: 1, nanos }
    }

    /// Adds all of `other`.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        for (sum, more) in self.nanos.iter_mut().zip(other.nanos) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Mean of a phase in ms; 0 when nothing is known.
    pub fn mean_ms(&self, phase: Phase) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        self.nanos[phase as usize] as f64 / self.count as f64 / 1e6
    }
}

/// Slots of one phase in [`PhaseTimes`]: more than a [`Histogram`] has.
const SLOTS: u32 = 1 << 15;

/// How long each phase took, of the requests in which it took any time: the histograms of all phases in one, whose parts are as
/// fine as a [`Histogram`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PhaseTimes(Histogram);

impl PhaseTimes {
    /// Counts the phases of one request.
    #[inline]
    pub fn add(&mut self, phases: &Phases) {
        let mut first = 0;
        for nanos in phases.nanos {
            if nanos > 0 {
                self.0.add(first + slot_of((nanos + 500) / 1_000), 1);
            }
            first += SLOTS;
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// (slot of [`Histogram`], requests) of a phase, rising.
    pub fn of(&self, phase: Phase) -> Vec<(u32, u64)> {
        let first = phase as u32 * SLOTS;
        let mine = self.0.slots().into_iter().filter(|(slot, _)| (first..first + SLOTS).contains(slot));
        mine.map(|(slot, count)| (slot - first, count)).collect()
    }

    /// All counts, for [`Self::from_slots`].
    pub fn slots(&self) -> Vec<(u32, u64)> {
        self.0.slots()
    }

    /// From [`Self::slots`]. What is beyond all phases is left out.
    pub fn from_slots(slots: impl IntoIterator<Item = (u32, u64)>) -> Self {
        let mut times = Self::default();
        for (slot, count) in slots {
            if slot / SLOTS < Phase::COUNT as u32 {
                times.0.add(slot / SLOTS * SLOTS + Histogram::clamped(slot % SLOTS), count);
            }
        }
        times
    }

    /// Bytes on the heap, without the allocator's own.
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_phase_has_the_histogram_of_its_times(
            requests in prop::collection::vec(prop::array::uniform8(prop_oneof![Just(0), 0_u64..20_000_000_000]), 0..60),
        ) {
            let (mut times, mut other) = (PhaseTimes::default(), PhaseTimes::default());
            for (index, &nanos) in requests.iter().enumerate() {
                if index % 3 == 0 { &mut other } else { &mut times }.add(&Phases::of(nanos));
            }
            times.merge(&other);
            for phase in Phase::ALL {
                let mut expected = Histogram::default();
                for nanos in requests.iter().map(|nanos| nanos[phase as usize]).filter(|&nanos| nanos > 0) {
                    expected.record((nanos + 500) / 1_000);
                }
                prop_assert_eq!(times.of(phase), expected.slots());
            }
            prop_assert_eq!(PhaseTimes::from_slots(times.slots()), times);
        }

        #[test]
        fn slots_that_somebody_else_says_are_taken_as_far_as_they_are_some(
            slots in prop::collection::vec((any::<u32>(), 0_u64..1 << 48), 0..50),
        ) {
            let times = PhaseTimes::from_slots(slots);
            prop_assert_eq!(PhaseTimes::from_slots(times.slots()), times);
        }
    }

    #[test]
    fn means_are_of_the_requests_whose_phases_are_known() {
        let mut sum = Phases::default();
        assert_eq!(sum.mean_ms(Phase::Wait), 0.0);
        sum.merge(&Phases::of([0, 0, 0, 0, 0, 1_000_000, 4_000_000, 0]));
        sum.merge(&Phases::of([0, 0, 0, 0, 0, 3_000_000, 0, u64::MAX]));
        sum.merge(&Phases::of([0, 0, 0, 0, 0, 0, 0, u64::MAX]));
        assert_eq!(sum.count, 3);
        assert!((sum.mean_ms(Phase::Send) - 4.0 / 3.0).abs() < 1e-12);
        assert_eq!(sum.nanos[Phase::Receive as usize], u64::MAX);
        let order: Vec<usize> = Phase::ALL.iter().map(|&phase| phase as usize).collect();
        assert_eq!(order, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
