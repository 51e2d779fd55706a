//! How each rule stands, second by second.

use gregaria_report::figures::count;
use gregaria_stats::{MAX_MEASURES, Measure, MeasureKind, Number, OVERFLOW_NAME};

use super::metric::{Dimension, Metric};
use super::rule::{Subject, Threshold};
use super::sums::{Sums, Window};
use crate::dto;
use crate::mirror::Named;
use crate::run::Run;
use crate::series::{Arrived, Record};

// The words of [`dto::Outcome`].
const OK: &str = "ok";
const FAILED: &str = "failed";
const NO_DATA: &str = "no data";
const WAITING: &str = "waiting";

/// All rules of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Judge {
    watches: Vec<Watch>,
    /// Seconds of the run that are over.
    seconds: u32,
    /// Seconds at its begin that were not whole.
    cut: u32,
    stops: Vec<String>,
    /// Arrivals of the run, and those of seconds that are over.
    arrived: Arrived,
    arrived_before: Arrived,
}

/// One rule and what it has seen.
#[derive(Debug, Clone)]
struct Watch {
    rule: Threshold,
    /// By number of the name: whether it is meant.
    meant: Vec<Option<bool>>,
    /// What is known of the present second.
    present: Record,
    window: Option<Window>,
    /// What happened since that is looked at; `None`: it is not yet.
    since: Option<Sums>,
    /// Seconds of it.
    seconds: u32,
    /// The worst window, or the number for which the run was ended.
    worst: Option<f64>,
    /// When it was first broken for good, in seconds since the run began.
    broken: Option<u32>,
    /// Windows that have been looked at.
    windows: u64,
}

impl Judge {
    pub(crate) fn new(rules: Vec<Threshold>) -> Self {
        Self { watches: rules.into_iter().map(Watch::new).collect(), ..Self::default() }
    }

    /// A run has begun, or its numbers went back to zero.
    pub(crate) fn begin(&mut self) {
        self.watches.iter_mut().for_each(|watch| *watch = Watch::new(watch.rule.clone()));
        (self.seconds, self.cut, self.stops) = (0, 0, Vec::new());
        (self.arrived, self.arrived_before) = (Arrived::default(), Arrived::default());
    }

    /// Until now that has become of the arrivals, if the run is an open one.
    pub(crate) fn has_arrived(&mut self, arrivals: Option<&dto::Arrivals>) {
        if let Some(arrivals) = arrivals {
            self.arrived = Arrived::of(arrivals);
        }
    }

    /// In the present second that happened under this name (method and name); number −1 is the total.
    pub(crate) fn see(&mut self, id: i32, (method, name): (&str, &str), record: &Record) {
        for watch in &mut self.watches {
            if watch.means(id, method, name) {
                watch.present.merge(record);
            }
        }
    }

    /// In the present second that was told of a check or metric.
    pub(crate) fn see_measure(&mut self, kind: MeasureKind, name: &str, record: &Record) {
        for watch in &mut self.watches {
            if matches!(&watch.rule.subject, Subject::Measure(of, wanted) if *of == kind && wanted == name) {
                watch.present.merge(record);
            }
        }
    }

    /// Second number `second` of the run is over, with so many users. Not whole: the run began or ended within it.
    pub(crate) fn second_is_over(&mut self, second: u32, users: u64, is_whole: bool) {
        // Seconds that nobody saw the end of were empty, as far as can be known.
        let missed = second.saturating_sub(self.seconds).min(MOST_MISSED);
        let again = second < self.seconds;
        self.seconds = second + 1;
        if second == 0 && !again {
            self.cut = u32::from(!is_whole);
        }
        // What came since the last second was over; with workers that is what they have told of since.
        let arrived = self.arrived.minus(self.arrived_before);
        self.arrived_before = self.arrived;
        let cut = self.cut;
        for watch in &mut self.watches {
            let mut present = std::mem::take(&mut watch.present);
            (present.users, present.arrived) = (users, arrived);
            // What is left out at the begin of the run are whole seconds, besides the one within which it began.
            if second < watch.rule.after + cut {
                continue;
            }
            let missed = missed.min(second - watch.rule.after - cut);
            let mut stops = false;
            for offset in second - missed..second {
                stops |= watch.take(offset, Record { users, ..Record::default() }, is_whole);
            }
            stops |= watch.take(second, present, is_whole && !again);
            if stops {
                self.stops.push(watch.rule.text.clone());
            }
        }
    }

    /// Rules that have been broken since this was last called, and for which the run is to end.
    pub(crate) fn take_stops(&mut self) -> Vec<String> {
        std::mem::take(&mut self.stops)
    }

    /// How each stands. `ended`: nothing more will come.
    pub(crate) fn standing(&self, run: &Run, ended: bool) -> Vec<dto::Threshold> {
        self.watches.iter().map(|watch| watch.standing(run, ended)).collect()
    }
}

/// More seconds than this cannot be missed: the machine slept.
const MOST_MISSED: u32 = 3_600;

impl Watch {
    fn new(rule: Threshold) -> Self {
        Self {
            window: rule.over.map(Window::of),
            rule,
            meant: Vec::new(),
            present: Record::default(),
            since: None,
            seconds: 0,
            worst: None,
            broken: None,
            windows: 0,
        }
    }

    fn means(&mut self, id: i32, method: &str, name: &str) -> bool {
        let Ok(index) = usize::try_from(id) else { return matches!(self.rule.subject, Subject::All) };
        if matches!(self.rule.subject, Subject::All) {
            return false;
        }
        if self.meant.len() <= index {
            self.meant.resize(index + 1, None);
        }
        *self.meant[index].get_or_insert_with(|| self.rule.subject.is(method, name))
    }

    /// Whether it is broken by this second and the run is to end for it.
    fn take(&mut self, second: u32, record: Record, is_whole: bool) -> bool {
        let metric = self.rule.metric;
        let is_measure = matches!(self.rule.subject, Subject::Measure(..));
        let of = |sums: &Sums, seconds: f64| {
            if is_measure { metric.of_measured(sums, seconds) } else { metric.of(sums, seconds) }
        };
        let value = if let Some(window) = &mut self.window {
            if !is_whole {
                return false;
            }
            let length = f64::from(self.rule.over.unwrap_or(1));
            let value = window.push(record).and_then(|sums| of(sums, length));
            self.windows += u64::from(value.is_some());
            value
        } else {
            let since = self.since.get_or_insert_default();
            // So much per second is known of whole ones only.
            if is_whole || !metric.is_per_second() {
                since.add(&record);
            }
            self.seconds += u32::from(is_whole);
            // Of a whole run the end tells; only one that is to end early is judged on the way.
            of(since, f64::from(self.seconds)).filter(|_| self.rule.stop && is_whole)
        };
        let Some(value) = value else { return false };
        let bound = self.rule.bound;
        if self.window.is_some() && self.worst.is_none_or(|worst| bound.is_worse(value, worst)) {
            self.worst = Some(value);
        }
        if bound.is_kept_by(value) || self.broken.is_some() {
            return false;
        }
        self.worst = Some(value);
        self.broken = Some(second + 1);
        self.rule.stop
    }

    /// Of the whole run, as far as it is looked at. Where nothing is left out, it is the number that tables show.
    fn whole(&self, run: &Run) -> Option<f64> {
        let metric = self.rule.metric;
        if metric.is_of_arrivals() && self.rule.after == 0 {
            return metric.of_arrived(Arrived::of(run.arrivals()?));
        }
        if let Subject::Measure(kind, name) = &self.rule.subject {
            if self.rule.after > 0 {
                let since = self.since.as_ref().filter(|since| since.requests > 0)?;
                return metric.of_measured(since, f64::from(self.seconds));
            }
            return measured(run, *kind, name).and_then(|one| metric.of_measure(one, run.lasted()));
        }
        if let Some(since) = self.since.as_ref().filter(|_| self.rule.after > 0 || metric == Metric::Users) {
            return Some(since)
                .filter(|since| since.requests > 0 || !metric.needs_requests())
                .and_then(|since| metric.of(since, f64::from(self.seconds)));
        }
        if self.rule.after > 0 {
            return None;
        }
        let names = || meant(run, &self.rule.subject);
        let requests: u64 = names().map(|name| name.entry.num_requests).sum();
        let failures: u64 = names().map(|name| name.entry.num_failures).sum();
        if requests == 0 && (failures == 0 || metric != Metric::Fails) {
            return None;
        }
        match metric {
            Metric::Rps => Some(run.total().entry.span().total_rate(requests)),
            Metric::Min => {
                let timed = names().filter_map(|name| name.entry.min_response_time);
                timed.map(Number::value).reduce(f64::min)
            }
            Metric::Max => {
                let timed = names().filter(|name| name.entry.min_response_time.is_some());
                timed.map(|name| name.entry.max_response_time.value()).reduce(f64::max)
            }
            Metric::Avg => {
                let (sum, timed) = names().fold((0.0, 0), |(sum, timed), name| {
                    (sum + name.entry.total_response_time.value(), timed + name.entry.timed())
                });
                (timed > 0).then(|| sum / timed as f64)
            }
            _ => {
                let mut sums = Sums::default();
                for name in names() {
                    sums.add(&Record {
                        requests: name.entry.num_requests,
                        failures: name.entry.num_failures,
                        slots: name.entry.exact().slots(),
                        ..Record::default()
                    });
                }
                metric.of(&sums, 0.0)
            }
        }
    }

    fn standing(&self, run: &Run, ended: bool) -> dto::Threshold {
        let rule = &self.rule;
        let windowed = self.window.is_some();
        let measured =
            if windowed || (rule.stop && self.broken.is_some()) { self.worst } else { self.whole(run) };
        let kept = measured.map(|value| self.broken.is_none() && rule.bound.is_kept_by(value));
        let outcome = match kept {
            Some(true) => OK,
            Some(false) => FAILED,
            None if ended => NO_DATA,
            None => WAITING,
        };
        let dimension = rule.dimension();
        dto::Threshold {
            text: rule.text.clone(),
            subject: rule.subject.to_string(),
            metric: rule.label(),
            required: rule.bound.text(dimension),
            outcome: outcome.to_owned(),
            limit: (dimension == Dimension::Time).then_some(rule.bound.value),
            measured,
            shown: measured.map(|value| dimension.text(value)),
            detail: self.detail(run, outcome),
            at: self.broken.map(f64::from),
            warn: rule.warn,
            stop: rule.stop,
        }
    }

    /// What more there is to say of it, in words.
    fn detail(&self, run: &Run, outcome: &str) -> String {
        let mut words = Vec::new();
        if let Subject::Measure(kind, name) = &self.rule.subject {
            let whole = self.window.is_none() && self.rule.after == 0;
            words.extend(match measured(run, *kind, name) {
                None if measured(run, *kind, OVERFLOW_NAME).is_some() => Some(format!(
                    "not told apart: names beyond the first {} are counted together",
                    count(MAX_MEASURES as u64)
                )),
                None => Some("nothing was measured under this name".to_owned()),
                Some(_) if outcome == NO_DATA => Some(self.nothing("anything")),
                Some(one) if kind.is_ratio() && whole => Some(of(one.good, one.count)),
                Some(_) => None,
            });
            words.extend(self.when());
            return words.join(", ");
        }
        if self.rule.metric.is_of_arrivals() {
            words.extend(self.of_arrivals(run.arrivals(), outcome));
        } else if outcome == NO_DATA {
            words.push(match () {
                () if !run.total().is_used() => "there was no request".to_owned(),
                () if meant(run, &self.rule.subject).all(|name| !name.is_used())
                    && run.names().any(|name| &*name.entry.name == OVERFLOW_NAME) =>
                {
                    format!(
                        "not told apart: there are so many names that the rest is counted as {OVERFLOW_NAME}"
                    )
                }
                () if meant(run, &self.rule.subject).all(|name| !name.is_used()) => {
                    "no request was counted under this name".to_owned()
                }
                () => self.nothing("one"),
            });
        }
        if self.rule.metric == Metric::FailRatio && self.window.is_none() && self.rule.after == 0 {
            let (failures, requests) =
                meant(run, &self.rule.subject).fold((0, 0), |(failures, requests), name| {
                    (failures + name.entry.num_failures, requests + name.entry.num_requests)
                });
            if requests > 0 {
                words.push(of(failures, requests));
            }
        }
        words.extend(self.when());
        words.join(", ")
    }

    /// What there is to say of a rule about arrivals.
    fn of_arrivals(&self, arrivals: Option<&dto::Arrivals>, outcome: &str) -> Option<String> {
        let whole = self.window.is_none() && self.rule.after == 0;
        Some(match (arrivals, self.rule.metric) {
            (None, _) if outcome == NO_DATA => "no iterations were due (see --arrival-rate)".to_owned(),
            (Some(_), Metric::Late) if !whole && outcome == NO_DATA => self.nothing("any that began"),
            (Some(_), _) if !whole && outcome == NO_DATA => self.nothing("any"),
            (Some(arrivals), Metric::Late) if whole && arrivals.begun == 0 => {
                format!("none of {} began", count(arrivals.due))
            }
            (Some(arrivals), Metric::Late) if whole => of(arrivals.late, arrivals.due),
            (Some(arrivals), _) if whole && arrivals.lost > 0 => format!(
                "{} dropped and {} lost of {}",
                count(arrivals.dropped),
                count(arrivals.lost),
                count(arrivals.due.saturating_add(arrivals.lost))
            ),
            (Some(arrivals), _) if whole => of(arrivals.dropped, arrivals.due),
            _ => return None,
        })
    }

    /// Where there was no data.
    fn nothing(&self, of: &str) -> String {
        match (self.rule.over, self.rule.after) {
            (Some(over), 0) => format!("no window of {over} s had {of}"),
            (Some(over), after) => format!("no window of {over} s after {after} s had {of}"),
            (None, after) => format!("none after {after} s"),
        }
    }

    /// Of which windows it is the worst, and when it was broken.
    fn when(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(over) = self.rule.over.filter(|_| self.windows > 0) {
            let windows = if self.windows == 1 {
                "the only window".to_owned()
            } else {
                format!("worst of {} windows", self.windows)
            };
            words.push(format!("{windows} of {over} s"));
        }
        if let Some(seconds) = self.broken {
            words.push(format!("first after {}", elapsed(seconds)));
        }
        words
    }
}

impl Named<'_> {
    fn is_used(&self) -> bool {
        self.entry.num_requests > 0 || self.entry.num_failures > 0
    }
}

/// The check or metric of that name.
fn measured<'a>(run: &'a Run, kind: MeasureKind, name: &str) -> Option<&'a Measure> {
    run.measures().iter().find(|one| one.kind == kind && *one.name == *name)
}

/// Those that the subject means.
pub(crate) fn meant<'a>(run: &'a Run, subject: &'a Subject) -> impl Iterator<Item = Named<'a>> {
    let all = matches!(subject, Subject::All);
    let total = all.then(|| run.total());
    let names = run.names().filter(move |name| !all && subject.is(&name.entry.method, &name.entry.name));
    total.into_iter().chain(names)
}

fn of(part: u64, all: u64) -> String {
    format!("{} of {}", count(part), count(all))
}

/// `0:02:10`
fn elapsed(seconds: u32) -> String {
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests;
