//! Lookups that hit, in one thread, for callgrind to count: `hits STORE LOOKUPS`.
//!
//! ```sh
//! cargo build --profile measured -p cache --example hits
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null target/measured/examples/hits memc3 0
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null target/measured/examples/hits memc3 100000
//! ```
//!
//! The difference of what it counts is that of the lookups. Keys have 16 bytes and values 32.

use std::hint::black_box;

use cache::evict::{ClockClear, LruList};
use cache::store::{CacheHandle, Config, Memc3, Options, Sharded, Store};

const KEYS: u64 = 1000;

fn key(number: u64) -> [u8; 16] {
    let mut key = [b'k'; 16];
    key[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    key
}

fn run<S: Store>(lookups: u64) {
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
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let store = arguments.next().expect("a store");
    let lookups = arguments.next().and_then(|number| number.parse().ok()).expect("a number");
    match store.as_str() {
        "memc3" => run::<Memc3<ClockClear>>(lookups),
        "sharded" => run::<Sharded<LruList>>(lookups),
        other => panic!("{other}: a store is memc3 or sharded"),
    }
}
