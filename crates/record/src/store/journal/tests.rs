use std::sync::Arc;

use gregaria_stats::{Details, ErrorSeed, Phases as Sums, RequestStats, Sample};
use proptest::prelude::*;

use super::*;
use crate::course::When;
use crate::numbers::Numbers;
use crate::owner_first::OwnerFirst;

/// A test that goes on, as its recorder sees it.
struct Going {
    stats: Arc<OwnerFirst<RequestStats>>,
    numbers: Numbers,
    run: Run,
    status: HostStatus,
    marks: Marks,
    at: f64,
}

impl Going {
    fn new() -> Self {
        let stats = Arc::new(OwnerFirst::new(RequestStats::new(true, 1_000.0)));
        let numbers = Numbers::new(Arc::clone(&stats));
        let status = HostStatus { state: "running".into(), run: 1, user_count: 3, ..HostStatus::default() };
        let mut run = Run::new();
        run.begin(1, 1_000.0);
        Self { stats, numbers, run, status, marks: Marks::default(), at: 1_000.0 }
    }

    /// What happens until the next whole second: (which name, ms, whether it failed).
    fn second(&mut self, requests: &[(u8, u16, bool)]) -> u64 {
        let since = self.run.seq;
        self.at += 1.0;
        for &(name, ms, failed) in requests {
            let (name, now) = (format!("/{name}"), self.at - 0.5);
            let mut stats = self.stats.own();
            let id = stats.entry_id("GET", &name, now);
            let sample = Sample::new(Some(f64::from(ms)), 100, now);
            let phases = &Sums::of([u64::from(ms); 8]);
            let status = Some(if failed { 500 } else { 200 });
            assert!(stats.record_with(id, &sample, Details { phases, status }));
            if failed {
                let text: Box<str> = format!("bad {ms}").into();
                let seed = ErrorSeed {
                    key: format!("{name} {text}").into(),
                    method: "GET".into(),
                    name: name.into(),
                    text: text.clone(),
                    display: text,
                };
                if !stats.record_error(id, &seed.text, now).unwrap() {
                    stats.insert_error(seed, now);
                }
            }
        }
        self.run.seq += 1;
        let classes = requests.iter().map(|&(name, ..)| (format!("User{}", name % 3), u64::from(name)));
        self.status.user_classes = classes.collect();
        self.run.take_in(&self.numbers, &self.status, self.at, false);
        self.run.record(Vec::new(), When::of(&self.status, self.at, false));
        since
    }

    fn whole(&mut self) -> StoredRun {
        self.marks = Marks::of(&self.run.course);
        StoredRun::of(&self.run, &self.status, serde_json::json!({"host": "h"}), self.at)
    }

    fn change(&mut self, since: u64) -> Change {
        Change::of(&self.run, &self.status, self.at, since, &mut self.marks)
    }
}

/// All that anybody can see of a run, in an order that does not depend on how it was written.
fn shown(run: &StoredRun) -> String {
    let mut detail = run.detail();
    detail.summary.cut_off = false;
    let windows: Vec<_> = (-1..20).map(|id| run.course.window(Some(id), None, None, &[0.5, 0.9])).collect();
    format!("{detail:?} {windows:?}")
}

fn requests() -> impl Strategy<Value = Vec<(u8, u16, bool)>> {
    prop::collection::vec((0_u8..12, 1_u16..5_000, any::<bool>()), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn wherever_it_is_cut_all_until_the_last_whole_second_is_there(
        seconds in prop::collection::vec(requests(), 1..12), cuts in prop::collection::vec(any::<prop::sample::Index>(), 20),
    ) {
        let mut going = Going::new();
        going.second(&[(1, 10, false)]);
        let mut whole = vec![going.whole()];
        let mut bytes = begin(&whole[0]).unwrap();
        let mut ends = vec![bytes.len()];
        for requests in &seconds {
            let since = going.second(requests);
            let change = going.change(since);
            bytes.extend(next(&change).unwrap());
            ends.push(bytes.len());
            whole.push(StoredRun::of(&going.run, &going.status, serde_json::json!({"host": "h"}), going.at));
        }
        for at in cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain(ends.iter().copied()) {
            let read = read(&bytes[..at]);
            match ends.iter().rposition(|&end| end <= at) {
                None => prop_assert!(read.is_err()),
                Some(last) => {
                    let read = read.unwrap();
                    prop_assert!(read.summary.cut_off);
                    prop_assert_eq!(shown(&read), shown(&whole[last]));
                    // It can be kept as any other.
                    prop_assert_eq!(shown(&decode(&encode(&read, &read.summary).unwrap()).unwrap()), shown(&read));
                }
            }
        }
    }

    #[test]
    fn no_damage_makes_it_stumble(place in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut going = Going::new();
        going.second(&[(1, 10, false)]);
        let mut bytes = begin(&going.whole()).unwrap();
        let first = bytes.len();
        for requests in [[(2, 20, true)], [(1, 30, false)]] {
            let since = going.second(&requests);
            bytes.extend(next(&going.change(since)).unwrap());
        }
        let (at, all) = (place.index(bytes.len()), read(&bytes).unwrap());
        prop_assert_eq!(all.summary.requests, 3);
        if std::mem::replace(&mut bytes[at], value) != value {
            match read(&bytes) {
                Ok(read) => prop_assert!(at >= first && read.summary.requests < 3),
                Err(_) => prop_assert!(at < first),
            }
        }
    }

    #[test]
    fn whatever_a_piece_says_the_run_can_be_kept(plain in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut going = Going::new();
        going.second(&[(1, 10, false)]);
        let mut bytes = begin(&going.whole()).unwrap();
        bytes.extend(change_of(&plain).unwrap());
        prop_assert_eq!(read(&bytes).unwrap().summary.requests, 1);
    }
}

#[test]
fn a_change_that_could_not_be_read_is_not_written() {
    let mut going = Going::new();
    going.second(&[(1, 10, false)]);
    let change = Change { elapsed: f64::NAN, ..going.change(0) };
    assert!(next(&change).is_err());
}

#[test]
fn columns_that_do_not_fit_are_not_taken() {
    let spoil: [fn(&mut Change); 5] = [
        |change| change.rows.avg.clear(),
        |change| drop(change.rows.percentiles.pop()),
        |change| change.phases.send.clear(),
        |change| change.series.reverse(),
        |change| change.series.push((u32::MAX, vec![0; 6])),
    ];
    for spoil in spoil {
        let mut going = Going::new();
        going.second(&[(1, 10, false)]);
        let begun = begin(&going.whole()).unwrap();
        let since = going.second(&[(1, 10, false), (2, 10, false)]);
        let mut change = going.change(since);
        spoil(&mut change);
        let bytes = [&begun[..], &next(&change).unwrap()].concat();
        assert_eq!(read(&bytes).unwrap().summary.requests, 1);
    }
}
