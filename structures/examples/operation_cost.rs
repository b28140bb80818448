//! Operations of one kind on a table of words, for `ci/operation_cost.sh`, which counts their
//! instructions.
//!
//! ```sh
//! cargo run --release -p structures --example operation_cost -- chaining-inline get 1024 1000
//! ```
//!
//! The table has every second key of a range, so half of all `get`s find theirs, and half of all
//! `update`s (an insertion and a removal in turn, each of a random key) do what they try. Keys are
//! drawn beforehand: the loop around an operation takes about five instructions.

use std::hash::BuildHasher;
use std::hint::black_box;
use std::process::ExitCode;

use foldhash::fast::FixedState;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::ChainingInline;

const USAGE: &str = "a table (chaining-inline | none), a kind (get | hit | miss | update | pair | \
                     insert-present | remove-absent), a range of keys, a number of operations";

/// The most operations; so many keys are drawn whatever is run, so that drawing them cancels out.
const MOST: usize = 1 << 17;

/// What is measured of a table.
trait Words {
    fn get(&self, key: u64) -> Option<u64>;
    fn insert(&self, key: u64, value: u64) -> bool;
    fn remove(&self, key: u64) -> Option<u64>;
}

impl<S: BuildHasher + Send + Sync> Words for ChainingInline<u64, u64, S> {
    #[inline(always)]
    fn get(&self, key: u64) -> Option<u64> {
        self.get(&key)
    }

    #[inline(always)]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.insert(key, value)
    }

    #[inline(always)]
    fn remove(&self, key: u64) -> Option<u64> {
        self.remove(&key)
    }
}

/// No table: the loop alone.
struct Nothing;

impl Words for Nothing {
    #[inline(always)]
    fn get(&self, key: u64) -> Option<u64> {
        Some(key)
    }

    #[inline(always)]
    fn insert(&self, _key: u64, _value: u64) -> bool {
        true
    }

    #[inline(always)]
    fn remove(&self, key: u64) -> Option<u64> {
        Some(key)
    }
}

/// Fills a table and runs `operations` of a kind; false if there is no such kind. What they return is
/// summed up, so that no branch on it is counted.
fn run(table: &impl Words, kind: &str, range: u64, operations: usize) -> bool {
    let (present, absent) = (|i: u64| 2 * i, |i: u64| 2 * i + 1);
    for i in 0..range / 2 {
        table.insert(present(i), i);
    }
    let mut random = Xoshiro256PlusPlus::seed_from_u64(range);
    let mut keys = |of: &dyn Fn(u64) -> u64, range| -> Vec<u64> {
        let mut keys: Vec<_> = (0..MOST).map(|_| of(random.random_range(0..range))).collect();
        keys.truncate(operations);
        keys
    };
    let half = range / 2;
    let mut sum = 0_u64;
    match kind {
        "get" | "hit" | "miss" => {
            let keys = match kind {
                "get" => keys(&|key| key, range),
                "hit" => keys(&present, half),
                _ => keys(&absent, half),
            };
            for key in keys {
                sum += table.get(black_box(key)).unwrap_or(1);
            }
        }
        "update" => {
            for pair in keys(&|key| key, range).chunks_exact(2) {
                sum += u64::from(table.insert(black_box(pair[0]), 1));
                sum += table.remove(black_box(pair[1])).unwrap_or(1);
            }
        }
        "pair" => {
            for key in keys(&absent, half) {
                sum += u64::from(table.insert(black_box(key), key));
                sum += table.remove(black_box(key)).unwrap_or(1);
            }
        }
        "insert-present" => {
            for key in keys(&present, half) {
                sum += u64::from(table.insert(black_box(key), key));
            }
        }
        "remove-absent" => {
            for key in keys(&absent, half) {
                sum += table.remove(black_box(key)).unwrap_or(1);
            }
        }
        _ => return false,
    }
    black_box(sum);
    true
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let known = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [table, kind, range, operations] => match (range.parse(), operations.parse()) {
            (Ok(range @ 2..), Ok(operations @ ..=MOST)) => match table {
                "chaining-inline" => {
                    let hasher = FixedState::with_seed(1);
                    let room = range as usize / 2;
                    let table =
                        ChainingInline::<u64, u64, _>::with_capacity_and_hasher(room, hasher);
                    run(&table, kind, range, operations)
                }
                "none" => run(&Nothing, kind, range, operations),
                _ => false,
            },
            _ => false,
        },
        _ => false,
    };
    if !known {
        eprintln!("expected: {USAGE}");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}
