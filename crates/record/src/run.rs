//! The present run: its numbers, its course and its neighbours.

use gregaria_stats::{ErrorRecord, Measure, OVERFLOW_NAME, Piece, Tally};

use crate::course::{Course, Told, When};
use crate::dto;
use crate::mirror::{Mirror, Named, rows};
use crate::numbers::Numbers;
use crate::own::Own;
use crate::status::HostStatus;
use crate::thresholds::{Judge, Threshold};
use crate::verdict::{Crew, Facts, Health, judge};
use crate::windows::{bins, whole};

/// Percentiles charts can show, besides those that the script asks for.
const CHART: [f64; 5] = [0.5, 0.75, 0.9, 0.95, 0.99];
/// Percentiles tables can show, besides those that the script asks for.
const TABLE: [f64; 11] = [0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0];
/// Runs of this program that are remembered by number.
const RUNS: usize = 1_000;

/// The present run, or the last.
#[derive(Debug, Clone)]
pub struct Run {
    pub(crate) mirror: Mirror,
    pub(crate) course: Course,
    pub(crate) number: u32,
    pub(crate) running: bool,
    pub(crate) marks: Vec<dto::RunMark>,
    pub(crate) chart_fractions: Vec<f64>,
    pub(crate) exceptions: Vec<dto::Exception>,
    pub(crate) seq: u64,
    /// What has become of the arrivals, if the run is an open one.
    pub(crate) arrivals: Option<dto::Arrivals>,
    judge: Judge,
    /// Whether the generator keeps up: this process, and the workers.
    pub(crate) health: Health,
    pub(crate) crew: Crew,
    /// What is known of the program itself.
    pub(crate) own: Own,
    course_since: u64,
}

/// What a look at the numbers found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// They began anew.
    pub(crate) anew: bool,
    /// Other percentiles are asked for than at the last look.
    pub(crate) other_lists: bool,
}

/// Fractions of both lists, each once, rising.
fn merged_fractions(own: &[f64], wanted: &[f64]) -> Vec<f64> {
    let mut all: Vec<f64> = own.iter().chain(wanted).copied().filter(|f| (0.0..=1.0).contains(f)).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

/// The percentiles of tables and those of charts.
fn lists_of(status: &HostStatus) -> (Vec<f64>, Vec<f64>) {
    (
        merged_fractions(&TABLE, &status.percentiles_to_statistics),
        merged_fractions(&CHART, &status.percentiles_to_chart),
    )
}

impl Run {
    pub(crate) fn new() -> Self {
        // What holds until the program has said otherwise, so that the first page already has all columns.
        let (fractions, chart_fractions) = lists_of(&HostStatus::default());
        Self {
            mirror: Mirror::new(fractions),
            course: Course::new(0.0),
            number: 0,
            running: false,
            marks: Vec::new(),
            chart_fractions,
            exceptions: Vec::new(),
            seq: 0,
            arrivals: None,
            judge: Judge::default(),
            health: Health::default(),
            crew: Crew::default(),
            own: Own::default(),
            course_since: 0,
        }
    }

    /// Which run of this program; 0 before the first.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// All runs of this program, oldest first.
    pub fn marks(&self) -> &[dto::RunMark] {
        &self.marks
    }

    /// Number of the look that these numbers are from.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Number of the look at which the numbers began anew: what was known before it counts no longer.
    pub fn since(&self) -> u64 {
        self.mirror.since
    }

    /// Number of the look at which the course began anew, or got coarser.
    pub fn course_since(&self) -> u64 {
        self.course_since
    }

    /// Points of the course.
    pub fn points(&self) -> usize {
        self.course.total.len()
    }

    /// Of the rows' percentiles.
    pub fn fractions(&self) -> &[f64] {
        &self.mirror.fractions
    }

    /// Of the course's percentiles.
    pub fn chart_fractions(&self) -> &[f64] {
        &self.chart_fractions
    }

    /// Start of the statistics, unix seconds.
    pub fn start_time(&self) -> f64 {
        self.mirror.span().start
    }

    /// The total.
    pub fn total(&self) -> Named<'_> {
        self.mirror.total.named(-1)
    }

    /// Each name, in order of first use.
    pub fn names(&self) -> impl Iterator<Item = Named<'_>> {
        let all = self.mirror.names.iter().enumerate();
        all.filter_map(|(id, slot)| Some(slot.as_ref()?.named(id as i32)))
    }

    /// What the script measures besides its requests.
    pub fn measures(&self) -> &[Measure] {
        &self.mirror.measures
    }

    /// Seconds of the course.
    pub(crate) fn lasted(&self) -> f64 {
        (self.course.until - self.course.began).max(0.0)
    }

    /// Failures in order of first occurrence, as often as they had occurred at the look.
    pub fn errors(&self) -> impl Iterator<Item = (&ErrorRecord, &Tally)> {
        self.mirror.errors.iter().map(|error| (&*error.record, &error.tally))
    }

    /// What changed after the look `since`.
    pub fn tick(&self, since: u64, full: bool, status: dto::Status, points: Vec<dto::Point>) -> dto::Tick {
        dto::Tick {
            seq: self.seq,
            run: self.number,
            at: self.mirror.at,
            full,
            status,
            elapsed: self.mirror.elapsed(),
            since: self.mirror.span().start,
            total: self.mirror.total_row(),
            names: self.mirror.names_since(since),
            rows: self.mirror.rows_since(since),
            errors: self.mirror.errors_since(since),
            thresholds: self.thresholds(),
            verdict: self.verdict(),
            measures: self.mirror.measures(),
            points,
        }
    }

    /// Whether it has begun and ended.
    pub(crate) fn is_over(&self) -> bool {
        !self.running && self.number > 0
    }

    /// How each threshold stands.
    pub fn thresholds(&self) -> Vec<dto::Threshold> {
        self.judge.standing(self, self.is_over())
    }

    /// Whether the generator keeps up, or was the limit.
    pub fn verdict(&self) -> dto::Verdict {
        judge(Facts {
            here: &self.health,
            crew: &self.crew,
            phases: &self.mirror.total.entry.phases,
            arrivals: self.arrivals.as_ref(),
            overflows: self.names().any(|named| &*named.entry.name == OVERFLOW_NAME),
            failures: self.errors().map(|(error, tally)| (&*error.seed.text, tally.occurrences)).collect(),
        })
    }

    /// What the run has to keep to from now on.
    pub(crate) fn set_thresholds(&mut self, rules: Vec<Threshold>) {
        self.judge = Judge::new(rules);
    }

    /// Thresholds that have been broken since this was last called, and because of which the run is to end.
    pub(crate) fn take_stops(&mut self) -> Vec<String> {
        self.judge.take_stops()
    }

    /// The course from point number `from` on.
    pub fn history(&self, from: usize) -> dto::History {
        self.course.history(from, &self.chart_fractions, self.number)
    }

    /// The course of one name.
    pub fn name_history(&self, name: &dto::Name) -> dto::NameHistory {
        self.course.name_history(name, &self.chart_fractions)
    }

    /// The numbers between two moments (unix seconds, widened to whole points), of a name or the total. `None`: no such name.
    pub fn window(&self, id: Option<i32>, from: Option<f64>, to: Option<f64>) -> Option<dto::Window> {
        let fractions = &self.mirror.fractions;
        let slot = match id {
            None | Some(-1) => &self.mirror.total,
            Some(id) => self.mirror.names.get(usize::try_from(id).ok()?)?.as_ref()?,
        };
        let window = self.course.window(id, from, to, fractions);
        // In its first second a name is known, and the course does not have it yet.
        let window = window.unwrap_or_else(|| self.course.window_of_nothing(from, to, fractions));
        if from.is_some() || to.is_some() {
            return Some(window);
        }
        let row = rows([(-1, &slot.row)], fractions.len());
        // The course does not have the second that goes on.
        let bins = bins(&slot.entry.exact().slots());
        Some(dto::Window { bins, ..whole(window, &row, 0, self.mirror.elapsed()) })
    }

    /// All names for the page.
    pub fn dto_names(&self) -> Vec<dto::Name> {
        self.mirror.names_since(0)
    }

    /// All names' rows.
    pub(crate) fn rows(&self) -> dto::Rows {
        let all = self.mirror.names.iter().enumerate();
        let all = all.filter_map(|(id, slot)| Some((id as i32, &slot.as_ref()?.row)));
        rows(all, self.mirror.fractions.len())
    }

    /// Where the time went.
    pub fn phases(&self) -> dto::Phases {
        self.mirror.phases(0)
    }

    /// What the program saw of itself, from that moment (unix seconds) on.
    pub fn generator(&self, since: f64) -> dto::GeneratorCourse {
        dto::GeneratorCourse {
            latest: self.own.second.clone(),
            points: self.course.own.since(since).to_vec(),
            workers: self.crew.figures(),
        }
    }

    /// The exceptions.
    pub fn exceptions(&self) -> dto::Exceptions {
        dto::Exceptions { exceptions: self.exceptions.clone() }
    }

    /// What has become of the arrivals, if the run is an open one.
    pub fn arrivals(&self) -> Option<&dto::Arrivals> {
        self.arrivals.as_ref()
    }

    /// Exceptions are these now; `true`: they were others.
    pub(crate) fn set_exceptions(&mut self, exceptions: Vec<dto::Exception>) -> bool {
        let other = exceptions != self.exceptions;
        self.exceptions = exceptions;
        other
    }

    /// Looks at the numbers, and begins the course anew if they, or what is asked of them, did. `began`: a run has just begun.
    pub(crate) fn take_in(&mut self, numbers: &Numbers, status: &HostStatus, now: f64, began: bool) -> Taken {
        let (fractions, chart_fractions) = lists_of(status);
        let other_lists = fractions != self.mirror.fractions || chart_fractions != self.chart_fractions;
        let anew = self.mirror.look(numbers, &fractions, self.seq, now);
        if anew || began {
            self.judge.begin();
            self.health.begin();
        }
        if began {
            self.crew.begin();
        }
        self.arrivals.clone_from(&status.arrivals);
        self.judge.has_arrived(self.arrivals.as_ref());
        if anew || began || chart_fractions != self.chart_fractions {
            self.chart_fractions = chart_fractions;
            let start = self.mirror.span().start;
            // Statistics that were cleared for this run tell best when it began.
            let base = if start > 0.0 && start <= now { start } else { now };
            let told = self.course.told.take();
            self.course = Course::new(base);
            self.course.told = told;
            self.course_since = self.seq;
        }
        if status.is_running() {
            self.course.note_classes(now, &status.user_classes);
        }
        Taken { anew, other_lists }
    }

    /// Whether there are requests that the course does not have yet.
    pub(crate) fn has_unrecorded(&self) -> bool {
        self.mirror.total.has_unrecorded()
    }

    /// Takes what is new into the course; the points of the seconds of which everything is known now.
    pub(crate) fn record(&mut self, pieces: Vec<Piece>, when: When) -> Vec<dto::Point> {
        let stride = self.course.stride;
        let (course, mirror) = (&mut self.course, &mut self.mirror);
        let points = course.record(mirror, pieces, when, &self.chart_fractions, &mut self.judge);
        if self.course.stride != stride {
            self.course_since = self.seq;
        }
        points
    }

    /// The same with a second that is not over yet, unless the run is: no threshold is judged by it.
    pub(crate) fn record_part(&mut self, when: When) {
        let judge = (!when.is_end).then(|| self.judge.clone());
        let pieces = self.mirror.pieces();
        self.record(pieces, when);
        if let Some(judge) = judge {
            self.judge = judge;
        }
    }

    /// Whether somebody wants the seconds of all names; those that were closed since this was last called.
    pub(crate) fn take_told(&mut self, wanted: bool) -> Vec<Told> {
        std::mem::replace(&mut self.course.told, wanted.then(Vec::new)).unwrap_or_default()
    }

    /// A run has begun.
    pub(crate) fn begin(&mut self, number: u32, started: f64) {
        self.number = number;
        self.running = true;
        if self.marks.last().is_none_or(|mark| mark.run != number) {
            self.marks.push(dto::RunMark { run: number, started, ended: None, id: None });
            let surplus = self.marks.len().saturating_sub(RUNS);
            self.marks.drain(..surplus);
        }
    }

    /// The run is over.
    pub(crate) fn end(&mut self, ended: f64) {
        self.running = false;
        if let Some(mark) = self.marks.last_mut() {
            mark.ended = Some(ended);
        }
    }

    /// The run that is over is in the store under that id.
    pub(crate) fn set_id(&mut self, id: Option<String>) {
        if let Some(mark) = self.marks.last_mut() {
            mark.id = id;
        }
    }
}
