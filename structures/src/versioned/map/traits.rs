//! The traits of maps, handles and collections.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash};

use super::super::Universal;
use super::{Handle, MapObject, Pinned, VersionedMap};
use crate::map::{ConcurrentMap, MapHandle, MapInfo, PinnedMap};

impl<'m, O, U, S> MapHandle<O::Key, O::Value> for Handle<'m, O, U, S>
where
    O: MapObject + 'm,
    O::Key: Eq + Hash + Clone,
    O::Value: Clone,
    U: Universal<O> + 'm,
    S: BuildHasher,
{
    type Pinned<'h>
        = Pinned<'h, 'm, O, U, S>
    where
        Self: 'h;

    #[inline]
    fn pin(&mut self) -> Pinned<'_, 'm, O, U, S> {
        self.pin()
    }

    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        self.offline(f)
    }

    /// The handle's own: pinned for each entry where the construction adds one at a time.
    fn insert_many(&mut self, entries: impl IntoIterator<Item = (O::Key, O::Value)>) -> usize {
        self.insert_many(entries)
    }
}

impl<'h, 'm: 'h, O, U, S> PinnedMap<O::Key, O::Value> for Pinned<'h, 'm, O, U, S>
where
    O: MapObject + 'm,
    O::Key: Eq + Hash + Clone,
    O::Value: Clone,
    U: Universal<O> + 'm,
    S: BuildHasher,
{
    #[inline]
    fn get_with<T>(&mut self, key: &O::Key, read: impl FnOnce(&O::Value) -> T) -> Option<T> {
        self.get_with(key, read)
    }

    fn insert(&mut self, key: O::Key, value: O::Value) -> bool {
        self.insert(key, value)
    }

    fn insert_many(&mut self, entries: impl IntoIterator<Item = (O::Key, O::Value)>) -> usize {
        self.insert_many(entries)
    }

    fn update(&mut self, key: &O::Key, f: impl FnMut(&O::Value) -> O::Value) -> Option<O::Value> {
        self.update(key, f)
    }

    fn upsert(
        &mut self,
        key: O::Key,
        f: impl FnMut(Option<&O::Value>) -> O::Value,
    ) -> Option<O::Value> {
        self.upsert(key, f)
    }

    fn remove(&mut self, key: &O::Key) -> Option<O::Value> {
        self.remove(key)
    }

    fn for_each(&mut self, f: impl FnMut(&O::Key, &O::Value)) {
        self.for_each(f);
    }
}

impl<O, U, S> ConcurrentMap<O::Key, O::Value> for VersionedMap<O, U, S>
where
    O: MapObject,
    O::Key: Eq + Hash + Clone,
    O::Value: Clone,
    U: Universal<O>,
    S: BuildHasher + Send + Sync,
{
    const INFO: MapInfo = MapInfo {
        iterates_snapshots: U::ROOTS == 1,
        progress_is_tested: U::INFO.progress_is_tested && O::PROGRESS_IS_TESTED,
        ..U::INFO
    };

    type Handle<'m>
        = Handle<'m, O, U, S>
    where
        Self: 'm;

    fn handle(&self) -> Handle<'_, O, U, S> {
        self.handle()
    }

    /// Exact, even while threads write, if there is one root.
    fn len(&self) -> usize {
        self.len()
    }
}

impl<O, U: fmt::Debug, S> fmt::Debug for VersionedMap<O, U, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VersionedMap").field(&self.construction).finish()
    }
}

impl<O: MapObject, U: Universal<O> + fmt::Debug, S> fmt::Debug for Handle<'_, O, U, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("map", self.map).finish_non_exhaustive()
    }
}

impl<O: MapObject, U: Universal<O> + fmt::Debug, S> fmt::Debug for Pinned<'_, '_, O, U, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").field("map", self.map).finish_non_exhaustive()
    }
}

impl<O, U, S> Extend<(O::Key, O::Value)> for VersionedMap<O, U, S>
where
    O: MapObject,
    O::Key: Eq + Hash + Clone,
    O::Value: Clone,
    U: Universal<O>,
    S: BuildHasher,
{
    /// As in std's maps, a later value replaces an earlier one with the same key. An empty map is filled
    /// at once, where the construction can: a table that is copied for each update is copied once.
    /// Otherwise each entry has a critical section of its own, so that what it replaces can be freed
    /// before the next ones come.
    fn extend<I: IntoIterator<Item = (O::Key, O::Value)>>(&mut self, entries: I) {
        let mut handle = self.handle();
        if U::AT_ONCE && handle.is_empty() {
            let latest: HashMap<_, _> = entries.into_iter().collect();
            handle.insert_many(latest);
            return;
        }
        for (key, value) in entries {
            handle.insert_or_assign(key, value);
        }
    }
}

impl<O, U, S> FromIterator<(O::Key, O::Value)> for VersionedMap<O, U, S>
where
    O: MapObject,
    O::Key: Eq + Hash + Clone,
    O::Value: Clone,
    U: Universal<O> + Default,
    S: BuildHasher + Default,
{
    fn from_iter<I: IntoIterator<Item = (O::Key, O::Value)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<O, U, const N: usize> From<[(O::Key, O::Value); N]> for VersionedMap<O, U>
where
    O: MapObject,
    O::Key: Eq + Hash + Clone,
    O::Value: Clone,
    U: Universal<O> + Default,
{
    /// As in std's maps, a later value replaces an earlier one with the same key.
    fn from(entries: [(O::Key, O::Value); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<O, U: Default, S: Default> Default for VersionedMap<O, U, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}
