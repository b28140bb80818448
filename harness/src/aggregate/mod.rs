//! Aggregation trials: words are counted by the threads of a pool, in four ways.
//!
//! The words are made, or read and numbered, before the clock starts, and so is the pool. Whatever the
//! way, what comes out is compared with a count by one thread, word by word.

mod row;
pub(crate) mod table;
mod trial;
mod ways;
mod words;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::case::{Case, Mix};
use crate::fault::Fault;
use crate::hashers::Hashing;

pub(crate) use self::row::place;
pub use self::row::{AGGREGATE, AggregateRow};
pub use self::trial::Aggregated;
pub(crate) use self::trial::run;

/// The hidden command of an aggregation trial's process.
pub const AGGREGATE_COMMAND: &str = "aggregate-trial";

/// How words are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Each word is an upsert into one table that all threads share.
    Shared,
    /// As `shared`, but a small cache in front of the table adds up what is hot.
    Cached,
    /// Each part of the text is counted in a map of its own; maps are merged as a tree.
    Merged,
    /// Words are dealt out by their hash, and each share of them is counted by itself.
    Partitioned,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Shared, Self::Cached, Self::Merged, Self::Partitioned];

    /// Its name in experiment files and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Cached => "cached",
            Self::Merged => "merged",
            Self::Partitioned => "partitioned",
        }
    }

    /// The way of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }

    /// Whether there is a shared table in it.
    #[must_use]
    pub fn takes_table(self) -> bool {
        matches!(self, Self::Shared | Self::Cached)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the process is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AggregateSpec {
    /// The case: its table, its threads; different words are its `keys`, their skew its `zipf`.
    pub case: Case,
    /// Seed of the words.
    pub seed: u64,
    /// How they are counted.
    pub way: Way,
    /// How many there are.
    pub words: u64,
    /// The file that they are read from instead.
    pub text: Option<String>,
}

/// `case` without what an aggregation does not heed: cells that differ in nothing else are measured
/// once. The words of a text have their own number and skew.
#[must_use]
pub fn counted_as(case: &Case, is_text: bool) -> Case {
    let (keys, zipf) = if is_text { (1, 0.0) } else { (case.keys, case.zipf) };
    Case {
        keys,
        zipf,
        mix: Mix { reads: 0.0, inserts: 0.0, removes: 0.0, updates: 100.0, upserts: 0.0 },
        prefill: 0,
        batch: crate::case::single(),
        ops_per_pin: crate::case::single(),
        fault: Fault::None,
        twin: false,
        hashing: Hashing::default(),
        key_bytes: None,
        value_bytes: None,
        trace: None,
        ..case.clone()
    }
}
