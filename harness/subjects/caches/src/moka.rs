//! moka: a concurrent cache bounded by weights, whose policy decides later, from a log of reads and writes.
//!
//! It is used as its documentation tells: a weigher says the bytes of key and value, and the capacity is the
//! sum of these. What it keeps besides for each entry it does not count. Its bound is not strict: an entry is
//! there at once, and goes when some thread next works off the log. Nothing expires: it has no clock that a
//! trial can set.

use std::sync::Arc;

use ::moka::policy::EvictionPolicy;
use ::moka::sync::Cache;
use foldhash::fast::FixedState;
use table::Op;
use table::cache::{CacheClient, CacheEntry, CacheMaker, CacheState, Serves, Serving, SharedCache};

use crate::maker;

type Key = Box<[u8]>;
type Value = Arc<[u8]>;
type Map = Cache<Key, Value, FixedState>;

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
        let weight =
            |key: &Key, value: &Value| u32::try_from(key.len() + value.len()).unwrap_or(u32::MAX);
        let builder =
            Cache::builder().max_capacity(options.bytes).weigher(weight).eviction_policy(policy());
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
        let found = self.0.get(key);
        found.iter().for_each(|found| value.extend_from_slice(found));
        found.is_some()
    }

    fn set(&mut self, key: &[u8], value: &[u8], op: Op, _ttl: u32) -> bool {
        // Not one step, which its interface has not.
        let wanted = match op {
            Op::Insert => !self.0.contains_key(key),
            Op::Update => self.0.contains_key(key),
            Op::Get | Op::Remove | Op::Upsert => true,
        };
        if wanted {
            self.0.insert(key.into(), value.into());
        }
        true
    }

    fn remove(&mut self, key: &[u8]) {
        self.0.invalidate(key);
    }
}
