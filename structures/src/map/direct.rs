//! Maps whose operations need no per-thread state, and their handles.

use super::{MapHandle, PinnedMap, one_by_one};

/// A map whose operations need no per-thread state. The methods are those of [`PinnedMap`],
/// on a shared reference; [`Direct`] makes a handle of them.
pub trait DirectMap<K, V>: Send + Sync {
    /// See [`PinnedMap::get_with`].
    fn get_with<T>(&self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T>;
    /// See [`PinnedMap::get_many`].
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    #[inline]
    fn get_many(&self, keys: &[K], values: &mut [Option<V>])
    where
        V: Clone,
    {
        one_by_one(keys, values, |key| self.get_with(key, V::clone));
    }
    /// See [`PinnedMap::insert`].
    fn insert(&self, key: K, value: V) -> bool;
    /// See [`PinnedMap::update`].
    fn update(&self, key: &K, f: impl FnMut(&V) -> V) -> Option<V>;
    /// See [`PinnedMap::upsert`].
    fn upsert(&self, key: K, f: impl FnMut(Option<&V>) -> V) -> Option<V>;
    /// See [`PinnedMap::remove`].
    fn remove(&self, key: &K) -> Option<V>;
    /// See [`PinnedMap::for_each`].
    fn for_each(&self, f: impl FnMut(&K, &V));
}

/// The handle of a [`DirectMap`]: a shared reference.
///
/// Tables of this crate that use it also have their operations as methods of the map itself. The handle has the
/// same operations; it is for code that also runs with tables that need a handle.
#[derive(Debug)]
pub struct Direct<'m, M>(pub(crate) &'m M);

impl<'m, M> Direct<'m, M> {
    /// A handle of `map`.
    #[must_use]
    pub fn new(map: &'m M) -> Self {
        Self(map)
    }

    /// The handle inside a critical section. It protects nothing, so this costs nothing.
    #[inline(always)]
    pub fn pin(&mut self) -> PinnedDirect<'_, M> {
        PinnedDirect(self.0)
    }

    /// Runs `f`, which may block. There is no registration to suspend, so this does nothing else.
    pub fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        f()
    }
}

impl<K, V, M: DirectMap<K, V>> MapHandle<K, V> for Direct<'_, M> {
    type Pinned<'h>
        = PinnedDirect<'h, M>
    where
        Self: 'h;

    #[inline(always)]
    fn pin(&mut self) -> Self::Pinned<'_> {
        self.pin()
    }
}

/// A [`Direct`] handle inside a critical section: a shared reference again, as there is nothing to
/// protect.
#[derive(Debug)]
pub struct PinnedDirect<'h, M>(pub(crate) &'h M);

impl<K, V, M: DirectMap<K, V>> PinnedMap<K, V> for PinnedDirect<'_, M> {
    #[inline(always)]
    fn get_with<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.0.get_with(key, read)
    }

    #[inline]
    fn get_many(&mut self, keys: &[K], values: &mut [Option<V>])
    where
        V: Clone,
    {
        self.0.get_many(keys, values);
    }

    #[inline(always)]
    fn insert(&mut self, key: K, value: V) -> bool {
        self.0.insert(key, value)
    }

    #[inline]
    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> Option<V> {
        self.0.update(key, f)
    }

    #[inline]
    fn upsert(&mut self, key: K, f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        self.0.upsert(key, f)
    }

    #[inline(always)]
    fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key)
    }

    fn for_each(&mut self, f: impl FnMut(&K, &V)) {
        self.0.for_each(f);
    }
}
