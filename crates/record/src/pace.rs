//! A worker's seconds: when each is over, by a clock that does not jump, in step with those of its master.

/// Round trips that are remembered; the shortest of them tells most.
const TRIPS: usize = 8;
/// Signs of life that are on their way.
const UNDER_WAY: usize = 8;
/// The beat is left as it is for less than this many seconds: clocks do not differ so much, measurements do.
const NOTICEABLE: f64 = 0.02;

/// Numbers the seconds of a worker. All times are seconds of one clock that does not jump.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    /// Number of the second that is not over.
    open: u64,
    /// When it began.
    began: f64,
    /// When it will be over.
    ends: f64,
    /// When signs of life were sent whose echo is waited for.
    under_way: Vec<f64>,
    /// (length, when a second of the master's ends) of round trips, oldest first.
    trips: Vec<(f64, f64)>,
}

impl Pace {
    /// Begins now.
    pub(crate) fn new(now: f64) -> Self {
        Self { open: 0, began: now, ends: now + 1.0, under_way: Vec::new(), trips: Vec::new() }
    }

    /// When the second that is open will be over.
    pub(crate) fn ends(&self) -> f64 {
        self.ends
    }

    /// Number of the second that is open, and how long it has been.
    pub(crate) fn open(&self, now: f64) -> (u64, f64) {
        (self.open, (now - self.began).max(0.0))
    }

    /// If the open second is over: its number. The next one is open then. Seconds that nobody looked at while they went by are left out.
    pub(crate) fn turn(&mut self, now: f64) -> Option<u64> {
        if now < self.ends {
            return None;
        }
        let ended = self.open;
        let missed = (now - self.ends).floor();
        self.open += 1 + missed as u64;
        self.began = self.ends + missed;
        self.ends = self.began + 1.0;
        Some(ended)
    }

    /// A sign of life is sent: what stands for it.
    pub(crate) fn beats(&mut self, now: f64) -> f64 {
        if self.under_way.len() == UNDER_WAY {
            self.under_way.remove(0);
        }
        self.under_way.push(now);
        now
    }

    /// Its echo has come. The master had `held` it, and its own second had `left` to go when it answered.
    pub(crate) fn echo(&mut self, now: f64, sent: f64, held: f64, left: f64) {
        let Some(at) = self.under_way.iter().position(|&one| one.to_bits() == sent.to_bits()) else { return };
        self.under_way.drain(..=at);
        if ![held, left].iter().all(|value| value.is_finite()) {
            return;
        }
        let trip = (now - sent - held.max(0.0)).max(0.0);
        if self.trips.len() == TRIPS {
            self.trips.remove(0);
        }
        self.trips.push((trip, now - trip / 2.0 + left.clamp(0.0, 1.0)));
        self.keep_step();
    }

    /// The shortest of the last round trips; zero before the first.
    pub(crate) fn round_trip(&self) -> f64 {
        self.best().map_or(0.0, |(trip, _)| trip)
    }

    fn best(&self) -> Option<(f64, f64)> {
        self.trips.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0))
    }

    fn keep_step(&mut self) {
        let Some((_, theirs)) = self.best() else { return };
        // How much later than ours their second ends, in −0.5..0.5.
        let off = (theirs - self.ends + 0.5).rem_euclid(1.0) - 0.5;
        if off.abs() > NOTICEABLE {
            self.ends += off;
            // A second that began less than half of one ago is not over yet.
            if self.ends - self.began < 0.5 {
                self.ends += 1.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seconds_are_numbered_by_the_clock() {
        let mut pace = Pace::new(10.0);
        assert_eq!(pace.turn(10.9), None);
        assert_eq!((pace.turn(11.0), pace.turn(11.5)), (Some(0), None));
        assert_eq!(pace.open(11.5), (1, 0.5));
        // Nobody looked for a while.
        assert_eq!(pace.turn(15.2), Some(1));
        let (open, since) = pace.open(15.2);
        assert!(open == 5 && (since - 0.2).abs() < 1e-9, "{open} {since}");
    }

    #[test]
    fn an_echo_of_nothing_is_not_believed() {
        let mut pace = Pace::new(0.0);
        let sent = pace.beats(0.1);
        pace.echo(0.2, 77.0, 0.0, 0.5);
        assert_eq!(pace.round_trip(), 0.0);
        pace.echo(0.2, sent, f64::NAN, 0.5);
        pace.echo(0.3, sent, 0.0, 0.5);
        assert_eq!((pace.round_trip(), pace.ends()), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn keeps_step_with_the_master(
            offset in 0.0..1.0_f64,
            trips in prop::collection::vec((0.0..0.2_f64, 0.0..3.0_f64), 8..40),
        ) {
            // The master's seconds end when `time - offset` is whole; answers wait for up to three seconds in it.
            let mut pace = Pace::new(0.0);
            let (mut now, mut last) = (0.3, None);
            for (one_way, held) in trips {
                let sent = pace.beats(now);
                let answered = now + one_way + held;
                let left = 1.0 - (answered - offset).rem_euclid(1.0);
                pace.echo(answered + one_way, sent, held, left);
                now = answered + one_way + 0.7;
                while let Some(number) = pace.turn(now) {
                    prop_assert!(last.is_none_or(|last| number > last));
                    last = Some(number);
                }
            }
            let off = (pace.ends() - offset + 0.5).rem_euclid(1.0) - 0.5;
            prop_assert!(off.abs() < 0.021, "{} off", off);
            prop_assert!(pace.round_trip() <= 0.401);
        }
    }
}
