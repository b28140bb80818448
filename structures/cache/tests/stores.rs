//! What the stores do alike: the same requests give the same hits.

use std::sync::Arc;

use cache::evict::{Eviction, Visitor, for_each};
use cache::store::{Cache, Config, Locked, Optimistic, Options, Part};
use cache::store::{CacheHandle, MapItem, MapKey, OverMap, Store, Units};
use cache::theory::zipf;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::ChainingLockFree;

/// The distribution of the keys that are asked for.
fn sums(keys: u64, theta: f64) -> Vec<f64> {
    let mut sum = 0.0;
    let running = |p: f64| {
        sum += p;
        sum
    };
    zipf(keys, theta).into_iter().map(running).collect()
}

/// Whether each of some requests hits; a miss is followed by a set.
fn hits<E: Eviction, P: Part<E>>() -> Vec<bool> {
    let (page, max_value) = (4096, 1000);
    let config = Config { page, max_value, shards: 2, seed: Some(1), ..Config::of(128 << 10) };
    let cache = Cache::<E, P>::new(&config).unwrap();
    let sums = sums(8000, 0.9);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let request = |_| {
        let uniform: f64 = rng.random();
        let name = (sums.partition_point(|&sum| sum <= uniform) as u64).to_le_bytes();
        let mut value = Vec::new();
        let is_hit = cache.get(&name, &mut value).is_some();
        if !is_hit {
            let stored = cache.set(&name, &[7; 30], Options::default());
            assert!(stored.is_ok() || !E::EVICTS);
        }
        is_hit
    };
    (0..40_000).map(request).collect()
}

struct Same;

impl Visitor for Same {
    fn visit<E: Eviction + 'static>(&mut self) {
        let (ours, baseline) = (hits::<E, Optimistic<E>>(), hits::<E, Locked<E>>());
        let count = |hits: &[bool]| hits.iter().filter(|&&hit| hit).count();
        assert!((5000..35_000).contains(&count(&ours)), "{}: {}", E::NAME, count(&ours));
        assert_eq!(ours, baseline, "{}", E::NAME);
    }
}

#[test]
fn one_thread_hits_the_same_items_in_every_store() {
    for_each(&mut Same);
}

/// One thread's requests for items of one size, in a store over a table: the hits of a cache of so many items.
fn over_a_map<E: Eviction>() -> (Vec<bool>, Vec<bool>) {
    let (page, max_value) = (4096, 1000);
    let config = Config { page, max_value, shards: 1, seed: Some(1), ..Config::of(128 << 10) };
    let cache = OverMap::<E, ChainingLockFree<MapKey, Arc<MapItem>>>::new(&config).unwrap();
    let mut handle = cache.handle();
    handle.set(&[0; 8], &[7; 30], Options::default()).unwrap();
    let items = config.bytes / cache.stats().item_bytes;
    handle.clear();
    let mut units = Units::<E>::new(items, 1);
    let sums = sums(8000, 0.9);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let request = |_| {
        let uniform: f64 = rng.random();
        let number = sums.partition_point(|&sum| sum <= uniform) as u64;
        let name = number.to_le_bytes();
        let is_hit = handle.get(&name, &mut Vec::new()).is_some();
        if !is_hit {
            let _full = handle.set(&name, &[7; 30], Options::default());
        }
        (is_hit, units.request(number))
    };
    (0..40_000).map(request).unzip()
}

struct AsUnits;

impl Visitor for AsUnits {
    fn visit<E: Eviction + 'static>(&mut self) {
        let (ours, units) = over_a_map::<E>();
        // What goes by the capacity learns it by and by; what draws, draws among other slots.
        if ["slru", "s3-fifo", "random"].contains(&E::NAME) {
            let count = |hits: &[bool]| hits.iter().filter(|&&hit| hit).count();
            let (ours, units) = (count(&ours), count(&units));
            assert!(ours.abs_diff(units) < 400, "{}: {ours}, {units}", E::NAME);
        } else {
            assert_eq!(ours, units, "{}", E::NAME);
        }
    }
}

#[test]
fn over_a_map_a_policy_sees_every_hit() {
    for_each(&mut AsUnits);
}
