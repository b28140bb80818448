//! A concurrent map of any universal construction over any sequential map.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use foldhash::fast::RandomState;

use super::{Sequential, Universal, UniversalHandle, UniversalPinned, Versions, Whole};
use crate::map::{ConcurrentMap, MapHandle, MapInfo, PinnedMap};

/// An entry of a sequential map.
#[derive(Clone, Debug)]
pub struct Binding<K, V> {
    /// The key's hash.
    pub hash: u64,
    /// When the value was bound: no other binding of the same object ever has this stamp.
    pub stamp: u64,
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
}

/// An operation of a sequential map.
#[derive(Clone, Debug)]
pub enum MapOp<K, V> {
    /// Adds a key that is absent.
    Insert {
        /// Its hash.
        hash: u64,
        /// The key.
        key: K,
        /// Its value.
        value: V,
    },
    /// Takes a key out.
    Remove {
        /// Its hash.
        hash: u64,
        /// The key.
        key: K,
    },
    /// Binds a key that is bound with `stamp` to another value: a compare-and-swap, as the
    /// closure that computes `value` may be run by no thread but its owner's.
    Replace {
        /// Its hash.
        hash: u64,
        /// The key.
        key: K,
        /// The stamp that the binding must have.
        stamp: u64,
        /// The value.
        value: V,
    },
}

/// What an operation of a sequential map returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<V> {
    /// It changed nothing: the key to be added is present, the one to be removed absent, or the
    /// binding to be replaced another.
    Refused,
    /// It added a key.
    Added,
    /// It took out or replaced this value.
    Replaced(V),
}

impl<K: Eq, V> MapOp<K, V> {
    /// Whether the operation changes nothing in `map`.
    pub fn is_refused_by(&self, map: &impl MapObject<Key = K, Value = V>) -> bool {
        match self {
            Self::Insert { hash, key, .. } => map.find(*hash, |other| other == key).is_some(),
            Self::Remove { hash, key } => map.find(*hash, |other| other == key).is_none(),
            Self::Replace { hash, key, stamp, .. } => {
                map.find(*hash, |other| other == key).is_none_or(|found| found.stamp != *stamp)
            }
        }
    }
}

/// A sequential map whose bindings have stamps.
pub trait MapObject:
    Sequential<Op = MapOp<Self::Key, Self::Value>, Out = Outcome<Self::Value>>
{
    /// Its keys.
    type Key;
    /// Its values.
    type Value;

    /// The binding, among those of `hash`, whose key `is_key`.
    fn find(
        &self,
        hash: u64,
        is_key: impl FnMut(&Self::Key) -> bool,
    ) -> Option<&Binding<Self::Key, Self::Value>>;

    /// The number of entries.
    fn len(&self) -> usize;

    /// Whether [`len`](Self::len) is 0.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Runs `f` on every binding.
    fn for_each(&self, f: impl FnMut(&Binding<Self::Key, Self::Value>));
}

impl<O: MapObject> MapObject for Whole<O> {
    type Key = O::Key;
    type Value = O::Value;

    #[inline]
    fn find(
        &self,
        hash: u64,
        is_key: impl FnMut(&O::Key) -> bool,
    ) -> Option<&Binding<O::Key, O::Value>> {
        self.0.find(hash, is_key)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn for_each(&self, f: impl FnMut(&Binding<O::Key, O::Value>)) {
        self.0.for_each(f);
    }
}

/// A concurrent map: the sequential map `O` under the universal construction `U`.
///
/// `get` and its kind read one version. `insert` and `remove` are each one operation of the
/// construction. `update` and `upsert` run their closure on what they read and then ask for the
/// binding to be replaced if it still is the one read: lock-free where the construction is
/// lock-free or wait-free. Iteration sees one moment of each root, `len` likewise.
pub struct VersionedMap<O, U, S = RandomState> {
    construction: U,
    hasher: S,
    _object: PhantomData<fn() -> O>,
}

impl<O, U, S> VersionedMap<O, U, S> {
    /// A map of what `construction` holds.
    pub const fn with_hasher_in(hasher: S, construction: U) -> Self {
        Self { construction, hasher, _object: PhantomData }
    }

    /// The construction.
    pub const fn construction(&self) -> &U {
        &self.construction
    }
}

impl<O, U, S> VersionedMap<O, U, S>
where
    O: MapObject,
    O::Key: Eq + Hash + Clone,
    O::Value: Clone,
    U: Universal<O>,
    S: BuildHasher,
{
    /// Registers the calling thread with the construction.
    ///
    /// # Panics
    ///
    /// When more than [`MapInfo::max_threads`] handles would exist.
    pub fn handle(&self) -> Handle<'_, O, U, S> {
        Handle { map: self, inner: self.construction.handle() }
    }

    /// The number of entries at one moment, if there is one root. It takes none of the handles that
    /// [`MapInfo::max_threads`] counts.
    pub fn len(&self) -> usize {
        (0..U::ROOTS).map(|root| self.construction.look(root, O::len)).sum()
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The root that holds a hash. Its high bits choose, as tries and tables look at the low ones.
#[inline]
fn root_of<O: Sequential, U: Universal<O>>(hash: u64) -> usize {
    if U::ROOTS == 1 { 0 } else { (hash >> 48) as usize % U::ROOTS }
}

/// A thread's way into a [`VersionedMap`].
pub struct Handle<'m, O: MapObject + 'm, U: Universal<O> + 'm, S> {
    map: &'m VersionedMap<O, U, S>,
    inner: U::Handle<'m>,
}

/// A [`Handle`] in a critical section.
pub struct Pinned<'h, 'm: 'h, O: MapObject + 'm, U: Universal<O> + 'm, S> {
    map: &'m VersionedMap<O, U, S>,
    inner: <U::Handle<'m> as UniversalHandle<O>>::Pinned<'h>,
}

impl<'h, 'm: 'h, O, U, S> Pinned<'h, 'm, O, U, S>
where
    O: MapObject + 'm,
    O::Key: Eq + Hash + Clone,
    O::Value: Clone,
    U: Universal<O> + 'm,
    S: BuildHasher,
{
    /// Runs `read` on the value of `key`.
    #[inline]
    pub fn get_with<Q, T>(&mut self, key: &Q, read: impl FnOnce(&O::Value) -> T) -> Option<T>
    where
        O::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        self.find(hash, key, |binding| read(&binding.value))
    }

    /// A copy of the value of `key`.
    #[inline]
    pub fn get<Q>(&mut self, key: &Q) -> Option<O::Value>
    where
        O::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.get_with(key, O::Value::clone)
    }

    #[inline]
    fn find<Q, T>(
        &mut self,
        hash: u64,
        key: &Q,
        read: impl FnOnce(&Binding<O::Key, O::Value>) -> T,
    ) -> Option<T>
    where
        O::Key: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let found = |object: &O| object.find(hash, |other| other.borrow() == key).map(read);
        self.inner.read(root_of::<O, U>(hash), found)
    }

    fn apply(&mut self, hash: u64, op: MapOp<O::Key, O::Value>) -> Outcome<O::Value> {
        self.inner.apply(root_of::<O, U>(hash), op)
    }

    /// Adds `key`; false, and no effect, if it is present.
    pub fn insert(&mut self, key: O::Key, value: O::Value) -> bool {
        let hash = self.map.hasher.hash_one(&key);
        matches!(self.apply(hash, MapOp::Insert { hash, key, value }), Outcome::Added)
    }

    /// Adds the entries whose keys are absent, and returns how many that were: where the
    /// construction can, those of a root at one moment.
    pub fn insert_many(&mut self, entries: impl IntoIterator<Item = (O::Key, O::Value)>) -> usize {
        let mut ops: Vec<Vec<_>> = (0..U::ROOTS).map(|_| Vec::new()).collect();
        for (key, value) in entries {
            let hash = self.map.hasher.hash_one(&key);
            ops[root_of::<O, U>(hash)].push(MapOp::Insert { hash, key, value });
        }
        let outs =
            ops.into_iter().enumerate().flat_map(|(root, ops)| self.inner.apply_all(root, ops));
        outs.filter(|out| matches!(out, Outcome::Added)).count()
    }

    /// Takes `key` out and returns its value.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<O::Value>
    where
        O::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        let key = self.find(hash, key, |binding| binding.key.clone())?;
        match self.apply(hash, MapOp::Remove { hash, key }) {
            Outcome::Replaced(value) => Some(value),
            Outcome::Refused | Outcome::Added => None,
        }
    }

    /// Replaces the value of `key` by `f` of it and returns the one replaced; `f` runs once for
    /// each attempt.
    pub fn update<Q>(
        &mut self,
        key: &Q,
        mut f: impl FnMut(&O::Value) -> O::Value,
    ) -> Option<O::Value>
    where
        O::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        loop {
            let op = self.edit(hash, key, &mut f)?;
            if let Outcome::Replaced(old) = self.apply(hash, op) {
                return Some(old);
            }
        }
    }

    /// The operation that replaces the value of `key` by `f` of it. `f` may use the map: where it
    /// could not write within a `read`, it is given a copy.
    fn edit<Q>(
        &mut self,
        hash: u64,
        key: &Q,
        mut f: impl FnMut(&O::Value) -> O::Value,
    ) -> Option<MapOp<O::Key, O::Value>>
    where
        O::Key: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        if U::READS_HOLD_UP_WRITES {
            let found = self.find(hash, key, Binding::clone)?;
            let value = f(&found.value);
            return Some(replace(&found, value));
        }
        self.find(hash, key, |found| replace(found, f(&found.value)))
    }

    /// Updates `key` if it is present, else adds it with `f(None)`; returns the value replaced.
    /// `f` runs once for each attempt.
    pub fn upsert(
        &mut self,
        key: O::Key,
        mut f: impl FnMut(Option<&O::Value>) -> O::Value,
    ) -> Option<O::Value> {
        let hash = self.map.hasher.hash_one(&key);
        loop {
            let op = self.edit(hash, &key, |value| f(Some(value)));
            let op = match op {
                Some(op) => op,
                None => MapOp::Insert { hash, key: key.clone(), value: f(None) },
            };
            match self.apply(hash, op) {
                Outcome::Refused => {}
                Outcome::Added => return None,
                Outcome::Replaced(old) => return Some(old),
            }
        }
    }

    /// Runs `f` on every entry: those of one moment, root by root.
    pub fn for_each(&mut self, mut f: impl FnMut(&O::Key, &O::Value)) {
        for root in 0..U::ROOTS {
            let visit = |object: &O| object.for_each(|binding| f(&binding.key, &binding.value));
            self.inner.read(root, visit);
        }
    }

    /// The number of entries: of one moment, if there is one root.
    pub fn len(&mut self) -> usize {
        (0..U::ROOTS).map(|root| self.inner.read(root, O::len)).sum()
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&mut self) -> bool {
        self.len() == 0
    }
}

impl<'h, 'm: 'h, O, U, S> Pinned<'h, 'm, O, U, S>
where
    O: MapObject + 'm,
    U: Universal<O> + 'm,
    <U::Handle<'m> as UniversalHandle<O>>::Pinned<'h>: Versions<O>,
{
    /// All entries as they are at one moment of the call, for as long as this is borrowed. O(1).
    ///
    /// Others may go on updating the map; the scheme holds back, meanwhile, what the snapshot leads
    /// to, and perhaps more. Wait-free given a reclaimer that is.
    ///
    /// # Examples
    ///
    /// ```
    /// use structures::map::MapHandle;
    /// use structures::versioned::HamtCas;
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

/// What a map held at one moment.
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

    /// The value of `key`.
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

/// The operation that binds `found` to another value.
fn replace<K: Clone, V>(found: &Binding<K, V>, value: V) -> MapOp<K, V> {
    MapOp::Replace { hash: found.hash, key: found.key.clone(), stamp: found.stamp, value }
}

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
        Pinned { map: self.map, inner: self.inner.pin() }
    }

    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        self.inner.offline(f)
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
    const INFO: MapInfo = MapInfo { iterates_snapshots: U::ROOTS == 1, ..U::INFO };

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
    /// As for std's maps, a later value replaces an earlier one.
    fn extend<I: IntoIterator<Item = (O::Key, O::Value)>>(&mut self, entries: I) {
        let mut handle = self.handle();
        for (key, value) in entries {
            handle.upsert(key, |_| value.clone());
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

impl<O, U: Default, S: Default> Default for VersionedMap<O, U, S> {
    fn default() -> Self {
        Self::with_hasher_in(S::default(), U::default())
    }
}
