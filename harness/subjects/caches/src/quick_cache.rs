//! quick_cache: a concurrent cache of shards with a lock for readers and writers each, bounded by weights.
//!
//! It is used as its documentation tells: a weigher says the bytes of key and value, and the capacity is the
//! sum of these. What it keeps besides for each entry it does not count. Nothing expires.

use ::quick_cache::sync::{Cache, DefaultLifecycle};
use ::quick_cache::{OptionsBuilder, Weighter};
use foldhash::fast::FixedState;
use table::Op;
use table::cache::{CacheClient, CacheEntry, CacheMaker, CacheState, Serves, Serving, SharedCache};

use crate::maker;
use crate::peers::{HeldKey, HeldValue, append, stores, weight};

type Map = Cache<HeldKey, HeldValue, Bytes, FixedState>;

/// Bytes of key and value.
#[derive(Clone)]
struct Bytes;

impl Weighter<HeldKey, HeldValue> for Bytes {
    fn weight(&self, key: &HeldKey, value: &HeldValue) -> u64 {
        weight(key, value)
    }
}

/// What it is.
fn entry() -> CacheEntry {
    CacheEntry {
        store: "quick_cache".to_owned(),
        store_summary: "the crate quick_cache: a lock for readers and writers a shard".to_owned(),
        eviction: "s3-fifo".to_owned(),
        eviction_source: "Yang and others, SOSP 2023, as the crate has it".to_owned(),
        hit_writes: "a lock, and a counter".to_owned(),
        ..CacheEntry::default()
    }
}

pub(crate) fn maker() -> CacheMaker {
    maker::maker(entry(), |options| {
        let item = u64::from(options.smallest_item).max(1);
        let built = OptionsBuilder::new()
            .weight_capacity(options.bytes)
            .estimated_items_capacity(usize::try_from(options.bytes / item).unwrap_or(usize::MAX))
            .build()
            .map_err(|error| error.to_string())?;
        let hasher = FixedState::with_seed(options.seed);
        Ok(Quick(Map::with_options(built, Bytes, hasher, DefaultLifecycle::default())))
    })
}

struct Quick(Map);

impl SharedCache for Quick {
    fn client(&self) -> Box<dyn CacheClient + '_> {
        Box::new(Serving::new(self))
    }

    fn state(&self) -> CacheState {
        CacheState {
            items: self.0.len() as u64,
            memory_bytes: self.0.weight(),
            ..CacheState::default()
        }
    }
}

impl Serves for &Quick {
    #[inline]
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> bool {
        append(self.0.get(key), value)
    }

    fn set(&mut self, key: &[u8], value: &[u8], op: Op, _ttl: u32) -> bool {
        if stores(op, || self.0.contains_key(key)) {
            self.0.insert(key.into(), value.into());
        }
        true
    }

    fn remove(&mut self, key: &[u8]) {
        self.0.remove(key);
    }
}
