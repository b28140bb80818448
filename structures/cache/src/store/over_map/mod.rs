//! Items in a table, whatever table that is, whose reclaimer frees them.
//!
//! The table is any [`ConcurrentMap`] of byte strings: one of `structures` with any reclaimer, or somebody
//! else's. Lookups are the table's, so they are as concurrent as it is. Writers have a mutex a shard, as in the other
//! stores, so that what differs from those is the lookup and the memory.
//!
//! An item that goes is unlinked from the table at once, and freed when its reclaimer finds that no reader can hold
//! it. The store keeps the bytes of *linked* items within the bound; those of items that are not freed yet come
//! on top, as many as the reclaimer leaves. [`Stats::held`] counts both, and [`Stats::overrun`] is how far they were
//! above the bound at most. Under a reader that stalls in a lookup ([`OverMapHandle::get_with`]) it grows as long as
//! the reclaimer waits for it. [`Memc3`](super::Memc3) has no such overrun, as it frees nothing that is read.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `get`, not expired | the table's | that of the table's lookup |
//! | `get`, expired | blocking | the moment at which it has the shard's mutex |
//! | `set`, `update` | blocking | that of the table's `upsert`; if nothing is written, a moment at which it has the mutex |
//! | `touch` | blocking | the store of the deadline |
//! | `remove`; an eviction, an expiry | blocking | that of the table's `remove` |
//!
//! Keys are dealt out to shards by a hash, under whose mutex alone the table is written, so between what a writer
//! finds and what it writes nobody else writes the key. Sizes have no classes: a shard has one policy for all
//! items, and a large item may make several small ones go.

mod item;
mod writer;

use std::fmt;
use std::hash::BuildHasher;
use std::sync::TryLockError;

use crossbeam_utils::CachePadded;
use eviction::evict::{Eviction, Hits};
use eviction::item::MAX_KEY;
use eviction::memory::try_collected;
use eviction::store::{
    CacheHandle, Change, Config, ConfigError, Current, Found, Options, Outcome, SetError, Stats,
    Store, check_key, hash_key,
};
use eviction::time::{Expiry, Timer};
use foldhash::quality::FixedState;
use structures::map::{ConcurrentMap, MapHandle};

pub use self::item::{MapItem, MapKey};

use self::item::Account;
use self::writer::Writer;
use super::counts::Counts;
use super::unread::ask_user;
use crate::sync::{Arc, Mutex, MutexGuard, lock};

/// A cache of byte strings in the table `M`; `E` says what goes.
pub struct OverMap<E: Eviction, M> {
    map: M,
    shards: Box<[CachePadded<Mutex<Writer<E>>>]>,
    /// Of each shard.
    hits: Box<[E::Hits]>,
    hasher: FixedState,
    timer: Timer,
    account: Arc<Account>,
    counts: Counts,
    bound: usize,
}

/// One thread's way into an [`OverMap`]: its handle of the table.
pub struct OverMapHandle<'c, E: Eviction, M: ConcurrentMap<MapKey, Arc<MapItem>> + 'c> {
    cache: &'c OverMap<E, M>,
    map: M::Handle<'c>,
    /// The key that is looked for.
    key: MapKey,
}

impl<E: Eviction, M: ConcurrentMap<MapKey, Arc<MapItem>>> OverMap<E, M> {
    /// A cache in `map`, which is empty. Of `config` it needs no sizes of chunks: memory is the allocator's, and a
    /// page says no more than how many shards there are.
    ///
    /// # Errors
    ///
    /// There can be no such cache, or the system has no memory for its shards, or its largest item would not fit a
    /// shard's memory.
    pub fn over(map: M, config: &Config) -> Result<Self, ConfigError> {
        let seed = config.seed.unwrap_or_else(|| std::hash::RandomState::new().hash_one(0));
        let least = config.bounds()?.next_back().unwrap_or_default();
        let most = least.saturating_sub(MapItem::bytes_of(MAX_KEY, 0));
        if config.max_value > most {
            return Err(ConfigError::MaxValue { most, asked: config.max_value });
        }
        let account = Arc::<Account>::default();
        let (shards, hits) = parts((seed, config.max_value, config.cas), &account, config)?;
        Ok(Self {
            map,
            shards,
            hits,
            hasher: FixedState::with_seed(seed),
            timer: Timer::starting(config.clock.clone()),
            account,
            counts: Counts::default(),
            bound: config.bytes,
        })
    }

    /// The table.
    pub fn map(&self) -> &M {
        &self.map
    }
}

/// A shard, and how threads tell its policy of hits.
type Shards<E> = (Box<[CachePadded<Mutex<Writer<E>>>]>, Box<[<E as Eviction>::Hits]>);

/// The shards of a cache with this seed, largest value, and CAS numbers or none.
fn parts<E: Eviction>(
    terms: (u64, usize, bool),
    account: &Arc<Account>,
    config: &Config,
) -> Result<Shards<E>, ConfigError> {
    let bounds = config.bounds()?;
    let number = bounds.len();
    let of_shard = size_of::<CachePadded<Mutex<Writer<E>>>>() + size_of::<E::Hits>();
    let needs = number.saturating_mul(of_shard);
    config.check_memory(needs)?;
    let mut hits = Vec::<E::Hits>::new();
    hits.try_reserve_exact(number).map_err(|_| config.no_memory(needs))?;
    let shards = (0_u32..).zip(bounds).map(|shard| {
        let mut shard = Writer::<E>::new(shard, terms, account);
        hits.push(shard.share_hits());
        Some(CachePadded::new(Mutex::new(shard)))
    });
    let shards = try_collected(number, shards).ok_or_else(|| config.no_memory(needs))?;
    Ok((shards.into(), hits.into()))
}

impl<E: Eviction, M> OverMap<E, M> {
    fn shard(&self, key: &[u8]) -> &Mutex<Writer<E>> {
        let hash = hash_key(&self.hasher, key);
        &self.shards[((u64::from(hash as u32) * self.shards.len() as u64) >> 32) as usize]
    }
}

impl<E: Eviction, M: ConcurrentMap<MapKey, Arc<MapItem>>> OverMapHandle<'_, E, M> {
    /// Runs `read` on the value of `key` while the table protects it: as long as it runs, the reclaimer may have
    /// to wait. `None` if the key is absent or has expired. It is no hit to the policy, and counts nowhere.
    ///
    /// `read` must not use the cache: whether it may is the table's.
    pub fn get_with<T>(&mut self, key: &[u8], read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        self.key.seek(key);
        let timer = &self.cache.timer;
        let read =
            |item: &Arc<MapItem>| (!timer.has_come(item.deadline())).then(|| read(&item.value));
        self.map.get_with(&self.key, read).flatten()
    }

    /// Runs `write` with the shard of the key that is looked for, and its mutex.
    fn write<T>(
        &mut self,
        key: &[u8],
        write: impl FnOnce(&mut Writer<E>, &mut M::Handle<'_>, &MapKey, &Timer) -> T,
    ) -> T {
        self.key.seek(key);
        let mut shard = wait_for(self.cache.shard(key), &mut self.map);
        write(&mut shard, &mut self.map, &self.key, &self.cache.timer)
    }
}

/// Takes the lock. A thread that has to wait for it holds up no reclaimer meanwhile.
fn wait_for<'m, T>(
    mutex: &'m Mutex<T>,
    map: &mut impl MapHandle<MapKey, Arc<MapItem>>,
) -> MutexGuard<'m, T> {
    match mutex.try_lock() {
        Ok(guard) => guard,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => map.offline(|| lock(mutex)),
    }
}

impl<E, M> Store for OverMap<E, M>
where
    E: Eviction,
    M: ConcurrentMap<MapKey, Arc<MapItem>> + Default,
{
    const STORE: &'static str = "over-map";

    type Eviction = E;

    type Handle<'c>
        = OverMapHandle<'c, E, M>
    where
        Self: 'c;

    fn new(config: &Config) -> Result<Self, ConfigError> {
        Self::over(M::default(), config)
    }

    fn handle(&self) -> OverMapHandle<'_, E, M> {
        OverMapHandle { cache: self, map: self.map.handle(), key: MapKey::Sought(Vec::new()) }
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn stats(&self) -> Stats {
        let mut all = Stats::default();
        self.shards.iter().for_each(|shard| all += lock(shard).stats());
        (all.hits, all.misses) = self.counts.sum();
        all.memory.rest = self.bound - all.memory.total();
        all.held = self.account.held();
        all.overrun = self.account.most().saturating_sub(self.bound);
        all
    }
}

impl<E, M> CacheHandle for OverMapHandle<'_, E, M>
where
    E: Eviction,
    M: ConcurrentMap<MapKey, Arc<MapItem>>,
{
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Option<Found> {
        self.key.seek(key);
        let (cache, begin) = (self.cache, value.len());
        // `None` if it has expired.
        let read = |item: &Arc<MapItem>| {
            if cache.timer.has_come(item.deadline()) {
                return None;
            }
            value.extend_from_slice(&item.value);
            Some((item.found, item.shard, item.slot))
        };
        let Some(seen) = self.map.get_with(&self.key, read) else {
            cache.counts.add(false);
            return None;
        };
        let Some((found, shard, slot)) = seen else {
            // It may have been written again meanwhile, and is then there.
            let mut shard = wait_for(cache.shard(key), &mut self.map);
            let found = shard.get(&mut self.map, &self.key, &cache.timer, value);
            cache.counts.add(found.is_some());
            return found;
        };
        cache.counts.add(true);
        ask_user(value, begin, || cache.hits[shard as usize].hit(slot));
        Some(found)
    }

    fn set(&mut self, key: &[u8], value: &[u8], options: Options) -> Result<Outcome, SetError> {
        check_key(key)?;
        self.write(key, |shard, map, key, timer| shard.set(map, (key, value), options, timer))
    }

    fn update<'v>(
        &mut self,
        key: &[u8],
        decide: impl FnOnce(Option<Current<'_>>) -> Change<'v>,
    ) -> Result<Option<Found>, SetError> {
        check_key(key)?;
        self.write(key, |shard, map, key, timer| shard.update(map, key, decide, timer))
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        self.write(key, |shard, map, key, timer| shard.remove(map, key, timer))
    }

    fn touch(&mut self, key: &[u8], expiry: Expiry) -> bool {
        self.write(key, |shard, map, key, timer| shard.touch(map, key, expiry, timer))
    }

    fn reap(&mut self, slots: usize) -> usize {
        let cache = self.cache;
        let mut gone = 0;
        for shard in &cache.shards {
            gone += wait_for(shard, &mut self.map).reap(&mut self.map, slots, &cache.timer);
        }
        gone
    }

    fn clear(&mut self) {
        for shard in &self.cache.shards {
            wait_for(shard, &mut self.map).clear(&mut self.map);
        }
    }

    fn offline<T>(&mut self, wait: impl FnOnce() -> T) -> T {
        self.map.offline(wait)
    }
}

impl<E: Eviction, M> fmt::Debug for OverMap<E, M> {
    /// Without what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OverMap")
            .field("shards", &self.shards.len())
            .field("held", &self.account.held())
            .finish_non_exhaustive()
    }
}

impl<E: Eviction, M: ConcurrentMap<MapKey, Arc<MapItem>>> fmt::Debug for OverMapHandle<'_, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OverMapHandle").field("cache", self.cache).finish_non_exhaustive()
    }
}
