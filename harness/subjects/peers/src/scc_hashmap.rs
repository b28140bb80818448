//! scc's `HashMap`: buckets of 32 slots, each under a reader-writer lock, incremental resize.
//!
//! Closures and iteration run under a bucket's lock. Weaker than the contract:
//!
//! * `for_each` can visit an entry twice if the table shrinks meanwhile;
//! * `len` can count an entry twice, or miss it, while the table is resized. It visits every
//!   bucket.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::mem;

use scc::HashMap;
use scc::hash_map::Entry;
use structures::map::{ConcurrentMap, Direct, DirectMap, MapInfo, Progress};

/// [`scc::HashMap`].
#[derive(Default)]
pub struct SccHashMap<K, V, S: BuildHasher>(HashMap<K, V, S>);

impl<K, V, S: BuildHasher> SccHashMap<K, V, S> {
    /// An empty map with room for `capacity` entries; it never shrinks below.
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self(HashMap::with_capacity_and_hasher(capacity, hasher))
    }
}

impl<K, V, S: BuildHasher> fmt::Debug for SccHashMap<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SccHashMap").finish_non_exhaustive()
    }
}

impl<K, V, S> ConcurrentMap<K, V> for SccHashMap<K, V, S>
where
    K: Eq + Hash + Send + Sync,
    V: Send + Sync,
    S: BuildHasher + Send + Sync,
{
    const INFO: MapInfo = MapInfo {
        family: "peer",
        summary: "scc 3 HashMap: 32-slot buckets, a reader-writer lock each, incremental resize",
        // It overcounts while a superseded bucket array has not been dropped.
        len_is_bounded: false,
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

impl<K, V, S> DirectMap<K, V> for SccHashMap<K, V, S>
where
    K: Eq + Hash + Send + Sync,
    V: Send + Sync,
    S: BuildHasher + Send + Sync,
{
    fn get_with<T>(&self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.0.read_sync(key, |_, value| read(value))
    }

    fn insert(&self, key: K, value: V) -> bool {
        self.0.insert_sync(key, value).is_ok()
    }

    fn update(&self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        self.0.update_sync(key, |_, value| {
            let new = f(value);
            mem::replace(value, new)
        })
    }

    fn upsert(&self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        match self.0.entry_sync(key) {
            Entry::Occupied(mut entry) => {
                let new = f(Some(entry.get()));
                Some(entry.insert(new))
            }
            Entry::Vacant(entry) => {
                entry.insert_entry(f(None));
                None
            }
        }
    }

    fn remove(&self, key: &K) -> Option<V> {
        self.0.remove_sync(key).map(|(_, value)| value)
    }

    fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        self.0.iter_sync(|key, value| {
            f(key, value);
            true
        });
    }
}
