//! Optimistic cuckoo hashing with inline words: readers write nothing.
//!
//! B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent MemCache with Dumber Caching
//! and Smarter Hashing*, NSDI 2013: tags, optimistic versions, a hole that moves backward along
//! the cuckoo path. X. Li, D. Andersen, M. Kaminsky, M. Freedman, *Algorithmic Improvements for
//! Fast Concurrent Cuckoo Hashing*, EuroSys 2014: breadth-first search, many writers. Departures:
//!
//! * Keys and values are inline words, all atomics, so a lookup cannot meet freed memory
//!   (hazards H1, H2, H4 of items behind pointers do not arise).
//! * Tags, lock and version of a bucket are one word ([`control`](crate::control)): each bucket
//!   is its own stripe, and a lookup that finds no tag reads that word alone.
//! * A bucket counts the entries that have it as home but are in their other bucket (as F14 does
//!   for its probes: N. Bronson, X. Shi, *Open-sourcing F14*, 2019). A lookup whose home counts
//!   none does not look at the other bucket.
//! * The table grows.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `get`, found | blocking | the validation of the bucket in which it was found (C3) |
//! | `get`, absent | blocking | the snapshot of the home (C1) if it does not overflow, else the snapshot of the other bucket |
//! | `insert` | blocking | the unlock (C6) of the home; into the other bucket of a home that overflows already, that of the other bucket |
//! | `update`, `remove` | blocking | the unlock (C6) of the bucket that it is in |
//!
//! In a table that has been replaced by a larger one meanwhile, a lookup of a frozen bucket takes
//! effect when it finds that the table still is the current one, or else starts again.
//!
//! "Blocking" is all there is to claim, but little blocks: a lookup waits only while the bucket
//! that its entry is in, or seems to be in, is locked, which lasts for a few stores. Expected
//! O(1); worst case O(slots) for an insertion near the maximal load, which searches at most 2000
//! slots, and O(n) for the one that grows the table, which other writers help and readers do not
//! wait for.
//!
//! # Invariants
//! * I1. A bucket's index is below the number of buckets, a power of two.
//! * I2. An entry is in its home or in its other bucket, and no key is in both, but while it is
//!   moved: then the hole's bucket is published first, and both are locked before. So a key may
//!   be found in two places, never in none.
//! * I3. A key is inserted only with its home locked, unchanged since the key was found absent.
//! * I4. A home's overflow count is at least the number of its entries in other buckets, and
//!   changes only under the home's lock. A move that raises it does so in the same word, at the
//!   same moment, as it takes the tag away.
//! * I5. A frozen bucket does not change. A table is published when all buckets of its
//!   predecessor are frozen and copied.
//! * I6. A table lives as long as the map: superseded ones are kept, in all no larger than the
//!   current one. Hence a lookup announces nothing.
//! * I7. The user's code (hashers, closures) runs only while this thread holds no bucket's lock.

mod growth;
mod moves;
mod table;

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError};

use crossbeam_utils::Backoff;
use crossbeam_utils::sync::ShardedLock;
use foldhash::fast::RandomState;

use self::table::{Address, Found, Located, Table};
use super::error::CannotGrow;
use super::path::{Bfs, Place, Search};
use crate::control::Snapshot;
use crate::counter::StripedCounter;
use crate::exclusion::{Exclusion, Optimistic};
use crate::hash;
use crate::map::{ConcurrentMap, Direct, DirectMap, MapInfo, Progress};
use crate::sync::{AtomicPtr, Ordering};
use crate::tagging::{Tagged, Tagging};
use crate::word::Word;
use crate::zeroed::Pages;

/// Buckets of the smallest table.
const MIN_BUCKETS: usize = 16;

/// Keys that [`CuckooOptimistic::get_many`] looks up at a time.
const BATCH: usize = 16;

/// An optimistic cuckoo hash table of words.
///
/// Factors, each with the default that is fastest: slots a bucket (2, 4 or 8), exclusion `E`,
/// tags `T`, path search `P`.
///
/// # Examples
///
/// ```
/// use structures::CuckooOptimistic;
///
/// let map = CuckooOptimistic::<u64, f64>::default();
/// assert!(map.insert(1, 0.5));
/// assert!(!map.insert(1, 0.7));
/// assert_eq!(map.update(&1, |value| value * 2.0), Some(0.5));
/// assert_eq!(map.get(&1), Some(1.0));
/// assert_eq!(map.remove(&1), Some(1.0));
/// ```
pub struct CuckooOptimistic<
    K,
    V,
    S = RandomState,
    const SLOTS: usize = 4,
    E = Optimistic,
    T = Tagged,
    P = Bfs,
> {
    /// The first table or one of its successors.
    current: AtomicPtr<Table<SLOTS>>,
    hasher: S,
    exclusion: E,
    entries: StripedCounter,
    /// Shared by displacements, exclusive to iteration.
    moves: ShardedLock<()>,
    /// It owns its successors. An `Arc`, as moving a `Box` would claim that nothing else points
    /// into it, and `current` does.
    first: Arc<Table<SLOTS>>,
    _entries: PhantomData<fn() -> (K, V)>,
    _factors: PhantomData<fn() -> (T, P)>,
}

/// What became of an attempt.
enum Attempt {
    Done,
    /// Something changed; look again.
    Retry,
    /// A bucket is frozen: the table is being doubled.
    Frozen,
    /// No place was found.
    Full,
}

impl<K, V, S, const SLOTS: usize, E, T, P> CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    /// The load that a table of a stated capacity is made for; all three can be reached.
    const LOAD: f64 = match SLOTS {
        2 => 0.8,
        4 => 0.9,
        _ => 0.95,
    };

    /// An empty table with room for `capacity` entries.
    ///
    /// # Panics
    ///
    /// If there is no memory for it.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self::with_pages(capacity, hasher, Pages::Default)
    }

    /// The same, on pages of the stated kind.
    ///
    /// # Panics
    ///
    /// If there is no memory for it.
    pub fn with_pages(capacity: usize, hasher: S, pages: Pages) -> Self {
        let buckets = (capacity as f64 / (SLOTS as f64 * Self::LOAD)).ceil() as usize;
        Self::with_buckets(buckets, hasher, pages)
    }

    /// An empty table of `buckets` buckets, or somewhat more: the next power of two, at least 16.
    ///
    /// # Panics
    ///
    /// If there is no memory for it.
    pub fn with_buckets(buckets: usize, hasher: S, pages: Pages) -> Self {
        let buckets = buckets.max(MIN_BUCKETS).next_power_of_two();
        let first = Table::try_new(buckets, pages)
            .unwrap_or_else(|| panic!("no memory for a table of {buckets} buckets"));
        let first = Arc::new(first);
        Self {
            current: AtomicPtr::new(Arc::as_ptr(&first).cast_mut()),
            hasher,
            exclusion: E::default(),
            entries: StripedCounter::default(),
            moves: ShardedLock::new(()),
            first,
            _entries: PhantomData,
            _factors: PhantomData,
        }
    }

    /// The current table.
    #[inline(always)]
    fn table(&self) -> &Table<SLOTS> {
        // Acquire: pairs with G1; the table's contents are visible.
        let table = self.current.load(Ordering::Acquire);
        // SAFETY: I6: it is `first` or one that `first` owns, and lives as long as `self`.
        unsafe { &*table }
    }

    #[inline(always)]
    fn is_current(&self, table: &Table<SLOTS>) -> bool {
        // Acquire: so that a lookup that finds another table then sees its contents.
        std::ptr::eq(self.current.load(Ordering::Acquire), table)
    }

    /// What, with a bucket, says the other bucket: the tag, or more of the hash if there is none.
    #[inline(always)]
    fn fingerprint(hash: u64) -> u64 {
        if T::DISTINGUISHES { T::tag(hash, Snapshot::<SLOTS>::TAG_BITS) } else { hash >> 32 }
    }

    #[inline(always)]
    fn address(table: &Table<SLOTS>, key: &K, hash: u64) -> Address {
        let home = hash::home(hash, table.mask);
        Address {
            key: key.to_bits(),
            tag: T::tag(hash, Snapshot::<SLOTS>::TAG_BITS),
            home,
            other: table.other(home, Self::fingerprint(hash)),
        }
    }

    /// A copy of the value of `key`. Expected O(1).
    #[inline]
    pub fn get(&self, key: &K) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let _reading = self.exclusion.read();
        if E::READERS_LOCK {
            return self.get_locking(key, hash).map(V::from_bits);
        }
        self.get_from(self.table(), key, hash)
    }

    /// A lookup that is done with the home, as most are; the others are [`Self::get_slowly`].
    #[inline(always)]
    fn get_from(&self, table: &Table<SLOTS>, key: &K, hash: u64) -> Option<V> {
        let wraps = table.wraps.count();
        let home = hash::home(hash, table.mask);
        let seen = table.control(home).snapshot();
        let matches = seen.matching(T::tag(hash, Snapshot::<SLOTS>::TAG_BITS));
        for slot in matches {
            let (found, value) = table.read(Place { bucket: home, slot });
            if found == key.to_bits() {
                if seen.is_stable() && table.unchanged(home, seen, wraps) {
                    return Some(V::from_bits(value));
                }
                return self.get_slowly(key, hash);
            }
        }
        if seen.ends_search() && (matches.is_empty() || table.unchanged(home, seen, wraps)) {
            return None;
        }
        self.get_slowly(key, hash)
    }

    #[inline(never)]
    fn get_slowly(&self, key: &K, hash: u64) -> Option<V> {
        let (_, located) = self.locate(key, hash);
        located.found.map(|found| V::from_bits(found.value))
    }

    /// Finds `key` in the current table.
    #[inline]
    fn locate(&self, key: &K, hash: u64) -> (&Table<SLOTS>, Located<SLOTS>) {
        let backoff = Backoff::new();
        loop {
            let table = self.table();
            if let Some(located) = table.try_locate(&Self::address(table, key, hash))
                && (!located.frozen || self.is_current(table))
            {
                return (table, located);
            }
            backoff.snooze();
        }
    }

    /// A lookup that takes the locks of the buckets that it reads.
    fn get_locking(&self, key: &K, hash: u64) -> Option<u64> {
        let backoff = Backoff::new();
        loop {
            let table = self.table();
            let address = Self::address(table, key, hash);
            let Some(home) = Locked::try_new(table, address.home) else {
                if table.control(address.home).snapshot().is_frozen() {
                    return self.locate(key, hash).1.found.map(|found| found.value);
                }
                backoff.snooze();
                continue;
            };
            let found = table.find(address.home, home.seen, &address);
            if found.is_some() || !home.seen.overflows() {
                return found.map(|found| found.value);
            }
            // Tried once: waiting with a lock in hand might wait for each other.
            if let Some(other) = Locked::try_new(table, address.other) {
                return table.find(address.other, other.seen, &address).map(|found| found.value);
            }
            drop(home);
            if table.control(address.other).snapshot().is_frozen() {
                return self.locate(key, hash).1.found.map(|found| found.value);
            }
            backoff.snooze();
        }
    }

    /// Looks up many keys at once: `values[i]` becomes the value of `keys[i]`. The memory that
    /// they need is requested for 16 of them before it is waited for. Each lookup is
    /// linearizable; together they are not one moment's.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn get_many(&self, keys: &[K], values: &mut [Option<V>]) {
        assert_eq!(keys.len(), values.len(), "as many values as keys");
        if E::READERS_LOCK {
            keys.iter().zip(values).for_each(|(key, value)| *value = self.get(key));
            return;
        }
        for (keys, values) in keys.chunks(BATCH).zip(values.chunks_mut(BATCH)) {
            let mut hashes = [0; BATCH];
            let hashes = &mut hashes[..keys.len()];
            hashes.iter_mut().zip(keys).for_each(|(hash, key)| *hash = self.hasher.hash_one(key));
            let _reading = self.exclusion.read();
            let table = self.table();
            for &hash in &*hashes {
                table.prefetch_control(hash::home(hash, table.mask));
            }
            for &hash in &*hashes {
                let bucket = hash::home(hash, table.mask);
                let tag = T::tag(hash, Snapshot::<SLOTS>::TAG_BITS);
                if let Some(slot) = table.control(bucket).snapshot().matching(tag).first() {
                    table.prefetch_entry(Place { bucket, slot });
                }
            }
            for ((key, value), hash) in keys.iter().zip(values).zip(hashes) {
                *value = self.get_from(table, key, *hash);
            }
        }
    }

    /// Adds `key`; false, and no effect, if it is present.
    ///
    /// # Panics
    ///
    /// Where [`try_insert`](Self::try_insert) returns an error.
    pub fn insert(&self, key: K, value: V) -> bool {
        self.try_insert(key, value).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Adds `key`; `Ok(false)`, and no effect, if it is present.
    ///
    /// # Errors
    ///
    /// There is no place for the key, and the table cannot grow or growing would not help.
    /// Nothing has changed then.
    pub fn try_insert(&self, key: K, value: V) -> Result<bool, CannotGrow> {
        let hash = self.hasher.hash_one(key);
        let _writing = self.exclusion.write();
        let backoff = Backoff::new();
        loop {
            let (table, located) = self.locate(&key, hash);
            if located.found.is_some() {
                return Ok(false);
            }
            if self.try_add(table, &key, hash, value, &located)? {
                return Ok(true);
            }
            backoff.spin();
        }
    }

    /// Replaces the value of `key` by `f` of it and returns the one replaced.
    ///
    /// `f` may run several times; the effect of exactly its last run is seen.
    pub fn update(&self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let _writing = self.exclusion.write();
        let backoff = Backoff::new();
        loop {
            let (table, located) = self.locate(key, hash);
            let found = located.found?;
            if let Some(old) = self.try_replace(table, &located, &found, &mut f) {
                return Some(old);
            }
            backoff.spin();
        }
    }

    /// Updates `key` if it is present, else adds it with `f(None)`; returns the value replaced.
    ///
    /// `f` may run several times; the effect of exactly its last run is seen.
    ///
    /// # Panics
    ///
    /// Where [`try_insert`](Self::try_insert) returns an error.
    pub fn upsert(&self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let _writing = self.exclusion.write();
        let backoff = Backoff::new();
        loop {
            let (table, located) = self.locate(&key, hash);
            if let Some(found) = located.found {
                let old = self.try_replace(table, &located, &found, |value| f(Some(value)));
                if old.is_some() {
                    return old;
                }
            } else {
                let added = self.try_add(table, &key, hash, f(None), &located);
                if added.unwrap_or_else(|error| panic!("{error}")) {
                    return None;
                }
            }
            backoff.spin();
        }
    }

    /// Takes `key` out and returns its value.
    pub fn remove(&self, key: &K) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let _writing = self.exclusion.write();
        let backoff = Backoff::new();
        loop {
            let (table, located) = self.locate(key, hash);
            let found = located.found?;
            if self.settle(table, try_remove(table, hash::home(hash, table.mask), &located, &found))
            {
                self.entries.add(-1);
                return Some(V::from_bits(found.value));
            }
            backoff.spin();
        }
    }

    /// Writes a new value if nothing has changed since `located`.
    #[inline]
    fn try_replace(
        &self,
        table: &Table<SLOTS>,
        located: &Located<SLOTS>,
        found: &Found<SLOTS>,
        f: impl FnOnce(&V) -> V,
    ) -> Option<V> {
        if found.seen.is_frozen() {
            self.settle(table, Attempt::Frozen);
            return None;
        }
        let old = V::from_bits(found.value);
        let new = f(&old).to_bits();
        let control = table.control(found.place.bucket);
        if !control.try_lock(found.seen, &table.wraps, located.wraps) {
            return None;
        }
        table.write_value(found.place, new);
        control.unlock(found.seen, &table.wraps);
        Some(old)
    }

    /// Adds an absent key if nothing has changed since `located`; false if something has, or if
    /// room had to be made first.
    #[inline]
    fn try_add(
        &self,
        table: &Table<SLOTS>,
        key: &K,
        hash: u64,
        value: V,
        located: &Located<SLOTS>,
    ) -> Result<bool, CannotGrow> {
        let address = Self::address(table, key, hash);
        let mut attempt = try_add_at_home(table, &address, value.to_bits(), located);
        if let Attempt::Full = attempt {
            attempt = try_add_at_other(table, &address, value.to_bits(), located);
        }
        if let Attempt::Full = attempt {
            attempt = self.make_room(table, [address.home, address.other], hash);
        }
        if let Attempt::Full = attempt {
            self.grow(table)?;
        }
        let added = self.settle(table, attempt);
        if added {
            self.entries.add(1);
        }
        Ok(added)
    }

    /// Whether `attempt` did what it should. If a bucket was frozen, helps to double the table.
    #[inline(always)]
    fn settle(&self, table: &Table<SLOTS>, attempt: Attempt) -> bool {
        if let Attempt::Frozen = attempt {
            self.help_to_double(table).expect("the doubled table exists");
        }
        matches!(attempt, Attempt::Done)
    }

    /// Doubles the table, in which no place was found.
    #[cold]
    fn grow(&self, table: &Table<SLOTS>) -> Result<(), CannotGrow> {
        let (entries, slots) = (self.entries.sum(), table.slots());
        // libcuckoo's guard: at a load below 5 % it is the hasher's fault.
        if entries < slots / 20 && self.is_current(table) {
            return Err(CannotGrow::LoadTooLow { entries, slots });
        }
        self.help_to_double(table)
    }

    /// Runs `f` on the entries; see [`PinnedMap::for_each`](crate::map::PinnedMap::for_each).
    /// Displacements wait, so that an insertion that needs one waits; nobody else does.
    pub fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        let _unmoved = self.moves.write().unwrap_or_else(PoisonError::into_inner);
        let table = self.table();
        for bucket in 0..table.buckets() {
            for entry in table.copy_of(bucket).iter().flatten() {
                f(&K::from_bits(entry.0), &V::from_bits(entry.1));
            }
        }
    }
}

/// A bucket that this thread has locked to read it; dropped, it is unlocked unchanged.
struct Locked<'t, const SLOTS: usize> {
    table: &'t Table<SLOTS>,
    bucket: usize,
    seen: Snapshot<SLOTS>,
}

impl<'t, const SLOTS: usize> Locked<'t, SLOTS> {
    fn try_new(table: &'t Table<SLOTS>, bucket: usize) -> Option<Self> {
        let wraps = table.wraps.count();
        let seen = table.control(bucket).snapshot();
        let locked = seen.is_stable() && table.control(bucket).try_lock(seen, &table.wraps, wraps);
        // Not `then_some`, whose argument would exist, and be dropped, without the lock as well.
        locked.then(|| Self { table, bucket, seen })
    }
}

impl<const SLOTS: usize> Drop for Locked<'_, SLOTS> {
    fn drop(&mut self) {
        self.table.control(self.bucket).unlock_unchanged(self.seen);
    }
}

/// Adds an absent key to its home, if that has an empty slot.
#[inline]
fn try_add_at_home<const SLOTS: usize>(
    table: &Table<SLOTS>,
    address: &Address,
    value: u64,
    located: &Located<SLOTS>,
) -> Attempt {
    let seen = located.home;
    if seen.is_frozen() {
        return Attempt::Frozen;
    }
    let Some(slot) = seen.empty_slot() else { return Attempt::Full };
    let control = table.control(address.home);
    if seen.is_locked() || !control.try_lock(seen, &table.wraps, located.wraps) {
        return Attempt::Retry;
    }
    table.write(Place { bucket: address.home, slot }, address.key, value);
    control.unlock(seen.with_tag(slot, address.tag), &table.wraps);
    Attempt::Done
}

/// Adds an absent key to its other bucket, if that has an empty slot. The home is locked first,
/// which asserts that the key still is absent (I3), and counts it (I4).
#[inline(never)]
fn try_add_at_other<const SLOTS: usize>(
    table: &Table<SLOTS>,
    address: &Address,
    value: u64,
    located: &Located<SLOTS>,
) -> Attempt {
    let (home, other) = (table.control(address.home), table.control(address.other));
    let seen = other.snapshot();
    if seen.is_frozen() {
        return Attempt::Frozen;
    }
    let Some(slot) = seen.empty_slot() else { return Attempt::Full };
    if located.home.is_locked() || seen.is_locked() {
        return Attempt::Retry;
    }
    if !home.try_lock(located.home, &table.wraps, located.wraps) {
        return Attempt::Retry;
    }
    if !other.try_lock(seen, &table.wraps, located.wraps) {
        home.unlock_unchanged(located.home);
        return Attempt::Retry;
    }
    table.write(Place { bucket: address.other, slot }, address.key, value);
    other.unlock(seen.with_tag(slot, address.tag), &table.wraps);
    home.unlock(located.home.with_one_more_overflow(), &table.wraps);
    Attempt::Done
}

/// Takes out an entry if nothing has changed since `located`.
#[inline]
fn try_remove<const SLOTS: usize>(
    table: &Table<SLOTS>,
    home: usize,
    located: &Located<SLOTS>,
    found: &Found<SLOTS>,
) -> Attempt {
    if located.frozen {
        return Attempt::Frozen;
    }
    let Place { bucket, slot } = found.place;
    let away = bucket != home;
    if away
        && (located.home.is_locked()
            || !table.control(home).try_lock(located.home, &table.wraps, located.wraps))
    {
        return Attempt::Retry;
    }
    let control = table.control(bucket);
    let locked = control.try_lock(found.seen, &table.wraps, located.wraps);
    if locked {
        control.unlock(found.seen.with_tag(slot, 0), &table.wraps);
    }
    if away && locked {
        table.control(home).unlock(located.home.with_one_less_overflow(), &table.wraps);
    } else if away {
        table.control(home).unlock_unchanged(located.home);
    }
    if locked { Attempt::Done } else { Attempt::Retry }
}

impl<K, V, S, const SLOTS: usize, E, T, P> DirectMap<K, V>
    for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Send + Sync,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    #[inline]
    fn get_with<R>(&self, key: &K, read: impl FnOnce(&V) -> R) -> Option<R> {
        self.get(key).map(|value| read(&value))
    }

    fn get_many(&self, keys: &[K], values: &mut [Option<V>]) {
        self.get_many(keys, values);
    }

    fn insert(&self, key: K, value: V) -> bool {
        self.insert(key, value)
    }

    fn update(&self, key: &K, f: impl FnMut(&V) -> V) -> Option<V> {
        self.update(key, f)
    }

    fn upsert(&self, key: K, f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        self.upsert(key, f)
    }

    fn remove(&self, key: &K) -> Option<V> {
        self.remove(key)
    }

    fn for_each(&self, f: impl FnMut(&K, &V)) {
        self.for_each(f);
    }
}

impl<K, V, S, const SLOTS: usize, E, T, P> ConcurrentMap<K, V>
    for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Send + Sync,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    const INFO: MapInfo = MapInfo {
        family: "cuckoo",
        summary: "optimistic cuckoo hashing, words inline (NSDI 2013, EuroSys 2014)",
        ..MapInfo::UNKNOWN.with_progress(Progress::Blocking)
    };

    type Handle<'m>
        = Direct<'m, Self>
    where
        Self: 'm;

    fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.entries.sum()
    }

    /// The slots; about 95 % of them can be filled.
    fn capacity(&self) -> Option<usize> {
        Some(self.table().slots())
    }
}

impl<K, V, S, const SLOTS: usize, E, T, P> Default for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Default,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    fn default() -> Self {
        Self::with_capacity_and_hasher(0, S::default())
    }
}

impl<K, V, S, const SLOTS: usize, E, T, P> fmt::Debug
    for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CuckooOptimistic")
            .field("entries", &self.entries.sum())
            .field("first_slots", &self.first.slots())
            .finish_non_exhaustive()
    }
}

impl<K, V, S, const SLOTS: usize, E, T, P> Extend<(K, V)>
    for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    /// As for std's maps, a later value replaces an earlier one.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.upsert(key, |_| value);
        }
    }
}

impl<K, V, S, const SLOTS: usize, E, T, P> FromIterator<(K, V)>
    for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Default,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}
