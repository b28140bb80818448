//! A mutex a shard: the baseline.
//!
//! Every operation, a lookup too, has its shard's mutex: that is its linearization point, any moment at
//! which it does. All are blocking. Nothing that is read outlives the lock, so the memory of an item that
//! goes is used again at once.

use hashbrown::HashTable;

use super::cache::{Cache, Part};
use super::shard::Shard;
use super::{Config, Found};
use crate::evict::Eviction;
use crate::memory::{Arena, Handle};
use crate::sync::{Mutex, MutexGuard, lock};
use crate::time::Timer;

/// A cache of byte strings, in shards with a mutex each; `E` says what goes.
pub type Sharded<E> = Cache<E, Locked<E>>;

/// A shard that is locked to look something up.
#[derive(Debug)]
pub struct Locked<E>(Mutex<Shard<E, HashTable<Handle>>>);

impl<E: Eviction> Part<E> for Locked<E> {
    const NAME: &'static str = "sharded";

    type Index = HashTable<Handle>;

    fn new(arena: Arena, seed: u64, config: &Config) -> Option<Self> {
        Some(Self(Mutex::new(Shard::new(arena, HashTable::new(), seed, config)?)))
    }

    fn lock(&self) -> MutexGuard<'_, Shard<E, Self::Index>> {
        lock(&self.0)
    }

    fn get(&self, hash: u64, key: &[u8], timer: &Timer, value: &mut Vec<u8>) -> Option<Found> {
        self.lock().get(hash, key, timer, value)
    }
}
