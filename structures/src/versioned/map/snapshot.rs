//! Snapshots: all entries as they are at one moment.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};

use super::super::{CurrentVersion, Universal, UniversalHandle};
use super::{MapObject, Pinned};

impl<'h, 'm: 'h, O, U, S> Pinned<'h, 'm, O, U, S>
where
    O: MapObject + 'm,
    U: Universal<O> + 'm,
    <U::Handle<'m> as UniversalHandle<O>>::Pinned<'h>: CurrentVersion<O>,
{
    /// All entries as they are at one moment during the call, for as long as this is borrowed. O(1); wait-free if the
    /// reclaimer is.
    ///
    /// Other threads may go on updating the map. Meanwhile the scheme does not free what the snapshot refers to, and
    /// perhaps more.
    ///
    /// # Examples
    ///
    /// ```
    /// use structures::HamtCas;
    ///
    /// let map: HamtCas<u64, u64> = (0..100).map(|key| (key, 0)).collect();
    /// let (mut reader, mut writer) = (map.handle(), map.handle());
    /// let mut pinned = reader.pin();
    /// let before = pinned.snapshot();
    /// writer.remove(&7);
    /// assert_eq!((before.len(), map.len()), (100, 99));
    /// assert_eq!(before.get(&7), Some(&0));
    /// ```
    pub fn snapshot(&mut self) -> Snapshot<'_, O, S> {
        Snapshot { object: self.inner.version(), hasher: &self.map.hasher }
    }
}

/// The entries of a map as they were at one moment.
pub struct Snapshot<'v, O, S> {
    object: &'v O,
    hasher: &'v S,
}

impl<'v, O: MapObject, S: BuildHasher> Snapshot<'v, O, S> {
    /// The version itself.
    #[must_use]
    pub const fn version(&self) -> &'v O {
        self.object
    }

    /// The value of `key`; `None` if the key is absent.
    pub fn get<Q>(&self, key: &Q) -> Option<&'v O::Value>
    where
        O::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let found = self.object.find(self.hasher.hash_one(key), |other| other.borrow() == key);
        found.map(|binding| &binding.value)
    }

    /// Whether `key` is present.
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        O::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.get(key).is_some()
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.object.len()
    }

    /// Whether [`len`](Self::len) is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.object.is_empty()
    }

    /// Runs `f` on every entry.
    pub fn for_each(&self, mut f: impl FnMut(&O::Key, &O::Value)) {
        self.object.for_each(|binding| f(&binding.key, &binding.value));
    }
}

impl<O, S> Clone for Snapshot<'_, O, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O, S> Copy for Snapshot<'_, O, S> {}

impl<O: fmt::Debug, S> fmt::Debug for Snapshot<'_, O, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snapshot").field(self.object).finish()
    }
}
