//! An open-addressing table as a sequential object: hashbrown's, copied whole for each version.

mod memory;

use std::fmt;
use std::mem;

use hashbrown::{HashTable, TryReserveError};

use super::map::{Binding, MapObject, MapOp, Outcome};
use super::{Sequential, Version};
use crate::capacity::{no_memory, too_many};
use crate::cuckoo::GrowError;
use crate::panics;
use crate::sync::{FIRST, touch_mut};

/// A sequential Swiss table (hashbrown's). A clone copies all of it: O(n).
#[derive(Clone)]
pub struct Flat<K, V> {
    table: HashTable<Binding<K, V>>,
    /// The stamp of the next binding.
    clock: u64,
}

impl<K, V> Flat<K, V> {
    /// The most entries: a bucket is one and a byte, in seven of eight buckets are entries, and what is
    /// behind the buckets is less than they are.
    const MOST: usize = {
        let bucket = size_of::<Binding<K, V>>() + 1;
        let buckets = 1 << (isize::MAX as usize / bucket).ilog2();
        buckets / 8 * 7
    };

    /// An empty table with room for `capacity` entries.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let mut table = HashTable::new();
        let reserved = table.try_reserve(capacity, |_| unreachable!("it is empty"));
        match reserved {
            Ok(()) => Self { table, clock: FIRST },
            Err(TryReserveError::CapacityOverflow) => too_many(capacity, Self::MOST),
            Err(TryReserveError::AllocError { layout }) => {
                no_memory(capacity, &GrowError::AllocFailed { bytes: layout.size() })
            }
        }
    }

    fn stamp(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Lets `stamps` pass, for tests of what has seen an earlier one.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn skip(&mut self, stamps: u64) {
        self.clock += stamps;
    }
}

impl<K, V> Drop for Flat<K, V> {
    /// A panic in a key's or value's `Drop` ends here, after the panic hook has reported it: others
    /// must be dropped after it.
    fn drop(&mut self) {
        if mem::needs_drop::<Binding<K, V>>() {
            for binding in self.table.drain() {
                panics::contain(|| drop(binding));
            }
        }
    }
}

impl<K, V> Default for Flat<K, V> {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl<K, V> fmt::Debug for Flat<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flat").field("len", &self.table.len()).finish_non_exhaustive()
    }
}

impl<K: Eq + Clone, V: Clone> Sequential for Flat<K, V> {
    type Op = MapOp<K, V>;
    type Out = Outcome<V>;

    fn apply(&mut self, op: &MapOp<K, V>) -> Outcome<V> {
        match op {
            MapOp::Insert { hash, key, value } => {
                if self.find(*hash, |other| other == key).is_some() {
                    return Outcome::Refused;
                }
                let (key, value) = (key.clone(), value.clone());
                let binding = Binding { hash: *hash, stamp: self.stamp(), key, value };
                let room = self.table.capacity();
                let entry = self.table.insert_unique(*hash, binding, |binding| binding.hash);
                let index = entry.bucket_index();
                self.wrote(index, room);
                Outcome::Added
            }
            MapOp::Remove { hash, key, stamp } => {
                let is_meant = |binding: &Binding<K, V>| {
                    binding.key == *key && stamp.is_none_or(|stamp| binding.stamp == stamp)
                };
                self.looked(*hash, None);
                match self.table.find_entry(*hash, is_meant) {
                    Ok(entry) => {
                        let index = entry.bucket_index();
                        let Binding { key, value, .. } = entry.remove().0;
                        self.took(index);
                        // The removal has happened: a panic of the key's `Drop` must not make it
                        // look as if it had not, nor differ from replica to replica.
                        panics::contain(|| drop(key));
                        Outcome::Replaced(value)
                    }
                    Err(_) => Outcome::Refused,
                }
            }
            MapOp::Replace { hash, key, stamp, value } => {
                let value = value.clone();
                let next = self.clock + 1;
                self.looked(*hash, None);
                match self.table.find_mut(*hash, |binding| binding.key == *key) {
                    Some(binding) if binding.stamp == *stamp => {
                        touch_mut(&raw const *binding);
                        self.clock = next;
                        binding.stamp = next;
                        Outcome::Replaced(std::mem::replace(&mut binding.value, value))
                    }
                    _ => Outcome::Refused,
                }
            }
        }
    }

    fn answer(&self, op: &MapOp<K, V>) -> Option<Outcome<V>> {
        op.is_refused_by(self).then_some(Outcome::Refused)
    }

    fn heap_bytes(&self) -> usize {
        self.table.allocation_size()
    }
}

// SAFETY: a clone shares nothing.
unsafe impl<K: Eq + Clone, V: Clone> Version for Flat<K, V> {
    type Residue = ();

    unsafe fn fork(&self) -> Self {
        self.clone()
    }

    unsafe fn seal(&mut self) {}

    unsafe fn replaced(&self, (): ()) {}
}

impl<K: Eq + Clone, V: Clone> MapObject for Flat<K, V> {
    type Key = K;
    type Value = V;

    const PROGRESS_IS_TESTED: bool = true;

    #[inline]
    fn find(&self, hash: u64, mut is_key: impl FnMut(&K) -> bool) -> Option<&Binding<K, V>> {
        let is_it = |binding: &Binding<K, V>| binding.hash == hash && is_key(&binding.key);
        let found = self.table.find(hash, is_it);
        self.looked(hash, found);
        found
    }

    fn len(&self) -> usize {
        self.table.len()
    }

    fn for_each(&self, f: impl FnMut(&Binding<K, V>)) {
        self.table.iter().for_each(f);
    }
}
