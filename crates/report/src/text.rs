//! Small pieces of text that several reports share.

use gregaria_stats::Number;

/// With a capital first.
pub fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// Labels of percentiles: 0.5 → `50%`, 0.999 → `99.9%`.
pub fn readable_percentiles(fractions: &[f64]) -> Vec<String> {
    fractions.iter().map(|&fraction| readable(fraction)).collect()
}

fn readable(fraction: f64) -> String {
    let percent = fraction * 100.0;
    if percent.fract() == 0.0 {
        return format!("{percent:.0}%");
    }
    // Six digits, then shortest form: 28.999999999999996 becomes 29.0.
    let rounded: f64 = format!("{percent:.6}").parse().unwrap_or(percent);
    format!("{}%", Number::float(rounded))
}

/// `YYYY-MM-DDTHH:MM:SSZ` of unix time in seconds, fractions cut off.
pub fn utc_timestamp(unix: f64) -> String {
    let seconds = unix as i64;
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to civil date in the proleptic Gregorian calendar, years starting in March.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_locusts() {
        let labels =
            readable_percentiles(&[0.5, 0.66, 0.29, 0.95, 0.999, 0.9999, 0.99999, 0.123_456_789_1, 1.0]);
        assert_eq!(
            labels,
            ["50%", "66%", "29.0%", "95%", "99.9%", "99.99%", "99.999%", "12.345679%", "100%"]
        );
    }

    #[test]
    fn timestamps_are_calendar_dates() {
        for (unix, text) in [
            (0.0, "1970-01-01T00:00:00Z"),
            (951_782_399.9, "2000-02-28T23:59:59Z"),
            (951_782_400.0, "2000-02-29T00:00:00Z"),
            (1_709_251_199.0, "2024-02-29T23:59:59Z"),
            (1_795_401_039.687, "2026-11-23T02:30:39Z"),
            (4_102_444_800.0, "2100-01-01T00:00:00Z"),
        ] {
            assert_eq!(utc_timestamp(unix), text);
        }
    }
}
