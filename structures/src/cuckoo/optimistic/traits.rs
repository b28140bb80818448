//! The handles, and the traits of maps and collections.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

use super::CuckooOptimistic;
use crate::cuckoo::path::Search;
use crate::exclusion::Exclusion;
use crate::map::{ConcurrentMap, Direct, DirectMap, Held, MapInfo, PinnedDirect, Progress};
use crate::operations::forwarded;
use crate::tagging::Tagging;
use crate::word::Word;

impl<K, V, S, const SLOTS: usize, E, T, P> Direct<'_, CuckooOptimistic<K, V, S, SLOTS, E, T, P>>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    forwarded!((mut) [K, V] [<> K] to 0);
}

impl<K, V, S, const SLOTS: usize, E, T, P>
    PinnedDirect<'_, CuckooOptimistic<K, V, S, SLOTS, E, T, P>>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    forwarded!((mut) [K, V] [<> K] to 0);
}

impl<K, V, S, const SLOTS: usize, E, T, P> DirectMap<K, V>
    for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Send + Sync,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    #[inline(always)]
    fn get_with<R>(&self, key: &K, read: impl FnOnce(&V) -> R) -> Option<R> {
        self.get_with(key, read)
    }

    fn get_many(&self, keys: &[K], values: &mut [Option<V>]) {
        self.get_many(keys, values);
    }

    #[inline(always)]
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

    #[inline(always)]
    fn remove(&self, key: &K) -> Option<V> {
        self.remove(key)
    }

    fn for_each(&self, f: impl FnMut(&K, &V)) {
        self.for_each(f);
    }
}

impl<K, V, S, const SLOTS: usize, E, T, P> ConcurrentMap<K, V>
    for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Send + Sync,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    const INFO: MapInfo = MapInfo {
        family: "cuckoo",
        summary: "optimistic cuckoo hashing, words inline (NSDI 2013, EuroSys 2014)",
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

    fn len(&self) -> usize {
        self.len()
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.capacity())
    }
}

impl<K, V, S, const SLOTS: usize, E, T, P> Default for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Default,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    fn default() -> Self {
        Self::with_capacity_and_hasher(0, S::default())
    }
}

impl<K, V, S, const SLOTS: usize, E: Exclusion, T, P> fmt::Debug
    for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CuckooOptimistic")
            .field("entries", &self.driver.len())
            .field("first_slots", &self.driver.first_slots())
            .finish_non_exhaustive()
    }
}

impl<K, V, S, const SLOTS: usize, E, T, P> Extend<(K, V)>
    for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert_or_assign(key, value);
        }
    }
}

impl<K, V, S, const SLOTS: usize, E, T, P> FromIterator<(K, V)>
    for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Default,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K, V, const SLOTS: usize, E, T, P, const N: usize> From<[(K, V); N]>
    for CuckooOptimistic<K, V, RandomState, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}
