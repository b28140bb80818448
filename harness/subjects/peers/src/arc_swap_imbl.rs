//! The copy-on-write map that a user makes of two crates: arc-swap around imbl's persistent map.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use arc_swap::ArcSwap;
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;
use structures::map::{ConcurrentMap, Direct, DirectMap, MapInfo, Progress};

type Map<K, V, S> = GenericHashMap<K, V, S, DefaultSharedPtr>;

/// [`ArcSwap`] over [`imbl::GenericHashMap`], updated by [`ArcSwap::rcu`]. Iteration sees one
/// moment.
#[derive(Debug)]
pub struct ArcSwapImbl<K, V, S>(ArcSwap<Map<K, V, S>>);

impl<K, V, S> ArcSwapImbl<K, V, S> {
    /// An empty map; imbl's takes no capacity.
    #[must_use]
    pub fn with_capacity_and_hasher(_: usize, hasher: S) -> Self {
        Self(ArcSwap::from_pointee(Map::with_hasher(hasher)))
    }
}

impl<K, V, S: Default> Default for ArcSwapImbl<K, V, S> {
    fn default() -> Self {
        Self::with_capacity_and_hasher(0, S::default())
    }
}

impl<K, V, S> ArcSwapImbl<K, V, S>
where
    K: Eq + Hash + Clone,
    V: Clone,
    S: BuildHasher + Clone,
{
    /// Installs what `edit` makes of a copy of the map; `None`, and nothing is installed, if it
    /// makes nothing of it.
    fn edit<T>(&self, mut edit: impl FnMut(&mut Map<K, V, S>) -> Option<T>) -> Option<T> {
        let mut result = None;
        self.0.rcu(|map| {
            let mut copy = (**map).clone();
            result = edit(&mut copy);
            if result.is_some() { Arc::new(copy) } else { Arc::clone(map) }
        });
        result
    }
}

impl<K, V, S> ConcurrentMap<K, V> for ArcSwapImbl<K, V, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Clone + Send + Sync,
{
    const INFO: MapInfo = MapInfo {
        family: "peer",
        summary: "arc-swap around imbl's persistent HashMap, updated by rcu",
        iterates_snapshots: true,
        ..MapInfo::UNKNOWN.with_progress(Progress::LockFree)
    };

    type Handle<'m>
        = Direct<'m, Self>
    where
        Self: 'm;

    fn handle(&self) -> Self::Handle<'_> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.0.load().len()
    }
}

impl<K, V, S> DirectMap<K, V> for ArcSwapImbl<K, V, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Clone + Send + Sync,
{
    fn get_with<T>(&self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.0.load().get(key).map(read)
    }

    fn insert(&self, key: K, value: V) -> bool {
        let absent = |map: &mut Map<K, V, S>| {
            if map.contains_key(&key) {
                return None;
            }
            map.insert(key.clone(), value.clone());
            Some(())
        };
        self.edit(absent).is_some()
    }

    fn update(&self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        self.edit(|map| {
            let new = f(map.get(key)?);
            map.insert(key.clone(), new)
        })
    }

    fn upsert(&self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        let replaced = self.edit(|map| {
            let new = f(map.get(&key));
            Some(map.insert(key.clone(), new))
        });
        replaced.flatten()
    }

    fn remove(&self, key: &K) -> Option<V> {
        self.edit(|map| map.remove(key))
    }

    fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        self.0.load().iter().for_each(|(key, value)| f(key, value));
    }
}
