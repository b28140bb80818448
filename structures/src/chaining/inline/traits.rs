//! The handles, and the traits of maps and collections.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use super::ChainingInline;
use super::line::Line;
use crate::exclusion::Exclusion;
use crate::map::{ConcurrentMap, Direct, DirectMap, Held, MapInfo, PinnedDirect, Progress};
use crate::operations::forwarded;
use crate::sync::Backoff;
use crate::tagging::Tagging;
use crate::versions::PerBucket;
use crate::word::Word;

impl<K, V, S, E, T> Direct<'_, ChainingInline<K, V, S, E, T>>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion<Versions = PerBucket>,
    T: Tagging,
{
    forwarded!((mut) [K, V] [<> K] to 0);
}

impl<K, V, S, E, T> PinnedDirect<'_, ChainingInline<K, V, S, E, T>>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion<Versions = PerBucket>,
    T: Tagging,
{
    forwarded!((mut) [K, V] [<> K] to 0);
}

impl<K, V, S, E, T> DirectMap<K, V> for ChainingInline<K, V, S, E, T>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Send + Sync,
    E: Exclusion<Versions = PerBucket>,
    T: Tagging,
{
    #[inline]
    fn get_with<R>(&self, key: &K, read: impl FnOnce(&V) -> R) -> Option<R> {
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

impl<K, V, S, E, T> ConcurrentMap<K, V> for ChainingInline<K, V, S, E, T>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Send + Sync,
    E: Exclusion<Versions = PerBucket>,
    T: Tagging,
{
    const INFO: MapInfo = MapInfo {
        family: "chaining",
        summary: "words: 3 entries of a bucket in its cache line, more chained; readers validate",
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
        let entries = |bucket: &Line| {
            let backoff = Backoff::new();
            let mut entries = 0;
            let mut count = |seen| {
                entries = 0;
                bucket.for_each(seen, |_, _, _| entries += 1);
            };
            while Self::try_read(table, bucket, &mut count).is_none() {
                backoff.snooze();
            }
            entries
        };
        table.buckets.iter().map(entries).max()
    }
}

impl<K, V, S, E, T> Default for ChainingInline<K, V, S, E, T>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Default,
    E: Exclusion<Versions = PerBucket>,
    T: Tagging,
{
    fn default() -> Self {
        Self::with_capacity_and_hasher(0, S::default())
    }
}

impl<K, V, S, E: fmt::Debug, T> fmt::Debug for ChainingInline<K, V, S, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainingInline")
            .field("entries", &self.entries.sum())
            .field("buckets", &self.current().buckets.len())
            .field("exclusion", &*self.exclusion)
            .finish_non_exhaustive()
    }
}

impl<K, V, S, E, T> Extend<(K, V)> for ChainingInline<K, V, S, E, T>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion<Versions = PerBucket>,
    T: Tagging,
{
    /// As for std's maps, a later value replaces an earlier one.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert_or_assign(key, value);
        }
    }
}

impl<K, V, S, E, T> FromIterator<(K, V)> for ChainingInline<K, V, S, E, T>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher + Default,
    E: Exclusion<Versions = PerBucket>,
    T: Tagging,
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}
