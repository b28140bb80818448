//! Comparisons: which trials are compared with which, the ratio, and the verdict.
//!
//! Subjects are compared with a baseline under the same workload, trial by trial within blocks,
//! or two runs of the same cases with each other. Everything here is a function of rows.

mod baseline;
pub(crate) mod by_wall_time;
mod cells;
mod checks;
mod deviation;
mod floor;
pub(crate) mod hash_seeds;
pub(crate) mod quantity;
mod threads;
pub(crate) mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use rayon::prelude::*;
use serde::Serialize;
use stats::Ratio;

pub use self::baseline::Baseline;
pub use self::cells::{Contender, RatedTrial, Workload, cells};
use self::cells::{pairs_of, same_seeds, wall_ratio};
pub use self::checks::{Checks, check};
pub use self::deviation::deviation;
pub use self::floor::{Floor, Floors};
pub use self::hash_seeds::{SeedSpread, seed_spreads};
pub use self::quantity::Quantity;
pub use self::threads::with_threads;

/// The chance of calling anything in a table that is not so is at most this.
pub const ALPHA: f64 = 0.05;

/// What can be said of a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Ours has the higher rate.
    Faster,
    /// Ours has the lower rate.
    Slower,
    /// The trials do not show which is.
    NoDifferenceShown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::NoDifferenceShown => "no difference shown",
        })
    }
}

/// Two cells and the trials that stand against each other.
#[derive(Clone, Debug)]
pub struct Pairing<'c> {
    /// The cell that the verdict is about.
    pub ours: &'c Contender,
    /// The baseline.
    pub theirs: &'c Contender,
    rates: Rates,
    wall_ratio: Option<f64>,
}

#[derive(Clone, Debug)]
enum Rates {
    /// The log ratio within each block.
    Paired(Vec<((usize, u32), f64)>),
    /// Ours and theirs.
    Unpaired([Vec<f64>; 2]),
}

/// What is to be compared.
#[derive(Clone, Debug, Default)]
pub struct Plan<'c> {
    /// The comparisons: all are paired or none is.
    pub pairings: Vec<Pairing<'c>>,
    /// What cannot be compared, and why.
    pub left_out: Vec<String>,
}

/// A comparison with its result.
#[derive(Clone, Debug)]
pub struct Judged<'c> {
    /// The cell that the verdict is about.
    pub ours: &'c Contender,
    /// The baseline.
    pub theirs: &'c Contender,
    /// Pairs; `None` if the trials are not paired.
    pub pairs: Option<usize>,
    /// Of ours to theirs.
    pub ratio: Ratio,
    /// The same over all wall time, where `ratio` is over clean windows and the trials are paired.
    pub wall_ratio: Option<f64>,
    /// The p-value as if there were no other comparison.
    pub p: f64,
    /// The p-value corrected for all of the table.
    pub adjusted: f64,
    /// The noise floor under its workload, or the baseline's if that is another one and higher, if it is known.
    pub floor: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
}

/// Each cell that is `wanted` against the baseline under its workload.
#[must_use]
pub fn with_baseline<'c>(
    cells: &'c [Contender],
    baseline: &Baseline,
    wanted: impl Fn(&Contender) -> bool,
) -> Plan<'c> {
    let mut workloads: BTreeMap<&Workload, Vec<&Contender>> = BTreeMap::new();
    for cell in cells {
        workloads.entry(&cell.workload).or_default().push(cell);
    }
    let mut plan = Plan::default();
    for (workload, cells) in workloads {
        let others = || cells.iter().filter(|cell| wanted(cell));
        let Some(best) = baseline.best(&cells) else {
            if others().next().is_some() {
                let why = workload.why_none_counts();
                let what = "no trial of the baseline counts there";
                plan.left_out.push(format!("{workload}: {what}{why}"));
            }
            continue;
        };
        for ours in others().filter(|cell| cell.row.case != best.row.case) {
            plan.pair(ours, best, pairs_of(ours, best), "block");
        }
    }
    plan
}

/// Each cell of `after` that is `wanted` against the same cell in `before`. The trials are paired
/// by block if every two of one cell and block have the same seed, hence did the same operations.
#[must_use]
pub fn before_and_after<'c>(
    before: &'c [Contender],
    after: &'c [Contender],
    wanted: impl Fn(&Contender) -> bool,
) -> Plan<'c> {
    let old: HashMap<_, &Contender> = before.iter().map(|cell| (cell.id(), cell)).collect();
    let both: Vec<(&Contender, &Contender)> = after
        .iter()
        .filter(|cell| wanted(cell))
        .filter_map(|cell| Some((cell, *old.get(&cell.id())?)))
        .collect();
    let mut plan = Plan::default();
    let new: BTreeSet<_> = after.iter().map(Contender::id).collect();
    for (cells, have, run) in
        [(before, new, "before"), (after, old.keys().copied().collect(), "after")]
    {
        let alone = cells.iter().filter(|cell| wanted(cell) && !have.contains(&cell.id()));
        plan.left_out.extend(alone.map(|cell| format!("{}: only {run}", cell.name())));
    }
    let paired = both.iter().all(|(ours, theirs)| same_seeds(ours, theirs));
    for (ours, theirs) in both {
        if paired {
            plan.pair(ours, theirs, pairs_of(ours, theirs), "block of both runs");
        } else {
            plan.oppose(ours, theirs);
        }
    }
    plan
}

const NO_RATIO: &str = "a trial measured 0, and 0 has no ratio";

impl<'c> Plan<'c> {
    fn pair(
        &mut self,
        ours: &'c Contender,
        theirs: &'c Contender,
        trials: Vec<(&RatedTrial, &RatedTrial)>,
        block: &str,
    ) {
        let rates: Vec<(f64, f64)> = trials.iter().map(|(a, b)| (a.rate, b.rate)).collect();
        match stats::log_ratios(&rates) {
            _ if rates.is_empty() => self.left_out.push(format!(
                "{}: no {block} has a trial that counts of it and of {}{}",
                ours.name(),
                theirs.subject,
                ours.workload.why_none_counts()
            )),
            None => self.left_out.push(format!("{}: {NO_RATIO}", ours.name())),
            Some(logs) => {
                let blocks = trials.iter().map(|(trial, _)| trial.block);
                let rates = Rates::Paired(blocks.zip(logs).collect());
                let wall_ratio = wall_ratio(&trials);
                self.pairings.push(Pairing { ours, theirs, rates, wall_ratio });
            }
        }
    }

    /// Without pairs.
    fn oppose(&mut self, ours: &'c Contender, theirs: &'c Contender) {
        if ours.trials.is_empty() || theirs.trials.is_empty() {
            let run = if ours.trials.is_empty() { "after" } else { "before" };
            let why = ours.workload.why_none_counts();
            return self.left_out.push(format!("{}: no trial counts {run}{why}", ours.name()));
        }
        let rates = [ours.rates(), theirs.rates()];
        if rates.iter().flatten().any(|rate| *rate <= 0.0) {
            return self.left_out.push(format!("{}: {NO_RATIO}", ours.name()));
        }
        let rates = Rates::Unpaired(rates);
        self.pairings.push(Pairing { ours, theirs, rates, wall_ratio: None });
    }

    /// Whether trials are compared block by block.
    #[must_use]
    pub fn is_paired(&self) -> bool {
        self.pairings.iter().all(|pairing| matches!(pairing.rates, Rates::Paired(_)))
    }
}

/// Judges all comparisons of a table together. What noise alone might be is no difference shown.
#[must_use]
pub fn judge<'c>(plan: &Plan<'c>, floors: &Floors) -> Vec<Judged<'c>> {
    let p_values = if plan.is_paired() { paired_tests(plan) } else { unpaired_tests(plan) };
    let judge = |(pairing, p): (&Pairing<'c>, &stats::P)| {
        let ratio = pairing.ratio();
        let floor = floors.under_either(&pairing.ours.workload, &pairing.theirs.workload);
        let verdict = match ratio.centre {
            _ if p.adjusted > ALPHA => Verdict::NoDifferenceShown,
            centre if floor.is_some_and(|floor| floor.holds(centre)) => Verdict::NoDifferenceShown,
            ratio if ratio > 1.0 => Verdict::Faster,
            _ => Verdict::Slower,
        };
        Judged {
            ours: pairing.ours,
            theirs: pairing.theirs,
            pairs: pairing.pairs(),
            ratio,
            wall_ratio: pairing.wall_ratio,
            p: p.alone,
            adjusted: p.adjusted,
            floor: floor.map(|floor| floor.factor),
            verdict,
        }
    };
    plan.pairings.par_iter().zip(&p_values).map(judge).collect()
}

/// Comparisons of too few pairs to be called are not among those that are corrected for. Of two pairs t may be larger
/// than of ten, and no corrected p-value is below that of a larger t: a table whose trials are invalid would keep
/// all others from being called.
fn paired_tests(plan: &Plan<'_>) -> Vec<stats::P> {
    let logs = |pairing: &Pairing<'_>| match &pairing.rates {
        Rates::Paired(logs) => logs.clone(),
        Rates::Unpaired(_) => Vec::new(),
    };
    let comparisons: Vec<_> = plan.pairings.iter().map(logs).collect();
    let blocks: BTreeSet<(usize, u32)> =
        comparisons.iter().flatten().map(|(block, _)| *block).collect();
    let by_block = |logs: &Vec<((usize, u32), f64)>| -> Vec<Option<f64>> {
        let logs: HashMap<_, _> = logs.iter().copied().collect();
        blocks.iter().map(|block| logs.get(block).copied()).collect()
    };
    let fewest = stats::fewest_pairs(ALPHA);
    let (enough, few): (Vec<_>, Vec<_>) = comparisons.iter().partition(|logs| logs.len() >= fewest);
    let mut corrected =
        stats::flip_tests(&enough.into_iter().map(by_block).collect::<Vec<_>>()).into_iter();
    let mut alone = few
        .into_iter()
        .map(|logs| stats::P { adjusted: 1.0, ..stats::flip_tests(&[by_block(logs)])[0] });
    let of = |logs: &Vec<_>| if logs.len() >= fewest { corrected.next() } else { alone.next() };
    comparisons.iter().map(of).map(|p| p.expect("each is in one of the two")).collect()
}

fn unpaired_tests(plan: &Plan<'_>) -> Vec<stats::P> {
    let test = |pairing: &Pairing<'_>| match &pairing.rates {
        Rates::Paired(_) => 1.0,
        Rates::Unpaired(rates) => {
            let [ours, theirs] = rates.each_ref().map(|rates| logs(rates));
            stats::shuffle_test(&ours, &theirs)
        }
    };
    let alone: Vec<f64> = plan.pairings.par_iter().map(test).collect();
    let adjusted = stats::holm(&alone);
    alone.into_iter().zip(adjusted).map(|(alone, adjusted)| stats::P { alone, adjusted }).collect()
}

fn logs(rates: &[f64]) -> Vec<f64> {
    rates.iter().map(|rate| rate.ln()).collect()
}

impl Pairing<'_> {
    fn pairs(&self) -> Option<usize> {
        match &self.rates {
            Rates::Paired(logs) => Some(logs.len()),
            Rates::Unpaired(_) => None,
        }
    }

    fn ratio(&self) -> Ratio {
        match &self.rates {
            Rates::Paired(logs) => {
                let logs: Vec<f64> = logs.iter().map(|(_, log)| *log).collect();
                stats::ratio_of_pairs(&logs)
            }
            Rates::Unpaired([ours, theirs]) => stats::ratio_of_samples(ours, theirs)
                .expect("no rate is 0 and neither sample is empty: `oppose` saw to it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::throughput::Rate;
    use crate::rows::Row;
    use crate::test_rows::{trial, with};

    /// Ten blocks of each of the tables, at this many times a rate that changes from block to block.
    fn rows(factors: &[(&str, f64)]) -> Vec<Row> {
        let mut rows = Vec::new();
        for block in 0..10 {
            for (i, (name, factor)) in factors.iter().enumerate() {
                let weather = 1e6 * (1.0 + 0.3 * f64::from(block * 7 % 10));
                let noise = 1.0 + 0.01 * f64::from((block * 3 + i as u32) % 4);
                rows.push(trial(name, 1, block, weather * noise * factor));
            }
        }
        rows
    }

    fn against<'c>(cells: &'c [Contender], baseline: &str) -> Plan<'c> {
        with_baseline(cells, &baseline.parse().unwrap(), |_| true)
    }

    fn verdicts(plan: &Plan<'_>) -> Vec<(String, Verdict)> {
        judge(plan, &Floors::default())
            .iter()
            .map(|judged| (judged.ours.subject.clone(), judged.verdict))
            .collect()
    }

    #[test]
    fn pairs_see_what_the_weather_hides() {
        // The machine changes by a factor of 3.7 from block to block, the tables differ by 10 %.
        let rows = rows(&[("base", 1.0), ("fast", 1.1), ("same", 1.0), ("slow", 0.9)]);
        let cells = cells(&[&rows], Rate::WallRate);
        let plan = against(&cells, "base");
        let expected = [
            ("fast", Verdict::Faster),
            ("same", Verdict::NoDifferenceShown),
            ("slow", Verdict::Slower),
        ];
        assert_eq!(verdicts(&plan), expected.map(|(name, verdict)| (name.to_owned(), verdict)));
        let judged = judge(&plan, &Floors::default());
        assert_eq!(judged[0].pairs, Some(10));
        assert!((judged[0].ratio.centre - 1.1).abs() < 0.02, "{:?}", judged[0].ratio);
        assert!(judged.iter().all(|judged| judged.adjusted >= judged.p));
    }

    #[test]
    fn what_noise_alone_might_be_is_not_called() {
        let mut rows = rows(&[("base", 1.0), ("fast", 1.1), ("faster", 1.3)]);
        let twin = |row: &Row| {
            with(row, |row| {
                row.twin = true;
                row.case = "twin".to_owned();
                row.ops_per_sec = row.ops_per_sec.map(|rate| rate * 1.2);
            })
        };
        let twins: Vec<Row> = rows.iter().filter(|row| row.structure == "base").map(twin).collect();
        rows.extend(twins);
        let cells = cells(&[&rows], Rate::WallRate);
        let plan = with_baseline(&cells, &"base".parse().unwrap(), |cell| !cell.row.is_control());
        let verdicts = |floors: &Floors| -> Vec<(Verdict, bool)> {
            let judged = judge(&plan, floors);
            judged.iter().map(|judged| (judged.verdict, judged.floor.is_some())).collect()
        };
        assert_eq!(verdicts(&Floors::default()), [(Verdict::Faster, false); 2]);
        let with = [(Verdict::NoDifferenceShown, true), (Verdict::Faster, true)];
        assert_eq!(verdicts(&Floors::of(&cells)), with);
    }

    /// Ratios of one size, and whether ours was the faster in a block. What `fast` shows happens by
    /// chance in 11 of the 512 flips; that one of the three shows as much, in 33.
    #[test]
    fn what_is_called_is_called_by_the_corrected_p_value() {
        let fast = ("fast", "+++++++++-");
        let tables = [fast, ("odd", "+-+-+-+-+-"), ("twos", "++--++--++")];
        let judged = |tables: &[(&str, &str)]| {
            let mut rows: Vec<Row> = (0..10).map(|block| trial("base", 1, block, 1e6)).collect();
            for (name, signs) in tables {
                let rate = |sign| if sign == '+' { 1.1e6 } else { 1e6 / 1.1 };
                let blocks = (0..).zip(signs.chars());
                rows.extend(blocks.map(|(block, sign)| trial(name, 1, block, rate(sign))));
            }
            let cells = cells(&[&rows], Rate::WallRate);
            let judged = judge(&against(&cells, "base"), &Floors::default());
            let first = &judged[0];
            (first.p, first.adjusted, first.verdict)
        };
        let (alone, corrected) = (11.0 / 512.0, 33.0 / 512.0);
        assert_eq!(judged(&[fast]), (alone, alone, Verdict::Faster));
        assert_eq!(judged(&tables), (alone, corrected, Verdict::NoDifferenceShown));
    }

    /// By two pairs that are alike t is infinite, and so it is in half of the flips.
    #[test]
    fn a_table_of_two_pairs_keeps_no_other_from_being_called() {
        let mut rows = rows(&[("base", 1.0), ("fast", 1.1)]);
        let base: Vec<Row> =
            rows.iter().filter(|row| row.structure == "base").take(2).cloned().collect();
        rows.extend(base.iter().map(|row| {
            with(row, |row| {
                (row.structure, row.case) = ("rare".to_owned(), "rare".to_owned());
                row.ops_per_sec = row.ops_per_sec.map(|rate| rate * 2.0);
            })
        }));
        let cells = cells(&[&rows], Rate::WallRate);
        let judged = judge(&against(&cells, "base"), &Floors::default());
        let of = |name: &str| {
            let judged =
                judged.iter().find(|judged| judged.ours.subject == name).expect("compared");
            (judged.pairs, judged.p, judged.adjusted, judged.verdict)
        };
        assert_eq!(of("fast"), (Some(10), 2.0 / 1024.0, 2.0 / 1024.0, Verdict::Faster));
        assert_eq!(of("rare"), (Some(2), 0.5, 1.0, Verdict::NoDifferenceShown));
    }

    #[test]
    fn a_pair_needs_both_trials() {
        let mut rows = rows(&[("base", 1.0), ("fast", 1.1)]);
        (rows[0].valid, rows[3].valid) = (false, false);
        let cells = cells(&[&rows], Rate::WallRate);
        assert_eq!(judge(&against(&cells, "base"), &Floors::default())[0].pairs, Some(8));
        let mut none = rows.clone();
        none.iter_mut().filter(|row| row.structure == "base").for_each(|row| row.valid = false);
        let cells = self::cells(&[&none], Rate::WallRate);
        let plan = against(&cells, "base");
        assert!(plan.pairings.is_empty());
        assert!(plan.left_out[0].contains("no trial of the baseline"), "{:?}", plan.left_out);
    }

    #[test]
    fn blocks_of_two_folders_do_not_pair() {
        let (a, b) = (rows(&[("base", 1.0)]), rows(&[("fast", 1.1)]));
        let cells = cells(&[&a, &b], Rate::WallRate);
        let plan = against(&cells, "base");
        assert!(plan.pairings.is_empty() && plan.left_out[0].contains("no block"), "{plan:?}");
    }

    #[test]
    fn a_rate_of_zero_has_no_ratio() {
        let mut rows = rows(&[("base", 1.0), ("fast", 1.1)]);
        rows[1].ops_per_sec = Some(0.0);
        let cells = cells(&[&rows], Rate::WallRate);
        let plan = against(&cells, "base");
        assert!(
            plan.pairings.is_empty() && plan.left_out[0].contains("0 has no ratio"),
            "{plan:?}"
        );
    }

    #[test]
    fn runs_pair_if_their_seeds_are_equal() {
        let old = rows(&[("map", 1.0), ("gone", 1.0)]);
        let mut new = rows(&[("map", 1.2), ("new", 1.0)]);
        let before = cells(&[&old], Rate::WallRate);
        let after = cells(&[&new], Rate::WallRate);
        let plan = before_and_after(&before, &after, |_| true);
        assert!(plan.is_paired());
        assert_eq!(verdicts(&plan), [("map".to_owned(), Verdict::Faster)]);
        let left_out = plan.left_out.join("\n");
        assert!(left_out.contains("gone threads=1") && left_out.contains(": only before"));
        assert!(left_out.contains("new threads=1") && left_out.contains(": only after"));
        // Otherwise the weather is noise, and 20 % are too little to be seen.
        new.iter_mut().for_each(|row| row.seed = 9);
        let after = cells(&[&new], Rate::WallRate);
        let plan = before_and_after(&before, &after, |_| true);
        assert!(!plan.is_paired());
        assert_eq!(verdicts(&plan), [("map".to_owned(), Verdict::NoDifferenceShown)]);
        let judged = judge(&plan, &Floors::default());
        assert_eq!(judged[0].pairs, None);
        assert!((judged[0].ratio.centre - 1.2).abs() < 1e-9, "{:?}", judged[0].ratio);
    }
}
