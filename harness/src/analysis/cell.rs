//! Trials of one cell, taken together, and what is estimated from them.

use std::collections::{BTreeMap, HashMap};

use crate::rows::Row;

/// The median of a quantity over trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The median.
    pub median: f64,
    /// The 95 % BCa interval of the median; `None` of fewer than two trials.
    pub interval: Option<(f64, f64)>,
    /// Trials.
    pub n: usize,
}

impl Estimate {
    /// That of one value a trial; `None` without any.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let interval = stats::median_interval(values);
        let estimate = || Self { median: stats::median(values), interval, n: values.len() };
        (!values.is_empty()).then(estimate)
    }

    /// The median and its interval in a unit of this size, as figures show them.
    #[must_use]
    pub fn in_units_of(self, unit: f64) -> (f64, Option<(f64, f64)>) {
        (self.median / unit, self.interval.map(|(low, high)| (low / unit, high / unit)))
    }
}

/// The trials of one kind of a case: all of them, or those at one rate, one step or by one way.
#[derive(Clone, Debug)]
pub struct Cell<T, A> {
    /// A row of the case, for its parameters.
    pub row: Row,
    /// The rate, the step or the way.
    pub at: A,
    /// The trials that count, in the order of their rows.
    pub trials: Vec<T>,
    /// Trials that do not count.
    pub invalid: usize,
}

impl<T, A> Cell<T, A> {
    /// That of these trials, of which those without a value do not count.
    pub(crate) fn new(row: &Row, at: A, trials: impl ExactSizeIterator<Item = Option<T>>) -> Self {
        let all = trials.len();
        let trials: Vec<T> = trials.flatten().collect();
        Self { row: row.clone(), at, invalid: all - trials.len(), trials }
    }

    /// Trials that count.
    #[must_use]
    pub fn n(&self) -> usize {
        self.trials.len()
    }

    /// What a quantity is in each trial that has it.
    pub(crate) fn values(&self, of: impl Fn(&T) -> Option<f64>) -> Vec<f64> {
        self.trials.iter().filter_map(of).collect()
    }

    /// The median of a quantity, with its interval.
    pub(crate) fn estimate(&self, of: impl Fn(&T) -> Option<f64>) -> Option<Estimate> {
        Estimate::of(&self.values(of))
    }

    /// The median alone, which takes far less time than its interval.
    pub(crate) fn median_of(&self, of: impl Fn(&T) -> Option<f64>) -> Option<f64> {
        Some(self.values(of)).filter(|values| !values.is_empty()).map(|v| stats::median(&v))
    }

    /// The largest value of a count.
    pub(crate) fn most(&self, of: impl Fn(&T) -> Option<u64>) -> Option<u64> {
        self.trials.iter().filter_map(of).max()
    }
}

/// Those of one name together, in the order of their firsts.
pub(crate) fn grouped<T, K: Ord>(
    all: impl IntoIterator<Item = T>,
    name: impl Fn(&T) -> K,
) -> Vec<Vec<T>> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<Vec<T>> = Vec::new();
    for one in all {
        let place = *places.entry(name(&one)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(one);
    }
    groups
}

/// Each of `rows` with a throughput trial of its case. Rows of a case without one are left out: a
/// sweep that was interrupted may have measured a cell in this way before it ran it.
pub(crate) fn with_parameters<'r, R>(
    rows: &'r [R],
    case: impl Fn(&R) -> &str,
    trials: &'r [Row],
) -> Vec<(&'r Row, &'r R)> {
    let of: HashMap<&str, &Row> = trials.iter().map(|row| (row.case.as_str(), row)).collect();
    rows.iter().filter_map(|row| Some((*of.get(case(row))?, row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::trial;

    #[test]
    fn groups_are_in_the_order_of_their_firsts() {
        let groups = grouped(["b1", "a1", "b2", "a2", "c1"], |one| one.as_bytes()[0]);
        assert_eq!(groups, [vec!["b1", "b2"], vec!["a1", "a2"], vec!["c1"]]);
    }

    #[test]
    fn an_estimate_is_of_the_trials_that_have_the_value() {
        let trials = [Some(3.0), None, Some(1.0), Some(-1.0), Some(2.0)];
        let cell = Cell::new(&trial("papaya", 1, 0, 1.0), (), trials.into_iter());
        assert_eq!((cell.n(), cell.invalid), (4, 1));
        let of = |value: &f64| (*value > 0.0).then_some(*value);
        let estimate = cell.estimate(of).expect("three values");
        assert_eq!((estimate.median, estimate.n), (2.0, 3));
        assert_eq!(cell.median_of(of), Some(2.0));
        assert_eq!(cell.most(|value| of(value).map(|v| v as u64)), Some(3));
        let (low, high) = estimate.interval.expect("three values");
        assert!((1.0..2.0).contains(&low) && high > 2.0 && high <= 3.0);
        assert_eq!(estimate.in_units_of(2.0), (1.0, Some((low / 2.0, high / 2.0))));
        let one = Estimate { median: 5.0, interval: None, n: 1 };
        assert_eq!((Estimate::of(&[5.0]), Estimate::of(&[])), (Some(one), None));
    }
}
