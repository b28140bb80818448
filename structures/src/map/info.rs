//! Facts about a table: family, source, progress, memory.

use std::fmt;

/// The progress guarantee of an operation. Weaker guarantees compare greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// In a bounded number of its own steps, whatever other threads do.
    WaitFree,
    /// Some thread always finishes; one thread can starve.
    LockFree,
    /// A thread that holds a lock can stop others.
    Blocking,
    /// Not stated.
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

/// The memory that a reader keeps from being freed if it stalls inside a lookup while others go on
/// updating the table: a property of the table with its reclaimer. More memory compares greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// None: the table retires nothing, as it frees under a lock, or once no reader is there.
    Nothing,
    /// A number of nodes that depends neither on the updates nor on the table.
    Constant,
    /// In proportion to the table as it was when the reader stalled, whatever the updates.
    TableSize,
    /// All that is retired while the reader stalls: it grows with the updates.
    Unbounded,
    /// Not stated.
    Unknown,
}

impl Held {
    /// Whether it stays bounded however many updates there are: what the literature calls robust.
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

/// Facts about a table; `bench list` shows them. For a table that is generic over its reclaimer they
/// are facts about the pair.
#[derive(Clone, Copy, Debug)]
pub struct MapInfo {
    /// The family in the literature: `chaining`, `cuckoo`, `versioned`, `peer`, `control`, …
    pub family: &'static str,
    /// One line: the algorithm and its source.
    pub summary: &'static str,
    /// Progress of `get`, `get_with` and `contains`.
    pub get: Progress,
    /// Progress of `insert`.
    pub insert: Progress,
    /// Progress of `update` and `upsert`.
    pub update: Progress,
    /// Progress of `remove`.
    pub remove: Progress,
    /// Whether a test stops threads within each operation and finds the progress that is claimed
    /// (`structures/tests/progress.rs`).
    pub progress_is_tested: bool,
    /// The memory that a stalled reader keeps from being freed. Tested by `structures/tests/stalled.rs`
    /// for tables whose nodes the meter counts.
    pub held: Held,
    /// Whether the table keeps its entries. False only for the `no-op` control, whose results cannot be
    /// checked.
    pub keeps_entries: bool,
    /// Whether the meter ([`crate::meter`]) counts its nodes.
    pub counts_nodes: bool,
    /// Whether `len` keeps what [`ConcurrentMap::len`](super::ConcurrentMap::len) promises. False for a
    /// table whose own documentation calls it an estimate.
    pub len_is_bounded: bool,
    /// Whether iteration shows the entries of one moment between its call and its return, and is so
    /// linearizable.
    pub iterates_snapshots: bool,
    /// The most handles that may exist at once, if there is a limit.
    pub max_threads: Option<usize>,
}

impl MapInfo {
    /// A table about which nothing is known.
    pub const UNKNOWN: Self = Self {
        family: "other",
        summary: "",
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
    };

    /// The facts that hold for a table with each of two reclaimers: for each operation the weaker
    /// progress, and the greater of the two `held`. All other fields are the same in both.
    #[must_use]
    pub fn of_both(mut self, other: Self) -> Self {
        self.get = self.get.max(other.get);
        self.insert = self.insert.max(other.insert);
        self.update = self.update.max(other.update);
        self.remove = self.remove.max(other.remove);
        self.progress_is_tested &= other.progress_is_tested;
        self.held = self.held.max(other.held);
        self
    }

    /// The same progress for every operation.
    #[must_use]
    pub const fn with_progress(mut self, progress: Progress) -> Self {
        self.get = progress;
        self.insert = progress;
        self.update = progress;
        self.remove = progress;
        self
    }
}
