//! Eight threads on a cache that is too small. Each value names its key, its version and a checksum.

use std::sync::atomic::{AtomicBool, Ordering};

use cache::evict::{Eviction, Visitor, for_each};
use cache::store::{Config, Options, Outcome, Sharded, Stats};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

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

/// A thread: writes the keys that are its own, and reads all.
fn work<E: Eviction>(cache: &Sharded<E>, own: u64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(own);
    // The last version seen, and whether it was taken out since: of one's own keys alone.
    let mut seen = vec![0; KEYS as usize];
    let mut gone = vec![true; KEYS as usize];
    for step in 1..=STEPS {
        let any = rng.random_range(0..KEYS) * rng.random_range(0..=KEYS) / KEYS;
        // Every other time one of its own.
        let key = if step % 2 == 0 { any } else { any / THREADS * THREADS + own };
        let (index, is_own) = (key as usize, key % THREADS == own);
        let mut found = Vec::new();
        if cache.get(&name(key), &mut found).is_some() {
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
            let stored = cache.set(&name(key), &value(key, version), Options::default());
            assert!(stored == Ok(Outcome::Stored) || !E::EVICTS, "{stored:?}");
            (seen[index], gone[index]) = (version, stored.is_err());
        }
    }
}

/// The bound holds at every moment that is looked at.
fn watch<E: Eviction>(cache: &Sharded<E>, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        check(&cache.stats());
        std::thread::yield_now();
    }
}

fn check(stats: &Stats) {
    assert_eq!(stats.memory.total(), BYTES);
    assert!(stats.item_bytes <= stats.memory.taken && stats.memory.taken <= BYTES, "{stats:?}");
}

struct Race;

impl Visitor for Race {
    fn visit<E: Eviction + 'static>(&mut self) {
        let cache = Sharded::<E>::new(&config(BYTES)).unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| watch(&cache, &is_over));
            let workers: Vec<_> = (0..THREADS)
                .map(|own| {
                    scope.spawn({
                        let cache = &cache;
                        move || work(cache, own)
                    })
                })
                .collect();
            let ends: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
            is_over.store(true, Ordering::Relaxed);
            watcher.join().unwrap();
            ends.into_iter().for_each(|end| end.unwrap());
        });
        let stats = cache.stats();
        check(&stats);
        assert!(stats.hits > 1000, "{}: {stats:?}", E::NAME);
        assert_eq!(stats.evictions > 1000, E::EVICTS, "{}: {stats:?}", E::NAME);
        cache.clear();
        assert_eq!((cache.len(), cache.stats().memory.pool), (0, BYTES), "{}", E::NAME);
    }
}

#[test]
fn every_value_is_whole_and_none_comes_back() {
    for_each(&mut Race);
}
