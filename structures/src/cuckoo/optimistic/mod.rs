//! Optimistic cuckoo hashing with inline words: readers write nothing.
//!
//! B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent MemCache with Dumber Caching
//! and Smarter Hashing*, NSDI 2013: tags, optimistic versions, a hole that moves backward along
//! the cuckoo path. X. Li, D. Andersen, M. Kaminsky, M. Freedman, *Algorithmic Improvements for
//! Fast Concurrent Cuckoo Hashing*, EuroSys 2014: breadth-first search, many writers. Departures:
//!
//! * Keys and values are inline words, all atomics, so a lookup cannot access freed memory
//!   (hazards cuckoo-H1, cuckoo-H2, cuckoo-H4 of items behind pointers do not arise).
//! * Tags, lock and version of a bucket are one word ([`control`](crate::control)): a lookup that
//!   finds no matching tag reads only that word. Versions in stripes, as published, are a
//!   [factor](crate::versions).
//! * A bucket counts the entries that have it as home but are in their other bucket (as F14 does
//!   for its probes: N. Bronson, X. Shi, *Open-sourcing F14*, 2019). A lookup whose home counts
//!   none does not look at the other bucket.
//! * The table grows.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `get`, found | blocking | its load of the value, in a bucket that validates (control-C3) |
//! | `get`, absent | blocking | the snapshot of the home (control-C1) if it does not overflow, else the snapshot of the other bucket |
//! | `insert` | blocking | the unlock (control-C6) of the bucket that it goes into |
//! | `update` | blocking | the store of the value |
//! | `remove`, `remove_if` | blocking | the unlock (control-C6) of the bucket that it is in |
//!
//! A lookup does not wait if the home is locked: until the unlock the tags stay as they were, and a
//! tagged cell keeps its key (buckets-I8). If the lookup loads a value that the lock's holder has just stored,
//! the fences control-C5 and control-C2 order all that the holder did before. If the other bucket is locked, the
//! lookup does wait for the lock's holder: see `Table::try_locate`. (With versions in stripes it also waits for
//! the home; and "the unlock of a bucket" above then means the store of the bucket's word just before the
//! unlock.)
//!
//! [`super::buckets`] says what the map holds between the two stores that unlock two buckets, and why a lookup
//! may trust what it finds in an other bucket. It has the invariants buckets-I1–I9.
//!
//! A lookup does not wait for a frozen bucket either. While the table is current, the bucket has the entries that
//! the map holds; if a larger table is published during the lookup, the lookup takes effect just before that.
//!
//! All operations are blocking, but a lock is held only for a few stores. Expected
//! O(1). Worst case O(slots) for an insertion near the maximal load, which searches at most 2000
//! slots, and O(n) for the insertion that grows the table, which other writers help and for which readers do not
//! wait.

mod at_once;
mod locking;
mod ops;
mod traits;

use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::buckets::{Cell, Found, Table};
use super::driver::Driver;
use super::path::{Bfs, Place, Search};
use crate::control::ControlWord;
use crate::exclusion::{Exclusion, Optimistic};
use crate::hash;
use crate::operations::constructors;
use crate::sync::{AtomicU64, Backoff, Ordering};
use crate::tagging::{Tagged, Tagging};
use crate::versions::{Seen, Versions};
use crate::word::{Word, value_if};
use crate::zeroed::{Pages, Zeroable};

/// Keys that [`CuckooOptimistic::get_many`] looks up at a time.
const BATCH: usize = 16;

/// An optimistic cuckoo hash table of machine words (MemC3, NSDI 2013): readers write nothing.
///
/// All operations are blocking, but a lock is held only for a few stores. Expected O(1); O(n) for the insertion
/// that grows the table.
///
/// The type parameters are factors, each with the fastest value as its default: slots per bucket (2, 4 or 8),
/// exclusion `E`, tags `T`, path search `P`.
///
/// **[`insert`](Self::insert) keeps the old value** if the key is present;
/// [`insert_or_assign`](Self::insert_or_assign) replaces it. There is no `shrink_to_fit`: readers
/// announce nothing, so no table can be freed before the map is.
///
/// A key's hash must stay the same, as in `std`'s maps. If it changes, lookups may miss the key, it may be added a
/// second time, and once it has been removed or displaced by its new hash they may miss others that share a bucket with
/// it. An iteration shows all entries.
///
/// # Examples
///
/// ```
/// use structures::CuckooOptimistic;
///
/// let map = CuckooOptimistic::<u64, f64>::new();
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
    driver: Driver<Entry, SLOTS, E::Versions>,
    hasher: S,
    exclusion: E,
    _entries: PhantomData<fn() -> (K, V)>,
    _factors: PhantomData<fn() -> (T, P)>,
}

/// A key and its value, as words.
#[derive(Default)]
pub(in crate::cuckoo) struct Entry {
    key: AtomicU64,
    value: AtomicU64,
}

// SAFETY: atomics whose default is 0.
unsafe impl Zeroable for Entry {}

impl Cell for Entry {
    type Content = (u64, u64);

    #[inline(always)]
    fn read(&self) -> (u64, u64) {
        // Relaxed: between control-C1 and control-C2 of the control word's protocol.
        let key = self.key.load(Ordering::Relaxed);
        (key, self.value.load(Ordering::Relaxed))
    }

    #[inline(always)]
    fn write(&self, (key, value): (u64, u64)) {
        // Relaxed: between control-C5 and control-C6.
        self.key.store(key, Ordering::Relaxed);
        self.value.store(value, Ordering::Relaxed);
    }
}

/// A table of words.
type TableOfWords<E, const SLOTS: usize> = Table<Entry, SLOTS, <E as Exclusion>::Versions>;

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
    /// If `capacity` is too large, or there is no memory for it.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self::with_pages(capacity, hasher, Pages::Default)
    }

    constructors!(with a hasher);

    /// The same as [`with_capacity_and_hasher`](Self::with_capacity_and_hasher), on pages of the stated kind.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    pub fn with_pages(capacity: usize, hasher: S, pages: Pages) -> Self {
        Self::with_first(Table::for_entries(capacity, pages), hasher)
    }

    /// An empty table of `buckets` buckets, or somewhat more: the next power of two, at least 16.
    ///
    /// # Panics
    ///
    /// If `buckets` is too large, or there is no memory for them.
    pub fn with_buckets(buckets: usize, hasher: S, pages: Pages) -> Self {
        Self::with_first(Table::first(buckets, pages), hasher)
    }

    fn with_first(first: Arc<TableOfWords<E, SLOTS>>, hasher: S) -> Self {
        Self {
            driver: Driver::new(first),
            hasher,
            exclusion: E::default(),
            _entries: PhantomData,
            _factors: PhantomData,
        }
    }

    /// The number of entries: exact while no thread writes. Wait-free.
    pub fn len(&self) -> usize {
        self.driver.len()
    }

    /// The number of slots; about 95 % of them can be filled.
    pub fn capacity(&self) -> usize {
        self.table().slots()
    }

    /// The current table.
    #[inline(always)]
    fn table(&self) -> &TableOfWords<E, SLOTS> {
        self.driver.table()
    }

    /// The fingerprint: the tag, or other bits of the hash in a table without tags.
    #[inline(always)]
    fn fingerprint(hash: u64) -> u64 {
        if T::DISTINGUISHES { Self::tag(hash) } else { hash >> 32 }
    }

    #[inline(always)]
    fn tag(hash: u64) -> u64 {
        T::tag(hash, ControlWord::<SLOTS>::TAG_BITS)
    }

    /// The entry with `key` in `bucket`, whose word was `seen`. Says something only if the word
    /// validates.
    #[inline(always)]
    fn find(
        table: &TableOfWords<E, SLOTS>,
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
        let table = self.table();
        Self::prefetch(table, hash);
        self.get_from(table, key, hash)
    }

    /// A lookup that does not lock.
    #[inline(always)]
    fn get_from(&self, table: &TableOfWords<E, SLOTS>, key: &K, hash: u64) -> Option<V> {
        let settled = Self::get_at_once(table, key, hash);
        let (found, value) = settled.unwrap_or_else(|| self.get_slowly(key, hash));
        value_if(found, value)
    }

    /// Looks up many keys at once: `values[i]` becomes the value of `keys[i]`. The memory of 16 keys is
    /// prefetched before the first of them is looked up. Each lookup is linearizable;
    /// together they need not show one moment of the table.
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

    /// Counts of paths, displacements and retries since the table was made.
    #[cfg(feature = "stats")]
    pub fn stats(&self) -> super::stats::Stats {
        self.driver.stats()
    }

    /// Bytes on the heap: the current table and the superseded ones.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.driver.heap_bytes()
    }

    /// Runs `f` on the entries: weak iteration, see [`PinnedMap::for_each`](crate::map::PinnedMap::for_each).
    /// Displacements wait for the iteration, and so does an insertion that needs one. No other operation waits,
    /// unless `E` has one lock for all writers, or for all operations: then they wait for that lock. As no
    /// displacement is under way, every entry in a bucket is in the map, whatever its home says.
    pub fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        // Before the turn, as a writer has it who then displaces. What a closure does is inside of it.
        let _alone = self.exclusion.write();
        self.driver.iterate(|| {
            let table = self.table();
            for bucket in 0..table.buckets() {
                for (key, value) in copy_of(table, bucket).into_iter().flatten() {
                    f(&K::from_bits(key), &V::from_bits(value));
                }
            }
        });
    }
}

impl<K, V, const SLOTS: usize, E, T, P> CuckooOptimistic<K, V, RandomState, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    constructors!(with a random hasher);
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
