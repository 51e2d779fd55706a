//! The states of a run.

/// Where a run is.
///
/// `Ready → Spawning → Running → (Spawning → Running)* → Cleanup → Stopped → Spawning …`
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
    /// All users have ended.
    Stopped,
    /// Any other word: those of other kinds of nodes, and what a script has set itself.
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
            Self::Stopped => "stopped",
            Self::Other(word) => word,
        }
    }

    /// Whether a test is on, so that a start only changes its number of users.
    pub fn is_testing(&self) -> bool {
        matches!(self, Self::Spawning | Self::Running)
    }
}

impl From<&str> for State {
    fn from(word: &str) -> Self {
        match word {
            "ready" => Self::Ready,
            "spawning" => Self::Spawning,
            "running" => Self::Running,
            "cleanup" => Self::Cleanup,
            "stopped" => Self::Stopped,
            other => Self::Other(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn every_word_is_kept() {
        for word in
            ["ready", "spawning", "running", "cleanup", "stopped", "missing", "a word of one's own", ""]
        {
            assert_eq!(State::from(word).as_str(), word);
        }
    }
}
