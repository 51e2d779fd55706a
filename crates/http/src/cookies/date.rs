//! Dates in cookies, as loosely as `http.cookiejar` reads them.

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Seconds since the Unix epoch; `None` if the text is no date that counts.
///
/// A year of two digits is the nearest to `now_unix`, which has to do for the current year.
pub(super) fn http_time(text: &str, now_unix: i64) -> Option<i64> {
    let mut rest = Cursor(text.trim_start_matches(crate::url::is_python_space));
    rest.weekday();
    let day = rest.digits(1, 2)?;
    rest.separator()?;
    let month = rest.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
    if month.is_empty() {
        return None;
    }
    rest.separator()?;
    let year = rest.digits(1, usize::MAX)?;
    let before = rest;
    let clock = rest.clock().unwrap_or_else(|| {
        rest = before;
        (0, 0, 0)
    });
    rest.blanks();
    let zone = rest.zone()?;
    let month = month_number(month)?;
    let year = full_year(year, now_unix)?;
    let (hour, minute, second) = clock;
    let plausible = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour <= 24
        && minute <= 59
        && second <= 61;
    plausible.then(|| {
        let days = days_from_civil(year, month) + day - 1;
        days * 86400 + hour * 3600 + minute * 60 + second - zone
    })
}

#[derive(Clone, Copy)]
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !keep(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn blanks(&mut self) -> bool {
        !self.take_while(|c| matches!(c, ' ' | '\t'..='\r')).is_empty()
    }

    fn eat(&mut self, wanted: char) -> bool {
        match self.0.strip_prefix(wanted) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// A useless name of a day, with or without comma.
    fn weekday(&mut self) {
        let known = |start: &str| WEEKDAYS.iter().any(|day| start.eq_ignore_ascii_case(day));
        if self.0.get(..3).is_some_and(known) {
            self.take_while(|c| c.is_ascii_alphabetic());
            self.eat(',');
            self.blanks();
        }
    }

    fn separator(&mut self) -> Option<()> {
        (self.blanks() || self.eat('-') || self.eat('/')).then_some(())
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let all = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let end = all.min(most);
        if end < least {
            return None;
        }
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(digits.parse().unwrap_or(i64::MAX))
    }

    fn clock(&mut self) -> Option<(i64, i64, i64)> {
        if !self.blanks() && !self.eat(':') {
            return None;
        }
        let hour = self.digits(1, 2)?;
        self.eat(':').then_some(())?;
        let minute = self.digits(2, 2)?;
        let before = *self;
        let second = if self.eat(':') { self.digits(2, 2) } else { None };
        if second.is_none() {
            *self = before;
        }
        Some((hour, minute, second.unwrap_or_default()))
    }

    /// The zone at the end, in seconds east of Greenwich, and a remark in parentheses; `None` if something else is
    /// there, or a zone that is not universal time by another name.
    fn zone(&mut self) -> Option<i64> {
        let mut offset = 0;
        let text = self.0;
        let signed = text.starts_with(['+', '-']);
        let name = if signed {
            let sign = &text[..1];
            self.0 = &text[1..];
            let digits = self.take_while(|c| c.is_ascii_digit());
            (2..=4).contains(&digits.len()).then_some((sign, digits))?
        } else if text.starts_with(|c: char| c.is_ascii_digit()) {
            let digits = self.take_while(|c| c.is_ascii_digit());
            (2..=4).contains(&digits.len()).then_some(("+", digits))?
        } else {
            ("", self.take_while(|c| c.is_ascii_alphabetic()))
        };
        match name {
            ("", name) => {
                if !["", "gmt", "utc", "ut", "z"].iter().any(|zone| name.eq_ignore_ascii_case(zone)) {
                    return None;
                }
            }
            (sign, digits) => {
                // Hours of one or two digits; then minutes of two or none.
                let (hours, minutes) = digits.split_at(if digits.len() == 3 { 1 } else { 2 });
                offset = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().unwrap_or_default() * 60;
                if sign == "-" {
                    offset = -offset;
                }
            }
        }
        self.blanks();
        if self.eat('(') {
            let remark = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            if remark.is_empty() || !self.eat(')') {
                return None;
            }
            self.blanks();
        }
        self.0.is_empty().then_some(offset)
    }
}

fn month_number(text: &str) -> Option<i64> {
    match MONTHS.iter().position(|month| text.eq_ignore_ascii_case(month)) {
        Some(at) => Some(at as i64 + 1),
        None => text.parse().ok(),
    }
}

/// The year meant by a short one: within fifty years of now.
fn full_year(year: i64, now_unix: i64) -> Option<i64> {
    if year > 9999 {
        return None;
    }
    if year >= 1000 {
        return Some(year);
    }
    let current = year_of(now_unix.clamp(0, 253_402_300_799));
    let distance = current % 100 - year;
    let year = year + current - current % 100;
    Some(match distance {
        51.. => year + 100,
        ..=-51 => year - 100,
        _ => year,
    })
}

/// Days from the epoch to the first of a month.
fn days_from_civil(year: i64, month: i64) -> i64 {
    // Counted from March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 - 719_468
}

fn year_of(unix: i64) -> i64 {
    let days = unix.div_euclid(86400);
    let guess = 1970 + days.div_euclid(366);
    // A little too early, by a year for every 1500, as every year was taken for a leap year.
    let mut year = guess;
    while days_from_civil(year + 1, 1) <= days {
        year += 1;
    }
    year
}
