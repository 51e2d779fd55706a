//! What the report of a run shows, at any moment: while it runs, at its end, and for statistics that nobody watched.

use std::sync::Arc;

use gregaria_stats::RequestStats;
use serde::Serialize;
use serde_json::Value;

use crate::clock::unix_now;
use crate::course::When;
use crate::dto;
use crate::numbers::Numbers;
use crate::owner_first::OwnerFirst;
use crate::record::Record;
use crate::run::Run;
use crate::status::HostStatus;
use crate::store::StoredRun;

/// Names whose distribution a report has; those with the most requests.
const MOST_NAMES: usize = 200;

/// What the host says of the run: its answers to the questions of these names, as JSON.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// To [`crate::Question::Status`].
    pub status: &'a str,
    /// To [`crate::Question::Info`].
    pub info: &'a str,
    /// To [`crate::Question::Exceptions`].
    pub exceptions: &'a str,
}

/// How the page is shown.
#[derive(Debug, Clone, Default)]
pub struct Showing {
    /// `light` or `dark`; `None`: as the reader likes.
    pub theme: Option<String>,
    /// Where the page can be downloaded, if it is not a download itself.
    pub download: Option<String>,
}

/// What the host says could not be read.
#[derive(Debug, thiserror::Error)]
#[error("what is said of the run is no such JSON: {0}")]
pub struct ReportError(#[from] serde_json::Error);

/// The course of the present run, or of the last.
#[derive(Debug, Clone)]
pub struct Recording(Arc<Record>);

#[derive(Serialize)]
struct Report<'a> {
    theme: Option<&'a str>,
    download: Option<&'a str>,
    run: dto::RunDetail,
    windows: Vec<OfName>,
    version: &'static str,
}

/// The whole run's distribution of a name.
#[derive(Serialize)]
struct OfName {
    id: i32,
    window: dto::Window,
}

impl Recording {
    /// Of what this record holds; it outlives the recorder.
    pub fn new(record: Arc<Record>) -> Self {
        Self(record)
    }

    /// The data of the report as JSON, with all numbers as they are now.
    ///
    /// # Errors
    /// If what is told is not what it should be.
    pub fn report(&self, told: Told<'_>, showing: &Showing) -> Result<String, ReportError> {
        let status = HostStatus::parse(told.status.as_bytes())?;
        let present = self.0.run().clone();
        let run = run_now(present, self.0.numbers(), &status, told, unix_now())?;
        json(&run, run.detail(), showing)
    }
}

impl Recording {
    /// How the thresholds stand, as JSON, with all numbers as they are now. The run is taken to be over if it has stopped.
    ///
    /// # Errors
    /// If what is told is not what it should be.
    pub fn thresholds(&self, status: &str) -> Result<String, ReportError> {
        Ok(serde_json::to_string(&self.counted(status)?.thresholds())?)
    }

    /// Whether the generator was the limit, as JSON, with all numbers as they are now.
    ///
    /// # Errors
    /// If what is told is not what it should be.
    pub fn verdict(&self, status: &str) -> Result<String, ReportError> {
        Ok(serde_json::to_string(&self.counted(status)?.verdict())?)
    }

    /// The run at its end, or as it is now.
    fn counted(&self, status: &str) -> Result<Run, ReportError> {
        let status = HostStatus::parse(status.as_bytes())?;
        let run = self.0.run().clone();
        Ok(if run.is_over() { run } else { counted_now(run, self.0.numbers(), &status, unix_now()) })
    }
}

impl Record {
    /// Keeps what was measured so far as a run of its own: it is about to be cleared. Its id; none if there is nothing to keep, or no
    /// store. Asks the host, so it is not to be called on its thread.
    pub fn keep_so_far(&self) -> Option<String> {
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
        let store = self.store()?;
        let present = self.run().clone();
        let (status, _) = self.status();
        if !status.is_running() || present.total().entry.num_requests == 0 {
            // One that is over is kept already.
            return None;
        }
        let now = unix_now();
        let run = counted_now(present, self.numbers(), &status, now);
        let mut kept = StoredRun::of(&run, &status, self.info(PATIENCE), now);
        "Until its statistics were reset".clone_into(&mut kept.summary.note);
        match store.save(&kept) {
            Ok(id) => Some(id),
            Err(error) => {
                self.source.warn(format!("What was measured before the reset is not kept: {error}"));
                None
            }
        }
    }
}

impl StoredRun {
    /// The data of its report as JSON.
    ///
    /// # Errors
    /// If a number in it is none.
    pub fn report(&self, showing: &Showing) -> Result<String, ReportError> {
        json(self, self.detail(), showing)
    }
}

/// The same for statistics that nobody recorded: their course is one point.
///
/// # Errors
/// If what is told is not what it should be.
pub fn report_of(
    stats: Arc<OwnerFirst<RequestStats>>,
    told: Told<'_>,
    showing: &Showing,
) -> Result<String, ReportError> {
    let status = HostStatus::parse(told.status.as_bytes())?;
    let span = stats.look().total().span();
    let run = run_now(Run::new(), &Numbers::new(stats), &status, told, span.last.unwrap_or(span.start))?;
    json(&run, run.detail(), showing)
}

/// The run as it is now.
fn run_now(
    run: Run,
    numbers: &Numbers,
    status: &HostStatus,
    told: Told<'_>,
    now: f64,
) -> Result<StoredRun, ReportError> {
    let info: Value = serde_json::from_str(told.info)?;
    let exceptions: Vec<dto::Exception> = serde_json::from_str(told.exceptions)?;
    let mut run = counted_now(run, numbers, status, now);
    run.set_exceptions(exceptions);
    Ok(StoredRun::of(&run, status, info, now))
}

/// The run with all numbers as they are now.
fn counted_now(mut run: Run, numbers: &Numbers, status: &HostStatus, now: f64) -> Run {
    run.seq += 1;
    run.take_in(numbers, status, now, false);
    if run.has_unrecorded() || status.is_running() {
        run.record_part(When::of(status, now, !status.is_running()));
    }
    run.running &= status.is_running();
    run
}

fn json(run: &StoredRun, detail: dto::RunDetail, showing: &Showing) -> Result<String, ReportError> {
    let mut ids: Vec<(u64, i32)> =
        detail.rows.requests.iter().copied().zip(detail.rows.id.iter().copied()).collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let chosen = [-1].into_iter().chain(ids.iter().take(MOST_NAMES).map(|&(_, id)| id));
    let windows =
        chosen.filter_map(|id| Some(OfName { id, window: run.window(Some(id), None, None)? })).collect();
    let report = Report {
        theme: showing.theme.as_deref(),
        download: showing.download.as_deref(),
        run: detail,
        windows,
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(serde_json::to_string(&report)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Answer, Question, Source};

    const TOLD: Told<'_> = Told {
        status: r#"{"state": "stopped", "run": 1, "host": "http://h", "percentiles_to_chart": [0.5, 0.95]}"#,
        info: r#"{"host": "http://h"}"#,
        exceptions: r#"[{"count": 2, "msg": "m", "traceback": "t", "nodes": "local"}]"#,
    };

    fn stats() -> Arc<OwnerFirst<RequestStats>> {
        let mut stats = RequestStats::new(true, 1_000.0);
        for (name, count) in [("/a", 3), ("/b", 5)] {
            let id = stats.entry_id("GET", name, 1_000.0);
            for i in 0..count {
                assert!(stats.record(id, Some(10.0 + f64::from(i)), 4, 1_001.0 + f64::from(i)));
            }
        }
        Arc::new(OwnerFirst::new(stats))
    }

    struct Silent;

    impl Source for Silent {
        fn ask(&self, _question: Question, _answer: Answer) {}

        fn warn(&self, _message: String) {}

        fn stop(&self, _threshold: String) {}
    }

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn statistics_that_nobody_watched_have_rows_and_distributions() {
        let report = parsed(&report_of(stats(), TOLD, &Showing::default()).unwrap());
        let run = &report["run"];
        assert_eq!(run["summary"]["requests"], 8);
        assert_eq!(run["total"]["requests"], serde_json::json!([8]));
        assert_eq!(run["names"].as_array().unwrap().len(), 2);
        assert_eq!(run["exceptions"][0]["count"], 2);
        assert_eq!(run["info"]["host"], "http://h");
        let windows = report["windows"].as_array().unwrap();
        // The total first, then the name with the most requests.
        assert_eq!(
            windows.iter().map(|one| one["window"]["requests"].as_u64()).collect::<Vec<_>>(),
            [Some(8), Some(5), Some(3)]
        );
        let bins = windows[0]["window"]["bins"].as_array().unwrap();
        assert_eq!(bins.iter().filter_map(|bin| bin[2].as_u64()).sum::<u64>(), 8);
    }

    #[test]
    fn a_report_leaves_the_recording_as_it_is() {
        let record = Arc::new(Record::new(Numbers::new(stats()), Arc::new(Silent), None));
        let recording = Recording::new(Arc::clone(&record));
        let showing = Showing { theme: Some("dark".to_owned()), download: Some("x".to_owned()) };
        let first = recording.report(TOLD, &showing).unwrap();
        assert_eq!(
            (parsed(&first)["theme"].as_str(), parsed(&first)["download"].as_str()),
            (Some("dark"), Some("x"))
        );
        assert_eq!(record.run().seq(), 0);
        assert_eq!(
            parsed(&first)["run"]["total"],
            parsed(&recording.report(TOLD, &showing).unwrap())["run"]["total"]
        );
        assert!(recording.report(Told { info: "{", ..TOLD }, &showing).is_err());
    }
}
