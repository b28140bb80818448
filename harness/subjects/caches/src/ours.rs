//! The stores of the crate `cache`, each with each of its policies.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use cache::evict::{Eviction, Visitor, for_each};
use cache::store::{
    CacheHandle, Config, Memc3, Options, PAGES_A_SHARD, Sharded, Stats, Store, When,
};
use cache::time::{Clock, Expiry};
use table::Op;
use table::cache::{
    CacheClient, CacheEntry, CacheMaker, CacheOptions, CacheState, Serves, Serving, SharedCache,
    TraceClock,
};

use crate::maker::maker;
use crate::policies::said;

/// Every store with every policy.
pub(crate) fn makers() -> Vec<CacheMaker> {
    struct Makers(Vec<CacheMaker>);
    impl Visitor for Makers {
        fn visit<E: Eviction + 'static>(&mut self) {
            let summary = "optimistic cuckoo table; lookups copy, then validate (MemC3, NSDI 2013)";
            self.0.push(of::<Memc3<E>>(summary, ""));
            let why = "it would hold a shard's mutex, for which all others wait";
            self.0.push(of::<Sharded<E>>("a mutex a shard, the baseline", why));
        }
    }
    let mut makers = Makers(Vec::new());
    for_each(&mut makers);
    // Store by store; a sort that keeps the order of policies.
    makers.0.sort_by(|a, b| a.entry.store.cmp(&b.entry.store));
    makers.0
}

fn of<S: Store + 'static>(summary: &str, why_no_stall: &str) -> CacheMaker {
    let names = (S::STORE, <S::Eviction as Eviction>::NAME);
    let entry = entry(names, summary, why_no_stall);
    maker(entry, |options| S::new(&config(options)).map(Ours).map_err(|error| error.to_string()))
}

/// What a store with a policy says of itself.
#[inline(never)]
fn entry((store, policy): (&str, &str), summary: &str, why_no_stall: &str) -> CacheEntry {
    let said = said(policy);
    CacheEntry {
        store: store.to_owned(),
        store_summary: summary.to_owned(),
        eviction: policy.to_owned(),
        eviction_source: said.source.to_owned(),
        hit_writes: said.hit_writes.to_owned(),
        metadata_bits: Some(said.bits),
        is_strict: true,
        why_no_stall: why_no_stall.to_owned(),
        ..CacheEntry::default()
    }
}

/// Bytes of a header.
const HEADER: usize = 8;

/// Most shards.
const SHARDS: usize = 16;

/// Bytes of the smallest page, and of the largest where items need none that is larger.
const SMALLEST_PAGE: usize = 1 << 12;
const LARGEST_PAGE: usize = 1 << 20;

/// A cache without CAS numbers, as a trial asks for none. Memory is cut so that policies decide what stays, not who
/// has a page: pages are as large as the largest item needs, and otherwise small enough that each shard can have
/// enough of them for each class of sizes; where there are not so many, shards are fewer.
pub(crate) fn config(options: &CacheOptions) -> Config {
    let bytes = usize::try_from(options.bytes).unwrap_or(usize::MAX);
    let (smallest, largest) = (options.smallest_item as usize, options.largest_value as usize);
    let in_pages = |page: usize| Config {
        page,
        max_value: largest.min(page - 512),
        smallest: (HEADER + smallest).clamp(16, page),
        cas: false,
        seed: Some(options.seed),
        clock: Arc::new(Since(Arc::clone(&options.clock))),
        ..Config::of(bytes)
    };
    let shards_of = |config: &Config| {
        // Why there can be no such cache is said when it is made.
        let classes = config.classes().unwrap_or(1);
        bytes / config.page / (PAGES_A_SHARD * classes)
    };
    let least = (largest + 512).next_power_of_two().max(SMALLEST_PAGE);
    let mut config = in_pages(least.max(LARGEST_PAGE));
    while config.page > least && shards_of(&config) < SHARDS {
        config = in_pages(config.page / 2);
    }
    let shards = shards_of(&config).clamp(1, SHARDS);
    Config { shards, ..config }
}

/// The time that a trace says.
struct Since(TraceClock);

impl fmt::Debug for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Since").field(&self.0.load(Relaxed)).finish()
    }
}

impl Clock for Since {
    fn steady(&self) -> u64 {
        // Relaxed: a time, which orders nothing.
        u64::from(self.0.load(Relaxed))
    }

    fn wall(&self) -> u64 {
        self.steady()
    }
}

/// A cache of the crate `cache`.
struct Ours<S>(S);

impl<S: Store> SharedCache for Ours<S> {
    fn client(&self) -> Box<dyn CacheClient + '_> {
        Box::new(Serving::new(Thread(self.0.handle())))
    }

    fn state(&self) -> CacheState {
        state(&self.0.stats())
    }
}

/// What a store says of itself. Pages in use count against the bound of those that have pages.
pub(crate) fn state(stats: &Stats) -> CacheState {
    let memory = stats.memory;
    CacheState {
        items: stats.items as u64,
        memory_bytes: ((memory.taken + memory.free + memory.tails).max(stats.held)) as u64,
        overrun_bytes: stats.overrun as u64,
        index_bytes: Some(stats.index_bytes as u64),
        metadata_bytes: Some(stats.metadata_bytes as u64),
        evictions: Some(stats.evictions),
    }
}

/// One thread's.
struct Thread<H>(H);

impl<H: CacheHandle> Serves for Thread<H> {
    #[inline]
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> bool {
        self.0.get(key, value).is_some()
    }

    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8], op: Op, ttl: u32) -> bool {
        self.0.set(key, value, options(op, ttl)).is_ok()
    }

    fn remove(&mut self, key: &[u8]) {
        self.0.remove(key);
    }
}

/// How an operation stores its value.
pub(crate) fn options(op: Op, ttl: u32) -> Options {
    let when = match op {
        Op::Insert => When::Absent,
        Op::Update => When::Present,
        Op::Get | Op::Remove | Op::Upsert => When::Always,
    };
    let expiry = if ttl == 0 { Expiry::Never } else { Expiry::After(ttl) };
    Options { when, expiry, ..Options::default() }
}

#[cfg(test)]
mod tests {
    use cache::memory::Sizes;

    use super::*;

    fn of(bytes: u64, smallest_item: u32, largest_value: u32) -> Config {
        let clock = TraceClock::default();
        let (seed, reclaim_batch) = (1, None);
        config(&CacheOptions { bytes, largest_value, smallest_item, seed, reclaim_batch, clock })
    }

    #[test]
    fn items_of_one_size_have_sixteen_shards_of_sixteen_pages() {
        for (bytes, page) in
            [(1, 1 << 12), (1 << 20, 1 << 12), (8 << 20, 1 << 15), (1 << 30, 1 << 20)]
        {
            for (item, value) in [(48, 32), (1040, 1024)] {
                let config = of(bytes, item, value);
                assert_eq!(config.page, page, "{bytes} {value}");
                let pages = bytes as usize / page;
                assert_eq!(config.shards, (pages / PAGES_A_SHARD).clamp(1, SHARDS));
            }
        }
    }

    #[test]
    fn a_shard_has_pages_for_each_class_or_is_the_only_one() {
        for (bytes, smallest, largest) in (18..34).flat_map(|log| {
            let bytes = 1_u64 << log;
            [(bytes, 17, 200), (bytes, 40, 2048), (bytes, 40, 1 << 16), (bytes, 500, 900)]
        }) {
            let config = of(bytes, smallest, largest);
            // Shards that could have so many pages of this length, with classes by their definition.
            let shards = |page: usize| {
                let sizes = Sizes::new(config.smallest.next_multiple_of(8), config.growth, page);
                let class = |bytes: u32| sizes.class_of(HEADER + bytes as usize).unwrap();
                let classes = 1 + class(largest) - class(smallest);
                bytes as usize / page / (PAGES_A_SHARD * classes)
            };
            assert_eq!(config.shards, shards(config.page).clamp(1, SHARDS), "{config:?}");
            // Pages are only so small that there can be all shards, and not smaller than items let them be.
            let least = (largest as usize + 512).next_power_of_two().max(1 << 12);
            assert!(config.page == least || config.shards == SHARDS, "{config:?}");
            let is_largest = config.page >= 1 << 20 || shards(2 * config.page) < SHARDS;
            assert!(is_largest, "{config:?}");
            assert!(config.max_value >= largest as usize);
        }
    }
}
