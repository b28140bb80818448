//! flurry: a port of Java's `ConcurrentHashMap`, reclaimed by seize.
//!
//! Keys must be `Ord`: a bin with many entries becomes a tree. Readers take no lock; a writer
//! locks the bin's first node. A pin is a flurry guard.

use std::hash::{BuildHasher, Hash};

use flurry::{HashMap, HashMapRef};
use structures::map::{ConcurrentMap, MapHandle, MapInfo, PinnedMap, Progress};

/// [`flurry::HashMap`].
#[derive(Debug, Default)]
pub struct Flurry<K, V, S>(HashMap<K, V, S>);

impl<K, V, S> Flurry<K, V, S> {
    /// An empty map with room for `capacity` entries.
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self(HashMap::with_capacity_and_hasher(capacity, hasher))
    }
}

impl<K, V, S> ConcurrentMap<K, V> for Flurry<K, V, S>
where
    K: Ord + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Send + Sync,
{
    const INFO: MapInfo = MapInfo {
        family: "peer",
        summary: "flurry 0.5: Java's ConcurrentHashMap, a lock in each bin's first node, seize",
        get: Progress::LockFree,
        ..MapInfo::UNKNOWN.with_progress(Progress::Blocking)
    };

    type Handle<'m>
        = FlurryHandle<'m, K, V, S>
    where
        Self: 'm;

    fn handle(&self) -> Self::Handle<'_> {
        FlurryHandle(&self.0)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// One thread's way into a [`Flurry`]; it holds nothing but the reference.
#[derive(Debug)]
pub struct FlurryHandle<'m, K, V, S>(&'m HashMap<K, V, S>);

impl<K, V, S> MapHandle<K, V> for FlurryHandle<'_, K, V, S>
where
    K: Ord + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher,
{
    type Pinned<'h>
        = FlurryPin<'h, K, V, S>
    where
        Self: 'h;

    fn pin(&mut self) -> Self::Pinned<'_> {
        FlurryPin(self.0.pin())
    }
}

/// A [`FlurryHandle`] with a guard.
#[derive(Debug)]
pub struct FlurryPin<'h, K, V, S>(HashMapRef<'h, K, V, S>);

impl<K, V, S> PinnedMap<K, V> for FlurryPin<'_, K, V, S>
where
    K: Ord + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher,
{
    fn get_with<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.0.get(key).map(read)
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        self.0.try_insert(key, value).is_ok()
    }

    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        let mut old = None;
        // The closure runs at most once, under the bin's lock.
        self.0.compute_if_present(key, |_, value| {
            old = Some(value.clone());
            Some(f(value))
        });
        old
    }

    fn upsert(&mut self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        // flurry has no such operation. Each half is atomic and has no effect where it does
        // not apply, so the half that applied is the whole.
        loop {
            if let Some(old) = self.update(&key, |value| f(Some(value))) {
                return Some(old);
            }
            if self.insert(key.clone(), f(None)) {
                return None;
            }
        }
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key).cloned()
    }

    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        self.0.iter().for_each(|(key, value)| f(key, value));
    }
}
