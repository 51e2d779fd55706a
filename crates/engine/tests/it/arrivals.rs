//! Open runs in virtual time: how many iterations begin, when, and on whom, whatever users and processes come and go.

use gregaria_engine::arrivals::{Deed, Lane, Pattern, Pool, Profile, Schedule, Share};
use proptest::prelude::*;

use super::*;

/// What users do with an iteration.
#[derive(Clone, Copy, Debug)]
struct Work {
    /// `on_start`.
    start: f64,
    /// One iteration.
    takes: f64,
    /// Every so many iterations a user ends by itself; 0: never.
    ends_every: u32,
    /// Of so many starts one fails; 0: none.
    fails_every: u32,
}

/// An iteration that has begun.
#[derive(Clone, Copy, Debug)]
struct Begun {
    intended: f64,
    at: f64,
}

enum Event {
    Ready(u32, usize),
    Done(u32, usize),
}

/// A pool with users in virtual time.
struct Crowd {
    pool: Pool,
    origin: Instant,
    now: Instant,
    work: Work,
    events: Vec<(Instant, Event)>,
    next_user: u32,
    classes: BTreeMap<u32, usize>,
    begun: Vec<Begun>,
    starts: u32,
    most_users: usize,
    /// For so long nobody answers, from then on.
    stall: Option<(f64, f64)>,
    /// What it takes the thread that runs the users to begin an iteration, and to start a user.
    costs: (f64, f64),
}

impl Crowd {
    fn new(lanes: Vec<Lane>, classes: usize, most: usize, work: Work) -> Self {
        let origin = Instant::now();
        Self {
            pool: Pool::new(lanes, classes, most, origin),
            origin,
            now: origin,
            work,
            events: Vec::new(),
            next_user: 0,
            classes: BTreeMap::new(),
            begun: Vec::new(),
            starts: 0,
            most_users: 0,
            stall: None,
            costs: (0.0, 0.0),
        }
    }

    fn one(rate: &str, most: usize, work: Work) -> Self {
        let profile = Profile::parse(rate).expect("a rate");
        Self::new(vec![Lane::new(Schedule::new(profile, Pattern::Constant), &[(0, 1.0)])], 1, most, work)
    }

    fn since(&self, moment: Instant) -> f64 {
        (moment - self.origin).as_secs_f64()
    }

    fn later(&self, time: f64) -> Instant {
        let mut at = self.since(self.now) + time;
        if let Some((from, until)) = self.stall
            && at >= from
            && self.since(self.now) < until
        {
            at = at.max(until + time);
        }
        self.origin + seconds(at)
    }

    fn run(&mut self, until: f64) {
        let until = self.origin + seconds(until);
        loop {
            let next = match self.pool.poll(self.now) {
                Deed::Run { user, intended } => {
                    self.begin(user, intended);
                    self.now += seconds(self.costs.0);
                    continue;
                }
                Deed::Start { class } => {
                    self.start(class);
                    self.now += seconds(self.costs.1);
                    continue;
                }
                Deed::Wait(at) => at,
                Deed::Rest => until,
            };
            let event = self.events.iter().map(|(at, _)| *at).min().unwrap_or(until);
            let at = next.min(event).max(self.now);
            if at >= until {
                self.now = until;
                return;
            }
            self.now = at;
            while let Some(place) = self.events.iter().position(|(at, _)| *at <= self.now) {
                let (_, event) = self.events.remove(place);
                self.happens(&event);
            }
        }
    }

    fn start(&mut self, class: usize) {
        self.starts += 1;
        if self.work.fails_every > 0 && self.starts.is_multiple_of(self.work.fails_every) {
            self.pool.failed_to_start(class);
            return;
        }
        self.pool.joins(class);
        self.next_user += 1;
        self.classes.insert(self.next_user, class);
        self.most_users = self.most_users.max(self.classes.len());
        self.events.push((self.now + seconds(self.work.start), Event::Ready(self.next_user, class)));
    }

    fn begin(&mut self, user: u32, intended: Instant) {
        self.begun.push(Begun { intended: self.since(intended), at: self.since(self.now) });
        self.events.push((self.later(self.work.takes), Event::Done(user, self.classes[&user])));
    }

    fn happens(&mut self, event: &Event) {
        let (user, class) = match *event {
            Event::Ready(user, class) => {
                self.pool.is_ready(class);
                (user, class)
            }
            Event::Done(user, class) => {
                let ends = self.work.ends_every;
                if ends > 0 && (self.begun.len() as u32).is_multiple_of(ends) {
                    self.classes.remove(&user);
                    self.pool.leaves(user, class, false);
                    return;
                }
                (user, class)
            }
        };
        if let Some(intended) = self.pool.is_free(user, class) {
            self.begin(user, intended);
        }
    }
}

fn work() -> impl Strategy<Value = Work> {
    let ends = prop_oneof![Just(0_u32), 1_u32..20];
    let fails = prop_oneof![Just(0_u32), 2_u32..20];
    (0.0_f64..0.5, 0.0_f64..2.0, ends, fails).prop_map(|(start, takes, ends_every, fails_every)| Work {
        start,
        takes,
        ends_every,
        fails_every,
    })
}

const QUICK: Work = Work { start: 0.0, takes: 0.001, ends_every: 0, fails_every: 0 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn as_many_arrive_as_the_integral_of_the_rate_says_whatever_users_do(
        from in 0.0_f64..60.0, to in 0.1_f64..60.0, ramp in 0.5_f64..8.0, hold in 0.5_f64..8.0, most in 1_usize..40, work in work(),
    ) {
        let rate = format!("{from}->{to} in {ramp}s, {to} for {hold}s");
        let mut crowd = Crowd::one(&rate, most, work);
        for tenth in 1..=10_u32 {
            let until = (ramp + hold) * f64::from(tenth) / 10.0;
            crowd.run(until);
            let totals = crowd.pool.totals();
            let wanted = Profile::parse(&rate).expect("a rate").arrivals_until(until);
            prop_assert!((totals.due as f64 - wanted).abs() <= 0.5 + 1e-6, "{totals:?} and not {wanted} until {until}");
            prop_assert_eq!(totals.due, totals.begun + totals.dropped + totals.waiting);
            prop_assert_eq!(totals.begun, crowd.begun.len() as u64);
            prop_assert!(crowd.most_users <= most && crowd.pool.users() <= most);
        }
        prop_assert_eq!(crowd.pool.is_through(), crowd.pool.totals().waiting == 0);
        crowd.pool.end(crowd.now);
        let totals = crowd.pool.totals();
        prop_assert_eq!((totals.waiting, totals.due), (0, totals.begun + totals.dropped));
    }

    #[test]
    fn the_parts_of_all_processes_are_the_whole_however_they_are_shared_out_anew(
        rate in 5.0_f64..300.0, changes in prop::collection::vec((0.1_f64..2.0, 1_u64..6), 0..5), processes in 1_u64..6, poisson in any::<bool>(), seed in any::<u64>(),
    ) {
        let pattern = if poisson { Pattern::Poisson { seed } } else { Pattern::Constant };
        let profile = Profile::constant(rate);
        let all = moments(Schedule::new(profile.clone(), pattern), 12.0);
        let mut parts: Vec<Schedule> = (0..6).map(|_| Schedule::new(profile.clone(), pattern)).collect();
        let mut at = 0.0;
        for (pause, count) in [(0.0, processes)].into_iter().chain(changes) {
            at += pause;
            // Those that have a part are not always the same ones.
            for (number, part) in parts.iter_mut().enumerate() {
                let number = (number as u64 + count) % 6;
                let share = if number < count { Share { index: number, of: count } } else { Share::NONE };
                let block = part.block_at(at);
                part.share_from(block, share);
            }
        }
        let mut union: Vec<f64> = parts.into_iter().flat_map(|part| moments(part, 12.0)).collect();
        union.sort_by(f64::total_cmp);
        prop_assert_eq!(union, all);
    }
}

fn moments(mut schedule: Schedule, until: f64) -> Vec<f64> {
    let mut found = Vec::new();
    while let Some(at) = schedule.peek().filter(|at| *at < until) {
        found.push(at);
        schedule.advance();
    }
    found
}

#[test]
fn a_poisson_process_has_the_mean_and_the_variance_of_one() {
    let profile = Profile::constant(100.0);
    let found = moments(Schedule::new(profile, Pattern::Poisson { seed: 7 }), 1_000.0);
    let mut seconds = vec![0.0_f64; 1_000];
    for at in found {
        seconds[at as usize] += 1.0;
    }
    let mean = seconds.iter().sum::<f64>() / 1_000.0;
    let variance = seconds.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / 1_000.0;
    assert!((mean - 100.0).abs() < 1.5, "{mean}");
    assert!((variance - 100.0).abs() < 15.0, "{variance}");
}

#[test]
fn a_server_that_stalls_costs_each_iteration_what_it_has_waited() {
    // 200/s; from second 2 to 7 nobody gets an answer: 1,000 iterations end when that is over.
    let mut crowd = Crowd::one("200 for 10s", 2_000, QUICK);
    crowd.stall = Some((2.0, 7.0));
    crowd.run(10.0);
    assert_eq!(crowd.pool.totals().begun, 2_000);
    assert!(
        crowd.begun.iter().all(|begun| begun.at - begun.intended < 1e-6),
        "there was room for all of them"
    );
    assert_eq!(crowd.most_users, 1_000);
    // With room for 100 users the others cannot even begin: they are dropped, and counted.
    let mut crowd = Crowd::one("200 for 10s", 100, QUICK);
    crowd.stall = Some((2.0, 7.0));
    crowd.run(10.0);
    let totals = crowd.pool.totals();
    assert_eq!((totals.due, totals.dropped), (2_000, 900));
}

#[test]
fn the_first_of_a_class_is_awaited_and_what_comes_meanwhile_waits_for_the_same_user() {
    // The first iteration is due after 50 ms, when its user has been ready for 10.
    let mut crowd =
        Crowd::one("10 for 2s", 5, Work { start: 0.04, takes: 0.001, ends_every: 0, fails_every: 0 });
    crowd.run(2.0);
    assert_eq!((crowd.begun.len(), crowd.most_users), (20, 1));
    assert!(crowd.begun.iter().all(|begun| begun.at - begun.intended < 1e-6), "{:?}", crowd.begun);
    // With one user at most and a slow start nothing is dropped that would not have been without it.
    let mut crowd =
        Crowd::one("10 for 2s", 1, Work { start: 0.16, takes: 0.001, ends_every: 0, fails_every: 0 });
    crowd.run(2.0);
    let totals = crowd.pool.totals();
    assert_eq!((totals.due, totals.begun, totals.dropped, crowd.most_users), (20, 19, 1, 1));
    // A user that cannot be started is asked for again when somebody arrives.
    let mut crowd =
        Crowd::one("10 for 1s", 1, Work { start: 0.0, takes: 0.001, ends_every: 0, fails_every: 0 });
    assert_eq!(crowd.pool.poll(crowd.now), Deed::Start { class: 0 });
    crowd.pool.failed_to_start(0);
    crowd.run(1.0);
    assert_eq!((crowd.begun.len(), crowd.starts), (10, 1));
    // So of each class, whether it has a rate of its own or comes by its weight.
    let lane =
        |rate, classes: &[_]| Lane::new(Schedule::new(Profile::constant(rate), Pattern::Constant), classes);
    let slow = Work { start: 0.04, takes: 0.001, ends_every: 0, fails_every: 0 };
    for lanes in
        [vec![lane(10.0, &[(0, 3.0), (1, 1.0)])], vec![lane(10.0, &[(0, 1.0)]), lane(3.0, &[(1, 1.0)])]]
    {
        let mut crowd = Crowd::new(lanes, 2, 10, slow);
        crowd.run(3.0);
        assert_eq!(crowd.most_users, 2);
        assert!(crowd.begun.iter().all(|begun| begun.at - begun.intended < 1e-6), "{:?}", crowd.begun);
    }
}

#[test]
fn arrivals_are_shared_out_by_weight_and_no_class_is_starved_by_another() {
    let profile = Profile::constant(100.0);
    let lane = Lane::new(Schedule::new(profile, Pattern::Constant), &[(0, 3.0), (1, 1.0)]);
    // The first class never comes back, and would take all places.
    let mut pool = Pool::new(vec![lane], 2, 10, Instant::now());
    let far = Instant::now() + seconds(1.0);
    let mut started = [0; 2];
    loop {
        match pool.poll(far) {
            Deed::Start { class } => started[class] += 1,
            // The next turn.
            Deed::Wait(at) if at <= far => {}
            _ => break,
        }
    }
    assert_eq!(started.iter().sum::<usize>(), 10);
    assert!(started[1] >= 1, "{started:?}");
    // Rates of each class of their own.
    let lanes = [50.0, 20.0].into_iter().enumerate().map(|(class, rate)| {
        Lane::new(Schedule::new(Profile::constant(rate), Pattern::Constant), &[(class, 1.0)])
    });
    let mut crowd = Crowd::new(lanes.collect(), 2, 100, QUICK);
    crowd.run(10.0);
    assert_eq!(crowd.pool.totals().begun, 700);
}

/// A crowd of which iterations take 1 ms of the server, 20 µs of the thread, and a new user 200 µs; until second 3, and from second 1 on
/// the thread had no processor for 20 ms.
fn after_a_gap(rate: u32) -> Crowd {
    let mut crowd = Crowd::one(&format!("{rate} for 3s"), 100_000, QUICK);
    crowd.costs = (20e-6, 200e-6);
    crowd.run(1.0);
    crowd.now += seconds(0.02);
    crowd.run(3.0);
    crowd
}

#[test]
fn a_process_that_fell_behind_catches_up_with_the_users_that_it_has() {
    for rate in [1_000_u32, 5_000, 20_000] {
        let crowd = after_a_gap(rate);
        assert_eq!(crowd.pool.totals().begun, u64::from(rate) * 3);
        // One for each iteration that was overdue would have been rate/50, and at 20,000/s the thread would never have caught up.
        let needed = rate / 1_000 + 1;
        assert!(crowd.most_users < needed as usize + 80, "{rate}/s: {} users", crowd.most_users);
        let late = crowd.begun.iter().filter(|begun| begun.at - begun.intended > 1e-3).count();
        let share = late as f64 / crowd.begun.len() as f64;
        assert!(share < 0.02, "{rate}/s: {late} late");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_turn_starts_few_users_and_the_next_one_comes_at_once(due in 1_u32..200, most in 1_usize..100, classes in 1_usize..4) {
        let lanes = (0..classes).map(|class| {
            Lane::new(Schedule::new(Profile::constant(f64::from(due)), Pattern::Constant), &[(class, 1.0)])
        });
        let mut pool = Pool::new(lanes.collect(), classes, most, Instant::now());
        let now = Instant::now() + seconds(1.0);
        let (mut all, mut in_turn) = (0, 0);
        loop {
            match pool.poll(now) {
                Deed::Start { class } => {
                    pool.joins(class);
                    (all, in_turn) = (all + 1, in_turn + 1);
                    // The first of a class is awaited, besides.
                    prop_assert!(in_turn <= 1 + classes, "{in_turn} in one turn");
                }
                Deed::Wait(at) if at <= now => in_turn = 0,
                _ => break,
            }
        }
        let due = due as usize * classes;
        prop_assert_eq!(all, due.min(most.max(classes)));
        let totals = pool.totals();
        prop_assert_eq!((totals.due, totals.waiting, totals.dropped), (due as u64, all as u64, (due - all) as u64));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What was due before all was counted from zero is no part of what is counted, though it may begin afterwards.
    #[test]
    fn what_counts_from_zero_is_the_integral_since(
        rate in 5.0_f64..60.0, anew in 0.3_f64..4.0, rest in 0.5_f64..4.0, most in 1_usize..20, work in work(),
    ) {
        let text = format!("{rate} for {}s", anew + rest);
        let mut crowd = Crowd::one(&text, most, work);
        crowd.run(anew);
        let before = crowd.pool.totals().due;
        crowd.pool.count_anew();
        crowd.run(anew + rest);
        let totals = crowd.pool.totals();
        let wanted = Profile::parse(&text).expect("a rate").arrivals_until(anew + rest);
        prop_assert!(((before + totals.due) as f64 - wanted).abs() <= 0.5 + 1e-6, "{before} and {totals:?}, not {wanted}");
        prop_assert_eq!(totals.due, totals.begun + totals.dropped + totals.waiting);
        crowd.pool.end(crowd.now);
        let totals = crowd.pool.totals();
        prop_assert_eq!((totals.waiting, totals.due), (0, totals.begun + totals.dropped));
    }
}
