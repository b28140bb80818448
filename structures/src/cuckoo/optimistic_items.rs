//! Optimistic cuckoo hashing with items behind pointers: any key, any value.
//!
//! The sources, the tags, the counts and the displacement of
//! [`optimistic`](super::optimistic); a slot holds the pointer to an item, and items are freed
//! through a [`Reclaimer`]. B. Fan, D. Andersen, M. Kaminsky, *MemC3*, NSDI 2013, section 4, keeps
//! items so, and relies on readers being quick: the value that a lookup returns may be evicted and
//! used again under it (hazard H1), and a half-built item may be met through a stale slot (H2).
//! Here an item is immutable, an update replaces it, and a lookup protects it before it validates
//! the bucket's word, so it reads items only that were in the table then.
//!
//! The pointer's low bit says that the item is in its other bucket, so that displacement reads
//! tags and pointers only, never an item.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `get`, found | blocking | the validation of the bucket in which it was found (C3), after its item was protected |
//! | `get`, absent | blocking | the snapshot of the home (C1) if it does not overflow, else that of the other bucket |
//! | `insert` | blocking | the unlock (C6) of the bucket that it goes into |
//! | `update`, `remove` | blocking | the unlock (C6) of the bucket that it is in |
//!
//! "Blocking" as in [`optimistic`](super::optimistic): a lookup waits only for a writer in the
//! bucket that its item is in, for a few stores. Given a reclaimer that does not block. Expected
//! O(1); the insertion that grows the table O(n), which other writers help.
//!
//! The invariants I1–I9 are those of [`super::buckets`], which also says what the map holds between
//! two stores. Here also:
//!
//! * I10. An item in a slot with a tag of the current table, in a bucket that is not locked, has
//!   not been retired. It is retired after the unlock that took it out of the map; if a copy of its
//!   pointer is left behind then (I2), by a displacement to the home, that one's bucket is locked,
//!   and is unlocked without it. Of a displacement from the home nothing is left behind when the
//!   item is changed or removed in its other bucket (I9; a removal locks the home). So nobody who
//!   validates a bucket as not locked gets a retired item from it.
//! * I11. In a table that has been superseded slots may hold items retired since. A lookup there
//!   therefore makes sure that the table is current after it has protected an item, and retries if
//!   not: items were retired later than the next table was published.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::panic;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::buckets::{self, Attempt, Cell, Found, Located, Relocation, Table, Target, move_along};
use super::error::GrowError;
use super::path::{Bfs, Place, Search};
use super::stats::Counters;
use super::turns::Turns;
use crate::control::Snapshot;
use crate::counter::StripedCounter;
use crate::hash;
use crate::map::{ConcurrentMap, MapHandle, MapInfo, PinnedMap, Progress};
use crate::panics;
use crate::reclaim::{Epoch, Guard, Node, Offline, Owned, Participant, Payload, Reclaimer};
use crate::sync::{AtomicPtr, Backoff, Ordering};
use crate::zeroed::{Pages, Zeroable};

/// In a slot's pointer: the item is in its other bucket.
const AWAY: usize = 0b001;

/// What a slot's pointer leads to.
struct Item<K, V> {
    hash: u64,
    key: K,
    value: V,
}

impl<K, V> Payload for Item<K, V> {}

type ItemNode<R, K, V> = Node<R, Item<K, V>>;
type OwnedItem<R, K, V> = Owned<R, Item<K, V>>;

/// A slot.
struct Slot<R: Reclaimer, K, V>(AtomicPtr<ItemNode<R, K, V>>);

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

/// An optimistic cuckoo hash table of items.
///
/// Factors: slots a bucket (2, 4 or 8), path search `P`.
///
/// # Examples
///
/// ```
/// use structures::CuckooOptimisticItems;
/// use structures::map::MapHandle;
///
/// let map = CuckooOptimisticItems::<String, u32>::default();
/// let mut handle = map.handle();
/// assert!(handle.insert("a".to_owned(), 1));
/// assert_eq!(handle.pin().update("a", |count| count + 1), Some(1));
/// assert_eq!(handle.pin().get("a"), Some(2));
/// assert_eq!(handle.pin().remove("a"), Some(2));
/// ```
pub struct CuckooOptimisticItems<
    K,
    V,
    R: Reclaimer = Epoch,
    S = RandomState,
    const SLOTS: usize = 8,
    P = Bfs,
> {
    /// The first table or one of its successors.
    current: AtomicPtr<Items<R, K, V, SLOTS>>,
    hasher: S,
    entries: StripedCounter,
    counters: Counters,
    /// Shared by displacements, exclusive to iteration.
    moves: Turns,
    domain: R,
    /// It owns its successors. An `Arc`, as moving a `Box` would claim that nothing else points
    /// into it, and `current` does.
    first: Arc<Items<R, K, V, SLOTS>>,
    /// The slots own the items.
    _items: PhantomData<ItemNode<R, K, V>>,
    _search: PhantomData<fn() -> P>,
}

/// A table of items.
type Items<R, K, V, const SLOTS: usize> = Table<Slot<R, K, V>, SLOTS>;

/// Where a key is, as of one moment.
type Position<R, K, V, const SLOTS: usize> = Located<*mut ItemNode<R, K, V>, SLOTS>;

/// A hash's tag.
#[inline(always)]
fn tag<const SLOTS: usize>(hash: u64) -> u64 {
    hash::tag(hash, Snapshot::<SLOTS>::TAG_BITS)
}

/// A slot's pointer without `AWAY`.
#[inline(always)]
fn item<T>(content: *mut T) -> *mut T {
    content.map_addr(|address| address & !AWAY)
}

/// A slot's pointer with `AWAY`, or without.
#[inline(always)]
fn with_away<T>(content: *mut T, away: bool) -> *mut T {
    item(content).map_addr(|address| address | if away { AWAY } else { 0 })
}

/// What it means for the item with this content to move between these buckets.
fn relocate<R: Reclaimer, K, V, const SLOTS: usize>(
    table: &Items<R, K, V, SLOTS>,
    from: usize,
    to: usize,
    tag: u64,
    content: *mut ItemNode<R, K, V>,
) -> Option<Relocation<*mut ItemNode<R, K, V>>> {
    let returns = content.addr() & AWAY != 0;
    let content = with_away(content, !returns);
    (table.other(from, tag) == to).then_some(Relocation { content, returns })
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
    /// If there cannot be so many, or there is no memory for them.
    pub fn with_capacity_and_hasher_in(capacity: usize, hasher: S, domain: R) -> Self {
        Self::with_first(Table::for_entries(capacity, Pages::Default), hasher, domain)
    }

    /// An empty table of `buckets` buckets, or somewhat more: the next power of two, at least 16.
    ///
    /// # Panics
    ///
    /// If there cannot be so many, or there is no memory for them.
    pub fn with_buckets_in(buckets: usize, hasher: S, domain: R, pages: Pages) -> Self {
        Self::with_first(Table::first(buckets, pages), hasher, domain)
    }

    fn with_first(first: Arc<Items<R, K, V, SLOTS>>, hasher: S, domain: R) -> Self {
        Self {
            current: AtomicPtr::new(Arc::as_ptr(&first).cast_mut()),
            hasher,
            entries: StripedCounter::default(),
            counters: Counters::default(),
            moves: Turns::default(),
            domain,
            first,
            _items: PhantomData,
            _search: PhantomData,
        }
    }

    /// The number of entries: exact while no thread writes. Wait-free.
    pub fn len(&self) -> usize {
        self.entries.sum()
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The current table.
    #[inline(always)]
    fn table(&self) -> &Items<R, K, V, SLOTS> {
        // SAFETY: I6: `current` was made from `first`, and only `double` stores to it.
        unsafe { buckets::current(&self.current, &self.first) }
    }

    #[inline(always)]
    fn is_current(&self, table: &Items<R, K, V, SLOTS>) -> bool {
        // Acquire: so that a lookup that finds another table then sees its contents.
        std::ptr::eq(self.current.load(Ordering::Acquire), table)
    }
}

impl<K, V, R, S, const SLOTS: usize, P> CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    P: Search,
{
    /// What the table has done since it was made.
    #[cfg(feature = "stats")]
    pub fn stats(&self) -> super::stats::Stats {
        self.counters.snapshot(self.entries.sum(), self.table().slots())
    }

    /// Registers the calling thread with the table's reclaimer.
    pub fn handle(&self) -> Handle<'_, K, V, R, S, SLOTS, P> {
        Handle { map: self, participant: self.domain.register() }
    }

    /// Finds the key that `matches` in the current table. What is found is protected in slot 0 of
    /// `guard`, and stays so until the guard is used again.
    #[inline]
    fn locate(
        &self,
        guard: &mut impl Guard<R>,
        hash: u64,
        matches: impl Fn(&K) -> bool,
    ) -> (&Items<R, K, V, SLOTS>, Position<R, K, V, SLOTS>) {
        let tag = tag::<SLOTS>(hash);
        let backoff = Backoff::new();
        loop {
            let table = self.table();
            let address = table.address(hash, tag, tag);
            let found = table.try_locate(address, |bucket, seen, wraps| {
                for slot in seen.word.matching(tag) {
                    let place = Place { bucket, slot };
                    let content = guard.protect(0, &table.cell(place).0);
                    // I10, I11: reachable after it was protected (D1).
                    if seen.is_locked()
                        || !table.unchanged(bucket, seen, wraps)
                        || seen.word.is_frozen() && !self.is_current(table)
                    {
                        return None;
                    }
                    // SAFETY: D1: an item of the table when it had been protected.
                    let entry = unsafe { &*item(content) };
                    if entry.hash == hash && matches(&entry.key) {
                        return Some(Some(Found { place, content, seen: *seen }));
                    }
                }
                Some(None)
            });
            if let Some(located) = found
                && (!located.frozen || self.is_current(table))
            {
                return (table, located);
            }
            self.counters.conflicted();
            backoff.snooze();
        }
    }

    /// Whether `attempt` did what it should. If a bucket was frozen, helps to double the table.
    #[inline(always)]
    fn settle(&self, table: &Items<R, K, V, SLOTS>, attempt: Attempt) -> bool {
        if attempt == Attempt::Frozen {
            self.double(table).expect("a bucket is frozen when the doubled table exists");
        }
        attempt == Attempt::Done
    }

    /// Adds an absent key's item if nothing has changed since the key was located; false if
    /// something has, or if room had to be made first.
    #[inline]
    fn try_add(
        &self,
        table: &Items<R, K, V, SLOTS>,
        node: *mut ItemNode<R, K, V>,
        hash: u64,
        located: &Position<R, K, V, SLOTS>,
    ) -> Result<bool, GrowError> {
        let mut attempt = table.try_add_at_home(located, node);
        if attempt == Attempt::Full {
            attempt = table.try_add_at_other(located, with_away(node, true));
        }
        if attempt == Attempt::Full {
            attempt = self.make_room(table, [located.address.home, located.address.other], hash);
        }
        if attempt == Attempt::Full {
            self.grow(table, located)?;
        }
        let added = self.settle(table, attempt);
        if added {
            self.entries.add(1);
        }
        Ok(added)
    }

    /// Displaces items so that one of `starts` gets an empty slot. An insertion by a closure of an
    /// iteration, which holds displacements off, cannot, and has the table grow.
    #[cold]
    fn make_room(&self, table: &Items<R, K, V, SLOTS>, starts: [usize; 2], seed: u64) -> Attempt {
        let relocate = |from, to, tag, content| relocate(table, from, to, tag, content);
        let move_along = || {
            let fingerprint = |_, tag| tag;
            move_along::<_, P, SLOTS, _>(table, &self.counters, starts, seed, fingerprint, relocate)
        };
        self.moves.displace(move_along).unwrap_or(Attempt::Full)
    }

    /// Doubles the table, in which no place was found for the key that was `located`.
    #[cold]
    fn grow(
        &self,
        table: &Items<R, K, V, SLOTS>,
        located: &Position<R, K, V, SLOTS>,
    ) -> Result<(), GrowError> {
        if self.is_current(table)
            && let Err(error) = GrowError::check_load(self.entries.sum(), table.slots())
        {
            // The key itself may have been added since, into the last slot.
            return if table.is_absent_still(located) { Err(error) } else { Ok(()) };
        }
        self.double(table)
    }

    /// Takes part in doubling `table`.
    fn double(&self, table: &Items<R, K, V, SLOTS>) -> Result<(), GrowError> {
        table.double(&self.current, |next, _, content| {
            // SAFETY: an item in a frozen bucket of the current table: it can be retired only
            // after the next table has been published (I11), which we wait for or do.
            let hash = unsafe { &*item(content) }.hash;
            let home = hash::home(hash, next.mask);
            if content.addr() & AWAY == 0 {
                Target::Home(home)
            } else {
                Target::Other { home, other: next.other(home, tag::<SLOTS>(hash)) }
            }
        })
    }

    /// A copy of the item in `place`, if there is one; `None` if `table` has been superseded.
    ///
    /// The item was there when it had been protected. It is copied after that, without a second look:
    /// `Clone` may take its time, and others may change the place meanwhile as often as they like.
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
            if !self.is_current(table) {
                return None;
            }
            if !seen.is_locked() && table.unchanged(place.bucket, &seen, wraps) {
                if seen.word.tag(place.slot) == 0 {
                    return Some(None);
                }
                // SAFETY: D1 by I10 and I11: an item of the table when it had been protected.
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
        // SAFETY: I6; as in `table`.
        let table = unsafe { buckets::current(&self.current, &self.first) };
        let mut panicked = Ok(());
        for bucket in 0..table.buckets() {
            let seen = table.control(bucket).snapshot();
            for slot in (0..SLOTS).filter(|slot| seen.tag(*slot) != 0) {
                let node = item(table.cell(Place { bucket, slot }).0.load(Ordering::Relaxed));
                // SAFETY: `&mut self`: no operation is under way, and the item is in the current
                // table, so it has not been retired (I10).
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

/// A thread's way into a [`CuckooOptimisticItems`].
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

impl<K, V, R, S, const SLOTS: usize, P> Pinned<'_, '_, K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    P: Search,
{
    /// A copy of the value of `key`. Expected O(1).
    #[inline]
    pub fn get<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.get_with(key, V::clone)
    }

    /// Runs `read` on the value of `key` while it is protected. Expected O(1).
    #[inline]
    pub fn get_with<Q, T>(&mut self, key: &Q, read: impl FnOnce(&V) -> T) -> Option<T>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        let (_, located) = self.map.locate(&mut self.guard, hash, |k| k.borrow() == key);
        // SAFETY: S1: protected in slot 0 since it was located.
        located.found.map(|found| read(&unsafe { &*item(found.content) }.value))
    }

    /// Adds `key`; false, and no effect, if it is present.
    ///
    /// # Panics
    ///
    /// Where [`try_insert`](Self::try_insert) returns an error.
    pub fn insert(&mut self, key: K, value: V) -> bool {
        self.try_insert(key, value).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Adds `key`; `Ok(false)`, and no effect, if it is present.
    ///
    /// # Errors
    ///
    /// There is no place for the key, and the table cannot grow or growing would not help. Nothing
    /// has changed then; key and value are dropped.
    pub fn try_insert(&mut self, key: K, value: V) -> Result<bool, GrowError> {
        let hash = self.map.hasher.hash_one(&key);
        let (table, located) = self.map.locate(&mut self.guard, hash, |k| *k == key);
        if located.found.is_some() {
            return Ok(false);
        }
        let node = Node::alloc(&self.map.domain, Item { hash, key, value });
        self.add(node, table, located).map(|refused| refused.is_none())
    }

    /// Adds an item after its key was found absent; gives it back if the key has become present.
    fn add<'m>(
        &mut self,
        mut node: OwnedItem<R, K, V>,
        mut table: &'m Items<R, K, V, SLOTS>,
        mut located: Position<R, K, V, SLOTS>,
    ) -> Result<Option<OwnedItem<R, K, V>>, GrowError>
    where
        Self: 'm,
    {
        let hash = node.hash;
        let map: &'m CuckooOptimisticItems<K, V, R, S, SLOTS, P> = self.map;
        let backoff = Backoff::new();
        loop {
            let content = node.publish();
            let mut attempt = Unstored(content);
            let added = map.try_add(table, content, hash, &located)?;
            if added {
                attempt.0 = std::ptr::null_mut();
                return Ok(None);
            }
            node = attempt.take();
            backoff.spin();
            (table, located) = map.locate(&mut self.guard, hash, |k| *k == node.key);
            if located.found.is_some() {
                return Ok(Some(node));
            }
        }
    }

    /// Replaces the value of `key` by `f` of it and returns the one replaced; `f` runs once for
    /// each attempt.
    pub fn update<Q>(&mut self, key: &Q, mut f: impl FnMut(&V) -> V) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        let backoff = Backoff::new();
        loop {
            let (table, located) = self.map.locate(&mut self.guard, hash, |k| k.borrow() == key);
            let found = located.found?;
            if let Some(old) = self.try_replace(table, &located, &found, &mut f) {
                return Some(old);
            }
            backoff.spin();
        }
    }

    /// Updates `key` if it is present, else adds it with `f(None)`; returns the value replaced;
    /// `f` runs once for each attempt.
    ///
    /// # Panics
    ///
    /// Where [`try_insert`](Self::try_insert) returns an error.
    pub fn upsert(&mut self, mut key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        let hash = self.map.hasher.hash_one(&key);
        let backoff = Backoff::new();
        loop {
            let (table, located) = self.map.locate(&mut self.guard, hash, |k| *k == key);
            if let Some(found) = located.found {
                let old = self.try_replace(table, &located, &found, |value| f(Some(value)));
                if old.is_some() {
                    return old;
                }
                backoff.spin();
                continue;
            }
            let value = f(None);
            let node = Node::alloc(&self.map.domain, Item { hash, key, value });
            match self.add(node, table, located).unwrap_or_else(|error| panic!("{error}")) {
                None => return None,
                Some(refused) => key = refused.into_payload().key,
            }
        }
    }

    /// Replaces the item found by one with the value `f` of its, if nothing has changed since.
    fn try_replace(
        &mut self,
        table: &Items<R, K, V, SLOTS>,
        located: &Position<R, K, V, SLOTS>,
        found: &Found<*mut ItemNode<R, K, V>, SLOTS>,
        f: impl FnOnce(&V) -> V,
    ) -> Option<V> {
        let old = item(found.content);
        // SAFETY: S1: protected in slot 0 since it was located.
        let entry = unsafe { &*old };
        let (hash, key) = (entry.hash, entry.key.clone());
        let (value, replaced) = (f(&entry.value), entry.value.clone());
        let node = Node::alloc(&self.map.domain, Item { hash, key, value }).publish();
        let mut unstored = Unstored(node);
        let content = with_away(node, found.content.addr() & AWAY != 0);
        let attempt = table.try_write(located, found, |slot| slot.write(content));
        if !self.map.settle(table, attempt) {
            return None;
        }
        unstored.0 = std::ptr::null_mut();
        // SAFETY: D2: our write under the lock took it out of the map; no unlocked bucket has it, nor
        // will have it (I10).
        unsafe { self.guard.retire(old) };
        Some(replaced)
    }

    /// Takes `key` out and returns its value.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        let backoff = Backoff::new();
        loop {
            let (table, located) = self.map.locate(&mut self.guard, hash, |k| k.borrow() == key);
            let found = located.found?;
            let node = item(found.content);
            // SAFETY: S1: protected in slot 0 since it was located. Cloned before it is taken out:
            // a panic leaves the key present.
            let value = unsafe { &*node }.value.clone();
            if self.map.settle(table, table.try_remove(&located, &found)) {
                self.map.entries.add(-1);
                // SAFETY: D2: our removal took it out of the map; no unlocked bucket has it, nor
                // will have it (I10).
                unsafe { self.guard.retire(node) };
                return Some(value);
            }
            backoff.spin();
        }
    }

    /// Moves the item of `key`, if it is there, to its other bucket, for models.
    #[cfg(any(loom, shuttle))]
    #[doc(hidden)]
    pub fn displace(&mut self, key: &K) {
        let hash = self.map.hasher.hash_one(key);
        let backoff = Backoff::new();
        loop {
            let (table, located) = self.map.locate(&mut self.guard, hash, |k| k == key);
            let Some(found) = located.found else { return };
            let buckets = [located.address.home, located.address.other];
            let bucket = buckets[usize::from(found.place.bucket == buckets[0])];
            let slot = table.control(bucket).snapshot().empty_slot().expect("room");
            let to = Place { bucket, slot };
            let relocate = |tag, content| relocate(table, found.place.bucket, bucket, tag, content);
            match table.displace(found.place, to, relocate) {
                Attempt::Done => return,
                Attempt::Retry => backoff.snooze(),
                attempt => panic!("{attempt:?}"),
            }
        }
    }

    /// Weak iteration: see [`PinnedMap::for_each`]. Entries are visited as copies. Displacements
    /// wait, so that an insertion that needs one waits; nobody else does.
    pub fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        let (map, guard) = (self.map, &mut self.guard);
        map.moves.iterate(|| {
            let classes = map.table().buckets();
            for class in 0..classes {
                let copies = map.copy_of_class(guard, class, classes);
                copies.iter().for_each(|(key, value)| f(key, value));
            }
        });
    }
}

/// A published node that is in no slot yet: taken back when this is dropped, unless it is null.
struct Unstored<R: Reclaimer, K, V>(*mut ItemNode<R, K, V>);

impl<R: Reclaimer, K, V> Unstored<R, K, V> {
    fn take(mut self) -> OwnedItem<R, K, V> {
        let node = std::mem::replace(&mut self.0, std::ptr::null_mut());
        // SAFETY: from `publish`, and not stored.
        unsafe { Owned::unpublished(node) }
    }
}

impl<R: Reclaimer, K, V> Drop for Unstored<R, K, V> {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: from `publish`, and not stored.
            drop(unsafe { Owned::unpublished(self.0) });
        }
    }
}

impl<'m, K, V, R, S, const SLOTS: usize, P> MapHandle<K, V> for Handle<'m, K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    P: Search,
{
    type Pinned<'h>
        = Pinned<'h, 'm, K, V, R, S, SLOTS, P>
    where
        Self: 'h;

    #[inline]
    fn pin(&mut self) -> Self::Pinned<'_> {
        Pinned { map: self.map, guard: self.participant.enter() }
    }

    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        let _online_again = Offline::<R, _>::start(&mut self.participant);
        f()
    }
}

impl<K, V, R, S, const SLOTS: usize, P> PinnedMap<K, V> for Pinned<'_, '_, K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    P: Search,
{
    #[inline]
    fn get_with<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.get_with(key, read)
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        self.insert(key, value)
    }

    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> Option<V> {
        self.update(key, f)
    }

    fn upsert(&mut self, key: K, f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        self.upsert(key, f)
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        self.remove(key)
    }

    fn for_each(&mut self, f: impl FnMut(&K, &V)) {
        self.for_each(f);
    }
}

impl<K, V, R, S, const SLOTS: usize, P> ConcurrentMap<K, V>
    for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher + Send + Sync,
    P: Search,
{
    const INFO: MapInfo = MapInfo {
        family: "cuckoo",
        summary: "optimistic cuckoo hashing, items behind pointers (NSDI 2013, EuroSys 2014)",
        counts_nodes: true,
        progress_is_tested: true,
        // Nodes are retired each for itself; tables are kept.
        held: R::CAPS.held,
        ..MapInfo::UNKNOWN.with_progress(Progress::Blocking)
    };

    type Handle<'m>
        = Handle<'m, K, V, R, S, SLOTS, P>
    where
        Self: 'm;

    fn handle(&self) -> Handle<'_, K, V, R, S, SLOTS, P> {
        self.handle()
    }

    fn len(&self) -> usize {
        self.len()
    }

    /// The slots; about 95 % of them can be filled.
    fn capacity(&self) -> Option<usize> {
        Some(self.table().slots())
    }
}

impl<K, V, R, S, const SLOTS: usize, P> Default for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    K: Send + Sync,
    V: Send + Sync,
    R: Reclaimer,
    S: Default,
{
    fn default() -> Self {
        Self::with_capacity_and_hasher_in(0, S::default(), R::new(None))
    }
}

impl<K, V, R: Reclaimer, S, const SLOTS: usize, P> fmt::Debug
    for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CuckooOptimisticItems")
            .field("reclaimer", &R::NAME)
            .field("len", &self.entries.sum())
            .finish_non_exhaustive()
    }
}

impl<K, V, R: Reclaimer, S, const SLOTS: usize, P> fmt::Debug for Handle<'_, K, V, R, S, SLOTS, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("map", self.map).finish_non_exhaustive()
    }
}

impl<K, V, R: Reclaimer, S, const SLOTS: usize, P> fmt::Debug
    for Pinned<'_, '_, K, V, R, S, SLOTS, P>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").field("map", self.map).finish_non_exhaustive()
    }
}

impl<K, V, R, S, const SLOTS: usize, P> Extend<(K, V)>
    for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    P: Search,
{
    /// As for std's maps, a later value replaces an earlier one.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        let mut handle = self.handle();
        for (key, value) in entries {
            handle.upsert(key, |_| value.clone());
        }
    }
}

impl<K, V, R, S, const SLOTS: usize, P> FromIterator<(K, V)>
    for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher + Default,
    P: Search,
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}
