//! The present numbers for a scrape.

use gregaria_report::prometheus::{Failure, Own, Row, Scrape, Worker};

use crate::mirror::Named;
use crate::record::Record;

/// Length of what "current" percentiles are of, in seconds, as in Locust.
const CURRENT: f64 = 10.0;

fn row(named: Named<'_>) -> Row<'_> {
    Row { entry: named.entry, rps: named.rps, fps: named.fps }
}

/// The numbers of the last look in Prometheus' text format. `own`: what the program counts of itself. Only the recorder's copy is
/// read, at the cost of whoever asks.
pub fn metrics(record: &Record, versions: (&str, &str), own: Vec<Own<'_>>) -> String {
    let (status, lag) = record.status();
    let run = record.run();
    let total = run.total();
    let recent = run.window(None, Some(run.mirror.at - CURRENT), None).filter(|window| window.requests > 0);
    let recent = |fraction: f64| {
        let window = recent.as_ref()?;
        let index = window.fractions.iter().position(|&one| one == fraction)?;
        window.percentiles.get(index).copied().flatten()
    };
    let mut all_own = own;
    all_own.push(Own {
        name: "gregaria_hub_silence_seconds",
        help: "How long ago the thread that runs the users last said how it is; much more than 1: a task keeps it busy.",
        counter: false,
        label: None,
        value: lag.unwrap_or_default().as_secs_f64(),
    });
    Scrape {
        versions,
        state: &status.state,
        run: run.number(),
        started: status.started,
        users: status.user_count,
        user_classes: status.user_classes.iter().map(|(class, users)| (class.as_str(), *users)).collect(),
        workers: status
            .workers
            .iter()
            .map(|worker| Worker { id: &worker.id, state: &worker.state, users: worker.user_count })
            .collect(),
        total: row(total),
        names: run.names().map(row).collect(),
        failures: run
            .errors()
            .map(|(error, tally)| Failure {
                method: &error.seed.method,
                name: &error.seed.name,
                error: &error.seed.text,
                occurrences: tally.occurrences,
            })
            .collect(),
        current: (recent(0.5), recent(0.95)),
        thresholds: run
            .thresholds()
            .into_iter()
            .filter(|one| one.outcome != "waiting")
            .map(|one| (one.text, one.outcome == "ok"))
            .collect(),
        own: all_own,
    }
    .text()
}
