//! What is told beside the requests: phases of all of them, and what the script measures itself.

use gregaria_stats::{Measure, MeasureKind, Phase};

use super::text::{Text, cumulative};
use super::{BUCKETS_US, Scrape};

impl Scrape<'_> {
    /// Of all names together: of each of them it would be some hundred rows.
    pub(super) fn phase_histograms(&self, out: &mut Text) {
        let Some(times) = &self.total.entry.phase_times else { return };
        let family = "gregaria_phase_duration_seconds";
        out.head(family, "How long each phase took, of requests in which there was one.", "histogram");
        for phase in Phase::ALL {
            let slots = times.of(phase);
            let ends = BUCKETS_US.into_iter().map(|end| end as f64 / 1e6);
            let count = slots.iter().map(|(_, count)| count).sum();
            let sum = self.total.entry.phases.nanos[phase as usize] as f64 / 1e9;
            let labels = [("phase", phase.name())];
            out.buckets(family, &labels, ends.zip(cumulative(&slots)), count, sum);
        }
    }
}

/// What the script measures, each kind as a family of its own.
pub(super) fn write(all: &[Measure], out: &mut Text) {
    let of = |kind: MeasureKind| all.iter().filter(move |one| one.kind == kind);
    for (kind, family, help, words) in [
        (
            MeasureKind::Check,
            "gregaria_checks_total",
            "Checks of responses, by name and result.",
            ("pass", "fail"),
        ),
        (MeasureKind::Rate, "gregaria_custom_rate_total", "Rates of the script, by name.", ("true", "false")),
    ] {
        if of(kind).next().is_some() {
            out.counter(family, help);
        }
        for one in of(kind) {
            out.line(family, &[("name", &one.name), ("result", words.0)], one.good as f64);
            out.line(family, &[("name", &one.name), ("result", words.1)], one.bad() as f64);
        }
    }
    if of(MeasureKind::Counter).next().is_some() {
        out.counter("gregaria_custom_counter_total", "Counters of the script, by name.");
    }
    for one in of(MeasureKind::Counter) {
        out.line("gregaria_custom_counter_total", &[("name", &one.name)], one.sum);
    }
    let family = "gregaria_custom_trend";
    if of(MeasureKind::Trend).next().is_some() {
        out.head(family, "Values of the script, by name.", "summary");
    }
    for one in of(MeasureKind::Trend) {
        let fractions = [(0.5, "0.5"), (0.9, "0.9"), (0.95, "0.95"), (0.99, "0.99")];
        let values = one.percentiles(&fractions.map(|(fraction, _)| fraction)).unwrap_or_default();
        for ((_, quantile), value) in fractions.into_iter().zip(values) {
            out.line(family, &[("name", &one.name), ("quantile", quantile)], value);
        }
        out.line("gregaria_custom_trend_sum", &[("name", &one.name)], one.sum);
        out.line("gregaria_custom_trend_count", &[("name", &one.name)], one.count as f64);
    }
}
