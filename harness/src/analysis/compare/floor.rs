//! The noise floor: by how much a table differs from itself.
//!
//! An A/A pair is one subject measured by two cells under one workload. They do the same operations
//! in each block, so only noise makes their ratio differ from 1.

use std::collections::BTreeMap;

use super::cells::{Contender, Workload, pairs_of};

/// The noise floors of the workloads that have an A/A pair.
#[derive(Clone, Debug, Default)]
pub struct Floors(BTreeMap<Workload, Floor>);

/// The noise floor under one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Floor {
    /// The subject that was measured twice.
    pub subject: String,
    /// The interval of its ratio to itself lies between this and its reciprocal: 1 or more.
    pub factor: f64,
}

impl Floors {
    /// Of the A/A pairs among `cells`; of several under one workload the highest.
    #[must_use]
    pub fn of(cells: &[Contender]) -> Self {
        let floor = |twin: &Contender| {
            let own = crate::case::cell_name(&twin.row.structure, &twin.row.reclaimer, false);
            let is_first =
                |cell: &&Contender| cell.workload == twin.workload && cell.subject == own;
            let factor = factor(cells.iter().find(is_first)?, twin)?;
            Some(Self([(twin.workload.clone(), Floor { subject: own, factor })].into()))
        };
        // Parts of a run may have pairs of several subjects under one workload.
        let each = cells.iter().filter(|cell| cell.row.twin).filter_map(floor);
        each.fold(Self::default(), Self::or_higher)
    }

    /// That of `workload`.
    #[must_use]
    pub fn under(&self, workload: &Workload) -> Option<&Floor> {
        self.0.get(workload)
    }

    /// Of two workloads, whose cells are compared with each other, the higher one: noise of both is in their ratio.
    #[must_use]
    pub fn under_either(&self, ours: &Workload, theirs: &Workload) -> Option<&Floor> {
        let both = [ours, theirs].into_iter().filter_map(|workload| self.under(workload));
        both.max_by(|a, b| a.factor.total_cmp(&b.factor))
    }

    /// The higher of the floors under each workload.
    #[must_use]
    pub fn or_higher(mut self, other: Self) -> Self {
        for (workload, floor) in other.0 {
            let own = self.0.entry(workload).or_insert_with(|| floor.clone());
            if floor.factor > own.factor {
                *own = floor;
            }
        }
        self
    }
}

impl Floor {
    /// Whether noise alone makes ratios such as this one.
    #[must_use]
    pub fn holds(&self, ratio: f64) -> bool {
        ratio.ln().abs() <= self.factor.ln()
    }
}

/// The end of the interval that is further from 1, which end it is being chance.
fn factor(first: &Contender, twin: &Contender) -> Option<f64> {
    let pairs = pairs_of(twin, first);
    let rates: Vec<(f64, f64)> = pairs.iter().map(|(a, b)| (a.rate, b.rate)).collect();
    let (low, high) = stats::ratio_of_pairs(&stats::log_ratios(&rates)?).interval?;
    Some(low.ln().abs().max(high.ln().abs()).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::cells;
    use crate::analysis::throughput::Rate;
    use crate::rows::Row;
    use crate::test_rows::{trial, with};

    /// Eight blocks of a table at 1 Mops/s, and of its twin at these rates in turn.
    fn rows(threads: usize, twins: [f64; 2]) -> Vec<Row> {
        let pair = |block: u32| {
            let twin = trial("papaya", threads, block, twins[block as usize % 2]);
            let twin = with(&twin, |row| {
                row.twin = true;
                row.case = format!("twin{threads}");
            });
            [trial("papaya", threads, block, 1e6), twin, trial("dashmap", threads, block, 5e6)]
        };
        (0..8).flat_map(pair).collect()
    }

    fn floors(rows: &[Row]) -> (Floors, Workload) {
        let cells = cells(&[rows], Rate::WallRate);
        (Floors::of(&cells), cells[0].workload.clone())
    }

    /// Whichever comes first by name.
    #[test]
    fn of_several_pairs_the_highest_floor_counts() {
        for (papaya, dashmap, expected) in [(1.1, 1.3, "dashmap"), (1.3, 1.1, "papaya")] {
            let mut rows = rows(1, [1e6 * papaya; 2]);
            rows.extend((0..8).map(|block| {
                with(&trial("dashmap", 1, block, 5e6 * dashmap), |row| {
                    row.twin = true;
                    row.case = "another twin".to_owned();
                })
            }));
            let (all, workload) = floors(&rows);
            let floor = all.under(&workload).expect("two pairs");
            assert_eq!(floor.subject, expected);
            assert!((floor.factor - 1.3).abs() < 1e-9, "{floor:?}");
        }
    }

    #[test]
    fn the_floor_is_the_twins_interval_about_one() {
        let (all, workload) = floors(&rows(1, [1.1e6, 1.1e6]));
        let floor = all.under(&workload).expect("a pair");
        assert_eq!(floor.subject, "papaya");
        assert!((floor.factor - 1.1).abs() < 1e-9, "{floor:?}");
        assert!(floor.holds(1.09) && floor.holds(0.92) && floor.holds(1.0));
        assert!(!floor.holds(1.11) && !floor.holds(0.90));
        // A slower twin says the same.
        let (slow, _) = floors(&rows(1, [1e6 / 1.1, 1e6 / 1.1]));
        assert!((slow.under(&workload).unwrap().factor - 1.1).abs() < 1e-9);
        // Of an interval below 1 it is the lower end that counts.
        let (below, _) = floors(&rows(1, [0.7e6, 0.99e6]));
        let factor = below.under(&workload).unwrap().factor;
        assert!(factor > 1.2 && factor < 1.0 / 0.7 + 1e-9, "{factor}");
        // Noise about 1 is as wide as its interval.
        let (noisy, _) = floors(&rows(1, [1.3e6, 1e6 / 1.3]));
        let factor = noisy.under(&workload).unwrap().factor;
        assert!(factor > 1.05 && factor < 1.3, "{factor}");
    }

    #[test]
    fn each_workload_has_its_own_and_needs_two_pairs() {
        let (one, first) = floors(&rows(1, [1.1e6, 1.1e6]));
        let (two, second) = floors(&rows(2, [1.2e6, 1.2e6]));
        assert!(one.under(&second).is_none());
        let both = one.or_higher(two);
        assert!((both.under(&second).unwrap().factor - 1.2).abs() < 1e-9);
        let (higher, _) = floors(&rows(1, [1.4e6, 1.4e6]));
        let higher = both.clone().or_higher(higher).under(&first).unwrap().factor;
        assert!((higher - 1.4).abs() < 1e-9);
        assert!((both.under(&first).unwrap().factor - 1.1).abs() < 1e-9);
        let (none, workload) = floors(&rows(1, [1.1e6, 1.1e6])[..3]);
        assert!(none.under(&workload).is_none(), "one pair has no interval");
        let mut alone = rows(1, [1.1e6, 1.1e6]);
        alone.retain(|row| row.structure != "papaya" || row.twin);
        assert!(floors(&alone).0.under(&workload).is_none(), "no first of the pair");
    }
}
