//! Optimistic cuckoo hashing with inline words: readers write nothing.
//!
//! B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent MemCache with Dumber Caching
//! and Smarter Hashing*, NSDI 2013: tags, optimistic versions, a hole that moves backward along
//! the cuckoo path. X. Li, D. Andersen, M. Kaminsky, M. Freedman, *Algorithmic Improvements for
//! Fast Concurrent Cuckoo Hashing*, EuroSys 2014: breadth-first search, many writers. Departures:
//!
//! * Keys and values are inline words, all atomics, so a lookup cannot meet freed memory
//!   (hazards H1, H2, H4 of items behind pointers do not arise).
//! * Tags, lock and version of a bucket are one word ([`control`](crate::control)): a lookup that
//!   finds no tag reads that word alone. Versions in stripes, as published, are a
//!   [factor](crate::versions).
//! * A bucket counts the entries that have it as home but are in their other bucket (as F14 does
//!   for its probes: N. Bronson, X. Shi, *Open-sourcing F14*, 2019). A lookup whose home counts
//!   none does not look at the other bucket.
//! * The table grows.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `get`, found | blocking | its load of the value, in a bucket that validates (C3) |
//! | `get`, absent | blocking | the snapshot of the home (C1) if it does not overflow, else the snapshot of the other bucket |
//! | `insert` | blocking | the unlock (C6) of the bucket that it goes into |
//! | `update` | blocking | the store of the value |
//! | `remove` | blocking | the unlock (C6) of the bucket that it is in |
//!
//! A lookup does not mind that the home is locked: until the unlock the tags are what they were,
//! and a tagged cell keeps its key (I8). If it loads a value that the lock's holder has just
//! stored, the fences C5 and C2 order all that the holder did before. Of the other bucket it does
//! wait for the lock's holder: see `Table::try_locate`. (With versions in stripes, also of the
//! home; and where this says "the unlock of a bucket", it is the store of the bucket's word just
//! before.)
//!
//! What the map holds between the two stores that unlock two buckets, and why a lookup may believe
//! what it finds in an other bucket, is said in [`super::buckets`], with the invariants I1–I9.
//!
//! Nor does a lookup mind a frozen bucket. While the table is current, what is in the bucket is
//! what the map holds; if a larger table is published during the lookup, it takes effect just
//! before.
//!
//! "Blocking" is all there is to claim, but little blocks: a lock is held for a few stores. Expected
//! O(1); worst case O(slots) for an insertion near the maximal load, which searches at most 2000
//! slots, and O(n) for the one that grows the table, which other writers help and readers do not
//! wait for.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::hint::select_unpredictable;
use std::marker::PhantomData;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::buckets::{self, Attempt, Cell, Found, Located, Relocation, Table, Target, move_along};
use super::error::GrowError;
use super::path::{Bfs, Place, Search};
use super::stats::Counters;
use super::turns::Turns;
use crate::control::Snapshot;
use crate::counter::StripedCounter;
use crate::exclusion::{Exclusion, Optimistic};
use crate::hash;
use crate::map::{ConcurrentMap, Direct, DirectMap, Held, MapInfo, Progress};
use crate::sync::{AtomicPtr, AtomicU64, Backoff, Ordering};
use crate::tagging::{Tagged, Tagging};
use crate::versions::{Seen, Versions};
use crate::word::Word;
use crate::zeroed::{Pages, Zeroable};

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
    const SLOTS: usize = 8,
    E: Exclusion = Optimistic,
    T = Tagged,
    P = Bfs,
> {
    /// The first table or one of its successors.
    current: AtomicPtr<Table<Entry, SLOTS, E::Versions>>,
    hasher: S,
    exclusion: E,
    entries: StripedCounter,
    counters: Counters,
    /// Shared by displacements, exclusive to iteration.
    moves: Turns,
    /// It owns its successors. An `Arc`, as moving a `Box` would claim that nothing else points
    /// into it, and `current` does.
    first: Arc<Table<Entry, SLOTS, E::Versions>>,
    _entries: PhantomData<fn() -> (K, V)>,
    _factors: PhantomData<fn() -> (T, P)>,
}

/// A key and its value, as words.
#[derive(Default)]
struct Entry {
    key: AtomicU64,
    value: AtomicU64,
}

// SAFETY: atomics whose default is 0.
unsafe impl Zeroable for Entry {}

impl Cell for Entry {
    type Content = (u64, u64);

    #[inline(always)]
    fn read(&self) -> (u64, u64) {
        // Relaxed: between C1 and C2 of the control word's protocol.
        let key = self.key.load(Ordering::Relaxed);
        (key, self.value.load(Ordering::Relaxed))
    }

    #[inline(always)]
    fn write(&self, (key, value): (u64, u64)) {
        // Relaxed: between C5 and C6.
        self.key.store(key, Ordering::Relaxed);
        self.value.store(value, Ordering::Relaxed);
    }
}

/// Where a key is, as of one moment.
type Position<const SLOTS: usize, V> = Located<(u64, u64), SLOTS, V>;

impl<K, V, S, const SLOTS: usize, E, T, P> CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    /// An empty table with room for `capacity` entries.
    ///
    /// # Panics
    ///
    /// If there cannot be so many, or there is no memory for them.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self::with_pages(capacity, hasher, Pages::Default)
    }

    /// The same, on pages of the stated kind.
    ///
    /// # Panics
    ///
    /// If there cannot be so many, or there is no memory for them.
    pub fn with_pages(capacity: usize, hasher: S, pages: Pages) -> Self {
        Self::with_first(Table::for_entries(capacity, pages), hasher)
    }

    /// An empty table of `buckets` buckets, or somewhat more: the next power of two, at least 16.
    ///
    /// # Panics
    ///
    /// If there cannot be so many, or there is no memory for them.
    pub fn with_buckets(buckets: usize, hasher: S, pages: Pages) -> Self {
        Self::with_first(Table::first(buckets, pages), hasher)
    }

    fn with_first(first: Arc<Table<Entry, SLOTS, E::Versions>>, hasher: S) -> Self {
        Self {
            current: AtomicPtr::new(Arc::as_ptr(&first).cast_mut()),
            hasher,
            exclusion: E::default(),
            entries: StripedCounter::default(),
            counters: Counters::default(),
            moves: Turns::default(),
            first,
            _entries: PhantomData,
            _factors: PhantomData,
        }
    }

    /// The current table.
    #[inline(always)]
    fn table(&self) -> &Table<Entry, SLOTS, E::Versions> {
        // SAFETY: I6: `current` was made from `first`, and only `double` stores to it.
        unsafe { buckets::current(&self.current, &self.first) }
    }

    #[inline(always)]
    fn is_current(&self, table: &Table<Entry, SLOTS, E::Versions>) -> bool {
        // Acquire: so that a lookup that finds another table then sees its contents.
        std::ptr::eq(self.current.load(Ordering::Acquire), table)
    }

    /// What, with a bucket, says the other bucket: the tag, or more of the hash if there is none.
    #[inline(always)]
    fn fingerprint(hash: u64) -> u64 {
        if T::DISTINGUISHES { Self::tag(hash) } else { hash >> 32 }
    }

    #[inline(always)]
    fn tag(hash: u64) -> u64 {
        T::tag(hash, Snapshot::<SLOTS>::TAG_BITS)
    }

    /// The entry with `key` in `bucket`, whose word was `seen`. Says something only if the word
    /// validates.
    #[inline(always)]
    fn find(
        table: &Table<Entry, SLOTS, E::Versions>,
        bucket: usize,
        seen: &Seen<SLOTS, E::Versions>,
        key: &K,
        tag: u64,
    ) -> Option<Found<(u64, u64), SLOTS, E::Versions>> {
        for slot in seen.word.matching(tag) {
            let place = Place { bucket, slot };
            let content = table.cell(place).read();
            if content.0 == key.to_bits() {
                return Some(Found { place, content, seen: *seen });
            }
        }
        None
    }

    /// A copy of the value of `key`. Expected O(1).
    #[inline(always)]
    pub fn get(&self, key: &K) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let _reading = self.exclusion.read();
        if E::READERS_LOCK {
            return self.get_locking(key, hash);
        }
        self.get_from(self.table(), key, hash)
    }

    /// A lookup that is done with the home, as most are; the others are [`Self::get_slowly`].
    #[inline(always)]
    fn get_from(&self, table: &Table<Entry, SLOTS, E::Versions>, key: &K, hash: u64) -> Option<V> {
        let wraps = table.wraps.count();
        let home = hash::home(hash, table.mask);
        let seen = table.see(home);
        let matches = seen.word.matching(Self::tag(hash));
        if T::DISTINGUISHES && table.is_small() {
            return self.get_from_cache(table, key, hash, wraps, seen);
        }
        if let Some(found) = Self::find(table, home, &seen, key, Self::tag(hash)) {
            if table.still_has_tags(home, &seen, wraps) {
                return Some(V::from_bits(found.content.1));
            }
        } else if !seen.word.overflows() {
            // No tag is like it: that the word says alone, and no entry was read.
            if matches.is_empty() || table.still_has_tags(home, &seen, wraps) {
                return None;
            }
        }
        self.get_slowly(key, hash)
    }

    /// The same for a table in the cache, where a mispredicted branch on hit or miss costs more
    /// than reading a cell in vain.
    #[inline(always)]
    fn get_from_cache(
        &self,
        table: &Table<Entry, SLOTS, E::Versions>,
        key: &K,
        hash: u64,
        wraps: u64,
        seen: Seen<SLOTS, E::Versions>,
    ) -> Option<V> {
        let bucket = hash::home(hash, table.mask);
        let matches = seen.word.matching(Self::tag(hash));
        let (found, value) = table.cell(Place { bucket, slot: matches.first_or_any() }).read();
        let hit = !matches.is_empty() & (found == key.to_bits());
        let miss = matches.is_empty() & !seen.word.overflows();
        if (hit | miss) && table.still_has_tags(bucket, &seen, wraps) {
            return select_unpredictable(hit, Some(V::from_bits(value)), None);
        }
        self.get_slowly(key, hash)
    }

    #[inline(never)]
    fn get_slowly(&self, key: &K, hash: u64) -> Option<V> {
        let (_, located) = self.locate(key, hash);
        located.found.map(|found| V::from_bits(found.content.1))
    }

    /// Finds `key` in the current table.
    #[inline]
    fn locate(
        &self,
        key: &K,
        hash: u64,
    ) -> (&Table<Entry, SLOTS, E::Versions>, Position<SLOTS, E::Versions>) {
        let tag = Self::tag(hash);
        let backoff = Backoff::new();
        loop {
            let table = self.table();
            let address = table.address(hash, tag, Self::fingerprint(hash));
            let located = table.try_locate(address, |bucket, seen, _| {
                Some(Self::find(table, bucket, seen, key, tag))
            });
            if let Some(located) = located {
                return (table, located);
            }
            self.counters.conflicted();
            backoff.snooze();
        }
    }

    /// A lookup that takes the locks of the buckets that it reads.
    #[inline(never)]
    fn get_locking(&self, key: &K, hash: u64) -> Option<V> {
        let backoff = Backoff::new();
        loop {
            let table = self.table();
            let address = table.address(hash, Self::tag(hash), Self::fingerprint(hash));
            let find = |locked: &Locked<'_, SLOTS, E::Versions>| {
                Self::find(table, locked.bucket, &locked.seen, key, address.tag)
                    .map(|found| V::from_bits(found.content.1))
            };
            if let Some(home) = Locked::try_new(table, address.home) {
                let found = find(&home);
                if found.is_some() || !home.seen.word.overflows() {
                    return found;
                }
                // Tried once: who waits with a lock in hand may be waited for.
                if let Some(other) = Locked::try_new(table, address.other) {
                    return find(&other);
                }
            }
            // What is frozen cannot be locked, and need not be.
            let frozen = |bucket| table.control(bucket).snapshot().is_frozen();
            if frozen(address.home) || frozen(address.other) {
                return self.get_slowly(key, hash);
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
                let seen = table.control(bucket).snapshot();
                if let Some(slot) = seen.matching(Self::tag(hash)).first() {
                    table.prefetch_cell(Place { bucket, slot });
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
    pub fn try_insert(&self, key: K, value: V) -> Result<bool, GrowError> {
        let hash = self.hasher.hash_one(key);
        let _writing = self.exclusion.write();
        let backoff = Backoff::new();
        loop {
            let (table, located) = self.locate(&key, hash);
            if located.found.is_some() {
                return Ok(false);
            }
            if self.try_add(table, hash, (key.to_bits(), value.to_bits()), &located)? {
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
                let content = (key.to_bits(), f(None).to_bits());
                let added = self.try_add(table, hash, content, &located);
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
            if self.settle(table, table.try_remove(&located, &found)) {
                self.entries.add(-1);
                return Some(V::from_bits(found.content.1));
            }
            backoff.spin();
        }
    }

    /// Replaces the value found by `f` of it if nothing has changed since.
    #[inline]
    fn try_replace(
        &self,
        table: &Table<Entry, SLOTS, E::Versions>,
        located: &Position<SLOTS, E::Versions>,
        found: &Found<(u64, u64), SLOTS, E::Versions>,
        f: impl FnOnce(&V) -> V,
    ) -> Option<V> {
        let old = V::from_bits(found.content.1);
        let new = f(&old).to_bits();
        // Relaxed: between C5 and C6.
        let write = |entry: &Entry| entry.value.store(new, Ordering::Relaxed);
        self.settle(table, table.try_write(located, found, write)).then_some(old)
    }

    /// Adds an absent key if nothing has changed since it was located; false if something has, or
    /// if room had to be made first.
    #[inline]
    fn try_add(
        &self,
        table: &Table<Entry, SLOTS, E::Versions>,
        hash: u64,
        content: (u64, u64),
        located: &Position<SLOTS, E::Versions>,
    ) -> Result<bool, GrowError> {
        let mut attempt = table.try_add_at_home(located, content);
        if attempt == Attempt::Full {
            attempt = table.try_add_at_other(located, content);
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

    /// Whether `attempt` did what it should. If a bucket was frozen, helps to double the table.
    #[inline(always)]
    fn settle(&self, table: &Table<Entry, SLOTS, E::Versions>, attempt: Attempt) -> bool {
        if attempt == Attempt::Frozen {
            self.double(table).expect("a bucket is frozen when the doubled table exists");
        }
        attempt == Attempt::Done
    }

    /// Displaces entries so that one of `starts` gets an empty slot. An insertion by a closure of an
    /// iteration, which holds displacements off, cannot, and has the table grow.
    #[cold]
    fn make_room(
        &self,
        table: &Table<Entry, SLOTS, E::Versions>,
        starts: [usize; 2],
        seed: u64,
    ) -> Attempt {
        let hash_of = |(key, _): (u64, u64)| self.hasher.hash_one(K::from_bits(key));
        let fingerprint = |place, tag| {
            // Without tags a key must be read: some key, as words are never torn; whether it is
            // this entry's, the move will see.
            if T::DISTINGUISHES {
                tag
            } else {
                Self::fingerprint(hash_of(table.cell(place).read()))
            }
        };
        let relocate = |from, to, _, content| self.relocate(table, from, to, content);
        let move_along = || {
            move_along::<_, P, SLOTS, _>(table, &self.counters, starts, seed, fingerprint, relocate)
        };
        self.moves.displace(move_along).unwrap_or(Attempt::Full)
    }

    /// What it means for the entry with this content to move between these buckets.
    fn relocate(
        &self,
        table: &Table<Entry, SLOTS, E::Versions>,
        from: usize,
        to: usize,
        content: (u64, u64),
    ) -> Option<Relocation<(u64, u64)>> {
        let hash = self.hasher.hash_one(K::from_bits(content.0));
        let home = hash::home(hash, table.mask);
        let other = table.other(home, Self::fingerprint(hash));
        let (returns, leaves) = ((home, other) == (to, from), (home, other) == (from, to));
        (returns || leaves).then_some(Relocation { content, returns })
    }

    /// Moves the entry of `key`, if it is there, to its other bucket, if there is room, for models.
    #[cfg(any(loom, shuttle))]
    #[doc(hidden)]
    pub fn displace(&self, key: &K) {
        let _writing = self.exclusion.write();
        self.moves.displace(|| self.displace_in_turn(key));
    }

    /// [`Self::displace`], while nobody iterates.
    #[cfg(any(loom, shuttle))]
    fn displace_in_turn(&self, key: &K) {
        let backoff = Backoff::new();
        loop {
            let (table, located) = self.locate(key, self.hasher.hash_one(key));
            let Some(found) = located.found else { return };
            let buckets = [located.address.home, located.address.other];
            let bucket = buckets[usize::from(found.place.bucket == buckets[0])];
            let Some(slot) = table.control(bucket).snapshot().empty_slot() else { return };
            let relocate = |_, content| self.relocate(table, found.place.bucket, bucket, content);
            match table.displace(found.place, Place { bucket, slot }, relocate) {
                Attempt::Done | Attempt::Full | Attempt::Frozen => return,
                Attempt::Retry => backoff.snooze(),
            }
        }
    }

    /// Doubles the table, in which no place was found for the key that was `located`.
    #[cold]
    fn grow(
        &self,
        table: &Table<Entry, SLOTS, E::Versions>,
        located: &Position<SLOTS, E::Versions>,
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
    fn double(&self, table: &Table<Entry, SLOTS, E::Versions>) -> Result<(), GrowError> {
        table.double(&self.current, |next, bucket, (key, _)| {
            let hash = self.hasher.hash_one(K::from_bits(key));
            let home = hash::home(hash, next.mask);
            if home & table.mask == bucket {
                Target::Home(home)
            } else {
                Target::Other { home, other: next.other(home, Self::fingerprint(hash)) }
            }
        })
    }

    /// What the table has done since it was made.
    #[cfg(feature = "stats")]
    pub fn stats(&self) -> super::stats::Stats {
        self.counters.snapshot(self.entries.sum(), self.table().slots())
    }

    /// Bytes on the heap: the current table and the superseded ones.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.first.bytes()
    }

    /// Runs `f` on the entries; see [`PinnedMap::for_each`](crate::map::PinnedMap::for_each). What
    /// a bucket has is in the map, whatever its home says, as no displacement is under way.
    /// Displacements wait, so that an insertion that needs one waits; nobody else does.
    pub fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        // Before the turn, as a writer has it who then displaces. What a closure does is inside of it.
        let _alone = self.exclusion.write();
        self.moves.iterate(|| {
            let table = self.table();
            for bucket in 0..table.buckets() {
                for (key, value) in copy_of(table, bucket).into_iter().flatten() {
                    f(&K::from_bits(key), &V::from_bits(value));
                }
            }
        });
    }
}

/// The entries of `bucket`, as of one moment.
fn copy_of<const SLOTS: usize, V: Versions>(
    table: &Table<Entry, SLOTS, V>,
    bucket: usize,
) -> [Option<(u64, u64)>; SLOTS] {
    let backoff = Backoff::new();
    loop {
        let wraps = table.wraps.count();
        let seen = table.see(bucket);
        let copy = std::array::from_fn(|slot| {
            (seen.word.tag(slot) != 0).then(|| table.cell(Place { bucket, slot }).read())
        });
        if !seen.is_locked() && table.unchanged(bucket, &seen, wraps) {
            return copy;
        }
        backoff.snooze();
    }
}

/// A bucket that this thread has locked to read it; dropped, it is unlocked unchanged.
struct Locked<'t, const SLOTS: usize, V: Versions> {
    table: &'t Table<Entry, SLOTS, V>,
    bucket: usize,
    seen: Seen<SLOTS, V>,
}

impl<'t, const SLOTS: usize, V: Versions> Locked<'t, SLOTS, V> {
    fn try_new(table: &'t Table<Entry, SLOTS, V>, bucket: usize) -> Option<Self> {
        let wraps = table.wraps.count();
        let seen = table.see(bucket);
        let locked = !seen.word.is_frozen() && table.try_lock(bucket, &seen, wraps);
        // Not `then_some`, whose argument would exist, and be dropped, without the lock as well.
        locked.then(|| Self { table, bucket, seen })
    }
}

impl<const SLOTS: usize, V: Versions> Drop for Locked<'_, SLOTS, V> {
    fn drop(&mut self) {
        self.table.unlock_unchanged(self.bucket, &self.seen);
    }
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
    #[inline(always)]
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
        progress_is_tested: true,
        held: Held::Nothing,
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

impl<K, V, S, const SLOTS: usize, E: Exclusion, T, P> fmt::Debug
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
