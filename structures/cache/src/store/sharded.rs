//! A mutex a shard: the baseline.
//!
//! A key belongs to the shard that its hash says, with memory, index and policies of its own. Every
//! operation, a lookup too, has its shard's mutex: that is its linearization point, any moment at which it
//! does. All are blocking. Nothing that is read outlives the lock, so the memory of an item that goes is
//! used again at once.

use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;
use foldhash::quality::FixedState;

use super::shard::{Shard, hash};
use super::{Config, ConfigError, Found, Options, Outcome, SetError, Stats};
use crate::evict::Eviction;
use crate::item::MAX_KEY;
use crate::time::{Expiry, Timer};

/// A cache of byte strings, in shards with a mutex each; `E` says what goes.
#[derive(Debug)]
pub struct Sharded<E> {
    shards: Box<[CachePadded<Mutex<Shard<E>>>]>,
    hasher: FixedState,
    timer: Timer,
}

impl<E: Eviction> Sharded<E> {
    /// An empty cache.
    ///
    /// # Errors
    ///
    /// There can be no such cache.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let seed = config.seed.unwrap_or_else(|| std::hash::RandomState::new().hash_one(0));
        let shard = |arena| CachePadded::new(Mutex::new(Shard::new(arena, seed, config)));
        Ok(Self {
            shards: config.arenas()?.into_iter().map(shard).collect(),
            hasher: FixedState::with_seed(seed),
            timer: Timer::starting(config.clock.clone()),
        })
    }

    /// The hash of `key`, and its shard.
    fn shard(&self, key: &[u8]) -> (u64, MutexGuard<'_, Shard<E>>) {
        let hash = hash(&self.hasher, key);
        // The index goes by both ends of the hash.
        let middle = (hash >> 24) as u32;
        let number = (u64::from(middle) * self.shards.len() as u64) >> 32;
        (hash, lock(&self.shards[number as usize]))
    }

    /// Appends the value of `key` to `value`; `None`, and nothing, if it is absent.
    ///
    /// Blocking. O(bytes of key and value).
    pub fn get(&self, key: &[u8], value: &mut Vec<u8>) -> Option<Found> {
        let (hash, mut shard) = self.shard(key);
        shard.get(hash, key, &self.timer, value)
    }

    /// Stores `value` under `key`, if `options` do not say otherwise.
    ///
    /// Blocking. O(bytes of key and value), and the evictions that make room.
    ///
    /// # Errors
    ///
    /// It should have been stored, and was not. If the value is too large or there is no memory for
    /// it, the key is absent from then on: its old value is not what was set last.
    pub fn set(&self, key: &[u8], value: &[u8], options: Options) -> Result<Outcome, SetError> {
        if !(1..=MAX_KEY).contains(&key.len()) {
            return Err(SetError::Key { bytes: key.len() });
        }
        let (hash, mut shard) = self.shard(key);
        shard.set(hash, (key, value), options, &self.timer)
    }

    /// Deletes `key`; whether it was there. Blocking. O(bytes of the key).
    pub fn remove(&self, key: &[u8]) -> bool {
        let (hash, mut shard) = self.shard(key);
        shard.remove(hash, key, &self.timer)
    }

    /// Lets `key` expire at another time; whether it is there. Blocking. O(bytes of the key).
    pub fn touch(&self, key: &[u8], expiry: Expiry) -> bool {
        let (hash, mut shard) = self.shard(key);
        shard.touch(hash, key, expiry, &self.timer)
    }

    /// Looks for items that have expired, in the next `slots` places of each shard, and deletes them; how
    /// many they were. Called again and again it comes round: places are chunks of memory, used or not, and
    /// one more for each size class. Blocking; each shard is locked for O(slots).
    pub fn reap(&self, slots: usize) -> usize {
        self.shards.iter().map(|shard| lock(shard).reap(slots, &self.timer)).sum()
    }

    /// Deletes everything, shard by shard: what is stored meanwhile may stay. Blocking. O(items).
    pub fn clear(&self) {
        self.shards.iter().for_each(|shard| lock(shard).clear());
    }

    /// How many items there are, among them those that have expired and were not asked for since. Exact
    /// while nobody writes. O(shards).
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
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
        self.shards.iter().for_each(|shard| all += lock(shard).stats());
        all
    }
}

fn lock<E>(shard: &Mutex<Shard<E>>) -> MutexGuard<'_, Shard<E>> {
    // A clock is the only code of others that is run under the lock, and that before anything is changed.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
