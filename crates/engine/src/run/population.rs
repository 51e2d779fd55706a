//! The users that run, by class.

use std::collections::BTreeMap;

/// How many users of each class run. Kept by class name, since classes may come and go during a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Population {
    by_class: BTreeMap<Box<str>, u32>,
    total: usize,
}

impl Population {
    /// Of these users, each given by its class.
    pub fn of<'a>(classes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut population = Self::default();
        for class in classes {
            population.add(class);
        }
        population
    }

    /// A user has been started.
    pub fn add(&mut self, class: &str) {
        match self.by_class.get_mut(class) {
            Some(count) => *count += 1,
            None => {
                self.by_class.insert(class.into(), 1);
            }
        }
        self.total += 1;
    }

    /// A user has ended. Nothing happens if no user of the class is known.
    pub fn remove(&mut self, class: &str) {
        if let Some(count) = self.by_class.get_mut(class).filter(|count| **count > 0) {
            *count -= 1;
            self.total -= 1;
        }
    }

    /// How many users of a class run.
    pub fn count(&self, class: &str) -> u32 {
        self.by_class.get(class).copied().unwrap_or(0)
    }

    /// How many users run.
    pub fn total(&self) -> usize {
        self.total
    }

    /// The classes of which users run, or have run, with their number.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.by_class.iter().map(|(class, count)| (&**class, *count))
    }
}
