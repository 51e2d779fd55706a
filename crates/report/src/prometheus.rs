//! What a Prometheus server scrapes, in its text format (0.0.4).
//!
//! Two families of names: `locust_…` are those of locust_exporter, with its labels and meanings, so that dashboards made for it
//! work as they are; `gregaria_…` are in the units and forms that Prometheus recommends: seconds, counters, histograms.

use gregaria_stats::{Entry, Measure, Phase};

mod measures;
mod text;

use text::Text;

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Names that have rows of their own; all others are added up in [`OTHER_NAMES`].
pub const MOST_NAMES: usize = 500;
/// Errors that have rows of their own; the others are left to the counters of failures.
const MOST_ERRORS: usize = 500;
/// The row of the names beyond [`MOST_NAMES`].
pub const OTHER_NAMES: &str = "(other names)";
/// Upper ends of the buckets of durations, in microseconds.
const BUCKETS_US: [u64; 17] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

/// The numbers of one name, or of all.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Counters, histogram, phases.
    pub entry: &'a Entry,
    /// Current requests per second.
    pub rps: f64,
    /// Current failures per second.
    pub fps: f64,
}

/// A worker as its master knows it.
#[derive(Debug, Clone, Copy)]
pub struct Worker<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its state, in Locust's word.
    pub state: &'a str,
    /// Its users.
    pub users: u64,
}

/// One kind of failure.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// Method.
    pub method: &'a str,
    /// Name.
    pub name: &'a str,
    /// Text.
    pub error: &'a str,
    /// How often.
    pub occurrences: u64,
}

/// A number that the program counts of itself.
#[derive(Debug, Clone, Copy)]
pub struct Own<'a> {
    /// Full name of the metric.
    pub name: &'a str,
    /// What it is, with its unit.
    pub help: &'a str,
    /// Whether it only grows.
    pub counter: bool,
    /// Name and value of its one label, if it has one.
    pub label: Option<(&'a str, &'a str)>,
    /// The value.
    pub value: f64,
}

/// Delays of something that the program does.
#[derive(Debug, Clone)]
pub struct Delays<'a> {
    /// Full name of the metric.
    pub name: &'a str,
    /// What they are of.
    pub help: &'a str,
    /// Upper ends in seconds, rising, and how many delays are no longer than that.
    pub buckets: Vec<(f64, u64)>,
    /// How many there are.
    pub count: u64,
    /// All of them together, in seconds.
    pub sum: f64,
}

/// A latency of requests of an open run.
#[derive(Debug, Clone)]
pub struct Latency<'a> {
    /// `intended` or `service`.
    pub kind: &'a str,
    /// Method.
    pub method: &'a str,
    /// Name.
    pub name: &'a str,
    /// How many requests.
    pub count: u64,
    /// Fractions, and what so many are not longer than, in seconds.
    pub quantiles: Vec<(f64, f64)>,
}

/// End of the name of a metric, its help, and its value in a row.
type Column = (&'static str, &'static str, fn(&Row<'_>) -> f64);

/// Everything that a scrape tells.
#[derive(Debug)]
pub struct Scrape<'a> {
    /// Version of this program, and of the Locust that it stands for.
    pub versions: (&'a str, &'a str),
    /// State of the run, in Locust's word.
    pub state: &'a str,
    /// Number of the run; 0: none yet.
    pub run: u32,
    /// Its start, unix seconds.
    pub started: Option<f64>,
    /// Users that run.
    pub users: u64,
    /// The same by class.
    pub user_classes: Vec<(&'a str, u64)>,
    /// Workers; none where there are none to be.
    pub workers: Vec<Worker<'a>>,
    /// All names.
    pub total: Row<'a>,
    /// Each name, in order of first use.
    pub names: Vec<Row<'a>>,
    /// Failures, in order of first occurrence.
    pub failures: Vec<Failure<'a>>,
    /// Current percentiles of all names: the 50th and the 95th, in ms.
    pub current: (Option<f64>, Option<f64>),
    /// Thresholds as they were written, and whether they are kept; without those that have no number yet.
    pub thresholds: Vec<(String, bool)>,
    /// What the script measures besides its requests.
    pub measures: &'a [Measure],
    /// What the program counts of itself; numbers of one name stand together.
    pub own: Vec<Own<'a>>,
    /// Both latencies, if the run is an open one.
    pub latencies: Vec<Latency<'a>>,
    /// How late the program is with what it does.
    pub delays: Vec<Delays<'a>>,
}

impl Scrape<'_> {
    /// The text.
    pub fn text(&self) -> String {
        let mut out = Text::default();
        self.exporters(&mut out);
        self.own_form(&mut out);
        out.0
    }

    /// The names beyond the first [`MOST_NAMES`], added up.
    fn others(&self) -> Option<(Entry, f64, f64)> {
        let (first, rest) = self.names.get(MOST_NAMES..)?.split_first()?;
        let mut sum = first.entry.light();
        sum.method = "".into();
        sum.name = OTHER_NAMES.into();
        let (mut rps, mut fps) = (first.rps, first.fps);
        for row in rest {
            sum.merge(row.entry, 0);
            rps += row.rps;
            fps += row.fps;
        }
        Some((sum, rps, fps))
    }

    fn with_rows(&self, then: impl FnOnce(&[Row<'_>])) {
        let others = self.others();
        let mut rows: Vec<Row<'_>> = self.names.iter().take(MOST_NAMES).copied().collect();
        rows.extend(others.as_ref().map(|(entry, rps, fps)| Row { entry, rps: *rps, fps: *fps }));
        then(&rows);
    }

    /// The metrics of locust_exporter.
    fn exporters(&self, out: &mut Text) {
        let in_state =
            |state: &str| self.workers.iter().filter(|worker| worker.state == state).count() as f64;
        // It knows the word "hatching", which was "spawning" later.
        let running = match self.state {
            "spawning" | "hatching" => 1.0,
            "running" => 2.0,
            _ => 0.0,
        };
        let plain: [(&str, &str, f64); 7] = [
            ("locust_up", "The numbers could be read.", 1.0),
            ("locust_running", "State of the run: 0 stopped, 1 spawning, 2 running.", running),
            ("locust_users", "Users that run.", self.users as f64),
            ("locust_workers_count", "Workers, missing ones included.", self.workers.len() as f64),
            ("locust_workers_running_count", "Workers that run users.", in_state("running")),
            ("locust_workers_hatching_count", "Workers that start users.", in_state("spawning")),
            ("locust_workers_missing_count", "Workers that are not heard.", in_state("missing")),
        ];
        for (name, help, value) in plain {
            out.gauge(name, help);
            out.line(name, &[], value);
        }
        out.gauge("locust_worker_detail", "Users of each worker.");
        for worker in &self.workers {
            out.line(
                "locust_worker_detail",
                &[("id", worker.id), ("state", worker.state)],
                worker.users as f64,
            );
        }
        out.gauge("locust_errors", "Failures of each kind.");
        for failure in self.failures.iter().take(MOST_ERRORS) {
            let labels = [("method", failure.method), ("name", failure.name), ("error", failure.error)];
            out.line("locust_errors", &labels, failure.occurrences as f64);
        }
        let (p50, p95) = self.current;
        let of_all = [
            ("fail_ratio", "Failures per request, of all names.", Some(self.total.entry.fail_ratio())),
            ("current_response_time_percentile_50", "Of the last ten seconds, in milliseconds.", p50),
            ("current_response_time_percentile_95", "Of the last ten seconds, in milliseconds.", p95),
        ];
        for (name, help, value) in of_all {
            let name = format!("locust_requests_{name}");
            out.gauge(&name, help);
            if let Some(value) = value {
                out.line(&name, &[], value);
            }
        }
        let columns: [Column; 9] = [
            ("num_requests", "Requests.", |row| row.entry.num_requests as f64),
            ("num_failures", "Failed requests.", |row| row.entry.num_failures as f64),
            ("avg_response_time", "Mean response time in milliseconds.", |row| row.entry.avg_response_time()),
            ("current_fail_per_sec", "Current failures per second.", |row| row.fps),
            ("min_response_time", "Smallest response time in milliseconds.", |row| {
                row.entry.min_response_time.map_or(0.0, gregaria_stats::Number::value)
            }),
            ("max_response_time", "Largest response time in milliseconds.", |row| {
                row.entry.max_response_time.value()
            }),
            ("current_rps", "Current requests per second.", |row| row.rps),
            ("median_response_time", "Median response time in milliseconds.", |row| {
                row.entry.median_response_time().value()
            }),
            ("avg_content_length", "Mean length of the content in bytes.", |row| {
                row.entry.avg_content_length().value()
            }),
        ];
        self.with_rows(|rows| {
            for (name, help, value) in columns {
                let name = format!("locust_requests_{name}");
                out.gauge(&name, help);
                for row in rows.iter().chain([&self.total]) {
                    out.line(&name, &labels_of(row.entry), value(row));
                }
            }
        });
    }

    /// The same numbers, and more, as Prometheus likes them.
    fn own_form(&self, out: &mut Text) {
        out.gauge("gregaria_info", "Versions of this program and of the Locust that it stands for.");
        out.line("gregaria_info", &[("version", self.versions.0), ("locust", self.versions.1)], 1.0);
        out.gauge("gregaria_run", "Number of the run; 0 before the first.");
        out.line("gregaria_run", &[], f64::from(self.run));
        out.gauge("gregaria_run_start_timestamp_seconds", "Start of the run, unix time.");
        if let Some(started) = self.started {
            out.line("gregaria_run_start_timestamp_seconds", &[], started);
        }
        out.gauge("gregaria_users", "Users that run, by class.");
        for (class, users) in &self.user_classes {
            out.line("gregaria_users", &[("user_class", class)], *users as f64);
        }
        self.with_rows(|rows| {
            out.counter("gregaria_requests_total", "Requests, failed ones included.");
            for row in rows {
                out.line("gregaria_requests_total", &labels_of(row.entry), row.entry.num_requests as f64);
            }
            out.counter("gregaria_failures_total", "Failed requests.");
            for row in rows {
                out.line("gregaria_failures_total", &labels_of(row.entry), row.entry.num_failures as f64);
            }
            out.counter("gregaria_response_bytes_total", "Content received.");
            for row in rows {
                let bytes = row.entry.total_content_length.value();
                out.line("gregaria_response_bytes_total", &labels_of(row.entry), bytes);
            }
            let duration = "gregaria_request_duration_seconds";
            out.head(duration, "Response times of requests that have one.", "histogram");
            for row in rows {
                out.histogram(duration, row.entry);
            }
            let phase_name = "gregaria_request_phase_seconds";
            out.head(phase_name, "Where the time of requests went, by phase.", "summary");
            for row in rows.iter().filter(|row| row.entry.phases.count > 0) {
                let phases = &row.entry.phases;
                for (phase, nanos) in Phase::ALL.into_iter().zip(phases.nanos) {
                    let [method, name] = labels_of(row.entry);
                    let labels = [method, name, ("phase", phase.name())];
                    out.line("gregaria_request_phase_seconds_sum", &labels, nanos as f64 / 1e9);
                    out.line("gregaria_request_phase_seconds_count", &labels, phases.count as f64);
                }
            }
        });
        self.phase_histograms(out);
        measures::write(self.measures, out);
        if !self.thresholds.is_empty() {
            let name = "gregaria_threshold_ok";
            out.gauge(name, "Whether the threshold is kept: 1, or 0.");
            for (threshold, kept) in &self.thresholds {
                out.line(name, &[("threshold", threshold)], f64::from(u8::from(*kept)));
            }
        }
        let mut before = "";
        for own in &self.own {
            if own.name != before {
                out.head(own.name, own.help, if own.counter { "counter" } else { "gauge" });
                before = own.name;
            }
            out.line(own.name, own.label.as_slice(), own.value);
        }
        if !self.latencies.is_empty() {
            let name = "gregaria_latency_seconds";
            out.head(
                name,
                "Of an open run: since the intended start, and from start to end (kind).",
                "summary",
            );
            for one in &self.latencies {
                let labels = [("kind", one.kind), ("method", one.method), ("name", one.name)];
                for (fraction, seconds) in &one.quantiles {
                    let quantile = fraction.to_string();
                    let [kind, method, own] = labels;
                    out.line(name, &[kind, method, own, ("quantile", &quantile)], *seconds);
                }
                out.line("gregaria_latency_seconds_count", &labels, one.count as f64);
            }
        }
        for delays in &self.delays {
            out.head(delays.name, delays.help, "histogram");
            out.buckets(delays.name, &[], delays.buckets.iter().copied(), delays.count, delays.sum);
        }
    }
}

fn labels_of(entry: &Entry) -> [(&str, &str); 2] {
    [("method", &entry.method), ("name", &entry.name)]
}

#[cfg(test)]
mod tests {
    use super::text::cumulative;
    use super::*;
    use proptest::prelude::*;

    fn entry(method: &str, name: &str, times_us: &[u64]) -> Entry {
        let mut entry = Entry::new(method, name, false, 1_000.0);
        for &us in times_us {
            let sample = gregaria_stats::Sample::new(Some(us as f64 / 1e3), 10, 1_001.0);
            let _ = entry.record(&sample, 0);
        }
        entry
    }

    fn scrape<'a>(total: &'a Entry, names: &'a [Entry]) -> Scrape<'a> {
        let row = |entry| Row { entry, rps: 1.5, fps: 0.0 };
        Scrape {
            versions: ("0.1.0", "2.47.0"),
            state: "running",
            run: 1,
            started: Some(1_000.5),
            users: 3,
            user_classes: vec![("Visitor", 3)],
            workers: vec![Worker { id: "a_1", state: "missing", users: 2 }],
            total: row(total),
            names: names.iter().map(row).collect(),
            failures: vec![Failure { method: "GET", name: "/", error: "a \"b\"\\\n", occurrences: 2 }],
            current: (Some(1.0), None),
            thresholds: vec![("p95 < 1s".to_owned(), false)],
            measures: &[],
            own: vec![Own {
                name: "gregaria_open_pages",
                help: "Pages.",
                counter: false,
                label: None,
                value: 0.5,
            }],
            latencies: vec![Latency {
                kind: "intended",
                method: "GET",
                name: "/",
                count: 2,
                quantiles: vec![(0.5, 0.25)],
            }],
            delays: vec![Delays {
                name: "gregaria_hub_lag_seconds",
                help: "Lag.",
                buckets: vec![(0.5, 3), (1.0, 5)],
                count: 6,
                sum: 7.5,
            }],
        }
    }

    fn value_of(text: &str, line: &str) -> f64 {
        let found = text
            .lines()
            .find_map(|one| one.strip_prefix(line))
            .unwrap_or_else(|| panic!("no {line} in\n{text}"));
        found.trim().parse().unwrap()
    }

    #[test]
    fn tells_what_locust_exporter_tells_and_the_same_as_histograms() {
        let names = [entry("GET", "/", &[90, 1_000, 1_001, 70_000_000])];
        let text = scrape(&names[0], &names).text();
        assert!(
            text.contains("locust_errors{method=\"GET\",name=\"/\",error=\"a \\\"b\\\"\\\\\\n\"} 2\n"),
            "{text}"
        );
        assert!(text.contains("locust_worker_detail{id=\"a_1\",state=\"missing\"} 2\n"), "{text}");
        assert_eq!(value_of(&text, "locust_running "), 2.0);
        let bucket = |end| {
            value_of(
                &text,
                &format!(
                    "gregaria_request_duration_seconds_bucket{{method=\"GET\",name=\"/\",le=\"{end}\"}} "
                ),
            )
        };
        assert_eq!(
            [bucket("0.0001"), bucket("0.001"), bucket("0.0025"), bucket("30"), bucket("+Inf")],
            [1.0, 2.0, 3.0, 3.0, 4.0]
        );
        assert_eq!(text.matches("# TYPE locust_").count(), 21);
        let lag = |end| value_of(&text, &format!("gregaria_hub_lag_seconds{end} "));
        assert_eq!(
            ["_bucket{le=\"1\"}", "_bucket{le=\"+Inf\"}", "_sum", "_count"].map(lag),
            [5.0, 6.0, 7.5, 6.0]
        );
    }

    #[test]
    fn phases_of_all_requests_are_histograms() {
        let mut total = entry("", "Aggregated", &[1_000, 2_000]);
        let mut times = gregaria_stats::PhaseTimes::default();
        for nanos in [[0, 0, 0, 400_000, 0, 9_000, 600_000, 70_000], [0, 0, 0, 0, 0, 8_000, 2_000_000, 0]] {
            let phases = gregaria_stats::Phases::of(nanos);
            total.phases.merge(&phases);
            times.add(&phases);
        }
        total.phase_times = Some(Box::new(times));
        let text = scrape(&total, &[]).text();
        let of = |phase: &str, end: &str| {
            let labels = format!("{{phase=\"{phase}\",le=\"{end}\"}} ");
            value_of(&text, &format!("gregaria_phase_duration_seconds_bucket{labels}"))
        };
        let ends = ["0.00025", "0.0005", "0.001", "0.0025", "+Inf"];
        assert_eq!(ends.map(|end| of("connect", end)), [0.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(ends.map(|end| of("wait", end)), [0.0, 0.0, 1.0, 2.0, 2.0]);
        assert_eq!(ends.map(|end| of("dns", end)), [0.0; 5]);
        assert_eq!(value_of(&text, "gregaria_phase_duration_seconds_sum{phase=\"wait\"} "), 0.0026);
        assert_eq!(value_of(&text, "gregaria_phase_duration_seconds_count{phase=\"send\"} "), 2.0);
    }

    #[test]
    fn names_beyond_the_limit_are_one_row_and_nothing_is_lost() {
        let names: Vec<Entry> =
            (0..MOST_NAMES as u64 + 3).map(|n| entry("GET", &format!("/{n}"), &[n + 1])).collect();
        let text = scrape(&names[0], &names).text();
        assert_eq!(text.matches("gregaria_requests_total{").count(), MOST_NAMES + 1);
        assert_eq!(value_of(&text, "gregaria_requests_total{method=\"\",name=\"(other names)\"} "), 3.0);
    }

    proptest! {
        #[test]
        fn buckets_grow_and_end_with_all(times in proptest::collection::vec(1_u64..100_000_000, 0..200)) {
            let names = [entry("POST", "/x", &times)];
            let counts = cumulative(&names[0].exact().slots());
            prop_assert!(counts.is_sorted());
            for (end, count) in BUCKETS_US.into_iter().zip(counts) {
                // Values are known to 0.1 %: those next to the end may be on either side.
                let (low, high) = (end - end / 500, end + end / 500);
                let (least, most) = (times.iter().filter(|&&us| us <= low).count() as u64, times.iter().filter(|&&us| us <= high).count() as u64);
                prop_assert!((least..=most).contains(&count), "{end}: {count} of {least}..={most}");
            }
        }
    }
}
