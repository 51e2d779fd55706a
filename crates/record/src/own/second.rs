//! What one second was like.

use std::collections::BTreeMap;
use std::time::Instant;

use super::counts::{Counts, Delays};
use super::threads::{Threads, Used};
use crate::dto;

/// A task that begins more than 8 ms later than its wait said is late: what is below that no test can tell from chance.
const LATE: usize = 6;

/// What is known of the program itself at a look.
#[derive(Debug, Clone, Default)]
pub(crate) struct Own {
    /// All that was counted since it began.
    pub(crate) counts: Counts,
    /// What each kind of thread has used since it began.
    pub(crate) threads: Vec<Used>,
    /// How much of the second the busiest thread of each kind was on a processor: 1 is all of it. Empty at the first look.
    pub(crate) busiest: Vec<(String, f64)>,
    /// What the last second was like.
    pub(crate) second: dto::Generator,
}

/// Looks at the counters, once a second.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    before: Option<(Instant, Counts)>,
    used_before: Vec<Used>,
    threads: Threads,
}

/// How much a counter grew a second.
fn rate(now: u64, before: u64, seconds: f64) -> f64 {
    rounded(now.saturating_sub(before) as f64 / seconds)
}

/// How many on average; none if there was nothing.
fn each(now: u64, before: u64, times_now: u64, times_before: u64) -> Option<f64> {
    let times = times_now.saturating_sub(times_before);
    (times > 0).then(|| rounded(now.saturating_sub(before) as f64 / times as f64))
}

/// Fewer digits to send and to keep.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn ms(nanos: f64) -> f64 {
    rounded(nanos / 1e6)
}

/// Mean and longest of the delays since, in ms.
fn delay(now: &Delays, before: &Delays) -> (Option<f64>, Option<f64>) {
    let count = now.len().saturating_sub(before.len());
    let some = (count > 0).then_some(());
    let mean = some.map(|()| ms(now.nanos.saturating_sub(before.nanos) as f64 / count as f64));
    (mean, some.map(|()| ms(now.most_nanos as f64)))
}

impl Watch {
    /// What the second was like that ends at `now`, unix seconds `at`.
    pub(crate) fn look(&mut self, counts: &Counts, now: Instant, at: f64) -> Own {
        let used = self.threads.look();
        let (since, before) = self.before.replace((now, *counts)).unwrap_or((now, *counts));
        let seconds = now.duration_since(since).as_secs_f64().max(0.001);
        let (lag, lag_max) = delay(&counts.lag, &before.lag);
        let (start_delay, start_delay_max) = delay(&counts.starts, &before.starts);
        let share = |of: fn(&Used) -> f64| {
            let share = |used: &Used| {
                let before = self.used_before.iter().find(|before| before.kind == used.kind).map_or(0.0, of);
                (used.kind.clone(), rounded((of(used) - before).max(0.0) / seconds))
            };
            used.iter().map(share).collect::<BTreeMap<_, _>>()
        };
        // Of the first look nothing is known but what is now.
        let first = since == now;
        let second = dto::Generator {
            at: at - seconds,
            seconds: rounded(seconds),
            lag,
            lag_max,
            starts: rate(counts.starts.len(), before.starts.len(), seconds),
            late: rate(counts.starts.longer(LATE), before.starts.longer(LATE), seconds),
            start_delay,
            start_delay_max,
            turns: rate(counts.turns, before.turns, seconds),
            wakes: rate(counts.wakes, before.wakes, seconds),
            completions_per_turn: each(counts.completions, before.completions, counts.turns, before.turns),
            commands_per_round: each(counts.commands, before.commands, counts.rounds, before.rounds),
            queue: counts.most_commands.max(counts.most_completions),
            lock_waits: rate(counts.lock_waits, before.lock_waits, seconds),
            lock_wait: ms(counts.lock_nanos.saturating_sub(before.lock_nanos) as f64 / seconds),
            connections: counts.connections,
            cpu: if first { BTreeMap::new() } else { share(|used| used.busy) },
            cpu_wait: if first { BTreeMap::new() } else { share(|used| used.waited) },
        };
        let busiest = used.iter().filter(|_| !first);
        let busiest = busiest.map(|used| (used.kind.clone(), used.busiest / seconds)).collect();
        self.used_before.clone_from(&used);
        Own { counts: *counts, threads: used, busiest, second }
    }
}

/// Two as one: what happened on average, and the worst of either. `weight`: how many the first stands for, beside the other's one.
pub(super) fn merged(first: &dto::Generator, other: &dto::Generator, weight: u32) -> dto::Generator {
    let weight = f64::from(weight);
    let mean = |a: f64, b: f64| rounded((a * weight + b) / (weight + 1.0));
    let either = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => Some(mean(a, b)),
        (a, b) => a.or(b),
    };
    let most = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
    let shares = |first: &dto::Shares, other: &dto::Shares| {
        let mut all = first.clone();
        for (kind, share) in &mut all {
            *share = mean(*share, other.get(kind).copied().unwrap_or_default());
        }
        for (kind, share) in other {
            all.entry(kind.clone()).or_insert_with(|| mean(0.0, *share));
        }
        all
    };
    dto::Generator {
        at: first.at,
        seconds: first.seconds + other.seconds,
        lag: either(first.lag, other.lag),
        lag_max: most(first.lag_max, other.lag_max),
        starts: mean(first.starts, other.starts),
        late: mean(first.late, other.late),
        start_delay: either(first.start_delay, other.start_delay),
        start_delay_max: most(first.start_delay_max, other.start_delay_max),
        turns: mean(first.turns, other.turns),
        wakes: mean(first.wakes, other.wakes),
        completions_per_turn: either(first.completions_per_turn, other.completions_per_turn),
        commands_per_round: either(first.commands_per_round, other.commands_per_round),
        queue: first.queue.max(other.queue),
        lock_waits: mean(first.lock_waits, other.lock_waits),
        lock_wait: mean(first.lock_wait, other.lock_wait),
        connections: first.connections.max(other.connections),
        cpu: shares(&first.cpu, &other.cpu),
        cpu_wait: shares(&first.cpu_wait, &other.cpu_wait),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_is_what_was_counted_in_it() {
        let mut watch = Watch::default();
        let begin = Instant::now();
        let mut counts =
            Counts { turns: 100, completions: 300, most_commands: 5, connections: 7, ..Counts::default() };
        counts.starts.counts[0] = 10;
        let first = watch.look(&counts, begin, 1_000.0).second;
        assert_eq!((first.turns, first.queue, first.connections, first.cpu.len()), (0.0, 5, 7, 0));
        counts.turns += 50;
        counts.completions += 200;
        (counts.most_commands, counts.most_completions) = (3, 12);
        counts.lag.counts[2] += 4;
        (counts.lag.nanos, counts.lag.most_nanos) = (4_000_000, 2_500_000);
        counts.starts.counts[3] += 6;
        counts.starts.counts[LATE] += 2;
        counts.lock_nanos += 6_000_000;
        let second = watch.look(&counts, begin + Duration::from_secs(2), 1_002.0).second;
        assert_eq!(
            (second.at, second.seconds, second.turns, second.completions_per_turn),
            (1_000.0, 2.0, 25.0, Some(4.0))
        );
        assert_eq!((second.lag, second.lag_max), (Some(1.0), Some(2.5)));
        assert_eq!((second.starts, second.late), (4.0, 1.0));
        assert_eq!((second.queue, second.lock_wait, second.commands_per_round), (12, 3.0, None));
    }
}
