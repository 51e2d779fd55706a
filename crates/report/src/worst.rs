//! In which order names and failures are told to people who will not read them all.

use gregaria_stats::{EntrySnapshot, ErrorSnapshot};

/// Names told of one by one; a page of thousands is no summary.
pub(crate) const MOST: usize = 200;

/// Those that failed, most often first; then the slowest by their 95th percentile.
pub(crate) fn entries(all: &[EntrySnapshot]) -> Vec<&EntrySnapshot> {
    let mut all: Vec<&EntrySnapshot> = all.iter().collect();
    let slowness = |entry: &EntrySnapshot| {
        let exact = entry.exact.as_deref().and_then(|exact| exact.get(1).copied());
        exact.unwrap_or(entry.max_response_time.value())
    };
    all.sort_by(|a, b| b.num_failures.cmp(&a.num_failures).then_with(|| slowness(b).total_cmp(&slowness(a))));
    all
}

/// The most frequent first.
pub(crate) fn errors(all: &[ErrorSnapshot]) -> Vec<&ErrorSnapshot> {
    let mut all: Vec<&ErrorSnapshot> = all.iter().collect();
    all.sort_by_key(|error| std::cmp::Reverse(error.tally.occurrences));
    all
}
