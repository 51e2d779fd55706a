//! Sharing users out anew when workers come and go, with as few of them moving as an even load allows.

use super::Plan;

/// The plan for other workers. `places` says where each worker of `plan` is among the `workers` there are now; the users of one
/// that is not, and of those that have more than their share, go to those that have less.
///
/// How many users of each class there are does not change. Among the classes that a worker could give away it gives the one of
/// which it has most beyond its fair share, and takes the one of which it has least. In the order of the new plan each worker
/// gets its users in turn, fixed ones first and the others mixed evenly, so that whoever is taken away last to first leaves
/// an even load behind.
pub(super) fn move_few(
    plan: &Plan,
    places: &[Option<usize>],
    workers: usize,
    is_fixed: impl Fn(usize) -> bool,
) -> Plan {
    let (total, classes) = (plan.total(), plan.classes());
    let target = |worker: usize| total / workers + usize::from(worker < total % workers);
    let mut rows = vec![vec![0_usize; classes]; workers];
    let mut homeless = vec![0_usize; classes];
    for (worker, place) in places.iter().enumerate() {
        let row = place.map_or(&mut homeless, |place| &mut rows[place]);
        for (count, more) in row.iter_mut().zip(plan.row(worker)) {
            *count += *more as usize;
        }
    }
    // How many users of a class a worker has beyond its share, in units that keep it whole.
    let excess = |worker: usize, class: usize, count: usize| {
        count as i128 * total as i128 - target(worker) as i128 * plan.of_class(class) as i128
    };
    for (worker, row) in rows.iter_mut().enumerate() {
        for _ in target(worker)..row.iter().sum() {
            let candidates = (0..classes).filter(|class| row[*class] > 0);
            let Some(class) = candidates.rev().max_by_key(|class| excess(worker, *class, row[*class])) else {
                break;
            };
            row[class] -= 1;
            homeless[class] += 1;
        }
    }
    for (worker, row) in rows.iter_mut().enumerate() {
        for _ in row.iter().sum()..target(worker) {
            let candidates = (0..classes).filter(|class| homeless[*class] > 0);
            let Some(class) = candidates.min_by_key(|class| excess(worker, *class, row[*class])) else {
                break;
            };
            homeless[class] -= 1;
            row[class] += 1;
        }
    }
    in_turn(plan, rows, is_fixed)
}

/// The plan with these counts; who is added when is what is chosen here.
fn in_turn(plan: &Plan, mut rows: Vec<Vec<usize>>, is_fixed: impl Fn(usize) -> bool) -> Plan {
    let (total, workers) = (plan.total(), rows.len());
    let mut ordered = Plan::new(workers, plan.classes());
    for number in 0..total {
        let row = &mut rows[number % workers];
        // The class that is furthest behind what an even mix of all has at this point.
        let behind = |class: usize| {
            (number + 1) as i128 * plan.of_class(class) as i128
                - ordered.of_class(class) as i128 * total as i128
        };
        let candidates = (0..row.len()).filter(|class| row[*class] > 0);
        if let Some(class) = candidates.rev().max_by_key(|class| (is_fixed(*class), behind(*class))) {
            row[class] -= 1;
            ordered.push(number % workers, class);
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(workers: usize, classes: usize, users: &[(usize, usize)]) -> Plan {
        let mut plan = Plan::new(workers, classes);
        for (worker, class) in users {
            plan.push(*worker, *class);
        }
        plan
    }

    /// How many users had to be started.
    fn started(before: &Plan, after: &Plan, places: &[Option<usize>], workers: usize) -> usize {
        let mut rows: Vec<Vec<u32>> = (0..workers).map(|worker| after.row(worker).to_vec()).collect();
        for (worker, place) in places.iter().enumerate() {
            if let Some(place) = place {
                for (now, then) in rows[*place].iter_mut().zip(before.row(worker)) {
                    *now = now.saturating_sub(*then);
                }
            }
        }
        rows.iter().flatten().sum::<u32>() as usize
    }

    #[test]
    fn who_leaves_is_replaced_where_the_others_are_and_these_stay() {
        let before = plan(3, 2, &[(0, 0), (1, 1), (2, 0), (0, 1), (1, 0), (2, 1)]);
        let places = [None, Some(0), Some(1)];
        let after = move_few(&before, &places, 2, |_| false);
        assert_eq!((after.row(0), after.row(1)), (&[2, 1][..], &[1, 2][..]));
        assert_eq!(started(&before, &after, &places, 2), 2);
    }

    #[test]
    fn who_comes_gets_a_fair_mix_of_what_the_others_have() {
        // One worker has all; six of A and three of B.
        let users: Vec<(usize, usize)> = (0..9).map(|n| (0, usize::from(n % 3 == 2))).collect();
        let before = plan(1, 2, &users);
        let after = move_few(&before, &[Some(1)], 3, |_| false);
        for worker in 0..3 {
            assert_eq!(after.row(worker), &[2, 1], "{worker}");
        }
        assert_eq!(started(&before, &after, &[Some(1)], 3), 6);
    }

    #[test]
    fn fixed_users_are_the_last_to_be_taken_away() {
        let before = plan(2, 2, &[(0, 1), (1, 1), (0, 0), (1, 0)]);
        let after = move_few(&before, &[Some(0), None], 1, |class| class == 0);
        let classes: Vec<usize> = after.users().map(|(_, class)| class).collect();
        assert_eq!(classes, [0, 0, 1, 1]);
    }

    proptest! {
        #[test]
        fn no_user_is_lost_the_load_is_even_and_few_move(
            users in prop::collection::vec(0..4_usize, 0..120),
            workers in 1..7_usize,
            gone in 0..7_usize,
            came in 0..3_usize,
        ) {
            let all: Vec<(usize, usize)> =
                users.iter().enumerate().map(|(number, class)| (number % workers, *class)).collect();
            let before = plan(workers, 4, &all);
            let mut left = 0;
            let places: Vec<Option<usize>> = (0..workers)
                .map(|worker| (worker != gone).then(|| { left += 1; left - 1 }))
                .collect();
            let now = left + came;
            prop_assume!(now > 0);
            let after = move_few(&before, &places, now, |_| false);
            for class in 0..4 {
                prop_assert_eq!(before.of_class(class), after.of_class(class));
            }
            // Whenever users are taken away, last to first, the load stays even.
            let mut shrinking = after.clone();
            loop {
                let loads: Vec<u32> = (0..now).map(|worker| shrinking.row(worker).iter().sum()).collect();
                prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1);
                if shrinking.pop().is_none() {
                    break;
                }
            }
            // Nobody is started but on a worker that had less than its share.
            let load = |worker: usize| before.row(worker).iter().sum::<u32>() as usize;
            let share = |worker: usize| users.len() / now + usize::from(worker < users.len() % now);
            let kept: Vec<usize> = (0..now)
                .map(|place| places.iter().position(|p| *p == Some(place)).map_or(0, load))
                .collect();
            let needed: usize = (0..now).map(|place| share(place).saturating_sub(kept[place])).sum();
            prop_assert_eq!(started(&before, &after, &places, now), needed);
        }
    }
}
