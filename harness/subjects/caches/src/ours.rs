//! The stores of the crate `cache`, each with each of its policies.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use cache::evict::{Eviction, Visitor, for_each};
use cache::store::{CacheHandle, Config, Memc3, Options, Sharded, Stats, Store, When};
use cache::time::{Clock, Expiry};
use table::Op;
use table::cache::{
    CacheClient, CacheEntry, CacheMaker, CacheOptions, CacheState, Serves, Serving, SharedCache,
    TraceClock,
};

use crate::maker;
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
    let policy = <S::Eviction as Eviction>::NAME;
    let said = said(policy);
    let entry = CacheEntry {
        store: S::STORE.to_owned(),
        store_summary: summary.to_owned(),
        eviction: policy.to_owned(),
        eviction_source: said.source.to_owned(),
        hit_writes: said.hit_writes.to_owned(),
        metadata_bits: Some(said.bits),
        is_strict: true,
        why_no_stall: why_no_stall.to_owned(),
        ..CacheEntry::default()
    };
    maker(entry, |options| S::new(&config(options)).map(Ours).map_err(|error| error.to_string()))
}

/// Bytes of a header.
const HEADER: usize = 8;

/// A cache without CAS numbers, as a trial asks for none. Pages are small enough that the shards have enough of
/// them, and as large as the largest item needs.
pub(crate) fn config(options: &CacheOptions) -> Config {
    let bytes = usize::try_from(options.bytes).unwrap_or(usize::MAX);
    let largest = options.largest_value as usize;
    let few = (bytes / 256).max(1).ilog2().clamp(12, 20);
    let page = (1_usize << few).max((largest + 512).next_power_of_two());
    Config {
        page,
        max_value: largest.min(page - 512),
        smallest: (HEADER + options.smallest_item as usize).clamp(16, page),
        cas: false,
        seed: Some(options.seed),
        clock: Arc::new(Since(Arc::clone(&options.clock))),
        ..Config::of(bytes)
    }
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
