//! The distributions of a trial's keys, as data: for cases and for `bench list`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::MAX_KEYS;

/// A distribution of keys. How each is drawn is in a file of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Keys of fixed ranks, whose skew is the case's: uniform where that is 0, else Zipf.
    #[default]
    Ranked,
    /// New keys are the hottest: `latest.rs`.
    Latest,
    /// Some keys get most of the operations, for a while: `hot_set.rs`.
    HotSet(HotSet),
    /// One key after the other: `sequential.rs`.
    Sequential,
    /// Inserts add every key once: `fresh.rs`.
    Fresh,
}

/// How hot a hot set is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HotSet {
    /// Its share of the keys.
    pub keys: f64,
    /// Its share of the operations.
    pub operations: f64,
    /// Operations of a thread after which other keys are hot; 0 is never.
    pub shift: u64,
}

impl Default for HotSet {
    /// YCSB's: a fifth of the keys gets four fifths of the operations, always the same keys.
    fn default() -> Self {
        Self { keys: 0.2, operations: 0.8, shift: 0 }
    }
}

/// The distributions by name, each with what it is: what the axis `distribution` takes.
pub const DISTRIBUTIONS: [(&str, &str); 6] = [
    ("uniform", "every key of the range is equally likely (zipf = 0)"),
    ("zipf", "exact Zipf with any skew θ (zipf > 0), ranks scattered over the range"),
    (
        "latest",
        "inserts append new keys; others draw by recency, exact Zipf, newest first (YCSB D)",
    ),
    ("hot-set", "hot_keys of the range get hot_operations; others are hot every hot_shift"),
    ("sequential", "each thread takes one key after the other, from a place of its own"),
    ("fresh", "inserts add every absent key of the range once; the trial ends when all are there"),
];

impl Distribution {
    /// The distribution of this name. That uniform has no skew, and zipf some, is the case's to say.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "uniform" | "zipf" => Self::Ranked,
            "latest" => Self::Latest,
            "hot-set" => Self::HotSet(HotSet::default()),
            "sequential" => Self::Sequential,
            "fresh" => Self::Fresh,
            _ => return None,
        })
    }

    /// Whether the distribution of this name has a skew.
    #[must_use]
    pub fn has_skew(name: &str) -> bool {
        matches!(name, "zipf" | "latest")
    }

    /// Its name at this skew.
    #[must_use]
    pub fn name(self, zipf: f64) -> &'static str {
        match self {
            Self::Ranked if zipf == 0.0 => "uniform",
            Self::Ranked => "zipf",
            Self::Latest => "latest",
            Self::HotSet(_) => "hot-set",
            Self::Sequential => "sequential",
            Self::Fresh => "fresh",
        }
    }

    /// Whether it is one of keys with fixed ranks: the default.
    #[must_use]
    pub fn is_ranked(&self) -> bool {
        *self == Self::Ranked
    }

    /// The hot set, if it is one.
    #[must_use]
    pub fn hot_set(self) -> Option<HotSet> {
        if let Self::HotSet(hot) = self { Some(hot) } else { None }
    }

    /// Whether there is something to draw, with so many of the keys present at the start.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check(self, keys: u64, prefill: u64) -> Result<(), &'static str> {
        match self {
            Self::Latest if prefill == 0 => Err("without a key there is no latest one"),
            Self::Fresh if prefill >= keys => Err("no key is left to insert"),
            _ => Ok(()),
        }
    }

    /// From how many keys those of a case with a range of `keys` are: where inserts append, from
    /// more than a trial can.
    #[must_use]
    pub fn space(self, keys: u64) -> u64 {
        if self == Self::Latest { MAX_KEYS } else { keys }
    }
}

/// What is not said by [`name`](Distribution::name).
impl fmt::Display for HotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, operations, shift } = self;
        write!(f, "{operations} of the operations on {keys} of the keys")?;
        if *shift > 0 { write!(f, ", others every {shift}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_are_read() {
        for (name, _) in DISTRIBUTIONS {
            let distribution = Distribution::named(name).expect("a listed name is read");
            let zipf = if name == "zipf" { 0.5 } else { 0.0 };
            assert_eq!(distribution.name(zipf), name);
            let text = serde_json::to_string(&distribution).unwrap();
            assert_eq!(serde_json::from_str::<Distribution>(&text).unwrap(), distribution);
        }
        assert_eq!(Distribution::named("zipfian"), None);
    }
}
