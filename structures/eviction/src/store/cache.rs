//! A cache whose keys are dealt out to parts, each with memory, index and policies of its own.

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

/// A shard, and how threads share it: what stores differ in.
pub trait Part<E>: fmt::Debug + Send + Sync + Sized {
    /// The store's name.
    const NAME: &'static str;

    /// How it finds its items.
    type Index: Index;

    /// Bytes that the index of a shard of at most so many items takes from the start.
    #[must_use]
    fn index_bytes(items: usize) -> usize {
        let _ = items;
        0
    }

    /// An empty one. `None` if the system has no memory for its index, or for what it keeps of size classes.
    fn new(arena: Arena, seed: u64, config: &Config) -> Option<Self>;

    /// Waits until no other thread has it.
    fn lock(&self) -> MutexGuard<'_, Shard<E, Self::Index>>;

    /// Appends the value of `key` to `value`.
    fn get(&self, hash: u64, key: &[u8], timer: &Timer, value: &mut Vec<u8>) -> Option<Found>;

    /// What was counted without the lock, and bytes that are beside the shard.
    fn add_to(&self, stats: &mut Stats) {
        let _ = stats;
    }
}

/// A cache of byte strings; `E` says what goes, `P` is the store.
///
/// A key belongs to the shard that its hash says. Whatever writes has the shard's mutex. Every operation on one
/// key is linearizable; a store's file names the points.
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

    /// An empty cache.
    ///
    /// # Errors
    ///
    /// There can be no such cache, or the system has no memory for what it takes from the start.
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

    /// Appends the value of `key` to `value`; `None`, and nothing, if it is absent.
    ///
    /// Blocking. O(bytes of key and value).
    pub fn get(&self, key: &[u8], value: &mut Vec<u8>) -> Option<Found> {
        let (hash, shard) = self.shard(key);
        shard.get(hash, key, &self.timer, value)
    }

    /// Stores `value` under `key`, if `options` do not say otherwise.
    ///
    /// Blocking. O(bytes of key and value), and the evictions that make room.
    ///
    /// # Errors
    ///
    /// It should have been stored, and was not: the value is too large, or there is no memory for it. A set
    /// [`When::Always`](super::When) leaves the key absent then: its old value is not what was set last. A set under
    /// another condition leaves it as it was.
    pub fn set(&self, key: &[u8], value: &[u8], options: Options) -> Result<Outcome, SetError> {
        check_key(key)?;
        let (hash, shard) = self.shard(key);
        shard.lock().set(hash, (key, value), options, &self.timer)
    }

    /// Does with `key` what `decide` says, to which the key is shown as it is, `None` if it is absent; returns
    /// what the key is found with then. All of it is one step: a counter that is read, incremented and written
    /// misses no increment, and what is appended is appended to what is there.
    ///
    /// `decide` runs once, with the shard's mutex: it must not use the cache. If it panics, nothing has
    /// changed.
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
    /// Blocking. O(bytes of key, old and new value), and the evictions that make room.
    ///
    /// # Errors
    ///
    /// What was to be written is too large, or there is no memory for it. Nothing has changed then; or the key is
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

    /// Deletes `key`; whether it was there. Blocking. O(bytes of the key).
    pub fn remove(&self, key: &[u8]) -> bool {
        let (hash, shard) = self.shard(key);
        shard.lock().remove(hash, key, &self.timer)
    }

    /// Lets `key` expire at another time; whether it is there. Blocking. O(bytes of the key).
    pub fn touch(&self, key: &[u8], expiry: Expiry) -> bool {
        let (hash, shard) = self.shard(key);
        shard.lock().touch(hash, key, expiry, &self.timer)
    }

    /// Looks for items that have expired, in the next `slots` places of each shard, and deletes them; how
    /// many they were. Called again and again it comes round: places are chunks of memory, used or not, and
    /// one more for each size class. A call goes round once at most. Blocking; each shard is locked for O(slots).
    pub fn reap(&self, slots: usize) -> usize {
        self.shards.iter().map(|shard| shard.lock().reap(slots, &self.timer)).sum()
    }

    /// Deletes everything, shard by shard: what is stored meanwhile may stay. Blocking. O(chunks of pages in use).
    pub fn clear(&self) {
        self.shards.iter().for_each(|shard| shard.lock().clear());
    }

    /// How many items there are, among them those that have expired and were not asked for since. Exact
    /// while nobody writes. O(shards).
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the cache has and has done; of each shard at a moment of its own. O(shards × classes).
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

/// Whether there can be such a key.
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
