//! A cache that divides its keys among shards, each with memory, index and policies of its own.

use std::fmt;
use std::hash::BuildHasher;
use std::marker::PhantomData;

use crossbeam_utils::CachePadded;
use foldhash::quality::FixedState;

use super::index::Index;
use super::shard::{Shard, hash_key};
use super::{Change, Config, ConfigError, Current, Found, Options, Outcome, SetError, Stats};
use crate::evict::Eviction;
use crate::item::MAX_KEY;
use crate::memory::{Arena, try_collected};
use crate::sync::MutexGuard;
use crate::time::{Expiry, Timer};

/// A shard, and how threads share it. The implementations are the stores.
pub trait Part<E>: fmt::Debug + Send + Sync + Sized {
    /// The store's name.
    const NAME: &'static str;

    /// The index, by which it finds its items.
    type Index: Index;

    /// The number of bytes that the index of a shard of at most so many items allocates at the start.
    #[must_use]
    fn index_bytes(items: usize) -> usize {
        let _ = items;
        0
    }

    /// An empty one. `None` if the system has no memory for its index, or for what it keeps of size classes.
    fn new(arena: Arena, seed: u64, config: &Config) -> Option<Self>;

    /// Locks the shard: waits until no other thread uses it.
    fn lock(&self) -> MutexGuard<'_, Shard<E, Self::Index>>;

    /// Appends the value of `key` to `value`.
    fn get(&self, hash: u64, key: &[u8], timer: &Timer, value: &mut Vec<u8>) -> Option<Found>;

    /// The counts that were made without the lock, and the bytes that are outside of the shard.
    fn add_to(&self, stats: &mut Stats) {
        let _ = stats;
    }
}

/// A cache of byte strings; `E` is the eviction policy, `P` the store.
///
/// A key's hash determines its shard. Every operation that writes takes the shard's mutex. Every operation on one
/// key is linearizable; the file of each store names the linearization points.
#[derive(Debug)]
pub struct Cache<E, P> {
    shards: Box<[CachePadded<P>]>,
    hasher: FixedState,
    timer: Timer,
    _eviction: PhantomData<fn() -> E>,
}

impl<E: Eviction, P: Part<E>> Cache<E, P> {
    /// The name of the store.
    pub const STORE: &'static str = P::NAME;

    /// Makes an empty cache.
    ///
    /// # Errors
    ///
    /// If such a cache is impossible, or the system has no memory for what it allocates at the start.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let seed = config.seed.unwrap_or_else(|| std::hash::RandomState::new().hash_one(0));
        let arenas = config.arenas()?;
        let of_part = size_of::<CachePadded<P>>();
        let bytes = |arena: &Arena| P::index_bytes(arena.most()).saturating_add(of_part);
        let needs = arenas.iter().map(bytes).fold(0, usize::saturating_add);
        config.check_memory(needs)?;
        let shards = arenas.len();
        let part = |arena| P::new(arena, seed, config).map(CachePadded::new);
        let shards = try_collected(shards, arenas.into_iter().map(part));
        Ok(Self {
            shards: shards.ok_or_else(|| config.no_memory(needs))?.into(),
            hasher: FixedState::with_seed(seed),
            timer: Timer::starting(config.clock.clone()),
            _eviction: PhantomData,
        })
    }

    /// The hash of `key`, and its shard.
    #[inline]
    fn shard(&self, key: &[u8]) -> (u64, &P) {
        let hash = hash_key(&self.hasher, key);
        // The index goes by both ends of the hash.
        let middle = (hash >> 24) as u32;
        let number = (u64::from(middle) * self.shards.len() as u64) >> 32;
        (hash, &self.shards[number as usize])
    }

    /// Appends the value of `key` to `value`; if the key is absent, appends nothing and returns `None`.
    ///
    /// Blocking. O(bytes of key and value).
    pub fn get(&self, key: &[u8], value: &mut Vec<u8>) -> Option<Found> {
        let (hash, shard) = self.shard(key);
        shard.get(hash, key, &self.timer, value)
    }

    /// Stores `value` under `key`, if the condition in `options` holds.
    ///
    /// Blocking. O(bytes of key and value), plus the evictions that make room.
    ///
    /// # Errors
    ///
    /// If the value should have been stored, and is too large, or there is no memory for it. A set with
    /// [`When::Always`](super::When) leaves the key absent then, since its old value is not the one that was set
    /// last. A set with another condition leaves the key as it was.
    pub fn set(&self, key: &[u8], value: &[u8], options: Options) -> Result<Outcome, SetError> {
        check_key(key)?;
        let (hash, shard) = self.shard(key);
        shard.lock().set(hash, (key, value), options, &self.timer)
    }

    /// Calls `decide` with the current state of `key`, `None` if it is absent, and makes the change that it returns;
    /// returns the state of the key after that. All of it is atomic: a counter that is read, incremented and written
    /// misses no increment, and data is appended to the current value.
    ///
    /// `decide` runs once, while this thread holds the shard's mutex: it must not use the cache. If it panics, nothing
    /// has changed.
    ///
    /// ```
    /// use eviction::evict::ClockClear;
    /// use eviction::store::{Change, Config, Options, Sharded, Write};
    ///
    /// let cache = Sharded::<ClockClear>::new(&Config::of(8 << 20)).unwrap();
    /// cache.set(b"key", b"value", Options::default()).unwrap();
    /// let mut value = Vec::new();
    /// cache
    ///     .update(b"key", |current| {
    ///         let Some(current) = current else { return Change::Nothing };
    ///         current.value_into(&mut value);
    ///         value.extend(b" and more");
    ///         Change::Write(Write { value: Some(&value), ..Write::default() })
    ///     })
    ///     .unwrap();
    /// value.clear();
    /// cache.get(b"key", &mut value);
    /// assert_eq!(value, b"value and more");
    /// ```
    ///
    /// Blocking. O(bytes of key, old and new value), plus the evictions that make room.
    ///
    /// # Errors
    ///
    /// If the data to be written is too large, or there is no memory for it. Nothing has changed then; or the key is
    /// absent, if [`Write::or_absent`](super::Write) asks for that.
    pub fn update<'v>(
        &self,
        key: &[u8],
        decide: impl FnOnce(Option<Current<'_>>) -> Change<'v>,
    ) -> Result<Option<Found>, SetError> {
        check_key(key)?;
        let (hash, shard) = self.shard(key);
        shard.lock().update(hash, key, decide, &self.timer)
    }

    /// Deletes `key`, and returns whether it was present. Blocking. O(bytes of the key).
    pub fn remove(&self, key: &[u8]) -> bool {
        let (hash, shard) = self.shard(key);
        shard.lock().remove(hash, key, &self.timer)
    }

    /// Changes the expiry of `key`, and returns whether the key is present. Blocking. O(bytes of the key).
    pub fn touch(&self, key: &[u8], expiry: Expiry) -> bool {
        let (hash, shard) = self.shard(key);
        shard.lock().touch(hash, key, expiry, &self.timer)
    }

    /// Deletes expired items in the next `slots` places of each shard, and returns how many there were. Repeated
    /// calls go round all places: these are the chunks of memory, used or not, and one more for each size class. A
    /// single call goes round at most once. Blocking; each shard is locked for O(slots).
    pub fn reap(&self, slots: usize) -> usize {
        self.shards.iter().map(|shard| shard.lock().reap(slots, &self.timer)).sum()
    }

    /// Deletes everything, shard by shard; items that are stored meanwhile may stay. Blocking. O(chunks of pages in use).
    pub fn clear(&self) {
        self.shards.iter().for_each(|shard| shard.lock().clear());
    }

    /// The number of items, including expired ones that have not been looked up since. Exact
    /// while no thread writes. O(shards).
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether the cache has no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cache's sizes and counts; each shard is read at a moment of its own. O(shards × classes).
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut all = Stats::default();
        for shard in &self.shards {
            all += shard.lock().stats();
            shard.add_to(&mut all);
        }
        all.held = all.memory.taken;
        all
    }
}

/// Whether a key is valid.
///
/// # Errors
///
/// It is empty, or too long.
pub fn check_key(key: &[u8]) -> Result<(), SetError> {
    match key.len() {
        1..=MAX_KEY => Ok(()),
        bytes => Err(SetError::Key { bytes }),
    }
}
