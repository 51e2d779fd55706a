//! Reads a rule: `[NAME: ] METRIC OPERATOR VALUE [over TIME] [after TIME] [, stop | , warn]`.

use std::fmt;
use std::ops::Range;

use gregaria_report::capital;
use gregaria_report::figures::PERCENTILE_DIGITS;
use gregaria_stats::MeasureKind;
use regex::Regex;

use super::metric::{Bound, Dimension, Metric, NAMES, OF_MEASURES, OPERATORS};
use super::rule::{Subject, Threshold, dimension};
use crate::values::timespan;

/// A longer window or wait is a slip of the pen.
const LONGEST: u32 = 7 * 24 * 3_600;
/// A text longer than this is no rule.
const MOST_CHARACTERS: usize = 4_096;

/// Why a text is no rule, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongThreshold {
    /// The text.
    pub text: String,
    /// Bytes of it that are meant.
    pub place: Range<usize>,
    /// What is wrong with them, and what could stand there.
    pub message: String,
}

impl fmt::Display for WrongThreshold {
    /// The message, then the text with the place marked below it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.text.get(..self.place.start).unwrap_or(&self.text).chars().count();
        let marked = self.text.get(self.place.clone()).unwrap_or("").chars().count();
        write!(
            f,
            "{}\n    {}\n    {}{}",
            self.message,
            self.text,
            " ".repeat(before),
            "^".repeat(marked.max(1))
        )
    }
}

impl std::error::Error for WrongThreshold {}

impl Threshold {
    /// Reads a rule.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, WrongThreshold> {
        let text = text.trim();
        if text.len() > MOST_CHARACTERS || text.contains(['\n', '\r']) {
            let shown: String = text.lines().next().unwrap_or("").chars().take(60).collect();
            return Err(WrongThreshold {
                place: 0..shown.len(),
                text: shown,
                message: "a threshold is one short line".to_owned(),
            });
        }
        let mut reader = Reader { text, at: 0 };
        let subject = reader.subject()?;
        reader.condition(subject)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn wrong<T>(&self, place: Range<usize>, message: impl Into<String>) -> Result<T, WrongThreshold> {
        Err(WrongThreshold { text: self.text.to_owned(), place, message: message.into() })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// The characters from here on that belong together, and where they are.
    fn take(&mut self, belongs: impl Fn(char) -> bool) -> (&'a str, Range<usize>) {
        self.skip_blanks();
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let place = self.at..self.at + end;
        self.at = place.end;
        (&rest[..end], place)
    }

    /// Up to the next blank or comma, for messages.
    fn word_at(&self, at: usize) -> Range<usize> {
        let rest = &self.text[at..];
        at..at + rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(rest.len())
    }

    /// What stands before the last `: ` that a metric follows.
    fn subject(&mut self) -> Result<Subject, WrongThreshold> {
        if let Some(quote) = self.text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            return self.quoted(quote);
        }
        let colons = self.text.match_indices(": ").map(|(at, _)| at);
        let starts_with_metric = |rest: &str| Metric::named(metric_word(rest.trim_start())).is_some();
        if let Some(at) = colons.filter(|&at| starts_with_metric(&self.text[at + 2..])).last() {
            self.at = at + 2;
            return match measured(&self.text[..at]) {
                Some((kind, name)) => Ok(Subject::Measure(kind, name.to_owned())),
                None => self.named(0..at),
            };
        }
        // A condition about all requests, or one about a name with something else than a metric behind it.
        if !starts_with_metric(self.text)
            && let Some((at, _)) = self.text.match_indices(": ").last()
        {
            self.at = at + 2;
        }
        Ok(Subject::All)
    }

    fn quoted(&mut self, quote: char) -> Result<Subject, WrongThreshold> {
        let closing = self.text[1..].find(quote).map(|at| at + 1);
        let Some(end) = closing else { return self.wrong(0..1, "this quotation mark is never closed") };
        let behind = self.text[end + 1..].trim_start();
        let Some(condition) = behind.strip_prefix(':') else {
            let place = self.word_at(self.text.len() - behind.len());
            return self.wrong(place, "after a name in quotation marks stands a colon");
        };
        self.at = self.text.len() - condition.len();
        Ok(Subject::Name(self.text[1..end].to_owned()))
    }

    fn named(&self, place: Range<usize>) -> Result<Subject, WrongThreshold> {
        let name = &self.text[place.clone()];
        if let Some(pattern) = name.strip_prefix('~') {
            return match Regex::new(pattern) {
                Ok(expression) => Ok(Subject::Pattern(expression)),
                Err(error) => {
                    let why = error.to_string();
                    let why = why.lines().last().unwrap_or("").trim_start_matches("error: ");
                    self.wrong(place, format!("this is no regular expression: {why}"))
                }
            };
        }
        if name.trim().is_empty() {
            return self.wrong(place.start..place.end + 1, "there is no name before the colon");
        }
        Ok(match name {
            "all" | "Aggregated" => Subject::All,
            _ => Subject::Name(name.to_owned()),
        })
    }

    fn condition(mut self, subject: Subject) -> Result<Threshold, WrongThreshold> {
        self.skip_blanks();
        let from = self.at;
        let metric = self.metric(&subject)?;
        if let Some(what) = metric.of_the_whole_run()
            && !matches!(subject, Subject::All)
        {
            return self
                .wrong(from..self.at, format!("{what} are those of the whole run: leave the name out"));
        }
        let bound = self.bound(dimension(&subject, metric))?;
        let (mut over, mut after, mut stop, mut warn) = (None, None, false, false);
        loop {
            self.skip_blanks();
            if self.rest().is_empty() {
                break;
            }
            if self.rest().starts_with(',') {
                self.at += 1;
                let (word, place) = self.take(|c| !c.is_whitespace() && c != ',');
                match word {
                    _ if stop || warn => {
                        return self.wrong(place, "a threshold has one of 'stop' and 'warn'");
                    }
                    "stop" => stop = true,
                    "warn" => warn = true,
                    _ => return self.wrong(place, "after the comma stands 'stop' or 'warn'"),
                }
                continue;
            }
            let (word, place) = self.take(|c| !c.is_whitespace() && c != ',');
            match word {
                "over" | "after" if stop || warn => {
                    return self.wrong(place, format!("'{word}' stands before the comma"));
                }
                "over" if over.is_none() => over = Some(self.time()?),
                "after" if after.is_none() => after = Some(self.time()?),
                "over" | "after" => return self.wrong(place, format!("'{word}' is there twice")),
                _ => {
                    return self.wrong(
                        place,
                        "what follows the value is 'over TIME', 'after TIME', ', stop' or ', warn'",
                    );
                }
            }
        }
        Ok(Threshold {
            text: self.text.to_owned(),
            subject,
            metric,
            bound,
            over,
            after: after.unwrap_or(0),
            stop,
            warn,
        })
    }

    fn metric(&mut self, subject: &Subject) -> Result<Metric, WrongThreshold> {
        self.skip_blanks();
        let word = metric_word(self.rest());
        if let Some(metric) = Metric::named(word) {
            let place = self.at..self.at + word.len();
            if !Metric::is_told_apart(word) {
                let most = format!("a percentile has at most {PERCENTILE_DIGITS} digits behind the point");
                return self.wrong(place, most);
            }
            match subject {
                // Taken for a request of that name it would find none, and say so only after the run.
                Subject::Measure(kind, _) if !metric.is_of(*kind) => {
                    let (_, of_which) = known(Some(*kind));
                    let way_out = if metric.is_of_measures() || metric.of_the_whole_run().is_some() {
                        String::new()
                    } else {
                        let name = self.text[..self.at].trim_end();
                        let name = name.strip_suffix(':').unwrap_or(name);
                        format!("; a request of that name stands in quotation marks: \"{name}\": {word}")
                    };
                    return self.wrong(place, format!("{of_which}{way_out}"));
                }
                Subject::All | Subject::Name(_) | Subject::Pattern(_) if metric.is_of_measures() => {
                    return self.wrong(
                        place,
                        "this is about what a script measures itself: 'check NAME: pass', 'rate NAME: pass', 'counter NAME: sum' or \
                         'counter NAME: per_second'",
                    );
                }
                _ => {}
            }
            self.at = place.end;
            return Ok(metric);
        }
        let place = if word.is_empty() { self.word_at(self.at) } else { self.at..self.at + word.len() };
        let before = self.text[..self.at].trim_end();
        let kind = before.strip_suffix(':').and_then(measured).map(|(kind, _)| kind);
        let (names, of_which) = known(kind);
        let mut message = format!("unknown metric; {of_which}");
        let near = names.iter().map(|name| (strsim::damerau_levenshtein(name, &word.to_lowercase()), *name));
        if let Some((distance, name)) = near.min()
            && distance <= 2
        {
            message = format!("unknown metric, did you mean '{name}'? {}", capital(&of_which));
        }
        self.wrong(place, message)
    }

    fn bound(&mut self, dimension: Dimension) -> Result<Bound, WrongThreshold> {
        self.skip_blanks();
        let Some(&(sign, operator)) = OPERATORS.iter().find(|(sign, _)| self.rest().starts_with(sign)) else {
            return self.wrong(self.word_at(self.at), "after the metric stands <, <=, >, >=, == or !=");
        };
        self.at += sign.len();
        let (digits, place) = self.take(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '_'));
        let Ok(number) = digits.parse::<f64>() else {
            let place = if digits.is_empty() { self.word_at(place.start) } else { place };
            return self.wrong(place, format!("after '{sign}' stands a number"));
        };
        let from = self.at;
        let (unit, _) = self.take(|c| !c.is_whitespace() && c != ',');
        // `200 ms` is read as well as `200ms`, but `< 5 over 1m` has no unit.
        let factor = dimension.factor(unit);
        let factor = if factor.is_none() && matches!(unit, "over" | "after") {
            self.at = from;
            Some(1.0)
        } else {
            factor
        };
        let Some(factor) = factor else {
            let start = self.at - unit.len();
            return self.wrong(start..self.at, format!("units of this metric: {}", dimension.units()));
        };
        let value = number * factor;
        if value < 0.0 || (dimension == Dimension::Ratio && value > 1.0) {
            let limits = if dimension == Dimension::Ratio {
                "a ratio is from 0 to 1, or from 0% to 100%"
            } else {
                "it is never negative"
            };
            return self.wrong(place, limits);
        }
        Ok(Bound { operator, value })
    }

    /// `30s`, `1m30s`, `2h`, or plain seconds.
    fn time(&mut self) -> Result<u32, WrongThreshold> {
        let (word, place) = self.take(|c| !c.is_whitespace() && c != ',');
        match seconds(word) {
            Some(seconds) if seconds > 0 && seconds <= LONGEST => Ok(seconds),
            _ => self.wrong(place, "this is a time in whole seconds, as 30s, 5m or 1m30s, and at most 168h"),
        }
    }
}

/// The check, or the metric of the script's own, that a name stands for, if it does.
fn measured(name: &str) -> Option<(MeasureKind, &str)> {
    let (kind, name) = name.split_once(' ')?;
    let kind = MeasureKind::ALL.into_iter().find(|of_scripts| of_scripts.name() == kind)?;
    Some((kind, name.trim())).filter(|(_, name)| !name.is_empty())
}

/// The metrics that requests have, or what a script measures itself, and the same as a sentence.
fn known(kind: Option<MeasureKind>) -> (Vec<&'static str>, String) {
    let is_there = |metric: &Metric| match kind {
        Some(kind) => metric.is_of(kind),
        None => !metric.is_of_measures(),
    };
    let all = NAMES.iter().chain(OF_MEASURES).filter(|(_, metric)| is_there(metric));
    let names: Vec<&str> = all.map(|&(name, _)| name).collect();
    let whose = kind.map_or_else(String::new, |kind| format!("of a {} ", kind.name()));
    let verb = if names.len() == 1 { "is" } else { "are" };
    let more = if is_there(&Metric::Percentile(0.95)) { ", and percentiles as p95" } else { "" };
    let sentence = format!("{whose}there {verb} {}{more}", names.join(", "));
    (names, sentence)
}

/// The part of it that is spelled as the name of a metric is.
fn metric_word(rest: &str) -> &str {
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '(' | ')')))
        .unwrap_or(rest.len());
    &rest[..end]
}

fn seconds(word: &str) -> Option<u32> {
    // A sign is no part of a time elsewhere, and has always been taken here.
    word.parse().ok().or_else(|| u32::try_from(timespan(word)?).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::metric::Operator;
    use super::*;

    fn parsed(text: &str) -> Threshold {
        Threshold::parse(text).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    #[test]
    fn all_parts_are_read() {
        let rule = parsed("GET /cart: p95 < 250ms over 30s after 1m, stop");
        assert_eq!(rule.subject.to_string(), "GET /cart");
        assert_eq!(
            (rule.metric, rule.bound.operator, rule.bound.value),
            (Metric::Percentile(0.95), Operator::Less, 250.0)
        );
        assert_eq!((rule.over, rule.after, rule.stop, rule.warn), (Some(30), 60, true, false));
        let rule = parsed("fail_ratio<1%,warn");
        assert_eq!((rule.metric, rule.bound.value, rule.warn), (Metric::FailRatio, 0.01, true));
        assert!(matches!(rule.subject, Subject::All));
        let rule = parsed("rps >= 600 /m after 1m30s");
        assert_eq!((rule.bound.value, rule.after, rule.over), (10.0, 90, None));
        assert_eq!(parsed("count > 5 over 10").over, Some(10));
        assert_eq!(parsed("all: max <= 1.5 s").bound.value, 1_500.0);
    }

    #[test]
    fn the_name_ends_at_the_last_colon_before_a_metric() {
        for (text, name) in [
            ("/user/:id: p95 < 1s", "/user/:id"),
            ("/blog/: p95 < 1s", "/blog/"),
            ("a: b: avg < 1s", "a: b"),
            ("avg: avg < 1s", "avg"),
            ("\"x: p95 < 1s\": max < 3s", "x: p95 < 1s"),
            ("'~a': max < 3s", "~a"),
            ("~^GET /(a|b): p95 < 1s", "~^GET /(a|b)"),
        ] {
            assert_eq!(parsed(text).subject.to_string(), name, "{text}");
        }
    }

    #[test]
    fn what_a_script_measures_can_be_asked_for() {
        use gregaria_stats::MeasureKind::{Check, Counter, Rate, Trend};
        for (text, kind, name) in [
            ("check has-total: pass > 99%", Check, "has-total"),
            ("check a: b: pass >= 0.5", Check, "a: b"),
            ("rate from cache: pass > 10 %", Rate, "from cache"),
            ("counter items: sum > 100", Counter, "items"),
            ("counter items: per_second > 1/s", Counter, "items"),
            ("trend tokens: p95 < 300", Trend, "tokens"),
            ("trend tokens: avg < 300, warn", Trend, "tokens"),
            ("check a: pass > 9% over 10s after 1m, stop", Check, "a"),
        ] {
            let rule = parsed(text);
            assert!(
                matches!(&rule.subject, Subject::Measure(of, named) if (*of, named.as_str()) == (kind, name)),
                "{text}: {rule:?}"
            );
        }
        // Requests of such a name.
        for text in [
            "\"check out\": p95 < 1s",
            "counter: avg < 1s",
            "'trend a': p95 < 1s",
            "check : avg < 1s",
            "latency x: p95 < 3",
        ] {
            assert!(matches!(parsed(text).subject, Subject::Name(_)), "{text}");
        }
        for text in ["pass > 99%", "GET /: sum > 3", "trend a: p95 < 3ms"] {
            assert!(Threshold::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_marked() {
        let shown: Vec<String> = [
            "GET /cart: p95x < 250ms",
            "p95",
            "p95 << 3",
            "p95 < fast",
            "p95 < 3 parsecs",
            "fail_ratio < 5",
            "rps > -1",
            "avg < 1s over 0",
            "avg < 1s over 1.5s",
            "avg < 1s after 1s after 2s",
            "avg < 1s, halt",
            "avg < 1s, stop, warn",
            "avg < 1s for 10s",
            "~(: p95 < 1s",
            "'x: p95 < 1s",
            "check has-ok: rate > 99%",
            "counter sold: sums > 1",
            "trend basket: size < 3",
            "check x: p95 < 3",
            "rate x: p95 < 1",
            "counter x: users < 1",
            "trend x: pass > 3%",
            "check x: dropped < 3%",
            "/a: dropped < 1%",
            "/never: users < 5",
            "~^GET: users < 5",
            "p99.99999999999999999 < 3ms",
            "GET /: p(99.12345678901234) < 3ms",
            "",
        ]
        .iter()
        .map(|text| Threshold::parse(text).unwrap_err().to_string())
        .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    proptest! {
        #[test]
        fn any_name_can_be_written(name in "[^\\r\\n\"']{1,40}") {
            // As it is, if it does not look like something else; in quotation marks always.
            let quoted = format!("\"{name}\": p95 < 1s over 10s");
            let rule = parsed(&quoted);
            prop_assert!(rule.subject.is("GET", &name));
        }

        #[test]
        fn no_text_brings_it_down(text in ".{0,80}") {
            if let Err(wrong) = Threshold::parse(&text) {
                prop_assert!(wrong.text.get(wrong.place.clone()).is_some());
                prop_assert!(!wrong.to_string().is_empty());
            }
        }

        #[test]
        fn near_rules_neither(text in "(GET /a: |~x: |)(p95|avg|rps|fail_ratio|p)? ?(<|>|=|<=)? ?[0-9.]{0,3}(ms|s|%|/s)?( over 1m| after 3s|, stop|, warn|,){0,3}") {
            drop(Threshold::parse(&text).map_err(|wrong| wrong.to_string()));
        }
    }
}
