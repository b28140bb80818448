//! scc's `HashIndex`: its `HashMap` made for reading; `peek` takes no lock.
//!
//! # A miss is confirmed once values are replaced
//!
//! A value is replaced by a new entry, and the old one marked removed, under the bucket's
//! lock. A `peek` that meets both steps can pass the new slot too early and the old one too
//! late: in scc 3.8 it misses a key that is present throughout (a test that only updates one
//! key and reads it sees this within seconds). So, from the first replacement on, a miss
//! is looked up again under the lock, and `get` counts as blocking. Hits, and misses of a
//! table that has only seen inserts and removes, are the crate's own lock-free read.
//!
//! # Weaker than the contract
//!
//! * `for_each` can visit an entry twice if the table shrinks meanwhile;
//! * `len` can count an entry twice, or miss it, while the table is resized. It visits every
//!   bucket.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicBool, Ordering, fence};

use scc::hash_index::Entry;
use scc::{Guard, HashIndex};
use structures::map::{ConcurrentMap, Direct, DirectMap, MapInfo, Progress};

/// [`scc::HashIndex`].
#[derive(Default)]
pub struct SccHashIndex<K, V, S: BuildHasher> {
    index: HashIndex<K, V, S>,
    /// Whether a value has ever been replaced, or is about to be.
    replaced: AtomicBool,
}

impl<K, V, S: BuildHasher> SccHashIndex<K, V, S> {
    /// An empty map with room for `capacity` entries; it never shrinks below.
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        let index = HashIndex::with_capacity_and_hasher(capacity, hasher);
        Self { index, replaced: AtomicBool::new(false) }
    }

    /// To call before a value is replaced.
    fn announce_replacement(&self) {
        if !self.replaced.load(Ordering::Acquire) {
            self.replaced.store(true, Ordering::Relaxed);
        }
        // Release: pairs with the fence in `can_miss_wrongly`, through the slot. A reader that
        // saw the replacement sees it announced.
        fence(Ordering::Release);
    }

    /// Whether the miss that was just seen can be due to a replacement.
    fn can_miss_wrongly(&self) -> bool {
        fence(Ordering::Acquire);
        self.replaced.load(Ordering::Relaxed)
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
        summary: "scc 3 HashIndex: 32-slot buckets, lock-free hits, misses confirmed under lock",
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
        self.index.len()
    }
}

impl<K, V, S> DirectMap<K, V> for SccHashIndex<K, V, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Send + Sync,
{
    fn get_with<T>(&self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        let guard = Guard::new();
        if let Some(value) = self.index.peek(key, &guard) {
            return Some(read(value));
        }
        drop(guard);
        if !self.can_miss_wrongly() {
            return None;
        }
        self.index.get_sync(key).map(|entry| read(entry.get()))
    }

    fn insert(&self, key: K, value: V) -> bool {
        self.index.insert_sync(key, value).is_ok()
    }

    fn update(&self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        let mut entry = self.index.get_sync(key)?;
        let old = entry.get().clone();
        let new = f(&old);
        self.announce_replacement();
        entry.update(new);
        Some(old)
    }

    fn upsert(&self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        match self.index.entry_sync(key) {
            Entry::Occupied(mut entry) => {
                let old = entry.get().clone();
                let new = f(Some(&old));
                self.announce_replacement();
                entry.update(new);
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
        let entry = self.index.get_sync(key)?;
        let value = entry.get().clone();
        entry.remove_entry();
        Some(value)
    }

    fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        self.index.iter_sync(|key, value| {
            f(key, value);
            true
        });
    }
}
