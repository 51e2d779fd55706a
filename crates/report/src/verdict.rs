//! Whether the generator was the limit of a run, in words.

use serde::Deserialize;

use crate::cells::clean;

/// What the record says of it: the words of its `dto::Verdict`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Verdict {
    /// `green`, `amber`, `red` or `none`; empty: nothing is known of it.
    pub level: String,
    /// All in a sentence.
    pub summary: String,
    /// What speaks against the numbers, the worst first.
    pub reasons: Vec<Reason>,
}

/// One thing that speaks against the numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Reason {
    /// In one word.
    pub kind: String,
    /// `amber` or `red`.
    pub level: String,
    /// What was seen.
    pub text: String,
    /// What to do about it.
    pub advice: String,
}

impl Verdict {
    /// Whether there is one.
    pub fn is_known(&self) -> bool {
        matches!(&*self.level, "green" | "amber" | "red")
    }

    /// Whether the numbers are the generator's as much as the server's.
    pub fn is_invalid(&self) -> bool {
        self.level == "red"
    }
}

/// The verdict for a console; no lines if there is none.
pub fn verdict_lines(verdict: &Verdict) -> Vec<String> {
    if !verdict.is_known() {
        return Vec::new();
    }
    // Names of workers and of users' classes are in them.
    let shown = |text: &str| clean(text, true);
    let mut lines = vec![format!("Verdict  {}: {}", verdict.level, shown(&verdict.summary))];
    for reason in &verdict.reasons {
        lines.push(format!("  {:<5}  {}", reason.level, shown(&reason.text)));
        lines.push(format!("         {}", shown(&reason.advice)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_says_what_was_seen_and_what_to_do() {
        let reason = |kind: &str, level: &str, text: &str| Reason {
            kind: kind.to_owned(),
            level: level.to_owned(),
            text: text.to_owned(),
            advice: "use more workers".to_owned(),
        };
        let verdict = Verdict {
            level: "red".to_owned(),
            summary: "the generator was a limit of this run: it was busy, and 1 more".to_owned(),
            reasons: vec![reason("cpu", "red", "it was busy"), reason("clock", "amber", "the clock was set")],
        };
        insta::assert_snapshot!(verdict_lines(&verdict).join("\n"));
        assert!(verdict.is_invalid() && verdict_lines(&Verdict::default()).is_empty());
    }
}
