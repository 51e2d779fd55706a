//! The present numbers for a scrape.

use gregaria_report::prometheus::{Delays, Failure, Latency, Own, Row, Scrape, Worker};

use crate::dto;
use crate::mirror::Named;
use crate::own;
use crate::record::Record;
use crate::verdict::Level;

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
    let counts = &run.own.counts;
    let mut all_own = own;
    if let Some(arrivals) = run.arrivals() {
        all_own.extend(arrivals_of(arrivals));
    }
    all_own.extend(own_of(counts, &run.own.second, lag.unwrap_or_default().as_secs_f64()));
    let of_threads = |name, help, of: fn(&own::Used) -> f64| {
        let threads = run.own.threads.iter();
        threads
            .map(move |used| Own { label: Some(("thread", &used.kind)), ..counter(name, help, of(used)) })
            .collect::<Vec<_>>()
    };
    all_own.extend(of_threads(
        "gregaria_thread_cpu_seconds_total",
        "Processor time by kind of thread; main runs the users.",
        |used| used.busy,
    ));
    all_own.extend(of_threads(
        "gregaria_thread_wait_seconds_total",
        "How long threads could have gone on, but had no processor, by kind of thread.",
        |used| used.waited,
    ));
    let level = run.verdict().level;
    all_own.extend([Level::Green, Level::Amber, Level::Red].map(|one| Own {
        label: Some(("level", one.word())),
        ..gauge(
            "gregaria_verdict",
            "How much speaks against the numbers of the present run: 1 at the level that holds.",
            f64::from(u8::from(one.word() == level)),
        )
    }));
    let crew = run.crew.figures();
    all_own.extend(of_workers(&crew));
    let mut scrape = Scrape {
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
        measures: &run.mirror.measures,
        own: all_own,
        latencies: Vec::new(),
        delays: vec![
            delays(
                "gregaria_hub_lag_seconds",
                "How late the thread that runs the users took up answers.",
                &counts.lag,
            ),
            delays(
                "gregaria_task_start_delay_seconds",
                "How much later tasks began than the waits before them said.",
                &counts.starts,
            ),
        ],
    };
    if let Some(arrivals) = run.arrivals() {
        scrape.delays.push(arrival_delays(arrivals));
        scrape.latencies = latencies_of(&arrivals.latencies);
    }
    scrape.text()
}

fn counter<'a>(name: &'a str, help: &'a str, value: f64) -> Own<'a> {
    Own { name, help, counter: true, label: None, value }
}

fn gauge<'a>(name: &'a str, help: &'a str, value: f64) -> Own<'a> {
    Own { counter: false, ..counter(name, help, value) }
}

fn delays<'a>(name: &'a str, help: &'a str, of: &own::Delays) -> Delays<'a> {
    let mut sum = 0;
    let up_to = |place: usize| {
        sum += of.counts[place];
        (own::Delays::end(place), sum)
    };
    let buckets = (0..own::DELAYS - 1).map(up_to).collect();
    Delays { name, help, buckets, count: of.len(), sum: of.nanos as f64 / 1e9 }
}

/// How workers fare in the run.
fn of_workers(crew: &[dto::WorkerHealth]) -> Vec<Own<'_>> {
    type Figure = (&'static str, &'static str, fn(&dto::WorkerHealth) -> f64);
    let figures: [Figure; 6] = [
        (
            "gregaria_worker_main_cpu_ratio",
            "Processor time of the thread that runs a worker's users, in this run: 1 is a whole core.",
            |seen| seen.main,
        ),
        ("gregaria_worker_io_cpu_ratio", "The same of its busiest I/O thread.", |seen| seen.io),
        (
            "gregaria_worker_hub_lag_p99_seconds",
            "99 of 100 answers of the run were taken up by the worker within this time.",
            |seen| seen.lag / 1e3,
        ),
        (
            "gregaria_worker_task_start_delay_p99_seconds",
            "99 of 100 tasks of the run began this much later at most than the waits before them said.",
            |seen| seen.start_delay / 1e3,
        ),
        ("gregaria_worker_late_starts", "Tasks of the run that the worker began late.", |seen| {
            seen.late as f64
        }),
        ("gregaria_worker_most_connections", "Most connections of the worker's users at a time.", |seen| {
            seen.connections as f64
        }),
    ];
    let of = |(name, help, value): Figure| {
        crew.iter().map(move |seen| Own { label: Some(("id", &*seen.id)), ..gauge(name, help, value(seen)) })
    };
    figures.into_iter().flat_map(of).collect()
}

/// What has become of the arrivals of an open run.
fn arrivals_of(of: &dto::Arrivals) -> Vec<Own<'static>> {
    let outcome = |outcome: &'static str, value: u64| Own {
        label: Some(("outcome", outcome)),
        ..counter("gregaria_arrivals_total", "Iterations of the open run that were to begin.", value as f64)
    };
    vec![
        gauge("gregaria_arrival_rate", "Iterations that are to begin per second.", of.rate),
        outcome("begun", of.begun),
        outcome("dropped", of.dropped),
        outcome("lost", of.lost),
        counter(
            "gregaria_arrivals_late_total",
            "Iterations that began more than 8 ms after they were to.",
            of.late as f64,
        ),
        gauge(
            "gregaria_arrivals_waiting",
            "Iterations that wait for a user that is being started.",
            of.waiting as f64,
        ),
    ]
}

/// Both latencies of an open run.
fn latencies_of(of: &dto::Latencies) -> Vec<Latency<'_>> {
    of.rows
        .iter()
        .flat_map(|row| {
            [("intended", &row.intended), ("service", &row.service)].map(|(kind, values)| Latency {
                kind,
                method: &row.method,
                name: &row.name,
                count: row.requests,
                quantiles: of.fractions.iter().copied().zip(values.iter().map(|ms| ms / 1e3)).collect(),
            })
        })
        .collect()
}

fn arrival_delays(of: &dto::Arrivals) -> Delays<'static> {
    let mut sum = 0;
    let up_to = |(place, count): (usize, &u64)| {
        sum += count;
        (own::Delays::end(place), sum)
    };
    let buckets = of.delays.iter().take(own::DELAYS - 1).enumerate().map(up_to).collect();
    Delays {
        name: "gregaria_arrival_delay_seconds",
        help: "How much later than they were to iterations began, what their first requests waited before they were sent included.",
        buckets,
        count: of.delays.iter().sum(),
        sum: of.delay_sum / 1e3,
    }
}

/// What the program counts of itself.
fn own_of(counts: &own::Counts, second: &dto::Generator, silence: f64) -> Vec<Own<'static>> {
    let commands = second.queue as f64;
    vec![
        gauge(
            "gregaria_hub_silence_seconds",
            "How long ago the thread that runs the users last said how it is; much more than 1: a task keeps it busy.",
            silence,
        ),
        counter(
            "gregaria_hub_turns_total",
            "Turns in which the thread that runs the users took up what had come.",
            counts.turns as f64,
        ),
        counter("gregaria_hub_wakes_total", "How often that thread was woken.", counts.wakes as f64),
        counter(
            "gregaria_completions_total",
            "Answers, and pieces of them, that it took up.",
            counts.completions as f64,
        ),
        counter("gregaria_io_rounds_total", "How often an I/O thread took commands.", counts.rounds as f64),
        counter("gregaria_io_commands_total", "Commands that it took.", counts.commands as f64),
        counter("gregaria_io_wakes_total", "How often an I/O thread was woken.", counts.calls as f64),
        gauge(
            "gregaria_queue_depth",
            "Most that waited between these threads at a time in the last second.",
            commands,
        ),
        gauge("gregaria_open_connections", "Connections of the users.", counts.connections as f64),
        counter(
            "gregaria_statistics_lock_waits_total",
            "How often the thread that runs the users had to wait for the statistics.",
            counts.lock_waits as f64,
        ),
        counter(
            "gregaria_statistics_lock_wait_seconds_total",
            "How long it waited for them altogether.",
            counts.lock_nanos as f64 / 1e9,
        ),
    ]
}
