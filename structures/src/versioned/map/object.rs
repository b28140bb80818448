//! Sequential maps: their bindings, operations and results.

use super::super::{Sequential, Whole};

/// An entry of a sequential map.
#[derive(Clone, Debug)]
pub struct Binding<K, V> {
    /// The key's hash.
    pub hash: u64,
    /// The stamp of the moment at which the value was bound: no other binding of the same object ever has it.
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
    /// Removes a key.
    Remove {
        /// Its hash.
        hash: u64,
        /// The key.
        key: K,
        /// The stamp that the binding must have; if `None`, any.
        stamp: Option<u64>,
    },
    /// Binds a key that is bound with `stamp` to another value: a compare-and-swap, since only the owner's thread may
    /// run the closure that computes `value`.
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

/// The result of an operation of a sequential map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<V> {
    /// It changed nothing: the key to be added is present, the key to be removed is absent, or the
    /// binding to be removed or replaced is another one.
    Refused,
    /// It added a key.
    Added,
    /// It removed or replaced this value.
    Replaced(V),
}

impl<K: Eq, V> MapOp<K, V> {
    /// Whether the operation changes nothing in `map`.
    pub fn is_refused_by(&self, map: &impl MapObject<Key = K, Value = V>) -> bool {
        match self {
            Self::Insert { hash, key, .. } => map.find(*hash, |other| other == key).is_some(),
            Self::Remove { hash, key, stamp } => {
                let found = map.find(*hash, |other| other == key);
                found.is_none_or(|found| stamp.is_some_and(|stamp| found.stamp != stamp))
            }
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

    /// Whether `structures/tests/progress.rs` suspends threads in tables of these.
    const PROGRESS_IS_TESTED: bool = false;

    /// The binding, among those with `hash`, for whose key `is_key` returns true.
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
