//! Counts that a cuckoo table keeps with the feature `stats`; without it the hooks are empty.

#[cfg(feature = "stats")]
pub(super) use self::on::Counters;
#[cfg(feature = "stats")]
pub use self::on::Stats;

#[cfg(feature = "stats")]
mod on {
    // Not through `crate::sync`: statistics are no part of an algorithm, and order nothing.
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    /// The number of lengths that are counted separately. Breadth-first paths are much shorter.
    const LENGTHS: usize = 16;

    /// Counts of a cuckoo table's paths, displacements and retries since it was made. Every number is exact while
    /// no thread works on the table.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Stats {
        /// Entries in the table.
        pub entries: usize,
        /// Slots of the table.
        pub slots: usize,
        /// `paths[n]` is the number of searches that found a path of `n` displacements. `paths[0]` counts slots that
        /// became empty while the search began; the last element also counts all longer paths.
        pub paths: [u64; LENGTHS],
        /// The number of displacements of the longest path that was found.
        pub longest_path: u64,
        /// Entries that were moved to their other bucket. A growth displaces nothing.
        pub displacements: u64,
        /// Paths that other threads had changed before they were used, so that the insertion
        /// searched again.
        pub retries: u64,
        /// Searches that found no path.
        pub given_up: u64,
        /// Reads that started again because of a writer; always 0 where readers lock.
        pub version_conflicts: u64,
    }

    impl Stats {
        /// The share of the slots that is in use.
        #[must_use]
        pub fn load(&self) -> f64 {
            self.entries as f64 / self.slots as f64
        }
    }

    /// The counters of one table.
    #[derive(Debug, Default)]
    pub(in crate::cuckoo) struct Counters {
        paths: [AtomicU64; LENGTHS],
        longest_path: AtomicU64,
        displacements: AtomicU64,
        retries: AtomicU64,
        given_up: AtomicU64,
        version_conflicts: AtomicU64,
    }

    impl Counters {
        pub(in crate::cuckoo) fn found_path(&self, displacements: usize) {
            self.paths[displacements.min(LENGTHS - 1)].fetch_add(1, Relaxed);
            self.longest_path.fetch_max(displacements as u64, Relaxed);
        }

        pub(in crate::cuckoo) fn displaced(&self) {
            self.displacements.fetch_add(1, Relaxed);
        }

        pub(in crate::cuckoo) fn retried(&self) {
            self.retries.fetch_add(1, Relaxed);
        }

        pub(in crate::cuckoo) fn gave_up(&self) {
            self.given_up.fetch_add(1, Relaxed);
        }

        pub(in crate::cuckoo) fn conflicted(&self) {
            self.version_conflicts.fetch_add(1, Relaxed);
        }

        pub(in crate::cuckoo) fn snapshot(&self, entries: usize, slots: usize) -> Stats {
            Stats {
                entries,
                slots,
                paths: std::array::from_fn(|i| self.paths[i].load(Relaxed)),
                longest_path: self.longest_path.load(Relaxed),
                displacements: self.displacements.load(Relaxed),
                retries: self.retries.load(Relaxed),
                given_up: self.given_up.load(Relaxed),
                version_conflicts: self.version_conflicts.load(Relaxed),
            }
        }
    }
}

#[cfg(not(feature = "stats"))]
pub(super) use self::off::Counters;

#[cfg(not(feature = "stats"))]
mod off {
    /// No counters, and hooks that compile to nothing.
    #[derive(Debug, Default)]
    pub(in crate::cuckoo) struct Counters(());

    impl Counters {
        #[inline(always)]
        pub(in crate::cuckoo) fn found_path(&self, _displacements: usize) {}

        #[inline(always)]
        pub(in crate::cuckoo) fn displaced(&self) {}

        #[inline(always)]
        pub(in crate::cuckoo) fn retried(&self) {}

        #[inline(always)]
        pub(in crate::cuckoo) fn gave_up(&self) {}

        #[inline(always)]
        pub(in crate::cuckoo) fn conflicted(&self) {}
    }
}
