//! dashmap: shards of a reader-writer lock over hashbrown, four for each CPU.
//!
//! Closures and iteration run under a shard's lock.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::mem;

use dashmap::{DashMap, Entry};
use structures::map::{ConcurrentMap, Direct, DirectMap, MapInfo, Progress};

/// [`dashmap::DashMap`] with its default number of shards, which depends on the machine: four
/// times the number of CPUs, rounded up to a power of two. `S` must be `Clone`.
#[derive(Default)]
pub struct Dashmap<K: Eq + Hash, V, S: BuildHasher + Clone>(DashMap<K, V, S>);

impl<K: Eq + Hash, V, S: BuildHasher + Clone> Dashmap<K, V, S> {
    /// An empty map with room for `capacity` entries.
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self(DashMap::with_capacity_and_hasher(capacity, hasher))
    }
}

impl<K: Eq + Hash, V, S: BuildHasher + Clone> fmt::Debug for Dashmap<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dashmap").finish_non_exhaustive()
    }
}

impl<K, V, S> ConcurrentMap<K, V> for Dashmap<K, V, S>
where
    K: Eq + Hash + Send + Sync,
    V: Send + Sync,
    S: BuildHasher + Clone + Send + Sync,
{
    const INFO: MapInfo = MapInfo {
        family: "peer",
        summary: "dashmap 6: a spinning, parking lock over hashbrown, 4 shards a CPU",
        ..MapInfo::UNKNOWN.with_progress(Progress::Blocking)
    };

    type Handle<'m>
        = Direct<'m, Self>
    where
        Self: 'm;

    fn handle(&self) -> Self::Handle<'_> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl<K, V, S> DirectMap<K, V> for Dashmap<K, V, S>
where
    K: Eq + Hash + Send + Sync,
    V: Send + Sync,
    S: BuildHasher + Clone + Send + Sync,
{
    fn get_with<T>(&self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.0.view(key, |_, value| read(value))
    }

    fn insert(&self, key: K, value: V) -> bool {
        match self.0.entry(key) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(value);
                true
            }
        }
    }

    fn update(&self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        let mut value = self.0.get_mut(key)?;
        let new = f(&value);
        Some(mem::replace(&mut *value, new))
    }

    fn upsert(&self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        match self.0.entry(key) {
            Entry::Occupied(mut entry) => {
                let new = f(Some(entry.get()));
                Some(entry.insert(new))
            }
            Entry::Vacant(entry) => {
                entry.insert(f(None));
                None
            }
        }
    }

    fn remove(&self, key: &K) -> Option<V> {
        self.0.remove(key).map(|(_, value)| value)
    }

    fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        self.0.iter().for_each(|entry| f(entry.key(), entry.value()));
    }
}
