//! `aggregate.csv`: a row for each aggregation.
//!
//! In an aggregation trial words are counted by the threads of a pool, in one of four ways. The words are
//! made, or read and numbered, before the clock starts, and so is the pool. Whatever the way, what comes
//! out is compared with a count by one thread, word by word.

use serde::{Deserialize, Serialize};

use crate::rows::log::Attached;
use crate::rows::study::{StudyPlace, StudyRow};
use trials::aggregate::{AggregateSpec, Aggregated, Way};

/// The file in a result folder.
pub const AGGREGATE: &str = "aggregate.csv";

/// A line of `aggregate.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AggregateRow {
    /// The cell's id; of several that differ in nothing that the way heeds, the first one's.
    pub case: String,
    /// The trial's block.
    pub block: u32,
    /// Its place in the block.
    pub position: u32,
    /// Seed of the words.
    pub seed: u64,
    /// How words are counted.
    pub way: Way,
    /// Words.
    pub words: Option<u64>,
    /// Different ones.
    pub distinct: Option<u64>,
    /// From the first word to the last count.
    pub seconds: Option<f64>,
    /// `words` over `seconds`.
    pub words_per_sec: Option<f64>,
    /// CPU time of the process in that time.
    pub cpu_seconds: Option<f64>,
    /// How long one thread took for the same words.
    pub sequential_seconds: Option<f64>,
    /// Whether every count was right.
    pub valid: bool,
    /// Noise verdict: `quiet`, or what disturbed the trial.
    pub noise: String,
    /// What went wrong, if anything did.
    pub error: String,
}

impl Attached for AggregateRow {
    type Trial = StudyPlace;

    const FILE: &'static str = AGGREGATE;

    const HEADER: &'static str = "case,block,position,seed,way,words,distinct,seconds,words_per_sec,\
        cpu_seconds,sequential_seconds,valid,noise,error\n";

    fn trial(&self) -> StudyPlace {
        place(&self.case, self.block, self.way)
    }
}

/// What names the trial of a cell in a block by this way.
pub(crate) fn place(case: &str, block: u32, way: Way) -> StudyPlace {
    (case.to_owned(), block, way.name().to_owned())
}

impl StudyRow for AggregateRow {
    fn ends_its_trial(&self) -> bool {
        true
    }
}

impl AggregateRow {
    /// The row of the trial of `spec`, which answered, or failed so.
    pub(crate) fn new(
        spec: &AggregateSpec,
        (block, position): (u32, u32),
        answer: Result<Aggregated, String>,
    ) -> Self {
        let mut row = Self {
            case: spec.case.id(),
            block,
            position,
            seed: spec.seed,
            way: spec.way,
            words: None,
            distinct: None,
            seconds: None,
            words_per_sec: None,
            cpu_seconds: None,
            sequential_seconds: None,
            valid: false,
            noise: String::new(),
            error: String::new(),
        };
        match answer {
            Ok(done) => {
                row.words = Some(done.words);
                row.distinct = Some(done.distinct);
                row.seconds = Some(done.seconds);
                row.words_per_sec =
                    Some(done.words as f64 / done.seconds).filter(|rate| rate.is_finite());
                row.cpu_seconds = done.cpu_seconds;
                row.sequential_seconds = Some(done.sequential_seconds);
                row.valid = done.failures.is_empty();
                row.error = done.failures.join("; ");
                row.noise = done.noise;
            }
            Err(why) => row.error = why,
        }
        row
    }

    /// How many times as fast as one thread alone.
    #[must_use]
    pub fn speed_up(&self) -> Option<f64> {
        let ratio = self.sequential_seconds? / self.seconds?;
        ratio.is_finite().then_some(ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::log::assert_round_trip;
    use crate::test_rows::case;

    #[test]
    fn rows_have_rates_and_are_read_again() {
        let case = case("papaya", "none", 2, 0.0, 0.99, 20);
        let spec = AggregateSpec { case, seed: 7, way: Way::Cached, words: 100, text: None };
        let done = Aggregated {
            words: 100,
            seconds: 0.5,
            sequential_seconds: 1.5,
            ..Aggregated::default()
        };
        let row = AggregateRow::new(&spec, (1, 2), Ok(done.clone()));
        assert_eq!((row.words_per_sec, row.speed_up(), row.valid), (Some(200.0), Some(3.0), true));
        assert_eq!(row.trial(), (spec.case.id(), 1, "cached".to_owned()));
        assert_round_trip(&row);
        let wrong = Aggregated { failures: vec!["lost".to_owned()], ..done };
        let row = AggregateRow::new(&spec, (1, 2), Ok(wrong));
        assert_eq!((row.valid, &*row.error), (false, "lost"));
        let row = AggregateRow::new(&spec, (1, 2), Err("crashed".to_owned()));
        assert_eq!((row.valid, &*row.error, row.speed_up()), (false, "crashed", None));
        assert_round_trip(&row);
    }
}
