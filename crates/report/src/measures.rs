//! What a script measured besides its requests: its checks, and metrics of its own.

use gregaria_stats::{Measure, MeasureKind};

use crate::cells::{fit, named, rule, width};
use crate::csv::Cell;
use crate::figures::{count, number, percent};

/// Of trends, wherever they are shown.
const FRACTIONS: [f64; 4] = [0.5, 0.9, 0.95, 0.99];

/// Columns of their CSV file.
pub const MEASURES_COLUMNS: [&str; 13] = [
    "Kind", "Name", "Count", "Passed", "Failed", "Ratio", "Sum", "Average", "Min", "Max", "50%", "95%", "99%",
];

/// By kind, then name.
pub(crate) fn sorted(measures: &[Measure]) -> Vec<&Measure> {
    let mut all: Vec<&Measure> = measures.iter().collect();
    all.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    all
}

/// What came of it, in words.
pub fn measure_words(measure: &Measure) -> String {
    let all = count(measure.count);
    match measure.kind {
        MeasureKind::Check | MeasureKind::Rate => {
            let share = percent(measure.ratio().unwrap_or_default());
            let (good, bad) = match measure.kind {
                MeasureKind::Check => ("passed", "failed"),
                _ => ("true", "false"),
            };
            format!("{share} {good} ({} of {all}, {} {bad})", count(measure.good), count(measure.bad()))
        }
        MeasureKind::Counter => format!("{} (added {all} times)", number(measure.sum)),
        MeasureKind::Trend | MeasureKind::Latency => {
            let at = measure.percentiles(&FRACTIONS).unwrap_or_default();
            let at = |index: usize| number(at.get(index).copied().unwrap_or_default());
            format!(
                "avg {}, min {}, max {}, p50 {}, p90 {}, p95 {}, p99 {} ({all} values)",
                number(measure.avg().unwrap_or_default()),
                number(measure.min),
                number(measure.max),
                at(0),
                at(1),
                at(2),
                at(3)
            )
        }
    }
}

/// The table on the console; no lines without any.
pub fn measure_lines(measures: &[Measure]) -> Vec<String> {
    if measures.is_empty() {
        return Vec::new();
    }
    let widest = measures.iter().map(|one| width(&named(&one.name))).max().unwrap_or(0);
    let mut lines = vec!["Checks and metrics".to_owned(), String::new()];
    let row = |one: &&Measure| {
        let name = fit(&named(&one.name), widest, true);
        format!("{:<8} {name}  {}", one.kind.name(), measure_words(one))
    };
    lines.extend(sorted(measures).iter().map(row));
    lines[1] = rule(&lines);
    lines
}

/// The rows of their CSV file.
pub fn measure_rows(measures: &[Measure]) -> Vec<Vec<Cell>> {
    let text = |value: Option<f64>| Cell::Text(value.map(short).unwrap_or_default());
    sorted(measures)
        .into_iter()
        .map(|one| {
            let (ratio, trend) = (one.kind.is_ratio(), one.kind == MeasureKind::Trend);
            let at = one.percentiles(&[0.5, 0.95, 0.99]);
            let at = |index: usize| at.as_ref().and_then(|values| values.get(index).copied());
            let part = |part: u64| if ratio { Cell::Int(part as i64) } else { Cell::Text(String::new()) };
            vec![
                Cell::Text(one.kind.name().to_owned()),
                Cell::Text(one.name.to_string()),
                Cell::Int(one.count as i64),
                part(one.good),
                part(one.bad()),
                Cell::Text(one.ratio().map(short).unwrap_or_default()),
                text(Some(one.sum).filter(|_| !ratio)),
                text(one.avg()),
                text(Some(one.min).filter(|_| trend)),
                text(Some(one.max).filter(|_| trend)),
                text(at(0)),
                text(at(1)),
                text(at(2)),
            ]
        })
        .collect()
}

/// In the file, which is for programs: with the fewest digits that read back as the same number.
fn short(value: f64) -> String {
    // Very large and very small ones in powers of ten: `1e300`.
    let text = format!("{value:?}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use gregaria_stats::Measures;

    use super::*;

    #[test]
    fn all_kinds_are_shown() {
        let mut all = Measures::default();
        for value in [12.0, 30.0, 1_000.5] {
            all.add(MeasureKind::Trend, "tokens", value);
        }
        all.add(MeasureKind::Counter, "items", 3.0);
        all.add(MeasureKind::Counter, "items", 0.25);
        for ok in [1.0, 1.0, 0.0] {
            all.add(MeasureKind::Check, "has total", ok);
            all.add(MeasureKind::Rate, "from cache", 1.0 - ok);
        }
        let mut shown = measure_lines(all.all());
        for row in measure_rows(all.all()) {
            let mut line = String::new();
            crate::write_row(&mut line, &row);
            shown.push(line.trim_end().to_owned());
        }
        insta::assert_snapshot!(shown.join("\n"), @r"
        Checks and metrics
        -----------------------------------------------------------------------------------------------------
        check    has total   66.7% passed (2 of 3, 1 failed)
        rate     from cache  33.3% true (1 of 3, 2 false)
        counter  items       3.25 (added 2 times)
        trend    tokens      avg 347.5, min 12, max 1,001, p50 30, p90 1,001, p95 1,001, p99 1,001 (3 values)
        check,has total,3,2,1,0.6666666666666666,,,,,,,
        rate,from cache,3,1,2,0.3333333333333333,,,,,,,
        counter,items,2,,,,3.25,,,,,,
        trend,tokens,3,,,,1042.5,347.5,12,1000.5,30,1000.5,1000.5
        ");
        assert_eq!(measure_lines(&[]), Vec::<String>::new());
    }

    #[test]
    fn files_say_what_was_measured_however_small_or_large() {
        let mut all = Measures::default();
        for (name, value) in [("huge", 1e300), ("small", 0.000_1), ("whole", 12.0), ("third", 1.0 / 3.0)] {
            all.add(MeasureKind::Trend, name, value);
            all.add(MeasureKind::Counter, name, value);
        }
        for row in measure_rows(all.all()) {
            let [_, Cell::Text(name), Cell::Int(1), _, _, _, numbers @ ..] = &*row else { panic!("{row:?}") };
            let wanted = all.all().iter().find(|one| *one.name == **name).unwrap().sum;
            for cell in numbers {
                let Cell::Text(text) = cell else { panic!("{row:?}") };
                assert!(text.len() < 24 && (text.is_empty() || text.parse() == Ok(wanted)), "{row:?}");
            }
        }
        assert_eq!([1e300, 0.000_1, 12.0, 1e-7].map(short), ["1e300", "0.0001", "12", "1e-7"]);
        assert_eq!(measure_lines(all.all())[2], "counter  huge   1e300 (added 1 times)");
    }

    #[test]
    fn no_name_breaks_the_table() {
        let mut all = Measures::default();
        for name in ["a\x1b[31mb\nc", "日本", &"x".repeat(900)] {
            all.add(MeasureKind::Check, name, 1.0);
        }
        insta::assert_snapshot!(measure_lines(all.all()).join("\n"));
        let Cell::Text(name) = &measure_rows(all.all())[1][1] else { panic!() };
        assert_eq!(name.len(), 900);
    }
}
