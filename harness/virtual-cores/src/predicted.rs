//! What a prediction is written down as: rows of `predictions.csv` and `hot-lines.csv`.

use serde::{Deserialize, Serialize};

use crate::spent::Part;

/// The file of the predictions in a folder of theirs.
pub const PREDICTIONS: &str = "predictions.csv";
/// The file of the lines that were waited for.
pub const HOT_LINES: &str = "hot-lines.csv";
/// The file of the machine that was modelled: no measured folder has one of that name.
pub const MODEL: &str = "model.toml";
/// The file of the options that a folder was made with, beside the experiment and the machine: as they are typed.
pub const OPTIONS: &str = "options.txt";
/// What is in `source` of every row: it is none of a measurement.
pub const PREDICTED: &str = "predicted";

/// Rows of files. Each begins with the columns that say of which cell it is, and on which machine: they stand here,
/// once for all of them.
macro_rules! rows_of_cells {
    ($($(#[$about:meta])* $row:ident { $($(#[$doc:meta])* $column:ident: $of:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $row {
            /// The table.
            pub structure: String,
            /// Its reclamation scheme, or `none`.
            pub reclaimer: String,
            /// Threads, each on a core of its own.
            pub threads: usize,
            /// Percentage of lookups.
            pub reads: f64,
            /// Percentage of upserts; 0 in files that do not say it. What neither is, is insertions and removals, as
            /// many of each.
            #[serde(default)]
            pub upserts: f64,
            /// Skew.
            pub zipf: f64,
            /// Keys, of which half are there; with upserts more are, and all where nothing is removed.
            pub keys: u64,
            /// After how many retirements of a thread its scheme scans, if that is not the scheme's own.
            #[serde(default)]
            pub reclaim_batch: Option<usize>,
            /// What was modelled.
            pub machine: String,
            $($(#[$doc])* pub $column: $of,)*
        }

        impl $row {
            /// A row of a prediction's cell, at its number of threads, that says nothing else yet.
            #[must_use]
            pub fn in_cell_of(row: &PredictedRow) -> Self {
                Self {
                    structure: row.structure.clone(),
                    reclaimer: row.reclaimer.clone(),
                    threads: row.threads,
                    reads: row.reads,
                    upserts: row.upserts,
                    zipf: row.zipf,
                    keys: row.keys,
                    reclaim_batch: row.reclaim_batch,
                    machine: row.machine.clone(),
                    ..Self::default()
                }
            }

            /// Whether it is of the cell of a prediction, and of its machine, at whatever number of threads.
            #[must_use]
            pub fn is_of_cell(&self, row: &PredictedRow) -> bool {
                (&self.machine, &self.structure, &self.reclaimer, self.reclaim_batch)
                    == (&row.machine, &row.structure, &row.reclaimer, row.reclaim_batch)
                    && (self.reads, self.upserts, self.zipf, self.keys)
                        == (row.reads, row.upserts, row.zipf, row.keys)
            }
        }
    )*};
}

rows_of_cells! {
    /// A prediction: a cell at a number of threads.
    PredictedRow {
        /// The rate of the machine as its file says it.
        ops_per_sec: f64,
        /// The least of the band.
        low: f64,
        /// The most.
        high: f64,
        /// The draws of the machine's uncertain numbers that the band is of; of 0 it is none, and both are the rate.
        draws: u64,
        /// Always [`PREDICTED`].
        source: String,
        /// What is published of that machine, operations a second, if anything is.
        published: Option<f64>,
        /// Of what, and where.
        published_of: String,
        /// What an operation does beside its memory is from: `instructions`; or it is set by a rate of `one thread` that
        /// was given, or by the `published` one.
        work_from: String,
        /// Accesses for an operation; and so on.
        accesses: f64,
        /// Served by the core's first cache.
        l1: f64,
        /// By its second.
        l2: f64,
        /// By the socket's.
        llc: f64,
        /// By memory.
        memory: f64,
        /// Lines that the writer had, and others too.
        upgrades: f64,
        /// Lines handed over within the socket.
        near: f64,
        /// From another socket.
        far: f64,
        /// Holders that had to give up a line.
        invalidations: f64,
        /// Compare-and-exchanges that found another value.
        failed_cas: f64,
        /// Cycles that accesses waited until a line was handed over to others. Accesses overlap: a core waits less.
        queued_cycles: f64,
        /// How often a thread went to sleep.
        parks: f64,
        /// Cycles of a core for an operation, by what they went to: instructions that wait for nothing.
        cycles_work: f64,
        /// Mispredicted branches.
        cycles_branches: f64,
        /// Read-modify-writes and fences.
        cycles_atomics: f64,
        /// Waiting for caches.
        cycles_caches: f64,
        /// For memory.
        cycles_memory: f64,
        /// Until others had given up a line.
        cycles_upgrades: f64,
        /// For another core of the socket.
        cycles_near: f64,
        /// For another socket.
        cycles_far: f64,
        /// In the queue for a line.
        cycles_queued: f64,
        /// In loops that wait.
        cycles_pauses: f64,
        /// In the system, and asleep.
        cycles_system: f64,
    }

    /// A line that was waited for: `hot-lines.csv`.
    HotLineRow {
        /// 1 is the line that was waited for most.
        rank: usize,
        /// Cycles that accesses waited for it, after the warm-up.
        waited_cycles: u64,
        /// Its share of all such cycles.
        share: f64,
        /// What the code that waited most for it calls what it accesses: the receiver as the source writes it.
        field: String,
        /// Where that code is: a file of the repository and a line.
        at: String,
        /// That code's share of the line's cycles.
        share_there: f64,
    }
}

impl PredictedRow {
    /// The cycles of a core for an operation that go to `part`.
    #[must_use]
    pub fn cycles(&self, part: Part) -> f64 {
        match part {
            Part::Work => self.cycles_work,
            Part::Branches => self.cycles_branches,
            Part::Atomics => self.cycles_atomics,
            Part::Caches => self.cycles_caches,
            Part::Memory => self.cycles_memory,
            Part::Upgrades => self.cycles_upgrades,
            Part::Near => self.cycles_near,
            Part::Far => self.cycles_far,
            Part::Queued => self.cycles_queued,
            Part::Pauses => self.cycles_pauses,
            Part::System => self.cycles_system,
        }
    }

    /// Model ÷ published, if something is published.
    #[must_use]
    pub fn to_published(&self) -> Option<f64> {
        self.published.map(|published| self.ops_per_sec / published)
    }

    /// Its band, if it has one.
    #[must_use]
    pub fn band(&self) -> Option<(f64, f64)> {
        (self.low < self.high).then_some((self.low, self.high))
    }

    /// Whether both have bands, and this one's is wholly above the other's: only then is it called faster.
    #[must_use]
    pub fn is_above(&self, other: &Self) -> bool {
        self.band().is_some() && other.band().is_some() && self.low > other.high
    }
}
