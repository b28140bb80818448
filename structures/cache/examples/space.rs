//! How many items there are in each MiB of resident memory: keys of 16 bytes and values of 32 in a cache of 64 MiB
//! that evicts.
//!
//! `cargo run --release -p cache --example space`

use std::process::Command;

use cache::evict::{ClockClear, Eviction, LruList};
use cache::store::{Cache, Config, Locked, Optimistic, Options, Part};

const BYTES: usize = 64 << 20;

/// Bytes of the process that are resident.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize =
        pages.split(' ').nth(1).and_then(|number| number.parse().ok()).expect("a number");
    pages * 4096
}

fn fill<E: Eviction, P: Part<E>>(cas: bool) {
    let before = resident();
    let config = Config { cas, seed: Some(1), ..Config::of(BYTES) };
    let cache = Cache::<E, P>::new(&config).expect("it can be made");
    for number in 0..2_000_000_u64 {
        let key = (u128::from(number) << 64 | 1).to_le_bytes();
        cache.set(&key, &[7; 32], Options::default()).expect("it evicts");
    }
    let (resident, stats) = ((resident() - before) as f64 / f64::from(1 << 20), cache.stats());
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    println!(
        "{:>8} {:>9}{}: {} items, {:.0} in a MiB; {resident:.1} MiB resident, of which index {:.1}, policy {:.1}",
        P::NAME,
        E::NAME,
        if cas { ", CAS numbers" } else { "" },
        stats.items,
        stats.items as f64 / resident,
        mib(stats.index_bytes),
        mib(stats.metadata_bytes),
    );
    assert!(stats.evictions > 0);
}

/// Each in a process of its own, so that none gets memory that another has left resident.
fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("0") => fill::<ClockClear, Optimistic<_>>(true),
        Some("1") => fill::<ClockClear, Optimistic<_>>(false),
        Some("2") => fill::<LruList, Locked<_>>(true),
        Some(_) => fill::<LruList, Locked<_>>(false),
        None => ["0", "1", "2", "3"].iter().for_each(|case| {
            let own = std::env::current_exe().expect("this program");
            let status = Command::new(own).arg(case).status().expect("it can be started");
            assert!(status.success(), "{status}");
        }),
    }
}
