//! The space trials of each cell, taken together.

use std::collections::BTreeMap;

use crate::analysis::stats;
use crate::rows::Row;
use crate::rows::space::SpaceRow;
use trials::space::At;

/// A table at one of the steps of its fills: medians over trials, and the worst of some.
#[derive(Clone, Debug)]
pub(crate) struct SpaceCell {
    /// A throughput trial of the cell, for its parameters.
    pub(crate) row: Row,
    /// Why it is looked at.
    pub(crate) at: At,
    pub(crate) asked_load: Option<f64>,
    /// Trials that count, and those that do not.
    pub(crate) n: usize,
    pub(crate) invalid: usize,
    pub(crate) entries: f64,
    pub(crate) load: Option<f64>,
    pub(crate) bytes_per_entry: Option<f64>,
    /// Of the worst trial.
    pub(crate) longest_chain: Option<u64>,
    pub(crate) moves_per_insert: Option<f64>,
    /// Of the worst trial.
    pub(crate) max_moves: Option<u64>,
    pub(crate) build_seconds: Option<f64>,
    pub(crate) build_interval: Option<(f64, f64)>,
    pub(crate) gets_per_sec: Option<f64>,
    pub(crate) gets_interval: Option<(f64, f64)>,
}

impl SpaceCell {
    /// The cells of `fills`, by subject and step; `trials` say whose they are.
    pub(crate) fn all(fills: &[SpaceRow], trials: &[Row]) -> Vec<Self> {
        let of: BTreeMap<&str, &Row> = trials.iter().map(|row| (row.case.as_str(), row)).collect();
        let mut steps: BTreeMap<_, Vec<&SpaceRow>> = BTreeMap::new();
        for fill in fills {
            // A sweep that was interrupted may have filled a cell that it has not run yet.
            let Some(row) = of.get(fill.case.as_str()) else { continue };
            let name = (row.keys, row.subject(), fill.case.as_str());
            let step = (fill.at, fill.asked_load.map_or(0, f64::to_bits));
            steps.entry((name, step)).or_default().push(fill);
        }
        let cell = |(((_, _, case), _), rows): (&(_, _), &Vec<_>)| Self::of(of[*case], rows);
        let mut cells: Vec<Self> = steps.iter().map(cell).collect();
        cells.sort_by(|a, b| {
            let name = |cell: &Self| (cell.row.keys, cell.row.subject(), cell.row.case.clone());
            name(a).cmp(&name(b)).then(a.entries.total_cmp(&b.entries))
        });
        cells
    }

    fn of(row: &Row, fills: &[&SpaceRow]) -> Self {
        let valid: Vec<&SpaceRow> = fills.iter().copied().filter(|fill| fill.valid).collect();
        let values = |of: fn(&SpaceRow) -> Option<f64>| -> Vec<f64> {
            valid.iter().filter_map(|fill| of(fill)).collect()
        };
        let median = |of| Some(values(of)).filter(|v| !v.is_empty()).map(|v| stats::median(&v));
        let worst = |of: fn(&SpaceRow) -> Option<u64>| valid.iter().filter_map(|f| of(f)).max();
        let interval = |of| {
            let (values, rng) = (values(of), &mut stats::rng());
            stats::bca(&values, stats::median, stats::LEVEL, stats::RESAMPLES, rng)
        };
        Self {
            row: row.clone(),
            at: fills[0].at,
            asked_load: fills[0].asked_load,
            n: valid.len(),
            invalid: fills.len() - valid.len(),
            entries: median(|fill| fill.entries.map(|n| n as f64)).unwrap_or(0.0),
            load: median(|fill| fill.load),
            bytes_per_entry: median(|fill| fill.bytes_per_entry),
            longest_chain: worst(|fill| fill.longest_chain),
            moves_per_insert: median(|fill| fill.moves_per_insert),
            max_moves: worst(|fill| fill.max_moves),
            build_seconds: median(|fill| fill.build_seconds),
            build_interval: interval(|fill| fill.build_seconds),
            gets_per_sec: median(|fill| fill.gets_per_sec),
            gets_interval: interval(|fill| fill.gets_per_sec),
        }
    }

    /// `load 0.9`, `keys`, `growth` or `failed`.
    pub(crate) fn step(&self) -> String {
        match (self.at, self.asked_load) {
            (At::Load, Some(load)) => format!("load {load}"),
            (At::Load, None) => "load".to_owned(),
            (At::Keys, _) => "keys".to_owned(),
            (At::Growth, _) => "growth".to_owned(),
            (At::Failed, _) => "failed".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{filled, trial};

    #[test]
    fn medians_and_worst_trials() {
        let mut fills = [filled(0, 50, 20, 1.0), filled(1, 80, 40, 3.0), filled(2, 60, 30, 2.0)];
        let mut row = trial("papaya", 1, 0, 1.0);
        row.case.clone_from(&fills[0][0].case);
        let cells = SpaceCell::all(&fills.concat(), std::slice::from_ref(&row));
        let [cell] = cells.as_slice() else { panic!("{cells:?}") };
        assert_eq!((cell.n, cell.invalid, cell.step().as_str()), (3, 0, "keys"));
        assert_eq!((cell.load, cell.moves_per_insert), (Some(0.6), Some(3.0)));
        assert_eq!((cell.max_moves, cell.longest_chain), (Some(40), Some(20)));
        assert_eq!((cell.build_seconds, cell.gets_per_sec), (Some(2.0), Some(2e6)));
        // What failed counts nowhere; a cell that no trial names is not shown.
        fills[1][0].valid = false;
        let cells = SpaceCell::all(&fills.concat(), std::slice::from_ref(&row));
        assert_eq!((cells[0].n, cells[0].invalid, cells[0].max_moves), (2, 1, Some(30)));
        assert!(SpaceCell::all(&fills.concat(), &[]).is_empty());
    }
}
