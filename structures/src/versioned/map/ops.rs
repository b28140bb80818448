//! The operations of a pinned handle.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

use super::super::{Universal, UniversalPinned};
use super::{Binding, MapObject, MapOp, Outcome, Pinned, root_of};

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

/// The operation that binds `found` to another value.
fn replace<K: Clone, V>(found: &Binding<K, V>, value: V) -> MapOp<K, V> {
    MapOp::Replace { hash: found.hash, key: found.key.clone(), stamp: found.stamp, value }
}
