//! What is counted, as plain numbers.

/// How many lengths of delays are told apart.
pub const DELAYS: usize = 16;

/// Delays by length: up to 1/4 ms, up to 1/2 ms, and so on, twice as long each; the last are all that are longer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delays {
    /// How many of each length.
    pub counts: [u64; DELAYS],
    /// All of them together, in nanoseconds.
    pub nanos: u64,
    /// The longest since this was last asked for, in nanoseconds.
    pub most_nanos: u64,
}

impl Delays {
    /// Which length a delay of so many nanoseconds is of.
    pub fn place(nanos: u64) -> usize {
        let quarters = nanos.saturating_sub(1) / 250_000;
        (u64::BITS - quarters.leading_zeros()).min(DELAYS as u32 - 1) as usize
    }

    /// The longest of a length, in seconds; the last has no end.
    pub fn end(place: usize) -> f64 {
        if place + 1 < DELAYS { 0.000_25 * f64::from(1_u32 << place) } else { f64::INFINITY }
    }

    /// One more.
    pub fn add(&mut self, delay: std::time::Duration) {
        let nanos = delay.as_nanos() as u64;
        self.counts[Self::place(nanos)] += 1;
        self.nanos += nanos;
        self.most_nanos = self.most_nanos.max(nanos);
    }

    /// One that was counted turns out to be longer. False: it is not among them any more.
    pub fn prolong(&mut self, delay: std::time::Duration, longer: std::time::Duration) -> bool {
        let (delay, longer) = (delay.as_nanos() as u64, longer.as_nanos() as u64);
        let Some(count) = self.counts[Self::place(delay)].checked_sub(1) else { return false };
        self.counts[Self::place(delay)] = count;
        self.counts[Self::place(longer)] += 1;
        self.nanos = self.nanos.saturating_sub(delay) + longer;
        self.most_nanos = self.most_nanos.max(longer);
        true
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many are longer than the lengths before `place`.
    pub fn longer(&self, place: usize) -> u64 {
        self.counts.iter().skip(place).sum()
    }
}

/// What the program has counted since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// How late the thread that runs the users took up what had come for it.
    pub lag: Delays,
    /// How much later tasks began than the waits before them said.
    pub starts: Delays,
    /// How often that thread took up what had come.
    pub turns: u64,
    /// Completions of requests that it took.
    pub completions: u64,
    /// Most of them that waited at a time, since this was last asked for.
    pub most_completions: u64,
    /// How often it was woken by others.
    pub wakes: u64,
    /// How often an I/O thread took commands.
    pub rounds: u64,
    /// Commands that it took.
    pub commands: u64,
    /// Most of them that waited at a time, since this was last asked for.
    pub most_commands: u64,
    /// How often an I/O thread had to be woken.
    pub calls: u64,
    /// How often the thread that runs the users had to wait for the statistics.
    pub lock_waits: u64,
    /// How long altogether, in nanoseconds.
    pub lock_nanos: u64,
    /// Connections that there are now.
    pub connections: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_delay_has_a_place() {
        for place in 0..DELAYS {
            let end = Delays::end(place);
            if end.is_finite() {
                let nanos = (end * 1e9) as u64;
                assert_eq!((Delays::place(nanos), Delays::place(nanos + 1)), (place, place + 1));
            }
        }
        assert_eq!((Delays::place(0), Delays::place(u64::MAX)), (0, DELAYS - 1));
    }

    #[test]
    fn one_that_turns_out_to_be_longer_is_counted_once() {
        let (ms, us) = (std::time::Duration::from_millis, std::time::Duration::from_micros);
        let (mut prolonged, mut counted) = (Delays::default(), Delays::default());
        prolonged.add(us(100));
        prolonged.add(ms(3));
        assert!(prolonged.prolong(us(100), us(1_900)));
        assert!(prolonged.prolong(ms(3), ms(3)));
        counted.add(us(1_900));
        counted.add(ms(3));
        assert_eq!(prolonged, counted);
        // It was counted before all began anew.
        assert!(!prolonged.prolong(us(100), ms(9)));
        assert_eq!(prolonged, counted);
    }
}
