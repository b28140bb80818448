//! Operations that write; and the layout of words, for the [driver](crate::cuckoo::driver).

use std::hash::{BuildHasher, Hash};

use super::{CuckooOptimistic, Entry, TableOfWords};
use crate::cuckoo::buckets::{Address, Cell, Found, Relocation, Target};
use crate::cuckoo::driver::{
    self, At, Driver, FoundOf, Hop, Layout, LocatedOf, Look, Reach, Refused,
};
use crate::cuckoo::error::GrowError;
use crate::cuckoo::path::{Place, Search};
use crate::exclusion::Exclusion;
use crate::hash;
use crate::map::Direct;
use crate::operations::derived;
use crate::sync::Ordering;
use crate::tagging::Tagging;
use crate::word::{Word, value_if};

impl<K, V, S, const SLOTS: usize, E, T, P> CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    derived!(() [K, V] [<> K]: contains insert_many insert_or_assign get_or_insert_with retain clear
        is_empty reserve);

    /// Makes a handle, for code that is generic over the table.
    pub fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    /// Runs `read` on a copy of the value of `key`: a [`get`](Self::get).
    #[inline(always)]
    pub fn get_with<R>(&self, key: &K, read: impl FnOnce(&V) -> R) -> Option<R> {
        self.get(key).map(|value| read(&value))
    }

    /// Adds `key` with `value` and returns true; if the key is present, **keeps the old value** and
    /// returns false.
    ///
    /// # Panics
    ///
    /// Where [`try_insert`](Self::try_insert) returns an error.
    #[inline(always)]
    pub fn insert(&self, key: K, value: V) -> bool {
        let hash = self.hasher.hash_one(key);
        let _writing = self.exclusion.write();
        let added = self.insert_at_once(&key, value.to_bits(), hash);
        added.unwrap_or_else(|| self.insert_slowly(key, value, hash))
    }

    #[inline(never)]
    fn insert_slowly(&self, key: K, value: V, hash: u64) -> bool {
        driver::insert(&mut &*self, hash, key, value).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Adds `key` with `value` and returns `Ok(true)`; if the key is present, has no effect and returns `Ok(false)`.
    ///
    /// # Errors
    ///
    /// If there is no place for the key, and the table cannot grow or growing would not help.
    /// Nothing has changed then.
    pub fn try_insert(&self, key: K, value: V) -> Result<bool, GrowError> {
        let hash = self.hasher.hash_one(key);
        let _writing = self.exclusion.write();
        let added = self.insert_at_once(&key, value.to_bits(), hash);
        added.map_or_else(|| driver::insert(&mut &*self, hash, key, value), Ok)
    }

    /// Replaces the value of `key` by the result of `f` on it, and returns the old value; `None` if
    /// the key is absent.
    ///
    /// `f` may run several times; only the result of its last run takes effect.
    #[inline]
    pub fn update(&self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let _writing = self.exclusion.write();
        let updated = self.update_at_once(key, hash, |old| f(&old));
        updated.or_else(|| self.update_slowly(key, hash, f))
    }

    #[inline(never)]
    fn update_slowly(&self, key: &K, hash: u64, f: impl FnMut(&V) -> V) -> Option<V> {
        driver::update(&mut &*self, hash, key, f)
    }

    /// Updates the value if `key` is present, else adds `key` with the value `f(None)`; returns the
    /// old value, if there was one.
    ///
    /// `f` may run several times; only the result of its last run takes effect.
    ///
    /// # Panics
    ///
    /// Where [`try_insert`](Self::try_insert) returns an error.
    #[inline]
    pub fn upsert(&self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let _writing = self.exclusion.write();
        let updated = self.update_at_once(&key, hash, |old| f(Some(&old)));
        updated.or_else(|| self.upsert_slowly(key, hash, f))
    }

    #[inline(never)]
    fn upsert_slowly(&self, key: K, hash: u64, f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        let replaced = driver::upsert(&mut &*self, hash, key, f);
        replaced.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same as [`upsert`](Self::upsert), with an error in place of the panic.
    ///
    /// # Errors
    ///
    /// If the key is absent, where [`try_insert`](Self::try_insert) returns an error.
    pub fn try_upsert(
        &self,
        key: K,
        mut f: impl FnMut(Option<&V>) -> V,
    ) -> Result<Option<V>, GrowError> {
        let hash = self.hasher.hash_one(key);
        let _writing = self.exclusion.write();
        match self.update_at_once(&key, hash, |old| f(Some(&old))) {
            Some(old) => Ok(Some(old)),
            None => driver::upsert(&mut &*self, hash, key, f),
        }
    }

    /// Removes `key` and returns its value; `None` if the key is absent. The same as
    /// [`remove_if`](Self::remove_if) with a condition that always holds.
    #[inline(always)]
    pub fn remove(&self, key: &K) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let _writing = self.exclusion.write();
        let removed = self.remove_at_once(key, hash);
        let (found, value) = removed.unwrap_or_else(|| self.remove_slowly(key, hash));
        value_if(found, value)
    }

    /// Whether the key was there, and its value.
    #[inline(never)]
    fn remove_slowly(&self, key: &K, hash: u64) -> (bool, u64) {
        let removed = driver::remove_if(&mut &*self, hash, key, |_: &V| true);
        removed.map_or((false, 0), |value| (true, value.to_bits()))
    }

    /// Removes `key` if `condition` holds for its value, and returns the value. `condition` runs once
    /// for each attempt, without a bucket's lock.
    ///
    /// Atomic, like `remove`: the bucket is locked only if it is as it was when the value was read. If
    /// `condition` returned false, the linearization point is that of the `get` that has read the value.
    pub fn remove_if(&self, key: &K, condition: impl FnMut(&V) -> bool) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let _writing = self.exclusion.write();
        driver::remove_if(&mut &*self, hash, key, condition)
    }

    /// Makes room for `additional` entries beyond those present. Blocking; O(n) for each doubling,
    /// which other writers help and readers do not wait for.
    ///
    /// # Errors
    ///
    /// There is no memory for it; the entries stay as they were.
    pub fn try_reserve(&self, additional: usize) -> Result<(), GrowError> {
        let _writing = self.exclusion.write();
        driver::reserve(self, additional)
    }

    /// Moves the entry of `key`, if it is there, to its other bucket, if there is room, for models; whether
    /// it was moved.
    #[cfg(any(loom, shuttle))]
    #[doc(hidden)]
    pub fn displace(&self, key: &K) -> bool {
        let _writing = self.exclusion.write();
        let hash = self.hasher.hash_one(key);
        self.driver.displace(|| driver::displace(&mut &*self, hash, key)).unwrap_or(false)
    }
}

impl<K, V, S, const SLOTS: usize, E, T, P> Layout<SLOTS>
    for CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    type Cell = Entry;
    type Versions = E::Versions;
    type Search = P;

    #[inline(always)]
    fn driver(&self) -> &Driver<Entry, SLOTS, E::Versions> {
        &self.driver
    }

    #[inline(always)]
    fn address(table: &TableOfWords<E, SLOTS>, hash: u64) -> Address {
        table.address(hash, Self::tag(hash), Self::fingerprint(hash))
    }

    #[inline(always)]
    fn in_other_bucket(content: (u64, u64)) -> (u64, u64) {
        content
    }

    /// Without tags a key must be read: some key, as words are never torn; whether it is this entry's,
    /// the displacement will see.
    fn fingerprint(&self, table: &TableOfWords<E, SLOTS>, place: Place, tag: u64) -> u64 {
        if T::DISTINGUISHES {
            return tag;
        }
        let (key, _) = table.cell(place).read();
        Self::fingerprint(self.hasher.hash_one(K::from_bits(key)))
    }

    fn relocate(
        &self,
        table: &TableOfWords<E, SLOTS>,
        Hop { from, to }: Hop,
        _tag: u64,
        content: (u64, u64),
    ) -> Option<Relocation<(u64, u64)>> {
        let hash = self.hasher.hash_one(K::from_bits(content.0));
        let home = hash::home(hash, table.mask);
        let other = table.other(home, Self::fingerprint(hash));
        let (returns, leaves) = ((home, other) == (to, from), (home, other) == (from, to));
        (returns || leaves).then_some(Relocation { content, returns })
    }

    fn target(&self, next: &TableOfWords<E, SLOTS>, bucket: usize, content: (u64, u64)) -> Target {
        let hash = self.hasher.hash_one(K::from_bits(content.0));
        let home = hash::home(hash, next.mask);
        // The home in the table that is doubled.
        if home & (next.mask >> 1) == bucket {
            Target::Home(home)
        } else {
            Target::Other { home, other: next.other(home, Self::fingerprint(hash)) }
        }
    }
}

impl<'m, K, V, S, const SLOTS: usize, E, T, P> Reach<'m, K, SLOTS>
    for &'m CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    type Map = CuckooOptimistic<K, V, S, SLOTS, E, T, P>;
    type Key = K;
    type Value = V;
    type Entry = (K, V);

    #[inline(always)]
    fn map(&self) -> &'m Self::Map {
        self
    }

    #[inline(always)]
    fn find(
        &mut self,
        look: Look<'m, Self::Map, SLOTS>,
        _hash: u64,
        key: &K,
    ) -> Option<Option<FoundOf<Self::Map, SLOTS>>> {
        let Look { table, bucket, seen, tag, .. } = look;
        Some(Self::Map::find(table, bucket, &seen, key, tag))
    }

    /// A superseded table stays as it was when it was superseded.
    #[inline(always)]
    fn is_of_now(&self, _: &TableOfWords<E, SLOTS>, _: &LocatedOf<Self::Map, SLOTS>) -> bool {
        true
    }

    #[inline(always)]
    fn entry(&self, _hash: u64, key: K, value: V) -> (K, V) {
        (key, value)
    }

    #[inline(always)]
    fn key((key, _): &(K, V)) -> &K {
        key
    }

    #[inline(always)]
    fn set_value(entry: &mut (K, V), value: V) {
        entry.1 = value;
    }

    #[inline(always)]
    fn try_add(&mut self, at: &At<'m, Self::Map, SLOTS>, entry: (K, V)) -> Refused<(K, V)> {
        let (key, value) = &entry;
        let added = driver::try_add(*self, at, (key.to_bits(), value.to_bits()))?;
        Ok((!added).then_some(entry))
    }

    #[inline(always)]
    fn try_replace(
        &mut self,
        at: &At<'m, Self::Map, SLOTS>,
        found: &Found<(u64, u64), SLOTS, E::Versions>,
        _spare: &mut Option<Self::Entry>,
        f: impl FnOnce(&V) -> V,
    ) -> Option<V> {
        let old = V::from_bits(found.content.1);
        let new = f(&old).to_bits();
        // Relaxed: between control-C5 and control-C6.
        let write = |entry: &Entry| entry.value.store(new, Ordering::Relaxed);
        let attempt = at.table.try_write(&at.located, found, write);
        driver::settle(*self, at.table, attempt).then_some(old)
    }

    #[inline(always)]
    fn holds(
        &self,
        found: &Found<(u64, u64), SLOTS, E::Versions>,
        condition: impl FnOnce(&V) -> bool,
    ) -> bool {
        condition(&V::from_bits(found.content.1))
    }

    #[inline(always)]
    fn try_take(
        &mut self,
        at: &At<'m, Self::Map, SLOTS>,
        found: &Found<(u64, u64), SLOTS, E::Versions>,
    ) -> Option<V> {
        let taken = driver::try_remove(*self, at, found);
        taken.then(|| V::from_bits(found.content.1))
    }
}
