//! The two latencies of an open run: how long requests took, and how long after they were to begin they were answered.

use std::collections::BTreeMap;

use crate::histogram::{Histogram, micros};
use crate::varint::{put, take};

/// Names that are told apart; requests of further ones are in the total only.
pub const MOST_LATENCY_NAMES: usize = 1_000;
const LONGEST_NAME: usize = 100_000;

/// Both latencies of some requests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Latency {
    /// From the request's start to its end, in microseconds.
    pub service: Histogram,
    /// From the moment at which it was to start to its end, in microseconds.
    pub intended: Histogram,
}

impl Latency {
    fn add(&mut self, service_us: u64, intended_us: u64) {
        self.service.record(service_us);
        self.intended.record(intended_us);
    }

    fn merge(&mut self, other: &Self) {
        self.service.merge(&other.service);
        self.intended.merge(&other.intended);
    }

    /// Without those that were there before.
    fn since(&self, before: &Self) -> Self {
        Self {
            service: less(&self.service, &before.service),
            intended: less(&self.intended, &before.intended),
        }
    }
}

/// Those of all requests, and of each method and name.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    total: Latency,
    /// In the order in which they came.
    entries: Vec<Entry>,
    /// Where they are, by method, then name.
    places: BTreeMap<Box<str>, BTreeMap<Box<str>, usize>>,
}

#[derive(Debug, Clone)]
struct Entry {
    method: Box<str>,
    name: Box<str>,
    latency: Latency,
}

impl Entry {
    fn shown(&self) -> (&str, &str, &Latency) {
        (&self.method, &self.name, &self.latency)
    }
}

/// In whatever order their names came.
impl PartialEq for Latencies {
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total && self.names().eq(other.names())
    }
}

impl Latencies {
    /// Counts a request, with both in ms.
    pub fn add(&mut self, method: &str, name: &str, service_ms: f64, intended_ms: f64) {
        let (service, intended) = (micros(service_ms), micros(intended_ms));
        self.total.add(service, intended);
        if let Some(latency) = self.of(method, name) {
            latency.add(service, intended);
        }
    }

    fn place(&self, method: &str, name: &str) -> Option<usize> {
        self.places.get(method)?.get(name).copied()
    }

    /// That of a name, which is told apart from now on; `None`: there are too many.
    fn of(&mut self, method: &str, name: &str) -> Option<&mut Latency> {
        let place = match self.place(method, name) {
            Some(place) => place,
            None if self.entries.len() < MOST_LATENCY_NAMES => {
                let place = self.entries.len();
                self.places.entry(method.into()).or_default().insert(name.into(), place);
                self.entries.push(Entry {
                    method: method.into(),
                    name: name.into(),
                    latency: Latency::default(),
                });
                place
            }
            None => return None,
        };
        Some(&mut self.entries[place].latency)
    }

    /// Adds those of another process.
    pub fn merge(&mut self, other: &Self) {
        self.total.merge(&other.total);
        for (method, name, latency) in other.names() {
            if let Some(ours) = self.of(method, name) {
                ours.merge(latency);
            }
        }
    }

    /// What has come since, where `before` was a part of it.
    pub fn since(&self, before: &Self) -> Self {
        let mut all = Self { total: self.total.since(&before.total), ..Self::default() };
        for (method, name, latency) in self.names() {
            let known = before.place(method, name).map(|place| &before.entries[place].latency);
            let left = known.map_or_else(|| latency.clone(), |known| latency.since(known));
            if !left.service.is_empty()
                && let Some(ours) = all.of(method, name)
            {
                *ours = left;
            }
        }
        all
    }

    /// Those of all requests.
    pub fn total(&self) -> &Latency {
        &self.total
    }

    /// Method, name and latencies of each, in their order.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str, &Latency)> {
        self.places.values().flat_map(|names| names.values()).map(|&place| self.entries[place].shown())
    }

    /// How many names are told apart.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// One of them, in the order in which they came: for whoever must not keep the others waiting until all have been read.
    pub fn get(&self, place: usize) -> Option<(&str, &str, &Latency)> {
        self.entries.get(place).map(Entry::shown)
    }

    /// For another process.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_latency(&mut out, &self.total);
        put(&mut out, self.entries.len() as u64);
        for (method, name, latency) in self.names() {
            put_text(&mut out, method);
            put_text(&mut out, name);
            put_latency(&mut out, latency);
        }
        out
    }

    /// From [`Self::to_bytes`]; `None`: they are none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut all = Self { total: take_latency(&mut rest)?, ..Self::default() };
        for _ in 0..take(&mut rest)? {
            let (method, name) = (take_text(&mut rest)?, take_text(&mut rest)?);
            let latency = take_latency(&mut rest)?;
            if let Some(ours) = all.of(&method, &name) {
                *ours = latency;
            }
        }
        rest.is_empty().then_some(all)
    }
}

fn less(histogram: &Histogram, before: &Histogram) -> Histogram {
    Histogram::from_slots(histogram.since(before))
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_latency(out: &mut Vec<u8>, latency: &Latency) {
    for histogram in [&latency.service, &latency.intended] {
        let slots = histogram.slots();
        put(out, slots.len() as u64);
        let mut last = 0;
        for (slot, count) in slots {
            put(out, u64::from(slot - last));
            put(out, count);
            last = slot;
        }
    }
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(take(rest)?).ok().filter(|length| *length <= LONGEST_NAME)?;
    let (text, left) = rest.split_at_checked(length)?;
    *rest = left;
    String::from_utf8(text.to_vec()).ok()
}

fn take_latency(rest: &mut &[u8]) -> Option<Latency> {
    Some(Latency { service: take_histogram(rest)?, intended: take_histogram(rest)? })
}

fn take_histogram(rest: &mut &[u8]) -> Option<Histogram> {
    let count = usize::try_from(take(rest)?).ok().filter(|count| *count <= rest.len())?;
    let mut slots = Vec::with_capacity(count);
    let mut slot = 0_u32;
    for _ in 0..count {
        slot = slot.checked_add(u32::try_from(take(rest)?).ok()?)?;
        // A sum of thousands of them still fits.
        slots.push((slot, take(rest)?.min(1 << 48)));
    }
    Some(Histogram::from_slots(slots))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn latencies() -> impl Strategy<Value = Latencies> {
        let request = (0_usize..3, 0_usize..4, 0.0_f64..1e5, 0.0_f64..1e5);
        prop::collection::vec(request, 0..60).prop_map(|requests| {
            let mut all = Latencies::default();
            for (method, name, service, late) in requests {
                all.add(["GET", "POST", ""][method], ["/a", "/é", "", "/b"][name], service, service + late);
            }
            all
        })
    }

    proptest! {
        #[test]
        fn bytes_say_what_there_is_and_any_others_do_no_harm(
            all in latencies(), place in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = all.to_bytes();
            prop_assert_eq!(Latencies::from_bytes(&bytes), Some(all));
            let place = place.index(bytes.len());
            prop_assert_eq!(Latencies::from_bytes(&bytes[..place]), None);
            bytes[place] = byte;
            let _ = Latencies::from_bytes(&bytes);
        }

        #[test]
        fn parts_add_up_to_the_whole(a in latencies(), b in latencies()) {
            let mut sum = a.clone();
            sum.merge(&b);
            prop_assert_eq!(sum.total().service.len(), a.total().service.len() + b.total().service.len());
            let of_names: u64 = sum.names().map(|(_, _, one)| one.intended.len()).sum();
            prop_assert_eq!(of_names, sum.total().intended.len());
            let mut other = b;
            other.merge(&a);
            prop_assert_eq!(sum.to_bytes(), other.to_bytes());
        }
    }

    #[test]
    fn a_server_that_stalls_has_the_latencies_that_can_be_worked_out() {
        // 200/s for 10 s, 1 ms each; from second 2 to 7 the server answers nobody: those 1,000 wait until that is over.
        let mut all = Latencies::default();
        for number in 0..2_000_u32 {
            let intended = (f64::from(number) + 0.5) / 200.0;
            let end = if (2.0..7.0).contains(&intended) { 7.0 } else { intended } + 0.001;
            all.add("GET", "/", 1.0, (end - intended) * 1e3);
        }
        let waited =
            all.total().intended.slots().into_iter().filter(|&(slot, _)| Histogram::bounds(slot).0 > 2_000);
        assert_eq!(waited.map(|(_, count)| count).sum::<u64>(), 1_000);
        // Half of all waited, evenly between 0 and 5 s: the three quarters' percentile is half of that.
        let at = |fraction| all.total().intended.values_at(&[fraction])[0] as f64 / 1e6;
        for (fraction, seconds) in [(0.75, 2.5), (0.95, 4.5), (0.99, 4.9)] {
            assert!((at(fraction) - seconds).abs() < 0.01 * seconds, "{fraction}: {}", at(fraction));
        }
        assert!(at(0.499) < 0.0011);
    }

    #[test]
    fn further_names_are_in_the_total_only() {
        let mut all = Latencies::default();
        for number in 0..MOST_LATENCY_NAMES + 5 {
            all.add("GET", &number.to_string(), 1.0, 2.0);
        }
        all.add("GET", "0", 1.0, 2.0);
        assert_eq!(all.names().count(), MOST_LATENCY_NAMES);
        assert_eq!(all.total().service.len(), MOST_LATENCY_NAMES as u64 + 6);
    }
}
