//! The states of a run.

/// Where a run is.
///
/// `Ready → Spawning → Running → (Spawning → Running)* → Cleanup → Stopped → Spawning …`; on a master, whose users are its workers',
/// `Stopping` in place of `Cleanup`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing was started yet.
    #[default]
    Ready,
    /// On the way to another number of users.
    Spawning,
    /// As many users as asked for.
    Running,
    /// Users are being stopped.
    Cleanup,
    /// A master's workers are stopping theirs.
    Stopping,
    /// All users have ended.
    Stopped,
    /// A node that is not heard of; for an environment: there is no runner.
    Missing,
    /// Any other word: what a script has set itself.
    Other(Box<str>),
}

impl State {
    /// Locust's word for it, as scripts, the web UI and other nodes see it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ready => "ready",
            Self::Spawning => "spawning",
            Self::Running => "running",
            Self::Cleanup => "cleanup",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Missing => "missing",
            Self::Other(word) => word,
        }
    }

    /// Whether a test is on, so that a start only changes its number of users.
    pub fn is_testing(&self) -> bool {
        matches!(self, Self::Spawning | Self::Running)
    }

    /// Whether nothing goes on: no run has begun, or it is over.
    pub fn is_at_rest(&self) -> bool {
        matches!(self, Self::Ready | Self::Stopped | Self::Missing)
    }
}

impl From<&str> for State {
    fn from(word: &str) -> Self {
        match word {
            "ready" => Self::Ready,
            "spawning" => Self::Spawning,
            "running" => Self::Running,
            "cleanup" => Self::Cleanup,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            "missing" => Self::Missing,
            other => Self::Other(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn every_word_is_kept() {
        let words = ["ready", "spawning", "running", "cleanup", "stopping", "stopped", "missing"];
        for word in words {
            assert!(!matches!(State::from(word), State::Other(_)), "{word}");
        }
        for word in words.into_iter().chain(["a word of one's own", ""]) {
            assert_eq!(State::from(word).as_str(), word);
        }
    }
}
