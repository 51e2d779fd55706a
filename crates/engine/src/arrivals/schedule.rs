//! The moments at which iterations are to begin, and which of them are this process's.

use super::Profile;

/// How arrivals lie within the integral of the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// At even distances: one in the middle of each whole number of the integral.
    Constant,
    /// As independent people come: a Poisson process of that rate. The seed says which.
    Poisson {
        /// The same for all processes that share the arrivals.
        seed: u64,
    },
}

/// Which arrivals are this process's: of `of` processes, those of number `index`, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Below `of`, or none are.
    pub index: u64,
    /// At least 1.
    pub of: u64,
}

impl Share {
    /// All of them.
    pub const ALL: Self = Self { index: 0, of: 1 };
    /// None of them.
    pub const NONE: Self = Self { index: 1, of: 1 };

    /// The first block from `block` on that is its own.
    fn next(self, block: u64) -> Option<u64> {
        if self.index >= self.of {
            return None;
        }
        let ahead = (self.index + self.of - block % self.of) % self.of;
        block.checked_add(ahead)
    }
}

/// The arrivals of a profile, one after the other.
///
/// The integral of the rate is cut into blocks of one arrival each: in a constant pattern exactly one, in a Poisson process one on
/// average. Blocks are numbered, and each belongs to one process, so that the parts of all processes are the whole, however
/// often they are shared out anew, and no process has to know what the others do.
#[derive(Clone, Debug)]
pub struct Schedule {
    profile: Profile,
    pattern: Pattern,
    /// From which block on which share holds; rising.
    shares: Vec<(u64, Share)>,
    /// The next block to look at.
    block: u64,
    /// What is left of the one before, as places in the integral; the next is the last.
    places: Vec<f64>,
}

impl Schedule {
    /// All arrivals of a profile.
    pub fn new(profile: Profile, pattern: Pattern) -> Self {
        Self { profile, pattern, shares: vec![(0, Share::ALL)], block: 0, places: Vec::new() }
    }

    /// The rate through time.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// From this block on another share is this process's.
    pub fn share_from(&mut self, block: u64, share: Share) {
        self.shares.retain(|&(from, _)| from < block);
        self.shares.push((block, share));
    }

    /// The first block that begins at a moment or later.
    pub fn block_at(&self, seconds: f64) -> u64 {
        self.profile.arrivals_until(seconds).ceil() as u64
    }

    /// How many arrivals there are after `from`, and before the block with which `until` begins, if shares hold from these moments on,
    /// the earliest first: what somebody else had to do.
    pub fn count(mut self, shares: &[(f64, Share)], from: f64, until: f64) -> u64 {
        let (first, last) = (self.profile.arrivals_until(from).floor() as u64, self.block_at(until));
        self.share_from(0, Share::NONE);
        for &(begin, share) in shares {
            let block = if begin <= from { first } else { self.block_at(begin) };
            self.share_from(block.min(last), share);
        }
        self.share_from(last, Share::NONE);
        let mut count = 0;
        while let Some(seconds) = self.peek() {
            self.advance();
            count += u64::from(seconds > from);
        }
        count
    }

    /// From `seconds` after the start on, so many per second.
    pub fn change_rate(&mut self, seconds: f64, per_second: f64) {
        self.profile.change(seconds, per_second);
    }

    /// When the next one is, in seconds after the start; `None`: there is none, as things are.
    pub fn peek(&mut self) -> Option<f64> {
        self.fill();
        self.profile.time_of(*self.places.last()?)
    }

    /// Goes on to the one after it.
    pub fn advance(&mut self) {
        self.places.pop();
    }

    fn fill(&mut self) {
        while self.places.is_empty() {
            let Some(block) = self.next_block() else { return };
            if self.profile.time_of(block as f64).is_none() {
                // Beyond the end of the profile, as it is now.
                return;
            }
            self.block = block + 1;
            match self.pattern {
                Pattern::Constant => self.places.push(block as f64 + 0.5),
                Pattern::Poisson { seed } => poisson(seed, block, &mut self.places),
            }
        }
    }

    fn next_block(&self) -> Option<u64> {
        let ends = self.shares.iter().skip(1).map(|&(from, _)| from).chain([u64::MAX]);
        self.shares.iter().zip(ends).find_map(|(&(from, share), end)| {
            share.next(self.block.max(from)).filter(|&block| block < end && self.block < end)
        })
    }
}

/// Adds the places of the arrivals of a block, the last first: so many as a Poisson distribution of mean 1 has it, each anywhere.
fn poisson(seed: u64, block: u64, places: &mut Vec<f64>) {
    let mut numbers = Numbers(seed ^ block.wrapping_mul(0xd134_2543_de82_ef95));
    let limit = (-1.0_f64).exp();
    let mut product = numbers.next();
    while product > limit {
        places.push(block as f64 + numbers.next());
        product *= numbers.next();
    }
    places.sort_by(|a, b| b.total_cmp(a));
}

/// Splitmix64.
struct Numbers(u64);

impl Numbers {
    /// From 0 up to 1, without 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
