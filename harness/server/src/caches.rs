//! Caches by name: which store, which policy; and what a server asks of any of them.

use std::fmt;
use std::sync::Arc;

use cache::evict::{self, ClockClear, Eviction, LruList};
use cache::store::{
    CacheHandle, Change, Config, ConfigError, Current, Found, MapItem, MapKey, Memc3, Options,
    Outcome, OverMap, SetError, Sharded, Stats, Store, Write,
};
use cache::time::Expiry;
use structures::map::ConcurrentMap;
use structures::reclaim::{Epoch, Hazard, Qsbr};
use structures::{ChainingBucketLock, ChainingGlobalLock, ChainingLockFree};

/// A cache behind a pointer, so that a connection's code is compiled once.
pub trait AnyCache: Send + Sync {
    /// Registers the calling thread.
    fn handle(&self) -> Box<dyn Access + '_>;

    /// What it has and has done.
    fn stats(&self) -> Stats;
}

impl fmt::Debug for dyn AnyCache {
    /// Without what is in it: the code that shows that would be compiled for each store.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyCache").finish_non_exhaustive()
    }
}

/// What an update does; a value that it writes is in the buffer that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Nothing.
    Nothing,
    /// The key is to be absent.
    Remove,
    /// The key is to be present, with these flags, expiry, marks and CAS number; its value stays.
    Keep(Write<'static>),
    /// The same, with the value in the buffer.
    Write(Write<'static>),
}

/// What decides an update: it is shown the key as it is, and has an empty buffer for the value to write.
pub type Decide<'d> = &'d mut dyn FnMut(Option<Current<'_>>, &mut Vec<u8>) -> Edit;

/// One thread's way into a cache.
pub trait Access {
    /// Appends the value of `key`; `None`, and nothing, if it is absent.
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Option<Found>;

    /// Stores a value, if the options do not say otherwise.
    ///
    /// # Errors
    ///
    /// It should have been stored, and was not.
    fn set(&mut self, key: &[u8], value: &[u8], options: Options) -> Result<Outcome, SetError>;

    /// Does what `decide` says, in one step, and returns what the key is found with then. `buffer` is its
    /// buffer.
    ///
    /// # Errors
    ///
    /// It should have been written, and was not.
    fn update(
        &mut self,
        key: &[u8],
        buffer: &mut Vec<u8>,
        decide: Decide<'_>,
    ) -> Result<Option<Found>, SetError>;

    /// Deletes `key`; whether it was there.
    fn remove(&mut self, key: &[u8]) -> bool;

    /// Lets `key` expire at another time; whether it is there.
    fn touch(&mut self, key: &[u8], expiry: Expiry) -> bool;

    /// Deletes what has expired in the next places of memory.
    fn reap(&mut self, slots: usize);

    /// Deletes everything.
    fn clear(&mut self);

    /// Runs `wait`, which may block. No reclaimer waits for this thread meanwhile.
    fn offline(&mut self, wait: &mut dyn FnMut());
}

impl<S: Store> AnyCache for S {
    fn handle(&self) -> Box<dyn Access + '_> {
        Box::new(Store::handle(self))
    }

    fn stats(&self) -> Stats {
        Store::stats(self)
    }
}

impl<H: CacheHandle> Access for H {
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Option<Found> {
        CacheHandle::get(self, key, value)
    }

    fn set(&mut self, key: &[u8], value: &[u8], options: Options) -> Result<Outcome, SetError> {
        CacheHandle::set(self, key, value, options)
    }

    fn update(
        &mut self,
        key: &[u8],
        buffer: &mut Vec<u8>,
        decide: Decide<'_>,
    ) -> Result<Option<Found>, SetError> {
        buffer.clear();
        CacheHandle::update(self, key, move |current| match decide(current, buffer) {
            Edit::Nothing => Change::Nothing,
            Edit::Remove => Change::Remove,
            Edit::Keep(write) => Change::Write(write),
            Edit::Write(write) => Change::Write(Write { value: Some(buffer), ..write }),
        })
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        CacheHandle::remove(self, key)
    }

    fn touch(&mut self, key: &[u8], expiry: Expiry) -> bool {
        CacheHandle::touch(self, key, expiry)
    }

    fn reap(&mut self, slots: usize) {
        CacheHandle::reap(self, slots);
    }

    fn clear(&mut self) {
        CacheHandle::clear(self);
    }

    fn offline(&mut self, wait: &mut dyn FnMut()) {
        CacheHandle::offline(self, wait);
    }
}

/// A cache of which only the name of the policy is to be said yet.
type Make = fn(&Config) -> Result<Box<dyn AnyCache>, ConfigError>;

/// A store with a policy.
struct Entry {
    store: &'static str,
    eviction: &'static str,
    make: Make,
}

fn make<S: Store + 'static>(config: &Config) -> Result<Box<dyn AnyCache>, ConfigError> {
    Ok(Box::new(S::new(config)?))
}

fn entry<S: Store + 'static>(store: &'static str) -> Entry {
    Entry { store, eviction: S::Eviction::NAME, make: make::<S> }
}

/// A table whose reclaimer frees what goes.
type Chained<R> = ChainingLockFree<MapKey, Arc<MapItem>, R>;
/// Tables that free it under their lock.
type ChainedUnderOne = ChainingGlobalLock<MapKey, Arc<MapItem>>;
type ChainedUnderMany = ChainingBucketLock<MapKey, Arc<MapItem>>;

/// The store over a table with one policy that writes a bit at a hit, and with one that takes a lock.
fn over_map<M>(store: &'static str) -> [Entry; 2]
where
    M: ConcurrentMap<MapKey, Arc<MapItem>> + Default + 'static,
{
    [entry::<OverMap<ClockClear, M>>(store), entry::<OverMap<LruList, M>>(store)]
}

/// Every store with every policy, and those over a table with two. To add a store is to add its line.
fn entries() -> Vec<Entry> {
    struct All(Vec<Entry>);
    impl evict::Visitor for All {
        fn visit<E: Eviction + 'static>(&mut self) {
            self.0.push(entry::<Memc3<E>>(Memc3::<E>::STORE));
            self.0.push(entry::<Sharded<E>>(Sharded::<E>::STORE));
        }
    }
    let mut all = All(Vec::new());
    evict::for_each(&mut all);
    all.0.extend(over_map::<Chained<Epoch>>("over-map-epoch"));
    all.0.extend(over_map::<Chained<Hazard>>("over-map-hazard"));
    all.0.extend(over_map::<Chained<Qsbr>>("over-map-qsbr"));
    all.0.extend(over_map::<ChainedUnderOne>("over-map-global-lock"));
    all.0.extend(over_map::<ChainedUnderMany>("over-map-bucket-lock"));
    all.0
}

/// Names without those that were there before.
fn distinct(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut all = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// The names of stores, the default first.
#[must_use]
pub fn stores() -> Vec<&'static str> {
    distinct(entries().iter().map(|entry| entry.store))
}

/// The names of eviction policies.
#[must_use]
pub fn evictions() -> Vec<&'static str> {
    distinct(entries().iter().map(|entry| entry.eviction))
}

/// The names of the policies that a store has.
#[must_use]
pub fn evictions_of(store: &str) -> Vec<&'static str> {
    let all = entries();
    all.iter().filter(|entry| entry.store == store).map(|entry| entry.eviction).collect()
}

/// The cache with these names; `None` if there is none.
#[must_use]
pub fn named(store: &str, eviction: &str) -> Option<Make> {
    let is_it = |entry: &Entry| entry.store == store && entry.eviction == eviction;
    entries().into_iter().find(is_it).map(|entry| entry.make)
}
