//! Optimistic cuckoo hashing with items behind pointers: any key, any value.
//!
//! Sources, tags, counts and displacement are those of [`optimistic`](super::optimistic). Here a slot
//! holds the pointer to an item, and items are freed through a [`Reclaimer`]. B. Fan, D. Andersen, M.
//! Kaminsky, *MemC3*, NSDI 2013, "Optimistic Concurrent Cuckoo Hashing", also keeps items behind pointers, and relies
//! on quick readers: the value that a lookup returns may be evicted and its memory reused meanwhile
//! (hazard cuckoo-H1), and a stale slot may lead to a half-built item (cuckoo-H2). Here an item
//! is immutable, an update replaces it, and a lookup protects it before it validates the bucket's
//! word; so a lookup reads only items that were in the table at that moment.
//!
//! The pointer's low bit says that the item is in its other bucket, so that displacement reads
//! tags and pointers only, never an item.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `get`, found | blocking | the validation of the bucket in which it was found (control-C3), after its item was protected |
//! | `get`, absent | blocking | the snapshot of the home (control-C1) if it does not overflow, else that of the other bucket |
//! | `insert` | blocking | the unlock (control-C6) of the bucket that it goes into |
//! | `update`, `remove`, `remove_if` | blocking | the unlock (control-C6) of the bucket that it is in |
//!
//! "Blocking" means the same as in [`optimistic`](super::optimistic): a lookup waits only for a writer in the
//! bucket that its item is in, for a few stores, if the reclaimer does not block. Expected
//! O(1); O(n) for the insertion that grows the table, which other writers help.
//!
//! The invariants buckets-I1–I9 are those of [`super::buckets`], which also says what the map holds
//! between two stores. Here also:
//!
//! * optimistic_items-I1. An item in a slot with a tag of the current table, in a bucket that is not
//!   locked, has not been retired. It is retired after the unlock that took it out of the map. A displacement
//!   to the home may leave a copy of its pointer behind (buckets-I2); the bucket of that copy is then
//!   locked, and is unlocked without it. A displacement from the home leaves nothing
//!   behind when the item is changed or removed in its other bucket (buckets-I9; a removal locks the
//!   home). So a thread that validates a bucket as not locked gets no retired item from it.
//! * optimistic_items-I2. In a table that has been superseded, slots may hold items that have been retired since. A
//!   lookup therefore checks, after it has protected an item, that the table is still current, and
//!   retries if it is not: such items were retired after the next table was published.

mod ops;
mod traits;

use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::panic;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::buckets::{Cell, Table};
use super::driver::{self, Driver};
use super::error::GrowError;
use super::path::{Bfs, Place, Search};
use crate::operations::{constructors, derived};
use crate::panics;
use crate::reclaim::{Epoch, Guard, Node, Participant, Payload, Reclaimer};
use crate::sync::{AtomicPtr, Backoff, Ordering};
use crate::zeroed::{Pages, Zeroable};

/// In a slot's pointer: the item is in its other bucket.
const AWAY: usize = 0b001;

/// The node that a slot's pointer leads to.
pub(in crate::cuckoo) struct Item<K, V> {
    hash: u64,
    key: K,
    value: V,
}

impl<K, V> Payload for Item<K, V> {}

type ItemNode<R, K, V> = Node<R, Item<K, V>>;

/// A slot.
pub(in crate::cuckoo) struct Slot<R: Reclaimer, K, V>(AtomicPtr<ItemNode<R, K, V>>);

impl<R: Reclaimer, K, V> Default for Slot<R, K, V> {
    fn default() -> Self {
        Self(AtomicPtr::default())
    }
}

// SAFETY: a pointer whose default is null.
unsafe impl<R: Reclaimer, K, V> Zeroable for Slot<R, K, V> {}

impl<R: Reclaimer, K, V> Cell for Slot<R, K, V> {
    type Content = *mut ItemNode<R, K, V>;

    #[inline(always)]
    fn read(&self) -> Self::Content {
        // Relaxed: what is read so is not followed, but under the bucket's freeze.
        self.0.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn write(&self, content: Self::Content) {
        // Release: publishes the item; pairs with the Acquire in `protect`, as a lookup may load
        // the pointer before the unlock.
        self.0.store(content, Ordering::Release);
    }
}

/// An optimistic cuckoo hash table of any keys and values, behind pointers that a reclaimer frees.
///
/// All operations are blocking, but lookups write nothing in the table and wait only for a writer that is suspended
/// within its few stores, if the reclaimer `R` does not block. Expected O(1); O(n) for the insertion that grows the
/// table.
///
/// Two type parameters are factors: slots per bucket (2, 4 or 8) and path search `P`.
///
/// **[`insert`](Pinned::insert) keeps the old value** if the key is present;
/// [`insert_or_assign`](Pinned::insert_or_assign) replaces it. There is no `shrink_to_fit`: lookups
/// do not announce that they read buckets, so no table can be freed before the map is.
///
/// # Examples
///
/// ```
/// use structures::CuckooOptimisticItems;
///
/// let map = CuckooOptimisticItems::<String, u32>::new();
/// let mut handle = map.handle();
/// assert!(handle.insert("a".to_owned(), 1));
/// assert_eq!(handle.update("a", |count| count + 1), Some(1));
/// assert_eq!(handle.get("a"), Some(2));
/// assert_eq!(handle.remove("a"), Some(2));
/// ```
pub struct CuckooOptimisticItems<
    K,
    V,
    R: Reclaimer = Epoch,
    S = RandomState,
    const SLOTS: usize = 8,
    P = Bfs,
> {
    driver: Driver<Slot<R, K, V>, SLOTS>,
    hasher: S,
    domain: R,
    /// The slots own the items.
    _items: PhantomData<ItemNode<R, K, V>>,
    _search: PhantomData<fn() -> P>,
}

/// A table of items.
type Items<R, K, V, const SLOTS: usize> = Table<Slot<R, K, V>, SLOTS>;

/// A slot's pointer without `AWAY`.
#[inline(always)]
fn item<T>(content: *mut T) -> *mut T {
    content.map_addr(|address| address & !AWAY)
}

impl<K, V, R: Reclaimer, S, const SLOTS: usize, P> CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    K: Send + Sync,
    V: Send + Sync,
{
    /// An empty table with room for `capacity` entries, whose items `domain` frees.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    pub fn with_capacity_and_hasher_in(capacity: usize, hasher: S, domain: R) -> Self {
        Self::with_first(Table::for_entries(capacity, Pages::Default), hasher, domain)
    }

    constructors!(with a hasher in R);

    /// An empty table of `buckets` buckets, or somewhat more: the next power of two, at least 16.
    ///
    /// # Panics
    ///
    /// If `buckets` is too large, or there is no memory for them.
    pub fn with_buckets_in(buckets: usize, hasher: S, domain: R, pages: Pages) -> Self {
        Self::with_first(Table::first(buckets, pages), hasher, domain)
    }

    fn with_first(first: Arc<Items<R, K, V, SLOTS>>, hasher: S, domain: R) -> Self {
        Self {
            driver: Driver::new(first),
            hasher,
            domain,
            _items: PhantomData,
            _search: PhantomData,
        }
    }

    /// The number of entries: exact while no thread writes. Wait-free.
    pub fn len(&self) -> usize {
        self.driver.len()
    }

    derived!(() [K, V] [<> K]: is_empty);

    /// The number of slots; about 95 % of them can be filled.
    pub fn capacity(&self) -> usize {
        self.table().slots()
    }

    /// The current table.
    #[inline(always)]
    fn table(&self) -> &Items<R, K, V, SLOTS> {
        self.driver.table()
    }
}

impl<K, V, R: Reclaimer, const SLOTS: usize, P>
    CuckooOptimisticItems<K, V, R, RandomState, SLOTS, P>
where
    K: Send + Sync,
    V: Send + Sync,
{
    constructors!(with a random hasher in R);
}

impl<K, V, R, S, const SLOTS: usize, P> CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    P: Search,
{
    /// Counts of paths, displacements and retries since the table was made.
    #[cfg(feature = "stats")]
    pub fn stats(&self) -> super::stats::Stats {
        self.driver.stats()
    }

    /// Makes a handle: registers the calling thread with the table's reclaimer.
    pub fn handle(&self) -> Handle<'_, K, V, R, S, SLOTS, P> {
        Handle { map: self, participant: self.domain.register() }
    }

    /// [`Pinned::for_each`], with a handle that the call makes for itself.
    pub fn for_each(&self, f: impl FnMut(&K, &V)) {
        self.handle().for_each(f);
    }

    /// Makes room for `additional` entries beyond those present. Blocking; O(n) for each doubling,
    /// which other writers help and lookups do not wait for.
    ///
    /// # Errors
    ///
    /// There is no memory for it; the entries stay as they were.
    pub fn try_reserve(&self, additional: usize) -> Result<(), GrowError> {
        driver::reserve(self, additional)
    }

    derived!(() [K, V] [<> K]: reserve);

    /// A copy of the item in `place`, if there is one; `None` if `table` has been superseded.
    ///
    /// The item was still there after it had been protected. It is copied after that, without a second check:
    /// `Clone` may take long, and other threads may change the place meanwhile.
    fn copy_of(
        &self,
        guard: &mut impl Guard<R>,
        table: &Items<R, K, V, SLOTS>,
        place: Place,
    ) -> Option<Option<(K, V)>> {
        let backoff = Backoff::new();
        loop {
            let wraps = table.wraps.count();
            let seen = table.see(place.bucket);
            let content = guard.protect(0, &table.cell(place).0);
            if !self.driver.is_current(table) {
                return None;
            }
            if !seen.is_locked() && table.unchanged(place.bucket, &seen, wraps) {
                if seen.word.tag(place.slot) == 0 {
                    return Some(None);
                }
                // SAFETY: reclaim-D1 by optimistic_items-I1 and optimistic_items-I2: an item of the
                // table when it had been protected.
                let entry = unsafe { &*item(content) };
                return Some(Some((entry.key.clone(), entry.value.clone())));
            }
            backoff.snooze();
        }
    }

    /// Copies of the items in the buckets that are `class` modulo `classes`, which was the
    /// number of buckets when the iteration began: a table's doubling splits buckets, and moves
    /// no item from one class to another. Without displacements an item stays in its slot, and so
    /// does the place of an update: each slot is looked at once. Only if the table is superseded
    /// does it start anew.
    fn copy_of_class(
        &self,
        guard: &mut impl Guard<R>,
        class: usize,
        classes: usize,
    ) -> Vec<(K, V)> {
        loop {
            let table = self.table();
            let places = (class..table.buckets())
                .step_by(classes)
                .flat_map(|bucket| (0..SLOTS).map(move |slot| Place { bucket, slot }));
            let copies: Option<Vec<_>> =
                places.map(|place| self.copy_of(guard, table, place)).collect();
            if let Some(copies) = copies {
                return copies.into_iter().flatten().collect();
            }
        }
    }
}

impl<K, V, R: Reclaimer, S, const SLOTS: usize, P> Drop
    for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
{
    /// Frees the items of the current table; superseded ones hold the same, or retired ones, which
    /// the domain frees when it drops, after this.
    fn drop(&mut self) {
        let table = self.driver.table();
        let mut panicked = Ok(());
        for bucket in 0..table.buckets() {
            let seen = table.control(bucket).snapshot();
            for slot in (0..SLOTS).filter(|slot| seen.tag(*slot) != 0) {
                let node = item(table.cell(Place { bucket, slot }).0.load(Ordering::Relaxed));
                // SAFETY: `&mut self`: no operation is under way, and the item is in the current
                // table, so it has not been retired (optimistic_items-I1).
                let dropped = unsafe { Node::drop_published(node) };
                panicked = panics::first(panicked, dropped);
            }
        }
        if let Err(payload) = panicked
            && !std::thread::panicking()
        {
            panic::resume_unwind(payload);
        }
    }
}

/// A thread's handle of a [`CuckooOptimisticItems`].
pub struct Handle<'m, K, V, R: Reclaimer + 'm, S, const SLOTS: usize, P> {
    map: &'m CuckooOptimisticItems<K, V, R, S, SLOTS, P>,
    participant: R::Participant<'m>,
}

/// A [`Handle`] in a critical section.
pub struct Pinned<'h, 'm: 'h, K, V, R: Reclaimer + 'm, S, const SLOTS: usize, P> {
    map: &'m CuckooOptimisticItems<K, V, R, S, SLOTS, P>,
    guard: GuardOf<'h, 'm, R>,
}

type GuardOf<'h, 'm, R> = <<R as Reclaimer>::Participant<'m> as Participant<R>>::Guard<'h>;
