//! `series.csv`: memory over time, beside `trials.csv` and in the same order.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::metric::Sample;
use crate::rows::Row;
use crate::rows::log::{self, Attached};

/// The file's name in a result folder.
pub const SERIES: &str = "series.csv";

/// One sample of one trial: a line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesRow {
    /// The cell's id.
    pub case: String,
    /// The trial's block.
    pub block: u32,
    /// The trial's seed.
    pub seed: u64,
    /// Measured time until then.
    pub at_seconds: f64,
    /// Nodes retired and not freed.
    pub unreclaimed: Option<u64>,
    /// Their bytes.
    pub unreclaimed_bytes: Option<u64>,
    /// Resident set of the process.
    pub rss_bytes: Option<u64>,
}

impl SeriesRow {
    /// The sample of `trial`.
    #[must_use]
    pub fn new(trial: &Row, sample: Sample) -> Self {
        let Sample { at_seconds, unreclaimed, unreclaimed_bytes, rss_bytes } = sample;
        let (case, block, seed) = (trial.case.clone(), trial.block, trial.seed);
        Self { case, block, seed, at_seconds, unreclaimed, unreclaimed_bytes, rss_bytes }
    }
}

impl Attached for SeriesRow {
    /// A case runs once in a block.
    type Trial = (String, u32);

    const FILE: &'static str = SERIES;

    const HEADER: &'static str =
        "case,block,seed,at_seconds,unreclaimed,unreclaimed_bytes,rss_bytes\n";

    fn trial(&self) -> (String, u32) {
        (self.case.clone(), self.block)
    }
}

/// What names `trials`.
pub(crate) fn places(trials: &[Row]) -> HashSet<(String, u32)> {
    trials.iter().map(|row| (row.case.clone(), row.block)).collect()
}

/// The samples of a result folder, in their order, of trials that are among `trials`; none if it
/// holds no series.
///
/// # Errors
///
/// The file cannot be read, or has a malformed line.
pub fn read(folder: &Path, trials: &[Row]) -> anyhow::Result<Vec<SeriesRow>> {
    log::read(folder, &places(trials))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_the_fields() {
        let trial = crate::test_rows::trial("papaya", 1, 0, 1.0);
        log::assert_round_trip(&SeriesRow::new(&trial, Sample::default()));
    }
}
