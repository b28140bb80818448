//! Histories of `remove_if`, which handles have as a method of their own: recorded among other operations, and judged as
//! `bench verify` judges its own. A call that removes nothing is a lookup: of what it has refused, or of nothing.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use linearizability::history::{Call, Given, KeyedOp, TimedOp, by_key, count_overlapping};
use linearizability::sweep::{self, BUDGET, Decision};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::reclaim::Hazard;
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CowCas,
    CuckooOptimistic, CuckooOptimisticItems, CuckooStriped, HamtCas, HamtPsim, HamtSharded,
    LeftRightTable, LogHerlihy,
};

const THREADS: u64 = 4;
const STEPS: u64 = 300;
const KEYS: u64 = 3;
const ROUNDS: u64 = 6;

/// What a thread does.
struct Steps<'c> {
    seed: u64,
    thread: u64,
    /// Ordered with all that threads do, as each advances it before and after a call.
    clock: &'c AtomicU64,
}

impl Steps<'_> {
    /// Calls with a key, a value that nobody else writes and no call before, and a number that says what.
    fn run(&self, call: &mut dyn FnMut(u64, u64, u32) -> Call) -> Vec<KeyedOp> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed * THREADS + self.thread);
        let tick = || self.clock.fetch_add(1, Ordering::SeqCst);
        let step = |step: u64| {
            let (key, choice) = (rng.random_range(0..KEYS), rng.random_range(0..8));
            let invoked = tick();
            let call = call(key, 1 + self.thread + THREADS * step, choice);
            let op = TimedOp { thread: self.thread as u32, invoked, returned: tick(), call };
            KeyedOp { key, op }
        };
        (0..STEPS).map(step).collect()
    }
}

/// Half of the values.
fn is_to_go(value: u64) -> bool {
    value.is_multiple_of(2)
}

/// What the condition of a `remove_if` has looked at last.
#[derive(Default)]
struct Look(Option<u64>);

impl Look {
    fn accepts(&mut self, value: u64) -> bool {
        self.0 = Some(value);
        // So that others come between.
        thread::yield_now();
        is_to_go(value)
    }

    fn call(self, taken: Option<u64>) -> Call {
        if taken.is_some() {
            assert_eq!(self.0, taken, "it was removed, and not looked at last");
            return Call::Remove { taken };
        }
        Call::Get { found: self.0.filter(|&value| !is_to_go(value)) }
    }
}

/// What all threads do in a round.
fn in_threads(seed: u64, work: &(dyn Fn(&Steps<'_>) -> Vec<KeyedOp> + Sync)) -> Vec<KeyedOp> {
    let (clock, start) = (AtomicU64::new(1), Barrier::new(THREADS as usize));
    thread::scope(|scope| {
        let started = |thread: u64| {
            let (clock, start) = (&clock, &start);
            scope.spawn(move || {
                start.wait();
                work(&Steps { seed, thread, clock })
            })
        };
        let threads: Vec<_> = (0..THREADS).map(started).collect();
        threads.into_iter().flat_map(|one| one.join().unwrap()).collect()
    })
}

fn judge(round: &dyn Fn(u64) -> Vec<KeyedOp>) {
    let mut overlapping = 0;
    for seed in 0..ROUNDS {
        let mut all = round(seed);
        all.sort_by_key(|keyed| (keyed.key, keyed.op.invoked));
        for (key, ops) in by_key(&all) {
            overlapping += count_overlapping(&ops);
            match sweep::check(None, &ops, BUDGET) {
                Decision::Linearizable => {}
                Decision::Stuck(stuck) => {
                    let part = &ops[stuck.start.min(stuck.op)..=stuck.op];
                    panic!("key {key}: no order explains {part:#?}");
                }
                Decision::Unknown => panic!("key {key}: not decided"),
            }
        }
    }
    assert!(overlapping > 100, "{overlapping} operations overlapped others");
}

macro_rules! histories {
    ($($name:ident: $map:ty;)*) => {$(
        #[test]
        fn $name() {
            judge(&|seed| {
                let map = <$map>::new();
                in_threads(seed, &|steps| {
                    let mut handle = map.handle();
                    steps.run(&mut |key, value, choice| match choice {
                        0 => Call::Get { found: handle.get(&key) },
                        1..4 => Call::Insert { value, added: handle.insert(key, value) },
                        4 => {
                            let (mut given, mut new) = (Given::Nothing, value);
                            let old = handle.update(&key, |old| {
                                // Each run's is another one.
                                (given, new) = (Given::Value(*old), new + (1 << 32));
                                new
                            });
                            Call::Update { given, new, old }
                        }
                        5 => Call::Remove { taken: handle.remove(&key) },
                        _ => {
                            let mut look = Look::default();
                            let taken = handle.remove_if(&key, |value| look.accepts(*value));
                            look.call(taken)
                        }
                    })
                })
            });
        }
    )*};
}

histories! {
    chaining_global_lock: ChainingGlobalLock<u64, u64>;
    chaining_bucket_lock: ChainingBucketLock<u64, u64>;
    chaining_lock_free_epoch: ChainingLockFree<u64, u64>;
    chaining_lock_free_hazard: ChainingLockFree<u64, u64, Hazard>;
    chaining_inline: ChainingInline<u64, u64>;
    cuckoo_striped: CuckooStriped<u64, u64>;
    cuckoo_optimistic: CuckooOptimistic<u64, u64>;
    cuckoo_optimistic_items: CuckooOptimisticItems<u64, u64>;
    cow_cas: CowCas<u64, u64>;
    hamt_cas: HamtCas<u64, u64>;
    hamt_cas_hazard: HamtCas<u64, u64, Hazard>;
    hamt_sharded: HamtSharded<u64, u64>;
    hamt_psim: HamtPsim<u64, u64, Hazard>;
    log_herlihy: LogHerlihy<u64, u64>;
    left_right: LeftRightTable<u64, u64>;
}
