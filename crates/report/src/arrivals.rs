//! What has become of the arrivals of an open run, as lines on the console.

use std::fmt::Write as _;

use gregaria_stats::Number;
use serde::Deserialize;

use crate::cells::{fit, named, rule, width};
use crate::csv::{Cell, write_row};
use crate::figures::{NONE, count, millis, millis_with_unit, percent, percentile_name};

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
    /// Those of workers that have gone before they told what became of them.
    pub lost: u64,
    /// Most users at a time.
    pub most_users: u64,
    /// How much later than they were to iterations began, all together, in ms.
    pub delay_sum: f64,
    /// The longest, in ms.
    pub delay_max: f64,
    /// How long requests took, in both ways.
    pub latencies: Latencies,
}

/// Both latencies of the requests of an open run.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Latencies {
    /// Which one all other numbers are of: `intended` or `service`.
    pub reads: String,
    /// Of the percentiles.
    pub fractions: Vec<f64>,
    /// The total, then names.
    pub rows: Vec<LatencyRow>,
}

impl Latencies {
    /// What the columns of percentiles are called.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.fractions.iter().map(|&fraction| percentile_name(fraction)).collect()
    }
}

/// Both latencies of a name, in ms.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LatencyRow {
    /// Method.
    pub method: String,
    /// Name.
    pub name: String,
    /// Requests with a response time.
    pub requests: u64,
    /// From the request's start to its end.
    pub service: Vec<f64>,
    /// From the moment at which it was to start to its end.
    pub intended: Vec<f64>,
}

impl LatencyRow {
    /// Method and name, or what the total is called.
    pub fn label(&self) -> String {
        if self.method.is_empty() { self.name.clone() } else { format!("{} {}", self.method, self.name) }
    }

    /// Both, each with its name.
    pub fn both(&self) -> [(&'static str, &[f64]); 2] {
        [("since intended start", &self.intended), ("service time", &self.service)]
    }
}

/// Columns of a table.
fn cells(texts: impl IntoIterator<Item = String>) -> String {
    texts.into_iter().fold(String::new(), |mut line, text| {
        let _ = write!(line, " {text:>9}");
        line
    })
}

fn latency_lines(latencies: &Latencies) -> Vec<String> {
    let heads = cells(latencies.heads());
    let widest = latencies.rows.iter().map(|row| width(&named(&row.label()))).max().unwrap_or(0).max(12);
    let counted = if latencies.reads == "service" { "service time" } else { "since intended start" };
    let mut lines = vec![
        String::new(),
        format!("Both latencies in ms; tables and thresholds read: {counted}"),
        format!("{:<widest$} {:<20} {:>9}{heads}", "", "", "# reqs"),
    ];
    lines.push("-".repeat(lines[2].chars().count()));
    for row in &latencies.rows {
        let mut label = named(&row.label());
        for (what, values) in row.both() {
            let times = cells(values.iter().map(|ms| millis(*ms)));
            let name = fit(&label, widest, true);
            lines.push(format!("{name} {what:<20} {:>9}{times}", count(row.requests)));
            label.clear();
        }
    }
    lines
}

/// Their CSV file: both latencies of each name, one below the other, in ms.
pub fn latencies_csv(latencies: &Latencies) -> Option<String> {
    let fixed = ["Type", "Name", "Latency", "Read", "Request Count"].map(str::to_owned);
    let heads = fixed.into_iter().chain(crate::readable_percentiles(&latencies.fractions));
    let mut out = String::new();
    write_row(&mut out, &heads.map(Cell::Text).collect::<Vec<_>>());
    for row in &latencies.rows {
        for ((what, values), short) in row.both().into_iter().zip(["intended", "service"]) {
            let read = if latencies.reads == short { "yes" } else { "no" };
            let mut cells =
                [&row.method, &row.name, what, read].map(|text| Cell::Text(text.to_owned())).to_vec();
            cells.push(Cell::Int(row.requests as i64));
            cells.extend(values.iter().map(|&ms| Cell::Number(Number::float(ms))));
            write_row(&mut out, &cells);
        }
    }
    (!latencies.rows.is_empty()).then_some(out)
}

impl Arrivals {
    fn share(&self, part: u64) -> String {
        if self.due == 0 { NONE.to_owned() } else { percent(part as f64 / self.due as f64) }
    }

    /// In one line.
    pub fn in_words(&self) -> String {
        let [due, begun, late, dropped] = [self.due, self.begun, self.late, self.dropped].map(count);
        let lost = if self.lost > 0 { format!(", {} lost", count(self.lost)) } else { String::new() };
        format!("{due} due, {begun} begun, {late} late, {dropped} dropped{lost}")
    }

    /// How much later than they were to iterations began, in the mean.
    fn mean_delay(&self) -> f64 {
        if self.begun == 0 { 0.0 } else { self.delay_sum / self.begun as f64 }
    }
}

/// The table.
pub fn arrival_lines(arrivals: &Arrivals) -> Vec<String> {
    let delays = format!(
        "begun {} after they were to on average, {} at most",
        millis_with_unit(arrivals.mean_delay()),
        millis_with_unit(arrivals.delay_max)
    );
    let rows = [
        ("due", arrivals.due, format!("{} users at most", count(arrivals.most_users))),
        ("begun", arrivals.begun, delays),
        ("late", arrivals.late, "begun more than 8 ms after they were to".to_owned()),
        ("dropped", arrivals.dropped, "not begun, as no user was free or could be started".to_owned()),
    ];
    let lost = ("lost", arrivals.lost, "of workers that have gone before they told of them".to_owned());
    let rows = rows.into_iter().chain((arrivals.lost > 0).then_some(lost));
    let mut lines = vec![format!("{:<12} {:>12} {:>9}", "Arrivals", "iterations", "share"), String::new()];
    lines.extend(rows.map(|(name, part, words)| {
        format!("{name:<12} {:>12} {:>9}  {words}", count(part), arrivals.share(part))
    }));
    lines[1] = rule(&lines);
    if !arrivals.latencies.rows.is_empty() {
        lines.extend(latency_lines(&arrivals.latencies));
    }
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
            lost: 0,
            most_users: 100,
            delay_sum: 398.0,
            delay_max: 10.25,
            latencies: Latencies {
                reads: "intended".to_owned(),
                fractions: vec![0.5, 0.99, 1.0],
                rows: vec![
                    LatencyRow {
                        name: "Aggregated".to_owned(),
                        requests: 1_990,
                        service: vec![1.25, 2.5, 40.0],
                        intended: vec![1.25, 4_900.0, 5_001.25],
                        ..LatencyRow::default()
                    },
                    LatencyRow {
                        method: "GET".to_owned(),
                        name: "/cart".to_owned(),
                        requests: 1_990,
                        service: vec![1.25, 2.5, 40.0],
                        intended: vec![1.25, 4_900.0, 5_001.25],
                    },
                ],
            },
        };
        insta::assert_snapshot!(arrival_lines(&arrivals).join("\n"));
        let csv = latencies_csv(&arrivals.latencies).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "Type,Name,Latency,Read,Request Count,50%,99%,100%");
        assert_eq!(lines[3], "GET,/cart,since intended start,yes,1990,1.25,4900.0,5001.25");
        assert_eq!(lines[4], "GET,/cart,service time,no,1990,1.25,2.5,40.0");
        assert_eq!(latencies_csv(&Latencies::default()), None);
        assert_eq!(arrivals.in_words(), "2,000 due, 1,990 begun, 12 late, 10 dropped");
        assert!(arrival_lines(&Arrivals::default())[2].contains('–'));
        let lost = Arrivals { due: 10, begun: 10, lost: 5, ..Arrivals::default() };
        assert!(
            arrival_lines(&lost)[6].starts_with("lost                    5     50.0%"),
            "{:?}",
            arrival_lines(&lost)
        );
        assert!(lost.in_words().ends_with(", 5 lost"));
    }
}
