//! A number that remembers whether Python would print it as an integer.

use std::fmt;

/// A Python number: integers and floats print differently in CSV and JSON (`100` and `100.0`), so sums and extremes
/// keep track of what went into them. Integers are exact up to 2^53.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    value: f64,
    float: bool,
}

impl Number {
    /// The integer zero, what Locust's counters start with.
    pub const ZERO: Self = Self { value: 0.0, float: false };

    /// A Python `int`.
    pub fn int(value: i64) -> Self {
        Self { value: value as f64, float: false }
    }

    /// A Python `float`.
    pub fn float(value: f64) -> Self {
        Self { value, float: true }
    }

    /// The numeric value.
    pub fn value(self) -> f64 {
        self.value
    }

    /// Whether Python would call it a `float`.
    pub fn is_float(self) -> bool {
        self.float
    }

    /// Whether it is zero, integer or float.
    pub fn is_zero(self) -> bool {
        self.value == 0.0
    }

    /// The sum; a float as soon as one side is.
    #[inline]
    pub fn plus(self, other: Self) -> Self {
        Self { value: self.value + other.value, float: self.float | other.float }
    }

    /// The smaller one; `self` when equal, as Python's `min(self, other)`.
    #[inline]
    pub fn min(self, other: Self) -> Self {
        if other.value < self.value { other } else { self }
    }

    /// The larger one; `self` when equal, as Python's `max(self, other)`.
    #[inline]
    pub fn max(self, other: Self) -> Self {
        if other.value > self.value { other } else { self }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::int(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::float(value)
    }
}

/// As Python's `str()`: the shortest digits that read back the same, exponents below 1e-4 and from 1e16 on.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value;
        if !self.float {
            return write!(f, "{value:.0}");
        }
        if value.is_nan() {
            return f.write_str("nan");
        }
        if value.is_infinite() {
            return f.write_str(if value > 0.0 { "inf" } else { "-inf" });
        }
        let magnitude = value.abs();
        if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
            let text = format!("{value:e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
            return write!(f, "{digits}e{sign}{exponent:0>2}");
        }
        write!(f, "{value:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_python_prints_them() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (187.714_285_714_285_72, "187.71428571428572"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.25e22, "1.25e+22"),
            (1e100, "1e+100"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(Number::float(value).to_string(), text);
        }
        assert_eq!(Number::int(-12).to_string(), "-12");
        assert_eq!(Number::int(9_007_199_254_740_991).to_string(), "9007199254740991");
    }

    #[test]
    fn one_float_makes_the_sum_a_float() {
        assert_eq!(Number::int(1).plus(Number::int(2)).to_string(), "3");
        assert_eq!(Number::int(1).plus(Number::float(2.0)).to_string(), "3.0");
    }

    #[test]
    fn extremes_keep_the_first_of_two_equals() {
        assert!(!Number::ZERO.max(Number::float(0.0)).is_float());
        assert!(!Number::int(3).min(Number::float(3.0)).is_float());
        assert_eq!(Number::int(3).min(Number::float(2.5)).to_string(), "2.5");
        assert_eq!(Number::int(3).max(Number::float(3.5)).to_string(), "3.5");
    }
}
