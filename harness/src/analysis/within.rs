//! Cells with intervals that show what decides a comparison.
//!
//! A disturbance of a block affects all of its subjects: a slow minute moves each and decides nothing. It is
//! removed from their intervals by the method of Cousineau (Tutorials in Quantitative Methods for Psychology 1,
//! 2005), with Morey's correction (the same journal, 4, 2008): from the logarithm of each rate, taken about its
//! subject's mean, the mean over the block's subjects is subtracted, and the rest is spread by √(J / (J − 1)) for
//! J subjects.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use crate::analysis::cell::{Estimate, grouped};
use crate::analysis::compare::Workload;
use crate::analysis::throughput::{CellSummary, Rate, summarise_with};
use crate::rows::Row;

/// What the intervals are, for a caption.
pub const IN_WORDS: &str = "error bars are 95\u{a0}% BCa intervals without the variation that all subjects of a \
                            block share, if there are two or more";

/// The cells of `rows`, in the order of their first rows; their intervals are without what all subjects of
/// a block have in common. Controls and twins are no subjects: their intervals have it in.
#[must_use]
pub fn summarise_within(rows: &[Row], metric: Rate) -> Vec<CellSummary> {
    let mut medians: Vec<CellSummary> = summarise_with(rows, metric, |values| {
        let median = stats::median(values);
        (!values.is_empty()).then_some(Estimate { median, interval: None, n: values.len() })
    });
    let common = Common::of(rows, metric);
    medians.par_iter_mut().for_each(|cell| {
        let left = common.without(&cell.row.case);
        let Some(estimate) = &mut cell.estimate else { return };
        *estimate = match left {
            None => Estimate::of(&cell.values).unwrap_or(*estimate),
            Some(left) => Estimate { interval: about(estimate.median, &left), ..*estimate },
        };
    });
    medians
}

/// What is left of each trial of a case, as a logarithm.
#[derive(Debug)]
struct Common(HashMap<String, Vec<f64>>);

impl Common {
    fn of(rows: &[Row], metric: Rate) -> Self {
        let subjects = rows.iter().filter(|row| !row.is_control() && row.counts());
        let mut left = HashMap::new();
        for rows in grouped(subjects, |row| Workload::of(row)) {
            left.extend(Self::of_workload(&rows, metric));
        }
        Self(left)
    }

    fn of_workload(rows: &[&Row], metric: Rate) -> HashMap<String, Vec<f64>> {
        let mut cases: BTreeMap<&str, Vec<(u32, f64)>> = BTreeMap::new();
        for row in rows {
            let rate = metric.of(row);
            let trials = cases.entry(&row.case).or_default();
            trials.extend(rate.map(|rate| (row.block, rate.ln())));
        }
        cases.retain(|_, trials| trials.iter().all(|(_, log)| log.is_finite()));
        for trials in cases.values_mut() {
            let mean = trials.iter().map(|(_, log)| log).sum::<f64>() / trials.len().max(1) as f64;
            trials.iter_mut().for_each(|(_, log)| *log -= mean);
        }
        let mut blocks: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (block, log) in cases.values().flatten() {
            blocks.entry(*block).or_default().push(*log);
        }
        let left = |(block, log): &(u32, f64)| {
            let all = &blocks[block];
            let number = all.len() as f64;
            match all.len() {
                1 => *log,
                _ => (log - all.iter().sum::<f64>() / number) * (number / (number - 1.0)).sqrt(),
            }
        };
        let cases = cases.into_iter().filter(|(_, trials)| trials.len() > 1);
        cases.map(|(case, trials)| (case.to_owned(), trials.iter().map(left).collect())).collect()
    }

    /// What is left of a case's trials; `None` if it is no subject's, or some rate has no logarithm.
    fn without(&self, case: &str) -> Option<Vec<f64>> {
        self.0.get(case).cloned()
    }
}

/// The interval of the median of what is left, about `median`.
fn about(median: f64, left: &[f64]) -> Option<(f64, f64)> {
    let ends = stats::median_interval(left);
    let middle = stats::median(left);
    ends.map(|(low, high)| (median * (low - middle).exp(), median * (high - middle).exp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::throughput::summarise;
    use crate::test_rows::{trial, with};

    /// Ten blocks of machines that differ by a factor of up to 3, and of subjects that differ by little.
    fn rows(names: &[&str]) -> Vec<Row> {
        let rate = |block: u32, i: u32| {
            let weather = 1.0 + f64::from(block * 7 % 10) / 5.0;
            1e6 * weather * (1.0 + 0.01 * f64::from((block * 3 + i * 2) % 5))
        };
        let names = || names.iter().zip(0..);
        (0..10)
            .flat_map(|block| names().map(move |(name, i)| trial(name, 1, block, rate(block, i))))
            .collect()
    }

    fn width(cell: &CellSummary) -> f64 {
        let (low, high) = cell.interval().expect("ten trials");
        (high / low).ln()
    }

    #[test]
    fn what_all_of_a_block_share_is_not_in_their_intervals() {
        let rows = rows(&["a", "b", "c"]);
        let (raw, within) =
            (summarise(&rows, Rate::WallRate), summarise_within(&rows, Rate::WallRate));
        for (raw, within) in raw.iter().zip(&within) {
            assert_eq!((raw.median(), &raw.subject), (within.median(), &within.subject));
            assert!(width(raw) > 0.3 && width(within) < 0.06, "{} {}", width(raw), width(within));
            let (low, high) = within.interval().unwrap();
            let median = within.median().unwrap();
            assert!(low <= median && median <= high, "{low} {median} {high}");
        }
    }

    #[test]
    fn of_two_subjects_it_is_as_wide_as_their_ratio_says() {
        // They differ from each other by a factor that swings as ±s: each by half of that from the block's
        // mean, which √2 makes ±s / √2, as of independent trials.
        let swing = 0.1_f64;
        let sign = |block: u32| if block.is_multiple_of(2) { 1.0 } else { -1.0 };
        let of = |block: u32| [("a", sign(block)), ("b", -sign(block))];
        let one = |block: u32| {
            of(block).map(|(name, sign)| trial(name, 1, block, 1e6 * (sign * swing / 2.0).exp()))
        };
        let rows: Vec<Row> = (0..10).flat_map(one).collect();
        let within = summarise_within(&rows, Rate::WallRate);
        let expected = swing * 2.0_f64.sqrt();
        assert!((width(&within[0]) - expected).abs() < 1e-9, "{} {expected}", width(&within[0]));
    }

    #[test]
    fn alone_or_a_control_it_is_the_usual_interval() {
        let mut rows = rows(&["a", "no-op"]);
        let twins: Vec<Row> = rows.iter().filter(|row| row.structure == "a").cloned().collect();
        rows.extend(twins.iter().map(|row| {
            with(row, |row| {
                row.twin = true;
                row.case = "twin".to_owned();
            })
        }));
        let of =
            |cells: Vec<CellSummary>| cells.iter().map(CellSummary::interval).collect::<Vec<_>>();
        let usual = of(summarise(&rows, Rate::WallRate));
        let within = of(summarise_within(&rows, Rate::WallRate));
        assert_eq!(usual[1..], within[1..], "a control and a twin");
        let (usual, within) = (usual[0].unwrap(), within[0].unwrap());
        assert!((usual.0 / within.0 - 1.0).abs() < 0.05 && (usual.1 / within.1 - 1.0).abs() < 0.05);
        // A rate of 0 has no logarithm, and counts all the same.
        let mut rows = self::rows(&["a", "b"]);
        rows[0].ops_per_sec = Some(0.0);
        let cells = summarise_within(&rows, Rate::WallRate);
        assert_eq!((cells[0].n(), cells[0].interval().is_some()), (10, true));
    }
}
