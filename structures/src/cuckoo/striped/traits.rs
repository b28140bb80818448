//! The handles, and the traits of maps and collections.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

use super::super::path::Search;
use super::CuckooStriped;
use crate::map::{ConcurrentMap, Direct, DirectMap, Held, MapInfo, PinnedDirect, Progress};
use crate::operations::forwarded;

impl<K, V, S, const SLOTS: usize, P> Direct<'_, CuckooStriped<K, V, S, SLOTS, P>>
where
    K: Eq + Hash,
    S: BuildHasher,
    P: Search,
{
    forwarded!((mut) [K, V] [<Q> Q] to 0);
}

impl<K, V, S, const SLOTS: usize, P> PinnedDirect<'_, CuckooStriped<K, V, S, SLOTS, P>>
where
    K: Eq + Hash,
    S: BuildHasher,
    P: Search,
{
    forwarded!((mut) [K, V] [<Q> Q] to 0);
}

impl<K, V, S, const SLOTS: usize, P> DirectMap<K, V> for CuckooStriped<K, V, S, SLOTS, P>
where
    K: Eq + Hash + Send,
    V: Send,
    S: BuildHasher + Send + Sync,
    P: Search,
{
    #[inline]
    fn get_with<T>(&self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.get_with(key, read)
    }

    #[inline]
    fn insert(&self, key: K, value: V) -> bool {
        self.insert(key, value)
    }

    #[inline]
    fn update(&self, key: &K, f: impl FnMut(&V) -> V) -> Option<V> {
        self.update(key, f)
    }

    #[inline]
    fn upsert(&self, key: K, f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        self.upsert(key, f)
    }

    #[inline]
    fn remove(&self, key: &K) -> Option<V> {
        self.remove(key)
    }

    fn for_each(&self, f: impl FnMut(&K, &V)) {
        self.for_each(f);
    }
}

impl<K, V, S, const SLOTS: usize, P> ConcurrentMap<K, V> for CuckooStriped<K, V, S, SLOTS, P>
where
    K: Eq + Hash + Send,
    V: Send,
    S: BuildHasher + Send + Sync,
    P: Search,
{
    const INFO: MapInfo = MapInfo {
        family: "cuckoo",
        summary: "striped spinlocks, taken by readers too (EuroSys 2014, libcuckoo)",
        progress_is_tested: true,
        held: Held::Nothing,
        ..MapInfo::UNKNOWN.with_progress(Progress::Blocking)
    };

    type Handle<'m>
        = Direct<'m, Self>
    where
        Self: 'm;

    fn handle(&self) -> Direct<'_, Self> {
        self.handle()
    }

    #[inline]
    fn len(&self) -> usize {
        self.len()
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.capacity())
    }
}

impl<K, V, S, const SLOTS: usize, P> Default for CuckooStriped<K, V, S, SLOTS, P>
where
    K: Eq + Hash,
    S: BuildHasher + Default,
    P: Search,
{
    fn default() -> Self {
        Self::with_capacity_and_hasher(0, S::default())
    }
}

impl<K, V, S, const SLOTS: usize, P: Search> fmt::Debug for CuckooStriped<K, V, S, SLOTS, P> {
    /// Without waiting: the caller may be in a closure that runs under a lock.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CuckooStriped")
            .field("len", &self.len())
            .field("slots", &self.capacity())
            .field("stripes", &self.stripes().count())
            .field("search", &P::NAME)
            .finish()
    }
}

impl<K, V, S, const SLOTS: usize, P> Extend<(K, V)> for CuckooStriped<K, V, S, SLOTS, P>
where
    K: Eq + Hash,
    S: BuildHasher,
    P: Search,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert_or_assign(key, value);
        }
    }
}

impl<K, V, S, const SLOTS: usize, P> FromIterator<(K, V)> for CuckooStriped<K, V, S, SLOTS, P>
where
    K: Eq + Hash,
    S: BuildHasher + Default,
    P: Search,
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K, V, const SLOTS: usize, P, const N: usize> From<[(K, V); N]>
    for CuckooStriped<K, V, RandomState, SLOTS, P>
where
    K: Eq + Hash,
    P: Search,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}
