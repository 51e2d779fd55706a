//! What happened under one name within one second, and how a sum over several seconds is shared out among them.

use crate::entry::Entry;
use crate::histogram::{Histogram, micros, slot_of};
use crate::phases::{Phase, Phases};
use crate::seconds::Seconds;

/// What happened within a second.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slice {
    /// Requests.
    pub requests: u64,
    /// Failures.
    pub failures: u64,
    /// Sum of the response times, in microseconds.
    pub sum_us: u64,
    /// Where the time of the requests went.
    pub phases: Phases,
    /// (slot of [`Histogram`], requests), rising.
    pub slots: Vec<(u32, u64)>,
}

impl Slice {
    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.requests == 0 && self.failures == 0 && self.slots.is_empty()
    }

    /// What has happened since, where `before` was a part of it; where time went is left out.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(before.requests),
            failures: self.failures.saturating_sub(before.failures),
            sum_us: self.sum_us.saturating_sub(before.sum_us),
            phases: Phases::default(),
            slots: slots_since(&self.slots, &before.slots),
        }
    }

    /// Adds what happened in another one.
    pub fn merge(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.failures = self.failures.saturating_add(other.failures);
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.phases.merge(&other.phases);
        self.slots = merge_slots(&self.slots, &other.slots);
    }
}

/// Counts by slot without those that were there before; both are rising, and so is what comes out.
pub(crate) fn slots_since(now: &[(u32, u64)], before: &[(u32, u64)]) -> Vec<(u32, u64)> {
    let mut old = before.iter().copied().peekable();
    let mut added = Vec::new();
    for &(slot, count) in now {
        while old.next_if(|&(at, _)| at < slot).is_some() {}
        let before = old.next_if(|&(at, _)| at == slot).map_or(0, |(_, before)| before);
        if count > before {
            added.push((slot, count - before));
        }
    }
    added
}

/// Adds counts by slot; both are rising, and so is what comes out.
pub fn merge_slots(a: &[(u32, u64)], b: &[(u32, u64)]) -> Vec<(u32, u64)> {
    let mut merged = Vec::with_capacity(a.len().max(b.len()));
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
    while let (Some(left), Some(right)) = (a.peek(), b.peek()) {
        match left.0.cmp(&right.0) {
            std::cmp::Ordering::Equal => {
                merged.push((left.0, left.1.saturating_add(right.1)));
                a.next();
                b.next();
            }
            std::cmp::Ordering::Less => merged.extend(a.next()),
            std::cmp::Ordering::Greater => merged.extend(b.next()),
        }
    }
    merged.extend(a);
    merged.extend(b);
    merged
}

/// Counters at a moment: what has happened since is the difference.
#[derive(Debug, Clone, Default)]
pub struct Mark {
    /// Requests.
    pub requests: u64,
    /// Failures.
    pub failures: u64,
    /// Sum of the response times, in microseconds.
    pub sum_us: u64,
    /// Where the time went.
    pub phases: Phases,
    /// The exact response times.
    pub exact: Histogram,
}

impl Mark {
    /// As an entry is now.
    pub fn of(entry: &Entry) -> Self {
        Self {
            requests: entry.num_requests,
            failures: entry.num_failures,
            sum_us: sum_us(entry),
            phases: entry.phases,
            exact: entry.exact().clone(),
        }
    }

    /// Whether the entry has counted since, or is another one by now.
    pub fn differs(&self, entry: &Entry) -> bool {
        entry.num_requests != self.requests || entry.num_failures != self.failures
    }

    /// What the entry has counted since. What is less than it was counts as nothing.
    pub fn until(&self, entry: &Entry) -> Slice {
        let mut phases =
            Phases { count: entry.phases.count.saturating_sub(self.phases.count), nanos: entry.phases.nanos };
        for (sum, before) in phases.nanos.iter_mut().zip(self.phases.nanos) {
            *sum = sum.saturating_sub(before);
        }
        Slice {
            requests: entry.num_requests.saturating_sub(self.requests),
            failures: entry.num_failures.saturating_sub(self.failures),
            sum_us: sum_us(entry).saturating_sub(self.sum_us),
            phases,
            slots: entry.exact().since(&self.exact),
        }
    }

    /// Takes note of what was counted elsewhere. `exact`: its slots are of exact response times, as this one's are.
    pub fn add(&mut self, slice: &Slice, exact: bool) {
        self.requests = self.requests.saturating_add(slice.requests);
        self.failures = self.failures.saturating_add(slice.failures);
        self.sum_us = self.sum_us.saturating_add(slice.sum_us);
        self.phases.merge(&slice.phases);
        if exact {
            for &(slot, count) in &slice.slots {
                self.exact.add(slot, count);
            }
        }
    }
}

/// `as` saturates, and makes zero of what is no number.
fn sum_us(entry: &Entry) -> u64 {
    (entry.total_response_time.value() * 1_000.0) as u64
}

/// Second and what happened in it, rising.
pub type BySecond = Vec<(i64, Slice)>;

/// Shares a sum out by weights. Parts add up to the sum; without any weight the last one gets all.
fn apportion(sum: u64, weights: &[u64]) -> Vec<u64> {
    let all: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
    let mut parts = vec![0; weights.len()];
    if all == 0 {
        if let Some(last) = parts.last_mut() {
            *last = sum;
        }
        return parts;
    }
    let (mut before, mut seen) = (0_u64, 0_u128);
    for (part, &weight) in parts.iter_mut().zip(weights) {
        seen += u128::from(weight);
        // At most `sum`, as `seen` is at most `all`.
        let until = ((u128::from(sum) * seen + all / 2) / all) as u64;
        *part = until.min(sum) - before;
        before = until.min(sum);
    }
    parts
}

/// Shares response times out so that each second gets as many as it has requests, and each its part of the fast and the slow.
fn spread(slots: &[(u32, u64)], requests: &[u64]) -> Vec<Vec<(u32, u64)>> {
    let all: u64 = slots.iter().map(|&(_, count)| count).sum();
    let quotas = apportion(all, requests);
    let mut room = quotas.clone();
    let mut parts = vec![Vec::new(); requests.len()];
    let mut given = 0_u64;
    for &(slot, count) in slots {
        let mut shares: Vec<u64> = quotas
            .iter()
            .zip(&room)
            .map(|(&quota, &room)| {
                ((u128::from(count) * u128::from(quota) / u128::from(all.max(1))) as u64).min(room)
            })
            .collect();
        let mut left = count - shares.iter().sum::<u64>();
        given += count;
        // The rest, less than one for each second but for what found no room, to those that are furthest behind.
        while left > 0 {
            let behind = |&index: &usize| {
                let due = u128::from(quotas[index]) * u128::from(given);
                let got = u128::from(quotas[index] - room[index] + shares[index]) * u128::from(all);
                due as i128 - got as i128
            };
            let open = (0..shares.len()).filter(|&index| shares[index] < room[index]);
            let Some(index) = open.max_by_key(behind) else { break };
            let more = (left / shares.len() as u64).clamp(1, room[index] - shares[index]);
            shares[index] += more;
            left -= more;
        }
        for ((part, room), share) in parts.iter_mut().zip(&mut room).zip(shares) {
            if share > 0 {
                part.push((slot, share));
                *room -= share;
            }
        }
    }
    parts
}

/// How an entry's counts are shared out among seconds, and whether the response times are exact.
///
/// What is known of the seconds is believed as far as it adds up to what the entry holds, count by count; what does not, since
/// somebody has changed the entry, or has come without seconds, is shared out in the same proportion. The parts always add up to the
/// entry. What is known of no second goes to `fallback`.
pub fn by_second(entry: &Entry, known: Option<BySecond>, fallback: i64) -> (BySecond, bool) {
    let mut seconds = known.unwrap_or_else(|| rates_of(entry));
    if seconds.is_empty() {
        seconds.push((fallback, Slice::default()));
    }
    let column = |of: fn(&Slice) -> u64| -> Vec<u64> { seconds.iter().map(|(_, slice)| of(slice)).collect() };
    let requests = matching(entry.num_requests, column(|slice| slice.requests), None);
    let failures = matching(entry.num_failures, column(|slice| slice.failures), Some(&requests));
    let sums = matching(sum_us(entry), column(|slice| slice.sum_us), Some(&requests));
    let counts = matching(entry.phases.count, column(|slice| slice.phases.count), Some(&requests));
    let mut phases: Vec<Phases> =
        counts.into_iter().map(|count| Phases { count, nanos: [0; Phase::COUNT] }).collect();
    for phase in 0..Phase::COUNT {
        let known = seconds.iter().map(|(_, slice)| slice.phases.nanos[phase]).collect();
        for (sum, part) in phases.iter_mut().zip(matching(entry.phases.nanos[phase], known, Some(&requests)))
        {
            sum.nanos[phase] = part;
        }
    }
    let (slots, exact) = slots_of(entry);
    let known = seconds.iter().fold(Vec::new(), |sum, (_, slice)| merge_slots(&sum, &slice.slots));
    let slots = if exact && known == slots {
        seconds.iter_mut().map(|(_, slice)| std::mem::take(&mut slice.slots)).collect()
    } else {
        spread(&slots, &requests)
    };
    let parts = requests.into_iter().zip(failures).zip(sums).zip(phases).zip(slots);
    let parts = parts.map(|((((requests, failures), sum_us), phases), slots)| Slice {
        requests,
        failures,
        sum_us,
        phases,
        slots,
    });
    (seconds.into_iter().map(|(second, _)| second).zip(parts).collect(), exact)
}

/// The parts as they are known if they add up; else the sum is shared out by them, or by other weights if they are all zero.
fn matching(sum: u64, known: Vec<u64>, weights: Option<&[u64]>) -> Vec<u64> {
    let all: u128 = known.iter().map(|&part| u128::from(part)).sum();
    if all == u128::from(sum) {
        return known;
    }
    match weights {
        Some(weights) if all == 0 => apportion(sum, weights),
        _ => apportion(sum, &known),
    }
}

/// What the entry's own counts by second say.
fn rates_of(entry: &Entry) -> BySecond {
    let mut seconds: BySecond = entry
        .num_reqs_per_sec
        .iter()
        .map(|(second, requests)| (second, Slice { requests, ..Slice::default() }))
        .collect();
    for (second, failures) in entry.num_fail_per_sec.iter() {
        match seconds.binary_search_by_key(&second, |&(second, _)| second) {
            Ok(at) => seconds[at].1.failures += failures,
            Err(at) => seconds.insert(at, (second, Slice { failures, ..Slice::default() })),
        }
    }
    seconds
}

/// The response times of an entry as slots, and whether they are exact. Rounded ones are better than none.
fn slots_of(entry: &Entry) -> (Vec<(u32, u64)>, bool) {
    let timed = entry.timed();
    let rounded = || {
        let slots = entry.times().iter().filter(|&(ms, count)| ms >= 0 && count > 0);
        Histogram::from_slots(slots.map(|(ms, count)| (slot_of(micros(ms as f64)), count))).slots()
    };
    let of_rounded: i64 = entry.times().iter().map(|(_, count)| count as i64).sum();
    if entry.exact().len() as i64 == timed || (of_rounded != timed && !entry.exact().is_empty()) {
        (entry.exact().slots(), true)
    } else {
        (rounded(), false)
    }
}

/// Replaces an entry's counts by second with what is known of them.
pub(crate) fn set_rates(entry: &mut Entry, seconds: &BySecond) {
    let column = |of: fn(&Slice) -> u64| -> Seconds {
        let some = seconds.iter().filter(|(_, slice)| of(slice) > 0);
        some.map(|(second, slice)| (*second, of(slice))).collect()
    };
    entry.num_reqs_per_sec = column(|slice| slice.requests);
    entry.num_fail_per_sec = column(|slice| slice.failures);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Number;
    use proptest::prelude::*;

    fn sum(seconds: &BySecond) -> Slice {
        seconds.iter().fold(Slice::default(), |mut sum, (_, slice)| {
            sum.merge(slice);
            sum
        })
    }

    fn entry(requests: u64, failures: u64, times: &[u64], ms: f64) -> Entry {
        let mut entry = Entry::new("GET", "/", false, 0.0);
        entry.num_requests = requests.max(times.len() as u64);
        entry.num_none_requests = entry.num_requests - times.len() as u64;
        entry.num_failures = failures;
        entry.total_response_time = Number::float(ms);
        let mut exact = Histogram::default();
        for &us in times {
            exact.record(us);
        }
        entry.set_exact(exact);
        entry
    }

    fn hint() -> impl Strategy<Value = Slice> {
        let slots = prop::collection::btree_map(0_u32..3_000, 1_u64..9, 0..6);
        (0_u64..50, 0_u64..50, 0_u64..1 << 30, any::<[u32; 9]>(), slots).prop_map(
            |(requests, failures, sum_us, phases, slots)| Slice {
                requests,
                failures,
                sum_us,
                phases: Phases {
                    count: phases[8].into(),
                    nanos: std::array::from_fn(|phase| phases[phase].into()),
                },
                slots: slots.into_iter().collect(),
            },
        )
    }

    proptest! {
        #[test]
        fn parts_add_up_whatever_is_known_of_the_seconds(
            requests in 0_u64..300,
            failures in 0_u64..300,
            times in prop::collection::vec(0_u64..5_000_000, 0..200),
            ms in 0.0..1e7_f64,
            hints in prop::option::of(prop::collection::btree_map(0_i64..20, hint(), 0..8)),
        ) {
            let entry = entry(requests, failures, &times, ms);
            let whole = Mark::default().until(&entry);
            let (seconds, exact) = by_second(&entry, hints.map(|hints| hints.into_iter().collect()), 7);
            prop_assert!(exact);
            prop_assert_eq!(sum(&seconds), whole);
            prop_assert!(seconds.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }

        #[test]
        fn what_is_known_and_adds_up_is_left_as_it_is(hints in prop::collection::btree_map(0_i64..20, hint(), 1..8)) {
            let mut hints: BySecond = hints.into_iter().collect();
            for (_, slice) in &mut hints {
                slice.requests += slice.slots.iter().map(|&(_, count)| count).sum::<u64>();
            }
            let whole = sum(&hints);
            let timed: u64 = whole.slots.iter().map(|&(_, count)| count).sum();
            let mut entry = entry(0, whole.failures, &[], 0.0);
            entry.num_requests = whole.requests;
            entry.num_none_requests = whole.requests.saturating_sub(timed);
            // Halfway, so that no rounding takes it below.
            entry.total_response_time = Number::float((whole.sum_us as f64 + 0.5) / 1_000.0);
            entry.phases = whole.phases;
            entry.set_exact(Histogram::from_slots(whole.slots.iter().copied()));
            prop_assert_eq!(by_second(&entry, Some(hints.clone()), 0).0, hints);
        }

        #[test]
        fn each_second_gets_as_many_response_times_as_it_has_requests(
            requests in prop::collection::vec(0_u64..40, 1..8),
            fast in 1_u64..30,
        ) {
            let all: u64 = requests.iter().sum();
            let slots: Vec<(u32, u64)> =
                (0..all.div_ceil(fast)).map(|slot| (slot as u32, fast.min(all - slot * fast))).collect();
            let parts = spread(&slots, &requests);
            let counts: Vec<u64> = parts.iter().map(|part| part.iter().map(|&(_, count)| count).sum()).collect();
            prop_assert_eq!(counts, requests);
        }
    }

    #[test]
    fn locusts_own_counts_by_second_are_the_rates_and_rounded_times_are_spread() {
        let mut entry = entry(0, 2, &[], 90.0);
        entry.num_requests = 9;
        entry.num_none_requests = 0;
        entry.set_times([(10, 6), (200, 3)].into_iter().collect());
        entry.num_reqs_per_sec = [(100, 3), (101, 3), (103, 3)].into_iter().collect();
        entry.num_fail_per_sec = [(102, 2)].into_iter().collect();
        let (seconds, exact) = by_second(&entry, None, 0);
        assert!(!exact);
        let rates: Vec<_> = seconds.iter().map(|(s, slice)| (*s, slice.requests, slice.failures)).collect();
        assert_eq!(rates, [(100, 3, 0), (101, 3, 0), (102, 0, 2), (103, 3, 0)]);
        let slow = slot_of(200_000);
        let slots: Vec<_> = seconds.iter().map(|(_, slice)| slice.slots.clone()).collect();
        for (index, of_second) in slots.iter().enumerate() {
            let expected: &[_] = if index == 2 { &[] } else { &[(slot_of(10_000), 2), (slow, 1)] };
            assert_eq!(of_second, expected, "second {index}");
        }
    }

    #[test]
    fn what_is_known_of_no_second_goes_to_one() {
        let entry = entry(3, 1, &[5, 5, 5], 1.0);
        let (seconds, _) = by_second(&entry, None, 42);
        assert_eq!(
            seconds.iter().map(|(second, slice)| (*second, slice.requests)).collect::<Vec<_>>(),
            [(42, 3)]
        );
    }
}
