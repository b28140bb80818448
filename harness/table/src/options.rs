//! What a table is made with.

use foldhash::fast::FixedState;

use crate::{AnyHasher, ByteKeys, Hashing};

/// A form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Of numbers, by the default hasher: every subject has it.
    Usual,
    /// Of numbers, by another hasher.
    Hashed,
    /// Of byte strings.
    Bytes,
}

/// What a table is made with.
#[derive(Clone, Copy, Debug, Default)]
pub struct MapOptions {
    /// Entries that it should hold without growing: the case's prefill and an eighth more.
    pub capacity: usize,
    /// Seed of its hasher.
    pub hash_seed: u64,
    /// Whether it should ask for huge pages: only ever true for a structure that was said to
    /// heed it ([`Structure::asks_for_huge_pages`](crate::Structure::asks_for_huge_pages)).
    pub huge_pages: bool,
    /// Retirements after which its reclaimer scans or synchronises: only ever set for a reclaimer that
    /// takes it.
    pub reclaim_batch: Option<usize>,
    /// The hash function: only ever another than the default for a table that was registered with
    /// [`any_hasher`](Self::any_hasher).
    pub hashing: Hashing,
    /// The byte strings of a table of such.
    pub bytes: Option<&'static ByteKeys>,
}

impl MapOptions {
    /// The hasher of every table, seeded: foldhash's fast variant.
    #[must_use]
    pub fn hasher(&self) -> FixedState {
        FixedState::with_seed(self.hash_seed)
    }

    /// The hasher that the case asks for, chosen at each hash.
    #[must_use]
    pub fn any_hasher(&self) -> AnyHasher {
        AnyHasher::new(self.hashing, self.hash_seed)
    }
}
