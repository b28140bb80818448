//! 256 parking_lot reader-writer locks, each over a hashbrown table: the plain sharded map
//! that a concurrent table has to beat.
//!
//! An operation hashes its key once. Closures and iteration run under a shard's lock.

use std::array;
use std::hash::{BuildHasher, Hash};
use std::mem;

use crossbeam_utils::CachePadded;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::RwLock;
use structures::map::{ConcurrentMap, Direct, DirectMap, MapInfo, Progress};

/// The number of shards: many more than the threads of a large machine, so that two threads
/// rarely meet by accident, and few enough to visit all for `len`.
pub const SHARDS: usize = 256;

/// hashbrown takes its tag from the topmost 7 bits and the bucket from the lowest: the shard
/// is the 8 bits below the tag.
const SHARD_SHIFT: u32 = u64::BITS - 7 - SHARDS.ilog2();

type Shard<K, V> = CachePadded<RwLock<HashTable<(K, V)>>>;

/// [`SHARDS`] tables, each under a lock on cache lines of its own.
#[derive(Debug)]
pub struct ShardedRwLock<K, V, S> {
    shards: Box<[Shard<K, V>; SHARDS]>,
    hasher: S,
}

impl<K, V, S> ShardedRwLock<K, V, S> {
    /// An empty map with room for `capacity` entries if they are spread evenly.
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        let each = capacity.div_ceil(SHARDS);
        let shard = |_| CachePadded::new(RwLock::new(HashTable::with_capacity(each)));
        Self { shards: Box::new(array::from_fn(shard)), hasher }
    }

    fn shard(&self, hash: u64) -> &Shard<K, V> {
        &self.shards[(hash >> SHARD_SHIFT) as usize % SHARDS]
    }
}

impl<K, V, S: Default> Default for ShardedRwLock<K, V, S> {
    fn default() -> Self {
        Self::with_capacity_and_hasher(0, S::default())
    }
}

impl<K, V, S> ConcurrentMap<K, V> for ShardedRwLock<K, V, S>
where
    K: Eq + Hash + Send + Sync,
    V: Send + Sync,
    S: BuildHasher + Send + Sync,
{
    const INFO: MapInfo = MapInfo {
        family: "peer",
        summary: "256 shards, each a parking_lot 0.12 RwLock over a hashbrown table",
        ..MapInfo::UNKNOWN.with_progress(Progress::Blocking)
    };

    type Handle<'m>
        = Direct<'m, Self>
    where
        Self: 'm;

    fn handle(&self) -> Self::Handle<'_> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }
}

impl<K, V, S> DirectMap<K, V> for ShardedRwLock<K, V, S>
where
    K: Eq + Hash + Send + Sync,
    V: Send + Sync,
    S: BuildHasher + Send + Sync,
{
    fn get_with<T>(&self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        let hash = self.hasher.hash_one(key);
        let shard = self.shard(hash).read();
        shard.find(hash, |(k, _)| k == key).map(|(_, value)| read(value))
    }

    fn insert(&self, key: K, value: V) -> bool {
        let hash = self.hasher.hash_one(&key);
        let mut shard = self.shard(hash).write();
        match shard.entry(hash, |(k, _)| *k == key, |(k, _)| self.hasher.hash_one(k)) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert((key, value));
                true
            }
        }
    }

    fn update(&self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash).write();
        let (_, value) = shard.find_mut(hash, |(k, _)| k == key)?;
        let new = f(value);
        Some(mem::replace(value, new))
    }

    fn upsert(&self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        let hash = self.hasher.hash_one(&key);
        let mut shard = self.shard(hash).write();
        match shard.entry(hash, |(k, _)| *k == key, |(k, _)| self.hasher.hash_one(k)) {
            Entry::Occupied(entry) => {
                let (_, value) = entry.into_mut();
                let new = f(Some(value));
                Some(mem::replace(value, new))
            }
            Entry::Vacant(entry) => {
                entry.insert((key, f(None)));
                None
            }
        }
    }

    fn remove(&self, key: &K) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash).write();
        let entry = shard.find_entry(hash, |(k, _)| k == key).ok()?;
        let ((_, value), _) = entry.remove();
        Some(value)
    }

    fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        for shard in self.shards.iter() {
            shard.read().iter().for_each(|(key, value)| f(key, value));
        }
    }
}
