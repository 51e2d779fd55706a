//! What speaks against the numbers of a run, from where on, and what to do about it.

use gregaria_report::figures::{count, millis_with_unit, percent, whole_percent};
use gregaria_stats::{OVERFLOW_NAME, Phase, Phases};

use super::crew::Crew;
use super::health::{Busy, FULL, HIGH, Health, SILENCE};
use crate::dto::{Arrivals, Reason, Verdict};
use crate::own::{DELAYS, Delays};

/// How much speaks against the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    Green,
    /// They may be a little off.
    Amber,
    /// They are the generator's as much as the server's.
    Red,
}

impl Level {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }
}

/// A delay from which on it is noticed that an iteration begins late, where requests take no longer themselves: over 1 ms.
const JITTER: usize = 3;
/// A delay from which on it is noticed that something is late: over 16 ms.
const LATE: usize = 7;
/// Over 64 ms.
const VERY_LATE: usize = 9;
/// How much of what is limited may be used before it is told of.
const NEARLY: f64 = 0.9;
/// Failures that are the generator's own, by what their text says.
const OWN_FAILURES: [(&str, &str, &str, &str); 2] = [
    (
        "ports",
        "Cannot assign requested address",
        "there was no free port for a connection",
        "let users keep their connections, use more workers on other machines, or widen net.ipv4.ip_local_port_range",
    ),
    (
        "descriptors",
        "Too many open files",
        "there were too many open files for a further connection",
        "raise the limit (ulimit -n), or use more workers",
    ),
];

/// What is judged.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// This process.
    pub(crate) here: &'a Health,
    /// The workers.
    pub(crate) crew: &'a Crew,
    /// Where the time of all requests went.
    pub(crate) phases: &'a Phases,
    /// What has become of the iterations of an open run.
    pub(crate) arrivals: Option<&'a Arrivals>,
    /// Whether there are more names than are counted one by one.
    pub(crate) overflows: bool,
    /// Text of each failure, and how often it occurred.
    pub(crate) failures: Vec<(&'a str, u64)>,
}

/// The reasons of one process, or of the run.
struct Reasons {
    /// Of which process; empty: there is only one.
    who: String,
    all: Vec<(Level, Reason)>,
}

impl Reasons {
    fn add(&mut self, level: Option<Level>, kind: &str, text: impl FnOnce() -> String, advice: &str) {
        let Some(level) = level else { return };
        let text = if self.who.is_empty() { text() } else { format!("{}: {}", self.who, text()) };
        let level_word = level.word().to_owned();
        let reason = Reason { kind: kind.to_owned(), level: level_word, text, advice: advice.to_owned() };
        self.all.push((level, reason));
    }
}

/// Whether so many of the seconds are more than chance: two at least, and that share of all.
fn often(count: u32, looks: u32, share: f64) -> bool {
    count >= 2 && f64::from(count) >= share * f64::from(looks)
}

/// Red beyond one bound, amber beyond the other.
fn by(value: f64, amber: f64, red: f64) -> Option<Level> {
    match value {
        value if value > red => Some(Level::Red),
        value if value > amber => Some(Level::Amber),
        _ => None,
    }
}

/// What a kind of thread is called, and what to do when it has nothing left.
fn thread(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "main" => (
            "the thread that runs the users",
            "spread the users over more processes (--processes) or workers, or have tasks do less in Python",
        ),
        _ => ("a thread that sends", "spread the users over more processes (--processes) or workers"),
    }
}

fn of_thread(reasons: &mut Reasons, kind: &str, busy: &Busy, looks: u32) {
    let (name, advice) = thread(kind);
    let level = match busy {
        busy if often(busy.full, looks, 0.2) => Some(Level::Red),
        busy if often(busy.high, looks, 0.1) => Some(Level::Amber),
        _ => None,
    };
    let text = || {
        let (bound, count) = if level == Some(Level::Red) { (FULL, busy.full) } else { (HIGH, busy.high) };
        format!(
            "{name} was busy for more than {} of the time in {count} of {looks} seconds",
            whole_percent(bound)
        )
    };
    reasons.add(level, "cpu", text, advice);
    let waited = busy.waited / f64::from(looks.max(1));
    // A few moments without a processor are what other programs, the server among them, take. What is received is stamped by the
    // kernel; what is late is what is sent.
    let level = if looks >= 2 { by(waited, 0.2, 0.6) } else { None };
    reasons.add(
        level,
        "cpu_wait",
        || format!("{name} waited for a processor during {} of the time", percent(waited)),
        "run it where nothing else runs, or where there are more processors",
    );
}

/// Delays, of which some are long.
fn of_delays(reasons: &mut Reasons, kind: &str, what: &str, delays: &[u64; DELAYS]) {
    let all: u64 = delays.iter().sum();
    let share = |place: usize| delays.iter().skip(place).sum::<u64>() as f64 / all.max(1) as f64;
    let level = match all {
        0..10 => None,
        _ if share(VERY_LATE) > 0.1 => Some(Level::Red),
        _ if share(LATE) > 0.05 => Some(Level::Amber),
        _ => None,
    };
    let text = || {
        let place = if level == Some(Level::Red) { VERY_LATE } else { LATE };
        let bound = Delays::end(place - 1) * 1e3;
        format!("{} of {what} more than {bound:.0} ms late", percent(share(place)))
    };
    let advice = "tasks keep the thread busy that runs all users: have them do less in Python, or use more processes or workers";
    reasons.add(level, kind, text, advice);
}

fn of_process(reasons: &mut Reasons, health: &Health) {
    for (kind, busy) in &health.threads {
        of_thread(reasons, kind, busy, health.looks);
    }
    of_delays(reasons, "lag", "answers were taken up", &health.lag);
    of_delays(reasons, "late", "tasks began", &health.starts);
    let silent = match health.silent {
        0 => None,
        silent if health.silence > 10.0 || often(silent, health.looks, 0.2) => Some(Level::Red),
        _ => Some(Level::Amber),
    };
    reasons.add(
        silent,
        "blocked_hub",
        || format!("for {:.0} s at a time no user ran: a task did not let go", health.silence.max(SILENCE)),
        "a task calls what waits without gevent, or computes for long: see docs/troubleshooting.md",
    );
    for (kind, what, limit, advice) in [
        ("descriptors", "files and connections that it may have", health.descriptors, OWN_FAILURES[1].3),
        ("ports", "ports that there are for connections to one address", health.ports, OWN_FAILURES[0].3),
    ] {
        let near = limit.filter(|&limit| limit > 0 && health.connections as f64 > NEARLY * limit as f64);
        reasons.add(
            near.map(|_| Level::Amber),
            kind,
            || format!("{} connections of {} {what}", health.connections, near.unwrap_or_default()),
            advice,
        );
    }
    reasons.add(
        (health.steps > 0).then_some(Level::Amber),
        "clock",
        || format!("the clock was set by {:+.0} s while the test ran", health.step),
        "response times do not depend on it; times of day in files and charts do",
    );
}

fn of_crew(reasons: &mut Reasons, crew: &Crew) {
    let lost: Vec<&str> =
        crew.members.iter().filter(|(_, member)| member.lost).map(|(id, _)| &**id).collect();
    reasons.add(
        (!lost.is_empty()).then_some(Level::Red),
        "workers_lost",
        || match lost[..] {
            [one] => format!("worker {one} was lost while the test ran: what it had not yet reported is missing"),
            _ => format!(
                "{} workers were lost while the test ran, {} first: what they had not yet reported is missing",
                lost.len(),
                lost[0]
            ),
        },
        "see that worker's log; the rest of its users ran elsewhere, or not at all",
    );
    let missing = crew.missing_reports;
    reasons.add(
        (missing > 0).then_some(Level::Red),
        "reports_missing",
        || format!("{missing} reports of workers have not arrived: what they counted is missing"),
        "see the network between the workers and their master, and the master's load",
    );
    for (id, member) in &crew.members {
        let mut of_worker = Reasons { who: format!("worker {id}"), all: Vec::new() };
        match &member.health {
            Some(health) => of_process(&mut of_worker, health),
            None => of_worker.add(
                often(member.busy, member.looks, 0.2).then_some(Level::Red),
                "cpu",
                || format!("its processor was busy in {} of {} seconds", member.busy, member.looks),
                "use more workers",
            ),
        }
        reasons.all.extend(of_worker.all);
    }
}

/// What passes before requests are sent is no part of their response times, but of what users wait for.
fn of_phases(reasons: &mut Reasons, phases: &Phases) {
    let blocked = phases.mean_ms(Phase::Blocked);
    let rest: f64 = Phase::ALL.iter().map(|&phase| phases.mean_ms(phase)).sum::<f64>() - blocked;
    let share = blocked / rest.max(1e-9);
    let level = if blocked > 0.5 { by(share, 0.1, 1.0) } else { None };
    reasons.add(
        level,
        "blocked",
        || {
            format!(
                "requests waited {} before they were sent, {} of what the server took",
                millis_with_unit(blocked),
                percent(share)
            )
        },
        "the threads that send come too late: run it where nothing else runs, or use more processes (--processes) or workers",
    );
}

/// An open run is what was asked for if its iterations begin, and when they are to.
fn of_arrivals(reasons: &mut Reasons, arrivals: &Arrivals) {
    let share = |part: u64| part as f64 / arrivals.due.max(1) as f64;
    let (dropped, late) = (share(arrivals.dropped), share(arrivals.late));
    reasons.add(
        by(dropped, 0.0, 0.05),
        "rate",
        || {
            let (some, all) = (count(arrivals.dropped), count(arrivals.due));
            format!("{some} of {all} iterations ({}) were not begun: no user was free or could be started", percent(dropped))
        },
        "allow more users at a time (-u), or more workers; where the server is slow, each iteration holds its user for longer; if there were \
         fewer than that, the log says what kept them from starting",
    );
    reasons.add(
        (arrivals.lost > 0).then_some(Level::Red),
        "arrivals_lost",
        || {
            let (some, all) = (count(arrivals.lost), count(arrivals.due + arrivals.lost));
            format!("{some} of {all} iterations were those of workers that have gone: what became of them is not known")
        },
        "see the logs of these workers; the others took over what came after them",
    );
    let jitter = jitter(arrivals).filter(|_| late <= 0.01);
    reasons.add(
        by(late, 0.01, 0.1).or(jitter.map(|_| Level::Amber)),
        "late_arrivals",
        || match jitter {
            None => format!("{} of iterations began more than 8 ms after they were to", percent(late)),
            Some((late, ms, p99)) => format!(
                "{} of iterations began more than {ms:.0} ms after they were to, where 99% of requests take no longer than {}",
                percent(late),
                millis_with_unit(p99)
            ),
        },
        "see what else speaks against the run: the thread that runs the users may have too much to do, or others of the machine",
    );
}

/// More than one in a hundred iterations began so much later than it was to that the p99 since the intended start is off by 5 %: their
/// share, the delay in ms that it goes beyond (one at least), and the p99 of the service time.
fn jitter(arrivals: &Arrivals) -> Option<(f64, f64, f64)> {
    let all: u64 = arrivals.delays.iter().sum();
    let beyond = |place: usize| arrivals.delays.iter().skip(place).sum::<u64>();
    // A single one is chance.
    let is_often = |&place: &usize| beyond(place) > 1 && beyond(place) * 100 > all;
    let place = (JITTER..arrivals.delays.len()).take_while(is_often).last()?;
    let (late, ms) = (beyond(place) as f64 / all as f64, Delays::end(place - 1) * 1e3);
    let fractions = &arrivals.latencies.fractions;
    let p99 = fractions.iter().position(|&fraction| fraction == 0.99)?;
    let p99 = *arrivals.latencies.rows.first()?.service.get(p99)?;
    (ms > 0.05 * p99).then_some((late, ms, p99))
}

/// Judges a run.
pub(crate) fn judge(facts: Facts<'_>) -> Verdict {
    let who = if facts.crew.is_there() { "the master".to_owned() } else { String::new() };
    let mut reasons = Reasons { who, all: Vec::new() };
    of_process(&mut reasons, facts.here);
    reasons.who.clear();
    of_crew(&mut reasons, facts.crew);
    of_phases(&mut reasons, facts.phases);
    if let Some(arrivals) = facts.arrivals {
        of_arrivals(&mut reasons, arrivals);
    }
    let mut own = [0_u64; OWN_FAILURES.len()];
    for &(text, count) in &facts.failures {
        for (sum, (_, part, ..)) in own.iter_mut().zip(OWN_FAILURES) {
            *sum += if text.contains(part) { count } else { 0 };
        }
    }
    for (count, (kind, _, text, advice)) in own.into_iter().zip(OWN_FAILURES) {
        reasons.all.retain(|(level, reason)| count == 0 || reason.kind != kind || *level == Level::Red);
        reasons.add(
            (count > 0).then_some(Level::Red),
            kind,
            || format!("{count} requests failed on this side: {text}"),
            advice,
        );
    }
    reasons.add(
        facts.overflows.then_some(Level::Amber),
        "names",
        || format!("there are so many names that the rest is counted as {OVERFLOW_NAME}"),
        "give requests to changing addresses a common name (name=, or client.rename_request)",
    );
    verdict(reasons.all, &facts)
}

fn verdict(mut all: Vec<(Level, Reason)>, facts: &Facts<'_>) -> Verdict {
    // The worst first, otherwise in the order of above.
    all.sort_by_key(|&(level, _)| std::cmp::Reverse(level));
    let of_workers = facts.crew.members.values().filter_map(|member| member.health.as_ref()?.load());
    let load = facts.here.load().into_iter().chain(of_workers).reduce(f64::max);
    let loaded =
        load.map(|load| format!("its busiest thread was busy for {} of the time", whole_percent(load)));
    let level = all.first().map(|&(level, _)| level);
    let (level, summary) = match (level, loaded) {
        (None, None) => ("none".to_owned(), "nobody looked whether the generator kept up".to_owned()),
        (None, Some(loaded)) => (Level::Green.word().to_owned(), format!("the generator kept up: {loaded}")),
        (Some(level), _) => {
            let first = &all[0].1.text;
            let more = match all.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            let what = match level {
                Level::Red => "the generator was a limit of this run",
                _ => "the generator may have had its part in these numbers",
            };
            (level.word().to_owned(), format!("{what}: {first}{more}"))
        }
    };
    Verdict { level, summary, reasons: all.into_iter().map(|(_, reason)| reason).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(looks: u32) -> Health {
        let mut health = Health::default();
        health.looks = looks;
        health.threads.insert("main".into(), Busy { busy: 0.3 * f64::from(looks), ..Busy::default() });
        health.lag[0] = 1_000;
        health.starts[0] = 1_000;
        health
    }

    fn of(health: &Health, crew: &Crew, failures: &[(&str, u64)], overflows: bool) -> Verdict {
        judge(Facts {
            here: health,
            crew,
            phases: &Phases::default(),
            arrivals: None,
            overflows,
            failures: failures.to_vec(),
        })
    }

    fn kinds(verdict: &Verdict) -> Vec<(&str, &str)> {
        verdict.reasons.iter().map(|reason| (&*reason.kind, &*reason.level)).collect()
    }

    #[test]
    fn each_reason_comes_from_what_it_is_about_and_from_nothing_else() {
        let change = |change: fn(&mut Health)| {
            let mut health = health(60);
            change(&mut health);
            let verdict = of(&health, &Crew::default(), &[], false);
            assert_eq!(verdict.level, verdict.reasons.first().map_or("green", |reason| &*reason.level));
            kinds(&verdict).into_iter().map(|(kind, level)| format!("{kind} {level}")).collect::<Vec<_>>()
        };
        assert_eq!(change(|_| {}), [""; 0]);
        assert_eq!(change(|h| h.threads.get_mut("main").unwrap().high = 5), [""; 0]);
        assert_eq!(change(|h| h.threads.get_mut("main").unwrap().high = 6), ["cpu amber"]);
        assert_eq!(change(|h| h.threads.get_mut("main").unwrap().full = 12), ["cpu red"]);
        assert_eq!(change(|h| h.threads.get_mut("main").unwrap().waited = 13.0), ["cpu_wait amber"]);
        assert_eq!(change(|h| h.threads.get_mut("main").unwrap().waited = 40.0), ["cpu_wait red"]);
        assert_eq!(change(|h| h.lag[6] = 900), [""; 0]);
        assert_eq!(change(|h| h.lag[7] = 60), ["lag amber"]);
        assert_eq!(change(|h| h.starts[9] = 120), ["late red"]);
        assert_eq!(change(|h| (h.silent, h.silence) = (1, 4.0)), ["blocked_hub amber"]);
        assert_eq!(change(|h| (h.silent, h.silence) = (1, 11.0)), ["blocked_hub red"]);
        assert_eq!(change(|h| (h.steps, h.step) = (1, -3_600.0)), ["clock amber"]);
        assert_eq!(
            change(|h| (h.connections, h.descriptors, h.ports) = (950, Some(1_024), Some(28_232))),
            ["descriptors amber"]
        );
        assert_eq!(change(|h| (h.connections, h.ports) = (28_000, Some(28_232))), ["ports amber"]);
    }

    #[test]
    fn what_failed_on_this_side_is_no_fault_of_the_server() {
        let failures = [
            ("OSError(24, 'Too many open files')", 3),
            ("ConnectionRefusedError(111, 'Connection refused')", 9),
        ];
        let mut near = health(10);
        (near.connections, near.descriptors) = (1_000, Some(1_024));
        let verdict = of(&near, &Crew::default(), &failures, true);
        assert_eq!(kinds(&verdict), [("descriptors", "red"), ("names", "amber")]);
        assert_eq!(
            verdict.summary,
            "the generator was a limit of this run: 3 requests failed on this side: there were too many open files for a further \
             connection, and 1 more"
        );
    }

    #[test]
    fn a_run_that_nobody_looked_at_is_not_called_good() {
        let verdict = of(&Health::default(), &Crew::default(), &[], false);
        assert_eq!((&*verdict.level, verdict.reasons.len()), ("none", 0));
        let verdict = of(&health(10), &Crew::default(), &[], false);
        assert_eq!(verdict.summary, "the generator kept up: its busiest thread was busy for 30% of the time");
    }

    #[test]
    fn what_a_request_waited_before_it_was_sent_is_held_against_what_the_server_took() {
        let level = |blocked: u64, wait: u64| {
            let mut nanos = [0; Phase::COUNT];
            (nanos[Phase::Blocked as usize], nanos[Phase::Wait as usize]) = (blocked, wait);
            let mut reasons = Reasons { who: String::new(), all: Vec::new() };
            of_phases(&mut reasons, &Phases::of(nanos));
            reasons.all.first().map(|&(level, _)| level)
        };
        assert_eq!(level(400_000, 100_000), None);
        assert_eq!(level(900_000, 10_000_000), None);
        assert_eq!(level(2_000_000, 10_000_000), Some(Level::Amber));
        assert_eq!(level(11_000_000, 10_000_000), Some(Level::Red));
    }

    #[test]
    fn a_rate_that_is_not_reached_is_no_measurement_at_that_rate() {
        let kinds = |dropped: u64, late: u64| {
            let mut reasons = Reasons { who: String::new(), all: Vec::new() };
            of_arrivals(&mut reasons, &Arrivals { due: 1_000, dropped, late, ..Arrivals::default() });
            let all = reasons.all.iter();
            all.map(|(level, reason)| format!("{} {}", reason.kind, level.word())).collect::<Vec<_>>()
        };
        assert_eq!(kinds(0, 10), [""; 0]);
        assert_eq!(kinds(1, 11), ["rate amber", "late_arrivals amber"]);
        assert_eq!(kinds(51, 101), ["rate red", "late_arrivals red"]);
    }

    #[test]
    fn delays_that_the_p99_is_made_of_are_told_and_those_that_are_lost_in_it_are_not() {
        // How many of 1,000 iterations began up to 1/4, 1/2, 1, 2, 4, 8 ms late.
        let told = |delays: [u64; 6], p99: f64| {
            let row = crate::dto::LatencyRow { service: vec![0.5, p99], ..Default::default() };
            let latencies =
                crate::dto::Latencies { fractions: vec![0.5, 0.99], rows: vec![row], ..Default::default() };
            let mut reasons = Reasons { who: String::new(), all: Vec::new() };
            let due = delays.iter().sum();
            of_arrivals(
                &mut reasons,
                &Arrivals { due, delays: delays.to_vec(), latencies, ..Arrivals::default() },
            );
            reasons.all.pop().map(|(level, reason)| (level, reason.text))
        };
        assert_eq!(told([900, 90, 0, 10, 0, 0], 1.2), None, "one in a hundred is not more than that");
        let amber = |text: &str| Some((Level::Amber, text.to_owned()));
        let text = "1.1% of iterations began more than 1 ms after they were to, where 99% of requests take no longer than 1.2 ms";
        assert_eq!(told([900, 89, 0, 11, 0, 0], 1.2), amber(text));
        let text = "1.2% of iterations began more than 4 ms after they were to, where 99% of requests take no longer than 30 ms";
        assert_eq!(told([900, 80, 0, 5, 3, 12], 30.0), amber(text));
        assert_eq!(told([900, 89, 0, 11, 0, 0], 20.1), None);
        assert_eq!(told([9, 0, 0, 1, 0, 0], 1.2), None, "a single one is chance");
        assert_eq!(told([0; 6], 1.2), None);
    }
}
