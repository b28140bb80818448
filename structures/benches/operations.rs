//! Single operations on each chained table, in one thread: what they cost without contention.
//!
//! Run with and without the feature `meter` to see what counting costs:
//! `cargo bench -p structures --bench operations -- insert` and the same with
//! `--no-default-features`.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::map::{ConcurrentMap, MapHandle};
use structures::reclaim::{Epoch, Haphazard, Leak};
use structures::{ChainingBucketLock, ChainingGlobalLock, ChainingLockFree};

/// Small enough for the caches, and not.
const SIZES: [u64; 2] = [1 << 10, 1 << 20];

/// Draws from the keys present, in an order that no prefetcher guesses.
struct Keys {
    order: Vec<u64>,
    next: usize,
}

impl Keys {
    fn new(size: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(size);
        let mut order: Vec<u64> = (0..size).map(|_| rng.next_u64()).collect();
        order.shuffle(&mut rng);
        Self { order, next: 0 }
    }

    fn draw(&mut self) -> u64 {
        let key = self.order[self.next];
        self.next = (self.next + 1) & (self.order.len() - 1);
        key
    }
}

fn operations(criterion: &mut Criterion) {
    table::<ChainingGlobalLock<u64, u64>>(criterion, "global-lock");
    table::<ChainingBucketLock<u64, u64>>(criterion, "bucket-lock");
    table::<ChainingLockFree<u64, u64, Epoch>>(criterion, "lock-free/epoch");
    table::<ChainingLockFree<u64, u64, Haphazard>>(criterion, "lock-free/haphazard");
    // Last, as its memory never comes back.
    table::<ChainingLockFree<u64, u64, Leak>>(criterion, "lock-free/leak");
}

fn table<M: ConcurrentMap<u64, u64> + Default>(criterion: &mut Criterion, name: &str) {
    for size in SIZES {
        let map = M::default();
        let mut keys = Keys::new(size);
        let mut handle = map.handle();
        for key in &keys.order {
            handle.insert(*key, !key);
        }
        let mut group = criterion.benchmark_group(format!("{name}/{size}"));
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
        reads(&mut group, &mut handle, &mut keys);
        writes(&mut group, &mut handle, &mut keys);
        group.finish();
    }
}

/// Absent keys are made of present ones by this.
const OTHER: u64 = 0x9E37_79B9_7F4A_7C15;

fn reads(
    group: &mut BenchmarkGroup<'_, WallTime>,
    handle: &mut impl MapHandle<u64, u64>,
    keys: &mut Keys,
) {
    group.bench_function("get-hit", |b| b.iter(|| black_box(handle.get(&keys.draw()))));
    group.bench_function("get-miss", |b| b.iter(|| black_box(handle.get(&(keys.draw() ^ OTHER)))));
}

fn writes(
    group: &mut BenchmarkGroup<'_, WallTime>,
    handle: &mut impl MapHandle<u64, u64>,
    keys: &mut Keys,
) {
    group.bench_function("insert-remove", |b| {
        b.iter(|| {
            let key = keys.draw() ^ OTHER;
            black_box(handle.insert(key, key));
            black_box(handle.remove(&key))
        });
    });
    group.bench_function("update", |b| {
        b.iter(|| black_box(handle.update(&keys.draw(), |value| value.wrapping_add(1))));
    });
    group.bench_function("upsert", |b| {
        b.iter(|| {
            let raise = |value: Option<&u64>| value.map_or(0, |value| value.wrapping_add(1));
            black_box(handle.upsert(keys.draw(), raise))
        });
    });
}

criterion_group!(benches, operations);
criterion_main!(benches);
