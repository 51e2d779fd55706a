//! The last lines of the log.

use std::collections::VecDeque;

use gregaria_record::dto::LogLine;

/// Records kept.
pub(crate) const LINES: usize = 2_000;
/// A record is cut to this many bytes.
const LONGEST: usize = 16 << 10;
/// Bytes kept.
const BYTES: usize = 4 << 20;

/// The records, and which of them no page has seen yet.
#[derive(Debug, Default)]
pub(crate) struct LogRing {
    lines: VecDeque<(LogLine, u64)>,
    bytes: usize,
    next: u64,
    unseen: usize,
}

impl LogRing {
    /// Adds a record.
    pub(crate) fn push(&mut self, mut line: LogLine) {
        if line.line.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|&end| line.line.is_char_boundary(end)).unwrap_or(0);
            line.line.truncate(end);
            line.line.push_str(" …");
        }
        self.next += 1;
        line.seq = self.next;
        self.bytes += line.line.len();
        self.lines.push_back((line, u64::MAX));
        self.unseen += 1;
        while self.lines.len() > LINES || self.bytes > BYTES {
            let Some((old, _)) = self.lines.pop_front() else { break };
            self.bytes -= old.line.len();
            self.unseen = self.unseen.min(self.lines.len());
        }
    }

    /// Records that no page has seen; from now on they belong to the event `seq`.
    pub(crate) fn take_unseen(&mut self, seq: u64) -> Vec<LogLine> {
        let from = self.lines.len() - std::mem::take(&mut self.unseen);
        self.lines
            .iter_mut()
            .skip(from)
            .map(|(line, shown)| {
                *shown = seq;
                line.clone()
            })
            .collect()
    }

    /// Whether there are records that no page has seen.
    pub(crate) fn has_unseen(&self) -> bool {
        self.unseen > 0
    }

    /// Records shown with events after `seq`, those that no page has seen left out.
    pub(crate) fn since(&self, seq: u64) -> Vec<LogLine> {
        let shown = self.lines.iter().take(self.lines.len() - self.unseen);
        shown.filter(|&&(_, at)| at > seq).map(|(line, _)| line.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine { line: text.to_owned(), ..LogLine::default() }
    }

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.line.as_str()).collect()
    }

    #[test]
    fn lines_are_shown_once_and_again_to_those_who_come_back() {
        let mut ring = LogRing::default();
        ring.push(line("a"));
        ring.push(line("b"));
        assert_eq!(texts(&ring.take_unseen(5)), ["a", "b"]);
        ring.push(line("c"));
        assert!(ring.has_unseen());
        assert_eq!(texts(&ring.since(0)), ["a", "b"]);
        assert_eq!(texts(&ring.take_unseen(9)), ["c"]);
        assert_eq!(texts(&ring.since(5)), ["c"]);
        assert!(!ring.has_unseen() && ring.take_unseen(10).is_empty());
    }

    #[test]
    fn is_bounded_by_lines_and_bytes() {
        let mut ring = LogRing::default();
        let long = "é".repeat(LONGEST);
        for _ in 0..3 * LINES {
            ring.push(line(&long));
        }
        assert!(ring.bytes <= BYTES && ring.lines.len() <= LINES);
        let last = ring.take_unseen(1).pop().unwrap();
        assert!(last.line.len() <= LONGEST + 4 && last.seq == 3 * LINES as u64);
    }
}
