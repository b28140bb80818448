//! The interface of a concurrent map, for the harness, the tests and users.
//!
//! It has three layers, so that the cost of protecting memory can be expressed and measured:
//!
//! * [`ConcurrentMap`] is shared between threads;
//! * [`MapHandle`] belongs to one thread: it has the thread's registration with the reclaimer, its hazard
//!   slots, and its stripe of the size counter;
//! * [`PinnedMap`] is a handle inside a critical section: one pin covers one operation
//!   ([`MapHandle::get`] and its siblings) or a whole batch ([`MapHandle::pin`]).
//!
//! Reads copy the value out or run a closure while it is protected; no reference outlives the
//! protection. A map that needs no per-thread state implements [`DirectMap`] on shared
//! references and takes [`Direct`] as its handle.
//!
//! The second and the third layer have methods of the same names. So no type implements both traits: with
//! both in scope, a call would be ambiguous.
//!
//! # User code that uses the map
//!
//! A map runs code of its user: closures, and `Hash`, `Eq`, `Clone` and `Drop` of keys and values. A reclaimer
//! may run such a `Drop` in the middle of another operation. May that code use the same map, through a
//! handle of its own? It never waits for its own thread. The table below states what it may do; each cell is
//! tested, with several reclaimers.
//!
//! * *works*: every operation works;
//! * *reads*: [`get`](MapHandle::get), [`get_with`](MapHandle::get_with),
//!   [`contains`](MapHandle::contains) and [`len`](ConcurrentMap::len) work. An operation that writes or
//!   iterates panics, with a message that says so, if it would wait for its own thread. Two threads whose code
//!   writes or iterates from there may deadlock; no panic ends that;
//! * *panics*: an operation that would wait for its own thread panics, with a message that says so. Do not use
//!   the map from there: two threads that do may deadlock, and no panic ends that;
//! * –: the table runs no such code.
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
//! The closure of `get_or_insert_with` runs while its thread holds no lock of the map; with every table it may use
//! the map.
//!
//! Such a panic counts as a panic of the user's code: the operation that ran the code has no effect, unless the
//! code was a `Drop`. Some operations start again if the map has changed. They never end if their own code
//! changes the map in each attempt: a closure of [`update`](MapHandle::update) must not write, each time that
//! it runs, to the key that it updates. Under [`Haphazard`](crate::reclaim::Haphazard) a `Drop` must not retire
//! something each time that it runs: that crate goes on freeing until nothing is left to free.
//!
//! The table is about one map. Two maps that use each other from within are like two locks: if an operation of
//! either is *blocking*, two threads may deadlock. Also, a `Drop` that removes something from a map may run the
//! next such `Drop` inside itself, because the reclaimer may free the removed entry on the spot. So a chain of
//! values, each of which removes the next, is freed with as many calls on the stack.
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

    /// A thread's handle of the map.
    type Handle<'m>: MapHandle<K, V>
    where
        Self: 'm;

    /// Makes a handle: registers the calling thread with the map's reclaimer, if there is one.
    ///
    /// # Panics
    ///
    /// If more than [`MapInfo::max_threads`] handles would exist.
    fn handle(&self) -> Self::Handle<'_>;

    /// The number of entries: exact while no thread writes, otherwise off by no more than the
    /// number of inserts and removes that overlap with the call. (The map need not have had that size at
    /// any moment: a sum over stripes can miss an insert and count the remove that followed it.)
    fn len(&self) -> usize;

    /// Whether [`len`](Self::len) is 0.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries fit before the table grows; `None` where the question has no meaning.
    fn capacity(&self) -> Option<usize> {
        None
    }

    /// The number of entries in the fullest bucket, which is the most that a lookup of an absent key
    /// compares if no tags help it. `None` where buckets do not chain, or the table cannot tell. Exact
    /// while no thread writes. Takes O(n), so keep it off hot paths.
    fn longest_chain(&self) -> Option<usize> {
        None
    }
}

/// One thread's handle of a [`ConcurrentMap`].
///
/// Each provided operation pins for its own duration.
///
/// # Panics in user code
///
/// A panic in the code of a key or a value, or in a closure, leaves the map usable. An operation on one key
/// has had no effect if `Hash`, `Eq`, `Clone` or a closure panicked in it. Of
/// [`insert_many`](Self::insert_many), insertions before the one that panicked may have taken effect.
///
/// A `Drop` that panics runs after the operation's effect. An attempt that fails may have made nodes or values
/// that nobody saw; these are dropped before the effect, and a panic of their `Drop` reaches the panic hook but is
/// not propagated. (A versioned table has one exception: if a value was made for a binding that has changed
/// meanwhile, a panic of its `Drop` ends the operation, which has had no effect.)
pub trait MapHandle<K, V> {
    /// The handle inside a critical section.
    type Pinned<'h>: PinnedMap<K, V>
    where
        Self: 'h;

    /// Enters a critical section, in which any number of operations can run.
    ///
    /// A long section delays reclamation (by how much depends on the scheme), but never other
    /// operations.
    fn pin(&mut self) -> Self::Pinned<'_>;

    /// Runs `f`, which may block, with this thread in an extended quiescent state: schemes that wait for
    /// every registered thread do not wait for this one meanwhile.
    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        f()
    }

    /// [`PinnedMap::get`], pinned for this operation only.
    #[inline(always)]
    fn get(&mut self, key: &K) -> Option<V>
    where
        V: Clone,
    {
        self.pin().get(key)
    }

    /// [`PinnedMap::get_many`], pinned once for all keys.
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

    /// [`PinnedMap::get_with`], pinned for this operation only.
    #[inline(always)]
    fn get_with<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.pin().get_with(key, read)
    }

    /// [`PinnedMap::contains`], pinned for this operation only.
    #[inline]
    fn contains(&mut self, key: &K) -> bool {
        self.pin().contains(key)
    }

    /// [`PinnedMap::insert`], pinned for this operation only.
    #[inline(always)]
    fn insert(&mut self, key: K, value: V) -> bool {
        self.pin().insert(key, value)
    }

    /// [`PinnedMap::insert_many`], pinned once for all entries. The iterator runs inside the pin too, unless
    /// the documentation of the map's own handle says otherwise.
    #[inline]
    fn insert_many(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> usize {
        self.pin().insert_many(entries)
    }

    /// [`PinnedMap::update`], pinned for this operation only.
    #[inline]
    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> Option<V> {
        self.pin().update(key, f)
    }

    /// [`PinnedMap::upsert`], pinned for this operation only.
    #[inline]
    fn upsert(&mut self, key: K, f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        self.pin().upsert(key, f)
    }

    /// [`PinnedMap::remove`], pinned for this operation only.
    #[inline(always)]
    fn remove(&mut self, key: &K) -> Option<V> {
        self.pin().remove(key)
    }

    /// [`PinnedMap::for_each`], pinned for this operation only.
    fn for_each(&mut self, f: impl FnMut(&K, &V)) {
        self.pin().for_each(f);
    }
}

/// The operations of a map, inside a critical section.
///
/// All of them are linearizable but [`get_many`](Self::get_many), [`insert_many`](Self::insert_many) and
/// [`for_each`](Self::for_each), which state what they guarantee. Their progress guarantees are the table's:
/// [`ConcurrentMap::INFO`]. [`MapHandle`] says what a panic in user code does.
pub trait PinnedMap<K, V> {
    /// Runs `read` on the value of `key` while the value is protected, and returns the result; `None` if the
    /// key is absent.
    ///
    /// Whether `read` may use the map, and how, [depends on the table](self#user-code-that-uses-the-map).
    fn get_with<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T>;

    /// A copy of the value of `key`; `None` if the key is absent.
    #[inline(always)]
    fn get(&mut self, key: &K) -> Option<V>
    where
        V: Clone,
    {
        self.get_with(key, V::clone)
    }

    /// Looks up many keys: `values[i]` becomes what [`get`](Self::get) of `keys[i]` returns.
    ///
    /// Each lookup takes effect at some moment during the call, in any order; together they need not show the
    /// map at one moment. If one panics, some of `values` are new and some are as they were.
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

    /// Adds `key` with `value` and returns true; if `key` is present, has no effect and returns false.
    fn insert(&mut self, key: K, value: V) -> bool;

    /// [`insert`](Self::insert)s many entries and returns how many were added.
    ///
    /// Each insertion takes effect at some moment during the call, in any order. All may take effect at the
    /// same moment, where one large update is cheaper than many small ones (as in a table that is copied). If
    /// one panics, some of those before it may have taken effect.
    #[inline]
    fn insert_many(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> usize {
        let added =
            entries.into_iter().filter_map(|(key, value)| self.insert(key, value).then_some(()));
        added.count()
    }

    /// Replaces the value of `key` by the result of `f` on it, and returns the old value; if `key` is absent,
    /// has no effect and returns `None`.
    ///
    /// `f` may run several times; only the result of its last run takes effect, once. Whether `f` may use
    /// the map [depends on the table](self#user-code-that-uses-the-map).
    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> Option<V>;

    /// [`update`](Self::update)s the value if `key` is present, else adds `key` with the value `f(None)`; returns
    /// the old value, if there was one.
    ///
    /// As for [`update`](Self::update), `f` may run several times, and the table decides whether it may use the
    /// map.
    fn upsert(&mut self, key: K, f: impl FnMut(Option<&V>) -> V) -> Option<V>;

    /// Removes `key` and returns its value; `None` if the key is absent.
    fn remove(&mut self, key: &K) -> Option<V>;

    /// Runs `f` on the entries, in no particular order (weak iteration).
    ///
    /// * always visited, exactly once: an entry that is present, with the same value, from the start of the
    ///   call to its end;
    /// * never visited: a key that is absent from the start to the end; the same entry twice;
    /// * perhaps visited: an entry that is inserted, removed or updated meanwhile. A key that is
    ///   removed and inserted again, or updated, may be seen with both values.
    ///
    /// Whether `f` may use the map, and how, [depends on the table](self#user-code-that-uses-the-map). An entry
    /// that `f` adds may be visited too.
    fn for_each(&mut self, f: impl FnMut(&K, &V));
}

/// [`PinnedMap::get_many`] key by key, for tables that cannot do better.
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
