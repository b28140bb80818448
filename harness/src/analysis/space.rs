//! The space trials of each cell, taken together.

use crate::analysis::cell::{Cell, Estimate, grouped, with_parameters};
use crate::rows::Row;
use crate::rows::space::SpaceRow;
use trials::space::At;

/// Why a table is looked at, and the load that was asked for, if one was.
pub(crate) type StepName = (At, Option<f64>);

/// A table at one of the steps of its fills.
pub(crate) type SpaceCell = Cell<SpaceRow, StepName>;

impl SpaceCell {
    /// The cells of `fills`, by subject and then by entries; `trials` say whose they are.
    pub(crate) fn all(fills: &[SpaceRow], trials: &[Row]) -> Vec<Self> {
        let known = with_parameters(fills, |fill| &fill.case, trials);
        let step = |(_, fill): &(&Row, &SpaceRow)| {
            (fill.case.clone(), fill.at, fill.asked_load.map(f64::to_bits))
        };
        let cell = |fills: Vec<(&Row, &SpaceRow)>| {
            let (row, first) = fills[0];
            let counts = |(_, fill): &(&Row, &SpaceRow)| fill.valid.then(|| (*fill).clone());
            Self::new(row, (first.at, first.asked_load), fills.iter().map(counts))
        };
        let mut cells: Vec<Self> = grouped(known, step).into_iter().map(cell).collect();
        cells.sort_by_cached_key(|cell| {
            let (at, load) = cell.at;
            let name = (cell.row.keys, cell.row.subject(), cell.row.case.clone());
            // As bits: of numbers from 0 up these are in the numbers' order.
            (name, cell.entries().to_bits(), at, load.map(f64::to_bits))
        });
        cells
    }

    /// `load 0.9`, `keys`, `growth` or `failed`.
    pub(crate) fn step(&self) -> String {
        match self.at {
            (At::Load, Some(load)) => format!("load {load}"),
            (At::Load, None) => "load".to_owned(),
            (At::Keys, _) => "keys".to_owned(),
            (At::Growth, _) => "growth".to_owned(),
            (At::Failed, _) => "failed".to_owned(),
        }
    }

    /// The median, 0 of a step that no trial reached.
    fn entries(&self) -> f64 {
        self.median_of(|fill| fill.entries.map(|n| n as f64)).unwrap_or(0.0)
    }

    pub(crate) fn load(&self) -> Option<f64> {
        self.median_of(|fill| fill.load)
    }

    pub(crate) fn bytes_per_entry(&self) -> Option<f64> {
        self.median_of(|fill| fill.bytes_per_entry)
    }

    pub(crate) fn moves_per_insert(&self) -> Option<f64> {
        self.median_of(|fill| fill.moves_per_insert)
    }

    /// Of the worst trial.
    pub(crate) fn longest_chain(&self) -> Option<u64> {
        self.most(|fill| fill.longest_chain)
    }

    /// Of the worst trial.
    pub(crate) fn max_moves(&self) -> Option<u64> {
        self.most(|fill| fill.max_moves)
    }

    pub(crate) fn build_seconds(&self) -> Option<Estimate> {
        self.estimate(|fill| fill.build_seconds)
    }

    pub(crate) fn gets_per_sec(&self) -> Option<Estimate> {
        self.estimate(|fill| fill.gets_per_sec)
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
        assert_eq!((cell.n(), cell.invalid, cell.step().as_str()), (3, 0, "keys"));
        assert_eq!((cell.load(), cell.moves_per_insert()), (Some(0.6), Some(3.0)));
        assert_eq!((cell.max_moves(), cell.longest_chain()), (Some(40), Some(20)));
        let medians = [cell.build_seconds(), cell.gets_per_sec()].map(|one| one.unwrap().median);
        assert_eq!(medians, [2.0, 2e6]);
        // What failed counts nowhere; a cell that no trial names is not shown.
        fills[1][0].valid = false;
        let cells = SpaceCell::all(&fills.concat(), std::slice::from_ref(&row));
        assert_eq!((cells[0].n(), cells[0].invalid, cells[0].max_moves()), (2, 1, Some(30)));
        assert!(SpaceCell::all(&fills.concat(), &[]).is_empty());
    }
}
