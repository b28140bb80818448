//! Progress, measured: `ci/shuttle.sh`.
//!
//! A victim is left standing before each step of an operation in turn, and another thread runs an
//! operation on the same key: if that one cannot end, it is blocked. And an operation may take one
//! step, or some, and then others complete a whole conflicting one, again and again: if it does not
//! end, it starves. What is found must agree with what the table says of itself
//! ([`MapInfo`](structures::map::MapInfo)).
#![cfg(shuttle)]

mod adversary;

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use adversary::Turn::{End, Operation, Steps};
use adversary::{Plan, follow};
use shuttle::thread;
use structures::exclusion::{BucketLocks, GlobalLock, Optimistic, SingleWriter};
use structures::map::{ConcurrentMap, MapHandle, MapInfo, Progress};
use structures::reclaim::{Epoch, Hazard, Leak};
use structures::versioned::{
    CowCas, CowLock, HamtCas, HamtPsim, HamtSharded, LeftRightTable, LogHerlihy,
};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CuckooOptimistic,
    CuckooOptimisticItems, CuckooStriped,
};

/// The same hash for all keys, so that operations meet; each run is as the last.
#[derive(Default)]
struct Same;

impl Hasher for Same {
    fn finish(&self) -> u64 {
        0x0123_4567_89AB_CDEF
    }

    fn write(&mut self, _: &[u8]) {}
}

type State = BuildHasherDefault<Same>;

/// What a thread does to the table, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Do {
    Get,
    Insert,
    Update,
    Remove,
}

const ALL: [Do; 4] = [Do::Get, Do::Insert, Do::Update, Do::Remove];

/// The key that is there, and one that is not; both have the same hash.
const PRESENT: u64 = 1;
const ABSENT: u64 = 2;

impl Do {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Remove => "remove",
        }
    }

    fn claimed(self, info: MapInfo) -> Progress {
        match self {
            Self::Get => info.get,
            Self::Insert => info.insert,
            Self::Update => info.update,
            Self::Remove => info.remove,
        }
    }

    fn run<H: MapHandle<u64, u64>>(self, handle: &mut H) {
        match self {
            Self::Get => drop(handle.get(&PRESENT)),
            Self::Insert => drop(handle.insert(ABSENT, 7)),
            Self::Update => drop(handle.update(&PRESENT, |value| value + 1)),
            Self::Remove => drop(handle.remove(&PRESENT)),
        }
    }
}

/// Changes what `operation` looks at, each time it is called.
fn attack<H: MapHandle<u64, u64>>(handle: &mut H, operation: Do, round: usize) {
    if operation == Do::Update {
        handle.update(&PRESENT, |value| value + 1);
        return;
    }
    let key = if round % 4 < 2 { ABSENT } else { PRESENT };
    if handle.remove(&key).is_none() {
        handle.insert(key, round as u64);
    }
}

/// As many as fill a bucket of a cuckoo table, so that `PRESENT` is in its other one.
const FILLERS: std::ops::Range<u64> = 10..14;

/// A table, with `PRESENT` in it.
fn table<M: ConcurrentMap<u64, u64> + Default>() -> Arc<M> {
    let map = Arc::new(M::default());
    fill(&*map);
    map
}

fn fill<M: ConcurrentMap<u64, u64>>(map: &M) {
    let mut handle = map.handle();
    assert!(FILLERS.chain([PRESENT]).all(|key| handle.insert(key, 0)));
}

/// Thread 1 does `first`, thread 2 `second`; ends when both have.
fn two<M: ConcurrentMap<u64, u64> + Default + 'static>(
    first: impl FnOnce(&mut M::Handle<'_>) + Send + 'static,
    second: impl FnOnce(&mut M::Handle<'_>) + Send + 'static,
) {
    let map = table::<M>();
    let other = Arc::clone(&map);
    let threads =
        [thread::spawn(move || alone(&*map, first)), thread::spawn(move || alone(&*other, second))];
    for thread in threads {
        thread.join().expect("it ends");
    }
}

fn alone<'m, M: ConcurrentMap<u64, u64>>(map: &'m M, f: impl FnOnce(&mut M::Handle<'m>)) {
    let mut handle = map.handle();
    // Neither registration nor leaving belongs to the operation.
    adversary::operation_completed();
    f(&mut handle);
    adversary::operation_completed();
    adversary::ends();
}

/// The step of `victim` before which it must stand for `operation` to be blocked.
fn blocked_by<M>(operation: Do, victim: Do) -> Option<usize>
where
    M: ConcurrentMap<u64, u64> + Default + 'static,
{
    for steps in 0.. {
        // Both have registered; the victim takes some steps; then the other's turn.
        let plan: Plan = vec![(1, Operation), (2, Operation), (1, Steps(steps)), (2, End)];
        let model = move || two::<M>(move |h| victim.run(h), move |h| operation.run(h));
        let ((), trace) = follow(&plan, model);
        if trace.stopped.contains(&2) {
            return Some(steps);
        }
        if trace.early.contains(&1) {
            return None;
        }
    }
    unreachable!("operations end")
}

/// Whether `operation` does not end while another thread changes the table many times.
fn starves<M>(operation: Do) -> bool
where
    M: ConcurrentMap<u64, u64> + Default + 'static,
{
    // More than the steps of any operation that ends.
    const ATTACKS: usize = 400;
    (1..=16).any(|every| {
        let mut plan: Plan = vec![(1, Operation), (2, Operation)];
        plan.extend([(1, Steps(every)), (2, Operation)].into_iter().cycle().take(2 * ATTACKS));
        let ((), trace) = follow(&plan, move || {
            two::<M>(
                move |handle| operation.run(handle),
                move |handle| {
                    for round in 0..ATTACKS {
                        attack(handle, operation, round);
                        adversary::operation_completed();
                    }
                },
            );
        });
        !trace.early.contains(&1) && trace.of(1).steps >= ATTACKS * every
    })
}

/// Measures each operation, prints what it found, and compares that with what the table says.
fn check<M>(name: &str)
where
    M: ConcurrentMap<u64, u64> + Default + 'static,
{
    assert!(M::INFO.progress_is_tested, "{name} says that it is not tested");
    for operation in ALL {
        let claimed = operation.claimed(M::INFO);
        let blocked =
            ALL.iter().find_map(|&victim| Some((victim, blocked_by::<M>(operation, victim)?)));
        let starved = blocked.is_none() && starves::<M>(operation);
        let seen = match blocked {
            Some((victim, step)) => format!("blocked by {} after its step {step}", victim.name()),
            None if starved => "others go on, it starves".to_owned(),
            None => "nothing stops it".to_owned(),
        };
        let claim = claimed.to_string();
        println!("{name:<38} {:<7} {claim:<10} {seen}", operation.name());
        let agrees = match claimed {
            Progress::WaitFree => blocked.is_none() && !starved,
            Progress::LockFree => blocked.is_none(),
            Progress::Blocking => blocked.is_some(),
            Progress::Unknown => false,
        };
        assert!(agrees, "{name}: {} says it is {claimed}, but: {seen}", operation.name());
    }
}

macro_rules! tables {
    ($($test:ident: $table:ty;)*) => {
        $(
            #[test]
            fn $test() {
                check::<$table>(stringify!($test));
            }
        )*
    };
}

tables! {
    chaining_global_lock: ChainingGlobalLock<u64, u64, State>;
    chaining_bucket_lock: ChainingBucketLock<u64, u64, State>;
    chaining_lock_free_leak: ChainingLockFree<u64, u64, Leak, State>;
    chaining_lock_free_epoch: ChainingLockFree<u64, u64, Epoch, State>;
    chaining_lock_free_hazard: ChainingLockFree<u64, u64, Hazard, State>;
    chaining_inline: ChainingInline<u64, u64, State, Optimistic>;
    chaining_inline_single_writer: ChainingInline<u64, u64, State, SingleWriter>;
    chaining_inline_bucket_locks: ChainingInline<u64, u64, State, BucketLocks>;
    chaining_inline_global_lock: ChainingInline<u64, u64, State, GlobalLock>;
    cuckoo_optimistic: CuckooOptimistic<u64, u64, State, 4>;
    cuckoo_optimistic_single_writer: CuckooOptimistic<u64, u64, State, 4, SingleWriter>;
    cuckoo_optimistic_bucket_locks: CuckooOptimistic<u64, u64, State, 4, BucketLocks>;
    cuckoo_optimistic_global_lock: CuckooOptimistic<u64, u64, State, 4, GlobalLock>;
    cuckoo_optimistic_items_leak: CuckooOptimisticItems<u64, u64, Leak, State, 4>;
    cuckoo_optimistic_items_epoch: CuckooOptimisticItems<u64, u64, Epoch, State, 4>;
    cuckoo_optimistic_items_hazard: CuckooOptimisticItems<u64, u64, Hazard, State, 4>;
    cuckoo_striped: CuckooStriped<u64, u64, State>;
    cow_lock: CowLock<u64, u64, Epoch, State>;
    cow_cas: CowCas<u64, u64, Epoch, State>;
    cow_cas_hazard: CowCas<u64, u64, Hazard, State>;
    hamt_cas: HamtCas<u64, u64, Epoch, State>;
    hamt_cas_hazard: HamtCas<u64, u64, Hazard, State>;
    hamt_sharded: HamtSharded<u64, u64, Epoch, State>;
    hamt_psim: HamtPsim<u64, u64, Epoch, State>;
    hamt_psim_hazard: HamtPsim<u64, u64, Hazard, State>;
    log_herlihy: LogHerlihy<u64, u64, Epoch, State>;
    log_herlihy_hazard: LogHerlihy<u64, u64, Hazard, State>;
    left_right: LeftRightTable<u64, u64, State>;
}
