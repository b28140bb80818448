//! The message to the process of an aggregation.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::case::Case;

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
