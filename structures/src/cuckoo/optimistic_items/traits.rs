//! The traits of maps, handles and collections.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

use super::{CuckooOptimisticItems, Handle, Pinned};
use crate::cuckoo::path::Search;
use crate::map::{ConcurrentMap, MapHandle, MapInfo, PinnedMap, Progress};
use crate::reclaim::Reclaimer;

impl<'m, K, V, R, S, const SLOTS: usize, P> MapHandle<K, V> for Handle<'m, K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    P: Search,
{
    type Pinned<'h>
        = Pinned<'h, 'm, K, V, R, S, SLOTS, P>
    where
        Self: 'h;

    #[inline]
    fn pin(&mut self) -> Self::Pinned<'_> {
        self.pin()
    }

    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        self.offline(f)
    }
}

impl<K, V, R, S, const SLOTS: usize, P> PinnedMap<K, V> for Pinned<'_, '_, K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    P: Search,
{
    #[inline]
    fn get_with<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.get_with(key, read)
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        self.insert(key, value)
    }

    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> Option<V> {
        self.update(key, f)
    }

    fn upsert(&mut self, key: K, f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        self.upsert(key, f)
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        self.remove(key)
    }

    fn for_each(&mut self, f: impl FnMut(&K, &V)) {
        self.for_each(f);
    }
}

impl<K, V, R, S, const SLOTS: usize, P> ConcurrentMap<K, V>
    for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher + Send + Sync,
    P: Search,
{
    const INFO: MapInfo = MapInfo {
        family: "cuckoo",
        summary: "optimistic cuckoo hashing, items behind pointers (NSDI 2013, EuroSys 2014)",
        counts_nodes: true,
        progress_is_tested: R::CAPS.progress_is_tested,
        // Nodes are retired each for itself; tables are kept.
        held: R::CAPS.held,
        ..MapInfo::UNKNOWN.with_progress(Progress::Blocking)
    };

    type Handle<'m>
        = Handle<'m, K, V, R, S, SLOTS, P>
    where
        Self: 'm;

    fn handle(&self) -> Handle<'_, K, V, R, S, SLOTS, P> {
        self.handle()
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.capacity())
    }
}

impl<K, V, R, S, const SLOTS: usize, P> Default for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    K: Send + Sync,
    V: Send + Sync,
    R: Reclaimer,
    S: Default,
{
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, R: Reclaimer, S, const SLOTS: usize, P> fmt::Debug
    for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CuckooOptimisticItems")
            .field("reclaimer", &R::NAME)
            .field("len", &self.driver.len())
            .finish_non_exhaustive()
    }
}

impl<K, V, R: Reclaimer, S, const SLOTS: usize, P> fmt::Debug for Handle<'_, K, V, R, S, SLOTS, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("map", self.map).finish_non_exhaustive()
    }
}

impl<K, V, R: Reclaimer, S, const SLOTS: usize, P> fmt::Debug
    for Pinned<'_, '_, K, V, R, S, SLOTS, P>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").field("map", self.map).finish_non_exhaustive()
    }
}

impl<K, V, R, S, const SLOTS: usize, P> Extend<(K, V)>
    for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    P: Search,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        let mut handle = self.handle();
        for (key, value) in entries {
            handle.insert_or_assign(key, value);
        }
    }
}

impl<K, V, R, S, const SLOTS: usize, P> FromIterator<(K, V)>
    for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher + Default,
    P: Search,
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K, V, R, const SLOTS: usize, P, const N: usize> From<[(K, V); N]>
    for CuckooOptimisticItems<K, V, R, RandomState, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    P: Search,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}
