//! `slices.csv`: the turns of trials, beside `trials.csv` and in the same order. It is for diagnosis: no statistic
//! treats a slice as a sample.

use serde::{Deserialize, Serialize};

use crate::rows::Row;
use crate::rows::log::Attached;
use trials::conductor::Counted;

/// The file's name in a result folder.
pub const SLICES: &str = "slices.csv";

/// One slice of one trial: a line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceRow {
    /// The cell's id.
    pub case: String,
    /// The trial's block.
    pub block: u32,
    /// The trial's seed, which the trials of a group share.
    pub seed: u64,
    /// The group's round, from 0.
    pub round: u32,
    /// The place in the round, from 0.
    pub turn: u32,
    /// Counted wall time.
    pub seconds: f64,
    /// Operations in it.
    pub ops: u64,
    /// CPU time of the process in it.
    pub cpu_seconds: Option<f64>,
    /// CPU time that the process used in the sleep before.
    pub asleep_cpu_seconds: Option<f64>,
}

impl SliceRow {
    /// A slice of `trial`, at this round and turn.
    #[must_use]
    pub fn new(trial: &Row, (round, turn): (u32, u32), counted: Counted) -> Self {
        let Counted { seconds, ops, cpu_seconds, asleep_cpu_seconds } = counted;
        let (case, block, seed) = (trial.case.clone(), trial.block, trial.seed);
        Self { case, block, seed, round, turn, seconds, ops, cpu_seconds, asleep_cpu_seconds }
    }
}

impl Attached for SliceRow {
    /// A case runs once in a block.
    type Trial = (String, u32);

    const FILE: &'static str = SLICES;

    const HEADER: &'static str =
        "case,block,seed,round,turn,seconds,ops,cpu_seconds,asleep_cpu_seconds\n";

    fn trial(&self) -> (String, u32) {
        (self.case.clone(), self.block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_the_fields() {
        let trial = crate::test_rows::trial("papaya", 1, 0, 1.0);
        let counted = Counted { seconds: 0.25, ops: 7, ..Counted::default() };
        let row = SliceRow::new(&trial, (3, 1), counted);
        crate::rows::log::assert_round_trip(&row);
    }
}
