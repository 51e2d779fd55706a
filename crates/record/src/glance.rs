//! What a look shows to somebody who glances at a terminal.

use std::time::Duration;

use gregaria_report::Threshold;
use gregaria_report::live_block::{LiveBlock, LiveRow, MOST_NAMES};

use crate::dto;
use crate::mirror::Slot;
use crate::run::Run;
use crate::series::column_of;
use crate::status::HostStatus;

/// Without a word of the main thread for so long, that is worth a line.
const SILENT: Duration = Duration::from_secs(3);

impl Run {
    /// The figures of the look at `at` (unix seconds), when `status` was `lag` old. Whoever shows them knows the page and the keys.
    pub fn glance(&self, status: &HostStatus, at: f64, lag: Duration) -> LiveBlock {
        let over = status.run > 0 && !status.is_running();
        let began = status.started.filter(|_| status.run > 0);
        let mut total = self.live_row(&self.mirror.total, String::new());
        let mut slowest = self.slowest(MOST_NAMES);
        let lasted = self.mirror.elapsed();
        if over {
            // There is no present rate any more.
            for row in slowest.iter_mut().chain([&mut total]) {
                row.rps = if lasted > 0.0 { row.requests as f64 / lasted } else { 0.0 };
            }
        }
        LiveBlock {
            state: status.state.clone(),
            over,
            script: status.locustfile.clone(),
            host: status.host.clone(),
            shape: status.shape.clone(),
            elapsed: began.map(|began| (status.ended.unwrap_or(at) - began).max(0.0)),
            run_time: status.run_time,
            warm_up_left: status
                .warm_up
                .as_ref()
                .filter(|warm_up| warm_up.goes_on)
                .map(|warm_up| warm_up.left),
            users: status.user_count,
            target: status.target_user_count,
            workers: status.is_distributed.then_some((status.worker_count, status.workers.len() as u64)),
            arrivals: status.arrivals.as_ref().map(|arrivals| (arrivals.due, arrivals.dropped)),
            total,
            slowest,
            names: self.mirror.names.iter().flatten().count(),
            thresholds: self.thresholds().into_iter().map(threshold).collect(),
            warning: self.warning(lag),
            ..LiveBlock::default()
        }
    }

    fn warning(&self, lag: Duration) -> Option<String> {
        if lag > SILENT {
            let seconds = lag.as_secs();
            return Some(format!(
                "The locustfile has not let the program run for {seconds} s: these figures are as old"
            ));
        }
        let verdict = self.verdict();
        matches!(&*verdict.level, "amber" | "red")
            .then(|| format!("Verdict {}: {}", verdict.level, verdict.summary))
    }

    /// By their 95th percentile, the slowest first.
    fn slowest(&self, most: usize) -> Vec<LiveRow> {
        let Some(p95) = self.column(0.95) else { return Vec::new() };
        let slots = self.mirror.names.iter().flatten();
        let mut all: Vec<(f64, &Slot)> = slots
            .filter_map(|slot| Some((slot.row.percentiles.get(p95).copied().flatten()?, slot)))
            .collect();
        let slower = |a: &(f64, &Slot), b: &(f64, &Slot)| {
            b.0.total_cmp(&a.0).then_with(|| a.1.entry.name.cmp(&b.1.entry.name))
        };
        if all.len() > most {
            all.select_nth_unstable_by(most, slower);
            all.truncate(most);
        }
        all.sort_by(slower);
        let rows = all.into_iter().map(|(_, slot)| {
            let (method, name) = (&slot.entry.method, &slot.entry.name);
            self.live_row(slot, if method.is_empty() { name.to_string() } else { format!("{method} {name}") })
        });
        rows.collect()
    }

    fn live_row(&self, slot: &Slot, label: String) -> LiveRow {
        let row = &slot.row;
        let at = |fraction| row.percentiles.get(self.column(fraction)?).copied().flatten();
        LiveRow {
            label,
            requests: row.requests,
            failures: row.failures,
            rps: row.rps,
            p50: at(0.5),
            p95: at(0.95),
        }
    }

    fn column(&self, fraction: f64) -> Option<usize> {
        column_of(&self.mirror.fractions, fraction)
    }
}

fn threshold(of: dto::Threshold) -> Threshold {
    Threshold {
        text: of.text,
        subject: of.subject,
        metric: of.metric,
        required: of.required,
        outcome: of.outcome,
        shown: of.shown,
        detail: of.detail,
        warn: of.warn,
    }
}
