//! Trials of one subject under one workload, with what pairs them with others.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;

use crate::analysis::cell::grouped;
use crate::analysis::setting::Setting;
use crate::analysis::throughput::Rate;
use crate::case::Case;
use crate::rows::Row;
use trials::mix::percentage;

/// A subject under a workload, as it is compared with others: block by block, by one rate.
#[derive(Clone, Debug)]
pub struct Contender {
    /// What subjects must share to be compared.
    pub workload: Workload,
    /// The subject's name.
    pub subject: String,
    /// The first row, for its parameters.
    pub row: Row,
    /// The trials that count and have the metric.
    pub trials: Vec<RatedTrial>,
    /// Trials that do not count, or do not have it.
    pub without: usize,
}

/// A trial that counts, by one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatedTrial {
    /// The folder that it is in, and its block there.
    pub block: (usize, u32),
    /// Its place in the block.
    pub position: u32,
    /// The seed of its keys and operations.
    pub seed: u64,
    /// The metric.
    pub rate: f64,
    /// Where that is over clean windows, the rate over all wall time.
    pub wall: Option<f64>,
}

impl Contender {
    /// The median rate; NaN without trials.
    #[must_use]
    pub fn median(&self) -> f64 {
        stats::median(&self.rates())
    }

    /// The rate of each trial.
    #[must_use]
    pub fn rates(&self) -> Vec<f64> {
        self.trials.iter().map(|trial| trial.rate).collect()
    }

    /// What names it in any run: its case, and the rate that its latency trials were asked for, as
    /// bits.
    #[must_use]
    pub(super) fn id(&self) -> (&str, Option<u64>) {
        (self.row.case.as_str(), self.workload.rate)
    }

    /// The subject and the workload.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.subject, self.workload)
    }
}

/// Everything of a case but its subject. In order: most reads first, then by skew, setting,
/// threads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Workload {
    /// As bits: of numbers from 0 up these are in the numbers' order.
    reads: Reverse<u64>,
    zipf: u64,
    setting: Setting,
    threads: usize,
    /// Operations per second that a latency trial was asked for, as bits.
    rate: Option<u64>,
}

impl Workload {
    /// That of one case.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        Self {
            reads: Reverse(case.mix.reads.to_bits()),
            zipf: case.zipf.to_bits(),
            setting: Setting::of(case),
            threads: case.threads,
            rate: None,
        }
    }

    /// The same at so many operations per second.
    #[must_use]
    pub fn at_rate(self, rate: f64) -> Self {
        Self { rate: Some(rate.to_bits()), ..self }
    }

    /// The operations per second that a latency trial was asked for.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        self.rate.map(f64::from_bits)
    }

    /// What may be the reason why no trial counts, beside invalid ones: of latency trials, which are at a rate.
    pub(super) fn why_none_counts(&self) -> &'static str {
        match self.rate {
            None => "",
            Some(_) => "; none does where most trials could not keep the rate",
        }
    }

    /// The same for any number of threads, where that is what differs.
    #[must_use]
    pub fn of_any_threads(self) -> Self {
        Self { threads: 0, ..self }
    }

    /// The same for any hash seed, where that is what differs.
    #[must_use]
    pub fn of_any_hash_seed(&self) -> Self {
        Self { setting: self.setting.whatever(&["hash_seed"]), ..self.clone() }
    }

    /// All that [`Display`](fmt::Display) leaves out.
    #[must_use]
    pub fn setting(&self) -> &Setting {
        &self.setting
    }
}

/// As the cells of a dry run are shown.
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reads, zipf) = (f64::from_bits(self.reads.0), f64::from_bits(self.zipf));
        let reads = percentage(reads);
        let Self { threads, setting, .. } = self;
        if *threads > 0 {
            write!(f, "threads={threads} ")?;
        }
        if let Some(rate) = self.rate() {
            write!(f, "rate={rate} ")?;
        }
        write!(f, "reads={reads} zipf={zipf} keys={}", setting.keys())?;
        if !setting.preset().is_empty() {
            return write!(f, " preset={}", setting.preset());
        }
        match setting.distribution() {
            None => Ok(()),
            Some(name) => write!(f, " distribution={name}"),
        }
    }
}

/// The cells of the rows of several folders, by workload and then by subject.
#[must_use]
pub fn cells(folders: &[&[Row]], metric: Rate) -> Vec<Contender> {
    let rows = folders
        .iter()
        .zip(0..)
        .flat_map(|(rows, folder)| rows.iter().map(move |row| (folder, row)));
    let groups = grouped(rows, |(_, row)| row.case.as_str());
    let mut cells: Vec<Contender> = groups.iter().map(|rows| cell(rows, metric)).collect();
    cells.sort_by(|a, b| (&a.workload, &a.subject).cmp(&(&b.workload, &b.subject)));
    cells
}

/// That of the rows of a case, each with its folder.
fn cell(rows: &[(usize, &Row)], metric: Rate) -> Contender {
    let first = rows[0].1;
    let trial = |(folder, row): &(usize, &Row)| {
        let rate = metric.of(row).filter(|_| row.counts())?;
        let (position, seed) = (row.position, row.seed);
        let wall = Rate::WallRate.of(row).filter(|_| metric.is_of_clean_windows());
        Some(RatedTrial { block: (*folder, row.block), position, seed, rate, wall })
    };
    let trials: Vec<RatedTrial> = rows.iter().filter_map(trial).collect();
    Contender {
        workload: Workload::of(first),
        subject: first.subject(),
        row: first.clone(),
        without: rows.len() - trials.len(),
        trials,
    }
}

/// The trials of both cells that are of one block.
pub(super) fn pairs_of<'c>(
    ours: &'c Contender,
    theirs: &'c Contender,
) -> Vec<(&'c RatedTrial, &'c RatedTrial)> {
    let theirs: HashMap<_, _> = theirs.trials.iter().map(|trial| (trial.block, trial)).collect();
    ours.trials.iter().filter_map(|trial| Some((trial, *theirs.get(&trial.block)?))).collect()
}

/// Whether the trials of one block did the same operations, by their seeds. A cell of which no trial counts leaves
/// that to the others.
pub(super) fn same_seeds(ours: &Contender, theirs: &Contender) -> bool {
    let pairs = pairs_of(ours, theirs);
    let has_none = ours.trials.is_empty() || theirs.trials.is_empty();
    (has_none || !pairs.is_empty()) && pairs.iter().all(|(ours, theirs)| ours.seed == theirs.seed)
}

/// The ratio of these pairs over all wall time, where each trial has that beside its rate.
pub(super) fn wall_ratio(pairs: &[(&RatedTrial, &RatedTrial)]) -> Option<f64> {
    let rates = pairs.iter().map(|(ours, theirs)| Some((ours.wall?, theirs.wall?)));
    let rates: Vec<(f64, f64)> = rates.collect::<Option<_>>()?;
    Some(stats::mean(&stats::log_ratios(&rates)?).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::before_and_after;
    use crate::test_rows::{Grid, trial, with};
    use crate::workload::Distribution;

    #[test]
    fn cells_are_ordered_and_hold_what_counts() {
        let mut rows = Grid { reads: vec![50.0, 100.0], ..Grid::small() }.rows();
        rows[0].valid = false;
        rows[1].ops_per_sec = None;
        let case = rows[0].case.clone();
        let cells = cells(&[&rows], Rate::WallRate);
        let names: Vec<String> = cells.iter().take(3).map(Contender::name).collect();
        let expected = [
            "hamt-cas/epoch threads=1 reads=100 zipf=0.99 keys=65536",
            "papaya threads=1 reads=100 zipf=0.99 keys=65536",
            "hamt-cas/epoch threads=2 reads=100 zipf=0.99 keys=65536",
        ];
        assert_eq!((names, cells.len()), (expected.map(str::to_owned).to_vec(), 12));
        let hurt: Vec<_> = cells.iter().filter(|cell| cell.without > 0).collect();
        assert_eq!(hurt.len(), 2);
        assert!(hurt.iter().any(|cell| cell.row.case == case));
        assert!(hurt.iter().all(|cell| cell.trials.len() == 4 && cell.without == 1));
    }

    #[test]
    fn a_name_says_which_preset_or_distribution() {
        let plain = trial("papaya", 1, 0, 1e6);
        let name = |row: &Row| Workload::of(row).to_string();
        assert_eq!(name(&plain), "threads=1 reads=95 zipf=0.99 keys=65536");
        let latest = with(&plain, |row| row.distribution = Distribution::Latest);
        assert_eq!(name(&latest), format!("{} distribution=latest", name(&plain)));
        let named = with(&latest, |row| row.preset = "ycsb-d".to_owned());
        assert_eq!(name(&named), format!("{} preset=ycsb-d", name(&plain)));
    }

    #[test]
    fn wall_time_has_a_ratio_of_its_own_beside_clean_windows() {
        let rows = |name: &str, rate: f64, clean: f64| {
            let row = |block| {
                with(&trial(name, 1, block, rate), |row| row.clean_ops_per_sec = Some(clean))
            };
            [row(0), row(1)]
        };
        let mut rows = [rows("map", 3e6, 9e6), rows("base", 2e6, 2e6)].concat();
        let ratio = |rows: &[Row], metric| {
            let cells = cells(&[rows], metric);
            let [base, map] = &cells[..] else { panic!("{cells:?}") };
            wall_ratio(&pairs_of(map, base))
        };
        for metric in [Rate::CleanRate, Rate::CleanUpTo(1)] {
            assert!((ratio(&rows, metric).unwrap() - 1.5).abs() < 1e-9);
        }
        assert_eq!(ratio(&rows, Rate::WallRate), None, "it is the rate itself");
        assert_eq!(ratio(&rows, Rate::CpuRate), None);
        rows[0].ops_per_sec = None;
        assert_eq!(ratio(&rows, Rate::CleanRate), None, "not every pair has it");
        rows[0].ops_per_sec = Some(0.0);
        assert_eq!(ratio(&rows, Rate::CleanRate), None, "0 has no ratio");
    }

    #[test]
    fn what_is_compared_of_two_runs_is_of_one_rate() {
        let run = |at: &[(f64, f64)]| -> Vec<Contender> {
            let cell = |&(rate, time): &(f64, f64)| {
                let cell = cells(&[&[trial("map", 1, 0, time)]], Rate::WallRate).remove(0);
                Contender { workload: cell.workload.clone().at_rate(rate), ..cell }
            };
            at.iter().map(cell).collect()
        };
        let before = run(&[(1e5, 1.0), (2e5, 8.0), (3e5, 9.0)]);
        let after = run(&[(1e5, 3.0), (2e5, 8.0), (4e5, 9.0)]);
        let plan = before_and_after(&before, &after, |_| true);
        let medians = plan.pairings.iter().map(|one| (one.theirs.median(), one.ours.median()));
        assert_eq!(medians.collect::<Vec<_>>(), [(1.0, 3.0), (8.0, 8.0)]);
        let [old, new] = plan.left_out.as_slice() else { panic!("{:?}", plan.left_out) };
        assert!(old.contains("rate=300000 ") && old.ends_with(": only before"), "{old}");
        assert!(new.contains("rate=400000 ") && new.ends_with(": only after"), "{new}");
    }

    #[test]
    fn a_cell_of_which_no_trial_counts_says_nothing_of_seeds() {
        let of = |blocks: &[u32], seed| {
            let row = |block: &u32| with(&trial("map", 1, *block, 1e6), |row| row.seed = seed);
            let rows: Vec<Row> = blocks.iter().map(row).collect();
            cells(&[&rows], Rate::WallRate).remove(0)
        };
        let (one, again, other) = (of(&[0, 1], 7), of(&[1, 2], 7), of(&[1, 2], 8));
        assert!(same_seeds(&one, &again) && !same_seeds(&one, &other));
        assert!(!same_seeds(&one, &of(&[2], 7)), "they have no block together");
        let none = Contender { trials: Vec::new(), ..one.clone() };
        assert!(same_seeds(&one, &none) && same_seeds(&none, &other));
        // So the trials of the others are paired.
        let cell = |threads, seed| {
            let row = with(&trial("map", threads, 0, 1e6), |row| row.seed = seed);
            cells(&[&[row]], Rate::WallRate).remove(0)
        };
        let before = [cell(1, 7), Contender { trials: Vec::new(), ..cell(2, 7) }];
        let after = [cell(1, 7), cell(2, 7)];
        let plan = before_and_after(&before, &after, |_| true);
        assert_eq!((plan.pairings.len(), plan.left_out.len()), (1, 1), "{plan:?}");
        assert!(plan.is_paired());
    }

    #[test]
    fn folders_keep_their_blocks_apart() {
        let (a, b) = ([trial("papaya", 1, 3, 1e6)], [trial("papaya", 1, 3, 5e6)]);
        let cells = cells(&[&a, &b], Rate::WallRate);
        let blocks: Vec<_> = cells[0].trials.iter().map(|trial| trial.block).collect();
        assert_eq!((cells.len(), blocks), (1, vec![(0, 3), (1, 3)]));
        assert_eq!(cells[0].median(), 3e6);
    }
}
