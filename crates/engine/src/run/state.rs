//! The states of a run.

/// Where a local run is.
///
/// `Ready → Spawning → Running → (Spawning → Running)* → Cleanup → Stopped → Spawning …`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
}

impl State {
    /// Locust's word for it, as scripts, the web UI and other nodes see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Spawning => "spawning",
            Self::Running => "running",
            Self::Cleanup => "cleanup",
            Self::Stopped => "stopped",
        }
    }

    /// Whether a test is on, so that a start only changes its number of users.
    pub fn is_testing(self) -> bool {
        matches!(self, Self::Spawning | Self::Running)
    }
}
