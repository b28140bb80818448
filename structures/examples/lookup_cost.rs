//! Operations of one kind on an optimistic cuckoo table, for `ci/lookup_cost.sh`, which counts their
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

use structures::map::PinnedMap;
use structures::reclaim::{Epoch, Reclaimer};
use structures::tagging::{Tagged, Tagging, Untagged};
use structures::{CuckooOptimistic, CuckooOptimisticItems, Pages};

const KINDS: &str = "small | large | untagged | items, \
                     home | other | miss | overflowing-miss | update-home | update-other | \
                     insert-remove-home | insert-remove-other, a number of operations";

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

/// A table, or a thread's way into one.
trait Table {
    fn get(&mut self, key: u64) -> Option<u64>;
    fn insert(&mut self, key: u64) -> bool;
    fn update(&mut self, key: u64) -> Option<u64>;
    fn remove(&mut self, key: u64) -> Option<u64>;
}

impl<T: Tagging> Table for Words<T> {
    #[inline(always)]
    fn get(&mut self, key: u64) -> Option<u64> {
        Self::get(self, &key)
    }

    fn insert(&mut self, key: u64) -> bool {
        Self::insert(self, key, key)
    }

    fn update(&mut self, key: u64) -> Option<u64> {
        Self::update(self, &key, |value| value + 1)
    }

    fn remove(&mut self, key: u64) -> Option<u64> {
        Self::remove(self, &key)
    }
}

impl<M: PinnedMap<u64, u64>> Table for Pinned<M> {
    #[inline(always)]
    fn get(&mut self, key: u64) -> Option<u64> {
        self.0.get(&key)
    }

    fn insert(&mut self, key: u64) -> bool {
        self.0.insert(key, key)
    }

    fn update(&mut self, key: u64) -> Option<u64> {
        self.0.update(&key, |value| value + 1)
    }

    fn remove(&mut self, key: u64) -> Option<u64> {
        self.0.remove(&key)
    }
}

/// A table that is pinned once for all operations.
struct Pinned<M>(M);

/// The keys of one kind of operation, which takes them in turn.
fn keys(buckets: u64, which: &str) -> Option<Vec<u64>> {
    let homes = (0..buckets).step_by(STRIDE as usize);
    let number = match which {
        "home" | "update-home" => {
            return Some(homes.flat_map(|home| (0..SLOTS).map(move |i| key(home, i))).collect());
        }
        "miss" | "insert-remove-home" => return Some(homes.map(|home| key(home + 2, 0)).collect()),
        "other" | "update-other" => SLOTS,
        "overflowing-miss" | "insert-remove-other" => SLOTS + 1,
        _ => return None,
    };
    Some(homes.map(|home| key(home, number)).collect())
}

/// Fills a table, and does operations of one kind on it; false if there is no such kind.
fn run(buckets: u64, which: &str, times: usize, mut table: impl Table) -> bool {
    let Some(keys) = keys(buckets, which) else { return false };
    for home in (0..buckets).step_by(STRIDE as usize) {
        assert!((0..=SLOTS).all(|number| table.insert(key(home, number))), "a new key");
    }
    let keys = keys.iter().cycle().take(times);
    match which {
        "update-home" | "update-other" => {
            keys.for_each(|key| assert!(table.update(black_box(*key)).is_some(), "key {key}"));
        }
        "insert-remove-home" | "insert-remove-other" => {
            for key in keys {
                assert!(table.insert(black_box(*key)), "key {key}");
                assert!(table.remove(black_box(*key)).is_some(), "key {key}");
            }
        }
        _ => {
            let present = matches!(which, "home" | "other");
            for key in keys {
                assert_eq!(table.get(black_box(*key)).is_some(), present, "key {key}");
            }
        }
    }
    true
}

fn words<T: Tagging>(buckets: u64, which: &str, times: usize) -> bool {
    run(
        buckets,
        which,
        times,
        Words::<T>::with_buckets(buckets as usize, Itself(0), Pages::Default),
    )
}

fn items(buckets: u64, which: &str, times: usize) -> bool {
    let domain = Reclaimer::new(None);
    let map = Items::with_buckets_in(buckets as usize, Itself(0), domain, Pages::Default);
    let mut handle = map.handle();
    run(buckets, which, times, Pinned(handle.pin()))
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let known = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [table, which, times] => times.parse().is_ok_and(|times| match table {
            "small" => words::<Tagged>(1 << 10, which, times),
            "large" => words::<Tagged>(1 << 16, which, times),
            "untagged" => words::<Untagged>(1 << 10, which, times),
            "items" => items(1 << 10, which, times),
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
