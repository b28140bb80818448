//! The latency trials of one cell at one rate, taken together.
//!
//! The trial is the unit of analysis here too: a quantile is read off each trial, and what is shown
//! is the median over trials.

use std::collections::{HashMap, HashSet};

use crate::analysis::cell::{Cell, Estimate, grouped};
use crate::rows::latency::{LatencyTrial, Time, Times};

/// The quantiles of tables, and what they are called.
pub const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)];

/// Those of them that a table of many cells has room for.
pub(crate) const SHOWN: [(&str, f64); 4] = [QUANTILES[0], QUANTILES[2], QUANTILES[3], QUANTILES[5]];

/// How long an operation that never began had waited at least, in nanoseconds: a trial that is
/// behind goes on for a second or longer.
const NEVER: u64 = 1_000_000_000;

/// A trial that counts.
#[derive(Clone, Debug)]
pub struct Timed {
    /// Whether it could not keep its rate.
    saturated: bool,
    /// Response and service times of all operations.
    times: [Times; 2],
}

/// One cell at one rate, in operations per second that were asked for.
pub type LatencyCell = Cell<Timed, f64>;

impl LatencyCell {
    /// The cells of `trials`, in the order of their first trials.
    #[must_use]
    pub fn all(trials: &[LatencyTrial]) -> Vec<Self> {
        let name = |trial: &&LatencyTrial| (trial.row.case.clone(), trial.open.rate.to_bits());
        let cell = |trials: Vec<&LatencyTrial>| {
            let (row, rate) = (&trials[0].row, trials[0].open.rate);
            Self::new(row, rate, trials.iter().map(|trial| Timed::of(trial)))
        };
        grouped(trials, name).into_iter().map(cell).collect()
    }

    /// Trials that could not keep the rate, among those that count.
    #[must_use]
    pub fn saturated(&self) -> usize {
        self.trials.iter().filter(|trial| trial.saturated).count()
    }

    /// Whether most trials kept the rate. Of others, response times say how long the trial was, and
    /// nothing of the table.
    #[must_use]
    pub fn kept_its_rate(&self) -> bool {
        is_kept(self.saturated(), self.n())
    }

    /// Operations of the trial that did fewest.
    #[must_use]
    pub fn operations(&self) -> u64 {
        let done = |trial: &Timed| trial.times[Time::Service as usize].count();
        self.trials.iter().map(done).min().unwrap_or(0)
    }

    /// The quantile `q`, in seconds; `None` if some trial has no operation beyond it. The quantile 1
    /// is the largest time.
    #[must_use]
    pub fn quantile(&self, time: Time, q: f64) -> Option<Estimate> {
        Estimate::of(&self.quantiles(time, q)?)
    }

    /// The median over trials of the quantile `q`, in seconds.
    #[must_use]
    pub fn median(&self, time: Time, q: f64) -> Option<f64> {
        Some(stats::median(&self.quantiles(time, q)?))
    }

    fn quantiles(&self, time: Time, q: f64) -> Option<Vec<f64>> {
        let of = |trial: &Timed| trial.times[time as usize].quantile(q);
        let values: Option<Vec<f64>> = self.trials.iter().map(of).collect();
        values.filter(|values| !values.is_empty())
    }
}

/// Whether a rate is kept of which so many of all trials could not.
fn is_kept(saturated: usize, all: usize) -> bool {
    2 * saturated < all
}

/// The cases of the cells that kept their rate, each with the bits of that.
#[must_use]
pub(crate) fn that_kept_their_rate<'t>(
    trials: impl Iterator<Item = &'t LatencyTrial>,
) -> HashSet<(&'t str, u64)> {
    let mut cells: HashMap<(&str, u64), (usize, usize)> = HashMap::new();
    for trial in trials.filter(|trial| trial.row.counts()) {
        let cell = cells.entry((trial.row.case.as_str(), trial.open.rate.to_bits())).or_default();
        cell.0 += usize::from(trial.is_saturated());
        cell.1 += 1;
    }
    cells.retain(|_, (saturated, all)| is_kept(*saturated, *all));
    cells.into_keys().collect()
}

impl Timed {
    fn of(trial: &LatencyTrial) -> Option<Self> {
        let times = || Time::ALL.map(|time| trial.times_of_all_due(time));
        trial.counts().then(|| Self { saturated: trial.is_saturated(), times: times() })
    }
}

impl LatencyTrial {
    /// The times of all its operations together.
    #[must_use]
    pub(crate) fn times(&self, time: Time) -> Times {
        let mut all = Times::default();
        let of = self.distributions.iter().filter(|one| one.time == time);
        of.for_each(|one| all.add(&one.buckets));
        all
    }

    /// The same of all that were due. Without those that never began a trial would look good in
    /// which half of them did not.
    #[must_use]
    pub(crate) fn times_of_all_due(&self, time: Time) -> Times {
        let mut all = self.times(time);
        let never = self.open.unstarted.filter(|_| time == Time::Response).unwrap_or(0);
        if never > 0 {
            all.add(&[(NEVER, never)]);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::latency::test_trials::latency_trial;

    #[test]
    fn a_quantile_is_the_median_over_trials() {
        // Of 1000 operations each, all at 1 µs but ten, which take 1, 2 and 9 ms.
        let slow = [1_000_000, 2_000_000, 9_000_000];
        let trials: Vec<_> = slow
            .iter()
            .zip(0..)
            .map(|(slow, block)| latency_trial("papaya", 1e5, block, &[(1000, 990), (*slow, 10)]))
            .collect();
        let cells = LatencyCell::all(&trials);
        let [cell] = cells.as_slice() else { panic!("{cells:?}") };
        assert_eq!((cell.n(), cell.invalid, cell.saturated(), cell.operations()), (3, 0, 0, 1000));
        let about = |q: f64, seconds: f64| {
            let found = cell.median(Time::Response, q).expect("a quantile");
            assert!((found / seconds - 1.0).abs() < 1e-3, "{q}: {found}, not {seconds}");
        };
        about(0.5, 1e-6);
        about(0.99, 1e-6);
        about(0.995, 2e-3);
        about(0.999, 2e-3);
        about(1.0, 2e-3);
        assert_eq!(cell.median(Time::Response, 0.9991), None, "not one of 1000 is beyond");
        let quantile = cell.quantile(Time::Response, 0.995).expect("a quantile");
        let (low, high) = quantile.interval.expect("three trials");
        assert!(low <= quantile.median && quantile.median <= high && low < high);
        // Service times of these trials are a tenth.
        assert_eq!(cell.median(Time::Service, 0.5), Some(100e-9));
    }

    #[test]
    fn what_never_began_has_waited_for_a_second() {
        let mut trial = latency_trial("papaya", 1e5, 0, &[(1000, 90)]);
        trial.open.unstarted = Some(10);
        let cells = LatencyCell::all(&[trial]);
        let [cell] = cells.as_slice() else { panic!("{cells:?}") };
        let [of_90, of_95] = [0.9, 0.95].map(|q| cell.median(Time::Response, q));
        assert_eq!((of_90, of_95), (Some(1e-6), Some(1.0)));
        assert_eq!(cell.median(Time::Service, 0.95), Some(100e-9), "it had no service");
    }

    #[test]
    fn cells_are_by_case_and_rate_and_tell_what_does_not_count() {
        let mut trials = vec![
            latency_trial("papaya", 1e5, 0, &[(10, 1)]),
            latency_trial("papaya", 2e5, 0, &[(10, 1)]),
            latency_trial("dashmap", 1e5, 0, &[(10, 1)]),
            latency_trial("papaya", 1e5, 1, &[(10, 1)]),
            latency_trial("papaya", 1e5, 2, &[(10, 1)]),
        ];
        trials[3].row.valid = false;
        trials[4].open.saturated = Some(true);
        let cells = LatencyCell::all(&trials);
        let found: Vec<_> = cells
            .iter()
            .map(|cell| (cell.row.subject(), cell.at, cell.n(), cell.invalid, cell.saturated()))
            .collect();
        let expected =
            [("papaya", 1e5, 2, 1, 1), ("papaya", 2e5, 1, 0, 0), ("dashmap", 1e5, 1, 0, 0)];
        assert_eq!(found, expected.map(|(name, rate, n, i, s)| (name.to_owned(), rate, n, i, s)));
        let kept: Vec<_> = cells.iter().map(LatencyCell::kept_its_rate).collect();
        assert_eq!(kept, [false, true, true], "half is not most");
        let named = that_kept_their_rate(trials.iter());
        let has = |cell: &LatencyCell| named.contains(&(cell.row.case.as_str(), cell.at.to_bits()));
        assert_eq!(cells.iter().map(has).collect::<Vec<_>>(), kept);
    }
}
