//! The users that run.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::host::UserId;

/// What was asked of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Running,
    /// It may finish its task until then.
    Finishing(Instant),
    /// It was killed; its `on_stop` may take as long as it wants.
    Killed,
}

/// The users that run, in the order they were started, and how many there are of each class.
#[derive(Debug, Default)]
pub(super) struct Roster {
    users: BTreeMap<UserId, (usize, Standing)>,
    by_class: Vec<usize>,
    finishing: usize,
    stopping: usize,
}

impl Roster {
    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    /// How many users of a class run, those that were asked to stop included.
    pub(super) fn of_class(&self, class: usize) -> usize {
        self.by_class.get(class).copied().unwrap_or(0)
    }

    /// How many users were asked to stop and have not ended.
    pub(super) fn stopping(&self) -> usize {
        self.stopping
    }

    pub(super) fn insert(&mut self, user: UserId, class: usize) {
        if self.by_class.len() <= class {
            self.by_class.resize(class + 1, 0);
        }
        self.by_class[class] += 1;
        self.users.insert(user, (class, Standing::Running));
    }

    pub(super) fn remove(&mut self, user: UserId) {
        let Some((class, standing)) = self.users.remove(&user) else { return };
        self.by_class[class] -= 1;
        self.finishing -= usize::from(matches!(standing, Standing::Finishing(_)));
        self.stopping -= usize::from(standing != Standing::Running);
    }

    /// The `count` oldest users of a class become ones that are to stop; returns those that were not before. With a
    /// deadline they may finish their task.
    pub(super) fn ask(
        &mut self,
        class: Option<usize>,
        count: usize,
        deadline: Option<Instant>,
    ) -> Vec<UserId> {
        let mut asked = Vec::new();
        let matching = self.users.iter_mut().filter(|(_, (own, _))| class.is_none_or(|class| *own == class));
        for (user, (_, standing)) in matching.take(count) {
            let next = match (*standing, deadline) {
                (Standing::Running, Some(deadline)) => Standing::Finishing(deadline),
                (Standing::Running | Standing::Finishing(_), None) => Standing::Killed,
                (Standing::Finishing(_), Some(_)) | (Standing::Killed, _) => continue,
            };
            self.stopping += usize::from(*standing == Standing::Running);
            self.finishing += usize::from(matches!(next, Standing::Finishing(_)));
            self.finishing -= usize::from(matches!(standing, Standing::Finishing(_)));
            *standing = next;
            asked.push(*user);
        }
        asked
    }

    /// Users whose time to finish is over; they count as killed from now on.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<UserId> {
        let mut overdue = Vec::new();
        if self.finishing == 0 {
            return overdue;
        }
        for (user, (_, standing)) in &mut self.users {
            if matches!(standing, Standing::Finishing(deadline) if *deadline <= now) {
                *standing = Standing::Killed;
                overdue.push(*user);
            }
        }
        self.finishing -= overdue.len();
        overdue
    }

    /// When the first user's time to finish is over.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        if self.finishing == 0 {
            return None;
        }
        let deadlines = self.users.values().filter_map(|(_, standing)| match standing {
            Standing::Finishing(deadline) => Some(*deadline),
            _ => None,
        });
        deadlines.min()
    }
}
