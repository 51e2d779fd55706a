//! A snapshot of the statistics that is taken in pieces.
//!
//! Their lock is the main thread's, which takes it for each request. A script that asks for the numbers of 10,000 names again and
//! again must not keep that thread waiting, so the lock is held for as many entries at a time as the recorder does, only to copy;
//! sorting and percentiles come afterwards. Up to that many names are still of one moment, and so is everything once the
//! run is over.

use std::sync::Arc;

use gregaria_stats::{
    Entry, EntrySnapshot, ErrorRecord, ErrorSnapshot, Number, RequestStats, Snapshot, SnapshotOptions, Span,
    WindowTimes,
};

use crate::numbers::{BATCH, COPIES, Numbers};
use crate::owner_first::{Look, OwnerFirst};

/// How often a snapshot is begun anew because the numbers went back to zero meanwhile.
const ATTEMPTS: u32 = 3;

/// Entries whose response times of the last seconds are worked out while the lock is held once: that takes longer than copying.
const TIMES_BATCH: usize = 2;

/// What a snapshot is to hold besides the total.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Entries, the first by name and method.
    pub entries: usize,
    /// Errors, the first to occur.
    pub errors: usize,
    /// The total's response times within the current window.
    pub current_times: bool,
    /// Those of each entry.
    pub entry_times: bool,
    /// Exact percentiles at these fractions.
    pub exact: Vec<f64>,
}

impl From<&SnapshotOptions> for Wanted {
    fn from(options: &SnapshotOptions) -> Self {
        let all = |wanted: bool| if wanted { usize::MAX } else { 0 };
        Self {
            entries: all(options.entries),
            errors: all(options.errors),
            current_times: options.current_times,
            entry_times: options.current_times,
            exact: options.exact.clone(),
        }
    }
}

/// The numbers now.
pub fn take(numbers: &Numbers, wanted: &Wanted, now: f64) -> Snapshot {
    let source = numbers.current();
    if let Some(whole) = (0..ATTEMPTS).find_map(|_| attempt(&source, wanted, now)) {
        return whole;
    }
    let options = SnapshotOptions {
        current_times: wanted.current_times || wanted.entry_times,
        exact: wanted.exact.clone(),
        ..SnapshotOptions::tables()
    };
    let mut snapshot = source.look().snapshot(now, &options);
    snapshot.entries.truncate(wanted.entries);
    snapshot.errors.truncate(wanted.errors);
    snapshot
}

/// An entry and its current rates, which the copy cannot tell.
struct Copied {
    entry: Entry,
    rps: Number,
    fps: Number,
    times: Option<WindowTimes>,
}

impl Copied {
    /// `times`: with the response times of the last seconds, for which the window and the moment are needed.
    fn of(entry: &Entry, span: Span, times: Option<(u32, f64)>) -> Self {
        Self {
            times: times.and_then(|(window, now)| WindowTimes::of(entry, window, now)),
            entry: entry.light(),
            rps: span.current_rate(&entry.num_reqs_per_sec),
            fps: span.current_rate(&entry.num_fail_per_sec),
        }
    }
}

/// `None`: the numbers went back to zero meanwhile.
fn attempt(source: &OwnerFirst<RequestStats>, wanted: &Wanted, now: f64) -> Option<Snapshot> {
    let stats = source.look();
    let (span, window, resets, slots) = (stats.span(), stats.window(), stats.resets(), stats.slots());
    let exact = &wanted.exact;
    let options = SnapshotOptions {
        current_times: wanted.current_times,
        exact: exact.clone(),
        ..SnapshotOptions::default()
    };
    let times = wanted.entry_times.then_some((window, now));
    let batch = if wanted.entry_times { TIMES_BATCH } else { COPIES };
    let total = EntrySnapshot::of(stats.total(), span, window, now, &options);
    let errors: Vec<Arc<ErrorRecord>> = stats.errors().iter().take(wanted.errors).cloned().collect();
    let measures = if wanted.errors > 0 { stats.measures().all().to_vec() } else { Vec::new() };
    let copied: Vec<Copied> = if wanted.entries == 0 {
        drop(stats);
        Vec::new()
    } else if slots <= batch {
        let all = (0..slots)
            .filter_map(|index| stats.at(index))
            .map(|entry| Copied::of(entry, span, times))
            .collect();
        drop(stats);
        all
    } else {
        drop(stats);
        let pieces = Pieces { source, resets };
        let all: Vec<usize> = (0..slots).collect();
        let mut keys = pieces
            .of(&all, BATCH, |index, entry| (Arc::clone(&entry.name), Arc::clone(&entry.method), index))?;
        keys.sort_unstable();
        let chosen: Vec<usize> = keys.into_iter().take(wanted.entries).map(|(_, _, index)| index).collect();
        pieces.of(&chosen, batch, |_, entry| Copied::of(entry, span, times))?
    };
    let options = SnapshotOptions { exact: exact.clone(), ..SnapshotOptions::default() };
    let shown = |Copied { entry, rps, fps, times }: Copied| {
        let mut shown = EntrySnapshot::of(&entry, span, window, now, &options);
        (shown.current_rps, shown.current_fail_per_sec, shown.cached) = (rps, fps, total.cached);
        shown.current_times = times;
        shown
    };
    let mut entries: Vec<EntrySnapshot> = copied.into_iter().map(shown).collect();
    entries.sort_unstable_by(|a, b| (&a.name, &a.method).cmp(&(&b.name, &b.method)));
    entries.truncate(wanted.entries);
    let errors = errors.iter().map(|error| ErrorSnapshot::of(error)).collect();
    Some(Snapshot { at: now, span, total, entries, errors, measures })
}

/// Entries, a piece at a time.
struct Pieces<'a> {
    source: &'a OwnerFirst<RequestStats>,
    resets: u64,
}

impl Pieces<'_> {
    fn lock(&self) -> Option<Look<'_, RequestStats>> {
        Some(self.source.look()).filter(|stats| stats.resets() == self.resets)
    }

    /// What `copy` takes of the entries of these numbers, as far as they are there.
    fn of<T>(
        &self,
        indices: &[usize],
        batch: usize,
        mut copy: impl FnMut(usize, &Entry) -> T,
    ) -> Option<Vec<T>> {
        let mut out = Vec::with_capacity(indices.len());
        for piece in indices.chunks(batch) {
            let stats = self.lock()?;
            out.extend(piece.iter().filter_map(|&index| Some(copy(index, stats.at(index)?))));
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gregaria_stats::ErrorSeed;

    fn all() -> Wanted {
        let options =
            SnapshotOptions { current_times: true, exact: vec![0.5, 0.99], ..SnapshotOptions::tables() };
        Wanted::from(&options)
    }

    fn stats(names: u32) -> RequestStats {
        let mut stats = RequestStats::new(true, 1_000.0);
        for i in 0..names {
            // Not in the order of the names.
            let name = format!("/{:05}", u64::from(i) * 7_919 % 100_003);
            let id = stats.entry_id(if i % 2 == 0 { "GET" } else { "POST" }, &name, 1_000.0);
            for second in 0..20 {
                let moment = 1_000.0 + f64::from(second);
                assert!(stats.record(id, Some(f64::from(i + second)), 10, moment));
            }
            if i % 3 == 0 {
                let seed = ErrorSeed {
                    key: name.clone().into(),
                    method: "GET".into(),
                    name: name.into(),
                    text: "bad".into(),
                    display: "bad".into(),
                };
                stats.insert_error(seed, 1_010.0);
            }
        }
        stats
    }

    #[test]
    fn pieces_are_the_same_as_the_whole() {
        for names in [0, 1, 2, 3, COPIES as u32, COPIES as u32 + 1, BATCH as u32, BATCH as u32 + 1, 1_000] {
            let stats = stats(names);
            let options =
                SnapshotOptions { current_times: true, exact: vec![0.5, 0.99], ..SnapshotOptions::tables() };
            let whole = stats.snapshot(1_020.0, &options);
            let numbers = Numbers::new(Arc::new(OwnerFirst::new(stats)));
            let pieces = take(&numbers, &all(), 1_020.0);
            let shown = |snapshot: &Snapshot| {
                let row = |entry: &EntrySnapshot| {
                    let percentiles: Vec<i64> = [0.5, 0.95, 1.0].map(|f| entry.percentile(f)).into();
                    format!("{entry:?} {percentiles:?}")
                };
                let rows: Vec<String> = snapshot.entries.iter().map(row).collect();
                (rows, row(&snapshot.total), format!("{:?}", snapshot.errors))
            };
            assert_eq!(shown(&pieces), shown(&whole), "{names} names");
            assert_eq!(pieces.total.current_times, whole.total.current_times);
            let first = take(&numbers, &Wanted { entries: 10, errors: 4, ..all() }, 1_020.0);
            assert_eq!(shown(&first).0, shown(&whole).0.into_iter().take(10).collect::<Vec<_>>());
            assert_eq!(first.errors.len(), 4.min(whole.errors.len()));
        }
    }

    #[test]
    fn numbers_that_went_back_to_zero_are_not_mixed() {
        let source = OwnerFirst::new(stats(300));
        let pieces = Pieces { source: &source, resets: source.look().resets() };
        let all: Vec<usize> = (0..300).collect();
        let mut seen = 0;
        let mixed = pieces.of(&all, BATCH, |_, entry| {
            seen += 1;
            entry.num_requests
        });
        assert_eq!((mixed.map(|list| list.len()), seen), (Some(300), 300));
        source.own().reset_all(2_000.0);
        assert_eq!(pieces.of(&all, BATCH, |_, entry| entry.num_requests), None);
        // The next attempt has the new numbers.
        let numbers = Numbers::new(Arc::new(source));
        assert!(take(&numbers, &self::all(), 2_001.0).entries.iter().all(|entry| entry.num_requests == 0));
    }
}
