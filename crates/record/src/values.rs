//! What people type where a run is started: how many users, how fast, how long. The one reader of each, for the command line,
//! for `POST /swarm` and for the page, which asks before anybody presses a button.
//!
//! Numbers are those of Python's `int()` and `float()`, as Locust reads them.

/// A text without the blanks at its ends and without the underscores that Python allows between digits.
fn digits(text: &str) -> Option<String> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let lonely = |at: usize| {
        let near = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        bytes[at] == b'_' && !(near(at.checked_sub(1)) && near(Some(at + 1)))
    };
    (!text.is_empty() && !(0..bytes.len()).any(lonely)).then(|| text.replace('_', ""))
}

/// A whole number, as Python's `int()` reads it.
pub fn integer(text: &str) -> Option<i64> {
    digits(text)?.parse().ok()
}

/// A number, as Python's `float()` reads it; it may be infinite or none.
pub fn float(text: &str) -> Option<f64> {
    digits(text)?.parse().ok()
}

/// Seconds of a run time: digits alone are seconds, else hours, minutes and seconds in this order, any of them: `20`, `20s`, `1h20m`.
/// No blanks, fractions or days.
pub fn timespan(text: &str) -> Option<u64> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() {
        return None;
    }
    if is_number(text) {
        return text.parse().ok();
    }
    let mut rest = text;
    let mut seconds = 0_u64;
    for (unit, factor) in [('h', 3_600), ('m', 60), ('s', 1)] {
        if let Some((amount, after)) = rest.split_once(unit)
            && is_number(amount)
        {
            seconds = seconds.checked_add(amount.parse::<u64>().ok()?.checked_mul(factor)?)?;
            rest = after;
        }
    }
    rest.is_empty().then_some(seconds)
}

/// What is wrong with a number of users that somebody typed.
///
/// # Errors
/// Why no test can have it, for people.
pub fn users(text: &str) -> Result<u64, &'static str> {
    integer(text).and_then(|users| u64::try_from(users).ok()).ok_or("A whole number of users")
}

/// Users started a second.
///
/// # Errors
/// Why no test can have it, for people.
pub fn spawn_rate(text: &str) -> Result<f64, &'static str> {
    float(text).filter(|rate| *rate > 0.0 && rate.is_finite()).ok_or("A number above 0")
}

/// The run time of the form, in seconds; none for an empty field.
///
/// # Errors
/// Why no test can have it, for people.
pub fn run_time(text: &str) -> Result<Option<u64>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    timespan(text).map(Some).ok_or("For example 20, 20s, 3m, 2h, 1h20m, 3h30m10s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_pythons() {
        for (text, value) in
            [("5", Some(5)), (" 7 ", Some(7)), ("1_000", Some(1_000)), ("+3", Some(3)), ("-2", Some(-2))]
        {
            assert_eq!(integer(text), value, "{text:?}");
        }
        for text in ["", " ", "1.0", "1e3", "0x10", "_1", "1_", "1__0", "1 0", "many"] {
            assert_eq!(integer(text), None, "{text:?}");
        }
        for (text, value) in [("1e3", 1_000.0), (".5", 0.5), ("2.", 2.0), ("1_0.5", 10.5)] {
            assert_eq!(float(text), Some(value), "{text:?}");
        }
        assert_eq!([float("0x10"), float("5x"), float("1_.5")], [None; 3]);
        assert!(spawn_rate("inf").is_err() && spawn_rate("nan").is_err() && spawn_rate("0").is_err());
        assert!(users("-1").is_err() && users("1e3").is_err());
    }

    #[test]
    fn run_times_are_locusts() {
        for (text, seconds) in [
            ("20", 20),
            ("20s", 20),
            ("3m", 180),
            ("2h", 7_200),
            ("1h20m", 4_800),
            ("3h30m10s", 12_610),
            ("1h5s", 3_605),
        ] {
            assert_eq!(timespan(text), Some(seconds), "{text}");
        }
        for text in ["", "1m30", "5x", " 5m", "5m ", "m", "1m2h", "-3", "1.5h", "1h 20m", "1hh", "5S", "1d"] {
            assert_eq!(timespan(text), None, "{text:?}");
        }
        assert_eq!((run_time(""), run_time("5m")), (Ok(None), Ok(Some(300))));
        assert!(run_time("1m30").is_err() && timespan("99999999999999999999h").is_none());
    }
}
