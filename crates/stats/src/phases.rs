//! Where the time of requests went, summed up.

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

#[cfg(test)]
mod tests {
    use super::*;

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
