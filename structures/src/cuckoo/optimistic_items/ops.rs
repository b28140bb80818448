//! The operations of a handle; and the layout of items, for the [driver](crate::cuckoo::driver).

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::{mem, ptr};

use super::{AWAY, CuckooOptimisticItems, Handle, Item, ItemNode, Items, Pinned, Slot, item};
use crate::control::ControlWord;
use crate::cuckoo::buckets::{Address, Cell, Found, Relocation, Target};
use crate::cuckoo::driver::{
    self, At, Driver, FoundOf, Hop, Layout, LocatedOf, Look, Reach, Refused,
};
use crate::cuckoo::error::GrowError;
use crate::cuckoo::path::{Place, Search};
use crate::hash;
use crate::operations::{derived, forwarded};
use crate::panics;
use crate::reclaim::{Guard, Node, Offline, Owned, Participant, Reclaimer};
use crate::sync::{touch, touch_bytes};
use crate::versions::PerBucket;

impl<'m, K, V, R, S, const SLOTS: usize, P> Pinned<'_, 'm, K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    P: Search,
{
    derived!((mut) [K, V] [<Q> Q]: get contains get_many insert_many insert_or_assign
        get_or_insert_with remove retain clear);

    derived!(() [K, V] [<Q> Q]: is_empty);

    /// Runs `read` on the value of `key` while it is protected. Expected O(1).
    #[inline]
    pub fn get_with<Q, T>(&mut self, key: &Q, read: impl FnOnce(&V) -> T) -> Option<T>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        let At { located, .. } = driver::locate(self, hash, key);
        // SAFETY: reclaim-S1: protected in slot 0 since it was located.
        located.found.map(|found| read(&unsafe { &*item(found.content) }.value))
    }

    /// Adds `key` with `value` and returns true; if the key is present, **keeps the old value** and
    /// returns false.
    ///
    /// # Panics
    ///
    /// Where [`try_insert`](Self::try_insert) returns an error.
    pub fn insert(&mut self, key: K, value: V) -> bool {
        self.try_insert(key, value).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Adds `key`; `Ok(false)`, and no effect, if it is present.
    ///
    /// # Errors
    ///
    /// There is no place for the key, and the table cannot grow or growing would not help. Nothing
    /// has changed then; key and value are dropped.
    pub fn try_insert(&mut self, key: K, value: V) -> Result<bool, GrowError> {
        let hash = self.map.hasher.hash_one(&key);
        driver::insert(self, hash, key, value)
    }

    /// Replaces the value of `key` by `f` of it and returns the one replaced; `f` runs once for
    /// each attempt.
    pub fn update<Q>(&mut self, key: &Q, f: impl FnMut(&V) -> V) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        driver::update(self, hash, key, f)
    }

    /// Updates `key` if it is present, else adds it with `f(None)`; returns the value replaced;
    /// `f` runs once for each attempt.
    ///
    /// # Panics
    ///
    /// Where [`try_insert`](Self::try_insert) returns an error.
    pub fn upsert(&mut self, key: K, f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        self.try_upsert(key, f).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What [`upsert`](Self::upsert) does.
    ///
    /// # Errors
    ///
    /// As [`try_insert`](Self::try_insert), of a key that is absent.
    pub fn try_upsert(
        &mut self,
        key: K,
        f: impl FnMut(Option<&V>) -> V,
    ) -> Result<Option<V>, GrowError> {
        let hash = self.map.hasher.hash_one(&key);
        driver::upsert(self, hash, key, f)
    }

    /// Removes `key` if `condition` holds for its value, and returns the value; `condition` runs once
    /// for each attempt, without a bucket's lock.
    ///
    /// One step, as `remove`: the bucket is locked only if it is as it was when the item was found, and
    /// an item does not change. If `condition` refused its value, the step is that of the `get` that
    /// has found it. The item is protected since it was found (reclaim-D1), and retired by who took it
    /// out (reclaim-D2).
    pub fn remove_if<Q>(&mut self, key: &Q, condition: impl FnMut(&V) -> bool) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        driver::remove_if(self, hash, key, condition)
    }

    /// The number of entries: that of the [map](CuckooOptimisticItems::len).
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Moves the item of `key`, if it is there, to its other bucket, if there is room, for models; whether
    /// it was moved.
    #[cfg(any(loom, shuttle))]
    #[doc(hidden)]
    pub fn displace(&mut self, key: &K) -> bool {
        let hash = self.map.hasher.hash_one(key);
        let map = self.map;
        map.driver.displace(|| driver::displace(self, hash, key)).unwrap_or(false)
    }

    /// Weak iteration: see [`PinnedMap::for_each`](crate::map::PinnedMap::for_each). Entries are
    /// visited as copies. Displacements wait for the iteration, and so does an insertion that needs one; no other
    /// operation does.
    pub fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        let (map, guard) = (self.map, &mut self.guard);
        map.driver.iterate(|| {
            let classes = map.table().buckets();
            for class in 0..classes {
                let copies = map.copy_of_class(guard, class, classes);
                copies.iter().for_each(|(key, value)| f(key, value));
            }
        });
    }
}

impl<'m, K, V, R, S, const SLOTS: usize, P> Handle<'m, K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    P: Search,
{
    /// Enters a critical section, in which any number of operations can run.
    #[inline]
    pub fn pin(&mut self) -> Pinned<'_, 'm, K, V, R, S, SLOTS, P> {
        Pinned { map: self.map, guard: self.participant.enter() }
    }

    /// Runs `f`, which may block, with this thread in an extended quiescent state: schemes that
    /// wait for every registered thread do not wait for this one meanwhile.
    pub fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        let _online_again = Offline::<R, _>::start(&mut self.participant);
        f()
    }

    /// [`Pinned::try_insert`], pinned for this operation only.
    ///
    /// # Errors
    ///
    /// Those of [`Pinned::try_insert`].
    pub fn try_insert(&mut self, key: K, value: V) -> Result<bool, GrowError> {
        self.pin().try_insert(key, value)
    }

    /// [`Pinned::try_upsert`], pinned for this operation only.
    ///
    /// # Errors
    ///
    /// Those of [`Pinned::try_upsert`].
    pub fn try_upsert(
        &mut self,
        key: K,
        f: impl FnMut(Option<&V>) -> V,
    ) -> Result<Option<V>, GrowError> {
        self.pin().try_upsert(key, f)
    }

    forwarded!(steps (mut) [K, V] [<Q> Q] to pin());

    forwarded!(many (mut) [K, V] to pin());

    forwarded!(away (mut) [K, V] to pin());
}

/// A hash's tag.
#[inline(always)]
fn tag<const SLOTS: usize>(hash: u64) -> u64 {
    hash::tag(hash, ControlWord::<SLOTS>::TAG_BITS)
}

/// A slot's pointer with `AWAY`, or without.
#[inline(always)]
fn with_away<T>(content: *mut T, away: bool) -> *mut T {
    item(content).map_addr(|address| address | if away { AWAY } else { 0 })
}

impl<K, V, R, S, const SLOTS: usize, P> Layout<SLOTS>
    for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    P: Search,
{
    type Cell = Slot<R, K, V>;
    type Versions = PerBucket;
    type Search = P;

    #[inline(always)]
    fn driver(&self) -> &Driver<Slot<R, K, V>, SLOTS> {
        &self.driver
    }

    #[inline(always)]
    fn address(table: &Items<R, K, V, SLOTS>, hash: u64) -> Address {
        let tag = tag::<SLOTS>(hash);
        table.address(hash, tag, tag)
    }

    #[inline(always)]
    fn in_other_bucket(content: *mut ItemNode<R, K, V>) -> *mut ItemNode<R, K, V> {
        with_away(content, true)
    }

    fn fingerprint(&self, _table: &Items<R, K, V, SLOTS>, _place: Place, tag: u64) -> u64 {
        tag
    }

    fn relocate(
        &self,
        table: &Items<R, K, V, SLOTS>,
        Hop { from, to }: Hop,
        tag: u64,
        content: *mut ItemNode<R, K, V>,
    ) -> Option<Relocation<*mut ItemNode<R, K, V>>> {
        let returns = content.addr() & AWAY != 0;
        let content = with_away(content, !returns);
        (table.other(from, tag) == to).then_some(Relocation { content, returns })
    }

    fn target(
        &self,
        next: &Items<R, K, V, SLOTS>,
        _bucket: usize,
        content: *mut ItemNode<R, K, V>,
    ) -> Target {
        touch(item(content).cast_const(), ptr::null::<()>());
        // SAFETY: an item in a frozen bucket of the current table: it can be retired only
        // after the next table has been published (optimistic_items-I2), which we wait for or do.
        let hash = unsafe { &*item(content) }.hash;
        let home = hash::home(hash, next.mask);
        if content.addr() & AWAY == 0 {
            Target::Home(home)
        } else {
            Target::Other { home, other: next.other(home, tag::<SLOTS>(hash)) }
        }
    }
}

impl<'m, K, V, R, S, Q, const SLOTS: usize, P> Reach<'m, Q, SLOTS>
    for Pinned<'_, 'm, K, V, R, S, SLOTS, P>
where
    K: Borrow<Q> + Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    Q: Eq + ?Sized,
    P: Search,
{
    type Map = CuckooOptimisticItems<K, V, R, S, SLOTS, P>;
    type Key = K;
    type Value = V;
    type Entry = Unstored<R, K, V>;

    #[inline(always)]
    fn map(&self) -> &'m Self::Map {
        self.map
    }

    /// The item that is found is protected in slot 0 of the guard until the guard is used again.
    #[inline(always)]
    fn find(
        &mut self,
        look: Look<'m, Self::Map, SLOTS>,
        hash: u64,
        key: &Q,
    ) -> Option<Option<FoundOf<Self::Map, SLOTS>>> {
        let Look { table, bucket, seen, wraps, tag } = look;
        for slot in seen.word.matching(tag) {
            let place = Place { bucket, slot };
            let content = self.guard.protect(0, &table.cell(place).0);
            // optimistic_items-I1, optimistic_items-I2: reachable after it was protected (reclaim-D1).
            if seen.is_locked()
                || !table.unchanged(bucket, &seen, wraps)
                || seen.word.is_frozen() && !self.map.driver.is_current(table)
            {
                return None;
            }
            // SAFETY: reclaim-D1: an item of the table when it had been protected.
            let entry = unsafe { &*item(content) };
            touch_bytes(ptr::from_ref(entry), size_of::<ItemNode<R, K, V>>());
            if entry.hash == hash && entry.key.borrow() == key {
                return Some(Some(Found { place, content, seen }));
            }
        }
        Some(None)
    }

    /// What was read in a frozen bucket holds only while its table is the current one.
    #[inline(always)]
    fn is_of_now(
        &self,
        table: &Items<R, K, V, SLOTS>,
        located: &LocatedOf<Self::Map, SLOTS>,
    ) -> bool {
        !located.frozen || self.map.driver.is_current(table)
    }

    #[inline]
    fn entry(&self, hash: u64, key: K, value: V) -> Unstored<R, K, V> {
        Unstored(Node::alloc(&self.map.domain, Item { hash, key, value }).publish())
    }

    #[inline]
    fn key(Unstored(node): &Unstored<R, K, V>) -> &K {
        // SAFETY: from `publish`, and not stored: nobody else has it, and `Unstored` frees it.
        &unsafe { &**node }.key
    }

    fn set_value(entry: &mut Unstored<R, K, V>, value: V) {
        panics::in_vain(mem::replace(&mut entry.item().value, value));
    }

    #[inline]
    fn try_add(
        &mut self,
        at: &At<'m, Self::Map, SLOTS>,
        entry: Unstored<R, K, V>,
    ) -> Refused<Unstored<R, K, V>> {
        if !driver::try_add(self.map, at, entry.0)? {
            return Ok(Some(entry));
        }
        // The map's now.
        mem::forget(entry);
        Ok(None)
    }

    #[inline]
    fn try_replace(
        &mut self,
        at: &At<'m, Self::Map, SLOTS>,
        found: &FoundOf<Self::Map, SLOTS>,
        spare: &mut Option<Unstored<R, K, V>>,
        f: impl FnOnce(&V) -> V,
    ) -> Option<V> {
        let old = item(found.content);
        // SAFETY: reclaim-S1: protected in slot 0 since it was located.
        let entry = unsafe { &*old };
        let (hash, key) = (entry.hash, entry.key.clone());
        let (value, replaced) = (f(&entry.value), entry.value.clone());
        let new = Item { hash, key, value };
        // What the last attempt made is dropped after this one: a `Drop` that writes this key would make it fail.
        let (unstored, last) = match spare.take() {
            Some(mut kept) => {
                let last = mem::replace(kept.item(), new);
                (kept, Some(last))
            }
            None => (Unstored(Node::alloc(&self.map.domain, new).publish()), None),
        };
        let content = with_away(unstored.0, found.content.addr() & AWAY != 0);
        let attempt = at.table.try_write(&at.located, found, |slot| slot.write(content));
        if !driver::settle(self.map, at.table, attempt) {
            *spare = Some(unstored);
            panics::in_vain(last);
            panics::in_vain(replaced);
            return None;
        }
        // The map's now.
        mem::forget(unstored);
        // SAFETY: reclaim-D2: our write under the lock took it out of the map; no unlocked bucket has
        // it, nor will have it (optimistic_items-I1).
        unsafe { self.guard.retire(old) };
        Some(replaced)
    }

    #[inline]
    fn holds(&self, found: &FoundOf<Self::Map, SLOTS>, condition: impl FnOnce(&V) -> bool) -> bool {
        // SAFETY: reclaim-S1: protected in slot 0 since it was located.
        condition(&unsafe { &*item(found.content) }.value)
    }

    #[inline]
    fn try_take(
        &mut self,
        at: &At<'m, Self::Map, SLOTS>,
        found: &FoundOf<Self::Map, SLOTS>,
    ) -> Option<V> {
        let node = item(found.content);
        // SAFETY: reclaim-S1: protected in slot 0 since it was located. Cloned before it is taken out:
        // a panic leaves the key present.
        let value = unsafe { &*node }.value.clone();
        if !driver::try_remove(self.map, at, found) {
            panics::in_vain(value);
            return None;
        }
        // SAFETY: reclaim-D2: our removal took it out of the map; no unlocked bucket has it, nor
        // will have it (optimistic_items-I1).
        unsafe { self.guard.retire(node) };
        Some(value)
    }
}

/// A published node that is in no slot yet, and nobody else's: freed when this is dropped.
pub(in crate::cuckoo) struct Unstored<R: Reclaimer, K, V>(*mut ItemNode<R, K, V>);

impl<R: Reclaimer, K, V> Unstored<R, K, V> {
    fn item(&mut self) -> &mut Item<K, V> {
        // SAFETY: from `publish`, and not stored: nobody else has it; borrowed alone.
        unsafe { &mut *self.0 }.payload_mut()
    }
}

impl<R: Reclaimer, K, V> Drop for Unstored<R, K, V> {
    fn drop(&mut self) {
        // SAFETY: from `publish`, and not stored.
        drop(unsafe { Owned::unpublished(self.0) });
    }
}
