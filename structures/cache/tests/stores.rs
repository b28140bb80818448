//! What the stores do alike: the same requests give the same hits.

use cache::evict::{Eviction, Visitor, for_each};
use cache::store::{Cache, Config, Locked, Optimistic, Options, Part};
use cache::theory::zipf;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Whether each of some requests hits; a miss is followed by a set.
fn hits<E: Eviction, P: Part<E>>() -> Vec<bool> {
    let (page, max_value) = (4096, 1000);
    let config = Config { page, max_value, shards: 2, seed: Some(1), ..Config::of(128 << 10) };
    let cache = Cache::<E, P>::new(&config).unwrap();
    let mut sum = 0.0;
    let running = |p: f64| {
        sum += p;
        sum
    };
    let sums: Vec<f64> = zipf(8000, 0.9).into_iter().map(running).collect();
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
