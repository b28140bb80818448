//! Chaining with the first entries of a bucket inline, in one cache line with its control word.
//!
//! MemC3's chained baseline (B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent
//! MemCache with Dumber Caching and Smarter Hashing*, NSDI 2013) with what the paper does for its
//! cuckoo table: tags, and readers that validate a version instead of locking. Departures: the
//! version belongs to one bucket and shares a word with its tags and its lock
//! ([`control`](crate::control)); writers of different buckets do not exclude each other; entries
//! are words, kept inline; the table grows. A lookup touches one cache line, unless the bucket has
//! entries in overflow, and has no branch that depends on what it finds.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `get` | blocking | the load that validates the bucket's word (control-C3), or, if the word's tags alone say that the key is absent, its snapshot (control-C1); in a frozen bucket: the load of `current`, or the freezing if that came later (inline-I3) |
//! | `insert`, `update`, `upsert`, `remove`, `remove_if` | blocking | the store that unlocks the bucket (control-C6); if nothing is to be changed, control-C3 |
//!
//! What `get` waits for: a writer that is suspended between locking a bucket and unlocking it (a
//! few stores, in a bucket that overflows also a walk along the chain; no code of the user's and
//! no allocation) stops readers of that bucket if a tag matches or the bucket overflows, until it
//! goes on. Other readers finish in a bounded number of steps unless their bucket's word changes
//! while they read it. Growth stops no reader.
//!
//! Expected O(1). An insertion that finds its bucket's lines full, and as many entries as
//! [`ENTRIES_PER_BUCKET`] times the buckets, doubles the table in O(n); writers that meet a frozen
//! bucket help with the rest.
//!
//! # Load and memory
//!
//! With a good hasher the number of entries in a bucket is Poisson-distributed. So at 2 entries a
//! bucket, when the table doubles, 11 % of the hits and 14 % of the misses go past the first line;
//! at 1, right after, 2 % and 2 % (calculated). At 1.5 it would be 6 % and 7 %, for a third more
//! memory on average. A bucket is 64 bytes, overflow comes in lines of 64 bytes for 3 entries:
//! 37 to 65 bytes an entry (calculated). Overflow lines stay with their bucket, and superseded
//! tables with the map: these are as big as the current one in total, at most. Nothing is freed
//! before the map is, which is why readers need no protection.
//!
//! # Invariants
//! * inline-I1. An entry is in bucket `hash mod buckets` of the current table; no key occurs twice in
//!   it. line-L1–L4 of [`line`] hold for every bucket that is not locked.
//! * inline-I2. A bucket changes only under its lock, and its word then gets another version. A frozen
//!   bucket is not locked and does not change any more.
//! * inline-I3. A table is published when every bucket of its predecessor is frozen and copied. So
//!   until then a frozen bucket holds what the map holds; and who found its table current, and then the
//!   bucket frozen, reads what the map held at the later of the two: within its own operation.
//! * inline-I4. Tables live as long as the map, so no operation announces which one it reads.
//! * inline-I5. The user's code (hasher, closures) runs while this thread has no bucket locked.

mod line;
mod table;
mod traits;

use std::hash::{BuildHasher, Hash};
use std::hint::select_unpredictable;
use std::marker::PhantomData;
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use self::line::{Line, LineWord, Probe, TAG_BITS, Wanted};
use self::table::Table;
use super::MIN_BUCKETS;
use super::locked::DefaultState;
use crate::counter::StripedCounter;
use crate::cuckoo::GrowError;
use crate::exclusion::{Exclusion, Optimistic};
use crate::map::Direct;
use crate::operations::{constructors, derived};
use crate::sync::{AtomicPtr, Backoff, Ordering};
use crate::tagging::{Tagged, Tagging};
use crate::versions::PerBucket;
use crate::word::Word;

/// Entries a bucket, on average, up to which a table does not double.
pub const ENTRIES_PER_BUCKET: usize = 2;

/// A chained hash table of words whose buckets are cache lines.
///
/// `E` says how operations on the same bucket exclude each other, `T` whether slots have tags.
/// Under every `E`, an operation that changes nothing but may (an insertion of a key that is
/// present) searches without a lock.
///
/// Closures run without a bucket's lock, and again if another thread was faster. Readers write
/// nothing, unless `E` has them lock.
///
/// **[`insert`](Self::insert) keeps the old value** if the key is present;
/// [`insert_or_assign`](Self::insert_or_assign) replaces it. There is no `shrink_to_fit`: readers
/// announce nothing, so no table can be freed before the map is.
///
/// A bucket is 64 bytes, for two entries at most on average: 37 to 65 bytes an entry. Superseded
/// tables, as big as the current one in total at most, are freed with the map.
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
/// The same table with another hasher, one lock around everything and no tags:
///
/// ```
/// use std::hash::RandomState;
///
/// use structures::ChainingInline;
/// use structures::exclusion::GlobalLock;
/// use structures::tagging::Untagged;
///
/// type Table<K, V> = ChainingInline<K, V, RandomState, GlobalLock, Untagged>;
/// let map: Table<char, u32> = "hello".chars().zip(0..).collect();
/// assert_eq!(map.get(&'l'), Some(3));
/// ```
pub struct ChainingInline<K, V, S = DefaultState, E = Optimistic, T = Tagged> {
    /// The current table: the first or one of its successors.
    current: AtomicPtr<Table>,
    hasher: S,
    /// The first table; it owns its successors. An `Arc`, as moving a `Box` would claim that
    /// nothing else points into it, and `current` does.
    _first: Arc<Table>,
    exclusion: CachePadded<E>,
    entries: StripedCounter,
    _entries: PhantomData<(K, V, T)>,
}

impl<K, V, E, T> ChainingInline<K, V, DefaultState, E, T>
where
    K: Word + Eq + Hash,
    V: Word,
    E: Exclusion<Versions = PerBucket>,
    T: Tagging,
{
    constructors!(with a random hasher);
}

/// A writer's view of a bucket before it locks it, as of one moment.
struct Located<'t> {
    table: &'t Table,
    bucket: &'t Line,
    seen: LineWord,
    wraps: u64,
    search: Probe<'t>,
}

impl Located<'_> {
    /// Locks the bucket if it still is as it was.
    fn lock(&self) -> bool {
        self.bucket.control.try_lock(self.seen, &self.table.wraps, self.wraps)
    }

    fn unlock(&self, new: LineWord) {
        self.bucket.control.unlock(new, &self.table.wraps);
    }
}

impl<K, V, S, E, T> ChainingInline<K, V, S, E, T> {
    #[inline(always)]
    fn current(&self) -> &Table {
        // Acquire: pairs with the Release in `double`; the table is complete.
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: inline-I4, and tables are only ever shared.
        unsafe { &*current }
    }
}

impl<K, V, S, E, T> ChainingInline<K, V, S, E, T>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion<Versions = PerBucket>,
    T: Tagging,
{
    /// An empty table with room for `capacity` entries.
    ///
    /// # Panics
    ///
    /// If there cannot be so many, or there is no memory for them.
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

    derived!(() [K, V] [<> K]: contains get_many insert_many insert_or_assign
        get_or_insert_with remove retain clear is_empty reserve);

    /// A handle, for code that is to run with any table.
    pub fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    /// Runs `read` on a copy of the value of `key`: a [`get`](Self::get).
    #[inline]
    pub fn get_with<R>(&self, key: &K, read: impl FnOnce(&V) -> R) -> Option<R> {
        self.get(key).map(|value| read(&value))
    }

    /// A copy of the value of `key`. Waits, at most, for a writer of the same bucket that is
    /// suspended within its few stores; expected O(1).
    #[inline]
    pub fn get(&self, key: &K) -> Option<V> {
        let (hash, wanted) = self.wanted(key);
        let _reading = self.exclusion.read();
        let settled = if E::READERS_LOCK { None } else { self.get_at_once(hash, wanted) };
        let (found, value) = settled.unwrap_or_else(|| self.get_slowly(hash, wanted));
        // Not `then`, whose branch on what was found would remain: 0 is a value of every `V`.
        select_unpredictable(found, Some(V::from_bits(value)), None)
    }

    /// Adds `key`; false, and **the old value stays**, if it is present. Blocking; amortised expected
    /// O(1), O(n) when the table grows.
    ///
    /// # Panics
    ///
    /// If there is no memory for the grown table; nothing has changed then.
    pub fn insert(&self, key: K, value: V) -> bool {
        let (hash, wanted) = self.wanted(&key);
        let _writing = self.exclusion.write();
        loop {
            let located = self.locate(hash, wanted);
            if located.search.found.is_some() {
                return false;
            }
            if self.try_add(&located, wanted, value) {
                return true;
            }
        }
    }

    /// Replaces the value of `key` by `f` of it and returns the one replaced. Blocking; expected
    /// O(1).
    pub fn update(&self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        let (hash, wanted) = self.wanted(key);
        let _writing = self.exclusion.write();
        loop {
            let located = self.locate(hash, wanted);
            let old = V::from_bits(located.search.found.as_ref()?.1);
            let new = f(&old);
            if Self::try_replace(&located, new) {
                return Some(old);
            }
        }
    }

    /// Updates `key` if it is present, else adds it with `f(None)`; returns the value replaced.
    /// Blocking; amortised expected O(1), O(n) when the table grows.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    pub fn upsert(&self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        let (hash, wanted) = self.wanted(&key);
        let _writing = self.exclusion.write();
        loop {
            let located = self.locate(hash, wanted);
            let old = located.search.found.as_ref().map(|(_, value)| V::from_bits(*value));
            let new = f(old.as_ref());
            let done = match old {
                Some(_) => Self::try_replace(&located, new),
                None => self.try_add(&located, wanted, new),
            };
            if done {
                return old;
            }
        }
    }

    /// Takes `key` out if `condition` holds of its value, and returns the value. Blocking; expected
    /// O(1). `condition` runs once for each attempt, without a bucket's lock.
    ///
    /// One step, control-C6: the bucket is locked only if it is as it was when the value was read, so
    /// the value that is taken out is the one that `condition` has seen. If that refused it, the step
    /// is control-C3.
    pub fn remove_if(&self, key: &K, mut condition: impl FnMut(&V) -> bool) -> Option<V> {
        let (hash, wanted) = self.wanted(key);
        let _writing = self.exclusion.write();
        loop {
            let located = self.locate(hash, wanted);
            let (place, value) = located.search.found?;
            let value = V::from_bits(value);
            if !condition(&value) {
                return None;
            }
            if located.lock() {
                located.unlock(located.bucket.take(located.seen, place));
                self.entries.add(-1);
                return Some(value);
            }
        }
    }

    /// Makes room for `additional` entries more than there are. Blocking; O(n) for each doubling, which
    /// other writers help and readers do not wait for.
    ///
    /// # Errors
    ///
    /// There is no memory for it; the table holds what it held.
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
        let table = self.current();
        let mut entries = Vec::new();
        for bucket in table.buckets.iter() {
            let backoff = Backoff::new();
            let copy = |entries: &mut Vec<_>, seen| {
                entries.clear();
                bucket.for_each(seen, |_, key, value| entries.push((key, value)));
            };
            while Self::try_read(table, bucket, |seen| copy(&mut entries, seen)).is_none() {
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

    /// Entries up to which the table does not grow.
    pub fn capacity(&self) -> usize {
        self.current().capacity()
    }

    #[inline(always)]
    fn wanted(&self, key: &K) -> (u64, Wanted) {
        let hash = self.hasher.hash_one(key);
        (hash, Wanted { tag: T::tag(hash, TAG_BITS), key: key.to_bits() })
    }

    /// One attempt to get, in the bucket's first line; `None` if that does not settle it.
    #[inline(always)]
    fn get_at_once(&self, hash: u64, wanted: Wanted) -> Option<(bool, u64)> {
        let table = self.current();
        let bucket = table.home(hash);
        let wraps = table.wraps.count();
        let seen = bucket.control.snapshot();
        let picked = bucket.pick(seen, wanted);
        let settled =
            !seen.is_locked() && !seen.overflows() && table.unchanged(bucket, seen, wraps);
        settled.then_some(picked)
    }

    /// Gets whatever it takes.
    #[inline(never)]
    fn get_slowly(&self, hash: u64, wanted: Wanted) -> (bool, u64) {
        let backoff = Backoff::new();
        loop {
            let table = self.current();
            let bucket = table.home(hash);
            let seen = bucket.control.snapshot();
            // The tags of a locked bucket are those before the writer's change.
            let absent = !seen.overflows() && seen.matching(wanted.tag).is_empty();
            if absent && !E::READERS_LOCK {
                return (false, 0);
            }
            let value = |seen| bucket.search(seen, wanted).found.map(|(_, value)| value);
            if let Some(found) = Self::try_read(table, bucket, value) {
                return found.map_or((false, 0), |value| (true, value));
            }
            backoff.snooze();
        }
    }

    /// One attempt to read a bucket as of one moment; `None` if a writer was there. `read` is not
    /// the user's (inline-I5).
    fn try_read<R>(table: &Table, bucket: &Line, read: impl FnOnce(LineWord) -> R) -> Option<R> {
        let wraps = table.wraps.count();
        let seen = bucket.control.snapshot();
        if seen.is_locked() {
            return None;
        }
        // A frozen bucket has no lock and needs none.
        if E::READERS_LOCK && !seen.is_frozen() {
            if !bucket.control.try_lock(seen, &table.wraps, wraps) {
                return None;
            }
            let result = read(seen);
            bucket.control.unlock_unchanged(seen);
            return Some(result);
        }
        let result = read(seen);
        table.unchanged(bucket, seen, wraps).then_some(result)
    }

    /// Finds `wanted`, or the place for it, in a bucket that could be locked just then.
    fn locate(&self, hash: u64, wanted: Wanted) -> Located<'_> {
        let backoff = Backoff::new();
        loop {
            let table = self.current();
            let bucket = table.home(hash);
            let wraps = table.wraps.count();
            let seen = bucket.control.snapshot();
            if seen.is_frozen() {
                self.double(table);
                continue;
            }
            if !seen.is_locked() {
                let search = bucket.search(seen, wanted);
                if table.unchanged(bucket, seen, wraps) {
                    return Located { table, bucket, seen, wraps, search };
                }
            }
            backoff.snooze();
        }
    }

    /// Adds the entry that was not found; false, and no effect, if the bucket is not as it was,
    /// or if the table had to grow first.
    fn try_add(&self, located: &Located<'_>, new: Wanted, value: V) -> bool {
        if located.search.is_full() && self.entries.sum() >= located.table.capacity() {
            self.double(located.table);
            return false;
        }
        let place = located.search.place();
        let locked = located.lock();
        if locked {
            located.unlock(located.bucket.add(located.seen, place, new, value.to_bits()));
            self.entries.add(1);
        }
        locked
    }

    /// Replaces the value that was found; false, and no effect, if the bucket is not as it was.
    fn try_replace(located: &Located<'_>, new: V) -> bool {
        let Some((place, _)) = located.search.found else { return false };
        let locked = located.lock();
        if locked {
            place.set_value(new.to_bits());
            located.unlock(located.seen);
        }
        locked
    }
}
