//! Cuckoo hashing with striped locks: the fine-grained table whose readers lock.
//!
//! X. Li, D. Andersen, M. Kaminsky, M. Freedman, *Algorithmic Improvements for Fast Concurrent
//! Cuckoo Hashing*, EuroSys 2014, sections 4.3 and 4.4, and its descendant, the library libcuckoo.
//! Departures:
//! * an entry's other bucket follows from its tag (MemC3), so that a search reads no entry;
//! * an operation locks only the home where that suffices: its key is there, or no entry of that home is in
//!   its other bucket, unless the table is being doubled or the home has no room for an insertion;
//! * a doubling is published without all locks;
//! * superseded tables are freed before the map is, as searches announce themselves at their stripe;
//! * iteration holds one lock at a time.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `get`, `insert`, `update`, `upsert`, `remove`, `remove_if` | blocking | any moment at which it holds the lock of its key's home, or the locks of both buckets, the last time if it takes them several times |
//!
//! Expected O(1); at a load near 1 an insertion examines at most 2000 slots. The insertion
//! that doubles a table allocates the new one; each stripe's entries are then moved by the first
//! operation that locks the stripe, O(n ÷ stripes), while operations in other stripes go on. Tables of
//! less than 4096 buckets, whose number of stripes grows too, are moved at once, as are tables
//! that shrink: all operations wait.
//!
//! # Invariants
//! * striped-I1. An entry of bucket b, and its tag, are written only by holders of stripe b mod stripes.
//!   Tags are atomics, as searches read them without the lock.
//! * striped-I2. A slot holds an entry exactly if its tag is not 0. An entry is in its home or in its other bucket,
//!   and no key is in both: an operation that adds a key has locked its home. Either it has locked the other bucket
//!   too, and searched both since, or it knows that the key is not there (striped-I10) and adds it at home.
//! * striped-I3. A key's two stripes follow from its hash and the number of stripes, whatever the
//!   number of buckets is, as there are at least as many buckets as stripes. Stripes that are current after they have
//!   been locked stay current until they are released: a thread that replaces them holds all of them.
//! * striped-I4. While a stripe is held, its entries are in the current table, or in the one before if
//!   the stripe is *behind* (its number is not the table's). Every operation but an iteration moves them before it
//!   does anything else. The current table can change under a held stripe, by a doubling; the holder
//!   stays with the one it has read, which is where the stripe's entries are, or reads again and moves them. A
//!   second doubling begins by locking every stripe once, so a stripe is behind by no more than one.
//! * striped-I5. A doubling sends an entry to the same slot of bucket b or b + n. Only entries of slot
//!   (b, i) go to slot i of those two, so it is empty: a migration displaces nothing and cannot
//!   fail. A panicking `Hash` interrupts it between two buckets; those that were moved are empty
//!   in the old table.
//! * striped-I6. A table is freed when no thread can read it: it is not current, no stripe is behind, and
//!   all searches in it have ended. A search is announced in a stripe under its lock. A thread that brings
//!   that stripe up to date waits for the search, with the lock, so no other search begins. Searches take no lock and
//!   are bounded, so the wait ends.
//! * striped-I7. Stripes live as long as the map; there is one set for each number of them.
//! * striped-I8. Iteration visits stripe after stripe. The *frontier* is the first not yet visited; it
//!   moves under that stripe's lock. An entry is not displaced across it, so it is visited once.
//!   Doublings move entries within a stripe, and other growth waits for the iteration.
//! * striped-I9. The user's code runs only while the other invariants hold, so a panic in it leaves a
//!   consistent table.
//! * striped-I10. An entry comes to its other bucket, and leaves it, under the locks of both buckets, and is
//!   in its home's overflow count meanwhile. Only migration has just one lock: it counts an entry at its home in the
//!   new table before it marks the stripe as moved, and leaves the old table's counts as they are. So under a
//!   home's lock a count of 0 means that no entry of this home is in its other bucket, if the table has no stripe
//!   behind. A doubling that is published meanwhile changes neither: the lock keeps entries from leaving home. (If the
//!   result of `Hash` changes, an entry may be taken for one at home that is not. Its count is right then too, and
//!   other keys are not affected.)
//!
//! Deadlock is excluded by order: the mutex for growth and iteration, then stripes in ascending
//! order. An insertion searches, and waits for growth, without locks.

mod away;
mod candidates;
mod growth;
mod locate;
mod room;
mod slots;
mod stripes;
mod traits;

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;

use self::growth::{StripedTable, allocate, is_behind};
use self::slots::{Hint, Slots};
use self::stripes::{HeldStripes, MAX_STRIPES, StripeLocks, stripes_for};
use super::error::TryInsertError;
use super::path::{Bfs, Place, Search};
use super::stats::Counters;
use crate::capacity::Shape;
use crate::map::Direct;
use crate::operations::{constructors, derived};
use crate::owner::OwnerLock;
use crate::sync::{AtomicPtr, AtomicUsize, Mutex, Ordering};

/// A cuckoo hash table of any keys and values, with striped spinlocks (Li and others, EuroSys 2014).
///
/// All operations are blocking. Expected O(1).
///
/// `SLOTS` is the number of slots per bucket: 2, 4 or 8. `P` decides how an insertion searches for room
/// when both of its key's buckets are full: [`Bfs`] or [`RandomWalk`](super::path::RandomWalk).
/// Four slots and breadth-first search fill 95 % of the slots before the table grows.
///
/// Keys are hashed again when the table grows. The hasher must mix low and high bits: see
/// [`crate::hash`]. At most `2 * SLOTS` keys with equal hashes fit.
///
/// Closures, `Eq` and `Clone` run under locks: keep them short, and do not use the map in them. An operation that
/// needs a lock that its own thread holds panics: see [`crate::map`]. A panic in the code of a key or value,
/// or in a closure, releases the locks and leaves the operation without effect.
/// Any operation may call `Hash` of any key, as it may have to move entries of a
/// table that has doubled.
///
/// **[`insert`](Self::insert) keeps the old value** if the key is present;
/// [`insert_or_assign`](Self::insert_or_assign) replaces it.
///
/// # Examples
///
/// ```
/// use structures::CuckooStriped;
///
/// let map = CuckooStriped::<String, u32>::new();
/// assert!(map.insert("a".to_owned(), 1));
/// assert!(!map.insert("a".to_owned(), 2));
/// assert_eq!(map.get("a"), Some(1));
/// assert_eq!(map.update("a", |count| count + 1), Some(1));
/// assert_eq!(map.remove("a"), Some(2));
/// ```
///
/// Eight slots per bucket, one random walk:
///
/// ```
/// use std::hash::RandomState;
///
/// use structures::CuckooStriped;
/// use structures::cuckoo::path::RandomWalk;
///
/// type Map = CuckooStriped<u64, u64, RandomState, 8, RandomWalk<1>>;
/// let map: Map = (0..1_000).map(|key| (key, key * key)).collect();
/// assert_eq!(map.get(&30), Some(900));
/// ```
pub struct CuckooStriped<K, V, S = RandomState, const SLOTS: usize = 4, P = Bfs> {
    hasher: S,
    /// The current table. Owned; replaced by holders of `maintenance`.
    table: AtomicPtr<StripedTable<K, V, SLOTS>>,
    /// One of `made_stripes`.
    stripes: AtomicPtr<StripeLocks>,
    /// By the logarithm of their number. `Arc`s, as moving a `Box` would claim that nothing else points
    /// into it, and `stripes` does.
    made_stripes: [OnceLock<Arc<StripeLocks>>; MAX_STRIPES.ilog2() as usize + 1],
    /// Slots of the current table.
    slots: AtomicUsize,
    /// Where they are.
    hint: Hint,
    /// The stripes below have been visited by the iteration that runs, if any (striped-I8).
    frontier: AtomicUsize,
    /// One growth, shrinking or iteration at a time.
    maintenance: OwnerLock<()>,
    counters: Counters,
    /// It owns entries and gives them to one thread at a time: they must be `Send`, as in a mutex.
    _owns: PhantomData<Mutex<(K, V)>>,
    _search: PhantomData<fn() -> P>,
}

/// Buckets of an empty table: an entry has two.
const MIN_BUCKETS: usize = 2;

/// An eighth of the slots to spare.
const fn shape<K, V, const SLOTS: usize>() -> Shape {
    Shape { slots: SLOTS, load: (7, 8), bytes: Slots::<K, V, SLOTS>::BUCKET_BYTES }
}

/// Stripes that are held, and the table in which their entries are (striped-I4).
struct LockedStripes<'m, K, V, const SLOTS: usize> {
    /// Not a reference: the table may be freed before a call that passes stripes on, or releases them, returns.
    table: NonNull<StripedTable<K, V, SLOTS>>,
    held: HeldStripes<'m>,
}

impl<K, V, const SLOTS: usize> LockedStripes<'_, K, V, SLOTS> {
    #[inline(always)]
    fn table(&self) -> &StripedTable<K, V, SLOTS> {
        // SAFETY: striped-I6: a table is freed after each of our stripes has been held by somebody who saw a
        // later one; we have them, and saw this one.
        unsafe { self.table.as_ref() }
    }
}

/// The two buckets of a key, of which the first, its home, is locked, or both.
struct Candidates<'m, K, V, const SLOTS: usize> {
    locked: LockedStripes<'m, K, V, SLOTS>,
    tag: u64,
    buckets: [usize; 2],
}

/// The place of a key, or an empty slot for it.
enum Spot {
    Present(Place),
    Vacant(Place),
}

impl<K: Eq + Hash, V, S: BuildHasher, const SLOTS: usize, P: Search>
    CuckooStriped<K, V, S, SLOTS, P>
{
    /// An empty table with room for `capacity` entries.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        let (slots, stripes) = shape::<K, V, SLOTS>().make(capacity, MIN_BUCKETS, |buckets| {
            Ok((allocate(buckets)?, StripeLocks::try_new(stripes_for(buckets), 1)?))
        });
        let size = stripes.count().ilog2() as usize;
        let mut made_stripes = [const { OnceLock::new() }; MAX_STRIPES.ilog2() as usize + 1];
        let stripes = Arc::new(stripes);
        let current = Arc::as_ptr(&stripes);
        made_stripes[size] = OnceLock::from(stripes);
        Self {
            hasher,
            slots: AtomicUsize::new(slots.buckets() * SLOTS),
            hint: slots.hint(),
            table: AtomicPtr::new(Box::into_raw(Box::new(StripedTable::new(1, slots)))),
            stripes: AtomicPtr::new(current.cast_mut()),
            made_stripes,
            frontier: AtomicUsize::new(0),
            maintenance: OwnerLock::new(()),
            counters: Counters::default(),
            _owns: PhantomData,
            _search: PhantomData,
        }
    }

    constructors!(with a hasher);

    derived!(() [K, V] [<Q> Q]:
        get contains get_many insert_many get_or_insert_with remove retain clear reserve);

    /// Makes a handle, for code that is generic over the table.
    pub fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    /// Runs `read` on the value of `key`, under the locks. Blocking; expected O(1).
    #[inline]
    pub fn get_with<Q, T>(&self, key: &Q, read: impl FnOnce(&V) -> T) -> Option<T>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.at(key, |locked, place| read(locked.value(place)))
    }

    /// Adds `key` with `value` and returns true; if the key is present, **keeps the old value** and
    /// returns false. Blocking; amortised expected O(1).
    ///
    /// # Panics
    ///
    /// Where [`try_insert`](Self::try_insert) would return an error; nothing has changed then.
    #[inline]
    pub fn insert(&self, key: K, value: V) -> bool {
        self.try_insert(key, value).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Adds `key` with `value` and returns true; if the key is present, has no effect and returns false. Blocking;
    /// amortised expected O(1).
    ///
    /// # Errors
    ///
    /// If there is no room and the table cannot grow, because there is no memory, or because it is
    /// nearly empty and a larger one would not help: more than `2 * SLOTS` keys have equal hashes.
    /// Nothing has changed then, and the table remains usable.
    #[inline]
    pub fn try_insert(&self, key: K, value: V) -> Result<bool, TryInsertError<K, V>> {
        let hash = self.hasher.hash_one(&key);
        let locked = self.at_home(hash);
        match locked.spot_at_home(&key) {
            Some(spot) => Ok(locked.insert(spot, key, value)),
            None => match self.spot_in_both(locked, hash, &key) {
                Ok((locked, spot)) => Ok(locked.insert(spot, key, value)),
                Err(reason) => Err(TryInsertError { key, value, reason }),
            },
        }
    }

    /// Replaces the value of `key` by the result of `f` on it, and returns the old value; `None` if
    /// the key is absent. Blocking; expected O(1).
    #[inline]
    pub fn update<Q>(&self, key: &Q, f: impl FnOnce(&V) -> V) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.at(key, |mut locked, place| locked.replace(place, f))
    }

    /// Updates the value if `key` is present, else adds `key` with the value `f(None)`; returns the
    /// old value, if there was one. Blocking; amortised expected O(1).
    ///
    /// # Panics
    ///
    /// Where [`try_upsert`](Self::try_upsert) would return an error; nothing has changed then.
    #[inline]
    pub fn upsert(&self, key: K, f: impl FnOnce(Option<&V>) -> V) -> Option<V> {
        self.try_upsert(key, f).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Updates the value if `key` is present, else adds `key` with the value `f(None)`; returns the
    /// old value, if there was one. Blocking; amortised expected O(1).
    ///
    /// # Errors
    ///
    /// Those of [`try_insert`](Self::try_insert); `f` has not been called.
    #[inline]
    pub fn try_upsert(
        &self,
        key: K,
        f: impl FnOnce(Option<&V>) -> V,
    ) -> Result<Option<V>, TryInsertError<K>> {
        let hash = self.hasher.hash_one(&key);
        let locked = self.at_home(hash);
        match locked.spot_at_home(&key) {
            Some(spot) => Ok(locked.upsert(spot, key, f)),
            None => match self.spot_in_both(locked, hash, &key) {
                Ok((locked, spot)) => Ok(locked.upsert(spot, key, f)),
                Err(reason) => Err(TryInsertError { key, value: (), reason }),
            },
        }
    }

    /// Sets the value of `key`, whether the key is present or not, and returns the old value, if
    /// there was one: what `insert` of other maps does. Blocking; amortised expected O(1).
    ///
    /// # Panics
    ///
    /// Where [`upsert`](Self::upsert) does.
    pub fn insert_or_assign(&self, key: K, value: V) -> Option<V> {
        self.upsert(key, |_| value)
    }

    /// Removes `key` if `condition` holds for its value, and returns the value: one step, at any
    /// moment at which it holds the locks. Blocking; expected O(1). `condition` runs at most once,
    /// under the locks.
    #[inline]
    pub fn remove_if<Q>(&self, key: &Q, condition: impl FnOnce(&V) -> bool) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let locked = self.at_home(hash);
        // What `at` does, but for the closure: as large as this one it would be called out of line, with all that is
        // known of the key in memory.
        match locked.find_at_home(|k| k.borrow() == key) {
            Some(place) => locked.remove(place, condition),
            None if locked.is_none_away() => None,
            None => {
                let remove =
                    |locked: Candidates<'_, _, _, SLOTS>, place| locked.remove(place, condition);
                self.at_either(key, remove, hash, locked).flatten()
            }
        }
    }

    /// Runs `f` on entries, in no particular order: weak iteration, see
    /// [`PinnedMap::for_each`](crate::map::PinnedMap::for_each). Blocking, a stripe at a time.
    /// Meanwhile an insertion waits if the table must grow for it, or if it would have to move an entry so that the
    /// iteration misses it or visits it twice.
    pub fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        /// Moves back when the iteration ends, also during unwinding.
        struct Frontier<'f>(&'f AtomicUsize);
        impl Drop for Frontier<'_> {
            fn drop(&mut self) {
                // Relaxed: as in `displace`; the mutex orders it before the next iteration.
                self.0.store(0, Ordering::Relaxed);
            }
        }
        let turn = self.maintenance();
        let (table, stripes) = (self.current(&turn), self.stripes());
        let frontier = Frontier(&self.frontier);
        for number in 0..stripes.count() {
            let _held = stripes.lock([number; 2]);
            if is_behind(table, stripes, number) {
                // SAFETY: it is behind, and we have its lock.
                visit(unsafe { table.previous() }, number, stripes.count(), &mut f);
            }
            visit(&table.slots, number, stripes.count(), &mut f);
            // Relaxed: the stripe's lock orders it, see `displace`.
            frontier.0.store(number + 1, Ordering::Relaxed);
        }
    }

    /// Counts of paths, displacements and retries since the table was made.
    #[cfg(feature = "stats")]
    pub fn stats(&self) -> super::Stats {
        self.counters.snapshot(self.len(), self.capacity())
    }
}

impl<K: Eq + Hash, V, const SLOTS: usize, P: Search> CuckooStriped<K, V, RandomState, SLOTS, P> {
    constructors!(with a random hasher);
}

impl<K, V, S, const SLOTS: usize, P> CuckooStriped<K, V, S, SLOTS, P> {
    /// The number of entries: exact while no thread writes, otherwise off by no more than the
    /// number of inserts and removes that overlap with the call. O(stripes).
    pub fn len(&self) -> usize {
        // Below 0 for a moment when a removal is counted and the insertion is not.
        usize::try_from(self.stripes().entries()).unwrap_or(0)
    }

    derived!(() [K, V] [<Q> Q]: is_empty);

    /// The number of slots; nearly as many entries fit before the table grows.
    #[inline]
    pub fn capacity(&self) -> usize {
        // Relaxed: a number.
        self.slots.load(Ordering::Relaxed)
    }
}

/// Runs `f` on the entries of a stripe.
fn visit<K, V, const SLOTS: usize>(
    slots: &Slots<K, V, SLOTS>,
    stripe: usize,
    stripes: usize,
    f: &mut impl FnMut(&K, &V),
) {
    for place in (stripe..slots.buckets()).step_by(stripes).flat_map(|bucket| slots.used(bucket)) {
        // SAFETY: striped-I1: in use, and the caller has the lock.
        let (key, value) = unsafe { slots.get(place) };
        f(key, value);
    }
}

impl<K, V, S, const SLOTS: usize, P> Drop for CuckooStriped<K, V, S, SLOTS, P> {
    fn drop(&mut self) {
        let table = self.table.load(Ordering::Relaxed);
        // SAFETY: it came from a box and is owned; `&mut self`, so nobody reads it.
        drop(unsafe { Box::from_raw(table) });
    }
}
