//! The operations of a handle.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

use super::super::{Universal, UniversalHandle, UniversalPinned};
use super::{Binding, Handle, MapObject, MapOp, Outcome, Pinned, root_of};
use crate::operations::{derived, forwarded};

impl<'h, 'm: 'h, O, U, S> Pinned<'h, 'm, O, U, S>
where
    O: MapObject + 'm,
    O::Key: Eq + Hash + Clone,
    O::Value: Clone,
    U: Universal<O> + 'm,
    S: BuildHasher,
{
    derived!((mut) [O::Key, O::Value] [<Q> Q]: get contains get_many insert_or_assign
        get_or_insert_with clear is_empty);

    /// Runs `read` on the value of `key`; `None` if the key is absent.
    #[inline]
    pub fn get_with<Q, T>(&mut self, key: &Q, read: impl FnOnce(&O::Value) -> T) -> Option<T>
    where
        O::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        self.find(hash, key, |binding| read(&binding.value))
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
        let root = root_of::<O, U>(hash);
        if U::READS_HOLD_UP_WRITES {
            // If the key is absent `read` is dropped when nobody waits for this: what it has is the user's.
            let mut read = Some(read);
            let found = |object: &O| {
                let binding = object.find(hash, |other| other.borrow() == key)?;
                read.take().map(|read| read(binding))
            };
            return self.inner.read(root, found);
        }
        let found = |object: &O| object.find(hash, |other| other.borrow() == key).map(read);
        self.inner.read(root, found)
    }

    fn apply(&mut self, hash: u64, op: MapOp<O::Key, O::Value>) -> Outcome<O::Value> {
        self.inner.apply(root_of::<O, U>(hash), op)
    }

    /// Adds `key` with `value` and returns true; if the key is present, **keeps the old value** and
    /// returns false.
    pub fn insert(&mut self, key: O::Key, value: O::Value) -> bool {
        let hash = self.map.hasher.hash_one(&key);
        matches!(self.apply(hash, MapOp::Insert { hash, key, value }), Outcome::Added)
    }

    /// Adds the entries whose keys are absent, and returns how many that were. If the construction can, it adds those
    /// of a root at one moment.
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

    /// Removes `key` and returns its value; `None` if the key is absent.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<O::Value>
    where
        O::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        let key = self.find(hash, key, |binding| binding.key.clone())?;
        match self.apply(hash, MapOp::Remove { hash, key, stamp: None }) {
            Outcome::Replaced(value) => Some(value),
            Outcome::Refused | Outcome::Added => None,
        }
    }

    /// Removes `key` if `condition` holds for its value, and returns the value; `condition` runs once
    /// for each attempt.
    ///
    /// The linearization point is the construction's: it removes the binding that `condition` has seen,
    /// which it recognises by its stamp. If `condition` returned false, it is that of the read. The construction's
    /// guard protects the version that is read (reclaim-D1), and the construction retires what is replaced
    /// (reclaim-D2).
    pub fn remove_if<Q>(
        &mut self,
        key: &Q,
        mut condition: impl FnMut(&O::Value) -> bool,
    ) -> Option<O::Value>
    where
        O::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.change(key, |found| condition(&found.value).then(|| remove(found)))
    }

    /// Removes the entries for which `keep` returns false, of each root as it is at one moment. If the construction can
    /// (one that installs copies can), the entries of a root are removed in one step, else each in a step of its own.
    /// The removal is a later step than the read:
    ///
    /// * always removed, by this or by another thread: an entry for which `keep` returns false, that is
    ///   present when the call starts, and that nobody else changes until it ends;
    /// * never removed: a value for which `keep` has not returned false;
    /// * perhaps removed: an entry that is inserted or updated meanwhile, if `keep` has seen it.
    ///
    /// `keep` runs once for each entry, like the closure of `for_each`; [the table of user
    /// code](crate::map#user-code-that-uses-the-map) states what it may do with the map. Takes O(n) time, and memory
    /// for as many keys as are removed.
    pub fn retain(&mut self, mut keep: impl FnMut(&O::Key, &O::Value) -> bool) {
        for root in 0..U::ROOTS {
            let removals = self.removals(root, &mut keep);
            self.inner.apply_all(root, removals);
        }
    }

    /// The operations that take out the entries of `root` that `keep` refuses, of one moment.
    fn removals(
        &mut self,
        root: usize,
        keep: &mut impl FnMut(&O::Key, &O::Value) -> bool,
    ) -> Vec<MapOp<O::Key, O::Value>> {
        let mut removals = Vec::new();
        let visit = |found: &Binding<_, _>| {
            if !keep(&found.key, &found.value) {
                removals.push(remove(found));
            }
        };
        self.inner.read(root, |object| object.for_each(visit));
        removals
    }

    /// Replaces the value of `key` by the result of `f` on it, and returns the old value; `None` if the key is absent.
    /// `f` runs once for each attempt.
    pub fn update<Q>(
        &mut self,
        key: &Q,
        mut f: impl FnMut(&O::Value) -> O::Value,
    ) -> Option<O::Value>
    where
        O::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.change(key, |found| Some(replace(found, f(&found.value))))
    }

    /// Applies what `op` makes of the binding of `key`, again until it is not refused, as the binding
    /// still is the one that `op` was given; returns the value replaced or removed. `None`, and no
    /// effect, if `key` is absent or `op` makes nothing.
    fn change<Q>(
        &mut self,
        key: &Q,
        mut op: impl FnMut(&Binding<O::Key, O::Value>) -> Option<MapOp<O::Key, O::Value>>,
    ) -> Option<O::Value>
    where
        O::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        loop {
            let op = self.make(hash, key, &mut op)??;
            if let Outcome::Replaced(old) = self.apply(hash, op) {
                return Some(old);
            }
        }
    }

    /// What `op` makes of the binding of `key`. It may use the map: where it could not write within a
    /// `read`, it is given a copy.
    fn make<Q, T>(
        &mut self,
        hash: u64,
        key: &Q,
        op: impl FnOnce(&Binding<O::Key, O::Value>) -> T,
    ) -> Option<T>
    where
        O::Key: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        if U::READS_HOLD_UP_WRITES {
            return self.find(hash, key, Binding::clone).map(|found| op(&found));
        }
        self.find(hash, key, op)
    }

    /// Updates the value if `key` is present, else adds `key` with the value `f(None)`; returns the
    /// old value, if there was one. `f` runs once for each attempt.
    pub fn upsert(
        &mut self,
        key: O::Key,
        mut f: impl FnMut(Option<&O::Value>) -> O::Value,
    ) -> Option<O::Value> {
        let hash = self.map.hasher.hash_one(&key);
        loop {
            let op = match self.make(hash, &key, |found| replace(found, f(Some(&found.value)))) {
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

    /// Runs `f` on every entry, root by root, each root at one moment.
    pub fn for_each(&mut self, mut f: impl FnMut(&O::Key, &O::Value)) {
        for root in 0..U::ROOTS {
            let visit = |object: &O| object.for_each(|binding| f(&binding.key, &binding.value));
            self.inner.read(root, visit);
        }
    }

    /// The number of entries, at one moment if there is one root.
    pub fn len(&mut self) -> usize {
        (0..U::ROOTS).map(|root| self.inner.read(root, O::len)).sum()
    }
}

impl<'m, O, U, S> Handle<'m, O, U, S>
where
    O: MapObject + 'm,
    O::Key: Eq + Hash + Clone,
    O::Value: Clone,
    U: Universal<O> + 'm,
    S: BuildHasher,
{
    /// Enters a critical section, in which any number of operations can run.
    #[inline]
    pub fn pin(&mut self) -> Pinned<'_, 'm, O, U, S> {
        Pinned { map: self.map, inner: self.inner.pin() }
    }

    /// Runs `f`, which may block, with this thread in an extended quiescent state: schemes that
    /// wait for every registered thread do not wait for this one meanwhile.
    pub fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        self.inner.offline(f)
    }

    forwarded!(steps (mut) [O::Key, O::Value] [<Q> Q] to pin());

    forwarded!(away (mut) [O::Key, O::Value] to pin());

    derived!((mut) [O::Key, O::Value] [<Q> Q]: clear);

    /// [`Pinned::insert_many`]. If the construction adds one entry at a time, each insertion has a critical
    /// section of its own, so that what it replaces can be freed before the next ones run.
    pub fn insert_many(&mut self, entries: impl IntoIterator<Item = (O::Key, O::Value)>) -> usize {
        if U::AT_ONCE {
            return self.pin().insert_many(entries);
        }
        let mut added = 0;
        for (key, value) in entries {
            added += usize::from(self.insert(key, value));
        }
        added
    }

    /// [`Pinned::retain`]. If the construction removes one entry at a time, each removal has a critical
    /// section of its own, as in [`insert_many`](Self::insert_many).
    pub fn retain(&mut self, mut keep: impl FnMut(&O::Key, &O::Value) -> bool) {
        if U::AT_ONCE {
            return self.pin().retain(keep);
        }
        for root in 0..U::ROOTS {
            let removals = self.pin().removals(root, &mut keep);
            for removal in removals {
                self.pin().inner.apply(root, removal);
            }
        }
    }
}

/// The operation that binds `found` to another value.
fn replace<K: Clone, V>(found: &Binding<K, V>, value: V) -> MapOp<K, V> {
    MapOp::Replace { hash: found.hash, key: found.key.clone(), stamp: found.stamp, value }
}

/// The operation that takes `found` out.
fn remove<K: Clone, V>(found: &Binding<K, V>) -> MapOp<K, V> {
    MapOp::Remove { hash: found.hash, key: found.key.clone(), stamp: Some(found.stamp) }
}
