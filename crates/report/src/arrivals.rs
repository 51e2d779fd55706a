//! What has become of the arrivals of an open run, as lines on the console.

use serde::Deserialize;

/// Arrivals as the record tells of them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Arrivals {
    /// Iterations that were to begin.
    pub due: u64,
    /// Those that have begun.
    pub begun: u64,
    /// Those of them that began more than 8 ms late.
    pub late: u64,
    /// Those that were not begun.
    pub dropped: u64,
    /// Most users at a time.
    pub most_users: u64,
    /// How much later than they were to iterations began, all together, in ms.
    pub delay_sum: f64,
    /// The longest, in ms.
    pub delay_max: f64,
}

impl Arrivals {
    fn share(&self, part: u64) -> String {
        if self.due == 0 {
            "–".to_owned()
        } else {
            format!("{:.2} %", part as f64 / self.due as f64 * 100.0)
        }
    }

    /// In one line.
    pub fn in_words(&self) -> String {
        format!("{} due, {} begun, {} late, {} dropped", self.due, self.begun, self.late, self.dropped)
    }

    /// How much later than they were to iterations began, in the mean.
    fn mean_delay(&self) -> f64 {
        if self.begun == 0 { 0.0 } else { self.delay_sum / self.begun as f64 }
    }
}

/// The table.
pub fn arrival_lines(arrivals: &Arrivals) -> Vec<String> {
    let delays = format!(
        "begun {:.3} ms after they were to on average, {:.3} ms at most",
        arrivals.mean_delay(),
        arrivals.delay_max
    );
    let rows = [
        ("due", arrivals.due, format!("{} users at most", arrivals.most_users)),
        ("begun", arrivals.begun, delays),
        ("late", arrivals.late, "begun more than 8 ms after they were to".to_owned()),
        ("dropped", arrivals.dropped, "not begun, as no user was free".to_owned()),
    ];
    let mut lines = vec![format!("{:<12} {:>12} {:>9}", "Arrivals", "iterations", "share"), String::new()];
    lines.extend(
        rows.into_iter().map(|(name, count, words)| {
            format!("{name:<12} {count:>12} {:>9}  {words}", arrivals.share(count))
        }),
    );
    let widest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    lines[1] = "-".repeat(widest);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_became_of_them() {
        let arrivals = Arrivals {
            due: 2_000,
            begun: 1_990,
            late: 12,
            dropped: 10,
            most_users: 100,
            delay_sum: 398.0,
            delay_max: 10.25,
        };
        insta::assert_snapshot!(arrival_lines(&arrivals).join("\n"));
        assert_eq!(arrivals.in_words(), "2000 due, 1990 begun, 12 late, 10 dropped");
        assert!(arrival_lines(&Arrivals::default())[2].contains('–'));
    }
}
