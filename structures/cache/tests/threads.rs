//! Eight threads on a cache that is too small. Each value names its key, its version and a checksum.
//!
//! `SOAK_SECONDS` says for how long, with other requests each time (`ci/soak.sh`); without it once.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cache::evict::{Eviction, Visitor, for_each};
use cache::store::{CacheHandle, Change, Config, Options, Outcome, SetError, Stats, Store, Write};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use common::{OfStore, every_store, in_every_store, named};

const THREADS: u64 = 8;
const KEYS: u64 = 800;
const STEPS: u64 = 6000;
const BYTES: usize = 128 << 10;

fn config(bytes: usize) -> Config {
    Config { page: 4096, max_value: 3000, shards: 4, seed: Some(1), ..Config::of(bytes) }
}

fn name(key: u64) -> Vec<u8> {
    format!("{}{key}", "k".repeat(key as usize % 40)).into_bytes()
}

/// The value of this version: its key and version, a filling that follows from them, and their sum.
fn value(key: u64, version: u64) -> Vec<u8> {
    let mut bytes = [key.to_le_bytes(), version.to_le_bytes()].concat();
    let filling = (version * 37 + key * 11) % 900;
    bytes.extend((0..filling).map(|place| (place ^ version) as u8));
    let sum: u64 = bytes.iter().map(|&byte| u64::from(byte)).sum();
    bytes.extend((sum ^ version).to_le_bytes());
    bytes
}

/// The version of a value of `key`, which must be whole.
fn version_of(key: u64, found: &[u8]) -> u64 {
    let version = u64::from_le_bytes(found[8..16].try_into().unwrap());
    assert!(found == value(key, version), "torn, or of another key: {key}, version {version}");
    version
}

/// A store behind a pointer, with what is done to each: that alone is compiled for each of thirty.
trait AnyStore: Sync {
    fn enter(&self) -> Box<dyn Operations + '_>;
    fn entries(&self) -> usize;
    fn counts(&self) -> Stats;
}

/// A handle of it.
trait Operations {
    fn get(&mut self, name: &[u8], found: &mut Vec<u8>) -> bool;
    fn set(&mut self, name: &[u8], value: &[u8]) -> Result<Outcome, SetError>;
    fn remove(&mut self, name: &[u8]);
    fn clear(&mut self);
}

struct Of<H>(H);

impl<S: Store> AnyStore for S {
    fn enter(&self) -> Box<dyn Operations + '_> {
        Box::new(Of(self.handle()))
    }

    fn entries(&self) -> usize {
        self.len()
    }

    fn counts(&self) -> Stats {
        self.stats()
    }
}

impl<H: CacheHandle> Operations for Of<H> {
    fn get(&mut self, name: &[u8], found: &mut Vec<u8>) -> bool {
        self.0.get(name, found).is_some()
    }

    fn set(&mut self, name: &[u8], value: &[u8]) -> Result<Outcome, SetError> {
        self.0.set(name, value, Options::default())
    }

    fn remove(&mut self, name: &[u8]) {
        self.0.remove(name);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// A thread: writes the keys that are its own, and reads all.
fn work(cache: &dyn AnyStore, evicts: bool, own: u64, seed: u64) {
    let mut cache = cache.enter();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed * THREADS + own);
    // The last version seen, and whether it was taken out since: of one's own keys alone.
    let mut seen = vec![0; KEYS as usize];
    let mut gone = vec![true; KEYS as usize];
    for step in 1..=STEPS {
        let any = rng.random_range(0..KEYS) * rng.random_range(0..=KEYS) / KEYS;
        // Every other time one of its own.
        let key = if step % 2 == 0 { any } else { any / THREADS * THREADS + own };
        let (index, is_own) = (key as usize, key % THREADS == own);
        let mut found = Vec::new();
        if cache.get(&name(key), &mut found) {
            let version = version_of(key, &found);
            assert!(!is_own || (version == seen[index] && !gone[index]), "an old value came back");
            assert!(version >= seen[index], "version {version} after {}", seen[index]);
            seen[index] = version;
        }
        if is_own && rng.random_ratio(1, 10) {
            cache.remove(&name(key));
            gone[index] = true;
        } else if is_own {
            let version = own + THREADS * step;
            let stored = cache.set(&name(key), &value(key, version));
            assert!(stored == Ok(Outcome::Stored) || !evicts, "{stored:?}");
            (seen[index], gone[index]) = (version, stored.is_err());
        }
    }
}

/// The bound holds at every moment that is looked at.
fn watch(cache: &dyn AnyStore, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        check(&cache.counts());
        std::thread::yield_now();
    }
}

fn check(stats: &Stats) {
    assert_eq!(stats.memory.total(), BYTES);
    assert!(stats.item_bytes <= stats.memory.taken && stats.memory.taken <= BYTES, "{stats:?}");
}

/// Threads come, work and go.
fn wave(cache: &dyn AnyStore, evicts: bool, seed: u64) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(cache, &is_over));
        let start = |own| scope.spawn(move || work(cache, evicts, own, seed));
        let workers: Vec<_> = (0..THREADS).map(start).collect();
        let ends: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        is_over.store(true, Ordering::Relaxed);
        watcher.join().unwrap();
        ends.into_iter().for_each(|end| end.unwrap());
    });
}

/// A cache lives through some waves, and is emptied after each.
fn race(cache: &dyn AnyStore, name: &str, evicts: bool, seeds: std::ops::Range<u64>) {
    for (number, seed) in (1..).zip(seeds) {
        let before = cache.counts();
        wave(cache, evicts, seed);
        let stats = cache.counts();
        check(&stats);
        let what = format!("{name}: {stats:?}");
        assert_eq!(stats.hits + stats.misses, number * THREADS * STEPS, "{what}");
        assert!(stats.hits > before.hits + 1000, "{what}");
        // Over a map it is about a thousand, more or less as threads happen to meet.
        assert_eq!(stats.evictions > before.evictions + 100, evicts, "{what}");
        cache.enter().clear();
        assert_eq!((cache.entries(), cache.counts().memory.pool), (0, BYTES), "{what}");
    }
}

struct Race {
    seed: u64,
    waves: u64,
}

impl Visitor for Race {
    fn visit<E: Eviction + 'static>(&mut self) {
        every_store::<E>(self);
    }
}

impl OfStore for Race {
    fn of<S: Store>(&mut self) {
        let cache = S::new(&config(BYTES)).unwrap();
        let seeds = self.seed + 1..self.seed + self.waves + 1;
        race(&cache, &named::<S>(), S::Eviction::EVICTS, seeds);
    }
}

#[test]
fn every_value_is_whole_and_none_comes_back() {
    let seconds = std::env::var("SOAK_SECONDS").ok().map(|seconds| seconds.parse().unwrap());
    let Some(seconds) = seconds else { return for_each(&mut Race { seed: 0, waves: 1 }) };
    let (began, waves) = (Instant::now(), 5);
    for round in 0.. {
        for_each(&mut Race { seed: round * waves, waves });
        if began.elapsed() >= Duration::from_secs(seconds) {
            println!("{} waves in each store under each policy", (round + 1) * waves);
            break;
        }
    }
}

/// Without eviction, and with memory for all: whoever reads a key finds a value of it at every moment,
/// also while that goes from one size class to another.
fn a_key_that_is_there_stays<S: Store>() {
    let cache = S::new(&config(64 * BYTES)).unwrap();
    let set = |cache: &mut S::Handle<'_>, key, version| {
        let stored = cache.set(&name(key), &value(key, version), Options::default());
        assert_eq!(stored, Ok(Outcome::Stored));
    };
    let mut handle = cache.handle();
    (0..KEYS).for_each(|key| set(&mut handle, key, 0));
    drop(handle);
    std::thread::scope(|scope| {
        for own in 0..THREADS {
            let (cache, set) = (&cache, &set);
            scope.spawn(move || {
                let mut cache = cache.handle();
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(own);
                for step in 1..=STEPS {
                    let key = rng.random_range(0..KEYS);
                    let mut found = Vec::new();
                    assert!(cache.get(&name(key), &mut found).is_some(), "{}: {key}", named::<S>());
                    version_of(key, &found);
                    if key % THREADS == own {
                        set(&mut cache, key, step);
                    }
                }
            });
        }
    });
    assert_eq!(cache.len(), KEYS as usize, "{}", named::<S>());
}

/// Threads count in the same items, which grow in other threads' midst: no increment is lost, and nobody sees a
/// count go back.
fn counts_in_the_same_items<S: Store>() {
    let cache = S::new(&config(64 * BYTES)).unwrap();
    let count = |cache: &mut S::Handle<'_>, key: u64| {
        let (mut value, mut count) = (Vec::new(), 0);
        let counted = cache.update(&name(key), |current| {
            current.inspect(|current| current.value_into(&mut value));
            count = value.len() as u64 / 8 + 1;
            value.extend(count.to_le_bytes());
            Change::Write(Write { value: Some(&value), ..Write::default() })
        });
        assert!(counted.is_ok_and(|found| found.is_some()));
        count
    };
    std::thread::scope(|scope| {
        for own in 0..THREADS {
            let (cache, count) = (&cache, &count);
            scope.spawn(move || {
                let (mut cache, mut last) = (cache.handle(), [0; 3]);
                for step in own..own + 99 {
                    let (key, mut value) = (step % 3, Vec::new());
                    let _absent = cache.get(&name(key), &mut value);
                    let seen = value.len() as u64 / 8;
                    let words: Vec<u8> = (1..=seen).flat_map(u64::to_le_bytes).collect();
                    assert!(value == words && seen >= last[key as usize], "{}", named::<S>());
                    let new = count(&mut cache, key);
                    assert!(new > seen, "{}: {new} after {seen}", named::<S>());
                    last[key as usize] = new;
                }
            });
        }
    });
    let mut cache = cache.handle();
    let counts = [0, 1, 2].map(|key| count(&mut cache, key) - 1);
    assert_eq!(counts, [THREADS * 33; 3], "{}", named::<S>());
}

in_every_store! {
    without_eviction_a_key_is_never_absent_again: a_key_that_is_there_stays,
    an_update_is_one_step: counts_in_the_same_items,
}
