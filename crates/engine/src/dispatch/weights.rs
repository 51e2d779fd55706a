//! The order in which user classes are picked.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// What the dispatcher knows of a class of users.
#[derive(Clone, Debug, PartialEq)]
pub struct UserClass {
    /// The class's `__name__`, unique within a run.
    pub name: String,
    /// Its share relative to the other weights; not positive means never picked.
    pub weight: f64,
    /// If not zero, this many users are run and the weight is ignored.
    pub fixed_count: usize,
}

impl UserClass {
    /// A class picked by its weight.
    pub fn weighted(name: impl Into<String>, weight: f64) -> Self {
        Self { name: name.into(), weight, fixed_count: 0 }
    }

    /// A class of which exactly `count` users are wanted.
    pub fn fixed(name: impl Into<String>, count: usize) -> Self {
        Self { name: name.into(), weight: 1.0, fixed_count: count }
    }
}

/// One candidate of a [`KlSequence`], ordered as Locust orders its tuples: gain, picks, weight, name.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// By how much one more pick changes the divergence (negative: the smaller, the better).
    gain: f64,
    /// Picks so far plus the initial weight plus one.
    picks: f64,
    weight: f64,
    /// The caller's number for the class. Callers number classes in the order of their names.
    class: usize,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain
            .total_cmp(&other.gain)
            .then_with(|| self.picks.total_cmp(&other.picks))
            .then_with(|| self.weight.total_cmp(&other.weight))
            .then_with(|| self.class.cmp(&other.class))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// An endless sequence of classes in which every prefix is as near to the weights as whole users allow, in the sense of
/// the Kullback-Leibler divergence. Weights 5 and 1 give `AABAAAAABAAA…`.
///
/// The same arithmetic as Locust's, floating point included: the two agree user by user.
#[derive(Clone, Debug)]
pub struct KlSequence {
    heap: BinaryHeap<Reverse<Candidate>>,
}

impl KlSequence {
    /// The sequence over `(class, weight)` pairs; classes without a positive weight never come.
    pub fn new(weights: impl IntoIterator<Item = (usize, f64)>) -> Self {
        let candidates = weights.into_iter().filter(|(_, weight)| *weight > 0.0).map(|(class, weight)| {
            let gain = weight * (weight / (weight + 1.0)).log2();
            Reverse(Candidate { gain, picks: weight + 1.0, weight, class })
        });
        Self { heap: candidates.collect() }
    }

    /// The next class; `None` if there is nothing to pick from.
    pub fn pick(&mut self) -> Option<usize> {
        let mut top = self.heap.peek_mut()?;
        let Candidate { picks, weight, class, .. } = top.0;
        let gain = weight * (picks / (picks + 1.0)).log2();
        *top = Reverse(Candidate { gain, picks: picks + 1.0, weight, class });
        // Sifts the replaced candidate down.
        drop::<PeekMut<'_, _>>(top);
        Some(class)
    }
}

/// The whole rule for picking classes: users with a fixed count that are missing come first, then the weighted ones.
#[derive(Clone, Debug)]
pub struct UserSequence {
    weighted: KlSequence,
    fixed: KlSequence,
    fixed_left: usize,
}

impl UserSequence {
    /// A fresh sequence over the `selected` of these classes, which are in order of their names.
    pub fn new(classes: &[UserClass], selected: &[usize]) -> Self {
        let weighted = selected.iter().map(|index| &classes[*index]).enumerate();
        let weighted =
            weighted.filter(|(_, class)| class.fixed_count == 0).map(|(rank, class)| (rank, class.weight));
        Self { weighted: KlSequence::new(weighted), fixed: KlSequence::new([]), fixed_left: 0 }
    }

    /// Picks the next class; `None` if only fixed counts are wanted and all of them are there.
    ///
    /// `look_for_fixed` is the request to compare the fixed counts with `count` before the next weighted user; it is
    /// cleared when that was done.
    pub fn pick(
        &mut self,
        classes: &[UserClass],
        selected: &[usize],
        look_for_fixed: &mut bool,
        count: impl Fn(usize) -> usize,
    ) -> Option<usize> {
        if self.fixed_left == 0 && std::mem::take(look_for_fixed) {
            let missing = |index: &usize| classes[*index].fixed_count.saturating_sub(count(*index));
            let missing: Vec<usize> = selected.iter().map(missing).collect();
            self.fixed_left = missing.iter().sum();
            self.fixed = KlSequence::new(missing.into_iter().map(|missing| missing as f64).enumerate());
        }
        let rank = if self.fixed_left > 0 {
            self.fixed_left -= 1;
            self.fixed.pick()
        } else {
            self.weighted.pick()
        };
        rank.map(|rank| selected[rank])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn letters(weights: &[f64], n: usize) -> String {
        let mut sequence = KlSequence::new(weights.iter().copied().enumerate());
        (0..n).filter_map(|_| sequence.pick()).map(|class| char::from(b'A' + class as u8)).collect()
    }

    #[test]
    fn agrees_with_the_published_sequences() {
        assert_eq!(letters(&[1.0, 1.0], 6), "ABABAB");
        assert_eq!(letters(&[1.0, 1.0, 1.0], 6), "ABCABC");
        assert_eq!(letters(&[5.0, 1.0], 30), "AABAAAAABAAAAABAAAAABAAAAABAAA");
        assert_eq!(letters(&[1.0, 5.0], 30), "BBABBBBBABBBBBABBBBBABBBBBABBB");
        assert_eq!(letters(&[3.0, 1.0], 30), "ABAAABAAABAAABAAABAAABAAABAAAB");
        assert_eq!(letters(&[1.0, 2.0, 3.0], 30), "CBACBCCBACBCCBACBCCBACBCCBACBC");
        assert_eq!(letters(&[2.0, 2.0, 1.0], 30), "ABCABABCABABCABABCABABCABABCAB");
        assert_eq!(letters(&[0.5, 1.5], 30), "BABBBABBBABBBABBBABBBABBBABBBA");
        assert_eq!(letters(&[10.0, 1.0, 1.0], 30), "AAAABCAAAAAAAAAAABCAAAAAAAAAAB");
    }

    #[test]
    fn without_positive_weights_there_is_nothing_to_pick() {
        assert_eq!(letters(&[], 5), "");
        assert_eq!(letters(&[0.0, -1.0], 5), "");
    }

    proptest! {
        #[test]
        fn whole_rounds_match_the_weights_exactly(weights in prop::collection::vec(1_u32..20, 1..8), rounds in 1_u32..5) {
            let total: u32 = weights.iter().sum();
            let mut sequence = KlSequence::new(weights.iter().map(|w| f64::from(*w)).enumerate());
            let mut counts = vec![0_u32; weights.len()];
            for _ in 0..total * rounds {
                counts[sequence.pick().expect("weights are positive")] += 1;
            }
            let expected: Vec<u32> = weights.iter().map(|w| w * rounds).collect();
            prop_assert_eq!(counts, expected);
        }
    }
}
