//! The interface of a concurrent map, for the harness, the tests and users.
//!
//! Three layers, so that the cost of protecting memory is expressible and measurable:
//!
//! * [`ConcurrentMap`] is shared between threads;
//! * [`MapHandle`] is one thread's way in: its registration with the reclaimer, its hazard
//!   slots, its stripe of the size counter;
//! * [`PinnedMap`] is a handle inside a critical section: one pin covers one operation
//!   ([`MapHandle::get`] and its siblings) or a whole batch ([`MapHandle::pin`]).
//!
//! Reads copy the value out or run a closure while it is protected; no reference outlives the
//! protection. A map that needs no per-thread state implements [`DirectMap`] on shared
//! references and takes [`Direct`] as its handle.
//!
//! The second and the third layer have methods of the same names, so no type is both a handle and a
//! handle inside a critical section: with both traits in scope a call would be ambiguous.
//!
//! # User code that uses the map
//!
//! A map runs code of its user: closures, and `Hash`, `Eq`, `Clone` and `Drop` of keys and values, among
//! them drops that a reclaimer runs in the midst of another operation. May that code use the same map,
//! by a handle of its own? It never waits for its own thread; what it may do is said here, and tested
//! for each cell, with several reclaimers.
//!
//! * *works*: everything;
//! * *reads*: [`get`](MapHandle::get), [`get_with`](MapHandle::get_with),
//!   [`contains`](MapHandle::contains) and [`len`](ConcurrentMap::len) work. An operation that writes, or
//!   iterates, and would wait for its own thread panics and says so; two threads whose code writes or
//!   iterates from there may wait for each other, and no panic ends that;
//! * *panics*: each operation that would wait for its own thread panics and says so. Do not use the map
//!   from there: two threads that do may wait for each other, and no panic ends that;
//! * –: no such code is run.
//!
//! | from within | `get_with` | `update`, `upsert`, `remove_if` | `for_each`, `retain` | `Hash` | `Eq` | `Clone` | `Drop` |
//! | --- | --- | --- | --- | --- | --- | --- | --- |
//! | [`ChainingGlobalLock`] | panics | panics | panics | works | panics | panics | works |
//! | [`ChainingBucketLock`] | panics | panics | panics | works | panics | panics | works |
//! | [`ChainingInline`] | works | works | works | reads | – | – | – |
//! | [`CuckooOptimistic`] | works | works | works | reads | – | – | – |
//! | [`CuckooOptimisticItems`] | works | works | works | works | works | works | works |
//! | [`CuckooStriped`] | panics | panics | panics | panics | panics | panics | works |
//! | [`ChainingLockFree`] | works | works | works | works | works | works | works |
//! | [`CowLock`] | works | works | works | works | works | works | works |
//! | [`CowCas`] | works | works | works | works | works | works | works |
//! | [`HamtCas`] | works | works | works | works | works | works | works |
//! | [`HamtSharded`] | works | works | works | works | works | works | works |
//! | [`HamtPsim`] | works | works | works | works | works | works | works |
//! | [`LogHerlihy`] | works | works | works | works | works | works | works |
//! | [`LeftRightTable`] | reads | works | reads | works | reads | reads | reads |
//!
//! The closure of `get_or_insert_with` holds nothing, and may use every map.
//!
//! The panic is one of the user's code, as any other: the operation that ran it has no effect, unless it
//! was in a `Drop`. Where an operation is tried again if the map has changed, one whose own code changes
//! it in each attempt does not end: a closure of [`update`](MapHandle::update) must not, each time that
//! it runs, write the key that it updates. Under [`Haphazard`](crate::reclaim::Haphazard) a `Drop` must
//! not, each time that it runs, retire something: that crate frees until nothing is left to free.
//!
//! The table is about one map. Two maps that use each other from within are two locks: where one of
//! their operations is *blocking*, two threads may wait for each other. And a `Drop` that takes something
//! out of a map may run the next such `Drop` within it: what a reclaimer frees there is freed there, so a
//! chain of values, each of which removes the next, is freed with as many calls on the stack.
//!
//! [`ChainingGlobalLock`]: crate::ChainingGlobalLock
//! [`ChainingBucketLock`]: crate::ChainingBucketLock
//! [`ChainingInline`]: crate::ChainingInline
//! [`CuckooOptimistic`]: crate::CuckooOptimistic
//! [`CuckooOptimisticItems`]: crate::CuckooOptimisticItems
//! [`CuckooStriped`]: crate::CuckooStriped
//! [`ChainingLockFree`]: crate::ChainingLockFree
//! [`CowLock`]: crate::CowLock
//! [`CowCas`]: crate::CowCas
//! [`HamtCas`]: crate::HamtCas
//! [`HamtSharded`]: crate::HamtSharded
//! [`HamtPsim`]: crate::HamtPsim
//! [`LogHerlihy`]: crate::LogHerlihy
//! [`LeftRightTable`]: crate::LeftRightTable

mod direct;
mod info;

pub use self::direct::{Direct, DirectMap, PinnedDirect};
pub use self::info::{Held, MapInfo, Progress};

/// A map from `K` to `V` that threads share.
///
/// Every operation of its handles is linearizable; `len` and iteration are not, unless the
/// table's own documentation says so.
pub trait ConcurrentMap<K, V>: Send + Sync {
    /// Facts about the table.
    const INFO: MapInfo = MapInfo::UNKNOWN;

    /// One thread's way in.
    type Handle<'m>: MapHandle<K, V>
    where
        Self: 'm;

    /// Registers the calling thread.
    ///
    /// # Panics
    ///
    /// When more than [`MapInfo::max_threads`] handles would exist.
    fn handle(&self) -> Self::Handle<'_>;

    /// The number of entries: exact while no thread writes, otherwise off by no more than the
    /// number of inserts and removes that overlap with the call. (Not "a size that the map had":
    /// a sum over stripes can miss an insert and count the remove that followed it.)
    fn len(&self) -> usize;

    /// Whether [`len`](Self::len) is 0.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries that fit before the next growth, where that means something.
    fn capacity(&self) -> Option<usize> {
        None
    }

    /// The most entries of a bucket: what a lookup of an absent key compares at worst, tags aside.
    /// `None` where buckets do not chain, or the table cannot say. Exact while no thread writes;
    /// O(n), so nothing for a path that matters.
    fn longest_chain(&self) -> Option<usize> {
        None
    }
}

/// One thread's way into a [`ConcurrentMap`].
///
/// The provided operations pin for themselves alone. A panic in the key's or value's code or
/// in a closure leaves the map usable. An operation on one key in which `Hash`, `Eq`, `Clone` or a closure
/// panicked has had no effect; of [`insert_many`](Self::insert_many), insertions before that one may have had
/// theirs. A `Drop` that panics comes after the effect. What an attempt has made in
/// vain drops before it: a panic of such a `Drop` goes to the panic hook and no further. (In a versioned
/// table the value that was made for a binding which has changed meanwhile is not meant: a panic of its
/// `Drop` ends the operation, which has had no effect.)
pub trait MapHandle<K, V> {
    /// The handle inside a critical section.
    type Pinned<'h>: PinnedMap<K, V>
    where
        Self: 'h;

    /// Enters a critical section, in which any number of operations can run.
    ///
    /// A long section holds up reclamation (how much is the scheme's property), never other
    /// operations.
    fn pin(&mut self) -> Self::Pinned<'_>;

    /// Runs `f`, which may block, with this thread declared quiescent: schemes that wait for
    /// every registered thread do not wait for this one.
    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        f()
    }

    /// [`PinnedMap::get`], pinned for this operation alone.
    #[inline(always)]
    fn get(&mut self, key: &K) -> Option<V>
    where
        V: Clone,
    {
        self.pin().get(key)
    }

    /// [`PinnedMap::get_many`], pinned once for all of them.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    #[inline]
    fn get_many(&mut self, keys: &[K], values: &mut [Option<V>])
    where
        V: Clone,
    {
        self.pin().get_many(keys, values);
    }

    /// [`PinnedMap::get_with`], pinned for this operation alone.
    #[inline(always)]
    fn get_with<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.pin().get_with(key, read)
    }

    /// [`PinnedMap::contains`], pinned for this operation alone.
    #[inline]
    fn contains(&mut self, key: &K) -> bool {
        self.pin().contains(key)
    }

    /// [`PinnedMap::insert`], pinned for this operation alone.
    #[inline(always)]
    fn insert(&mut self, key: K, value: V) -> bool {
        self.pin().insert(key, value)
    }

    /// [`PinnedMap::insert_many`], pinned once for all of them, and for the iterator, unless the map's own
    /// handle says otherwise.
    #[inline]
    fn insert_many(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> usize {
        self.pin().insert_many(entries)
    }

    /// [`PinnedMap::update`], pinned for this operation alone.
    #[inline]
    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> Option<V> {
        self.pin().update(key, f)
    }

    /// [`PinnedMap::upsert`], pinned for this operation alone.
    #[inline]
    fn upsert(&mut self, key: K, f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        self.pin().upsert(key, f)
    }

    /// [`PinnedMap::remove`], pinned for this operation alone.
    #[inline(always)]
    fn remove(&mut self, key: &K) -> Option<V> {
        self.pin().remove(key)
    }

    /// [`PinnedMap::for_each`], pinned for this operation alone.
    fn for_each(&mut self, f: impl FnMut(&K, &V)) {
        self.pin().for_each(f);
    }
}

/// The operations, inside a critical section.
pub trait PinnedMap<K, V> {
    /// Runs `read` on the value of `key` while it is protected; `None` if absent.
    ///
    /// Whether `read` may use the map, and what it may do with it, is the table's:
    /// [see](self#user-code-that-uses-the-map).
    fn get_with<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T>;

    /// A copy of the value of `key`.
    #[inline(always)]
    fn get(&mut self, key: &K) -> Option<V>
    where
        V: Clone,
    {
        self.get_with(key, V::clone)
    }

    /// Looks up many keys: `values[i]` becomes what [`get`](Self::get) of `keys[i]` returns.
    ///
    /// Each lookup takes effect at some moment of the call, in any order; together they are not
    /// one moment's. If one panics, some of `values` are new and some are as they were.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    #[inline]
    fn get_many(&mut self, keys: &[K], values: &mut [Option<V>])
    where
        V: Clone,
    {
        one_by_one(keys, values, |key| self.get(key));
    }

    /// Whether `key` is present.
    #[inline]
    fn contains(&mut self, key: &K) -> bool {
        self.get_with(key, |_| ()).is_some()
    }

    /// Adds `key` with `value`; false, and no effect, if `key` is present.
    fn insert(&mut self, key: K, value: V) -> bool;

    /// [`insert`](Self::insert)s many entries and returns how many were added.
    ///
    /// Each insertion takes effect at some moment of the call, in any order; where many at once
    /// cost less than each by itself, as for a table that is copied, all may do so at one. If one
    /// panics, some of those before it may have taken effect.
    #[inline]
    fn insert_many(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> usize {
        let added =
            entries.into_iter().filter_map(|(key, value)| self.insert(key, value).then_some(()));
        added.count()
    }

    /// Replaces the value of `key` by `f` of it and returns the one replaced; `None`, and no
    /// effect, if `key` is absent.
    ///
    /// `f` may run several times; the effect of exactly its last run is seen, once. Whether it may use
    /// the map is the table's: [see](self#user-code-that-uses-the-map).
    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> Option<V>;

    /// [`update`](Self::update) if `key` is present, else adds it with `f(None)`; returns the
    /// value replaced.
    ///
    /// `f` may run several times, and may use the map, as that of [`update`](Self::update).
    fn upsert(&mut self, key: K, f: impl FnMut(Option<&V>) -> V) -> Option<V>;

    /// Takes `key` out and returns its value.
    fn remove(&mut self, key: &K) -> Option<V>;

    /// Runs `f` on entries, in no order (weak iteration).
    ///
    /// * always visited: an entry that is present, with the same value, from the call's start
    ///   to its end, exactly once;
    /// * never visited: a key absent from start to end; the same entry twice;
    /// * perhaps visited: an entry inserted, removed or updated meanwhile. A key that is
    ///   removed and inserted again, or updated, may be seen with both values.
    ///
    /// Whether `f` may use the map, and what it may do with it, is the table's:
    /// [see](self#user-code-that-uses-the-map). An entry that it adds may be visited too.
    fn for_each(&mut self, f: impl FnMut(&K, &V));
}

/// [`PinnedMap::get_many`] key by key, for tables that have nothing better.
#[inline]
pub(crate) fn one_by_one<K, V>(
    keys: &[K],
    values: &mut [Option<V>],
    mut get: impl FnMut(&K) -> Option<V>,
) {
    assert_eq!(keys.len(), values.len(), "as many values as keys");
    for (key, value) in keys.iter().zip(values) {
        *value = get(key);
    }
}
