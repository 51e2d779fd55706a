//! How long requests took, by name and kind of failure, in buckets that somebody asks for: the histogram that OpenTelemetry has.

use std::collections::HashMap;

/// One line of the histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name of the requests.
    pub name: Box<str>,
    /// Kind of the failure; `None`: they succeeded.
    pub error: Option<Box<str>>,
    /// How many took at most the first bound, more than that and at most the second, …, more than the last.
    pub counts: Vec<u64>,
    /// Sum, in the unit of the bounds.
    pub sum: f64,
    /// Shortest.
    pub min: f64,
    /// Longest.
    pub max: f64,
}

impl Series {
    fn new(name: &str, error: Option<&str>, bounds: usize) -> Self {
        Self {
            name: name.into(),
            error: error.map(Into::into),
            counts: vec![0; bounds + 1],
            sum: 0.0,
            min: f64::INFINITY,
            max: 0.0,
        }
    }

    fn add(&mut self, bucket: usize, value: f64) {
        self.counts[bucket] += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}

/// Histograms of requests by name and kind of failure.
#[derive(Debug)]
pub struct Durations {
    bounds: Vec<f64>,
    most_names: usize,
    others: Box<str>,
    /// Which lines each name has.
    names: HashMap<Box<str>, Vec<usize>>,
    /// The same of all names that have none of their own.
    others_lines: Vec<usize>,
    series: Vec<Series>,
}

impl Durations {
    /// With these bounds, rising. The first `most_names` names have lines of their own; all further ones are called `others`.
    pub fn new(bounds: Vec<f64>, most_names: usize, others: &str) -> Self {
        Self {
            bounds,
            most_names,
            others: others.into(),
            names: HashMap::new(),
            others_lines: Vec::new(),
            series: Vec::new(),
        }
    }

    /// Counts a request, in the unit of the bounds; of one without a time, or with one that is none, only the name is remembered.
    pub fn add(&mut self, name: &str, value: Option<f64>, error: Option<&str>) {
        if !self.names.contains_key(name) && self.names.len() < self.most_names {
            self.names.insert(name.into(), Vec::new());
        }
        let Some(value) = value.filter(|value| value.is_finite() && *value >= 0.0) else { return };
        let (name, lines) = match self.names.get_mut(name) {
            Some(lines) => (name, lines),
            None => (&*self.others, &mut self.others_lines),
        };
        let series = &mut self.series;
        let known = lines.iter().copied().find(|&index| series[index].error.as_deref() == error);
        let index = known.unwrap_or_else(|| {
            series.push(Series::new(name, error, self.bounds.len()));
            lines.push(series.len() - 1);
            series.len() - 1
        });
        series[index].add(self.bounds.partition_point(|&bound| bound < value), value);
    }

    /// The names that have lines of their own, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(|name| &**name)
    }

    /// All lines, in order of first use.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// The same, and begins anew; which names have lines of their own stays.
    pub fn take(&mut self) -> Vec<Series> {
        self.names.values_mut().chain([&mut self.others_lines]).for_each(Vec::clear);
        std::mem::take(&mut self.series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(name: &str, error: Option<&str>, counts: &[u64], sum: f64, min: f64, max: f64) -> Series {
        Series { name: name.into(), error: error.map(Into::into), counts: counts.to_vec(), sum, min, max }
    }

    #[test]
    fn requests_are_counted_by_name_and_kind_of_failure() {
        let mut all = Durations::new(vec![0.0, 5.0, 10.0], 2, "others");
        all.add("/a", Some(5.0), None);
        all.add("/a", Some(5.5), None);
        all.add("/a", Some(11.0), Some("HTTPError"));
        all.add("untimed", None, None);
        all.add("/c", Some(0.0), None);
        all.add("/d", Some(2.0), None);
        all.add("/a", Some(f64::NAN), None);
        all.add("/a", Some(-1.0), None);
        let expected = [
            one("/a", None, &[0, 1, 1, 0], 10.5, 5.0, 5.5),
            one("/a", Some("HTTPError"), &[0, 0, 0, 1], 11.0, 11.0, 11.0),
            one("others", None, &[1, 1, 0, 0], 2.0, 0.0, 2.0),
        ];
        assert_eq!(all.series(), expected);
        assert_eq!(all.take(), expected);
        all.add("/c", Some(7.0), None);
        assert_eq!(all.series(), [one("others", None, &[0, 0, 1, 0], 7.0, 7.0, 7.0)]);
        let mut names: Vec<_> = all.names().collect();
        names.sort_unstable();
        assert_eq!(names, ["/a", "untimed"]);
    }

    proptest! {
        #[test]
        fn each_is_in_the_bucket_whose_bounds_it_lies_between(
            values in prop::collection::vec(0.0..30.0_f64, 1..100),
            bounds in prop::collection::btree_set(0_u32..30, 0..8),
        ) {
            let bounds: Vec<f64> = bounds.into_iter().map(f64::from).collect();
            let mut all = Durations::new(bounds.clone(), 1, "others");
            for &value in &values {
                all.add("/", Some(value), None);
            }
            for (index, &count) in all.series()[0].counts.iter().enumerate() {
                let above = |value: f64| index == 0 || value > bounds[index - 1];
                let below = |value: f64| bounds.get(index).is_none_or(|&bound| value <= bound);
                let expected = values.iter().filter(|&&value| above(value) && below(value)).count();
                prop_assert_eq!(count, expected as u64);
            }
        }
    }
}
