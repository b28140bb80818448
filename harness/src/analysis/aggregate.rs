//! The aggregation trials of each cell and way, taken together.

use crate::analysis::cell::{Cell, Estimate, grouped, with_parameters};
use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;
use trials::aggregate::Way;

/// A cell by one way.
pub(crate) type AggregateCell = Cell<AggregateRow, Way>;

impl AggregateCell {
    /// The cells of `counts`, by workload and way; `trials` say whose they are.
    pub(crate) fn all(counts: &[AggregateRow], trials: &[Row]) -> Vec<Self> {
        let known = with_parameters(counts, |count| &count.case, trials);
        let name = |(_, count): &(&Row, &AggregateRow)| (count.case.clone(), count.way);
        let cell = |counts: Vec<(&Row, &AggregateRow)>| {
            let (row, first) = counts[0];
            let valid = |(_, count): &(&Row, &AggregateRow)| count.valid.then(|| (*count).clone());
            Self::new(row, first.way, counts.iter().map(valid))
        };
        let mut cells: Vec<Self> = grouped(known, name).into_iter().map(cell).collect();
        cells.sort_by_cached_key(|Self { row, at, .. }| {
            (row.keys, row.zipf.to_bits(), row.threads, *at, row.subject(), row.case.clone())
        });
        cells
    }

    /// Different words.
    pub(crate) fn distinct(&self) -> Option<u64> {
        self.most(|count| count.distinct)
    }

    pub(crate) fn words_per_sec(&self) -> Option<Estimate> {
        self.estimate(|count| count.words_per_sec)
    }

    /// How many times as fast as one thread alone.
    pub(crate) fn speed_up(&self) -> Option<Estimate> {
        self.estimate(AggregateRow::speed_up)
    }

    /// The table that is shared, if one is.
    pub(crate) fn table(&self) -> String {
        if self.at.takes_table() { self.row.subject() } else { "-".to_owned() }
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
        let (rate, speed_up) = (shared.words_per_sec().unwrap(), shared.speed_up().unwrap());
        assert_eq!((rate.median, speed_up.median), (0.5e6, 1.0));
        let (low, high) = rate.interval.expect("three trials");
        assert!((0.25e6..=0.5e6).contains(&low) && high <= 1e6, "{low} {high}");
        let alone = Estimate { median: 2e6, interval: None, n: 1 };
        assert_eq!((merged.n(), merged.words_per_sec()), (1, Some(alone)));
        assert_eq!((shared.table().as_str(), merged.table().as_str()), ("papaya", "-"));
        counts[0].valid = false;
        let cells = AggregateCell::all(&counts, &[row]);
        assert_eq!((cells[0].n(), cells[0].invalid), (2, 1));
        assert_eq!(cells[0].words_per_sec().map(|rate| rate.median), Some(0.375e6));
    }
}
