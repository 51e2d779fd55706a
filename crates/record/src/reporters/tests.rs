//! What is said of each report, and up to when everything is known.

use super::*;

fn told(number: u64, open: u64, since: f64) -> Told {
    Told { number, open, since, every: 3.0, clock: 1_000.0, ..Told::default() }
}

fn placing(verdict: &Judgement) -> Placing {
    match verdict {
        Judgement::Counts { placing, .. } => *placing,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_report_is_placed_by_its_arrival_less_half_a_round_trip() {
    let mut all = Reporters::default();
    all.joined("a", 1_000.0);
    let told = Told { round_trip: 0.8, ..told(1, 3, 0.1) };
    // Its second 3 began 0.1 s before it was sent, which was at 1,003.2 by our clock.
    assert_eq!(placing(&all.report("a", &told, 1_003.6)).shift, 1_000);
    assert_eq!(all.settled(1_003.6), 1_002);
}

#[test]
fn what_arrives_later_than_usual_is_not_placed_later() {
    let mut all = Reporters::default();
    all.joined("a", 1_000.0);
    for (number, on_its_way) in [(1, 0.01), (2, 4.0), (3, 0.4), (4, 20.0), (5, 1.2)] {
        let told = told(number, number * 3, 0.2);
        let at = 1_000.0 + number as f64 * 3.0 + 0.2 + on_its_way;
        assert_eq!(placing(&all.report("a", &told, at)).shift, 1_000, "report {number}");
    }
}

#[test]
fn the_wall_clock_of_a_worker_places_nothing_and_its_step_is_told() {
    let mut all = Reporters::default();
    all.joined("a", 1_000.0);
    for (number, clock) in [(1, 1_003.0), (2, 4_606.0), (3, -2_591.0)] {
        let told = Told { clock, ..told(number, number * 3, 0.0) };
        let placing = placing(&all.report("a", &told, 1_000.0 + number as f64 * 3.0));
        assert_eq!(placing.shift, 1_000);
        assert_eq!(placing.clock, 1_000.0 + number as f64 * 3.0 - clock);
    }
}

#[test]
fn a_report_counts_once_and_only_in_its_run() {
    let mut all = Reporters::default();
    all.begin("r1");
    let of = |number| Told { run: Some("r1".to_owned()), ..told(number, number * 3, 0.0) };
    let mut report = |told: &Told, at: f64| match all.report("a", told, at) {
        Judgement::Counts { missing, overdue, .. } => Ok((missing, overdue)),
        other => Err(other),
    };
    assert_eq!(report(&of(7), 1_000.0), Ok((0, false)));
    assert_eq!(report(&of(7), 1_001.0), Err(Judgement::Again));
    assert_eq!(report(&of(10), 1_009.0), Ok((2, false)));
    assert_eq!(report(&of(9), 1_009.1), Ok((0, true)));
    assert_eq!(report(&of(9), 1_009.2), Err(Judgement::Again));
    assert_eq!(report(&of(100), 1_300.0), Ok((89, false)));
    assert_eq!(report(&of(8), 1_300.0), Err(Judgement::TooOld));
    let other = Told { run: Some("r2".to_owned()), ..told(101, 303, 0.0) };
    assert_eq!(report(&other, 1_303.0), Err(Judgement::OtherRun));
    assert_eq!(report(&Told { run: None, ..told(102, 306, 0.0) }, 1_306.0), Ok((0, false)));
}

#[test]
fn everything_is_known_up_to_what_the_slowest_has_told_until_it_is_late() {
    let mut all = Reporters::default();
    all.joined("a", 1_000.0);
    all.joined("b", 1_000.0);
    for number in 1..=5 {
        let at = 1_000.0 + number as f64 * 3.0;
        all.report("a", &told(number, number * 3, 0.0), at);
        if number <= 2 {
            all.report("b", &told(number, number * 3, 0.0), at);
        }
    }
    assert_eq!(all.settled(1_015.0), 1_005);
    // Due at 1,009, with the second that was open at 1,006; another one until then is no surprise.
    assert_eq!(all.late(1_014.9), [""; 0]);
    assert_eq!(all.late(1_015.1), ["b"]);
    all.give_up("b");
    assert_eq!((all.late(1_016.0), all.settled(1_016.0)), (vec![], 1_014));
    // It is heard of again.
    all.report("b", &told(3, 16, 0.0), 1_016.2);
    all.report("a", &told(6, 18, 0.0), 1_018.0);
    assert_eq!(all.settled(1_018.0), 1_015);
    all.left("b");
    assert_eq!(all.settled(1_018.0), 1_017);
    all.left("a");
    assert_eq!(all.settled(1_020.5), 1_019);
}

#[test]
fn others_are_placed_by_their_own_clock_unless_it_is_wrong() {
    let mut all = Reporters::default();
    all.joined("l", 1_000.0);
    let clocks = |all: &mut Reporters, ahead: f64, from: u32| -> Vec<f64> {
        let reports = from..from + 5;
        reports
            .map(|report| {
                let at = 1_000.0 + f64::from(report) * 3.0;
                all.report_of_another("l", Some(at - 0.3 + ahead), 3.0, at).clock
            })
            .collect()
    };
    assert_eq!(clocks(&mut all, 0.0, 1), [0.0; 5]);
    // It is set forward by an hour, back to right, and back by an hour.
    assert_eq!(clocks(&mut all, 3_600.0, 6), [-3_600.0; 5]);
    assert_eq!(clocks(&mut all, 0.0, 11), [0.0; 5]);
    assert_eq!(clocks(&mut all, -3_600.0, 16), [3_600.0; 5]);
    // Once in a while a request, long before the report.
    let mut rare = Reporters::default();
    for report in 1..9 {
        let at = 1_000.0 + f64::from(report) * 3.0;
        let ago = [2.9, 1.7, 0.2][report as usize % 3];
        assert_eq!(rare.report_of_another("l", Some(at - ago), 3.0, at).clock, 0.0, "{report}");
    }
}

#[test]
fn a_clock_of_ours_that_jumps_takes_all_along() {
    let mut all = Reporters::default();
    all.joined("a", 1_000.0);
    for (number, jump) in [(1, 0.0), (2, 3_600.0), (3, 3_600.0), (4, 0.0), (5, 0.0)] {
        let at = 1_000.0 + number as f64 * 3.0 + jump;
        assert_eq!(placing(&all.report("a", &told(number, number * 3, 0.0), at)).shift, 1_000 + jump as i64);
        assert_eq!(all.settled(at), at as i64 - 1);
    }
}

#[test]
fn odd_numbers_are_refused() {
    let sound = told(1, 3, 0.5);
    assert!(sound.is_sound());
    for odd in [
        Told { number: 0, ..sound.clone() },
        Told { since: f64::NAN, ..sound.clone() },
        Told { since: -1.0, ..sound.clone() },
        Told { round_trip: 1e9, ..sound.clone() },
        Told { clock: f64::INFINITY, ..sound.clone() },
        Told { open: u64::MAX, ..sound.clone() },
        Told { every: f64::NAN, ..sound.clone() },
        Told { run: Some("x".repeat(65)), ..sound },
    ] {
        assert!(!odd.is_sound(), "{odd:?}");
    }
}
