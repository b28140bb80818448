//! The store `over-map`: items in a table of `structures`, with each of the reclaimers that free what goes.

use std::marker::PhantomData;
use std::sync::Arc;

use cache::evict::{ClockClear, Eviction, LruList};
use cache::store::{CacheHandle, MapItem, MapKey, OverMap, OverMapHandle, Store};
use foldhash::fast::FixedState;
use structures::ChainingLockFree;
use structures::reclaim::{Reclaimer, Visitor, for_each};
use table::Op;
use table::cache::{
    BuildCache, CacheClient, CacheEntry, CacheMaker, CacheState, Serves, Serving, SharedCache,
};

use crate::ours::{config, options, state};
use crate::policies::said;

type Table<R> = ChainingLockFree<MapKey, Arc<MapItem>, R, FixedState>;

/// One policy that writes a bit at a hit, and one that takes a lock.
pub(crate) fn makers() -> [CacheMaker; 2] {
    [of::<ClockClear>(), of::<LruList>()]
}

fn of<E: Eviction + 'static>() -> CacheMaker {
    let said = said(E::NAME);
    let mut builds = Builds::<E>(Vec::new(), PhantomData);
    for_each(&mut builds);
    let entry = CacheEntry {
        store: "over-map-chaining-lock-free".to_owned(),
        store_summary: "items in Michael's lists, freed by a reclaimer".to_owned(),
        eviction: E::NAME.to_owned(),
        eviction_source: said.source.to_owned(),
        hit_writes: said.hit_writes.to_owned(),
        metadata_bits: Some(said.bits),
        reclaimers: builds.0.iter().map(|(name, _)| name.clone()).collect(),
        ..CacheEntry::default()
    };
    CacheMaker { entry, builds: builds.0 }
}

/// The cache with each reclaimer.
struct Builds<E>(Vec<(String, BuildCache)>, PhantomData<E>);

impl<E: Eviction + 'static> Visitor for Builds<E> {
    fn visit<R: Reclaimer + 'static>(&mut self) {
        let build: BuildCache = Box::new(|options| {
            let item = u64::from(options.smallest_item).max(1);
            let items = usize::try_from(options.bytes / item).unwrap_or(usize::MAX);
            let map = Table::<R>::with_capacity_and_hasher_in(
                items,
                FixedState::with_seed(options.seed),
                R::new(options.reclaim_batch),
            );
            let cache = OverMap::<E, Table<R>>::over(map, &config(options));
            let cache = cache.map_err(|error| error.to_string())?;
            Ok(Box::new(Over(cache)))
        });
        self.0.push((R::NAME.to_owned(), build));
    }
}

struct Over<E: Eviction, R: Reclaimer>(OverMap<E, Table<R>>);

impl<E: Eviction, R: Reclaimer> SharedCache for Over<E, R> {
    fn client(&self) -> Box<dyn CacheClient + '_> {
        Box::new(Serving::new(Thread(self.0.handle())))
    }

    fn state(&self) -> CacheState {
        // A table does not say what it takes beside the items.
        CacheState { index_bytes: None, ..state(&self.0.stats()) }
    }
}

/// One thread's.
struct Thread<'c, E: Eviction, R: Reclaimer>(OverMapHandle<'c, E, Table<R>>);

impl<E: Eviction, R: Reclaimer> Serves for Thread<'_, E, R> {
    #[inline]
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> bool {
        CacheHandle::get(&mut self.0, key, value).is_some()
    }

    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8], op: Op, ttl: u32) -> bool {
        CacheHandle::set(&mut self.0, key, value, options(op, ttl)).is_ok()
    }

    fn remove(&mut self, key: &[u8]) {
        CacheHandle::remove(&mut self.0, key);
    }

    /// The reclaimer may have to wait for it.
    fn stall(&mut self, key: &[u8], inside: &mut dyn FnMut()) -> bool {
        self.0.get_with(key, |_| inside()).is_some()
    }
}
