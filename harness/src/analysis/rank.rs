//! One number per subject: the geometric mean of its ratios, over the workloads that all subjects have.
//!
//! A ratio is that of geometric means over blocks to the best subject under the same workload, or to
//! the best of a baseline. The interval resamples whole blocks, and finds the best anew in each
//! resample, since which it is depends on the same trials.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;
use serde::Serialize;

use crate::analysis::compare::{Baseline, Contender, Workload};

/// All subjects in their order.
#[derive(Clone, Debug, Serialize)]
pub struct Ranking {
    /// The highest score first.
    pub ranks: Vec<Rank>,
    /// The workloads that every subject has.
    pub workloads: Vec<String>,
    /// Blocks in which each subject has a trial that counts under each of them.
    pub blocks: usize,
    /// Workloads and blocks that are not complete, and why.
    pub left_out: Vec<String>,
}

/// One subject.
#[derive(Clone, Debug, Serialize)]
pub struct Rank {
    /// The subject's name.
    pub subject: String,
    /// The geometric mean of its ratios.
    pub score: f64,
    /// The 95 % BCa interval of the score; `None` of fewer than two blocks.
    pub interval: Option<(f64, f64)>,
    /// Workloads under which it has the highest rate of all.
    pub wins: usize,
    /// Its lowest ratio.
    pub worst: f64,
    /// The workload that has it.
    pub worst_workload: String,
}

/// Ranks the subjects of `cells`, against the best of `baseline`, or the best of all.
///
/// # Errors
///
/// Why there is nothing to rank: no workload, or no block, that is complete.
pub fn rank(cells: &[Contender], baseline: Option<&Baseline>) -> Result<Ranking, String> {
    let grid = Grid::of(cells, baseline)?;
    let all: Vec<usize> = (0..grid.blocks.len()).collect();
    let mut ranks: Vec<Rank> =
        (0..grid.subjects.len()).into_par_iter().map(|subject| grid.rank(subject, &all)).collect();
    ranks.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(Ranking {
        ranks,
        workloads: grid.workloads.iter().map(ToString::to_string).collect(),
        blocks: grid.blocks.len(),
        left_out: grid.left_out,
    })
}

/// Logarithms of rates: of every subject, under every workload, in every block.
struct Grid<'c> {
    subjects: Vec<&'c str>,
    /// Subjects that the others are measured by.
    pool: Vec<usize>,
    workloads: Vec<&'c Workload>,
    /// By block, then workload, then subject.
    blocks: Vec<Vec<Vec<f64>>>,
    left_out: Vec<String>,
}

impl<'c> Grid<'c> {
    fn of(cells: &'c [Contender], baseline: Option<&Baseline>) -> Result<Self, String> {
        // The better one of a subject and its twin is another baseline than that subject.
        let named = |cell: &&Contender| {
            baseline.is_none_or(|names| {
                !cell.row.twin && names.names(&cell.subject, &cell.row.structure)
            })
        };
        let subjects: BTreeSet<&str> = cells.iter().map(|cell| cell.subject.as_str()).collect();
        let subjects: Vec<&str> = subjects.into_iter().collect();
        let pool: BTreeSet<&str> =
            cells.iter().filter(named).map(|cell| cell.subject.as_str()).collect();
        let pool = (0..subjects.len()).filter(|i| pool.contains(subjects[*i])).collect();
        let mut left_out = Vec::new();
        let complete = complete_workloads(cells, &subjects, &mut left_out);
        if complete.is_empty() {
            return Err(format!(
                "no workload has a trial that counts of each of {}; rank fewer of them by \
                 --filter:\n{}",
                subjects.join(", "),
                left_out.join("\n")
            ));
        }
        let blocks = complete_blocks(&complete, &mut left_out);
        if blocks.is_empty() {
            return Err(format!("no block is complete:\n{}", left_out.join("\n")));
        }
        let workloads = complete.into_iter().map(|(workload, _)| workload).collect();
        Ok(Self { subjects, pool, workloads, blocks, left_out })
    }

    fn rank(&self, subject: usize, all: &[usize]) -> Rank {
        let score = |blocks: &[usize]| stats::mean(&self.log_ratios(subject, blocks));
        let interval =
            stats::bca_over(all, score, stats::LEVEL, stats::RESAMPLES, &mut stats::rng());
        let ratios = self.log_ratios(subject, all);
        let (worst, workload) = ratios
            .iter()
            .zip(&self.workloads)
            .min_by(|a, b| a.0.total_cmp(b.0))
            .expect("there is a workload");
        let wins = (0..self.workloads.len()).filter(|workload| {
            let means: Vec<f64> =
                (0..self.subjects.len()).map(|other| self.mean(all, *workload, other)).collect();
            means.iter().all(|mean| *mean <= means[subject])
        });
        Rank {
            subject: self.subjects[subject].to_owned(),
            score: score(all).exp(),
            interval: interval.map(|(low, high)| (low.exp(), high.exp())),
            wins: wins.count(),
            worst: worst.exp(),
            worst_workload: workload.to_string(),
        }
    }

    /// Under each workload, of `subject` to the best of the pool.
    fn log_ratios(&self, subject: usize, blocks: &[usize]) -> Vec<f64> {
        let ratio = |workload| {
            let others = self.pool.iter().map(|other| self.mean(blocks, workload, *other));
            let best = others.fold(f64::NEG_INFINITY, f64::max);
            self.mean(blocks, workload, subject) - best
        };
        (0..self.workloads.len()).map(ratio).collect()
    }

    fn mean(&self, blocks: &[usize], workload: usize, subject: usize) -> f64 {
        let sum: f64 = blocks.iter().map(|block| self.blocks[*block][workload][subject]).sum();
        sum / blocks.len() as f64
    }
}

/// The workloads under which every subject has trials, with the subjects' cells in their order.
fn complete_workloads<'c>(
    cells: &'c [Contender],
    subjects: &[&str],
    left_out: &mut Vec<String>,
) -> Vec<(&'c Workload, Vec<&'c Contender>)> {
    let mut by_workload: BTreeMap<&Workload, HashMap<&str, &Contender>> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.rates().iter().any(|rate| *rate > 0.0)) {
        by_workload.entry(&cell.workload).or_default().insert(&cell.subject, cell);
    }
    let mut complete = Vec::new();
    for (workload, cells) in by_workload {
        let missing: Vec<&str> =
            subjects.iter().filter(|subject| !cells.contains_key(**subject)).copied().collect();
        if missing.is_empty() {
            complete.push((workload, subjects.iter().map(|subject| cells[subject]).collect()));
        } else {
            left_out.push(format!("{workload}: no trial that counts of {}", missing.join(", ")));
        }
    }
    complete
}

/// The logarithms of rates in the blocks in which no cell lacks one.
fn complete_blocks(
    workloads: &[(&Workload, Vec<&Contender>)],
    left_out: &mut Vec<String>,
) -> Vec<Vec<Vec<f64>>> {
    type Rates = HashMap<(usize, u32), f64>;
    let of_cell = |cell: &&Contender| -> Rates {
        let logs = cell.trials.iter().map(|trial| (trial.block, trial.rate.ln()));
        logs.filter(|(_, log)| log.is_finite()).collect()
    };
    let rates: Vec<Vec<Rates>> =
        workloads.iter().map(|(_, cells)| cells.iter().map(of_cell).collect()).collect();
    let blocks: BTreeSet<(usize, u32)> =
        rates.iter().flatten().flat_map(Rates::keys).copied().collect();
    let mut complete = Vec::new();
    for block in blocks {
        let of_block: Option<Vec<Vec<f64>>> = rates
            .iter()
            .map(|cells| cells.iter().map(|cell| cell.get(&block).copied()).collect())
            .collect();
        match of_block {
            Some(logs) => complete.push(logs),
            None => {
                let lack = rates.iter().flatten().filter(|cell| !cell.contains_key(&block)).count();
                left_out.push(format!("block {}: {lack} of its trials do not count", block.1 + 1));
            }
        }
    }
    complete
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::cells;
    use crate::analysis::throughput::Rate;
    use crate::rows::Row;
    use crate::test_rows::{trial, with};

    /// Two subjects under two workloads (1 and 2 threads): 4 and 2, then 3 and 9, times noise.
    fn rows(blocks: u32) -> Vec<Row> {
        let mut rows = Vec::new();
        for block in 0..blocks {
            let noise = [1.0, 1.1, 0.9, 1.05][block as usize % 4];
            for (name, threads, rate) in
                [("a", 1, 4.0), ("b", 1, 2.0), ("a", 2, 3.0), ("b", 2, 9.0)]
            {
                rows.push(trial(name, threads, block, rate * noise));
            }
        }
        rows
    }

    fn ranked(rows: &[Row], baseline: Option<&str>) -> Result<Ranking, String> {
        let baseline = baseline.map(|text| text.parse::<Baseline>().unwrap());
        rank(&cells(&[rows], Rate::WallRate), baseline.as_ref())
    }

    #[test]
    fn scores_by_hand() {
        let ranking = ranked(&rows(4), None).unwrap();
        assert_eq!((ranking.workloads.len(), ranking.blocks), (2, 4));
        let [first, second] = ranking.ranks.as_slice() else { panic!("{ranking:?}") };
        // b: 2/4 and 9/9, so √(1/2); a: 4/4 and 3/9, so √(1/3).
        assert_eq!((first.subject.as_str(), second.subject.as_str()), ("b", "a"));
        assert!((first.score - 0.5_f64.sqrt()).abs() < 1e-12);
        assert!((second.score - (1.0 / 3.0_f64).sqrt()).abs() < 1e-12);
        assert_eq!((first.wins, second.wins), (1, 1));
        assert!((second.worst - 1.0 / 3.0).abs() < 1e-12);
        assert!(second.worst_workload.starts_with("threads=2 "));
        // The noise is the block's, hence in no ratio.
        let (low, high) = first.interval.unwrap();
        assert!((high - low).abs() < 1e-9);
    }

    #[test]
    fn the_best_is_found_anew_in_each_resample() {
        let mut rows = rows(8);
        // Under one workload now one, now the other is ahead: nobody is always the best.
        rows.retain(|row| row.threads == 1);
        for row in &mut rows {
            let ahead = (row.structure == "a") == (row.block % 2 == 0);
            row.ops_per_sec = Some(if ahead { 2.0 } else { 1.0 });
        }
        let ranking = ranked(&rows, None).unwrap();
        for rank in &ranking.ranks {
            let (low, high) = rank.interval.unwrap();
            assert!(low < 0.9 && high <= 1.0, "{rank:?}");
        }
    }

    #[test]
    fn a_baseline_is_what_the_score_is_of() {
        let ranking = ranked(&rows(4), Some("a")).unwrap();
        let score = |name| ranking.ranks.iter().find(|rank| rank.subject == name).unwrap().score;
        assert!((score("a") - 1.0).abs() < 1e-12);
        assert!((score("b") - 1.5_f64.sqrt()).abs() < 1e-12);
    }

    /// Its twin has its table, whose name a baseline says, and is as fast but for noise.
    #[test]
    fn a_baseline_is_not_its_twin() {
        let mut rows = rows(4);
        let twins = rows.iter().filter(|row| row.structure == "a").map(|row| {
            with(row, |row| {
                row.twin = true;
                row.case = format!("twin of {}", row.case);
                row.ops_per_sec = row.ops_per_sec.map(|rate| rate * 1.25);
            })
        });
        let twins: Vec<Row> = twins.collect();
        rows.extend(twins);
        let ranking = ranked(&rows, Some("a")).unwrap();
        let score = |name| ranking.ranks.iter().find(|rank| rank.subject == name).unwrap().score;
        assert!((score("a") - 1.0).abs() < 1e-12, "{ranking:?}");
        assert!((score("a (A/A)") - 1.25).abs() < 1e-12, "{ranking:?}");
    }

    #[test]
    fn only_what_all_have_counts_and_the_rest_is_named() {
        let mut rows = rows(4);
        rows.push(trial("a", 4, 0, 1.0));
        rows[0].valid = false;
        let ranking = ranked(&rows, None).unwrap();
        assert_eq!((ranking.workloads.len(), ranking.blocks), (2, 3));
        let left_out = ranking.left_out.join("\n");
        assert!(left_out.contains("threads=4 ") && left_out.contains("of b"), "{left_out}");
        assert!(left_out.contains("block 1: 1 of its trials"), "{left_out}");
        rows[4].ops_per_sec = Some(0.0);
        assert_eq!(ranked(&rows, None).unwrap().blocks, 2, "a rate of 0 has no ratio");
        rows.retain(|row| (row.structure == "a") == (row.threads == 1));
        let error = ranked(&rows, None).unwrap_err();
        assert!(error.contains("a, b") && error.contains("--filter"), "{error}");
    }
}
