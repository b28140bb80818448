//! The traits of maps, handles and collections.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

use super::{ChainingLockFree, Handle, Pinned};
use crate::map::{ConcurrentMap, MapHandle, MapInfo, PinnedMap, Progress};
use crate::reclaim::Reclaimer;

impl<'m, K, V, R, S> MapHandle<K, V> for Handle<'m, K, V, R, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
{
    type Pinned<'h>
        = Pinned<'h, 'm, K, V, R, S>
    where
        Self: 'h;

    #[inline]
    fn pin(&mut self) -> Pinned<'_, 'm, K, V, R, S> {
        self.pin()
    }

    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        self.offline(f)
    }
}

impl<K, V, R, S> PinnedMap<K, V> for Pinned<'_, '_, K, V, R, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
{
    #[inline]
    fn get_with<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.get_with(key, read)
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        self.insert(key, value)
    }

    #[inline]
    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> Option<V> {
        self.update(key, f)
    }

    #[inline]
    fn upsert(&mut self, key: K, f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        self.upsert(key, f)
    }

    #[inline]
    fn remove(&mut self, key: &K) -> Option<V> {
        self.remove(key)
    }

    fn for_each(&mut self, f: impl FnMut(&K, &V)) {
        self.for_each(f);
    }
}

impl<K, V, R, S> ConcurrentMap<K, V> for ChainingLockFree<K, V, R, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher + Send + Sync,
{
    const INFO: MapInfo = MapInfo {
        family: "chaining",
        summary: "Michael's lists in split order (SPAA 2002, JACM 2006)",
        counts_nodes: true,
        progress_is_tested: R::CAPS.progress_is_tested,
        // Nodes are retired each for itself; tables are kept.
        held: R::CAPS.held,
        ..MapInfo::UNKNOWN.with_progress(Progress::LockFree)
    };

    type Handle<'m>
        = Handle<'m, K, V, R, S>
    where
        Self: 'm;

    #[inline]
    fn handle(&self) -> Handle<'_, K, V, R, S> {
        self.handle()
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.capacity())
    }
}

impl<K, V, R: Reclaimer, S: Default> Default for ChainingLockFree<K, V, R, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, R: Reclaimer, S> fmt::Debug for ChainingLockFree<K, V, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainingLockFree")
            .field("reclaimer", &R::NAME)
            .field("len", &self.len())
            .field("buckets", &self.buckets.len())
            .finish_non_exhaustive()
    }
}

impl<K, V, R: Reclaimer, S> fmt::Debug for Handle<'_, K, V, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("map", self.map).finish_non_exhaustive()
    }
}

impl<K, V, R: Reclaimer, S> fmt::Debug for Pinned<'_, '_, K, V, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").field("map", self.map).finish_non_exhaustive()
    }
}

impl<K, V, R, S> Extend<(K, V)> for ChainingLockFree<K, V, R, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        let mut handle = self.handle();
        for (key, value) in entries {
            handle.insert_or_assign(key, value);
        }
    }
}

impl<K, V, R, S> FromIterator<(K, V)> for ChainingLockFree<K, V, R, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher + Default,
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K, V, R, const N: usize> From<[(K, V); N]> for ChainingLockFree<K, V, R, RandomState>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}
