//! The operations of the chained tables that lock: one source for each way to lock.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::mem;
use std::ops::DerefMut;

use foldhash::fast::RandomState;

use super::chain::Chain;
use crate::cuckoo::GrowError;
use crate::map::{ConcurrentMap, Direct, DirectMap, MapInfo, PinnedDirect};
use crate::operations::{constructors, derived, forwarded};

/// Buckets and the lock, or locks, around them.
///
/// It cannot be named outside of this module: code that has a locked chain can take the chain apart, and
/// the implementation decides when a chain is locked.
pub trait Locking<K, V>: Send + Sync {
    /// The facts that `bench list` shows.
    const INFO: MapInfo;

    /// The chain of one bucket, locked.
    type LockedChain<'b>: DerefMut<Target = Chain<K, V>>
    where
        Self: 'b;

    /// Empty buckets for `capacity` entries.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    fn with_capacity(capacity: usize) -> Self;

    /// Locks the chain to which entries with `hash` belong.
    fn lock(&self, hash: u64) -> Self::LockedChain<'_>;

    /// Releases the lock after an entry was added; grows if there are more entries than buckets.
    fn added(&self, locked: Self::LockedChain<'_>);

    /// Releases the lock after an entry was removed.
    fn removed(&self, locked: Self::LockedChain<'_>);

    /// Makes room for `additional` entries beyond those present.
    ///
    /// # Errors
    ///
    /// There is no memory for it; all entries are there.
    ///
    /// # Panics
    ///
    /// If it would wait for its own thread.
    fn try_reserve(&self, additional: usize) -> Result<(), GrowError>;

    /// Runs `f` on the entries.
    fn for_each(&self, f: impl FnMut(&K, &V));

    /// The number of entries.
    fn entries(&self) -> usize;

    /// The number of buckets.
    fn bucket_count(&self) -> usize;

    /// The most entries of a bucket.
    fn longest_chain(&self) -> usize;
}

/// A chained hash table with the locking scheme `L`.
///
/// Use it as [`ChainingGlobalLock`](super::ChainingGlobalLock) or
/// [`ChainingBucketLock`](super::ChainingBucketLock).
///
/// Closures, `Eq` and `Clone` run under the lock: keep them short, and do not use the map in them. An operation
/// that needs a lock that its own thread holds panics: see [`crate::map`]. A panic in the code of a key or value,
/// or in a closure, releases the lock and leaves the operation without effect, as that code runs only
/// while the chain is consistent.
///
/// **[`insert`](Self::insert) keeps the old value** if the key is present;
/// [`insert_or_assign`](Self::insert_or_assign) replaces it.
pub struct LockedChaining<K, V, S, L> {
    buckets: L,
    hasher: S,
    _entries: PhantomData<fn() -> (K, V)>,
}

impl<K: Eq + Hash, V, S: BuildHasher, L: Locking<K, V>> LockedChaining<K, V, S, L> {
    /// An empty table with room for `capacity` entries.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it. (Where there is none to grow, chains
    /// get longer.)
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self { buckets: L::with_capacity(capacity), hasher, _entries: PhantomData }
    }

    constructors!(with a hasher);

    derived!(() [K, V] [<Q> Q]:
        get contains get_many insert_many get_or_insert_with remove retain clear);

    /// Makes a handle, for code that is generic over the table.
    pub fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    /// Runs `read` on the value of `key`, under the lock. Blocking; expected O(1).
    pub fn get_with<Q, T>(&self, key: &Q, read: impl FnOnce(&V) -> T) -> Option<T>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let chain = self.buckets.lock(hash);
        // If it is absent, `read` is dropped when the lock has been released: what it has is the user's.
        let value = chain.get(hash, |k| k.borrow() == key)?;
        Some(read(value))
    }

    /// Adds `key` with `value` and returns true; if the key is present, **keeps the old value** and
    /// returns false. Blocking; amortised expected O(1), O(n) when the table grows.
    pub fn insert(&self, key: K, value: V) -> bool {
        let hash = self.hasher.hash_one(&key);
        let mut chain = self.buckets.lock(hash);
        if chain.get(hash, |k| *k == key).is_some() {
            return false;
        }
        chain.push(hash, key, value);
        self.buckets.added(chain);
        true
    }

    /// Replaces the value of `key` by the result of `f` on it, and returns the old value; `None` if
    /// the key is absent. Blocking; expected O(1).
    pub fn update<Q>(&self, key: &Q, mut f: impl FnMut(&V) -> V) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let mut chain = self.buckets.lock(hash);
        let value = chain.get_mut(hash, |k| k.borrow() == key)?;
        let new = f(value);
        Some(mem::replace(value, new))
    }

    /// Updates the value if `key` is present, else adds `key` with the value `f(None)`; returns the
    /// old value, if there was one. Blocking; amortised expected O(1), O(n) when the table grows.
    pub fn upsert(&self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        let hash = self.hasher.hash_one(&key);
        let mut chain = self.buckets.lock(hash);
        if let Some(value) = chain.get_mut(hash, |k| *k == key) {
            let new = f(Some(value));
            return Some(mem::replace(value, new));
        }
        // Not beside the key, which as an argument would be dropped under the lock if `f` panics: its
        // drop is user code.
        let value = f(None);
        chain.push(hash, key, value);
        self.buckets.added(chain);
        None
    }

    /// Sets the value of `key`, whether the key is present or not, and returns the old value, if
    /// there was one: what `insert` of other maps does. Blocking; amortised expected O(1), O(n)
    /// when the table grows.
    pub fn insert_or_assign(&self, key: K, value: V) -> Option<V> {
        let mut value = Some(value);
        self.upsert(key, |_| value.take().expect("runs once, under the lock"))
    }

    /// Removes `key` if `condition` holds for its value, and returns the value: one step, at any
    /// moment at which it holds the lock. Blocking; expected O(1). `condition` runs at most once,
    /// under the lock.
    pub fn remove_if<Q>(&self, key: &Q, condition: impl FnOnce(&V) -> bool) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        // Dropped when the lock has been released, as the key is.
        let mut condition = Some(condition);
        let mut chain = self.buckets.lock(hash);
        let holds = |value: &V| condition.take().is_some_and(|condition| condition(value));
        let (_key, value) = chain.remove_if(hash, |k| k.borrow() == key, holds)?;
        self.buckets.removed(chain);
        Some(value)
    }

    /// Makes room for `additional` entries beyond those present. Blocking; O(n), while others wait
    /// as for a growth.
    ///
    /// # Errors
    ///
    /// There is no memory for it; the entries stay as they were.
    pub fn try_reserve(&self, additional: usize) -> Result<(), GrowError> {
        self.buckets.try_reserve(additional)
    }

    derived!(() [K, V] [<Q> Q]: reserve is_empty);

    /// Runs `f` on the entries. Under one lock they are the entries of one moment; with a lock per bucket the
    /// iteration is weak, see [`PinnedMap::for_each`](crate::map::PinnedMap::for_each). Blocking.
    pub fn for_each(&self, f: impl FnMut(&K, &V)) {
        self.buckets.for_each(f);
    }

    /// The number of entries: exact while no thread writes, see
    /// [`ConcurrentMap::len`].
    pub fn len(&self) -> usize {
        self.buckets.entries()
    }

    /// The number of buckets, which is also the number of entries that fit before the table grows.
    pub fn capacity(&self) -> usize {
        self.buckets.bucket_count()
    }
}

impl<K: Eq + Hash, V, L: Locking<K, V>> LockedChaining<K, V, RandomState, L> {
    constructors!(with a random hasher);
}

impl<K, V, S, L> LockedChaining<K, V, S, L> {
    /// The buckets, for what only one way to lock can do.
    pub(super) fn locking(&self) -> &L {
        &self.buckets
    }
}

impl<K: Eq + Hash, V, S: BuildHasher, L: Locking<K, V>> Direct<'_, LockedChaining<K, V, S, L>> {
    forwarded!((mut) [K, V] [<Q> Q] to 0);
}

impl<K: Eq + Hash, V, S: BuildHasher, L: Locking<K, V>>
    PinnedDirect<'_, LockedChaining<K, V, S, L>>
{
    forwarded!((mut) [K, V] [<Q> Q] to 0);
}

impl<K, V, S, L> DirectMap<K, V> for LockedChaining<K, V, S, L>
where
    K: Eq + Hash,
    S: BuildHasher + Send + Sync,
    L: Locking<K, V>,
{
    fn get_with<T>(&self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.get_with(key, read)
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

impl<K, V, S, L> ConcurrentMap<K, V> for LockedChaining<K, V, S, L>
where
    K: Eq + Hash,
    S: BuildHasher + Send + Sync,
    L: Locking<K, V>,
{
    const INFO: MapInfo = L::INFO;

    type Handle<'m>
        = Direct<'m, Self>
    where
        Self: 'm;

    fn handle(&self) -> Direct<'_, Self> {
        self.handle()
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.capacity())
    }

    fn longest_chain(&self) -> Option<usize> {
        Some(self.buckets.longest_chain())
    }
}

impl<K, V, S, L> Default for LockedChaining<K, V, S, L>
where
    K: Eq + Hash,
    S: BuildHasher + Default,
    L: Locking<K, V>,
{
    fn default() -> Self {
        Self::with_capacity_and_hasher(0, S::default())
    }
}

impl<K, V, S, L: fmt::Debug> fmt::Debug for LockedChaining<K, V, S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockedChaining").field(&self.buckets).finish()
    }
}

impl<K, V, S, L> Extend<(K, V)> for LockedChaining<K, V, S, L>
where
    K: Eq + Hash,
    S: BuildHasher,
    L: Locking<K, V>,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert_or_assign(key, value);
        }
    }
}

impl<K, V, S, L> FromIterator<(K, V)> for LockedChaining<K, V, S, L>
where
    K: Eq + Hash,
    S: BuildHasher + Default,
    L: Locking<K, V>,
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K, V, L, const N: usize> From<[(K, V); N]> for LockedChaining<K, V, RandomState, L>
where
    K: Eq + Hash,
    L: Locking<K, V>,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

/// The default hasher.
pub(super) type DefaultState = RandomState;
