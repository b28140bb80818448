//! Operations of each kind on each table, in one thread, for `ci/instructions.sh`, which counts their
//! instructions.
//!
//! ```sh
//! cargo run --profile measured -p instructions -- short cuckoo-optimistic
//! ```
//!
//! The first argument is `short` or `long`, the others are tables; without others it runs all tables. For each
//! kind of operation, which it runs within one call of [`counted`], it prints table, kind, keys and number of
//! operations.
//!
//! A table contains every second key of a range, and is made with that capacity. So half of all `get`s are hits, and
//! half of all `change`s (an insertion and a removal alternately, each of a random key) have an effect.
//! Keys are drawn beforehand; the row `none` shows the cost of the loop around an operation.

use std::hint::black_box;
use std::process::ExitCode;

use foldhash::fast::FixedState;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::exclusion::Optimistic;
use structures::map::{ConcurrentMap, MapHandle};
use structures::reclaim::{Epoch, Hazard};
use structures::tagging::Untagged;
use structures::versioned::{HamtCas, HamtPsim, LogHerlihy};
use structures::{
    ChainingInline, ChainingLockFree, CuckooOptimistic, CuckooOptimisticItems, CuckooStriped,
};

/// What is run of a table, with the most that it changes last.
const KINDS: [&str; 8] =
    ["get", "hit", "miss", "insert-present", "remove-absent", "replace", "pair", "change"];

/// Operations of a kind.
const OPERATIONS: usize = 10_000;

/// Ranges of keys, and whether the short run has them: a table in the first-level cache; the same,
/// crowded, where buckets are two thirds to seven eighths full; a large one.
const RANGES: [(u64, bool); 3] = [(1 << 10, true), (1740, true), (1 << 17, false)];

/// Tables whose operations go another way where they are large. The short run has the large range of these, too.
const OTHER_IF_LARGE: [&str; 2] = ["chaining-inline", "cuckoo-optimistic"];

/// What is measured of a table.
trait Words {
    fn get(&mut self, key: u64) -> Option<u64>;
    fn insert(&mut self, key: u64, value: u64) -> bool;
    fn remove(&mut self, key: u64) -> Option<u64>;
    fn replace(&mut self, key: u64, value: u64) -> Option<u64>;
}

/// A thread's way to a table of ours, by which each operation protects itself alone.
struct Ours<H>(H);

impl<H: MapHandle<u64, u64>> Words for Ours<H> {
    #[inline(always)]
    fn get(&mut self, key: u64) -> Option<u64> {
        self.0.get(&key)
    }

    #[inline(always)]
    fn insert(&mut self, key: u64, value: u64) -> bool {
        self.0.insert(key, value)
    }

    #[inline(always)]
    fn remove(&mut self, key: u64) -> Option<u64> {
        self.0.remove(&key)
    }

    #[inline(always)]
    fn replace(&mut self, key: u64, value: u64) -> Option<u64> {
        self.0.update(&key, |_| value)
    }
}

/// A table that is nobody else's: what the others can be held against.
struct Alone(hashbrown::HashMap<u64, u64, FixedState>);

impl Words for Alone {
    #[inline(always)]
    fn get(&mut self, key: u64) -> Option<u64> {
        self.0.get(&key).copied()
    }

    #[inline(always)]
    fn insert(&mut self, key: u64, value: u64) -> bool {
        match self.0.entry(key) {
            hashbrown::hash_map::Entry::Vacant(entry) => {
                entry.insert(value);
                true
            }
            hashbrown::hash_map::Entry::Occupied(_) => false,
        }
    }

    #[inline(always)]
    fn remove(&mut self, key: u64) -> Option<u64> {
        self.0.remove(&key)
    }

    #[inline(always)]
    fn replace(&mut self, key: u64, value: u64) -> Option<u64> {
        self.0.get_mut(&key).map(|old| std::mem::replace(old, value))
    }
}

/// No table: the loop alone.
struct Nothing;

impl Words for Nothing {
    #[inline(always)]
    fn get(&mut self, key: u64) -> Option<u64> {
        Some(key)
    }

    #[inline(always)]
    fn insert(&mut self, _key: u64, _value: u64) -> bool {
        true
    }

    #[inline(always)]
    fn remove(&mut self, key: u64) -> Option<u64> {
        Some(key)
    }

    #[inline(always)]
    fn replace(&mut self, key: u64, _value: u64) -> Option<u64> {
        Some(key)
    }
}

/// Callgrind counts what is done in here, and nothing else.
#[inline(never)]
fn counted(run: &mut dyn FnMut() -> u64) {
    black_box(run());
}

/// Keys of one kind of operation. Every even key of the range is present.
fn keys(kind: &str, range: u64) -> Vec<u64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(range);
    let half = range / 2;
    let mut draw = || match kind {
        "hit" | "insert-present" | "replace" => 2 * random.random_range(0..half),
        "miss" | "remove-absent" | "pair" => 2 * random.random_range(0..half) + 1,
        _ => random.random_range(0..range),
    };
    (0..OPERATIONS).map(|_| draw()).collect()
}

/// Runs the operations of a kind. What they return is summed up, so that no branch on it is counted.
fn run(table: &mut impl Words, kind: &str, range: u64) {
    let keys = keys(kind, range);
    let all = keys.iter().copied().map(black_box);
    match kind {
        "get" | "hit" | "miss" => {
            counted(&mut || all.clone().map(|key| table.get(key).unwrap_or(1)).sum());
        }
        "insert-present" => {
            counted(&mut || all.clone().map(|key| u64::from(table.insert(key, 1))).sum());
        }
        "remove-absent" => {
            counted(&mut || all.clone().map(|key| table.remove(key).unwrap_or(1)).sum());
        }
        "replace" => {
            counted(&mut || all.clone().map(|key| table.replace(key, 1).unwrap_or(1)).sum());
        }
        "pair" => counted(&mut || {
            let both = |key| u64::from(table.insert(key, 1)) + table.remove(key).unwrap_or(1);
            keys.iter().copied().take(OPERATIONS / 2).map(black_box).map(both).sum()
        }),
        _ => counted(&mut || {
            let mut sum = 0;
            for pair in keys.chunks_exact(2) {
                sum += u64::from(table.insert(black_box(pair[0]), 1));
                sum += table.remove(black_box(pair[1])).unwrap_or(1);
            }
            sum
        }),
    }
}

/// What is asked for.
struct Wanted {
    short: bool,
    /// All tables if there are none.
    tables: Vec<String>,
    /// Those that there are.
    known: Vec<&'static str>,
}

impl Wanted {
    /// Runs all kinds on a table that `with` makes for so many entries, if it is wanted.
    fn table(&mut self, name: &'static str, with: impl Fn(usize, &mut dyn FnMut(&mut dyn Run))) {
        self.known.push(name);
        if !self.tables.is_empty() && !self.tables.iter().any(|table| table == name) {
            return;
        }
        for (range, short) in RANGES {
            if self.short && !short && !OTHER_IF_LARGE.contains(&name) {
                continue;
            }
            with(range as usize / 2, &mut |table| {
                table.fill(range);
                for kind in KINDS {
                    table.run(kind, range);
                    println!("{name} {kind} {range} {OPERATIONS}");
                }
            });
        }
    }

    /// The same of a table of ours.
    fn ours<M: ConcurrentMap<u64, u64>>(&mut self, name: &'static str, make: impl Fn(usize) -> M) {
        self.table(name, |room, then| {
            let map = make(room);
            then(&mut Ours(map.handle()));
        });
    }
}

/// A table on which all kinds can be run: they are compiled for it alone.
trait Run {
    fn fill(&mut self, range: u64);
    fn run(&mut self, kind: &str, range: u64);
}

impl<T: Words> Run for T {
    fn fill(&mut self, range: u64) {
        (0..range / 2).for_each(|i| {
            self.insert(2 * i, i);
        });
    }

    fn run(&mut self, kind: &str, range: u64) {
        run(self, kind, range);
    }
}

fn hasher() -> FixedState {
    FixedState::with_seed(1)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let short = match arguments.next().as_deref() {
        Some("short") => true,
        Some("long") => false,
        _ => {
            eprintln!("instructions: expected `short` or `long`, and names of tables");
            return ExitCode::from(2);
        }
    };
    let mut wanted = Wanted { short, tables: arguments.collect(), known: Vec::new() };
    tables(&mut wanted);
    let is_unknown = |name: &&String| !wanted.known.contains(&name.as_str());
    if let Some(name) = wanted.tables.iter().find(is_unknown) {
        eprintln!("instructions: no table `{name}`; there are {}", wanted.known.join(", "));
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}

fn tables(all: &mut Wanted) {
    type Inline = ChainingInline<u64, u64, FixedState>;
    type Words<const SLOTS: usize> = CuckooOptimistic<u64, u64, FixedState, SLOTS>;
    type NoTags = CuckooOptimistic<u64, u64, FixedState, 8, Optimistic, Untagged>;
    type Striped = CuckooStriped<u64, u64, FixedState>;

    all.table("none", |_, then| then(&mut Nothing));
    all.table("hashbrown", |room, then| {
        then(&mut Alone(hashbrown::HashMap::with_capacity_and_hasher(room, hasher())));
    });
    all.ours("chaining-inline", |room| Inline::with_capacity_and_hasher(room, hasher()));
    all.ours("cuckoo-optimistic", |room| Words::<8>::with_capacity_and_hasher(room, hasher()));
    all.ours("cuckoo-optimistic:slots=4", |room| {
        Words::<4>::with_capacity_and_hasher(room, hasher())
    });
    all.ours("cuckoo-optimistic:tags=off", |room| NoTags::with_capacity_and_hasher(room, hasher()));
    all.ours("cuckoo-striped", |room| Striped::with_capacity_and_hasher(room, hasher()));
    reclaimed(all);
}

fn reclaimed(all: &mut Wanted) {
    all.ours("cuckoo-optimistic-items/epoch", |room| {
        CuckooOptimisticItems::<u64, u64, Epoch, _>::with_capacity_and_hasher(room, hasher())
    });
    all.ours("chaining-lock-free/epoch", |room| {
        ChainingLockFree::<u64, u64, Epoch, _>::with_capacity_and_hasher(room, hasher())
    });
    all.ours("chaining-lock-free/hazard", |room| {
        ChainingLockFree::<u64, u64, Hazard, _>::with_capacity_and_hasher(room, hasher())
    });
    all.ours("hamt-cas/epoch", |_| HamtCas::<u64, u64, Epoch, _>::with_hasher(hasher()));
    all.ours("hamt-psim/epoch", |_| HamtPsim::<u64, u64, Epoch, _>::with_hasher(hasher()));
    all.ours("log-herlihy/epoch", |_| LogHerlihy::<u64, u64, Epoch, _>::with_hasher(hasher()));
}
