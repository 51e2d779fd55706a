use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn just_before(time: Duration) -> Duration {
    time.saturating_sub(Duration::from_nanos(1))
}

fn wheel<T>() -> (TimerWheel<T>, Instant) {
    let now = Instant::now();
    (TimerWheel::new(now), now)
}

fn fired<T>(wheel: &mut TimerWheel<T>, now: Instant) -> Vec<T> {
    let mut due = Vec::new();
    wheel.expire(now, &mut due);
    due
}

#[test]
fn fires_at_the_deadline_and_not_before() {
    let (mut wheel, t) = wheel();
    wheel.insert(t + ms(100), 'a');
    assert_eq!(fired(&mut wheel, t + just_before(ms(100))), vec![]);
    assert_eq!(wheel.next_deadline(), Some(t + ms(100)));
    assert_eq!(fired(&mut wheel, t + ms(100)), vec!['a']);
    assert_eq!(wheel.next_deadline(), None);
    assert!(wheel.is_empty());
}

#[test]
fn rounds_up_to_a_tick() {
    let (mut wheel, t) = wheel();
    wheel.insert(t + Duration::from_nanos(1), ());
    assert_eq!(fired(&mut wheel, t + just_before(RESOLUTION)).len(), 0);
    assert_eq!(wheel.next_deadline(), Some(t + RESOLUTION));
    assert_eq!(fired(&mut wheel, t + RESOLUTION).len(), 1);
}

#[test]
fn a_deadline_in_the_past_fires_at_the_next_look() {
    let (mut wheel, t) = wheel();
    assert_eq!(fired(&mut wheel, t + ms(500)), Vec::<u8>::new());
    wheel.insert(t + ms(3), 1);
    wheel.insert(t, 2);
    assert_eq!(fired(&mut wheel, t + ms(500)), vec![1, 2]);
}

#[test]
fn cancelled_timers_give_their_value_back_once() {
    let (mut wheel, t) = wheel();
    let first = wheel.insert(t + ms(10), 'a');
    let second = wheel.insert(t + ms(10), 'b');
    let third = wheel.insert(t + ms(10), 'c');
    assert_eq!(wheel.get(second), Some(&'b'));
    assert_eq!(wheel.cancel(second), Some('b'));
    assert_eq!(wheel.cancel(second), None);
    assert_eq!(wheel.get(second), None);
    assert_eq!(fired(&mut wheel, t + ms(10)), vec!['a', 'c']);
    assert_eq!(wheel.cancel(first), None);
    let fourth = wheel.insert(t + ms(20), 'd');
    assert_eq!(wheel.cancel(third), None, "an old key does not reach the timer that took its place");
    assert_eq!(TimerKey::from_bits(fourth.to_bits()), fourth);
    assert_eq!(wheel.len(), 1);
}

#[test]
fn timers_set_while_firing_wait_for_their_own_time() {
    let (mut wheel, t) = wheel();
    let mut now = t;
    wheel.insert(t + ms(1000), ());
    for turn in 1..=100_u64 {
        now = wheel.next_deadline().expect("armed");
        assert_eq!(now, t + ms(1000) * turn as u32);
        assert_eq!(fired(&mut wheel, now).len(), 1);
        wheel.insert(now + ms(1000), ());
    }
    assert_eq!(now, t + ms(100_000));
}

#[test]
fn holds_waits_of_years() {
    let (mut wheel, t) = wheel();
    let decade = Duration::from_hours(10 * 365 * 24);
    wheel.insert(t + decade, "decade");
    wheel.insert(t + ms(1), "now");
    assert_eq!(fired(&mut wheel, t + ms(1)), vec!["now"]);
    assert_eq!(wheel.next_deadline(), Some(t + decade));
    assert_eq!(fired(&mut wheel, t + just_before(decade)), Vec::<&str>::new());
    assert_eq!(fired(&mut wheel, t + decade), vec!["decade"]);
}

#[test]
fn drain_empties_the_wheel() {
    let (mut wheel, t) = wheel();
    for n in 0..1000_u64 {
        wheel.insert(t + ms(n * n), n);
    }
    let mut all = Vec::new();
    wheel.drain(&mut all);
    all.sort_unstable();
    assert_eq!(all, (0..1000).collect::<Vec<_>>());
    assert_eq!(wheel.next_deadline(), None);
    assert_eq!(fired(&mut wheel, t + ms(2_000_000)), Vec::<u64>::new());
}

#[test]
fn a_hundred_thousand_timers_fire_in_order() {
    let (mut wheel, t) = wheel();
    let mut state = 1_u64;
    for _ in 0..100_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = Duration::from_micros(state >> 40);
        wheel.insert(t + wait, wait);
    }
    let mut seen = 0;
    let mut last = Duration::ZERO;
    while let Some(now) = wheel.next_deadline() {
        for wait in fired(&mut wheel, now) {
            let tick = wait.as_nanos().div_ceil(u128::from(TICK_NANOS));
            assert!(now >= t + wait && now < t + wait + RESOLUTION);
            assert!(last.as_nanos().div_ceil(u128::from(TICK_NANOS)) <= tick);
            last = wait;
            seen += 1;
        }
    }
    assert_eq!(seen, 100_000);
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    Cancel(usize),
    Advance(u64),
    AdvanceToNext,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let micros = prop_oneof![0..2_000_u64, 0..5_000_000_u64, 0..40_000_000_000_u64];
    let step = prop_oneof![
        4 => micros.clone().prop_map(Step::Insert),
        1 => (0..200_usize).prop_map(Step::Cancel),
        2 => micros.prop_map(Step::Advance),
        2 => Just(Step::AdvanceToNext),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    /// Against the plainest thing that can work: a sorted map of (tick, order of insertion).
    #[test]
    fn behaves_like_a_sorted_list(steps in steps()) {
        let (mut wheel, origin) = wheel();
        let mut now = origin;
        let mut model = BTreeMap::new();
        let mut keys = Vec::new();
        for (order, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(micros) => {
                    let deadline = now + Duration::from_micros(micros);
                    let tick = (deadline - origin).as_nanos().div_ceil(u128::from(TICK_NANOS));
                    keys.push((wheel.insert(deadline, order), tick, order));
                    model.insert((tick, order), order);
                }
                Step::Cancel(nth) => {
                    if let Some((key, tick, order)) = keys.get(nth) {
                        prop_assert_eq!(wheel.cancel(*key), model.remove(&(*tick, *order)));
                    }
                }
                Step::Advance(micros) => now += Duration::from_micros(micros),
                Step::AdvanceToNext => {
                    if let Some(next) = wheel.next_deadline() {
                        now = now.max(next);
                    }
                }
            }
            let tick = (now - origin).as_nanos() / u128::from(TICK_NANOS);
            let later = model.split_off(&(tick + 1, 0));
            let expected: Vec<usize> = std::mem::replace(&mut model, later).into_values().collect();
            prop_assert_eq!(fired(&mut wheel, now), expected);
            prop_assert_eq!(wheel.len(), model.len());
            if let Some(next) = wheel.next_deadline() {
                let first = *model.keys().next().expect("not empty");
                prop_assert!(next <= origin + RESOLUTION * u32::try_from(first.0).unwrap_or(u32::MAX));
            } else {
                prop_assert!(model.is_empty());
            }
        }
    }
}
