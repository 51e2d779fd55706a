//! The rate of arrivals as a function of time.

use std::fmt;
use std::ops::Range;

/// More arrivals a second than this are a slip of the pen.
pub const MOST_PER_SECOND: f64 = 1e6;
/// A longer stage is a slip of the pen.
const LONGEST: f64 = 30.0 * 24.0 * 3_600.0;
const MOST_CHARACTERS: usize = 4_096;

/// Why a text is no rate, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongRate {
    /// The text.
    pub text: String,
    /// Bytes of it that are meant.
    pub place: Range<usize>,
    /// What is wrong with them, and what could stand there.
    pub message: String,
}

impl fmt::Display for WrongRate {
    /// The message, then the text with the place marked below it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.text.get(..self.place.start).unwrap_or(&self.text).chars().count();
        let marked = self.text.get(self.place.clone()).unwrap_or("").chars().count();
        let (blanks, marks) = (" ".repeat(before), "^".repeat(marked.max(1)));
        write!(f, "{}\n    {}\n    {blanks}{marks}", self.message, self.text)
    }
}

impl std::error::Error for WrongRate {}

/// A time in which the rate goes evenly from one value to another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stage {
    /// Per second.
    from: f64,
    to: f64,
    /// `None`: for ever, which only the last can be.
    seconds: Option<f64>,
}

impl Stage {
    /// Arrivals in its first so many seconds.
    fn area(self, seconds: f64) -> f64 {
        match self.seconds {
            Some(length) if length > 0.0 => {
                let t = seconds.min(length);
                self.from * t + (self.to - self.from) / length * t * t / 2.0
            }
            Some(_) => 0.0,
            None => self.from * seconds,
        }
    }

    /// After how many seconds so many have arrived; at most its length, which has to suffice.
    fn time_of(self, area: f64) -> f64 {
        let slope = self.seconds.filter(|length| *length > 0.0).map_or(0.0, |n| (self.to - self.from) / n);
        // The solution of from·t + slope·t²/2 = area that loses no digits where the slope is small.
        let root = (self.from * self.from + 2.0 * slope * area).max(0.0).sqrt();
        let t = if self.from + root > 0.0 { 2.0 * area / (self.from + root) } else { 0.0 };
        self.seconds.map_or(t, |length| t.min(length))
    }

    fn rate(self, seconds: f64) -> f64 {
        match self.seconds {
            Some(length) if length > 0.0 => {
                self.from + (self.to - self.from) * (seconds / length).clamp(0.0, 1.0)
            }
            _ => self.to,
        }
    }
}

/// How many iterations are to begin per second, from the start of the run on. After its last stage there are none.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    stages: Vec<Stage>,
}

impl Profile {
    /// So many per second, for ever.
    pub fn constant(per_second: f64) -> Self {
        Self { stages: vec![Stage { from: per_second, to: per_second, seconds: None }] }
    }

    /// Reads `200`, `30/m`, `0->500 in 5m, 500 for 10m`.
    ///
    /// # Errors
    /// If it is none of these, or no arrival would ever come of it.
    pub fn parse(text: &str) -> Result<Self, WrongRate> {
        let text = text.trim();
        if text.len() > MOST_CHARACTERS || text.contains(['\n', '\r']) {
            let shown: String = text.lines().next().unwrap_or("").chars().take(60).collect();
            let message = "an arrival rate is one short line".to_owned();
            return Err(WrongRate { place: 0..shown.len(), text: shown, message });
        }
        let profile = Reader { text, at: 0 }.profile()?;
        if profile.arrivals_until(f64::INFINITY) <= 0.0 {
            return Err(WrongRate {
                text: text.to_owned(),
                place: 0..text.len(),
                message: "nothing would ever arrive at a rate of 0; say how many iterations are to begin per second"
                    .to_owned(),
            });
        }
        Ok(profile)
    }

    /// How many have arrived `seconds` after the start: the integral of the rate.
    pub fn arrivals_until(&self, seconds: f64) -> f64 {
        let (mut left, mut sum) = (seconds, 0.0);
        for stage in &self.stages {
            if left <= 0.0 {
                break;
            }
            if stage.seconds.is_none() && stage.from <= 0.0 {
                break;
            }
            sum += stage.area(left);
            left -= stage.seconds.unwrap_or(left);
        }
        sum
    }

    /// When so many have arrived, in seconds after the start; `None`: never.
    pub fn time_of(&self, arrivals: f64) -> Option<f64> {
        let (mut left, mut begin) = (arrivals, 0.0);
        for stage in &self.stages {
            let Some(length) = stage.seconds else {
                return (stage.from > 0.0).then(|| begin + stage.time_of(left));
            };
            let area = stage.area(length);
            if left < area {
                return Some(begin + stage.time_of(left));
            }
            left -= area;
            begin += length;
        }
        None
    }

    /// The rate at a moment, per second.
    pub fn rate_at(&self, seconds: f64) -> f64 {
        let mut left = seconds;
        for stage in &self.stages {
            match stage.seconds {
                Some(length) if left >= length => left -= length,
                _ => return stage.rate(left),
            }
        }
        0.0
    }

    /// The highest rate that it ever has.
    pub fn highest(&self) -> f64 {
        self.stages.iter().map(|stage| stage.from.max(stage.to)).fold(0.0, f64::max)
    }

    /// When its last stage is over, in seconds after the start; `None`: it has no end.
    pub fn ends_at(&self) -> Option<f64> {
        self.stages.iter().map(|stage| stage.seconds).sum()
    }

    /// The corners of its curve, as (seconds after the start, per second); one that has no end goes on as its last corner is.
    pub fn corners(&self) -> Vec<(f64, f64)> {
        let mut begin = 0.0;
        let mut corners = Vec::with_capacity(self.stages.len() * 2);
        for stage in &self.stages {
            let end = begin + stage.seconds.unwrap_or(0.0);
            corners.extend([(begin, stage.from), (end, stage.to)]);
            begin = end;
        }
        corners.dedup();
        corners
    }

    /// From `seconds` after the start on, so many per second: for ever, or until this is called again.
    pub fn change(&mut self, seconds: f64, per_second: f64) {
        let mut begin = 0.0;
        let mut kept = Vec::with_capacity(self.stages.len() + 1);
        for stage in self.stages.drain(..) {
            let left = seconds - begin;
            if left <= 0.0 {
                break;
            }
            if stage.seconds.is_none_or(|length| length > left) {
                kept.push(Stage { from: stage.from, to: stage.rate(left), seconds: Some(left) });
                begin = seconds;
                break;
            }
            begin += stage.seconds.unwrap_or(0.0);
            kept.push(stage);
        }
        if begin < seconds {
            kept.push(Stage { from: 0.0, to: 0.0, seconds: Some(seconds - begin) });
        }
        kept.push(Stage { from: per_second, to: per_second, seconds: None });
        self.stages = kept;
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn wrong<T>(&self, place: Range<usize>, message: impl Into<String>) -> Result<T, WrongRate> {
        Err(WrongRate { text: self.text.to_owned(), place, message: message.into() })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn takes(&mut self, what: &str) -> bool {
        self.skip_blanks();
        let is_there = self.rest().starts_with(what);
        if is_there {
            self.at += what.len();
        }
        is_there
    }

    /// What stands here up to the next blank, comma or arrow.
    fn word(&self) -> Range<usize> {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(rest.len());
        let end = rest.find("->").map_or(end, |arrow| arrow.min(end));
        self.at..self.at + end
    }

    fn take_word(&mut self) -> (&'a str, Range<usize>) {
        self.skip_blanks();
        let place = self.word();
        self.at = place.end;
        (&self.text[place.clone()], place)
    }

    fn profile(mut self) -> Result<Profile, WrongRate> {
        let mut stages: Vec<Stage> = Vec::new();
        loop {
            let begin = self.at;
            if stages.last().is_some_and(|last| last.seconds.is_none()) {
                self.skip_blanks();
                let (_, place) = (0, 0..begin.saturating_sub(1));
                return self.wrong(place, "only the last rate may do without 'for TIME' or 'in TIME'");
            }
            let from = self.rate()?;
            let ramps = self.takes("->");
            let to = if ramps { self.rate()? } else { from };
            let seconds = self.length(ramps, begin)?;
            stages.push(Stage { from, to, seconds });
            self.skip_blanks();
            if self.rest().is_empty() {
                return Ok(Profile { stages });
            }
            if !self.takes(",") {
                let place = self.word();
                return self.wrong(place, "after a stage stands a comma and the next one");
            }
        }
    }

    fn rate(&mut self) -> Result<f64, WrongRate> {
        let (word, place) = self.take_word();
        let (digits, unit) = word.split_at(word.find('/').unwrap_or(word.len()));
        let Some(per) = [("", 1.0), ("/s", 1.0), ("/m", 60.0), ("/min", 60.0), ("/h", 3_600.0)]
            .into_iter()
            .find_map(|(name, seconds)| (name == unit).then_some(seconds))
        else {
            let place = place.start + digits.len()..place.end;
            return self
                .wrong(place, "a rate is per second (200 or 200/s), per minute (30/m) or per hour (1000/h)");
        };
        let number = digits
            .parse::<f64>()
            .ok()
            .filter(|_| digits.bytes().all(|b| !b.is_ascii_alphabetic() || b == b'e'));
        match number {
            Some(number) if number < 0.0 => self.wrong(place, "a rate is never negative"),
            Some(number) if number / per > MOST_PER_SECOND => {
                self.wrong(place, format!("more than {MOST_PER_SECOND} per second is beyond any machine"))
            }
            Some(number) if number.is_finite() => Ok(number / per),
            _ => self.wrong(
                place,
                "here stands a rate: how many iterations are to begin, as 200, 30/m or 0->500 in 5m",
            ),
        }
    }

    fn length(&mut self, ramps: bool, begin: usize) -> Result<Option<f64>, WrongRate> {
        self.skip_blanks();
        let word = self.word();
        match &self.text[word.clone()] {
            "in" | "for" => {
                self.at = word.end;
                self.time().map(Some)
            }
            _ if ramps => {
                let end = self.text[..self.at].trim_end().len();
                let begin = begin + self.text[begin..end].len() - self.text[begin..end].trim_start().len();
                self.wrong(begin..end, "a rate that changes says in which time, as 0->500 in 5m")
            }
            _ => Ok(None),
        }
    }

    /// `90`, `90s`, `1m30s`, `2h`.
    fn time(&mut self) -> Result<f64, WrongRate> {
        let (word, place) = self.take_word();
        let mut seconds = 0.0;
        let mut rest = word;
        let mut is_time = !word.is_empty();
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let unit = rest[end..].chars().next();
            let factor = match unit {
                None | Some('s') => 1.0,
                Some('m') => 60.0,
                Some('h') => 3_600.0,
                Some(_) => f64::NAN,
            };
            seconds += rest[..end].parse::<f64>().unwrap_or(f64::NAN) * factor;
            rest = &rest[end + unit.map_or(0, char::len_utf8)..];
        }
        is_time &= seconds.is_finite();
        if !is_time {
            return self.wrong(place, "here stands a time, as 30s, 5m, 1m30s or 2h");
        }
        if seconds <= 0.0 || seconds > LONGEST {
            return self.wrong(place, "a stage lasts longer than nothing, and 30 days at most");
        }
        Ok(seconds)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Profile {
        Profile::parse(text).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    #[test]
    fn rates_are_read_as_they_are_written() {
        assert_eq!(read("200"), Profile::constant(200.0));
        assert_eq!(read(" 200/s "), Profile::constant(200.0));
        assert_eq!(read("30/m"), Profile::constant(0.5));
        assert_eq!(read("1.5e3/h"), Profile::constant(1_500.0 / 3_600.0));
        let ramp = read("0->500 in 5m, 500 for 10m");
        assert_eq!(ramp.ends_at(), Some(900.0));
        assert_eq!((ramp.rate_at(150.0), ramp.rate_at(300.0), ramp.rate_at(900.0)), (250.0, 500.0, 0.0));
        assert!((ramp.arrivals_until(1e9) - (75_000.0 + 300_000.0)).abs() < 1e-6);
        assert_eq!(read("60/m -> 2 in 1m30s,2").ends_at(), None);
        assert_eq!(read("0 for 10s, 5 for 1s").arrivals_until(11.0), 5.0);
    }

    #[test]
    fn the_corners_are_those_of_the_curve() {
        assert_eq!(read("200").corners(), [(0.0, 200.0)]);
        let corners = [(0.0, 0.0), (300.0, 500.0), (900.0, 500.0)];
        assert_eq!(read("0->500 in 5m, 500 for 10m").corners(), corners);
        assert_eq!(read("5 for 10s, 9").corners(), [(0.0, 5.0), (10.0, 5.0), (10.0, 9.0)]);
    }

    #[test]
    fn what_is_no_rate_is_told_with_its_place() {
        for (text, marked, word) in [
            ("", "", "here stands a rate"),
            ("0", "0", "nothing would ever arrive"),
            ("0 for 1m", "0 for 1m", "nothing would ever arrive"),
            ("-5", "-5", "never negative"),
            ("inf", "inf", "here stands a rate"),
            ("nan", "nan", "here stands a rate"),
            ("1e30", "1e30", "beyond any machine"),
            ("many", "many", "here stands a rate"),
            ("5/d", "/d", "per minute"),
            ("0->500", "0->500", "in which time"),
            ("5 for ever", "ever", "a time"),
            ("5 for 0s", "0s", "longer than nothing"),
            ("5 for 1m 6", "6", "a comma"),
            ("5, 6 for 1m", "5", "only the last"),
            ("5 for 1m,", "", "here stands a rate"),
            ("5 -> x in 1m", "x", "here stands a rate"),
        ] {
            let wrong = Profile::parse(text).expect_err(text);
            assert_eq!(wrong.text.get(wrong.place.clone()), Some(marked), "{text}: {wrong}");
            assert!(wrong.message.contains(word), "{text}: {wrong}");
        }
        let long = "5 for 1s, ".repeat(1_000);
        assert!(Profile::parse(&long).expect_err("long").message.contains("short line"));
    }

    fn profiles() -> impl Strategy<Value = Profile> {
        let stage = (0.0_f64..500.0, 0.0_f64..500.0, 0.1_f64..30.0, any::<bool>());
        prop::collection::vec(stage, 1..6).prop_map(|stages| Profile {
            stages: stages
                .into_iter()
                .map(|(from, to, seconds, holds)| Stage {
                    from,
                    to: if holds { from } else { to },
                    seconds: Some(seconds),
                })
                .collect(),
        })
    }

    proptest! {
        #[test]
        fn the_time_of_an_arrival_is_when_the_integral_reaches_it(profile in profiles(), share in 0.0_f64..1.0) {
            let end = profile.ends_at().expect("an end");
            let whole = profile.arrivals_until(end);
            let wanted = whole * share;
            let time = profile.time_of(wanted).expect("within it");
            prop_assert!((0.0..=end + 1e-9).contains(&time));
            prop_assert!((profile.arrivals_until(time) - wanted).abs() < 1e-6 * whole.max(1.0));
            prop_assert_eq!(profile.time_of(whole * 1.001 + 1e-6), None);
        }

        #[test]
        fn the_integral_is_that_of_the_rate(profile in profiles()) {
            let end = profile.ends_at().expect("an end");
            let steps = 20_000_u32;
            let width = end / f64::from(steps);
            let sum: f64 = (0..steps).map(|i| profile.rate_at((f64::from(i) + 0.5) * width) * width).sum();
            prop_assert!((sum - profile.arrivals_until(end)).abs() < 500.0 * 6.0 * width + 1e-6);
        }

        #[test]
        fn a_change_leaves_what_was_before_it(profile in profiles(), at in 0.0_f64..100.0, rate in 0.0_f64..500.0, later in 0.0_f64..50.0) {
            let mut changed = profile.clone();
            changed.change(at, rate);
            let before = profile.arrivals_until(at);
            prop_assert!((changed.arrivals_until(at) - before).abs() < 1e-6 * before.max(1.0));
            prop_assert!((changed.arrivals_until(at + later) - before - rate * later).abs() < 1e-6 * (before + rate * later).max(1.0));
        }
    }
}
