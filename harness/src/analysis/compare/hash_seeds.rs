//! The effect of the hash seed on the tables' rates.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Contender, Workload};
use crate::analysis::compare::words::factor;

/// The workload under which a subject's cells differ most in nothing but the hash seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeedSpread {
    /// The subject.
    pub subject: String,
    /// The workload.
    pub workload: String,
    /// Number of hash seeds.
    pub seeds: usize,
    /// The largest median rate over the smallest.
    pub factor: f64,
}

/// For each subject the largest spread over hash seeds, if some workload has several; widest first.
#[must_use]
pub fn seed_spreads(cells: &[Contender]) -> Vec<SeedSpread> {
    let mut medians: BTreeMap<(&str, Workload), Vec<f64>> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| !cell.trials.is_empty()) {
        let same = (cell.subject.as_str(), cell.workload.of_any_hash_seed());
        medians.entry(same).or_default().push(cell.median());
    }
    let mut widest: BTreeMap<&str, SeedSpread> = BTreeMap::new();
    for ((subject, workload), medians) in medians.iter().filter(|(_, medians)| medians.len() > 1) {
        let least = medians.iter().copied().fold(f64::INFINITY, f64::min);
        let most = medians.iter().copied().fold(0.0, f64::max);
        let spread = SeedSpread {
            subject: (*subject).to_owned(),
            workload: workload.to_string(),
            seeds: medians.len(),
            factor: most / least,
        };
        if widest.get(subject).is_none_or(|widest| widest.factor < spread.factor) {
            widest.insert(subject, spread);
        }
    }
    let mut spreads: Vec<SeedSpread> = widest.into_values().collect();
    spreads.sort_by(|a, b| b.factor.total_cmp(&a.factor));
    spreads
}

/// A paragraph with a line for each subject; `None` where hash seeds were not varied.
pub(crate) fn in_words(spreads: &[SeedSpread]) -> Option<String> {
    let lines = spreads.iter().map(|spread| {
        let SeedSpread { subject, workload, seeds, factor: spread } = spread;
        format!("\n{subject}: {} over {seeds} seeds, {workload}", factor(*spread))
    });
    (!spreads.is_empty()).then(|| {
        "Hash seeds: each is compared by itself. The largest median of a subject over its smallest, \
         where nothing differs but the hash seed (noise included), under the workload where that is \
         most:"
            .to_owned()
            + &lines.collect::<String>()
    })
}

#[cfg(test)]
mod tests {
    use super::super::cells;
    use super::*;
    use crate::analysis::throughput::Rate;
    use crate::rows::Row;
    use crate::test_rows::{trial, with};

    fn row(structure: &str, threads: usize, hash_seed: u64, rate: f64) -> Row {
        let row = trial(structure, threads, 0, rate);
        with(&row, |row| {
            row.case = format!("{structure}{threads}{hash_seed}");
            row.hash_seed = hash_seed;
        })
    }

    fn spreads(rows: &[Row]) -> Vec<SeedSpread> {
        seed_spreads(&cells(&[rows], Rate::WallRate))
    }

    #[test]
    fn the_widest_spread_of_each_subject_is_told_and_nothing_else_is_mixed() {
        let rows = [
            row("papaya", 1, 0, 4e6),
            row("papaya", 1, 1, 5e6),
            // Another number of threads is another workload.
            row("papaya", 2, 0, 9e6),
            row("papaya", 2, 1, 9e6),
            row("dashmap", 1, 0, 6e6),
            row("dashmap", 1, 1, 2e6),
            row("dashmap", 1, 2, 4e6),
            row("flurry", 1, 0, 1e6),
        ];
        let found = spreads(&rows);
        let told: Vec<_> =
            found.iter().map(|one| (one.subject.as_str(), one.seeds, one.factor)).collect();
        assert_eq!(told, [("dashmap", 3, 3.0), ("papaya", 2, 1.25)]);
        let words = in_words(&found).expect("two subjects");
        assert!(
            words.contains("dashmap: 3") && words.contains("over 3 seeds, threads=1"),
            "{words}"
        );
    }

    #[test]
    fn one_seed_has_no_spread() {
        assert_eq!(in_words(&spreads(&[row("papaya", 1, 7, 4e6), row("papaya", 2, 7, 5e6)])), None);
    }
}
