//! moka: a concurrent cache bounded by weights, whose policy decides later, from a log of reads and writes.
//!
//! It is used as its documentation tells: a weigher says the bytes of key and value, and the capacity is the
//! sum of these. What it keeps besides for each entry it does not count. Its bound is not strict: an entry is
//! there at once, and goes when some thread next works off the log. Nothing expires: it has no clock that a
//! trial can set.

use ::moka::policy::EvictionPolicy;
use ::moka::sync::Cache;
use foldhash::fast::FixedState;
use table::Op;
use table::cache::{CacheClient, CacheEntry, CacheMaker, CacheState, Serves, Serving, SharedCache};

use crate::maker::maker;
use crate::peers::{HeldKey, HeldValue, append, stores, weight};

type Map = Cache<HeldKey, HeldValue, FixedState>;

/// With each of its policies.
pub(crate) fn makers() -> [CacheMaker; 2] {
    [
        of("tiny-lfu", "Einziger and others, TOS 2017", EvictionPolicy::tiny_lfu),
        of("lru", "Mattson and others 1970", EvictionPolicy::lru),
    ]
}

fn of(eviction: &str, source: &str, policy: fn() -> EvictionPolicy) -> CacheMaker {
    let entry = CacheEntry {
        store: "moka".to_owned(),
        store_summary: "the crate moka: a log of reads and writes, worked off later".to_owned(),
        eviction: eviction.to_owned(),
        eviction_source: source.to_owned(),
        hit_writes: "a record in a log".to_owned(),
        ..CacheEntry::default()
    };
    maker(entry, move |options| {
        let weigher = |key: &HeldKey, value: &HeldValue| {
            u32::try_from(weight(key, value)).unwrap_or(u32::MAX)
        };
        let builder =
            Cache::builder().max_capacity(options.bytes).weigher(weigher).eviction_policy(policy());
        Ok(Moka(builder.build_with_hasher(FixedState::with_seed(options.seed))))
    })
}

struct Moka(Map);

impl SharedCache for Moka {
    fn client(&self) -> Box<dyn CacheClient + '_> {
        Box::new(Serving::new(self))
    }

    fn state(&self) -> CacheState {
        self.0.run_pending_tasks();
        CacheState {
            items: self.0.entry_count(),
            memory_bytes: self.0.weighted_size(),
            ..CacheState::default()
        }
    }

    fn held_bytes(&self) -> Option<u64> {
        Some(self.0.weighted_size())
    }
}

impl Serves for &Moka {
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
        self.0.invalidate(key);
    }
}
