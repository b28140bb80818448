//! The common part of the two optimistic tables, whatever their slots hold.
//!
//! [`buckets`](super::buckets) makes one attempt at a change of one or two buckets. This module has what
//! surrounds an attempt:
//!
//! * [`Driver`], the state of a map: its current table, its number of entries, and whether entries may
//!   be displaced just now;
//! * [`attempts`]: what follows if there is no empty slot (a cuckoo path, then growth) or if a bucket is
//!   frozen (help with the growth);
//! * [`ops`]: the loop of each operation, which locates a key, tries, and looks again if another thread
//!   was faster.
//!
//! Each of the two maps implements [`Layout`], which says what its slots hold, and [`Reach`], by which a
//! thread reads and writes an entry.

mod attempts;
mod ops;

use std::sync::Arc;

use super::buckets::{self, Address, Cell, Found, Located, Relocation, Table, Target};
use super::path::{Place, Search};
use super::stats::Counters;
use super::turns::Turns;
use crate::counter::StripedCounter;
use crate::sync::{AtomicPtr, Ordering};
use crate::versions::{PerBucket, Versions};

pub(super) use self::attempts::{reserve, settle, try_add, try_remove};
#[cfg(any(loom, shuttle))]
pub(super) use self::ops::displace;
pub(super) use self::ops::{At, Look, Reach, Refused, insert, locate, remove_if, update, upsert};

/// The state of an optimistic map.
pub(super) struct Driver<C, const SLOTS: usize, V: Versions = PerBucket> {
    /// The first table or one of its successors.
    current: AtomicPtr<Table<C, SLOTS, V>>,
    pub(super) entries: StripedCounter,
    counters: Counters,
    /// Shared by displacements, exclusive to iteration.
    moves: Turns,
    /// It owns its successors. An `Arc`, as moving a `Box` would claim that nothing else points
    /// into it, and `current` does.
    first: Arc<Table<C, SLOTS, V>>,
}

impl<C, const SLOTS: usize, V: Versions> Driver<C, SLOTS, V> {
    /// The state of an empty map whose first table is `first`.
    pub(super) fn new(first: Arc<Table<C, SLOTS, V>>) -> Self {
        Self {
            current: AtomicPtr::new(Arc::as_ptr(&first).cast_mut()),
            entries: StripedCounter::default(),
            counters: Counters::default(),
            moves: Turns::default(),
            first,
        }
    }

    /// The current table.
    #[inline(always)]
    pub(super) fn table(&self) -> &Table<C, SLOTS, V> {
        // SAFETY: buckets-I6: `current` was made from `first`, and only `Table::double` stores to it.
        unsafe { buckets::current(&self.current, &self.first) }
    }

    #[inline(always)]
    pub(super) fn is_current(&self, table: &Table<C, SLOTS, V>) -> bool {
        // Acquire: so that a lookup that finds another table then sees its contents.
        std::ptr::eq(self.current.load(Ordering::Acquire), table)
    }

    /// The number of entries: exact while no thread writes. Wait-free.
    pub(super) fn len(&self) -> usize {
        self.entries.sum()
    }

    /// Runs `visit` while no entry is displaced: an insertion that needs a displacement waits.
    pub(super) fn iterate<T>(&self, visit: impl FnOnce() -> T) -> T {
        self.moves.iterate(visit)
    }

    /// Runs `displace` while nobody iterates; see [`Turns::displace`].
    pub(super) fn displace<T>(&self, displace: impl FnOnce() -> T) -> Option<T> {
        self.moves.displace(displace)
    }
}

impl<C: Cell, const SLOTS: usize, V: Versions> Driver<C, SLOTS, V> {
    /// The slots of the first table.
    pub(super) fn first_slots(&self) -> usize {
        self.first.slots()
    }

    /// Bytes on the heap: the current table and the superseded ones.
    pub(super) fn heap_bytes(&self) -> usize {
        self.first.bytes()
    }

    /// Counts of what the map has done since it was made.
    #[cfg(feature = "stats")]
    pub(super) fn stats(&self) -> super::stats::Stats {
        self.counters.snapshot(self.len(), self.table().slots())
    }
}

/// A map, by what its slots hold.
pub(super) trait Layout<const SLOTS: usize> {
    /// A slot.
    type Cell: Cell;
    /// The kind of locks and versions that its buckets have.
    type Versions: Versions;
    /// The search for room of an insertion.
    type Search: Search;

    /// The map's state.
    fn driver(&self) -> &DriverOf<Self, SLOTS>;

    /// The tag and the two buckets of a key with this hash in `table`.
    fn address(table: &TableOf<Self, SLOTS>, hash: u64) -> Address;

    /// The content of a slot in an entry's other bucket; `content` is that of a slot in its home.
    fn in_other_bucket(content: ContentOf<Self, SLOTS>) -> ContentOf<Self, SLOTS>;

    /// The fingerprint of the entry with `tag` in `place`. The place may change meanwhile; the
    /// displacement will notice.
    fn fingerprint(&self, table: &TableOf<Self, SLOTS>, place: Place, tag: u64) -> u64;

    /// The change of an entry with this tag and content that moves between these buckets; `None` if
    /// they are not its two.
    fn relocate(
        &self,
        table: &TableOf<Self, SLOTS>,
        hop: Hop,
        tag: u64,
        content: ContentOf<Self, SLOTS>,
    ) -> Option<Relocation<ContentOf<Self, SLOTS>>>;

    /// The place in `next`, which has twice as many buckets, of an entry of `bucket`, which is frozen.
    fn target(
        &self,
        next: &TableOf<Self, SLOTS>,
        bucket: usize,
        content: ContentOf<Self, SLOTS>,
    ) -> Target;
}

/// From one bucket to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hop {
    pub(super) from: usize,
    pub(super) to: usize,
}

/// A map's table.
pub(super) type TableOf<L, const SLOTS: usize> =
    Table<<L as Layout<SLOTS>>::Cell, SLOTS, <L as Layout<SLOTS>>::Versions>;
/// A map's state.
pub(super) type DriverOf<L, const SLOTS: usize> =
    Driver<<L as Layout<SLOTS>>::Cell, SLOTS, <L as Layout<SLOTS>>::Versions>;
/// The content of a map's slot.
pub(super) type ContentOf<L, const SLOTS: usize> = <<L as Layout<SLOTS>>::Cell as Cell>::Content;
/// An entry of a map that was found.
pub(super) type FoundOf<L, const SLOTS: usize> =
    Found<ContentOf<L, SLOTS>, SLOTS, <L as Layout<SLOTS>>::Versions>;
/// The place of a key in a map, as of one moment.
pub(super) type LocatedOf<L, const SLOTS: usize> =
    Located<ContentOf<L, SLOTS>, SLOTS, <L as Layout<SLOTS>>::Versions>;
