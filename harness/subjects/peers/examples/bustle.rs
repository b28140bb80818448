//! Our tables and their peers in another harness: `bustle`, by the workloads that it brings and by those
//! of `conc-map-bench`.
//!
//! ```sh
//! cargo run --release -p subjects-peers --example bustle -- --threads 1,2 cuckoo-optimistic dashmap
//! ```
//!
//! Its numbers are for comparing with others of its kind, not with those of `bench`:
//! docs/METHODOLOGY.md says what it measures differently. It checks the result of every operation,
//! and panics if one is wrong.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bustle::{Collection, CollectionHandle, Measurement, Mix, Workload};
use clap::Parser;
use foldhash::fast::FixedState;
use structures::map::{ConcurrentMap, MapHandle};
use structures::reclaim::{Epoch, Hazard, Reclaimer};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CuckooOptimistic,
    CuckooOptimisticItems, CuckooStriped,
};
use subjects_peers::{Dashmap, Flurry, Papaya, SccHashIndex, SccHashMap, ShardedRwLock};

/// A table that can be made.
trait Table: 'static {
    const NAME: &'static str;

    type Map: ConcurrentMap<u64, u64> + 'static;

    fn with_capacity(capacity: usize) -> Self::Map;
}

/// As `bustle` shares a table.
struct Shared<T: Table>(Arc<T::Map>);

/// As a thread of `bustle` uses it: that harness wants handles that borrow nothing.
struct Pinned<M: ConcurrentMap<u64, u64> + 'static> {
    /// Dropped before what it borrows from, since it is declared before it.
    handle: M::Handle<'static>,
    _map: Arc<M>,
}

impl<T: Table> Collection for Shared<T> {
    type Handle = Pinned<T::Map>;

    fn with_capacity(capacity: usize) -> Self {
        Self(Arc::new(T::with_capacity(capacity)))
    }

    fn pin(&self) -> Self::Handle {
        let map = Arc::clone(&self.0);
        // SAFETY: the handle that borrows from it is dropped before `_map`, which keeps the map alive
        // and where it is; neither leaves `Pinned`.
        let lasting: &'static T::Map = unsafe { &*Arc::as_ptr(&map) };
        Pinned { handle: lasting.handle(), _map: map }
    }
}

impl<M: ConcurrentMap<u64, u64> + 'static> CollectionHandle for Pinned<M> {
    type Key = u64;

    fn get(&mut self, key: &u64) -> bool {
        self.handle.get(key) == Some(*key)
    }

    fn insert(&mut self, key: &u64) -> bool {
        self.handle.insert(*key, *key)
    }

    fn remove(&mut self, key: &u64) -> bool {
        self.handle.remove(key) == Some(*key)
    }

    fn update(&mut self, key: &u64) -> bool {
        self.handle.update(key, |old| *old) == Some(*key)
    }
}

/// Each table as a type with its name.
macro_rules! tables {
    ($($table:ident $name:literal: $map:ty = $make:expr;)*) => {
        $(
            struct $table;

            impl Table for $table {
                const NAME: &'static str = $name;
                type Map = $map;

                fn with_capacity(capacity: usize) -> $map {
                    let make: fn(usize, FixedState) -> $map = $make;
                    make(capacity, FixedState::with_seed(0))
                }
            }
        )*

        /// Every table's name, and how to run it.
        const TABLES: &[(&str, Run)] = &[$(($table::NAME, run::<$table>)),*];
    };
}

tables! {
    Global "chaining-global-lock": ChainingGlobalLock<u64, u64, FixedState> =
        ChainingGlobalLock::with_capacity_and_hasher;
    Bucket "chaining-bucket-lock": ChainingBucketLock<u64, u64, FixedState> =
        ChainingBucketLock::with_capacity_and_hasher;
    Inline "chaining-inline": ChainingInline<u64, u64, FixedState> =
        ChainingInline::with_capacity_and_hasher;
    LockFree "chaining-lock-free/epoch": ChainingLockFree<u64, u64, Epoch, FixedState> =
        |n, hasher| ChainingLockFree::with_capacity_and_hasher_in(n, hasher, Epoch::new(None));
    LockFreeHazard "chaining-lock-free/hazard": ChainingLockFree<u64, u64, Hazard, FixedState> =
        |n, hasher| ChainingLockFree::with_capacity_and_hasher_in(n, hasher, Hazard::new(None));
    Striped "cuckoo-striped": CuckooStriped<u64, u64, FixedState> =
        CuckooStriped::with_capacity_and_hasher;
    Optimistic "cuckoo-optimistic": CuckooOptimistic<u64, u64, FixedState> =
        CuckooOptimistic::with_capacity_and_hasher;
    Items "cuckoo-optimistic-items/epoch": CuckooOptimisticItems<u64, u64, Epoch, FixedState> =
        |n, hasher| CuckooOptimisticItems::with_capacity_and_hasher_in(n, hasher, Epoch::new(None));
    PapayaTable "papaya": Papaya<u64, u64, FixedState> = Papaya::with_capacity_and_hasher;
    DashmapTable "dashmap": Dashmap<u64, u64, FixedState> = Dashmap::with_capacity_and_hasher;
    SccTable "scc-hashmap": SccHashMap<u64, u64, FixedState> = SccHashMap::with_capacity_and_hasher;
    IndexTable "scc-hashindex": SccHashIndex<u64, u64, FixedState> =
        SccHashIndex::with_capacity_and_hasher;
    FlurryTable "flurry": Flurry<u64, u64, FixedState> = Flurry::with_capacity_and_hasher;
    ShardedTable "sharded-rwlock": ShardedRwLock<u64, u64, FixedState> =
        ShardedRwLock::with_capacity_and_hasher;
}

type Run = fn(&Workload) -> Measurement;

fn run<T: Table>(workload: &Workload) -> Measurement {
    workload.run_silently::<Shared<T>>()
}

/// A mix, and how full the table is at first.
struct Load {
    name: &'static str,
    mix: Mix,
    prefill: f64,
}

const fn mix(read: u8, insert: u8, remove: u8, update: u8) -> Mix {
    Mix { read, insert, remove, update, upsert: 0 }
}

/// Those of `conc-map-bench`, then those that `bustle` brings.
fn loads() -> [Load; 7] {
    let load = |name, prefill, mix| Load { name, mix, prefill };
    [
        load("read heavy", 0.75, mix(98, 1, 1, 0)),
        load("exchange", 0.75, mix(10, 40, 40, 10)),
        load("rapid grow", 0.0, mix(5, 80, 5, 10)),
        load("bustle's read heavy", 0.75, Mix::read_heavy()),
        load("bustle's insert heavy", 0.0, Mix::insert_heavy()),
        load("bustle's update heavy", 0.5, Mix::update_heavy()),
        load("bustle's uniform", 0.5, Mix::uniform()),
    ]
}

/// Run tables in bustle, by its own workloads and those of conc-map-bench
#[derive(Debug, Parser)]
struct Args {
    /// Tables; all if none is named
    #[arg(value_name = "TABLE", value_parser = table)]
    tables: Vec<(&'static str, Run)>,
    /// Numbers of threads
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,2",
          value_parser = clap::value_parser!(u16).range(1..))]
    threads: Vec<u16>,
    /// A table has room for 2 to this power entries; conc-map-bench uses 25
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u8).range(8..=30))]
    capacity_log2: u8,
    /// Operations, as a multiple of the capacity
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = multiple)]
    operations: f64,
}

fn table(name: &str) -> Result<(&'static str, Run), String> {
    let names = || TABLES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let found = TABLES.iter().find(|(known, _)| *known == name).copied();
    found.ok_or_else(|| format!("the tables are {}", names()))
}

fn multiple(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|multiple: &f64| (0.01..=1000.0).contains(multiple));
    number.ok_or_else(|| "a number from 0.01 to 1000".to_owned())
}

fn main() -> ExitCode {
    let args = Args::parse();
    let tables = if args.tables.is_empty() { TABLES } else { &args.tables };
    println!("{}", Line(["workload", "table", "threads", "Mops/s", "threads over rate"]));
    for load in loads() {
        for threads in &args.threads {
            let mut workload = Workload::new(usize::from(*threads), load.mix);
            workload.initial_capacity_log2(args.capacity_log2).prefill_fraction(load.prefill);
            workload.operations(args.operations);
            for (name, run) in tables {
                let Measurement { throughput, latency, .. } = run(&workload);
                println!("{}", line(load.name, name, *threads, throughput, latency));
            }
        }
    }
    ExitCode::SUCCESS
}

fn line(load: &str, table: &str, threads: u16, throughput: f64, latency: Duration) -> String {
    let rate = format!("{:.2}", throughput / 1e6);
    Line([load, table, &threads.to_string(), &rate, &format!("{latency:?}")]).to_string()
}

/// Columns.
struct Line<'a>([&'a str; 5]);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [load, table, threads, rate, latency] = self.0;
        write!(f, "{load:<22} {table:<30} {threads:>7} {rate:>8} {latency:>18}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(load: &Load, threads: usize) -> Workload {
        let mut workload = Workload::new(threads, load.mix);
        workload.initial_capacity_log2(10).prefill_fraction(load.prefill).operations(4.0);
        workload.seed([7; 32]);
        workload
    }

    /// `bustle` asserts what every operation returns.
    #[test]
    fn every_table_passes_every_workload() {
        for load in loads() {
            for (name, run) in TABLES {
                let done = run(&small(&load, 3));
                assert_eq!(done.total_ops, 4096, "{name}, {}", load.name);
                assert!(done.throughput > 0.0);
            }
        }
    }

    #[test]
    fn mixes_are_whole() {
        for Load { name, mix, .. } in loads() {
            let Mix { read, insert, remove, update, upsert } = mix;
            assert_eq!(read + insert + remove + update + upsert, 100, "{name}");
        }
    }

    /// A table that forgets every insertion.
    struct Forgets;

    impl Table for Forgets {
        const NAME: &'static str = "forgets";
        type Map = subjects_controls::NoOp<u64, u64, FixedState>;

        fn with_capacity(capacity: usize) -> Self::Map {
            subjects_controls::NoOp::with_capacity_and_hasher(capacity, FixedState::with_seed(0))
        }
    }

    #[test]
    #[should_panic]
    fn a_table_that_is_wrong_is_found_out() {
        run::<Forgets>(&small(&loads()[0], 1));
    }

    #[test]
    fn tables_are_found_by_name() {
        assert!(table("papaya").is_ok());
        assert!(table("mine").unwrap_err().contains("cuckoo-optimistic, "));
        assert_eq!((multiple("2"), multiple("0").is_err()), (Ok(2.0), true));
    }
}
