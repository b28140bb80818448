//! The aggregation trials of each cell and way, taken together.

use std::collections::BTreeMap;

use crate::analysis::stats;
use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;
use trials::aggregate::Way;

/// A median over trials, with its interval.
pub(crate) type Estimate = (Option<f64>, Option<(f64, f64)>);

/// A cell by one way.
#[derive(Clone, Debug)]
pub(crate) struct AggregateCell {
    /// A throughput trial of the cell, for its parameters.
    pub(crate) row: Row,
    pub(crate) way: Way,
    pub(crate) distinct: Option<u64>,
    /// Trials that count, and those that do not.
    pub(crate) n: usize,
    pub(crate) invalid: usize,
    pub(crate) words_per_sec: Estimate,
    pub(crate) speed_up: Estimate,
}

impl AggregateCell {
    /// The cells of `counts`, by workload and way; `trials` say whose they are.
    pub(crate) fn all(counts: &[AggregateRow], trials: &[Row]) -> Vec<Self> {
        let of: BTreeMap<&str, &Row> = trials.iter().map(|row| (row.case.as_str(), row)).collect();
        let mut cells: BTreeMap<_, Vec<&AggregateRow>> = BTreeMap::new();
        for count in counts {
            // A sweep that was interrupted may have measured a cell so before it ran it.
            let Some(row) = of.get(count.case.as_str()) else { continue };
            let workload = (row.keys, row.zipf.to_bits(), row.threads);
            let name = (workload, count.way, row.subject(), count.case.as_str());
            cells.entry(name).or_default().push(count);
        }
        cells.iter().map(|((.., case), counts)| Self::of(of[case], counts)).collect()
    }

    fn of(row: &Row, counts: &[&AggregateRow]) -> Self {
        let valid: Vec<&AggregateRow> = counts.iter().copied().filter(|row| row.valid).collect();
        let estimate = |of: fn(&AggregateRow) -> Option<f64>| {
            let values: Vec<f64> = valid.iter().filter_map(|row| of(row)).collect();
            let rng = &mut stats::rng();
            let interval = stats::bca(&values, stats::median, stats::LEVEL, stats::RESAMPLES, rng);
            ((!values.is_empty()).then(|| stats::median(&values)), interval)
        };
        Self {
            row: row.clone(),
            way: counts[0].way,
            distinct: valid.iter().filter_map(|row| row.distinct).max(),
            n: valid.len(),
            invalid: counts.len() - valid.len(),
            words_per_sec: estimate(|row| row.words_per_sec),
            speed_up: estimate(AggregateRow::speed_up),
        }
    }

    /// The table that is shared, if one is.
    pub(crate) fn table(&self) -> String {
        if self.way.takes_table() { self.row.subject() } else { "-".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{counted, trial};

    #[test]
    fn medians_by_way_and_intervals() {
        let mut counts = vec![
            counted(Way::Shared, 0, 1.0),
            counted(Way::Shared, 1, 2.0),
            counted(Way::Shared, 2, 4.0),
            counted(Way::Merged, 0, 0.5),
        ];
        let mut row = trial("papaya", 1, 0, 1.0);
        row.case.clone_from(&counts[0].case);
        let cells = AggregateCell::all(&counts, std::slice::from_ref(&row));
        let [shared, merged] = cells.as_slice() else { panic!("{cells:?}") };
        assert_eq!((shared.words_per_sec.0, shared.speed_up.0), (Some(0.5e6), Some(1.0)));
        let (low, high) = shared.words_per_sec.1.expect("three trials");
        assert!((0.25e6..=0.5e6).contains(&low) && high <= 1e6, "{low} {high}");
        assert_eq!((merged.n, merged.words_per_sec), (1, (Some(2e6), None)));
        assert_eq!((shared.table().as_str(), merged.table().as_str()), ("papaya", "-"));
        counts[0].valid = false;
        let cells = AggregateCell::all(&counts, &[row]);
        assert_eq!((cells[0].n, cells[0].invalid), (2, 1));
        assert_eq!(cells[0].words_per_sec.0, Some(0.375e6));
    }
}
