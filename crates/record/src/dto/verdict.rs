//! Whether to believe a run.

use serde::{Deserialize, Serialize};

use super::VerdictLevel;

wire! {
    VERDICT:

    /// Whether the generator was the limit of a run.
    pub struct Verdict {
        /// How much speaks against the numbers.
        pub level: VerdictLevel,
        /// All in a sentence.
        pub summary: String,
        /// What speaks against them, the worst first.
        pub reasons: Vec<Reason>,
    }

    /// One thing that speaks against the numbers of a run.
    pub struct Reason {
        /// Which, in one word: it does not change between versions.
        pub kind: String,
        /// How much.
        pub level: VerdictLevel,
        /// What was seen.
        pub text: String,
        /// What to do about it.
        pub advice: String,
    }
}
