//! papaya: open addressing, one atomic entry pointer a slot, reclaimed by seize.
//!
//! A pin is a papaya guard, so a guard for each operation and one for each batch are both
//! expressible.
//!
//! `get` never waits. The writers are lock-free while the table keeps its size; during a
//! resize they take a mutex to allocate the next table and may park until another thread has
//! copied an entry, hence "blocking".
//!
//! A closure that panics leaks the entry that papaya had allocated for its result.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use papaya::{Compute, HashMap, HashMapRef, LocalGuard, Operation};
use structures::map::{ConcurrentMap, MapHandle, MapInfo, PinnedMap, Progress};

/// [`papaya::HashMap`] with incremental resizing, its default.
#[derive(Default)]
pub struct Papaya<K, V, S>(HashMap<K, V, S>);

impl<K, V, S> Papaya<K, V, S> {
    /// An empty map with room for `capacity` entries.
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self(HashMap::with_capacity_and_hasher(capacity, hasher))
    }
}

impl<K, V, S> fmt::Debug for Papaya<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Papaya").finish_non_exhaustive()
    }
}

impl<K, V, S> ConcurrentMap<K, V> for Papaya<K, V, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Send + Sync,
{
    const INFO: MapInfo = MapInfo {
        family: "peer",
        summary: "papaya 0.2: open addressing over entry pointers, incremental resize, seize",
        get: Progress::LockFree,
        ..MapInfo::UNKNOWN.with_progress(Progress::Blocking)
    };

    type Handle<'m>
        = PapayaHandle<'m, K, V, S>
    where
        Self: 'm;

    fn handle(&self) -> Self::Handle<'_> {
        PapayaHandle(&self.0)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// One thread's way into a [`Papaya`]; it holds nothing but the reference.
pub struct PapayaHandle<'m, K, V, S>(&'m HashMap<K, V, S>);

impl<K, V, S> fmt::Debug for PapayaHandle<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PapayaHandle").finish_non_exhaustive()
    }
}

impl<K, V, S> MapHandle<K, V> for PapayaHandle<'_, K, V, S>
where
    K: Eq + Hash + Clone,
    V: Clone,
    S: BuildHasher,
{
    type Pinned<'h>
        = PapayaPin<'h, K, V, S>
    where
        Self: 'h;

    fn pin(&mut self) -> Self::Pinned<'_> {
        PapayaPin(self.0.pin())
    }
}

/// A [`PapayaHandle`] with a guard.
pub struct PapayaPin<'h, K, V, S>(HashMapRef<'h, K, V, S, LocalGuard<'h>>);

impl<K, V, S> fmt::Debug for PapayaPin<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PapayaPin").finish_non_exhaustive()
    }
}

impl<K, V, S> PinnedMap<K, V> for PapayaPin<'_, K, V, S>
where
    K: Eq + Hash + Clone,
    V: Clone,
    S: BuildHasher,
{
    fn get_with<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.0.get(key).map(read)
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        self.0.try_insert(key, value).is_ok()
    }

    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        let step = |entry: Option<(&K, &V)>| match entry {
            Some((_, value)) => Operation::Insert(f(value)),
            None => Operation::Abort(()),
        };
        match self.0.compute(key.clone(), step) {
            Compute::Updated { old: (_, old), .. } => Some(old.clone()),
            _ => None,
        }
    }

    fn upsert(&mut self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        loop {
            // papaya remembers what `None` gave: after `None`, `Some`, `None` it would insert
            // the result of the first run, not of the last. Hence start afresh at the `Some`.
            let mut saw_none = false;
            let step = |entry: Option<(&K, &V)>| match entry {
                Some(_) if saw_none => Operation::Abort(()),
                Some((_, value)) => Operation::Insert(f(Some(value))),
                None => {
                    saw_none = true;
                    Operation::Insert(f(None))
                }
            };
            match self.0.compute(key.clone(), step) {
                Compute::Updated { old: (_, old), .. } => return Some(old.clone()),
                Compute::Inserted(..) => return None,
                Compute::Aborted(()) => {}
                Compute::Removed(..) => unreachable!("no step asks for a removal"),
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
