//! What a table and a reclaimer say of themselves.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an operation is guaranteed to finish; the weaker is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// It ends in a bounded number of its own steps, whatever other threads do.
    WaitFree,
    /// Some thread always finishes; one thread can starve.
    LockFree,
    /// A thread that holds a lock can stop others.
    Blocking,
    /// Nobody has said.
    Unknown,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::WaitFree => "wait-free",
            Self::LockFree => "lock-free",
            Self::Blocking => "blocking",
            Self::Unknown => "unknown",
        })
    }
}

/// How much memory a reader that stalls inside a lookup keeps from being freed, while others go on
/// updating the table. More is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// None: the table retires nothing.
    Nothing,
    /// A number of nodes that depends neither on the updates nor on the table.
    Constant,
    /// In proportion to the table as it was when the reader stalled, whatever the updates.
    TableSize,
    /// All that is retired while the reader stalls: it grows with the updates.
    Unbounded,
    /// Nobody has said.
    Unknown,
}

impl Held {
    /// Whether it stays bounded however many updates there are.
    #[must_use]
    pub const fn is_bounded(self) -> bool {
        matches!(self, Self::Nothing | Self::Constant | Self::TableSize)
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nothing => "nothing",
            Self::Constant => "constant",
            Self::TableSize => "table-size",
            Self::Unbounded => "unbounded",
            Self::Unknown => "unknown",
        })
    }
}

/// What a table says of itself, with one of its reclaimers; `bench list` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// The family in the literature: `chaining`, `cuckoo`, `versioned`, `peer`, `control`, …
    pub family: String,
    /// One line: the algorithm and its source.
    pub summary: String,
    /// Progress of `get`, `get_with` and `contains`.
    pub get: Progress,
    /// Progress of `insert`.
    pub insert: Progress,
    /// Progress of `update` and `upsert`.
    pub update: Progress,
    /// Progress of `remove`.
    pub remove: Progress,
    /// Whether a test stops threads within each operation and finds the progress that is claimed.
    pub progress_is_tested: bool,
    /// What a stalled reader keeps from being freed.
    pub held: Held,
    /// Whether entries are kept at all; false only for a control, whose results cannot be checked.
    pub keeps_entries: bool,
    /// Whether the meter counts its nodes.
    pub counts_nodes: bool,
    /// Whether `len` is right at some moment between its call and its return, give or take the writes
    /// meanwhile; false for a table whose own documentation calls it an estimate.
    pub len_is_bounded: bool,
    /// Whether iteration shows the entries of one moment between its call and its return.
    pub iterates_snapshots: bool,
    /// The most handles that may exist at once, if there is a limit.
    pub max_threads: Option<usize>,
}

impl Info {
    /// A table of which its family is known and nothing else: nobody has tested anything, it keeps its entries,
    /// takes any number of threads, and its nodes are not counted.
    #[must_use]
    pub fn unknown(family: &str) -> Self {
        Self {
            family: family.to_owned(),
            summary: String::new(),
            get: Progress::Unknown,
            insert: Progress::Unknown,
            update: Progress::Unknown,
            remove: Progress::Unknown,
            progress_is_tested: false,
            held: Held::Unknown,
            keeps_entries: true,
            counts_nodes: false,
            len_is_bounded: true,
            iterates_snapshots: false,
            max_threads: None,
        }
    }

    /// What holds of a table with either of two reclaimers: of each operation the weaker progress, and
    /// the more that is held. Else the two say the same.
    #[must_use]
    pub fn of_both(mut self, other: &Self) -> Self {
        self.get = self.get.max(other.get);
        self.insert = self.insert.max(other.insert);
        self.update = self.update.max(other.update);
        self.remove = self.remove.max(other.remove);
        self.progress_is_tested &= other.progress_is_tested;
        self.held = self.held.max(other.held);
        self
    }
}

/// A reclamation scheme, as `bench list` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReclaimerInfo {
    /// Its name.
    pub name: String,
    /// The scheme and its source.
    pub summary: String,
    /// What one stalled guard holds up of nodes that are retired each for itself.
    pub held: Held,
    /// Protects single nodes, so that a traversal must validate each step.
    pub per_pointer: bool,
    /// A registered thread that runs no operation holds reclamation up unless it says that it is
    /// offline.
    pub needs_quiescence: bool,
    /// Retirements after which it scans or synchronises can be set.
    pub takes_batch: bool,
}
