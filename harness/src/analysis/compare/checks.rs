//! Checks whether the trials of each cell are as alike as the statistics assume. They drop no trial.

use rayon::prelude::*;
use serde::Serialize;

use super::ALPHA;
use super::cells::Contender;
use super::words::p_value;

/// What was looked at and found.
#[derive(Clone, Debug, Serialize)]
pub struct Checks {
    /// Cells.
    pub cells: usize,
    /// Trials that count.
    pub trials: usize,
    /// Trials that are invalid or do not have the metric.
    pub without: usize,
    /// Trials far from their cell's median, by [`stats::outliers`] of logarithms.
    pub outliers: Vec<Outlier>,
    /// Cells whose rate rises or falls over the blocks, by [`stats::kendall`] and Holm.
    pub drifting: Vec<Drift>,
    /// Cells each of whose trials resembles the next: lag-1 autocorrelation above 2/√n.
    pub autocorrelated: usize,
    /// Rates, each relative to its cell's, against the position in the block.
    pub position: Option<Position>,
}

/// A trial that lies far from the others of its cell.
#[derive(Clone, Debug, Serialize)]
pub struct Outlier {
    /// The cell's subject and workload.
    pub cell: String,
    /// The trial's block.
    pub block: u32,
    /// Its rate.
    pub rate: f64,
    /// The cell's median.
    pub median: f64,
}

/// A cell whose rate changes over the blocks.
#[derive(Clone, Debug, Serialize)]
pub struct Drift {
    /// The cell's subject and workload.
    pub cell: String,
    /// Kendall's τ of rate and block.
    pub tau: f64,
    /// Its p-value, corrected for the number of cells.
    pub p_adjusted: f64,
}

/// Whether it matters how late in a block a trial comes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Position {
    /// Kendall's τ of rate and position.
    pub tau: f64,
    /// Its p-value.
    pub p: f64,
}

/// Looks at `cells`.
#[must_use]
pub fn check(cells: &[Contender]) -> Checks {
    let logs: Vec<Vec<f64>> = cells.iter().map(logs_in_order).collect();
    Checks {
        cells: cells.len(),
        trials: cells.iter().map(|cell| cell.trials.len()).sum(),
        without: cells.iter().map(|cell| cell.without).sum(),
        outliers: cells.iter().flat_map(outliers).collect(),
        drifting: drifting(cells, &logs),
        autocorrelated: logs.iter().filter(|logs| is_autocorrelated(logs)).count(),
        position: position(cells),
    }
}

/// Logarithms of rates by block.
fn logs_in_order(cell: &Contender) -> Vec<f64> {
    let mut trials = cell.trials.clone();
    trials.sort_by_key(|trial| trial.block);
    trials.iter().map(|trial| trial.rate.ln()).collect()
}

fn outliers(cell: &Contender) -> Vec<Outlier> {
    let logs: Vec<f64> = cell.trials.iter().map(|trial| trial.rate.ln()).collect();
    let flagged = stats::outliers(&logs).into_iter().zip(&cell.trials).filter(|(far, _)| *far);
    let outlier = |(_, trial): (bool, &super::RatedTrial)| Outlier {
        cell: cell.name(),
        block: trial.block.1,
        rate: trial.rate,
        median: cell.median(),
    };
    flagged.map(outlier).collect()
}

fn drifting(cells: &[Contender], logs: &[Vec<f64>]) -> Vec<Drift> {
    let trend = |logs: &Vec<f64>| {
        let points: Vec<(f64, f64)> = (0..).map(f64::from).zip(logs.iter().copied()).collect();
        stats::kendall(&points)
    };
    let trends: Vec<_> = logs.par_iter().map(trend).collect();
    let p_values: Vec<f64> =
        trends.iter().map(|trend| trend.map_or(1.0, |trend| trend.p)).collect();
    let found = cells.iter().zip(trends).zip(stats::holm(&p_values));
    found
        .filter(|(_, p)| *p <= ALPHA)
        .filter_map(|((cell, trend), p_adjusted)| {
            Some(Drift { cell: cell.name(), tau: trend?.tau, p_adjusted })
        })
        .collect()
}

fn is_autocorrelated(logs: &[f64]) -> bool {
    let bound = 2.0 / (logs.len() as f64).sqrt();
    stats::autocorrelation(logs).is_some_and(|correlation| correlation > bound)
}

fn position(cells: &[Contender]) -> Option<Position> {
    let points: Vec<(f64, f64)> = cells
        .iter()
        .filter(|cell| cell.trials.len() > 1)
        .flat_map(|cell| {
            let centre = cell.median();
            let point = move |trial: &super::RatedTrial| {
                // Bytes, or hits, of a cell may all be 0, which has no logarithm.
                let is_centre = trial.rate == centre;
                let above = if is_centre { 0.0 } else { trial.rate.ln() - centre.ln() };
                (f64::from(trial.position), above)
            };
            cell.trials.iter().map(point)
        })
        .collect();
    stats::kendall(&points).map(|trend| Position { tau: trend.tau, p: trend.p })
}

impl Checks {
    /// For a footer, one finding a sentence.
    #[must_use]
    pub fn in_words(&self) -> Vec<String> {
        let Self { cells, trials, without, outliers, drifting, autocorrelated, position } = self;
        let mut found = vec![format!(
            "{trials} trials in {cells} cells; {without} more are invalid or lack this rate. {} lie \
             far from their cell's median and count nonetheless.",
            outliers.len()
        )];
        let named: Vec<String> =
            drifting.iter().map(|drift| format!("{} (τ {:.2})", drift.cell, drift.tau)).collect();
        found.push(match named.as_slice() {
            [] => "No drift over the blocks is shown in any cell.".to_owned(),
            names => format!("The rate drifts over the blocks in {}.", names.join(", ")),
        });
        found.push(format!(
            "Cells in which a trial resembles the next one: {autocorrelated}; by chance it would be \
             about {:.0}.",
            0.025 * *cells as f64
        ));
        found.extend(position.map(|Position { tau, p }| {
            let effect = if p <= ALPHA { "has an effect" } else { "has no effect shown" };
            format!("The position in the block {effect} (τ {tau:.3}, p {}).", p_value(p))
        }));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::cells;
    use crate::analysis::throughput::Rate;
    use crate::rows::Row;
    use crate::test_rows::trial;

    /// Twelve blocks of two cells, with rates by cell and block.
    fn rows(rate: impl Fn(u32, u32) -> f64) -> Vec<Row> {
        let mut rows = Vec::new();
        for block in 0..12 {
            for (cell, name) in (0..).zip(["papaya", "dashmap"]) {
                let mut row = trial(name, 1, block, rate(cell, block));
                row.position = (cell + block) % 2;
                rows.push(row);
            }
        }
        rows
    }

    fn of(rows: &[Row]) -> Checks {
        check(&cells(&[rows], Rate::WallRate))
    }

    /// Without trend: up, down and the same.
    fn noise(block: u32) -> f64 {
        1.0 + 0.01
            * [0.0, 1.0, -1.0, 0.5, -0.5, 1.2, -1.2, 0.7, -0.7, 0.2, -0.2, 0.1][block as usize]
    }

    #[test]
    fn calm_trials_raise_nothing() {
        let checks = of(&rows(|_, block| 1e6 * noise(block)));
        assert_eq!((checks.cells, checks.trials, checks.without), (2, 24, 0));
        assert!(checks.outliers.is_empty() && checks.drifting.is_empty());
        assert!(checks.position.unwrap().p > 0.05);
        let words = checks.in_words().join(" ");
        assert!(words.contains("No drift") && words.contains("no effect shown"), "{words}");
    }

    /// Such as peaks of bytes where nothing is retired. What the other cell does is the same at both positions.
    #[test]
    fn a_cell_of_zeros_has_no_position() {
        let checks = of(&rows(|cell, block| if cell == 0 { 0.0 } else { noise(block / 2) }));
        let position = checks.position.unwrap();
        assert!(position.tau.abs() < 0.01 && position.p > 0.9, "{position:?}");
    }

    #[test]
    fn outliers_are_flagged_and_stay() {
        let mut rows = rows(|cell, block| {
            1e6 * noise(block) * if (cell, block) == (1, 4) { 0.5 } else { 1.0 }
        });
        rows[7].valid = false;
        let checks = of(&rows);
        assert_eq!((checks.trials, checks.without), (23, 1));
        let [outlier] = checks.outliers.as_slice() else { panic!("{:?}", checks.outliers) };
        assert!(outlier.cell.starts_with("dashmap ") && outlier.block == 4, "{outlier:?}");
    }

    #[test]
    fn drift_and_position_are_found() {
        let drift = |cell, block| 1e6 * noise(block) * (1.0 + 0.05 * f64::from(cell * block));
        let checks = of(&rows(drift));
        let [found] = checks.drifting.as_slice() else { panic!("{:?}", checks.drifting) };
        assert!(found.cell.starts_with("dashmap ") && found.tau > 0.9, "{found:?}");
        assert_eq!(checks.autocorrelated, 1);
        // The cells' own rates, of which one is ten times the other, do not count.
        let late_is_slow = rows(|cell, block| {
            let late = if (cell + block) % 2 == 1 { 0.8 } else { 1.0 };
            1e6 * noise(block) * late * if cell == 1 { 10.0 } else { 1.0 }
        });
        let position = of(&late_is_slow).position.unwrap();
        assert!(position.tau < -0.4 && position.p < 0.01, "{position:?}");
    }
}
