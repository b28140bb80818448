//! Chaining with the first entries of a bucket inline, in two cache lines with its control word.
//!
//! MemC3's chained baseline (B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent
//! MemCache with Dumber Caching and Smarter Hashing*, NSDI 2013) with the technique of the paper's
//! cuckoo table: readers validate a version instead of locking. Departures: the version belongs to one
//! bucket and shares a word with its lock ([`control`]); writers of different buckets do not exclude
//! each other; entries are words, kept inline; there are no tags, as a bucket's keys are one cache line
//! and compared at once ([`lanes`]); the table grows.
//!
//! A bucket is 128 bytes: the control word and seven keys in the first cache line, a link and seven
//! values in the second. The second line is requested together with the first, so that a lookup waits for memory
//! once. From the eighth on, a bucket's entries are in *further lines*, to which the link points; an
//! eight-bit filter in the control word says which keys may be there.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `get` | blocking | the load that validates the bucket's word (inline-B3); in a frozen bucket: the load of `current`, or the freezing if that came later (inline-I3) |
//! | `insert`, `update`, `upsert`, `remove`, `remove_if` | blocking | the store that unlocks the bucket (inline-B6); if nothing is to be changed, inline-B3 |
//!
//! A `get` waits only for a writer that is suspended between locking and unlocking its bucket. A writer holds
//! the lock for a few stores (and, in a bucket that overflows, a walk along the chain), without user code and
//! allocation. Other readers finish in a bounded number of steps unless their bucket's word changes while they
//! read it. Growth stops no reader.
//!
//! An operation that changes nothing writes nothing that another thread reads.
//!
//! Expected O(1). An insertion that finds no room in its bucket's lines doubles the table in O(n), if
//! the table has as many entries as its [`capacity`](ChainingInline::capacity): 4.55 times its buckets,
//! which is 65 % of the slots in first lines. Writers that find a frozen bucket help with the rest.
//!
//! # Load and memory
//!
//! With a good hasher the number of entries in a bucket is Poisson-distributed. So of the entries 0.1 %
//! are in further lines right after a doubling, at 2.3 a bucket; 2.1 % at 4, as in a table that was made
//! for 2ⁿ entries and has them; and 3.6 % at 4.55, when the table doubles (calculated). Misses walk less
//! often, as the filter refuses most. A further line is 128 bytes too: 34 bytes per entry at 4 entries
//! per bucket, 31 at 4.55, 56 right after a doubling (calculated). Further lines stay with their bucket,
//! and superseded tables with the map: these are as big as the current one in total, at most. Nothing is
//! freed before the map is, which is why readers need no protection.
//!
//! # Invariants
//! * inline-I1. An entry is in bucket `hash mod buckets` of the current table; no key occurs twice in
//!   it. bucket-L1–L4 of [`bucket`] hold for every bucket that is not locked.
//! * inline-I2. A bucket changes only under its lock, and its word then gets another version. A frozen
//!   bucket is not locked and does not change any more.
//! * inline-I3. A table is published when every bucket of its predecessor is frozen and copied. So until
//!   then a frozen bucket has the map's current entries. An operation that found the table current, and then the
//!   bucket frozen, reads the entries that the map had at the later of the two moments: within its own duration.
//! * inline-I4. Tables live as long as the map, so no operation announces which one it reads.
//! * inline-I5. The user's code (hasher, closures) runs while this thread has no bucket locked.

mod at_once;
mod bucket;
mod control;
mod lanes;
mod slowly;
mod table;
mod traits;

use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use self::bucket::Wanted;
use self::table::Table;
use super::MIN_BUCKETS;
use super::locked::DefaultState;
use crate::counter::StripedCounter;
use crate::cuckoo::GrowError;
use crate::exclusion::{Exclusion, Optimistic};
use crate::map::Direct;
use crate::operations::{constructors, derived};
use crate::prefetch::prefetch;
use crate::sync::{AtomicPtr, Backoff, Ordering};
use crate::versions::PerBucket;
use crate::word::{Word, value_if};

/// Keys that [`ChainingInline::get_many`] looks up at a time.
const BATCH: usize = 16;

/// A chained hash table of machine words, whose buckets are two cache lines; readers validate a version instead
/// of locking.
///
/// All operations are blocking, but readers wait only for a writer that is suspended within its few stores.
/// Expected O(1). `E` decides how operations on the same bucket exclude each other. Under every `E`, a writing
/// operation that turns out to change nothing (an insertion of a present key) searches without a lock.
///
/// Closures run without a bucket's lock, and run again if another thread was faster. Readers write
/// nothing, unless they lock under `E`.
///
/// **[`insert`](Self::insert) keeps the old value** if the key is present;
/// [`insert_or_assign`](Self::insert_or_assign) replaces it. There is no `shrink_to_fit`: readers
/// announce nothing, so no table can be freed before the map is.
///
/// A bucket is 128 bytes and has seven slots; the table doubles at 4.55 entries per bucket: 31 to 56
/// bytes per entry, 34 in a table made for 2ⁿ entries that has them. Superseded tables, as big as
/// the current one in total at most, are freed with the map.
///
/// # Examples
///
/// ```
/// use structures::ChainingInline;
///
/// let map = ChainingInline::<u64, u64>::new();
/// assert!(map.insert(1, 10));
/// assert!(!map.insert(1, 20));
/// assert_eq!(map.get(&1), Some(10));
/// assert_eq!(map.upsert(2, |value| value.map_or(1, |n| n + 1)), None);
/// assert_eq!(map.update(&1, |n| n + 1), Some(10));
/// assert_eq!(map.remove(&1), Some(11));
/// ```
///
/// The same table with another hasher and one lock around everything:
///
/// ```
/// use std::hash::RandomState;
///
/// use structures::ChainingInline;
/// use structures::exclusion::GlobalLock;
///
/// type Table<K, V> = ChainingInline<K, V, RandomState, GlobalLock>;
/// let map: Table<char, u32> = "hello".chars().zip(0..).collect();
/// assert_eq!(map.get(&'l'), Some(3));
/// ```
pub struct ChainingInline<K, V, S = DefaultState, E = Optimistic> {
    /// The current table: the first or one of its successors.
    current: AtomicPtr<Table>,
    hasher: S,
    /// The first table; it owns its successors. An `Arc`, as moving a `Box` would claim that
    /// nothing else points into it, and `current` does.
    _first: Arc<Table>,
    exclusion: CachePadded<E>,
    entries: StripedCounter,
    _entries: PhantomData<(K, V)>,
}

impl<K, V, E> ChainingInline<K, V, DefaultState, E>
where
    K: Word + Eq + Hash,
    V: Word,
    E: Exclusion<Versions = PerBucket>,
{
    constructors!(with a random hasher);
}

impl<K, V, S, E> ChainingInline<K, V, S, E> {
    #[inline(always)]
    fn current(&self) -> &Table {
        // Acquire: pairs with the Release in `double`; the table is complete.
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: inline-I4, and tables are only ever shared.
        unsafe { &*current }
    }
}

impl<K, V, S, E> ChainingInline<K, V, S, E>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion<Versions = PerBucket>,
{
    /// An empty table with room for `capacity` entries.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        let first = Arc::new(Table::SHAPE.make(capacity, MIN_BUCKETS, Table::try_with_buckets));
        Self {
            current: AtomicPtr::new(Arc::as_ptr(&first).cast_mut()),
            hasher,
            _first: first,
            exclusion: CachePadded::default(),
            entries: StripedCounter::default(),
            _entries: PhantomData,
        }
    }

    constructors!(with a hasher);

    derived!(() [K, V] [<> K]: contains insert_many insert_or_assign get_or_insert_with retain clear
        is_empty reserve);

    /// Makes a handle, for code that is generic over the table.
    pub fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    /// Runs `read` on a copy of the value of `key`: a [`get`](Self::get).
    #[inline(always)]
    pub fn get_with<R>(&self, key: &K, read: impl FnOnce(&V) -> R) -> Option<R> {
        self.get(key).map(|value| read(&value))
    }

    /// A copy of the value of `key`. Waits, at most, for a writer of the same bucket that is
    /// suspended within its few stores; expected O(1).
    #[inline(always)]
    pub fn get(&self, key: &K) -> Option<V> {
        let wanted = self.wanted(key);
        let _reading = self.exclusion.read();
        self.get_wanted(wanted)
    }

    #[inline(always)]
    fn get_wanted(&self, wanted: Wanted) -> Option<V> {
        let settled = if E::READERS_LOCK { None } else { self.get_at_once(wanted) };
        let (found, value) = settled.unwrap_or_else(|| self.get_slowly(wanted));
        value_if(found, value)
    }

    /// Looks up many keys: `values[i]` becomes what [`get`](Self::get) of `keys[i]` returns. Both cache lines
    /// of the buckets of 16 keys are prefetched before the first of them is looked up.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn get_many(&self, keys: &[K], values: &mut [Option<V>]) {
        assert_eq!(keys.len(), values.len(), "as many values as keys");
        for (keys, values) in keys.chunks(BATCH).zip(values.chunks_mut(BATCH)) {
            let mut batch = [Wanted::default(); BATCH];
            let batch = &mut batch[..keys.len()];
            batch.iter_mut().zip(keys).for_each(|(wanted, key)| *wanted = self.wanted(key));
            let _reading = self.exclusion.read();
            let table = self.current();
            for wanted in &*batch {
                let bucket = table.home(wanted.hash);
                prefetch(bucket);
                prefetch(bucket.second_line());
            }
            for (value, wanted) in values.iter_mut().zip(batch) {
                *value = self.get_wanted(*wanted);
            }
        }
    }

    /// Adds `key` with `value` and returns true; if the key is present, **keeps the old value** and
    /// returns false. Blocking; amortised expected O(1), O(n) when the table grows.
    ///
    /// # Panics
    ///
    /// If there is no memory for the grown table; nothing has changed then.
    #[inline(always)]
    pub fn insert(&self, key: K, value: V) -> bool {
        let (wanted, value) = (self.wanted(&key), value.to_bits());
        let _writing = self.exclusion.write();
        self.insert_at_once(wanted, value).unwrap_or_else(|| self.insert_slowly(wanted, value))
    }

    /// Replaces the value of `key` by the result of `f` on it, and returns the old value; `None` if
    /// the key is absent. Blocking; expected O(1).
    #[inline]
    pub fn update(&self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        let wanted = self.wanted(key);
        let _writing = self.exclusion.write();
        let updated = self.update_at_once(wanted, |old| f(&old));
        updated.or_else(|| self.update_slowly(wanted, f))
    }

    /// Updates the value if `key` is present, else adds `key` with the value `f(None)`; returns the
    /// old value, if there was one. Blocking; amortised expected O(1), O(n) when the table grows.
    ///
    /// # Panics
    ///
    /// Where [`insert`](Self::insert) does.
    #[inline]
    pub fn upsert(&self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        let wanted = self.wanted(&key);
        let _writing = self.exclusion.write();
        let updated = self.update_at_once(wanted, |old| f(Some(&old)));
        updated.or_else(|| self.upsert_slowly(wanted, f))
    }

    /// Removes `key` and returns its value; `None` if the key is absent. Blocking; expected O(1).
    #[inline(always)]
    pub fn remove(&self, key: &K) -> Option<V> {
        let wanted = self.wanted(key);
        let _writing = self.exclusion.write();
        let (found, value) =
            self.remove_at_once(wanted).unwrap_or_else(|| self.remove_slowly(wanted, |_| true));
        value_if(found, value)
    }

    /// Removes `key` if `condition` holds for its value, and returns the value. Blocking; expected
    /// O(1). `condition` runs once for each attempt, without a bucket's lock.
    ///
    /// The linearization point is inline-B6: the bucket is locked only if it is as it was when the value was
    /// read, so the value that is removed is the one that `condition` has seen. If `condition` returned false,
    /// it is inline-B3.
    pub fn remove_if(&self, key: &K, mut condition: impl FnMut(&V) -> bool) -> Option<V> {
        let wanted = self.wanted(key);
        let _writing = self.exclusion.write();
        let (found, value) = self.remove_slowly(wanted, |value| condition(&V::from_bits(value)));
        value_if(found, value)
    }

    /// Makes room for `additional` entries beyond those present. Blocking; O(n) for each doubling,
    /// which other writers help and readers do not wait for.
    ///
    /// # Errors
    ///
    /// There is no memory for it; the entries stay as they were.
    pub fn try_reserve(&self, additional: usize) -> Result<(), GrowError> {
        let buckets = Table::SHAPE.buckets_for_more(self.len(), additional)?;
        let _writing = self.exclusion.write();
        loop {
            let table = self.current();
            if table.buckets.len() >= buckets {
                return Ok(());
            }
            self.try_double(table)?;
        }
    }

    /// Weak iteration, see [`PinnedMap::for_each`](crate::map::PinnedMap::for_each): bucket by bucket,
    /// each as of one moment, and `f` after that. If the table is superseded meanwhile, its frozen
    /// buckets hold what they held then.
    pub fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        let _reading = self.exclusion.read();
        let mut entries = Vec::new();
        for bucket in self.current().buckets.iter() {
            let backoff = Backoff::new();
            let copy = |entries: &mut Vec<_>, seen| {
                entries.clear();
                bucket.for_each(seen, |key, value| entries.push((key, value)));
            };
            while Self::try_read(bucket, |seen| copy(&mut entries, seen)).is_none() {
                backoff.snooze();
            }
            for (key, value) in &entries {
                f(&K::from_bits(*key), &V::from_bits(*value));
            }
        }
    }

    /// The number of entries: exact while no thread writes, see
    /// [`ConcurrentMap::len`](crate::map::ConcurrentMap::len).
    pub fn len(&self) -> usize {
        self.entries.sum()
    }

    /// The number of entries up to which the table does not grow: 4.55 per bucket.
    pub fn capacity(&self) -> usize {
        self.current().capacity()
    }

    #[inline(always)]
    fn wanted(&self, key: &K) -> Wanted {
        Wanted { hash: self.hasher.hash_one(key), key: key.to_bits() }
    }
}
