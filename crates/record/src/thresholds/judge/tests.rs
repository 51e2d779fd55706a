use gregaria_stats::Histogram;
use proptest::prelude::*;

use super::*;

/// What happened in a second: response times in ms, and failures.
type Happened = (Vec<u64>, u64);

fn record((times, failures): &Happened) -> Record {
    let mut exact = Histogram::default();
    for &ms in times {
        exact.record(ms * 1_000);
    }
    Record {
        requests: times.len() as u64,
        failures: *failures.min(&(times.len() as u64)),
        sum_us: times.iter().sum::<u64>() * 1_000,
        slots: exact.slots(),
        ..Record::default()
    }
}

/// The judge after these seconds, the first of which has the number `first`; and whether it asked for the end.
fn judged(rule: &str, seconds: &[Happened], first: u32) -> (dto::Threshold, bool) {
    let mut judge = Judge::new(vec![Threshold::parse(rule).unwrap()]);
    let mut stopped = false;
    for (second, happened) in (first..).zip(seconds) {
        // Half of it under another name, which nobody asked for.
        judge.see(0, ("GET", "/a"), &record(happened));
        judge.see(1, ("GET", "/b"), &record(&(vec![1], 1)));
        judge.second_is_over(second, 7, true);
        stopped |= !judge.take_stops().is_empty();
    }
    (judge.standing(&Run::new(), true).remove(0), stopped)
}

proptest! {
    /// A rule over windows is broken if, and when, a window of whole seconds is.
    #[test]
    fn windows_are_judged_as_if_each_were_looked_at(
        seconds in prop::collection::vec((prop::collection::vec(1_u64..100, 0..6), 0_u64..3), 1..30),
        over in 1_u32..8,
        after in 0_u32..8,
        bound in 1_u64..100,
    ) {
        let rule = format!("GET /a: max < {bound}ms over {over}s{}, stop", if after > 0 { format!(" after {after}s") } else { String::new() });
        let (found, stopped) = judged(&rule, &seconds, 0);
        let looked_at = &seconds[seconds.len().min(after as usize)..];
        let windows: Vec<Option<u64>> = looked_at
            .windows(over as usize)
            .map(|window| window.iter().flat_map(|(times, _)| times).max().copied())
            .collect();
        // The histogram knows a time to a thousandth; none of these is near enough to matter.
        let broken = windows.iter().position(|longest| longest.is_some_and(|ms| ms >= bound));
        let outcome = match (broken, windows.iter().any(Option::is_some)) {
            (Some(_), _) => FAILED,
            (None, true) => OK,
            (None, false) => NO_DATA,
        };
        prop_assert_eq!(&found.outcome, outcome, "{:?}", found);
        prop_assert_eq!(found.at, broken.map(|index| f64::from(after + over) + index as f64));
        prop_assert_eq!(stopped, broken.is_some());
    }
}

proptest! {
    /// What a script measures has windows as requests have them: each is what its seconds are together.
    #[test]
    fn windows_of_measures_are_judged_as_if_each_were_looked_at(
        seconds in prop::collection::vec(prop::collection::vec(1_u64..50, 0..6), 1..25),
        over in 1_u32..6,
        after in 0_u32..5,
        bound in 1_u64..100,
    ) {
        let after_words = if after > 0 { format!(" after {after}s") } else { String::new() };
        let rules = [
            format!("counter c: sum < {bound} over {over}s{after_words}, stop"),
            format!("rate c: pass >= {}% over {over}s{after_words}", bound.min(100)),
            format!("trend c: max <= {bound} over {over}s{after_words}"),
        ];
        let mut judge = Judge::new(rules.iter().map(|rule| Threshold::parse(rule).unwrap()).collect());
        for (second, values) in (0..).zip(&seconds) {
            for kind in [MeasureKind::Counter, MeasureKind::Rate, MeasureKind::Trend] {
                let mut all = gregaria_stats::Measures::default();
                for &value in values {
                    let value = if kind == MeasureKind::Rate { value % 2 } else { value };
                    all.add(kind, "c", value as f64);
                    all.add(kind, "another", 1e6);
                }
                for one in all.all() {
                    judge.see_measure(kind, &one.name, &Record::of(second, 0, one.slice()));
                }
            }
            judge.second_is_over(second, 1, true);
        }
        let looked_at = &seconds[seconds.len().min(after as usize)..];
        let windows: Vec<Vec<u64>> = looked_at.windows(over as usize).map(<[_]>::concat).collect();
        let first = |is_broken: &dyn Fn(&Vec<u64>) -> bool| windows.iter().position(is_broken);
        let odd = |window: &Vec<u64>| window.iter().filter(|&value| value % 2 == 1).count();
        let broken = [
            first(&|window| window.iter().sum::<u64>() >= bound),
            first(&|window| !window.is_empty() && (odd(window) * 100) < window.len() * bound.min(100) as usize),
            first(&|window| window.iter().max().is_some_and(|&most| most > bound)),
        ];
        let is_data = [!windows.is_empty(), windows.iter().any(|w| !w.is_empty()), windows.iter().any(|w| !w.is_empty())];
        for ((found, broken), is_data) in judge.standing(&Run::new(), true).iter().zip(broken).zip(is_data) {
            let outcome = match (broken, is_data) {
                (Some(_), _) => FAILED,
                (None, true) => OK,
                (None, false) => NO_DATA,
            };
            prop_assert_eq!(&found.outcome, outcome, "{:?}", found);
            prop_assert_eq!(found.at, broken.map(|index| f64::from(after + over) + index as f64));
        }
        prop_assert_eq!(judge.take_stops().is_empty(), broken[0].is_none());
    }
}

#[test]
fn seconds_that_nobody_saw_were_empty() {
    let busy = (vec![5; 10], 0);
    let (whole, _) = judged("GET /a: rps >= 10 over 2s", &vec![busy.clone(); 5], 0);
    assert_eq!(whole.outcome, OK);
    // The first two were missed.
    let (late, stopped) = judged("GET /a: rps >= 10 over 2s, stop", &vec![busy; 5], 2);
    assert_eq!((&*late.outcome, late.measured, stopped), (FAILED, Some(0.0), true));
}

#[test]
fn what_is_cut_at_both_ends_is_no_window() {
    let mut judge = Judge::new(vec![Threshold::parse("rps > 1 over 1s").unwrap()]);
    judge.second_is_over(0, 1, false);
    judge.see(-1, ("", ""), &record(&(vec![1, 1, 1], 0)));
    judge.second_is_over(1, 1, true);
    judge.second_is_over(2, 1, false);
    let standing = judge.standing(&Run::new(), true).remove(0);
    assert_eq!((&*standing.outcome, standing.measured), (OK, Some(3.0)));
    // Numbers that went back to zero are judged anew.
    judge.begin();
    assert_eq!(judge.standing(&Run::new(), true)[0].outcome, NO_DATA);
}

proptest! {
    /// A steady rate is what is measured, wherever within a second the run began and ended.
    #[test]
    fn seconds_that_are_cut_have_no_part_in_what_happens_per_second(
        rate in 1_usize..50, first in 0.0_f64..1.0, last in 0.0_f64..1.0, whole in 1_usize..12, over in 1_u32..6, after in 0_u32..6,
    ) {
        let words = if after > 0 { format!(" after {after}s") } else { String::new() };
        let rules = [
            format!("rps >= {rate} over {over}s{words}, stop"),
            format!("rps <= {rate} over {over}s{words}, stop"),
            format!("rps >= {rate}{words}, stop"),
            format!("rps <= {rate}{words}, stop"),
        ];
        let mut judge = Judge::new(rules.iter().map(|rule| Threshold::parse(rule).unwrap()).collect());
        let shares = [(first, false)].into_iter().chain(std::iter::repeat_n((1.0, true), whole)).chain([(last, false)]);
        for (second, (share, is_whole)) in (0..).zip(shares) {
            judge.see(-1, ("", ""), &record(&(vec![1; (rate as f64 * share) as usize], 0)));
            judge.second_is_over(second, 1, is_whole);
        }
        prop_assert!(judge.take_stops().is_empty(), "{:?}", judge.standing(&Run::new(), true));
        for (found, needs) in judge.standing(&Run::new(), true).iter().zip([over, over, 1, 1]) {
            // Of a whole run its table tells, and that is empty here.
            if after == 0 && needs == 1 && !found.text.contains("over") {
                continue;
            }
            let is_data = whole as u32 >= after + needs;
            prop_assert_eq!(&*found.outcome, if is_data { OK } else { NO_DATA }, "{:?}", found);
            prop_assert_eq!(found.measured, is_data.then_some(rate as f64));
        }
    }
}

#[test]
fn what_is_left_out_at_the_begin_is_at_least_as_long_as_was_asked_for() {
    let mut judge = Judge::new(vec![Threshold::parse("count > 0 after 2s").unwrap()]);
    for second in 0..3 {
        // The run began late within second 0, so that second 2 is over before it has lasted for three.
        judge.see(-1, ("", ""), &record(&(vec![1; 10], 0)));
        judge.second_is_over(second, 1, second > 0);
    }
    assert_eq!(judge.standing(&Run::new(), true)[0].outcome, NO_DATA);
    judge.see(-1, ("", ""), &record(&(vec![1; 4], 0)));
    judge.second_is_over(3, 1, false);
    assert_eq!(judge.standing(&Run::new(), true)[0].measured, Some(4.0));
}

/// How these rules stand at the end of an open run of five seconds, in the third of which all of this came about.
fn of_arrivals(arrivals: &dto::Arrivals, rules: &[&str]) -> Vec<(String, String)> {
    let mut judge = Judge::new(rules.iter().map(|rule| Threshold::parse(rule).unwrap()).collect());
    for second in 0..5 {
        let now = if second < 2 { dto::Arrivals::default() } else { arrivals.clone() };
        judge.has_arrived(Some(&now));
        judge.second_is_over(second, 1, true);
    }
    let mut run = Run::new();
    run.arrivals = Some(arrivals.clone());
    let shown = |one: dto::Threshold| {
        let number = one.shown.unwrap_or_default();
        (one.outcome, if one.detail.is_empty() { number } else { format!("{number} ({})", one.detail) })
    };
    judge.standing(&run, true).into_iter().map(shown).collect()
}

#[test]
fn what_was_lost_has_not_begun() {
    let rules = ["dropped < 1%", "dropped < 1% after 1s", "dropped < 1% over 2s", "late < 5%"];
    let lost = dto::Arrivals { due: 339, begun: 337, dropped: 2, lost: 161, ..dto::Arrivals::default() };
    let standing = of_arrivals(&lost, &rules);
    let outcomes: Vec<&str> = standing.iter().map(|(outcome, _)| &**outcome).collect();
    assert_eq!(outcomes, [FAILED, FAILED, FAILED, OK]);
    assert_eq!(standing[0].1, "32.6% (2 dropped and 161 lost of 500)");
    assert_eq!(standing[1].1, "32.6%");
    assert!(standing[2].1.starts_with("32.6% (worst of"), "{standing:?}");
    assert_eq!(standing[3].1, "0% (0 of 339)");
    let whole = dto::Arrivals { due: 339, begun: 337, dropped: 2, ..dto::Arrivals::default() };
    assert_eq!(of_arrivals(&whole, &["dropped < 1%"])[0], (OK.to_owned(), "0.59% (2 of 339)".to_owned()));
}

#[test]
fn what_never_began_was_not_in_time() {
    let none = dto::Arrivals { due: 80, dropped: 80, ..dto::Arrivals::default() };
    let standing =
        of_arrivals(&none, &["late < 5%", "late < 5% after 1s", "late < 5% over 2s", "dropped <= 100%"]);
    let words: Vec<String> = standing.iter().map(|(outcome, words)| format!("{outcome}{words}")).collect();
    assert_eq!(
        words,
        [
            "no data (none of 80 began)",
            "no data (none after 1 s)",
            "no data (no window of 2 s had any that began)",
            "ok100% (80 of 80)",
        ]
    );
}

#[test]
fn a_name_beyond_the_limit_was_measured_all_the_same() {
    let mut all = gregaria_stats::Measures::default();
    for name in 0..=MAX_MEASURES {
        all.add(MeasureKind::Counter, &format!("n{name}"), 1.0);
    }
    let judge = Judge::new(
        ["counter n1000: sum >= 1", "check n1000: pass > 1%"]
            .map(|rule| Threshold::parse(rule).unwrap())
            .to_vec(),
    );
    let mut run = Run::new();
    run.mirror.measures = all.take();
    let details: Vec<String> = judge.standing(&run, true).into_iter().map(|one| one.detail).collect();
    assert_eq!(
        details,
        [
            "not told apart: names beyond the first 1,000 are counted together",
            "nothing was measured under this name"
        ]
    );
}
