//! A cache behind a trait object: its operations for trials, and the facts that it states about itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Op;

/// The time at which trials start a cache's clock, in seconds; a trace's times are counted from there.
pub type TraceClock = std::sync::Arc<std::sync::atomic::AtomicU32>;

/// The parameters that a cache is made with.
#[derive(Clone, Debug)]
pub struct CacheOptions {
    /// The bound of its memory, in bytes, as the store counts it.
    pub bytes: u64,
    /// The largest value that it will be asked to store, in bytes.
    pub largest_value: u32,
    /// The smallest item, key and value, in bytes.
    pub smallest_item: u32,
    /// Seed of its hasher, and of policies that use random numbers.
    pub seed: u64,
    /// Retirements after which its reclaimer scans or synchronises, if it takes one whose batch can be set.
    pub reclaim_batch: Option<usize>,
    /// The clock that follows a trace's times, in seconds, if one is replayed.
    pub clock: TraceClock,
}

/// The longest key of a cache: memcached's limit.
pub const LONGEST_KEY: u32 = 250;

/// The keys of a trial, each of which has a number: byte strings that begin with it.
#[derive(Debug)]
pub struct CacheKeys {
    bytes: Vec<u8>,
    /// Where each begins; and where the last one ends.
    begins: Vec<usize>,
}

/// The filling of a key and a value after the number.
const FILLER: u8 = 0x5a;

impl CacheKeys {
    /// As many keys as there are lengths. A key is as long as its number at least, and has
    /// [`LONGEST_KEY`] bytes at most.
    #[must_use]
    pub fn new(lengths: impl ExactSizeIterator<Item = u32>) -> Self {
        let last = (lengths.len() as u64).saturating_sub(1);
        let number = (8 - last.leading_zeros() as usize / 8).max(1);
        let (mut bytes, mut begins) = (Vec::new(), vec![0]);
        for (key, length) in (0_u64..).zip(lengths) {
            let begin = bytes.len();
            bytes.resize(begin + (length.min(LONGEST_KEY) as usize).max(number), FILLER);
            bytes[begin..begin + number].copy_from_slice(&key.to_le_bytes()[..number]);
            begins.push(bytes.len());
        }
        Self { bytes, begins }
    }

    /// The key of this number.
    #[inline]
    #[must_use]
    pub fn key(&self, number: u32) -> &[u8] {
        let at = number as usize;
        &self.bytes[self.begins[at]..self.begins[at + 1]]
    }

    /// The number of keys.
    #[must_use]
    pub fn count(&self) -> usize {
        self.begins.len() - 1
    }

    /// Makes `buffer` a value for the key of this number: it begins with the number, as far as it is long.
    #[inline]
    fn value<'b>(&self, number: u32, bytes: u32, buffer: &'b mut Vec<u8>) -> &'b [u8] {
        let bytes = bytes as usize;
        if buffer.len() < bytes.max(4) {
            buffer.resize(bytes.max(4), FILLER);
        }
        buffer[..4].copy_from_slice(&number.to_le_bytes());
        &buffer[..bytes]
    }

    /// Whether `value` begins as a value of this key does.
    #[inline]
    fn is_value_of(&self, number: u32, value: &[u8]) -> bool {
        let shown = value.len().min(4);
        value[..shown] == number.to_le_bytes()[..shown]
    }
}

/// A request to a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheRequest {
    /// The operation: a `get` that misses is followed by a set.
    pub op: Op,
    /// The number of its key.
    pub key: u32,
    /// Bytes of the value that it stores, if it stores one.
    pub value_bytes: u32,
    /// Seconds until that value expires; 0 means never.
    pub ttl: u32,
}

/// The results of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheTally {
    /// Requests.
    pub requests: u64,
    /// Lookups.
    pub gets: u64,
    /// Lookups that found their key.
    pub hits: u64,
    /// Bytes of the values that were looked up; for a miss, of the value that is then stored.
    pub get_bytes: u64,
    /// Bytes of the values that were found.
    pub hit_bytes: u64,
    /// Values that were to be stored and found no room, or were too large.
    pub refused: u64,
    /// Values that belonged to another key.
    pub wrong: u64,
}

impl CacheTally {
    /// Adds the results of another thread.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.gets += other.gets;
        self.hits += other.hits;
        self.get_bytes += other.get_bytes;
        self.hit_bytes += other.hit_bytes;
        self.refused += other.refused;
        self.wrong += other.wrong;
    }
}

/// The contents and sizes of a cache while no thread uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheState {
    /// Items.
    pub items: u64,
    /// Bytes that count against the bound, as the store counts them.
    pub memory_bytes: u64,
    /// The most by which they have exceeded the bound since the cache was made, if the store records that.
    pub overrun_bytes: u64,
    /// Bytes of the index and of other data by which items are found, if they are known.
    pub index_bytes: Option<u64>,
    /// Bytes of the policy's metadata, if they are known.
    pub metadata_bytes: Option<u64>,
    /// Items that were evicted since the cache was made, if they are counted.
    pub evictions: Option<u64>,
}

/// A cache that is known only by its name.
pub trait SharedCache: Send + Sync {
    /// Makes the calling thread's handle.
    fn client(&self) -> Box<dyn CacheClient + '_>;

    /// The contents and sizes. Exact while no thread uses the cache.
    fn state(&self) -> CacheState;

    /// Bytes that count against the bound now, including retired items that are not freed; takes no lock.
    /// `None` for a store that needs a lock for that, or that records its maximum itself.
    fn held_bytes(&self) -> Option<u64> {
        None
    }
}

/// One thread's handle of a cache.
///
/// The loop over many requests is inside, so that the compiler sees it together with the cache's code.
pub trait CacheClient {
    /// Runs the requests.
    fn run(&mut self, requests: &[CacheRequest], keys: &CacheKeys, tally: &mut CacheTally);

    /// Runs `inside` within a lookup of `key`, holding everything that a lookup holds. Returns whether the key was
    /// present, so that `inside` was run.
    fn stall(&mut self, key: &[u8], inside: &mut dyn FnMut()) -> bool;

    /// Runs `f`, which may block, while this thread is offline to the cache's reclaimer, if it has one.
    fn offline(&mut self, f: &mut dyn FnMut());
}

/// The operations of a cache of byte strings for one thread. [`Serving`] makes a [`CacheClient`] of them.
pub trait Serves {
    /// Appends the value of `key` to `value`; returns whether the key was present.
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> bool;

    /// Stores a value, if the key is in the state that `op` requires: absent for [`Op::Insert`], present for
    /// [`Op::Update`], either for others. `false` if it should have been stored, and was not.
    fn set(&mut self, key: &[u8], value: &[u8], op: Op, ttl: u32) -> bool;

    /// Removes the key.
    fn remove(&mut self, key: &[u8]);

    /// See [`CacheClient::stall`]. A cache whose lookups hold nothing runs `inside` after the lookup.
    fn stall(&mut self, key: &[u8], inside: &mut dyn FnMut()) -> bool {
        let is_there = self.get(key, &mut Vec::new());
        if is_there {
            inside();
        }
        is_there
    }

    /// See [`CacheClient::offline`].
    fn offline(&mut self, f: &mut dyn FnMut()) {
        f();
    }
}

/// A thread's handle of a cache that [`Serves`].
#[derive(Debug)]
pub struct Serving<S> {
    cache: S,
    /// A buffer for values that are read or made.
    read: Vec<u8>,
    made: Vec<u8>,
}

impl<S: Serves> Serving<S> {
    /// That of `cache`.
    #[must_use]
    pub fn new(cache: S) -> Self {
        Self { cache, read: Vec::new(), made: Vec::new() }
    }

    #[inline]
    fn store(&mut self, request: &CacheRequest, keys: &CacheKeys, tally: &mut CacheTally) {
        let value = keys.value(request.key, request.value_bytes, &mut self.made);
        let is_done = self.cache.set(keys.key(request.key), value, request.op, request.ttl);
        tally.refused += u64::from(!is_done);
    }

    #[inline]
    fn look_up(&mut self, request: &CacheRequest, keys: &CacheKeys, tally: &mut CacheTally) {
        self.read.clear();
        tally.gets += 1;
        if self.cache.get(keys.key(request.key), &mut self.read) {
            let bytes = self.read.len() as u64;
            (tally.hits, tally.hit_bytes) = (tally.hits + 1, tally.hit_bytes + bytes);
            tally.get_bytes += bytes;
            tally.wrong += u64::from(!keys.is_value_of(request.key, &self.read));
        } else {
            tally.get_bytes += u64::from(request.value_bytes);
            self.store(request, keys, tally);
        }
    }
}

impl<S: Serves> CacheClient for Serving<S> {
    fn run(&mut self, requests: &[CacheRequest], keys: &CacheKeys, tally: &mut CacheTally) {
        for request in requests {
            match request.op {
                Op::Get => self.look_up(request, keys, tally),
                Op::Remove => self.cache.remove(keys.key(request.key)),
                Op::Insert | Op::Update | Op::Upsert => self.store(request, keys, tally),
            }
        }
        tally.requests += requests.len() as u64;
    }

    fn stall(&mut self, key: &[u8], inside: &mut dyn FnMut()) -> bool {
        self.cache.stall(key, inside)
    }

    fn offline(&mut self, f: &mut dyn FnMut()) {
        self.cache.offline(f);
    }
}

/// A store with a policy, as a line of `bench list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheEntry {
    /// The store's name.
    pub store: String,
    /// The store, and its source.
    pub store_summary: String,
    /// The policy's name.
    pub eviction: String,
    /// The policy's source.
    pub eviction_source: String,
    /// What a hit writes.
    pub hit_writes: String,
    /// Bits of the policy's metadata for each item of a cache that is full, if they are known.
    pub metadata_bits: Option<u64>,
    /// The reclaimers that it takes; `none` if it needs none.
    pub reclaimers: Vec<String>,
    /// Whether its memory never exceeds the bound, by the store's own count.
    pub is_strict: bool,
    /// Why a trial cannot have a reader that stalls in a lookup, if it cannot.
    pub why_no_stall: String,
}

impl CacheEntry {
    /// The cache's name as a subject's structure.
    #[must_use]
    pub fn name(&self) -> String {
        cache_name(&self.store, &self.eviction)
    }
}

/// The name of a cache as a subject's structure.
#[must_use]
pub fn cache_name(store: &str, eviction: &str) -> String {
    format!("{store}/{eviction}")
}

/// Makes a cache, or says why that is impossible.
pub type BuildCache =
    Box<dyn Fn(&CacheOptions) -> Result<Box<dyn SharedCache>, String> + Send + Sync>;

/// A cache of a program.
pub struct CacheMaker {
    /// The facts that it states about itself.
    pub entry: CacheEntry,
    /// The makers, one for each of its reclaimers.
    pub builds: Vec<(String, BuildCache)>,
}

impl fmt::Debug for CacheMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheMaker").field("entry", &self.entry).finish_non_exhaustive()
    }
}

impl CacheMaker {
    /// The maker for this reclaimer.
    #[must_use]
    pub fn build(&self, reclaimer: &str) -> Option<&BuildCache> {
        self.builds.iter().find(|(name, _)| name == reclaimer).map(|(_, build)| build)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// A cache without a bound that gives some answers wrong.
    #[derive(Default)]
    struct Map {
        entries: HashMap<Vec<u8>, Vec<u8>>,
        lies: bool,
        refuses: bool,
    }

    impl Serves for &mut Map {
        fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> bool {
            let Some(found) = self.entries.get(key) else { return false };
            value.extend_from_slice(found);
            if self.lies {
                value[0] ^= 1;
            }
            true
        }

        fn set(&mut self, key: &[u8], value: &[u8], op: Op, _ttl: u32) -> bool {
            let is_there = self.entries.contains_key(key);
            let wanted = [(Op::Insert, !is_there), (Op::Update, is_there)];
            if wanted.iter().all(|(of, wanted)| *of != op || *wanted) && !self.refuses {
                self.entries.insert(key.to_vec(), value.to_vec());
            }
            !self.refuses
        }

        fn remove(&mut self, key: &[u8]) {
            self.entries.remove(key);
        }
    }

    fn request(op: Op, key: u32, value_bytes: u32) -> CacheRequest {
        CacheRequest { op, key, value_bytes, ttl: 0 }
    }

    #[test]
    fn keys_are_as_long_as_they_should_be_and_all_different() {
        for (count, lengths) in [(1_u32, 1..4), (256, 1..3), (257, 1..9), (70_000, 0..300)] {
            let of = |key: u32| lengths.start + key % (lengths.end - lengths.start);
            let keys = CacheKeys::new((0..count as usize).map(|key| of(key as u32)));
            let all: std::collections::HashSet<&[u8]> =
                (0..count).map(|key| keys.key(key)).collect();
            assert_eq!((keys.count(), all.len()), (count as usize, count as usize));
            let number = [(256, 1), (65_536, 2), (u32::MAX, 3)];
            let number = number.iter().find(|(most, _)| count <= *most).unwrap().1;
            for key in 0..count {
                assert_eq!(keys.key(key).len(), (of(key).min(250) as usize).max(number));
            }
        }
    }

    #[test]
    fn a_miss_is_followed_by_a_set_and_all_is_counted() {
        let keys = CacheKeys::new([16; 4].into_iter());
        let mut map = Map::default();
        let mut tally = CacheTally::default();
        let requests = [
            request(Op::Get, 0, 32),   // miss
            request(Op::Get, 0, 32),   // hit
            request(Op::Update, 1, 8), // absent: nothing
            request(Op::Get, 1, 100),  // miss
            request(Op::Insert, 1, 8), // present: nothing
            request(Op::Get, 1, 9),    // hit of 100 bytes
            request(Op::Upsert, 1, 2),
            request(Op::Get, 1, 9), // hit of 2 bytes
            request(Op::Remove, 0, 0),
            request(Op::Get, 0, 0), // miss
            request(Op::Get, 0, 7), // hit of 0 bytes
        ];
        Serving::new(&mut map).run(&requests, &keys, &mut tally);
        let expected = CacheTally {
            requests: 11,
            gets: 7,
            hits: 4,
            get_bytes: 32 + 32 + 100 + 100 + 2,
            hit_bytes: 32 + 100 + 2,
            refused: 0,
            wrong: 0,
        };
        assert_eq!(tally, expected);
        let mut twice = tally;
        twice.add(&tally);
        assert_eq!((twice.requests, twice.hit_bytes, twice.get_bytes), (22, 268, 532));
    }

    #[test]
    fn a_value_of_another_key_is_found_out_and_a_refusal_counted() {
        let keys = CacheKeys::new([16; 2].into_iter());
        let mut map = Map { lies: true, ..Map::default() };
        let mut tally = CacheTally::default();
        Serving::new(&mut map).run(&[request(Op::Get, 1, 32); 3], &keys, &mut tally);
        assert_eq!((tally.hits, tally.wrong, tally.refused), (2, 2, 0));
        let mut map = Map { refuses: true, ..Map::default() };
        Serving::new(&mut map).run(&[request(Op::Get, 1, 32); 3], &keys, &mut tally);
        assert_eq!((tally.hits, tally.wrong, tally.refused), (2, 2, 3));
        let mut ran = 0;
        assert!(!Serving::new(&mut map).stall(keys.key(0), &mut || ran += 1) && ran == 0);
    }
}
