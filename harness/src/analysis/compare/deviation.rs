//! How much ratios vary from block to block.

use std::collections::BTreeMap;

use super::cells::{Contender, pairs_of};

/// Pairs that a comparison must have to say how much it varies.
const FEWEST_PAIRS: usize = 3;

/// The standard deviation of a block's log ratio of two cells under one workload: the median over the ratios
/// of each cell to the first of its workload. Controls do not count, but twins do. `None` if no ratio has
/// three pairs.
#[must_use]
pub fn deviation(cells: &[Contender]) -> Option<f64> {
    let mut workloads: BTreeMap<_, Vec<&Contender>> = BTreeMap::new();
    let counts = |cell: &&Contender| !crate::case::is_control(&cell.row.structure);
    for cell in cells.iter().filter(counts) {
        workloads.entry(&cell.workload).or_default().push(cell);
    }
    let deviations: Vec<f64> = workloads
        .values()
        .flat_map(|cells| cells[1..].iter().map(|cell| deviation_of(cell, cells[0])))
        .flatten()
        .collect();
    (!deviations.is_empty()).then(|| stats::median(&deviations))
}

fn deviation_of(ours: &Contender, theirs: &Contender) -> Option<f64> {
    let rates: Vec<(f64, f64)> =
        pairs_of(ours, theirs).iter().map(|(a, b)| (a.rate, b.rate)).collect();
    let logs = stats::log_ratios(&rates).filter(|logs| logs.len() >= FEWEST_PAIRS)?;
    let centre = stats::mean(&logs);
    let squares: f64 = logs.iter().map(|log| (log - centre).powi(2)).sum();
    Some((squares / (logs.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::cells;
    use crate::analysis::throughput::Rate;
    use crate::rows::Row;
    use crate::test_rows::trial;

    fn of(rows: &[Row]) -> Option<f64> {
        deviation(&cells(&[rows], Rate::WallRate))
    }

    /// Rates whose ratio to the first table's has this logarithm in each block, while the machine changes.
    fn rows(tables: &[(&str, &[f64])]) -> Vec<Row> {
        let rate = |block: usize, log: f64| 1e6 * (1.0 + block as f64) * log.exp();
        let of_table = |(name, logs): &(&str, &[f64])| -> Vec<Row> {
            let blocks = logs.iter().enumerate();
            blocks.map(|(block, log)| trial(name, 1, block as u32, rate(block, *log))).collect()
        };
        tables.iter().flat_map(of_table).collect()
    }

    #[test]
    fn what_blocks_have_in_common_is_no_deviation() {
        let base: (&str, &[f64]) = ("a", &[0.0; 4]);
        let steady = rows(&[base, ("b", &[0.7; 4])]);
        assert!(of(&steady).unwrap() < 1e-9);
        // By hand: the mean is 0, the squares are 0.04 together.
        let one: (&str, &[f64]) = ("b", &[0.1, -0.1, 0.1, -0.1]);
        let expected = (0.04_f64 / 3.0).sqrt();
        assert!((of(&rows(&[base, one])).unwrap() - expected).abs() < 1e-9);
        let wild: (&str, &[f64]) = ("c", &[9.0, -9.0, 9.0, -9.0]);
        let calm: (&str, &[f64]) = ("d", &[0.0; 4]);
        assert!((of(&rows(&[base, one, wild, calm])).unwrap() - expected).abs() < 1e-9, "a median");
        assert_eq!(of(&rows(&[base, ("no-op", &[3.0; 4])])), None);
        assert_eq!(of(&rows(&[("a", &[0.0; 2]), ("b", &[0.1; 2])])), None);
    }
}
