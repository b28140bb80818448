//! Lookups of one kind in an optimistic cuckoo table, for `ci/lookup_cost.sh`, which counts their
//! instructions.
//!
//! ```sh
//! cargo run --release -p structures --example lookup_cost -- small other 1000
//! ```
//!
//! Every 64th bucket is the home of nine entries: eight are there, the ninth is in its other
//! bucket, which has an odd number, so that it is nobody's home.

use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;
use std::process::ExitCode;

use structures::reclaim::Epoch;
use structures::{CuckooOptimistic, CuckooOptimisticItems, Pages};

const KINDS: &str = "small | large | untagged | items, \
                     home | other | miss | overflowing-miss, a number of lookups";

/// A hash that is the key.
#[derive(Clone, Copy, Default)]
struct Itself(u64);

impl BuildHasher for Itself {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Itself {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("keys are u64");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Words<T> = CuckooOptimistic<u64, u64, Itself, 8, structures::exclusion::Optimistic, T>;
type Items = CuckooOptimisticItems<u64, u64, Epoch, Itself>;

/// Buckets between two homes of entries.
const STRIDE: u64 = 64;

/// Slots of a bucket.
const SLOTS: u64 = 8;

/// The key number `number` of those with a home, with a tag of its own.
const fn key(home: u64, number: u64) -> u64 {
    (number + 1) << 58 | home
}

/// The keys to look up, in turn.
fn sought(buckets: u64, which: &str) -> Option<Vec<u64>> {
    let homes = (0..buckets).step_by(STRIDE as usize);
    let number = match which {
        "home" => {
            return Some(homes.flat_map(|home| (0..SLOTS).map(move |i| key(home, i))).collect());
        }
        "miss" => return Some(homes.map(|home| key(home + 2, 0)).collect()),
        "other" => SLOTS,
        "overflowing-miss" => SLOTS + 1,
        _ => return None,
    };
    Some(homes.map(|home| key(home, number)).collect())
}

/// Fills a table, and looks keys up in it.
fn run(
    buckets: u64,
    which: &str,
    lookups: usize,
    mut insert: impl FnMut(u64) -> bool,
    mut get: impl FnMut(u64) -> Option<u64>,
) -> bool {
    let Some(keys) = sought(buckets, which) else { return false };
    for home in (0..buckets).step_by(STRIDE as usize) {
        assert!((0..=SLOTS).all(|number| insert(key(home, number))), "a new key");
    }
    let present = matches!(which, "home" | "other");
    for key in keys.iter().cycle().take(lookups) {
        assert_eq!(get(black_box(*key)).is_some(), present, "key {key}");
    }
    true
}

fn words<T: structures::tagging::Tagging>(buckets: u64, which: &str, lookups: usize) -> bool {
    let map = Words::<T>::with_buckets(buckets as usize, Itself(0), Pages::Default);
    run(buckets, which, lookups, |key| map.insert(key, key), |key| map.get(&key))
}

fn items(buckets: u64, which: &str, lookups: usize) -> bool {
    let map = Items::with_buckets_in(
        buckets as usize,
        Itself(0),
        structures::reclaim::Reclaimer::new(None),
        Pages::Default,
    );
    let (mut writer, mut reader) = (map.handle(), map.handle());
    let mut writer = structures::map::MapHandle::pin(&mut writer);
    let mut reader = structures::map::MapHandle::pin(&mut reader);
    run(buckets, which, lookups, |key| writer.insert(key, key), |key| reader.get(&key))
}

fn main() -> ExitCode {
    use structures::tagging::{Tagged, Untagged};
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let known = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [table, which, lookups] => lookups.parse().is_ok_and(|lookups| match table {
            "small" => words::<Tagged>(1 << 10, which, lookups),
            "large" => words::<Tagged>(1 << 16, which, lookups),
            "untagged" => words::<Untagged>(1 << 10, which, lookups),
            "items" => items(1 << 10, which, lookups),
            _ => false,
        }),
        _ => false,
    };
    if !known {
        eprintln!("expected: {KINDS}");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}
