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

/// Powers of two of nanoseconds that are told apart: from 2^10 (about a microsecond) to 2^41 (more than half an hour). What is shorter or
/// longer counts with the first or the last.
const SHORTEST: u64 = 1 << 10;
const LONGEST: u64 = (1 << 42) - 1;
const POWERS: usize = 32;
/// Parts of each: a duration is known to 3 %.
const PARTS_BITS: u32 = 5;
/// Buckets of one phase.
const BUCKETS: usize = POWERS << PARTS_BITS;
const ALL: usize = Phase::COUNT * BUCKETS;

/// How long each phase took, of the requests in which it took any time: a histogram of each, known to 3 %.
///
/// A table in which a duration's place are its highest bits: some ten instructions for each phase of a request, where the histogram of
/// the response times, which is finer, takes fifty.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseTimes(Box<[u64]>);

impl Default for PhaseTimes {
    fn default() -> Self {
        Self(vec![0; ALL].into_boxed_slice())
    }
}

/// The place of a duration among those of its phase.
#[inline]
fn place(nanos: u64) -> usize {
    let nanos = nanos.clamp(SHORTEST, LONGEST);
    let power = nanos.ilog2();
    let part = (nanos >> (power - PARTS_BITS)) as usize & ((1 << PARTS_BITS) - 1);
    ((power as usize - 10) << PARTS_BITS) | part
}

/// The longest duration of a place, in nanoseconds.
fn longest_at(place: usize) -> u64 {
    let (power, part) = ((place >> PARTS_BITS) as u32 + 10, (place & ((1 << PARTS_BITS) - 1)) as u64);
    (1 << power) + ((part + 1) << (power - PARTS_BITS)) - 1
}

impl PhaseTimes {
    /// Counts the phases of one request.
    #[inline]
    pub fn add(&mut self, phases: &Phases) {
        for (counts, nanos) in self.0.chunks_exact_mut(BUCKETS).zip(phases.nanos) {
            if nanos > 0 {
                counts[place(nanos)] += 1;
            }
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count = count.saturating_add(*more);
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&count| count == 0)
    }

    /// (slot of [`Histogram`], requests) of a phase, rising: each duration as the longest of its place.
    pub fn of(&self, phase: Phase) -> Vec<(u32, u64)> {
        let mut histogram = Histogram::default();
        let first = phase as usize * BUCKETS;
        for (place, &count) in
            self.0[first..first + BUCKETS].iter().enumerate().filter(|(_, count)| **count > 0)
        {
            histogram.add(slot_of(longest_at(place).div_ceil(1_000)), count);
        }
        histogram.slots()
    }

    /// All counts that there are, for [`Self::from_slots`].
    pub fn slots(&self) -> Vec<(u32, u64)> {
        let counts = self.0.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(place, &count)| (place as u32, count)).collect()
    }

    /// From [`Self::slots`]. What is beyond all phases is left out.
    pub fn from_slots(slots: impl IntoIterator<Item = (u32, u64)>) -> Self {
        let mut times = Self::default();
        for (place, more) in slots {
            if let Some(count) = times.0.get_mut(place as usize) {
                *count = count.saturating_add(more);
            }
        }
        times
    }

    /// Bytes on the heap, without the allocator's own.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.0)
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
                let mut took: Vec<u64> =
                    requests.iter().map(|nanos| nanos[phase as usize]).filter(|&nanos| nanos > 0).collect();
                took.sort_unstable();
                let found = times.of(phase);
                let found = found.into_iter().flat_map(|(slot, count)| {
                    std::iter::repeat_n(Histogram::bounds(slot).1, count as usize)
                });
                let found: Vec<u64> = found.collect();
                prop_assert_eq!(found.len(), took.len());
                for (found, took) in found.into_iter().zip(took) {
                    // Never shorter than it was, and hardly longer.
                    let most = took.max(SHORTEST) + took / 30 + 3_000;
                    prop_assert!(found * 1_000 >= took && found * 1_000 <= most, "{} {}", found, took);
                }
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
