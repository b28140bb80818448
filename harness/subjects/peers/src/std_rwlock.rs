//! One standard reader-writer lock around one hashbrown map: what a user writes first.

use std::hash::{BuildHasher, Hash};
use std::mem;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use structures::map::{ConcurrentMap, Direct, DirectMap, MapInfo, Progress};

/// [`RwLock`] over [`hashbrown::HashMap`]. Closures and iteration run under the lock.
#[derive(Debug, Default)]
pub struct StdRwLock<K, V, S>(RwLock<HashMap<K, V, S>>);

impl<K, V, S> StdRwLock<K, V, S> {
    /// An empty map with room for `capacity` entries.
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self(RwLock::new(HashMap::with_capacity_and_hasher(capacity, hasher)))
    }

    // Poison is ignored in both: each closure runs before its operation has changed anything,
    // so a panic leaves a map that is whole.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<K, V, S>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<K, V, S>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V, S> ConcurrentMap<K, V> for StdRwLock<K, V, S>
where
    K: Eq + Hash + Send + Sync,
    V: Send + Sync,
    S: BuildHasher + Send + Sync,
{
    const INFO: MapInfo = MapInfo {
        family: "peer",
        summary: "one std RwLock over one hashbrown map",
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
        self.read().len()
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.read().capacity())
    }
}

impl<K, V, S> DirectMap<K, V> for StdRwLock<K, V, S>
where
    K: Eq + Hash + Send + Sync,
    V: Send + Sync,
    S: BuildHasher + Send + Sync,
{
    fn get_with<T>(&self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.read().get(key).map(read)
    }

    fn insert(&self, key: K, value: V) -> bool {
        match self.write().entry(key) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(value);
                true
            }
        }
    }

    fn update(&self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        let mut map = self.write();
        let value = map.get_mut(key)?;
        let new = f(value);
        Some(mem::replace(value, new))
    }

    fn upsert(&self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        match self.write().entry(key) {
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
        self.write().remove(key)
    }

    fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        self.read().iter().for_each(|(key, value)| f(key, value));
    }
}
