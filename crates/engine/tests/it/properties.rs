//! What holds for any sequence of ramps, however users come and go meanwhile.

use proptest::prelude::*;

use super::*;

/// One thing that happens to a run.
#[derive(Clone, Debug)]
enum Deed {
    Start {
        target: usize,
        rate: f64,
    },
    Pass(Duration),
    /// Some users end by themselves.
    End(usize),
    Stop,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        (0_usize..40, 0.3_f64..200.0).prop_map(|(target, rate)| Deed::Start { target, rate }),
        (0.0_f64..3.0).prop_map(|time| Deed::Pass(seconds(time))),
        (1_usize..5).prop_map(Deed::End),
        Just(Deed::Stop),
    ];
    prop::collection::vec(deed, 1..12)
}

fn classes() -> impl Strategy<Value = Vec<UserClass>> {
    let class = |name: &'static str| {
        prop_oneof![
            3 => prop::sample::select(vec![1.0, 2.0, 0.5]).prop_map(move |weight| UserClass::weighted(name, weight)),
            1 => (1_usize..4).prop_map(move |count| UserClass::fixed(name, count)),
        ]
    };
    (class("A"), class("B"), Just(UserClass::weighted("C", 1.0))).prop_map(|(a, b, c)| vec![a, b, c])
}

impl Stage {
    fn stop(&mut self) {
        self.run.enter(State::Cleanup, 0.0);
        for user in std::mem::take(&mut self.users) {
            self.run.population_mut().remove(&user.class);
        }
        self.run.enter(State::Stopped, 0.0);
        // The next test begins from zero.
        self.dispatcher =
            Dispatcher::new(vec!["local".into()], self.classes.clone(), self.pace).expect("classes");
    }

    /// What is counted is what runs, and never more than the plan has.
    fn check(&self) {
        assert_eq!(self.run.population().total(), self.users.len());
        for (class, planned) in self.plan() {
            let live = self.users.iter().filter(|user| user.class == class).count();
            assert_eq!(self.run.population().count(&class) as usize, live);
            assert!(live <= planned as usize, "{live} users of {class} where {planned} are planned");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_ramp_ends_with_the_users_it_was_to_lead_to(
        classes in classes(), deeds in deeds(), even in any::<bool>(), target in 0_usize..60, rate in 0.5_f64..100.0,
    ) {
        let mut stage = Stage::new(classes, if even { Pace::EVEN } else { Pace::PER_SECOND });
        let mut ramping = false;
        for deed in deeds {
            match deed {
                Deed::Start { target, rate } => {
                    stage.start(target, rate);
                    ramping = true;
                }
                Deed::Pass(time) if ramping => ramping = !stage.pass(time),
                Deed::Pass(time) => stage.let_pass(stage.now + time),
                Deed::End(count) => {
                    for user in stage.users.drain(..count.min(stage.users.len())) {
                        stage.run.population_mut().remove(&user.class);
                    }
                }
                Deed::Stop => {
                    stage.stop();
                    ramping = false;
                }
            }
            stage.check();
        }
        // Nobody ends any more: a last ramp comes to exactly what was asked.
        stage.let_pass(stage.now + seconds(1.0));
        stage.start(target, rate);
        stage.finish();
        stage.check();
        prop_assert_eq!(stage.run.population().total(), target);
    }

    #[test]
    fn users_that_cannot_live_are_started_no_more_than_once_a_second(
        target in 1_usize..200, rate in 1.0_f64..300.0,
    ) {
        let mut stage = Stage::one_class();
        stage.lives_for = Some(seconds(0.0005));
        stage.start(target, rate);
        stage.finish();
        let lasted = (stage.now - stage.start).as_secs_f64().min(target as f64 / rate + 1.0);
        // Each second everybody that is planned by then, at most.
        let bound = (lasted.floor() + 2.0) * target as f64;
        prop_assert!((stage.starts.len() as f64) <= bound, "{} starts in {lasted} s", stage.starts.len());
    }
}
