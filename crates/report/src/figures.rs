//! Figures as people read them. One rule for each kind of number, which the page follows digit for digit
//! (`ui/src/lib/format.ts`): `figures.json` beside this file holds both to it.
//!
//! What is in one of Locust's formats follows Locust's rule, and files for programs have every digit; neither is here.

/// Of a number that is not known.
pub const NONE: &str = "–";

/// Half up, in steps of a power of ten, as the page does.
fn rounded(value: f64, decimals: u32) -> f64 {
    let factor = f64::from(10_u32.pow(decimals));
    (value * factor + 0.5).floor() / factor
}

fn fixed(value: f64, decimals: u32) -> String {
    let text = format!("{:.*}", decimals as usize, rounded(value, decimals));
    let (whole, rest) = text.split_once('.').map_or((&*text, ""), |(whole, rest)| (whole, rest));
    let whole = whole.parse::<u64>().map_or_else(|_| whole.to_owned(), count);
    if rest.is_empty() { whole } else { format!("{whole}.{rest}") }
}

/// 1234567 → `1,234,567`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A rate per second: two decimals below ten, one below a thousand, none above.
pub fn rate(value: f64) -> String {
    match value {
        value if !value.is_finite() => NONE.to_owned(),
        value if value <= 0.0 => "0".to_owned(),
        value if value < 0.005 => "<0.01".to_owned(),
        value if value < 9.995 => fixed(value, 2),
        value if value < 999.95 => fixed(value, 1),
        value => fixed(value, 0),
    }
}

/// Milliseconds without their unit: two decimals below one, one below ten, none above. Times are known to the microsecond.
pub fn millis(ms: f64) -> String {
    if !ms.is_finite() {
        return NONE.to_owned();
    }
    match rounded(ms, 3) {
        value if value <= 0.0 => "0".to_owned(),
        value if value < 0.005 => "<0.01".to_owned(),
        value if value < 0.995 => fixed(value, 2),
        value if value < 9.95 => fixed(value, 1),
        value => fixed(value, 0),
    }
}

/// The same with the unit: `420 ms`, `12.35 s`.
pub fn millis_with_unit(ms: f64) -> String {
    match rounded(ms, 3) {
        value if !value.is_finite() => NONE.to_owned(),
        value if value >= 10_000.0 => format!("{} s", fixed(value / 1_000.0, 2)),
        _ => format!("{} ms", millis(ms)),
    }
}

/// A share; never `0%` for what did happen, nor `100%` for what did not always.
pub fn percent(ratio: f64) -> String {
    match ratio * 100.0 {
        value if !value.is_finite() => NONE.to_owned(),
        value if value <= 0.0 => "0%".to_owned(),
        value if value < 0.01 => "<0.01%".to_owned(),
        value if value < 0.995 => format!("{}%", fixed(value, 2)),
        value if value > 100.0 => format!("{}%", fixed(value, u32::from(value < 999.95))),
        value if value >= 100.0 => "100%".to_owned(),
        value if value > 99.9 => ">99.9%".to_owned(),
        value => format!("{}%", fixed(value, 1)),
    }
}

/// A share of which only the whole percents are of interest: how busy something was.
pub fn whole_percent(ratio: f64) -> String {
    if ratio.is_finite() { format!("{}%", fixed(ratio * 100.0, 0)) } else { NONE.to_owned() }
}

/// From here on digits before the point are no help to anybody, nor exact: `1.235e18`.
const HUGE: f64 = 1e15;

/// In powers of ten, with so many decimals, and none that say nothing.
fn scientific(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$e}");
    let Some((digits, power)) = text.split_once('e') else { return text };
    let digits =
        if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    format!("{digits}e{power}")
}

/// A number of a script's own, whose unit nobody knows: whole ones as they are, others with three decimals below ten, two below a
/// hundred, one below a thousand, none above; none that say nothing. Huge ones in powers of ten.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => NONE.to_owned(),
        size if size > 0.0 && size < 0.0005 => "<0.001".to_owned(),
        size if size < 9.9995 => trimmed(value, 3),
        size if size < 99.995 => trimmed(value, 2),
        size if size < 999.95 => trimmed(value, 1),
        size if size < HUGE => trimmed(value, 0),
        _ => scientific(value, 3),
    }
}

/// A number that a limit is held against, and the limit: a digit more than elsewhere, so that one sees on which side it is. Three
/// decimals below ten, one below a thousand, none above; none that say nothing. Tiny and huge ones in powers of ten: a limit of
/// `0` would be another one.
pub fn judged(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => NONE.to_owned(),
        size if size > 0.0 && size < 0.0005 => scientific(value, 2),
        size if size < 9.9995 => trimmed(value, 3),
        size if size < 999.95 => trimmed(value, 1),
        size if size < HUGE => trimmed(value, 0),
        _ => scientific(value, 3),
    }
}

/// Digits behind the point of a percentile's name. More than these a fraction does not hold for sure.
pub const PERCENTILE_DIGITS: usize = 12;

/// 0.5 → `p50`, 0.999 → `p99.9`: the name of a percentile, everywhere but in Locust's own formats. With all its digits: one that is
/// rounded is the name of another percentile.
pub fn percentile_name(fraction: f64) -> String {
    let percent = format!("{:.PERCENTILE_DIGITS$}", fraction * 100.0);
    format!("p{}", percent.trim_end_matches('0').trim_end_matches('.'))
}

fn trimmed(value: f64, decimals: u32) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let text = fixed(value.abs(), decimals);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "0" { text.to_owned() } else { format!("{sign}{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_the_page_writes_them() {
        let all: serde_json::Value = serde_json::from_str(include_str!("figures.json")).unwrap();
        let check = |kind: &str, written: fn(f64) -> String| {
            let pairs = all[kind].as_array().unwrap();
            assert!(pairs.len() > 5);
            for pair in pairs {
                let value = pair[0].as_f64().unwrap();
                assert_eq!(written(value), pair[1].as_str().unwrap(), "{kind} of {value}");
            }
        };
        check("count", |value| count(value as u64));
        check("rate", rate);
        check("millis", millis);
        check("millisWithUnit", millis_with_unit);
        check("percent", percent);
        check("wholePercent", whole_percent);
        check("number", number);
        check("judged", judged);
        check("percentileName", percentile_name);
        assert_eq!(
            [rate(f64::NAN), millis(f64::INFINITY), percent(f64::NAN), millis_with_unit(f64::NAN)],
            [NONE; 4]
        );
        assert_eq!([number(f64::NAN), judged(f64::NEG_INFINITY), whole_percent(f64::NAN)], [NONE; 3]);
    }
}
