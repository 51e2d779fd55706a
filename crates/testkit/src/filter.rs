//! Makes text that a program printed comparable between runs and machines.

/// Replaces what differs from run to run; each rule can be used alone.
///
/// ```
/// # use gregaria_testkit::filter::Filter;
/// let stable = Filter::new().hosts(&["buildbox"]).apply("[2026-01-02 03:04:05,678] buildbox/INFO/root: on 127.0.0.1:40123");
/// assert_eq!(stable, "[TIME] HOST/INFO/root: on 127.0.0.1:PORT");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Filter {
    texts: Vec<(String, &'static str)>,
    numbers: bool,
}

impl Filter {
    /// Time stamps and loopback ports are replaced always.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces these host names by `HOST`.
    pub fn hosts(mut self, names: &[&str]) -> Self {
        self.texts.extend(names.iter().map(|name| ((*name).to_owned(), "HOST")));
        self
    }

    /// Replaces these paths by `PATH`.
    pub fn paths(mut self, paths: &[&str]) -> Self {
        self.texts.extend(paths.iter().map(|path| ((*path).to_owned(), "PATH")));
        self
    }

    /// Replaces each digit of other numbers by `#`, so that width and decimals stay visible.
    pub fn numbers(mut self) -> Self {
        self.numbers = true;
        self
    }

    /// `text` with everything replaced.
    pub fn apply(&self, text: &str) -> String {
        let mut out = times(text);
        for (from, to) in &self.texts {
            if !from.is_empty() {
                out = out.replace(from, to);
            }
        }
        for loopback in ["127.0.0.1:", "localhost:", "[::1]:"] {
            out = ports(&out, loopback);
        }
        if self.numbers {
            out = out.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
        }
        out
    }
}

const STAMP: &str = "dddd-dd-dd dd:dd:dd,ddd";

fn times(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(candidate) = rest.get(..STAMP.len())
            && candidate
                .chars()
                .zip(STAMP.chars())
                .all(|(c, p)| if p == 'd' { c.is_ascii_digit() } else { c == p })
        {
            out.push_str("TIME");
            rest = &rest[STAMP.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

fn ports(text: &str, before: &str) -> String {
    let mut parts = text.split(before);
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        out.push_str(before);
        out.push_str(if rest.len() < part.len() { "PORT" } else { "" });
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_times_hosts_paths_and_ports() {
        let filter = Filter::new().hosts(&["box7"]).paths(&["/tmp/run1"]);
        assert_eq!(
            filter.apply(
                "[2026-11-23 04:05:06,789] box7/INFO/locust.main: /tmp/run1/a.py on http://localhost:8089/x"
            ),
            "[TIME] HOST/INFO/locust.main: PATH/a.py on http://localhost:PORT/x"
        );
        assert_eq!(
            filter.apply("127.0.0.1: no port, 2026-11-23 alone, ümläut"),
            "127.0.0.1: no port, 2026-11-23 alone, ümläut"
        );
    }

    #[test]
    fn keeps_width_and_decimals_of_numbers() {
        assert_eq!(Filter::new().numbers().apply("     120     0(0.00%) |  7"), "     ###     #(#.##%) |  #");
    }
}
