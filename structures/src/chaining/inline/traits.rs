//! The handles, and the traits of maps and collections.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

use super::ChainingInline;
use super::bucket::Bucket;
use crate::exclusion::Exclusion;
use crate::map::{ConcurrentMap, Direct, DirectMap, Held, MapInfo, PinnedDirect, Progress};
use crate::operations::forwarded;
use crate::sync::Backoff;
use crate::versions::PerBucket;
use crate::word::Word;

impl<K, V, S, E> Direct<'_, ChainingInline<K, V, S, E>>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion<Versions = PerBucket>,
{
    forwarded!((mut) [K, V] [<> K] to 0);
}

impl<K, V, S, E> PinnedDirect<'_, ChainingInline<K, V, S, E>>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion<Versions = PerBucket>,
{
    forwarded!((mut) [K, V] [<> K] to 0);
}

impl<K, V, S, E> DirectMap<K, V> for ChainingInline<K, V, S, E>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Send + Sync,
    E: Exclusion<Versions = PerBucket>,
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

impl<K, V, S, E> ConcurrentMap<K, V> for ChainingInline<K, V, S, E>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Send + Sync,
    E: Exclusion<Versions = PerBucket>,
{
    const INFO: MapInfo = MapInfo {
        family: "chaining",
        summary: "words: 7 entries of a bucket in its two cache lines, more chained; readers validate",
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

    fn longest_chain(&self) -> Option<usize> {
        let _reading = self.exclusion.read();
        let table = self.current();
        let entries = |bucket: &Bucket| {
            let backoff = Backoff::new();
            let mut entries = 0;
            let mut count = |seen| {
                entries = 0;
                bucket.for_each(seen, |_, _| entries += 1);
            };
            while Self::try_read(bucket, &mut count).is_none() {
                backoff.snooze();
            }
            entries
        };
        table.buckets.iter().map(entries).max()
    }
}

impl<K, V, S, E> Default for ChainingInline<K, V, S, E>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Default,
    E: Exclusion<Versions = PerBucket>,
{
    fn default() -> Self {
        Self::with_capacity_and_hasher(0, S::default())
    }
}

impl<K, V, S, E: fmt::Debug> fmt::Debug for ChainingInline<K, V, S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainingInline")
            .field("entries", &self.entries.sum())
            .field("buckets", &self.current().buckets.len())
            .field("exclusion", &*self.exclusion)
            .finish_non_exhaustive()
    }
}

impl<K, V, S, E> Extend<(K, V)> for ChainingInline<K, V, S, E>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion<Versions = PerBucket>,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert_or_assign(key, value);
        }
    }
}

impl<K, V, S, E> FromIterator<(K, V)> for ChainingInline<K, V, S, E>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Default,
    E: Exclusion<Versions = PerBucket>,
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K, V, E, const N: usize> From<[(K, V); N]> for ChainingInline<K, V, RandomState, E>
where
    K: Word + Eq + Hash,
    V: Word,
    E: Exclusion<Versions = PerBucket>,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}
