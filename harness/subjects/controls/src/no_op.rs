//! A table that keeps nothing: its rate is the harness' own.
//!
//! Each operation hands its key to [`black_box`], so that the compiler must still compute the
//! key, and ignores everything else. Nothing shared is touched.

use std::hint::black_box;
use std::marker::PhantomData;

use structures::map::{ConcurrentMap, Direct, DirectMap, MapInfo, Progress};

/// What the table would have kept; it owns none.
type Types<K, V, S> = fn() -> (K, V, S);

/// The empty table: every key is always absent, and stays so.
#[derive(Debug)]
pub struct NoOp<K, V, S>(PhantomData<Types<K, V, S>>);

impl<K, V, S> NoOp<K, V, S> {
    /// An empty table. Both arguments are for the other tables' sake, and are dropped.
    #[must_use]
    pub fn with_capacity_and_hasher(_: usize, _: S) -> Self {
        Self(PhantomData)
    }
}

impl<K, V, S> Default for NoOp<K, V, S> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<K, V, S> ConcurrentMap<K, V> for NoOp<K, V, S> {
    const INFO: MapInfo = MapInfo {
        family: "control",
        summary: "keeps nothing: the harness' own cost",
        keeps_entries: false,
        ..MapInfo::UNKNOWN.with_progress(Progress::WaitFree)
    };

    type Handle<'m>
        = Direct<'m, Self>
    where
        Self: 'm;

    fn handle(&self) -> Self::Handle<'_> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        0
    }
}

impl<K, V, S> DirectMap<K, V> for NoOp<K, V, S> {
    fn get_with<T>(&self, key: &K, _: impl FnOnce(&V) -> T) -> Option<T> {
        black_box(key);
        None
    }

    fn insert(&self, key: K, _: V) -> bool {
        black_box(&key);
        false
    }

    fn update(&self, key: &K, _: impl FnMut(&V) -> V) -> Option<V> {
        black_box(key);
        None
    }

    fn upsert(&self, key: K, _: impl FnMut(Option<&V>) -> V) -> Option<V> {
        black_box(&key);
        None
    }

    fn remove(&self, key: &K) -> Option<V> {
        black_box(key);
        None
    }

    fn for_each(&self, _: impl FnMut(&K, &V)) {}
}
