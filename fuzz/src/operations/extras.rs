//! What some tables have beside the operations of every map.

use std::hash::BuildHasher;

use structures::chaining::{BucketLockTable, GlobalLockTable, LockedChaining};
use structures::cuckoo::path::Search;
use structures::cuckoo::{GrowError, TryInsertError};
use structures::exclusion::Exclusion;
use structures::map::{ConcurrentMap, MapHandle};
use structures::reclaim::Reclaimer;
use structures::tagging::Tagging;
use structures::versioned::map::VersionedMap;
use structures::{
    ChainingInline, ChainingLockFree, CuckooOptimistic, CuckooOptimisticItems, CuckooStriped,
};

use super::entries::Item;
use super::memory::starved;

/// Why an entry was not added, and what was given back of it.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) reason: GrowError,
    pub(super) key: Option<u64>,
    pub(super) value: Option<u64>,
}

/// What some tables have; a table without it does what is nearest.
pub(super) trait Extras<K: Item, V: Item>: ConcurrentMap<K, V> {
    /// Whether it refuses keys: if many have equal hashes, and if there is no memory.
    const REFUSES: bool = false;

    /// Whether it has `try_reserve`.
    const RESERVES: bool = false;

    fn try_insert(&self, key: K, value: V) -> Result<bool, Refused> {
        Ok(self.handle().insert(key, value))
    }

    fn try_upsert(&self, key: K, f: impl FnMut(Option<&V>) -> V) -> Result<Option<V>, Refused> {
        Ok(self.handle().upsert(key, f))
    }

    fn try_reserve(&self, _additional: usize) -> Result<(), GrowError> {
        Ok(())
    }

    fn shrink(&self) {}
}

impl<K: Item, V: Item, S: BuildHasher + Send + Sync> Extras<K, V>
    for LockedChaining<K, V, S, GlobalLockTable<K, V>>
{
}

impl<K: Item, V: Item, S: BuildHasher + Send + Sync> Extras<K, V>
    for LockedChaining<K, V, S, BucketLockTable<K, V>>
{
}

impl<K: Item, V: Item, R: Reclaimer, S: BuildHasher + Send + Sync> Extras<K, V>
    for ChainingLockFree<K, V, R, S>
{
}

impl<S, E> Extras<u64, u64> for ChainingInline<u64, u64, S, E> where Self: ConcurrentMap<u64, u64> {}

impl<K: Item, V: Item, O, U, S> Extras<K, V> for VersionedMap<O, U, S> where
    Self: ConcurrentMap<K, V>
{
}

impl<K: Item, V: Item, S: BuildHasher + Send + Sync, const SLOTS: usize, P: Search> Extras<K, V>
    for CuckooStriped<K, V, S, SLOTS, P>
{
    const REFUSES: bool = true;
    const RESERVES: bool = true;

    fn try_insert(&self, key: K, value: V) -> Result<bool, Refused> {
        starved(|| self.try_insert(key, value)).map_err(
            |TryInsertError { key, value, reason, .. }| Refused {
                reason,
                key: Some(key.id()),
                value: Some(value.id()),
            },
        )
    }

    fn try_upsert(&self, key: K, f: impl FnMut(Option<&V>) -> V) -> Result<Option<V>, Refused> {
        starved(|| self.try_upsert(key, f)).map_err(|TryInsertError { key, reason, .. }| Refused {
            reason,
            key: Some(key.id()),
            value: None,
        })
    }

    fn try_reserve(&self, additional: usize) -> Result<(), GrowError> {
        starved(|| self.try_reserve(additional))
    }

    fn shrink(&self) {
        starved(|| self.shrink_to_fit());
    }
}

impl<S, const SLOTS: usize, E: Exclusion, T: Tagging, P: Search> Extras<u64, u64>
    for CuckooOptimistic<u64, u64, S, SLOTS, E, T, P>
where
    S: BuildHasher + Send + Sync,
{
    const REFUSES: bool = true;

    fn try_insert(&self, key: u64, value: u64) -> Result<bool, Refused> {
        let inserted = starved(|| self.try_insert(key, value));
        inserted.map_err(|reason| Refused { reason, key: None, value: None })
    }
}

impl<K: Item, V: Item, R: Reclaimer, S, const SLOTS: usize, P: Search> Extras<K, V>
    for CuckooOptimisticItems<K, V, R, S, SLOTS, P>
where
    S: BuildHasher + Send + Sync,
{
    const REFUSES: bool = true;

    fn try_insert(&self, key: K, value: V) -> Result<bool, Refused> {
        let mut handle = self.handle();
        let mut pinned = handle.pin();
        let inserted = starved(|| pinned.try_insert(key, value));
        inserted.map_err(|reason| Refused { reason, key: None, value: None })
    }
}
