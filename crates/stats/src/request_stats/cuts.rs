//! A worker's numbers second by second: once a second what is new is cut off, so that counting a request costs nothing more.

use crate::entry::Entry;
use crate::measures::{Measure, MeasureKey, MeasureMarks, Measures};
use crate::slice::{Mark, Slice};
use crate::slices::{OfName, Slices, add_to, fold_older};

/// Older seconds than these, of a worker that could not report for long, become one.
const KEPT: u64 = 30;

/// What was cut off since the last report.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    /// Number of the second that is not over.
    open: u64,
    total: Cut,
    /// By index of the entry.
    names: Vec<Cut>,
    measures: Vec<(MeasureKey, Vec<(u64, Slice)>)>,
    measured: MeasureMarks,
    /// Of reports that were taken and whose seconds nobody has fetched.
    taken: Slices,
}

#[derive(Debug, Default)]
struct Cut {
    mark: Mark,
    seconds: Vec<(u64, Slice)>,
}

impl Cut {
    /// Cuts off what is new.
    fn off(&mut self, entry: &Entry, number: u64) {
        if !self.mark.differs(entry) {
            return;
        }
        if entry.num_requests < self.mark.requests || entry.num_failures < self.mark.failures {
            // Somebody has set it back.
            self.mark = Mark::default();
        }
        let slice = self.mark.until(entry);
        self.mark = Mark::of(entry);
        if !slice.is_empty() {
            add_to(&mut self.seconds, number, &slice);
            fold_older(&mut self.seconds, number.saturating_sub(KEPT));
        }
    }

    /// The entry is taken out, and starts again from zero.
    fn take(&mut self, entry: &Entry, number: u64) -> Vec<(u64, Slice)> {
        self.off(entry, number);
        self.mark = Mark::default();
        std::mem::take(&mut self.seconds)
    }

    /// What was taken out is added again.
    fn put_back(&mut self, entry: &Entry, seconds: &[(u64, Slice)], number: u64) {
        let known = seconds.iter().map(|(second, slice)| (*second as i64, slice.clone())).collect();
        for (second, slice) in crate::slice::by_second(entry, Some(known), number as i64).0 {
            add_to(&mut self.seconds, second as u64, &slice);
        }
        let mut whole = Mark::default().until(entry);
        whole.slots.clear();
        self.mark.add(&whole, false);
        self.mark.exact.merge(entry.exact());
        fold_older(&mut self.seconds, number.saturating_sub(KEPT));
    }
}

impl Cuts {
    fn of(&mut self, index: usize) -> &mut Cut {
        if self.names.len() <= index {
            self.names.resize_with(index + 1, Cut::default);
        }
        &mut self.names[index]
    }

    pub(super) fn cut_total(&mut self, total: &Entry, number: u64) {
        self.total.off(total, number);
        self.open = self.open.max(number + 1);
    }

    pub(super) fn cut(&mut self, index: usize, entry: &Entry, number: u64) {
        self.of(index).off(entry, number);
    }

    pub(super) fn cut_measures(&mut self, measures: &Measures, number: u64) {
        self.measured_in(measures.every(), number);
    }

    fn measured_in<'a>(&mut self, measures: impl Iterator<Item = &'a Measure>, number: u64) {
        for (key, slice) in self.measured.take(measures) {
            let seconds = self.of_measure(key);
            add_to(seconds, number, &slice);
            fold_older(seconds, number.saturating_sub(KEPT));
        }
    }

    fn of_measure(&mut self, key: MeasureKey) -> &mut Vec<(u64, Slice)> {
        let at = self.measures.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            self.measures.push((key, Vec::new()));
            self.measures.len() - 1
        });
        &mut self.measures[at].1
    }

    /// The measures are taken out, and start again from zero.
    pub(super) fn take_measures(&mut self, measures: &[Measure]) {
        self.measured_in(measures.iter(), self.open);
        self.measured.clear();
        let measures = std::mem::take(&mut self.measures);
        self.taken.append(Slices { measures, ..Slices::default() });
    }

    /// What was taken out is added again.
    pub(super) fn put_measures_back(&mut self, seconds: Vec<(MeasureKey, Vec<(u64, Slice)>)>) {
        for (key, seconds) in seconds {
            for (second, slice) in seconds {
                self.measured.note(&key, &slice);
                add_to(self.of_measure(key.clone()), second, &slice);
            }
        }
    }

    pub(super) fn take(&mut self, index: usize, entry: &Entry) {
        let number = self.open;
        let seconds = self.of(index).take(entry, number);
        if !seconds.is_empty() {
            let (method, name) = (entry.method.clone(), entry.name.clone());
            self.taken.names.push(OfName { method, name, seconds });
        }
    }

    pub(super) fn take_total(&mut self, total: &Entry) {
        let number = self.open;
        for (second, slice) in self.total.take(total, number) {
            add_to(&mut self.taken.total, second, &slice);
        }
    }

    /// Makes room for those of a report that is about to be taken: what nobody has fetched stays among them.
    pub(super) fn unfetched(&mut self) -> Slices {
        std::mem::take(&mut self.taken)
    }

    pub(super) fn append(&mut self, later: Slices) {
        self.taken.append(later);
    }

    pub(super) fn put_back(&mut self, index: usize, entry: &Entry, seconds: &[(u64, Slice)]) {
        let number = self.open;
        self.of(index).put_back(entry, seconds, number);
    }

    pub(super) fn put_total_back(&mut self, total: &Entry, seconds: &[(u64, Slice)]) {
        self.total.put_back(total, seconds, self.open);
    }

    /// All entries went away.
    pub(super) fn clear_names(&mut self) {
        self.names.clear();
    }

    /// Everything went back to zero.
    pub(super) fn clear(&mut self) {
        *self = Self { open: self.open, ..Self::default() };
    }
}
