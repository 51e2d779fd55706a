//! How thresholds stand, as a table on the console.

use serde::Deserialize;

use crate::cells::{fit, named, rule, width};

/// A threshold as the record tells of it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Threshold {
    /// As it was written.
    pub text: String,
    /// Whose requests.
    pub subject: String,
    /// Which number of them.
    pub metric: String,
    /// What it has to be.
    pub required: String,
    /// `ok`, `failed`, `no data` or `waiting`.
    pub outcome: String,
    /// What it is, with its unit.
    pub shown: Option<String>,
    /// What more there is to say of it.
    pub detail: String,
    /// Whether it is only told of.
    pub warn: bool,
}

impl Threshold {
    /// Whether it is not kept. The end of a run without a number is no way to keep it.
    pub fn is_broken(&self) -> bool {
        matches!(&*self.outcome, "failed" | "no data")
    }

    /// Whether the run has failed for it.
    pub fn fails_the_run(&self) -> bool {
        self.is_broken() && !self.warn
    }

    /// The outcome in a word.
    pub fn verdict(&self) -> &'static str {
        match (&*self.outcome, self.warn) {
            ("ok", _) => "ok",
            ("failed", false) => "FAILED",
            ("failed", true) => "warning",
            ("no data", false) => "NO DATA",
            ("no data", true) => "no data",
            _ => "waiting",
        }
    }

    /// The number and what there is to say of it.
    pub fn measured(&self) -> String {
        let number = self.shown.as_deref().unwrap_or("–");
        if self.detail.is_empty() { number.to_owned() } else { format!("{number} ({})", self.detail) }
    }
}

/// The table; no lines without thresholds.
pub fn threshold_lines(thresholds: &[Threshold]) -> Vec<String> {
    if thresholds.is_empty() {
        return Vec::new();
    }
    let widest = |title: &str, of: fn(&Threshold) -> String| {
        thresholds.iter().map(|one| width(&of(one))).max().unwrap_or(0).max(title.len())
    };
    let subject = widest("Thresholds", |one| named(&one.subject));
    let metric = widest("", |one| one.metric.clone());
    let required = widest("required", |one| one.required.clone());
    let title = format!("{:<width$}", "Thresholds", width = 9 + subject + 1 + metric);
    let mut lines = vec![format!("{title} {:<required$} measured", "required"), String::new()];
    lines.extend(thresholds.iter().map(|one| {
        format!(
            "{:<8} {} {:<metric$} {:<required$} {}",
            one.verdict(),
            fit(&named(&one.subject), subject, true),
            one.metric,
            one.required,
            one.measured()
        )
    }));
    lines[1] = rule(&lines);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(subject: &str, outcome: &str, shown: Option<&str>, detail: &str, warn: bool) -> Threshold {
        Threshold {
            subject: subject.to_owned(),
            metric: "p95".to_owned(),
            required: "< 250 ms".to_owned(),
            outcome: outcome.to_owned(),
            shown: shown.map(str::to_owned),
            detail: detail.to_owned(),
            warn,
            ..Threshold::default()
        }
    }

    #[test]
    fn the_table_says_what_was_asked_and_what_came() {
        let all = [
            threshold("GET /cart", "ok", Some("148 ms"), "", false),
            threshold(
                "all",
                "failed",
                Some("2.31 s"),
                "worst of 12 windows of 30 s, first after 0:02:10",
                false,
            ),
            threshold("POST /pay", "no data", None, "no request was counted under this name", false),
            threshold("GET /é", "failed", Some("300 ms"), "", true),
            threshold("GET /日本\n\x1b[31mred", "ok", Some("3 ms"), "", true),
            threshold(&format!("GET /{}", "x".repeat(300)), "ok", Some("3 ms"), "", true),
        ];
        insta::assert_snapshot!(threshold_lines(&all).join("\n"));
        assert_eq!(threshold_lines(&[]), Vec::<String>::new());
        assert_eq!(all.iter().filter(|one| one.fails_the_run()).count(), 2);
    }
}
