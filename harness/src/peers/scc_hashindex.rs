//! scc's `HashIndex`: its `HashMap` made for reading; a read takes no lock.
//!
//! A value is replaced by a new entry, and the old one marked removed, under the bucket's lock.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use scc::HashIndex;
use scc::hash_index::Entry;
use structures::map::{ConcurrentMap, Direct, DirectMap, MapInfo, Progress};

/// [`scc::HashIndex`], read with `peek_with`.
#[derive(Default)]
pub struct SccHashIndex<K, V, S: BuildHasher>(HashIndex<K, V, S>);

impl<K, V, S: BuildHasher> SccHashIndex<K, V, S> {
    /// An empty map with room for `capacity` entries; it never shrinks below.
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self(HashIndex::with_capacity_and_hasher(capacity, hasher))
    }
}

impl<K, V, S: BuildHasher> fmt::Debug for SccHashIndex<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SccHashIndex").finish_non_exhaustive()
    }
}

impl<K, V, S> ConcurrentMap<K, V> for SccHashIndex<K, V, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Send + Sync,
{
    const INFO: MapInfo = MapInfo {
        family: "peer",
        summary: "scc 3 HashIndex: 32-slot buckets, writers lock, readers do not, sdd",
        get: Progress::LockFree,
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

impl<K, V, S> DirectMap<K, V> for SccHashIndex<K, V, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Send + Sync,
{
    fn get_with<T>(&self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.0.peek_with(key, |_, value| read(value))
    }

    fn insert(&self, key: K, value: V) -> bool {
        self.0.insert_sync(key, value).is_ok()
    }

    fn update(&self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        let mut entry = self.0.get_sync(key)?;
        let old = entry.get().clone();
        entry.update(f(&old));
        Some(old)
    }

    fn upsert(&self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        match self.0.entry_sync(key) {
            Entry::Occupied(mut entry) => {
                let old = entry.get().clone();
                entry.update(f(Some(&old)));
                Some(old)
            }
            Entry::Vacant(entry) => {
                entry.insert_entry(f(None));
                None
            }
        }
    }

    fn remove(&self, key: &K) -> Option<V> {
        // The entry holds the bucket's lock from the copy to the removal.
        let entry = self.0.get_sync(key)?;
        let value = entry.get().clone();
        entry.remove_entry();
        Some(value)
    }

    fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        self.0.iter_sync(|key, value| {
            f(key, value);
            true
        });
    }
}
