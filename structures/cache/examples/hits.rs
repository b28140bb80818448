//! Lookups that hit, and sets of keys that are there, in one thread, for callgrind to count:
//! `hits STORE LOOKUPS [SETS]`.
//!
//! ```sh
//! cargo build --profile measured -p cache --example hits
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null target/measured/examples/hits memc3 0
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null target/measured/examples/hits memc3 100000
//! ```
//!
//! The difference of what it counts is that of the lookups; with `--cache-sim=yes` it counts stores, `Dw`, too. Keys have 16 bytes and values 32.

use std::hint::black_box;

use cache::evict::{ClockClear, LruList};
use cache::store::{CacheHandle, Config, Memc3, Options, Sharded, Store};

const KEYS: u64 = 1000;

fn key(number: u64) -> [u8; 16] {
    let mut key = [b'k'; 16];
    key[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    key
}

fn run<S: Store>(lookups: u64, sets: u64) {
    let cache = S::new(&Config { seed: Some(1), ..Config::of(1 << 20) }).expect("it can be made");
    let mut handle = cache.handle();
    let keys: Vec<_> = (0..KEYS).map(key).collect();
    for key in &keys {
        handle.set(key, &[7; 32], Options::default()).expect("there is room");
    }
    let mut value = Vec::with_capacity(64);
    for lookup in 0..lookups {
        value.clear();
        let found = handle.get(black_box(&keys[(lookup % KEYS) as usize]), &mut value);
        assert!(black_box(found).is_some());
    }
    for set in 0..sets {
        let key = black_box(&keys[(set % KEYS) as usize]);
        handle.set(key, black_box(&[8; 32]), Options::default()).expect("there is room");
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let store = arguments.next().expect("a store");
    let mut number = || arguments.next().map(|number| number.parse().expect("a number"));
    let lookups = number().expect("a number of lookups");
    let sets = number().unwrap_or(0);
    match store.as_str() {
        "memc3" => run::<Memc3<ClockClear>>(lookups, sets),
        "sharded" => run::<Sharded<LruList>>(lookups, sets),
        other => panic!("{other}: a store is memc3 or sharded"),
    }
}
