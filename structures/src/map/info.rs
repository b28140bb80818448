//! Facts about a table: family, source, progress, memory.

use std::fmt;

/// The progress guarantee of an operation. Weaker guarantees compare greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// The operation ends after a bounded number of the thread's own steps, whatever other threads do.
    WaitFree,
    /// Some thread always finishes an operation; a single thread can starve.
    LockFree,
    /// A thread that is suspended while it holds a lock can stop others.
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

/// How much memory a reader keeps from being freed if it stalls inside a lookup while other threads go on
/// updating the table. It is a property of the table together with its reclaimer. More memory compares greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// None: the table retires nothing, since it frees memory under a lock or once there is no reader.
    Nothing,
    /// A number of nodes that depends neither on the updates nor on the table.
    Constant,
    /// In proportion to the table as it was when the reader stalled, whatever the updates.
    TableSize,
    /// All that is retired while the reader stalls; it grows with the number of updates.
    Unbounded,
    /// Not stated.
    Unknown,
}

impl Held {
    /// Whether it stays bounded however many updates there are, which the literature calls *robust*.
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

/// Facts about a table; `bench list` shows them. If the table is generic over its reclaimer, they
/// hold for the table together with that reclaimer.
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
    /// Whether a test suspends threads inside each operation and confirms the claimed progress
    /// (`structures/tests/progress.rs`).
    pub progress_is_tested: bool,
    /// How much memory a stalled reader keeps from being freed. `structures/tests/stalled.rs` tests this
    /// for tables whose nodes the meter counts.
    pub held: Held,
    /// Whether the table keeps its entries. False only for the `no-op` control, whose results cannot be
    /// checked.
    pub keeps_entries: bool,
    /// Whether the meter ([`crate::meter`]) counts its nodes.
    pub counts_nodes: bool,
    /// Whether the error of `len` is bounded as [`ConcurrentMap::len`](super::ConcurrentMap::len) promises.
    /// False for a table whose own documentation calls its length an estimate.
    pub len_is_bounded: bool,
    /// Whether iteration is linearizable: it shows the entries of one moment between its call and its
    /// return.
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
