//! A run as it is kept.

use serde_json::Value;

use crate::course::Course;
use crate::dto;
use crate::mirror::shown_percentiles;
use crate::run::Run;
use crate::spread::bands;
use crate::status::HostStatus;
use crate::windows::whole;

/// All of a run.
#[derive(Debug, Clone, Default)]
pub struct StoredRun {
    /// In a line.
    pub summary: dto::RunSummary,
    /// Parameters and environment.
    pub info: Value,
    /// Of the rows' percentiles.
    pub fractions: Vec<f64>,
    /// Of the history's percentiles.
    pub chart_fractions: Vec<f64>,
    /// Seconds that rates of the whole run refer to.
    pub elapsed: f64,
    /// Names.
    pub names: Vec<dto::Name>,
    /// The total.
    pub total: dto::Rows,
    /// All names' rows.
    pub rows: dto::Rows,
    /// Failures.
    pub errors: Vec<dto::Failure>,
    /// Exceptions.
    pub exceptions: Vec<dto::Exception>,
    /// Where the time went.
    pub phases: dto::Phases,
    /// How each threshold stood.
    pub thresholds: Vec<dto::Threshold>,
    /// Whether the generator was the limit.
    pub verdict: dto::Verdict,
    /// What has become of the arrivals, if it was an open run.
    pub arrivals: Option<dto::Arrivals>,
    /// Checks and metrics of the script's own.
    pub measures: Vec<dto::Measure>,
    /// Answers by their status.
    pub statuses: dto::Counts,
    /// The course, second by second.
    pub course: Course,
}

impl StoredRun {
    /// The present run.
    pub(crate) fn of(run: &Run, status: &HostStatus, info: Value, now: f64) -> Self {
        let (mirror, course) = (&run.mirror, &run.course);
        Self {
            summary: summary(run, status, now),
            info,
            fractions: mirror.fractions.clone(),
            chart_fractions: run.chart_fractions.clone(),
            elapsed: mirror.elapsed(),
            names: mirror.names_since(0),
            total: mirror.total_row(),
            rows: run.rows(),
            errors: mirror.errors_since(0),
            exceptions: run.exceptions.clone(),
            phases: mirror.phases(0),
            thresholds: run.thresholds(),
            verdict: run.verdict(),
            arrivals: run.arrivals.clone(),
            measures: mirror.measures(),
            statuses: mirror.statuses(),
            course: course.clone(),
        }
    }

    /// The course; `number` says of which run of the program.
    pub fn history(&self, number: u32) -> dto::History {
        self.course.history(0, &self.chart_fractions, number)
    }

    /// The course of one name.
    pub fn name_history(&self, name: &dto::Name) -> dto::NameHistory {
        self.course.name_history(name, &self.chart_fractions)
    }

    /// The numbers between two moments (unix seconds, widened to whole points), of a name or the total. `None`: no such name.
    pub fn window(&self, id: Option<i32>, from: Option<f64>, to: Option<f64>) -> Option<dto::Window> {
        let window = self.course.window(id, from, to, &self.fractions)?;
        if from.is_some() || to.is_some() {
            return Some(window);
        }
        let (rows, at) = match id {
            None | Some(-1) => (&self.total, 0),
            Some(id) => (&self.rows, self.rows.id.iter().position(|&known| known == id)?),
        };
        Some(whole(window, rows, at, self.elapsed))
    }

    /// Rows of older files have rounded percentiles: those of the course take their place.
    pub(super) fn make_exact(&mut self) {
        for (rows, course) in [(&mut self.total, &self.course), (&mut self.rows, &self.course)] {
            for (at, &id) in rows.id.iter().enumerate() {
                let Some(window) = course.window(Some(id), None, None, &self.fractions) else { continue };
                for (column, value) in rows.percentiles.iter_mut().zip(window.percentiles) {
                    if let Some(place) = column.get_mut(at) {
                        *place = value;
                    }
                }
            }
        }
    }

    /// The course knows response times to a thousandth, which is enough for bands.
    fn bands(&self) -> dto::Bands {
        let of_all = self.thresholds.iter().filter(|threshold| threshold.subject == "all");
        let limits = of_all.filter_map(|threshold| threshold.limit);
        bands(&self.course.slots(-1), self.summary.requests, limits)
    }

    /// All but what is asked for by window or name.
    pub fn detail(&self) -> dto::RunDetail {
        dto::RunDetail {
            summary: self.summary.clone(),
            info: self.info.clone(),
            fractions: self.fractions.clone(),
            chart_fractions: self.chart_fractions.clone(),
            elapsed: self.elapsed,
            names: self.names.clone(),
            total: self.total.clone(),
            rows: self.rows.clone(),
            errors: self.errors.clone(),
            exceptions: self.exceptions.clone(),
            history: self.history(0),
            phases: self.phases.clone(),
            thresholds: self.thresholds.clone(),
            verdict: self.verdict.clone(),
            arrivals: self.arrivals.clone(),
            measures: self.measures.clone(),
            generator: self.course.own.points().to_vec(),
            statuses: self.statuses.clone(),
            classes: self.course.classes.told().clone(),
            fan: self.course.fan(),
            bands: self.bands(),
        }
    }
}

/// A run in a line, as it is now.
pub(crate) fn summary(run: &Run, status: &HostStatus, now: f64) -> dto::RunSummary {
    let (mirror, course) = (&run.mirror, &run.course);
    let mark = run.marks.last();
    let started = mark.map_or(course.base, |mark| mark.started);
    let ended = mark.and_then(|mark| mark.ended).unwrap_or(now);
    let total = &mirror.total;
    let exact = shown_percentiles(&total.entry, &[0.5, 0.95, 0.99]);
    let exact = |index: usize| exact.get(index).copied().flatten();
    dto::RunSummary {
        id: String::new(),
        started,
        ended,
        duration: (ended - started).max(0.0),
        since: mirror.span().start,
        elapsed: mirror.elapsed(),
        host: status.host.clone(),
        locustfile: status.locustfile.clone(),
        profile: status.profile.clone(),
        requests: total.row.requests,
        failures: total.row.failures,
        fail_ratio: total.entry.fail_ratio(),
        rps: mirror.span().total_rate(total.row.requests),
        avg: total.row.avg,
        p50: exact(0),
        p95: exact(1),
        p99: exact(2),
        max_users: course.most_users,
        names: mirror.names.iter().flatten().count() as u64,
        name: String::new(),
        note: String::new(),
        pinned: false,
        bytes: 0,
        cut_off: false,
    }
}
