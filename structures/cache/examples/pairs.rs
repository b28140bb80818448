//! Two caches at a time, in turns of one run: operations for each second of processor time, and their ratio.
//!
//! `cargo run --profile measured -p cache --example pairs -- [SECONDS [THREADS]]`
//!
//! Turns are short and many, so that what else the machine does falls on both; the ratio is the median
//! of the turns'. Keys have 16 bytes and values 32; requests are Zipf's, θ = 0.99, and a miss is followed by a
//! set.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use cache::evict::{ClockClear, ClockSet, Eviction, LruList, S3Fifo, Sieve};
use cache::store::{Cache, Config, Locked, Optimistic, Options, Part};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// What is asked of both.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    keys: usize,
    bytes: usize,
    /// Of a hundred requests, how many are sets.
    sets: u32,
}

const LOADS: [Load; 3] = [
    Load { name: "all hit", keys: 900_000, bytes: 64 << 20, sets: 0 },
    Load { name: "all hit, 5 % sets", keys: 900_000, bytes: 64 << 20, sets: 5 },
    Load { name: "evicting, 5 % sets", keys: 2_000_000, bytes: 64 << 20, sets: 5 },
];

/// Requests of a turn, of each thread.
const REQUESTS: usize = 200_000;

trait Any: Sync {
    fn get(&self, key: &[u8], value: &mut Vec<u8>) -> bool;
    fn set(&self, key: &[u8], value: &[u8]);
}

impl<E: Eviction, P: Part<E>> Any for Cache<E, P> {
    fn get(&self, key: &[u8], value: &mut Vec<u8>) -> bool {
        self.get(key, value).is_some()
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        self.set(key, value, Options::default()).expect("it evicts");
    }
}

fn key(number: u64) -> [u8; 16] {
    let mut key = [b'k'; 16];
    key[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    key
}

/// Operations for each second of processor time.
fn turn(cache: &dyn Any, requests: &[Vec<u64>], sets: u32, turn: u64) -> f64 {
    let start = Barrier::new(requests.len());
    let before = processor();
    std::thread::scope(|scope| {
        for (thread, keys) in requests.iter().enumerate() {
            let start = &start;
            scope.spawn(move || {
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(turn << 8 | thread as u64);
                let mut value = Vec::new();
                start.wait();
                let from = rng.random_range(0..keys.len());
                for &number in keys[from..].iter().chain(&keys[..from]) {
                    let name = key(number);
                    value.clear();
                    if sets > 0 && rng.random_range(0..100) < sets || !cache.get(&name, &mut value)
                    {
                        cache.set(&name, &[7; 32]);
                    }
                }
            });
        }
    });
    (requests.len() * REQUESTS) as f64 / (processor() - before)
}

/// Seconds of processor time so far.
fn processor() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("a process has a usage");
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    micros as f64 / 1e6
}

fn compare(load: Load, names: [&str; 2], caches: [&dyn Any; 2], seconds: f64, threads: u64) {
    let mut sum = 0.0;
    let running = |p: f64| {
        sum += p;
        sum
    };
    let sums: Vec<f64> =
        cache::theory::zipf(load.keys as u64, 0.99).into_iter().map(running).collect();
    let requests: Vec<Vec<u64>> = (0..threads)
        .map(|thread| {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(thread);
            let draw = |_| {
                let uniform: f64 = rng.random();
                sums.partition_point(|&sum| sum <= uniform).min(load.keys - 1) as u64
            };
            (0..REQUESTS).map(draw).collect()
        })
        .collect();
    for cache in caches {
        (0..load.keys as u64).rev().for_each(|number| cache.set(&key(number), &[7; 32]));
    }
    let (mut speeds, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs_f64(seconds) {
        let number = ratios.len() as u64;
        let mut speed = [0.0; 2];
        // Each goes first every other time.
        for which in [number % 2, 1 - number % 2] {
            speed[which as usize] = turn(caches[which as usize], &requests, load.sets, number);
        }
        ratios.push(speed[0] / speed[1]);
        speeds.iter_mut().zip(speed).for_each(|(all, speed)| all.push(speed));
    }
    let turns = ratios.len();
    println!(
        "{:<20} {:>24} {:6.2} M/s {:>24} {:6.2} M/s  ratio {:.2} ({turns} turns)",
        load.name,
        names[0],
        median(&mut speeds[0]) / 1e6,
        names[1],
        median(&mut speeds[1]) / 1e6,
        median(&mut ratios)
    );
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn of<E: Eviction, P: Part<E>>(bytes: usize) -> Cache<E, P> {
    Cache::new(&Config { seed: Some(1), ..Config::of(bytes) }).expect("it can be made")
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|number| number.parse().expect("a number"));
    let seconds: f64 = arguments.next().unwrap_or(4.0);
    let threads = arguments.next().unwrap_or(2.0) as u64;
    for load in LOADS {
        let baseline = of::<LruList, Locked<_>>(load.bytes);
        let clock = of::<ClockClear, Optimistic<_>>(load.bytes);
        let names = ["memc3/clock", "sharded/lru-list"];
        compare(load, names, [&clock, &baseline], seconds, threads);
        let locked = of::<ClockClear, Locked<_>>(load.bytes);
        let names = ["memc3/clock", "sharded/clock"];
        compare(load, names, [&clock, &locked], seconds, threads);
        let list = of::<LruList, Optimistic<_>>(load.bytes);
        let names = ["memc3/clock", "memc3/lru-list"];
        compare(load, names, [&clock, &list], seconds, threads);
    }
    let evicting = LOADS[2];
    let clock = of::<ClockClear, Optimistic<_>>(evicting.bytes);
    for (name, other) in [
        ("memc3/clock-set", &of::<ClockSet, Optimistic<_>>(evicting.bytes) as &dyn Any),
        ("memc3/sieve", &of::<Sieve, Optimistic<_>>(evicting.bytes)),
        ("memc3/s3-fifo", &of::<S3Fifo, Optimistic<_>>(evicting.bytes)),
    ] {
        compare(evicting, ["memc3/clock", name], [&clock, other], seconds, threads);
    }
}
