//! The workers of a run, as far as a verdict on it depends on them.

use std::collections::BTreeMap;

use super::health::Health;
use crate::dto;
use crate::status::HostStatus;

/// Percent of a processor from which on a worker that says no more of itself has nothing left to give: Locust's own limit.
pub(super) const BUSY: f64 = 90.0;

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crew {
    pub(super) members: BTreeMap<String, Member>,
    /// Reports that have not arrived.
    pub(super) missing_reports: u64,
    /// Whether they have been seen at work.
    seen: bool,
}

/// One of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    /// How it fared; `None`: it does not say.
    pub(super) health: Option<Health>,
    /// It was not heard of, or went, while the test ran.
    pub(super) lost: bool,
    /// Seconds in which it was seen.
    pub(super) looks: u32,
    /// Seconds in which its processor was busy.
    pub(super) busy: u32,
}

impl Crew {
    /// A run begins.
    pub(crate) fn begin(&mut self) {
        *self = Self::default();
    }

    /// A second of a run is over.
    pub(crate) fn second(&mut self, status: &HostStatus) {
        if !status.is_distributed || !matches!(&*status.state, "spawning" | "running") {
            return;
        }
        for (id, member) in &mut self.members {
            // Those that have just come have not been told of yet.
            member.lost |= member.looks > 0 && !status.workers.iter().any(|worker| worker.id == *id);
        }
        for worker in &status.workers {
            // Those that were lost before this run began are none of its business.
            let is_missing = worker.state == "missing";
            if is_missing && self.members.get(&worker.id).is_none_or(|member| member.looks == 0) {
                continue;
            }
            let member = self.members.entry(worker.id.clone()).or_default();
            member.lost |= is_missing;
            member.looks += 1;
            member.busy += u32::from(worker.cpu_usage.as_f64().is_some_and(|percent| percent > BUSY));
        }
        self.seen |= !status.workers.is_empty();
    }

    /// A worker has said how it fares.
    pub(crate) fn fares(&mut self, worker: &str, health: Health) {
        self.members.entry(worker.to_owned()).or_default().health = Some(health);
    }

    /// So many reports have not arrived; less than nothing: they have, after all.
    pub(crate) fn misses(&mut self, reports: i64) {
        self.missing_reports = self.missing_reports.saturating_add_signed(reports);
    }

    /// How each fared that says so.
    pub(crate) fn figures(&self) -> Vec<dto::WorkerHealth> {
        let of = |(id, member): (&String, &Member)| Some(member.health.as_ref()?.figures(id));
        self.members.iter().filter_map(of).collect()
    }

    /// Whether this run is made by workers.
    pub(super) fn is_there(&self) -> bool {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dto::Worker;

    fn status(workers: &[(&str, &str, f64)]) -> HostStatus {
        let worker = |&(id, state, cpu): &(&str, &str, f64)| Worker {
            id: id.to_owned(),
            state: state.to_owned(),
            cpu_usage: cpu.into(),
            ..Worker::default()
        };
        let workers = workers.iter().map(worker).collect();
        HostStatus { state: "running".into(), is_distributed: true, workers, ..HostStatus::default() }
    }

    #[test]
    fn who_goes_in_mid_run_is_lost_and_who_was_gone_before_is_not() {
        let mut crew = Crew::default();
        crew.second(&status(&[("a", "running", 10.0), ("b", "running", 99.0), ("c", "missing", 0.0)]));
        crew.second(&status(&[("a", "missing", 10.0), ("b", "running", 99.0), ("c", "missing", 0.0)]));
        crew.second(&status(&[("a", "running", 10.0), ("d", "ready", 0.0)]));
        let lost: Vec<&str> =
            crew.members.iter().filter(|(_, member)| member.lost).map(|(id, _)| &**id).collect();
        assert_eq!(lost, ["a", "b"]);
        assert_eq!((crew.members["b"].busy, crew.members["b"].looks), (2, 2));
        let stopping = HostStatus { state: "stopped".into(), ..status(&[]) };
        crew.second(&stopping);
        assert!(!crew.members["d"].lost && crew.is_there());
        crew.fares("b", Health::default());
        assert_eq!(crew.figures().iter().map(|seen| &*seen.id).collect::<Vec<_>>(), ["b"]);
        crew.misses(3);
        crew.misses(-1);
        assert_eq!(crew.missing_reports, 2);
        crew.begin();
        assert!(!crew.is_there() && crew.members.is_empty());
    }
}
