//! What `--out` asks for: seconds of a run for other programs (a Prometheus server that is written to, an InfluxDB), and lines of single
//! requests.
//!
//! The first are [`Output`]s: what is to be sent is made on the recorder's thread, and sent by a thread of its own, which nobody waits for.
//! A recorder knows no single requests, so [`Lines`] are filled where requests are counted.

mod feed;
mod influx;
mod lines;
mod prometheus;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use gregaria_report::utc_timestamp;

pub use feed::{Feed, Post, Trouble};
pub use lines::{LINE_COLUMNS, Line, LineForm, Lines, Written};

use crate::course::Told;
use crate::dto;
use crate::output::{Output, Second};
use crate::source::Source;

/// Names beyond this are not sent one by one: a receiver is harmed by too many of them.
const MOST_NAMES: usize = 500;
/// Percentiles that are sent.
pub(crate) const FRACTIONS: [f64; 3] = [0.5, 0.95, 0.99];

/// What a receiver understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Prometheus' remote write, version 1.0.
    PrometheusRemoteWrite,
    /// InfluxDB's line protocol.
    Influx,
}

/// That is no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of prometheus-rw, influxdb")]
pub struct NoForm(String);

impl FromStr for Form {
    type Err = NoForm;

    fn from_str(text: &str) -> Result<Self, NoForm> {
        match text {
            "prometheus-rw" => Ok(Self::PrometheusRemoteWrite),
            "influxdb" => Ok(Self::Influx),
            other => Err(NoForm(other.to_owned())),
        }
    }
}

impl Form {
    /// The headers that say what a body is.
    pub fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::PrometheusRemoteWrite => &[
                ("Content-Type", "application/x-protobuf"),
                ("Content-Encoding", "snappy"),
                ("X-Prometheus-Remote-Write-Version", "0.1.0"),
            ],
            Self::Influx => &[("Content-Type", "text/plain; charset=utf-8")],
        }
    }

    /// How a token is shown to a receiver at that path. InfluxDB 2 knows `Token`, the addresses that are new in InfluxDB 3 only `Bearer`.
    pub fn scheme(self, path: &str) -> &'static str {
        match self {
            Self::Influx if !path.starts_with("/api/v3/") => "Token",
            Self::Influx | Self::PrometheusRemoteWrite => "Bearer",
        }
    }

    fn body(self, batch: &Batch<'_>) -> Vec<u8> {
        match self {
            Self::PrometheusRemoteWrite => prometheus::body(batch),
            Self::Influx => influx::body(batch),
        }
    }
}

/// What happened in one second under one name, or all.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    /// When the second was over, unix seconds.
    at: i64,
    /// Requests and failures of that second.
    count: (u64, u64),
    /// Requests and failures of the run until then.
    sums: (u64, u64),
    /// [`FRACTIONS`] of the response times of that second, in seconds.
    percentiles: [Option<f64>; FRACTIONS.len()],
}

/// What a look has made known.
#[derive(Debug, Default)]
struct Batch<'a> {
    /// Names the run: when it began.
    run: &'a str,
    /// By method and name; the total is `("", "Aggregated")`, as in Locust's tables.
    names: Vec<((&'a str, &'a str), Vec<Row>)>,
    /// Users at the end of each second.
    users: Vec<(i64, u64)>,
    /// The run is over: when.
    ended: Option<i64>,
}

impl Batch<'_> {
    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.ended.is_none()
    }
}

/// Sends the seconds of runs to a receiver.
pub struct Remote {
    form: Form,
    feed: Feed,
    source: Arc<dyn Source>,
    run: String,
    sums: HashMap<i32, (u64, u64)>,
    newest: i64,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("form", &self.form).finish_non_exhaustive()
    }
}

impl Remote {
    /// Sends by that feed, in that form. `source` is told of what does not work.
    pub fn new(form: Form, feed: Feed, source: Arc<dyn Source>) -> Self {
        Self { form, feed, source, run: String::new(), sums: HashMap::new(), newest: 0 }
    }

    fn row(&mut self, told: &Told) -> Row {
        let sums = self.sums.entry(told.id).or_default();
        sums.0 += told.record.requests;
        sums.1 += told.record.failures;
        let sums = *sums;
        let times = told.record.percentiles(&FRACTIONS);
        let mut percentiles = [None; FRACTIONS.len()];
        for (place, ms) in percentiles.iter_mut().zip(times) {
            *place = ms.map(|ms| ms / 1_000.0);
        }
        Row { at: self.newest, count: (told.record.requests, told.record.failures), sums, percentiles }
    }
}

impl Output for Remote {
    fn wants_seconds(&self) -> bool {
        true
    }

    fn second(&mut self, second: &Second<'_>) {
        self.feed.take_words().into_iter().for_each(|words| self.source.warn(words));
        if second.began || second.anew {
            self.sums.clear();
        }
        if second.began {
            self.run = utc_timestamp(second.status.started.unwrap_or(second.at));
            self.newest = 0;
        }
        let mut users = Vec::new();
        let mut rows: Vec<(i32, Vec<Row>)> = Vec::new();
        let mut before = None;
        for told in second.told {
            if before.replace(told.second) != Some(told.second) {
                // A receiver wants no moment twice. One is told of again when the clock was set back, and at the end, when what has hardly
                // begun is a part of the second before.
                self.newest = (told.second + 1).max(self.newest + 1);
            }
            let row = self.row(told);
            if told.id < 0 {
                users.push((row.at, told.record.users));
            }
            match rows.iter_mut().find(|(id, _)| *id == told.id) {
                Some((_, rows)) => rows.push(row),
                None => rows.push((told.id, vec![row])),
            }
        }
        let known: HashMap<i32, _> = second.run.names().map(|name| (name.id, name.entry)).collect();
        let names = rows.into_iter().filter(|(id, _)| *id < MOST_NAMES as i32);
        let names = names.filter_map(|(id, rows)| match known.get(&id) {
            _ if id < 0 => Some((("", "Aggregated"), rows)),
            Some(entry) => Some(((&*entry.method, &*entry.name), rows)),
            None => None,
        });
        let ended = second.ended.then_some(self.newest.max(second.at as i64) + 1);
        let mut batch = Batch { run: &self.run, names: names.collect(), users, ended };
        if second.ended {
            // Whoever has had rows is told of the end, also without any in the last second.
            for name in second.run.names().filter(|name| name.id < MOST_NAMES as i32) {
                let key = (&*name.entry.method, &*name.entry.name);
                if !batch.names.iter().any(|(known, _)| *known == key) && self.sums.contains_key(&name.id) {
                    batch.names.push((key, Vec::new()));
                }
            }
        }
        if !batch.is_empty() {
            self.feed.put(self.form.body(&batch));
        }
    }

    fn end(&mut self, _run: &dto::RunDetail) {}
}

#[cfg(test)]
mod tests;
